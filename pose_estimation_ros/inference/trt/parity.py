"""Measure how far an engine's keypoints are from those of ONNX Runtime in float32, in pixels of the network's input."""

import os
from typing import Callable, Dict, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.geometry import crop_matrices, iou
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.resources import CLIP, demo_clip
from pose_estimation_ros.core.timing import finite_percentiles
from pose_estimation_ros.imaging.crops import crop_people, warp_crops
from pose_estimation_ros.imaging.fit import fit_to_model
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.inference.backends.base import Outputs
from pose_estimation_ros.inference.decoders.make import make_decoder
from pose_estimation_ros.inference.detector import NetworkDetector, open_network_detector

FRAMES = 24  # frames, spread over the source
CROPS = 64
CONFIDENT = 0.3  # keypoints and boxes with a lower score in float32 are not compared
ENOUGH = 50  # smallest number of keypoints for a 99th percentile


def stored_clip() -> str:
    """Return the path of the demo's clip. Raises ConfigError if it is not installed."""
    path = demo_clip()
    if not os.path.isfile(path):
        raise ConfigError("%s is not installed: give --images FOLDER with pictures of people, or --unchecked" % CLIP)
    return path


def stored_crops(source_name: str, spec: ModelSpec) -> np.ndarray:
    """Cut input for a network out of a source, like the runtime: people in the boxes of this package's detector.

    Args:
        source_name: a video or folder, see imaging.video.open_source.
        spec: spec of the network; detectors and one-stage models get whole frames.

    Returns:
        (N, 3, h, w) float32 RGB 0..255, N <= 64.

    Raises:
        DataError: the source cannot be read or shows nobody.
    """
    detector = None if spec.task in ("person_detector", "one_stage") else open_network_detector("person_detector")
    crops = []
    with open_source(source_name) as source:
        step = max(1, (source.length or 1) // FRAMES)
        for frame in source:
            if frame.index % step == 0:
                crops.append(_cut_crops(frame.image, detector, spec))
            if sum(map(len, crops)) >= CROPS:
                break
    batch: np.ndarray = np.concatenate(crops)[:CROPS]
    if not len(batch):
        raise DataError("%s: expected people to compare keypoints on, got none from the detector" % source_name)
    return batch


def _cut_crops(frame: np.ndarray, detector: Optional[NetworkDetector], spec: ModelSpec) -> np.ndarray:
    if detector is None:
        return fit_to_model(frame, spec)[0]
    boxes = detector(frame)[0]
    if spec.task == "top_down":
        return crop_people(frame, boxes, spec)[0]
    # With one person in view the highest peak of a bottom-up model's heatmap is that person's.
    return warp_crops(frame, crop_matrices(boxes, spec.input_size_wh, spec.padding), spec.input_size_wh)


def run(backend: Callable[[np.ndarray], Outputs], crops: np.ndarray, batch: int) -> Outputs:
    """Run crops through a backend in batches.

    Args:
        backend: an open network.
        crops: (N, 3, h, w) float32.
        batch: images per run.
    """
    parts = [backend(crops[start : start + batch]) for start in range(0, len(crops), batch)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def points(outputs: Outputs, spec: ModelSpec) -> Tuple[np.ndarray, np.ndarray]:
    """Decode the outputs of a network to points: keypoints, or the corners of a detector's boxes.

    Args:
        outputs: outputs of the network.
        spec: spec of the network.

    Returns:
        xy: (N, K, 2) px of the input.
        score: (N, K).
    """
    if spec.task == "person_detector":
        boxes, scores = outputs["boxes_xyxy"], outputs["scores"]
        return boxes.reshape(len(boxes), -1, 2), np.repeat(scores, 2, axis=1)
    if spec.task == "one_stage":
        keypoints = outputs["keypoints"]
        score = keypoints[..., 2] * outputs["scores"][..., None]
        return keypoints[..., :2].reshape(len(keypoints), -1, 2), score.reshape(len(keypoints), -1)
    if spec.task == "bottom_up":
        xy, score = decode(outputs["heatmaps"])
        return xy * spec.stride, score
    return make_decoder(spec)(outputs)


def _in_order_of(reference: Outputs, outputs: Outputs) -> Outputs:
    """Return candidates with boxes in the order of a reference's, as those of close scores change places."""
    if "boxes_xyxy" not in reference:
        return outputs
    overlaps = [iou(*boxes) for boxes in zip(reference["boxes_xyxy"], outputs["boxes_xyxy"])]
    order = [np.where(overlap.any(1), overlap.argmax(1), np.arange(len(overlap))) for overlap in overlaps]
    return {name: np.stack([rows[index] for rows, index in zip(values, order)]) for name, values in outputs.items()}


def compare(reference: Outputs, outputs: Outputs, spec: ModelSpec) -> Dict[str, Union[float, int]]:
    """Measure the error of a network on the confident keypoints of a reference.

    If an output is not finite, every error counts as the longer side of the input.

    Args:
        reference: outputs in float32.
        outputs: outputs of the network to check.
        spec: spec of both networks.

    Returns:
        {"median_px", "p99_px", "keypoints": number of compared keypoints}.

    Raises:
        ModelError: the reference has too few confident keypoints.
    """
    reference_xy, score = points(reference, spec)
    confident = score >= CONFIDENT
    if confident.sum() < ENOUGH:
        raise ModelError(
            "%s: expected %d keypoints with a score of %g or more to compare, got %d: give --images FOLDER with "
            "people, or --unchecked for a model without training" % (spec.name, ENOUGH, CONFIDENT, confident.sum())
        )
    ordered = _in_order_of(reference, outputs)
    error = np.linalg.norm(points(ordered, spec)[0] - reference_xy, axis=-1)[confident]
    if not all(np.isfinite(values).all() for values in outputs.values()):
        error[:] = max(spec.input_size_wh)
    median, p99 = finite_percentiles(error, (50, 99))
    return {"median_px": round(median, 3), "p99_px": round(p99, 3), "keypoints": len(error)}
