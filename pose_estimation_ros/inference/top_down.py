"""Frame -> poses, without memory of earlier frames."""

from typing import Callable, Dict, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.geometry import apply, crop_matrices, in_reach, invert
from pose_estimation_ros.core.heatmap import decode, merge_flip
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.detector import full_frame
from pose_estimation_ros.inference.stopwatch import Stopwatch

BATCH_SIZE = 8  # people per network call: bounds memory in a crowd


class TopDown:
    """A callable ``frame, boxes -> Poses``: one crop of the frame per person, all crops through the network in batches.

    Args: backend: gives "heatmaps" (N, K, h / stride, w / stride), or "keypoints" (N, K, 3), decoded from them in its
    graph; detector: asked when no boxes are given; flip_test: also runs the mirrored crops and takes the mean;
    score_threshold: keypoints above it make up the person's score, may be changed at any time; watch: gets the laps.
    Raises ConfigError for a flip test of a network that gives "keypoints" in place of heatmaps.
    """

    def __init__(
        self,
        backend: Backend,
        spec: ModelSpec,
        detector: Callable = full_frame,
        flip_test: bool = False,
        score_threshold: float = 0.2,
        watch: Stopwatch = None,
    ) -> None:
        self._backend, self.spec = backend, spec
        self._detector, self._flip_test, self.score_threshold = detector, flip_test, score_threshold
        self._watch = watch or Stopwatch()
        if flip_test and "keypoints" in backend.output_shapes:
            raise ConfigError("%s finds keypoints in its graph: expected heatmaps for the flip test" % spec.name)
        self.skeleton = get_skeleton(spec.skeleton)

    def __call__(self, frame: np.ndarray, boxes: np.ndarray = None) -> Poses:
        """frame (H, W, 3) uint8 BGR, boxes (N, 4) xyxy px or None -> the N people, untracked, in the boxes' order.

        In a box that is not finite nobody is found: it becomes (0, 0, 0, 0), and its scores are 0.
        """
        boxes = self._detector(frame)[0] if boxes is None else np.asarray(boxes, np.float32).reshape(-1, 4)
        usable = in_reach(boxes)
        boxes = np.where(usable[:, None], boxes, 0)
        keypoints = self.skeleton.num_keypoints
        xy, score = np.zeros((len(boxes), keypoints, 2), np.float32), np.zeros((len(boxes), keypoints), np.float32)
        for start in range(0, len(boxes), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            xy[part], score[part] = self._estimate(frame, boxes[part])
        score[~usable] = 0
        return make_poses(xy, score, boxes, person_scores(score, self.score_threshold))

    def _estimate(self, frame: np.ndarray, boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        matrices = crop_matrices(boxes, self.spec.input_size_wh, self.spec.padding)
        batch = warp_crops(frame, matrices, self.spec.input_size_wh)
        self._watch.lap("preprocess", "warp")
        outputs = self._run(batch)
        self._watch.lap("inference", "network")
        xy, score = keypoints_of(outputs)
        xy = apply(invert(matrices), xy * self.spec.stride)
        self._watch.lap("postprocess", "decode")
        return xy, score

    def _run(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        outputs = self._backend(batch)
        if not self._flip_test:
            return outputs
        flipped = self._backend(np.ascontiguousarray(batch[..., ::-1]))["heatmaps"]
        return {"heatmaps": merge_flip(outputs["heatmaps"], flipped, self.skeleton.flip_index)}

    def close(self) -> None:
        self._backend.close()


def keypoints_of(outputs: Dict[str, np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
    """Read xy (N, K, 2) in heatmap px and score (N, K) in 0..1 from a top-down network's outputs.

    outputs: "keypoints" (N, K, 3), decoded in the network, or "heatmaps" (N, K, h, w). What is not finite, or far out
    of the input, scores 0.
    """
    if "keypoints" in outputs:
        keypoints = outputs["keypoints"]
        keypoints = np.where(in_reach(keypoints)[..., None], keypoints, 0)
        return keypoints[..., :2], np.clip(keypoints[..., 2], 0, 1)
    return decode(outputs["heatmaps"])


def person_scores(score: np.ndarray, threshold: float) -> np.ndarray:
    """(N, K) keypoint scores -> (N,): mean of those over the threshold (HRNet's protocol), 0 where there is none."""
    found = score > threshold
    return (score * found).sum(1) / np.maximum(found.sum(1), 1)
