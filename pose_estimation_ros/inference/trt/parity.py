"""How far an engine's keypoints are from those of ONNX Runtime in float32, in pixels of the network's input."""

import os
from typing import Any, Callable, Dict, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.geometry import crop_matrices, letterbox_matrix
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.inference.backends.find import model_folders
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.inference.top_down import keypoints_of

CLIP = "pedestrians.mp4"
FRAMES = 24  # spread over the source
CROPS = 64
CONFIDENT = 0.3  # keypoints and boxes of a lower score, in float32, are not asked for
ENOUGH = 50  # of them, to speak of a 99th percentile


def stored_clip() -> str:
    """The demo's clip, of the source tree or the installation. Raises ConfigError where there is none."""
    roots = [os.path.dirname(folder) for folder in model_folders()]
    places = [os.path.join(root, tail, CLIP) for root in roots for tail in (os.path.join("test", "data"), "data")]
    for path in places:
        if os.path.isfile(path):
            return path
    raise ConfigError("%s is not installed: give --images FOLDER with pictures of people, or --unchecked" % CLIP)


def stored_crops(source_name: str, spec: ModelSpec) -> np.ndarray:
    """(N, 3, h, w) float32 RGB 0..255, N <= 64: people of a video or folder, or whole frames for a detector.

    Cut as the runtime does, around the boxes of this package's detector. Raises DataError where there is nobody.
    """
    detector = None if spec.task == "person_detector" else open_detector("person_detector")
    crops = []
    with open_source(source_name) as source:
        step = max(1, (source.length or 1) // FRAMES)
        for frame in source:
            if frame.index % step == 0:
                crops.append(_crops_of(frame.image, detector, spec))
            if sum(map(len, crops)) >= CROPS:
                break
    batch = np.concatenate(crops)[:CROPS]
    if not len(batch):
        raise DataError("%s: expected people to compare keypoints on, the detector found none" % source_name)
    return batch


def _crops_of(frame: np.ndarray, detector: Any, spec: ModelSpec) -> np.ndarray:
    if detector is None:
        matrices = letterbox_matrix(frame.shape[1::-1], spec.input_size_wh)[None]
    else:  # bottom-up models too: with one person in view the highest peak of a heatmap is that person's
        matrices = crop_matrices(detector(frame)[0], spec.input_size_wh, spec.padding)
    return warp_crops(frame, matrices, spec.input_size_wh)


def run(backend: Callable, crops: np.ndarray, batch: int) -> Dict[str, np.ndarray]:
    """All crops through a backend, in batches."""
    parts = [backend(crops[start : start + batch]) for start in range(0, len(crops), batch)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def points(outputs: Dict[str, np.ndarray], spec: ModelSpec) -> Tuple[np.ndarray, np.ndarray]:
    """What a network found: xy (N, K, 2) in input px and score (N, K); of a detector, the corners of its boxes."""
    if spec.task == "person_detector":
        boxes, scores = outputs["boxes_xyxy"], outputs["scores"]
        return boxes.reshape(len(boxes), -1, 2), np.repeat(scores, 2, axis=1)
    xy, score = keypoints_of(outputs)
    return xy * spec.stride, score


def compare(reference: Dict[str, np.ndarray], found: Dict[str, np.ndarray], spec: ModelSpec) -> Dict[str, Any]:
    """Error on the reference's confident keypoints: {"median_px", "p99_px", "keypoints": how many}.

    Outputs that are not finite are wrong by the whole input. Raises ModelError where too few are confident to compare.
    """
    wanted_xy, score = points(reference, spec)
    confident = score >= CONFIDENT
    if confident.sum() < ENOUGH:
        raise ModelError(
            "%s: expected %d keypoints with a score of %g or more to compare, got %d: give --images FOLDER with "
            "people, or --unchecked for a model without training" % (spec.name, ENOUGH, CONFIDENT, confident.sum())
        )
    error = np.linalg.norm(points(found, spec)[0] - wanted_xy, axis=-1)[confident]
    if not all(np.isfinite(values).all() for values in found.values()):
        error[:] = max(spec.input_size_wh)
    median, p99 = np.percentile(error, [50, 99])
    return {"median_px": round(float(median), 3), "p99_px": round(float(p99), 3), "keypoints": len(error)}
