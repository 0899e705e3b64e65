"""Cut calibration images out of annotated photographs as the runtime cuts them. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, NamedTuple

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.datasets.coco_faults import Size, size_of
from pose_estimation_ros.datasets.coco_json import annotation_file, read_coco_json
from pose_estimation_ros.imaging.crops import crop_people
from pose_estimation_ros.imaging.fit import fit_to_model
from pose_estimation_ros.training.data.images import ImageStore, warn_of_turned
from pose_estimation_ros.training.data.persons import load_persons

BATCH_SIZE = 4  # every tensor of the network is in memory for one batch


class Sample(NamedTuple):
    """Name an image to calibrate on.

    Attributes:
        file_name: Name of the image.
        box_xyxy: Box of the person, (4,) px; None for the whole image.
        size: Width and height as annotated, px; None where they are not known.
    """

    file_name: str
    box_xyxy: np.ndarray | None
    size: Size | None


def calibration_batches(spec: ModelSpec, data: str | Path, count: int) -> Iterator[np.ndarray]:
    """Yield network inputs of persons, or of images where the model finds people by itself.

    Args:
        spec: Spec of the model.
        data: Annotation file in any layout that training reads, with images/ or tar files beside it, or a folder with
            person_keypoints.json.
        count: Number of persons or images; the choice is random and always the same.

    Yields:
        Batches of at most BATCH_SIZE inputs, (N, 3, h, w) float32 RGB 0..255.

    Raises:
        DataError: There is no such data, or an image is missing or has another size than annotated.
    """
    path = annotation_file(data)
    samples = _list_samples(spec, path)
    chosen = np.random.default_rng(0).permutation(len(samples))[:count]
    store = ImageStore(path.parent / "images" if (path.parent / "images").is_dir() else path.parent / "*.tar")
    warn_of_turned(store, [samples[i] for i in chosen])
    for start in range(0, len(chosen), BATCH_SIZE):
        yield np.concatenate([_network_input(spec, store, samples[i]) for i in chosen[start : start + BATCH_SIZE]])


def _list_samples(spec: ModelSpec, path: Path) -> list[Sample]:
    if spec.task == "top_down":
        persons = load_persons(path, spec.require_skeleton())
        return [Sample(person.file_name, person.box_xyxy, person.size) for person in persons]
    images = [Sample(image["file_name"], None, size_of(image)) for image, _persons in read_coco_json(path)]
    if not images:
        raise DataError(f"{path}: expected images to calibrate on, found none")
    return images


def _network_input(spec: ModelSpec, store: ImageStore, sample: Sample) -> np.ndarray:
    """Return the network's input of a sample, (1, 3, h, w) float32 RGB 0..255."""
    frame = store.read(sample.file_name, sample.size)
    if sample.box_xyxy is None:
        return fit_to_model(frame, spec)[0]
    return crop_people(frame, sample.box_xyxy[None], spec)[0]
