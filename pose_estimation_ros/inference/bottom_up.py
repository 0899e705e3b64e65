"""Frame -> poses by one run of a bottom-up network, however many people there are; without memory of earlier frames."""

from typing import List, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.geometry import apply, boxes_around, invert, letterbox_matrix, short_side_wh
from pose_estimation_ros.core.grouping import double, group, joint_order, merge_scales, mirror_back
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.stopwatch import Stopwatch

BOX_SCORE = 0.1  # keypoints over it are in the box: the threshold of the grouping, refined ones may be guesses


class BottomUp:
    """A callable ``frame -> Poses``: the whole frame through the network, its joints grouped into people.

    The frame is fitted into the network's input, at the top left. Exported for the camera's aspect ratio, that is the
    papers' protocol (short side = input size); with ``short_side`` it is for any frame, but that the papers' code puts
    the frame into the middle. Grouping works on the maps at half the input's size; LitePose's configuration enlarges
    them to the input's first, which moves a joint by an eighth of a map's pixel, for four times the work.

    Args: backend: gives "heatmaps" (1, K, h / stride, w / stride), "heatmaps_2x" of twice the size, and "tags" (1, T K,
    h / stride, w / stride), the first tag of all joints before the second; flip_test: also runs the mirrored frame:
    mean heatmaps, twice the tags per joint; watch: gets the laps; short_side: the input gets the size that
    geometry.short_side_wh makes of the frame's and of the spec's shorter side.
    Raises ModelError where that is asked of a network of one size.
    """

    def __init__(
        self,
        backend: Backend,
        spec: ModelSpec,
        flip_test: bool = False,
        watch: Stopwatch = None,
        short_side: bool = False,
    ) -> None:
        if short_side and backend.input_shape[2:] != (None, None):
            raise ModelError(
                "%s: expected a network of free height and width (`pose export --free-size`), got an input of %s"
                % (spec.name, backend.input_shape)
            )
        self._backend, self.spec, self._flip_test, self._short_side = backend, spec, flip_test, short_side
        self._watch = watch or Stopwatch()
        self.skeleton = get_skeleton(spec.skeleton)
        self._order = joint_order(self.skeleton)

    def __call__(self, frame: np.ndarray) -> Poses:
        """frame (H, W, 3) uint8 BGR -> people, untracked, best first, with boxes around their keypoints."""
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
        boxes = boxes_around(xy, score, BOX_SCORE)
        best_first = np.argsort(-person_score, kind="mergesort")
        self._watch.lap("postprocess", "decode")
        return make_poses(xy, score, boxes, person_score).select(best_first)

    def _maps(self, batch: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Heatmaps (K, h, w) and tags (K, h, w, T, of the flip test 2 T) at half the spec's stride."""
        heatmaps, tags = self._run(batch)
        if self._flip_test:
            flipped, flipped_tags = self._run(batch[..., ::-1])
            heatmaps = (heatmaps + mirror_back(flipped, self.skeleton.flip_index)) / 2
            tags += [mirror_back(maps, self.skeleton.flip_index) for maps in flipped_tags]
        return heatmaps, np.stack(tags, -1)

    def _run(self, batch: np.ndarray) -> Tuple[np.ndarray, List[np.ndarray]]:
        """Heatmaps (K, h, w), and T maps of tags alike."""
        outputs = self._backend(np.ascontiguousarray(batch))
        self._watch.lap("inference", "network")
        heatmaps, tags = merge_scales(outputs["heatmaps"][0], outputs["heatmaps_2x"][0]), double(outputs["tags"][0])
        self._watch.lap("postprocess", "decode")
        return heatmaps, list(tags.reshape((-1,) + heatmaps.shape))

    def close(self) -> None:
        self._backend.close()
