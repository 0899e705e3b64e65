"""Real images for calibration, cut as the runtime cuts them. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import crop_matrices, letterbox_matrix
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.coco_json import annotation_file, read_coco_json
from pose_estimation_ros.inference.image import warp_crops
from pose_estimation_ros.training.data.images import ImageStore
from pose_estimation_ros.training.data.persons import load_persons

BATCH_SIZE = 4  # every tensor of the network is in memory for one batch

Sample = tuple[str, "np.ndarray | None"]  # file name; box_xyxy (4,) px of the person, None for the whole image


def calibration_batches(spec: ModelSpec, data: str | Path, count: int) -> Iterator[np.ndarray]:
    """Network inputs (<= 4, 3, h, w) of ``count`` persons, or images where the model finds people by itself.

    data: annotation file in any layout that training reads, with images/ or tar files beside it, or a folder with
    person_keypoints.json. The choice is random and always the same. Raises DataError: no such data, an image missing.
    """
    path = annotation_file(data)
    samples = list_samples(spec, path)
    chosen = np.random.default_rng(0).permutation(len(samples))[:count]
    store = ImageStore(path.parent / "images" if (path.parent / "images").is_dir() else path.parent / "*.tar")
    for start in range(0, len(chosen), BATCH_SIZE):
        yield np.concatenate([network_input(spec, store, *samples[i]) for i in chosen[start : start + BATCH_SIZE]])


def list_samples(spec: ModelSpec, path: Path) -> list[Sample]:
    if spec.task == "top_down":
        return [(person.file_name, person.box_xyxy) for person in load_persons(path, get_skeleton(spec.skeleton))]
    images: list[Sample] = [(image["file_name"], None) for image, _persons in read_coco_json(path)]
    if not images:
        raise DataError(f"{path}: expected images to calibrate on, found none")
    return images


def network_input(spec: ModelSpec, store: ImageStore, file_name: str, box_xyxy: np.ndarray | None) -> np.ndarray:
    """(1, 3, h, w) float32 RGB 0..255."""
    frame = store.read(file_name)
    if box_xyxy is None:
        matrices = letterbox_matrix(frame.shape[1::-1], spec.input_size_wh)[None]
    else:
        matrices = crop_matrices(box_xyxy[None], spec.input_size_wh, spec.padding)
    return warp_crops(frame, matrices, spec.input_size_wh)
