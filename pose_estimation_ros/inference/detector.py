"""Detect people: callables ``frame -> (box_xyxy (N, 4) float32 px, score (N,) float32)``, best first."""

from typing import Callable, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.geometry import apply, best_boxes, invert
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.imaging.fit import fit_to_model
from pose_estimation_ros.inference.backends.base import DEVICES, Backend
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.stopwatch import Stopwatch

FULL_FRAME = "full_frame"
SCORE_THRESHOLD = 0.3  # of a detector whose spec has none

# frame (H, W, 3) uint8 BGR -> box_xyxy (N, 4) float32 px of the frame, score (N,) float32 in 0..1, best first
Detector = Callable[[np.ndarray], Tuple[np.ndarray, np.ndarray]]


def full_frame(frame: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return one box around the whole image with score 1: for a single person who fills the view."""
    height, width = frame.shape[:2]
    return np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)


class NetworkDetector:
    """Find people by a network: letterbox the frame, decode the boxes, and keep the best of those that overlap."""

    def __init__(
        self,
        backend: Backend,
        spec: ModelSpec,
        score_threshold: Optional[float] = None,
        watch: Optional[Stopwatch] = None,
    ) -> None:
        """Take an open network.

        Args:
            backend: the network, which gives "boxes_xyxy" (1, M, 4) in input px and "scores" (1, M).
            spec: says how its input is made, and from which overlap on a box is dropped for a better one.
            score_threshold: boxes of a lower score are dropped, 0..1; None for the model's own.
            watch: gets the time of each stage.
        """
        self.backend, self._spec = backend, spec
        usual = spec.accuracy.get("score_threshold", SCORE_THRESHOLD)
        self.score_threshold: float = usual if score_threshold is None else score_threshold
        self._watch = watch or Stopwatch()

    def __call__(self, frame: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find people in a frame (H, W, 3) uint8 BGR.

        Returns:
            box_xyxy (N, 4) float32 px inside the frame, and score (N,) float32, best first.
        """
        batch, matrix = fit_to_model(frame, self._spec)
        self._watch.lap("preprocess", "detect")
        outputs = self.backend(batch)
        self._watch.lap("inference", "detect")
        boxes, scores = outputs["boxes_xyxy"][0], outputs["scores"][0]
        best = best_boxes(boxes, scores, self.score_threshold, self._spec.decoder_option("nms_iou"))
        boxes, scores = boxes[best], scores[best].clip(0, 1)
        boxes = apply(invert(matrix), boxes.reshape(-1, 2, 2)).clip(0, frame.shape[1::-1]).reshape(-1, 4)
        self._watch.lap("postprocess", "detect")
        return boxes.astype(np.float32), scores.astype(np.float32)

    def close(self) -> None:
        """Free the network."""
        self.backend.close()


def open_detector(
    name_or_path: Union[str, ModelFile],
    threads: int = 0,
    score_threshold: Optional[float] = None,
    watch: Optional[Stopwatch] = None,
    fallback: bool = False,
    device: str = DEVICES[0],
) -> Detector:
    """Open a person detector, "full_frame" or that of open_network_detector, which describes the arguments."""
    if name_or_path == FULL_FRAME:
        return full_frame
    return open_network_detector(name_or_path, threads, score_threshold, watch, fallback, device)


def open_network_detector(
    name_or_path: Union[str, ModelFile],
    threads: int = 0,
    score_threshold: Optional[float] = None,
    watch: Optional[Stopwatch] = None,
    fallback: bool = False,
    device: str = DEVICES[0],
) -> NetworkDetector:
    """Open the network of a person detector.

    Args:
        name_or_path: a model with its .json spec, such as "person_detector"; or what find_model returned.
        threads: CPU threads, 0 = as many as cores.
        score_threshold: boxes of a lower score are dropped, 0..1; None for the model's own.
        watch: gets the time of each stage.
        fallback: see open_model.
        device: see open_model.

    Returns:
        The detector, to be closed.

    Raises:
        ModelError: there is no such model, it cannot be opened, or it is no detector.
    """
    backend, spec = open_model(name_or_path, "person_detector", threads, fallback, device)
    return NetworkDetector(backend, spec, score_threshold, watch)
