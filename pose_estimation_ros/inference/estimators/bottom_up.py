"""Estimate the poses of all people in a frame by one run of a bottom-up network, without memory of earlier frames."""

from typing import List, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.geometry import apply, boxes_around, invert, letterbox_matrix, short_side_wh
from pose_estimation_ros.core.grouping import double, group, joint_order, merge_scales
from pose_estimation_ros.core.heatmap import merge_flip, mirror_shift, turn_back
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.imaging.crops import check_frame, warp_crops
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.estimators.estimator import Estimator, without_edge
from pose_estimation_ros.inference.stopwatch import Stopwatch

BOX_SCORE = 0.1  # keypoints above it are in the box: the threshold of the grouping, as refined ones may be guesses


class BottomUp(Estimator):
    """Estimate everybody's pose at once: a callable ``frame -> Poses``.

    The whole frame goes through the network, and the joints that it finds are grouped into people. The frame is fitted
    into the network's input, at the top left. For a model exported for the camera's aspect ratio that is the protocol
    of the papers (short side = input size); ``short_side`` makes it so for any frame, except that the code of the
    papers puts the frame into the middle. Grouping works on maps of half the input's size. LitePose's configuration
    first enlarges them to the input's size, which moves a joint by an eighth of a map's pixel, for four times the work.
    """

    def __init__(
        self,
        backend: Backend,
        spec: ModelSpec,
        flip_test: bool = False,
        watch: Optional[Stopwatch] = None,
        short_side: bool = False,
    ) -> None:
        """Check that the network can serve.

        Args:
            backend: a network that gives "heatmaps" (1, K, h / stride, w / stride), "heatmaps_2x" of twice the size,
                and "tags" (1, T K, h / stride, w / stride), the first tag of all joints before the second.
            spec: the spec of the model.
            flip_test: also run the mirrored frame: mean heatmaps, and twice the tags per joint.
            watch: gets the time of each stage.
            short_side: give the input the size that geometry.short_side_wh makes of the size of the frame and the
                shorter side in the spec.

        Raises:
            ConfigError: flip_test is asked of a skeleton without flip pairs.
            ModelError: short_side is asked of a network of one size.
        """
        if short_side and backend.input_shape[2:] != (None, None):
            raise ModelError(
                "%s: expected a network of free height and width (`pose export --free-size`), got an input of %s"
                % (spec.name, backend.input_shape)
            )
        super().__init__(backend, spec, flip_test)
        self._flip_test, self._short_side, self._watch = flip_test, short_side, watch or Stopwatch()
        self._order = joint_order(self.skeleton)

    def __call__(self, frame: np.ndarray, boxes: Optional[np.ndarray] = None) -> Poses:
        """Find everybody in the frame.

        Args:
            frame: (H, W, 3) uint8 BGR.
            boxes: not used.

        Returns:
            The people, untracked, best first, with boxes around their keypoints.

        Raises:
            FrameError: the frame is no such image.
        """
        check_frame(frame)
        frame_wh = frame.shape[1::-1]
        size_wh = self.spec.input_size_wh
        if self._short_side:
            size_wh = short_side_wh(frame_wh, min(size_wh))
        matrix = letterbox_matrix(frame_wh, size_wh)
        batch = warp_crops(frame, matrix[None], size_wh)
        self._watch.lap("preprocess", "warp")
        heatmaps, tags = self._maps(batch)
        columns, rows = np.ceil(matrix[0, 0] * np.array(frame_wh) / (self.spec.stride / 2.0)).astype(int)
        # Nobody is beside the frame, and looking there costs time.
        xy, score, person_score = group(heatmaps[:, :rows, :columns], tags[:, :rows, :columns], self._order)
        xy = np.where(score[..., None] > 0, apply(invert(matrix), xy * (self.spec.stride / 2.0)), 0)
        score = without_edge(xy, score, frame_wh, self.spec.stride / matrix[0, 0])
        around = boxes_around(xy, score, BOX_SCORE)
        best_first = np.argsort(-person_score, kind="mergesort")
        self._watch.lap("postprocess", "decode")
        poses = make_poses(xy, score, around, person_score, skeleton=self.skeleton).select(best_first)
        return self._calibrated(poses)

    def _maps(self, batch: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return heatmaps (K, h, w) and tags (K, h, w, T; 2 T with the flip test) at half the spec's stride."""
        heatmaps, tags = self._run(batch)
        if self._flip_test:
            flipped, flipped_tags = self._run(batch[..., ::-1])
            shift = mirror_shift(batch.shape[3], heatmaps.shape[2], self.spec.stride / 2.0)
            heatmaps = merge_flip(heatmaps, flipped, self.skeleton.flip_index, shift)
            tags += [turn_back(maps, self.skeleton.flip_index, shift) for maps in flipped_tags]
        return heatmaps, np.stack(tags, -1)

    def _run(self, batch: np.ndarray) -> Tuple[np.ndarray, List[np.ndarray]]:
        """Return heatmaps (K, h, w), and T maps of tags of the same shape."""
        outputs = self.backend(np.ascontiguousarray(batch))
        self._watch.lap("inference", "network")
        heatmaps, tags = merge_scales(outputs["heatmaps"][0], outputs["heatmaps_2x"][0]), double(outputs["tags"][0])
        self._watch.lap("postprocess", "decode")
        return heatmaps, list(tags.reshape((-1,) + heatmaps.shape))
