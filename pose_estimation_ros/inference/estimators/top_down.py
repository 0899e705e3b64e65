"""Estimate the pose of each person in a box: frame and boxes -> poses, without memory of earlier frames."""

from typing import Iterable, List, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.imaging.crops import check_frame, crop_people
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.decoders.make import make_decoder
from pose_estimation_ros.inference.estimators.estimator import Estimator, Look, as_boxes, without_edge
from pose_estimation_ros.inference.stopwatch import Stopwatch

KEYPOINT_SCORE = 0.2  # HRNet's protocol: keypoints above it make up the score of a person
BATCH_SIZE = 8  # people per network call: bounds memory in a crowd


class TopDown(Estimator):
    """Estimate one pose per box: a callable ``frame, boxes -> Poses``.

    Each person is cropped out of the frame, and all crops go through the network in batches.
    """

    shares_runs = True

    def __init__(
        self, backend: Backend, spec: ModelSpec, flip_test: bool = False, watch: Optional[Stopwatch] = None
    ) -> None:
        """Check that the network can serve.

        Args:
            backend: a network that gives the outputs that the decoder of the spec reads, see inference.decoders; for
                heatmaps perhaps "keypoints" (N, K, 3), decoded from them in its graph.
            spec: the spec of the model.
            flip_test: also run the mirrored crops and take the mean of both.
            watch: gets the time of each stage.

        Raises:
            ConfigError: flip_test is asked of a skeleton without flip pairs, or of a network that gives "keypoints" in
                place of its heatmaps.
        """
        super().__init__(backend, spec, flip_test)
        self._flip_test, self._watch = flip_test, watch or Stopwatch()
        self._decode = make_decoder(spec)
        if flip_test and spec.decoder == "quarter_offset" and "keypoints" in backend.output_shapes:
            raise ConfigError("%s finds keypoints in its graph: expected heatmaps for the flip test" % spec.name)

    def __call__(self, frame: np.ndarray, boxes: np.ndarray) -> Poses:
        """Find one pose in each box.

        Args:
            frame: (H, W, 3) uint8 BGR.
            boxes: (N, 4) xyxy px of the frame.

        Returns:
            The N people in the order of the boxes, untracked. In a box that is not finite nobody is found: it becomes
            (0, 0, 0, 0), and its scores are 0.

        Raises:
            FrameError: the frame is no such image.
            ConfigError: the boxes have another shape.
        """
        return self.together([Look(frame, boxes)])[0]

    def together(self, looks: Iterable[Look]) -> List[Poses]:
        """Find the people of several looks, in the order of the looks; crops of several frames share a batch.

        Args:
            looks: the arguments of as many calls.

        Raises:
            FrameError: a frame is no such image.
            ConfigError: boxes have another shape.
        """
        looks = [Look(frame, as_boxes(boxes)) for frame, boxes in looks]
        for look in looks:
            check_frame(look.frame)
        boxes = np.concatenate([look.boxes for look in looks])
        frames = [look.frame for look in looks for _ in look.boxes]
        usable = in_reach(boxes)
        boxes = np.where(usable[:, None], boxes, 0)
        keypoints = self.skeleton.num_keypoints
        xy, score = np.zeros((len(boxes), keypoints, 2), np.float32), np.zeros((len(boxes), keypoints), np.float32)
        for start in range(0, len(boxes), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            xy[part], score[part] = self._estimate(frames[part], boxes[part])
        score[~usable] = 0
        poses = self._calibrated(make_poses(xy, score, boxes, person_scores(score), skeleton=self.skeleton))
        ends = np.cumsum([len(look.boxes) for look in looks])
        return [poses] if len(looks) == 1 else [poses[begin:end] for begin, end in zip([0, *ends], ends)]

    def _estimate(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        batch, matrices = self._crops(frames, boxes)
        self._watch.lap("preprocess", "warp")
        outputs = self.backend(batch)
        mirrored = self.backend(np.ascontiguousarray(batch[..., ::-1])) if self._flip_test else None
        self._watch.lap("inference", "network")
        xy, score = self._decode(outputs, mirrored)
        pixel = 1 / matrices[:, [0, 1], [0, 1]]  # (N, 2) width and height of a crop's, frame px; crops are not rotated
        xy = xy * pixel[:, None] - (pixel * matrices[..., 2])[:, None]
        frame_wh = np.array([frame.shape[1::-1] for frame in frames])[:, None]
        score = without_edge(xy, score, frame_wh, self.spec.stride * np.sqrt(pixel.prod(1)))
        self._watch.lap("postprocess", "decode")
        return xy, score

    def _crops(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return crops (N, 3, h, w) and their maps (N, 2, 3) of boxes (N, 4), each in its own frame.

        Args:
            frames: N frames; those of one frame's people are the same object and follow each other.
            boxes: (N, 4) xyxy px.
        """
        first = [i for i, frame in enumerate(frames) if i == 0 or frame is not frames[i - 1]]
        parts = [
            crop_people(frames[begin], boxes[begin:end], self.spec) for begin, end in zip(first, first[1:] + [None])
        ]
        if len(parts) == 1:
            return parts[0]
        batch, matrices = zip(*parts)
        return np.concatenate(batch), np.concatenate(matrices)


def person_scores(score: np.ndarray) -> np.ndarray:
    """Return the mean of each person's keypoint scores above KEYPOINT_SCORE, as HRNet's evaluation does.

    Keypoints that are not found do not count, so that people of whom half is hidden keep their score. Means of all
    keypoints, of the best ones or of their probabilities tell right poses from wrong ones and from things no better
    (docs/explanation/scores.md).

    Args:
        score: (N, K) raw, in 0..1.

    Returns:
        (N,) float32 in 0..1, 0 where no keypoint is above.
    """
    above = score > KEYPOINT_SCORE
    mean: np.ndarray = (score * above).sum(1) / np.maximum(above.sum(1), 1)
    return mean.astype(np.float32)
