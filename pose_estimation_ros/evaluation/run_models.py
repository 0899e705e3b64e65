"""Run pose models on annotated images, as the papers do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.geometry import crop_matrices, nms
from pose_estimation_ros.core.model_spec import WHOLE_FRAME, ModelSpec
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.datasets.coco_faults import Size, size_of
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_json import Boxes, refuse_missing_images, refuse_other_size
from pose_estimation_ros.datasets.mpii import Persons
from pose_estimation_ros.datasets.orientations import warn_of_orientations
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.bag.run.prefetch import prefetch
from pose_estimation_ros.evaluation.protocols import Protocol
from pose_estimation_ros.imaging.images import read_image
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.estimators.bottom_up import BottomUp
from pose_estimation_ros.inference.estimators.estimator import Estimator
from pose_estimation_ros.inference.estimators.one_stage import OneStage
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.progress import progress

NMS_OKS = 0.9
Item = TypeVar("Item")
NO_BOXES = np.zeros((0, 4), np.float32)  # for estimators that find people by themselves


def make_estimator(backend: Backend, spec: ModelSpec, protocol: Protocol) -> Estimator:
    """Make the estimator of an open model that follows a protocol.

    Args:
        backend: the open network.
        spec: spec of the model.
        protocol: the test protocol.
    """
    if spec.task == "bottom_up":
        return BottomUp(backend, spec, protocol.flip, short_side=protocol.short_side)
    if spec.task == "one_stage":
        return OneStage(backend, spec, protocol.flip)
    return TopDown(backend, spec, flip_test=protocol.flip)


def run_on_images(estimator: Estimator, truth: COCO, folder: Path, boxes: Boxes) -> list[Result]:
    """Run a model on the images of COCO's or CrowdPose's annotations.

    Args:
        estimator: the model.
        truth: the annotations.
        folder: folder of the annotation file, with images/ in it.
        boxes: boxes and scores by image id, for a top-down model.

    Returns:
        The predictions in COCO's results format.

    Raises:
        DataError: images are missing, cannot be read, or have not their annotated size.
    """
    check_images(folder / "images", {image["file_name"]: size_of(image) for image in truth.imgs.values()})
    if estimator.spec.task in WHOLE_FRAME:
        predicted = predict_whole_frames(estimator, truth, folder)
    else:
        predicted = predict(estimator, truth, folder, boxes)
    counted = progress(predicted, len(truth.imgs), "images")
    return [result for image_id, poses in counted for result in poses.to_coco(image_id)]


def ahead(read: Callable[[Item], np.ndarray], items: Sequence[Item]) -> Generator[tuple[Item, np.ndarray], None, None]:
    """Yield items with their images, which a thread reads ahead so that the network does not wait.

    Args:
        read: reads the image of an item.
        items: whatever has an image.
    """
    with closing(prefetch(((item, read(item)) for item in items), defaultdict(float))) as ready:
        yield from ready


def run_on_persons(estimator: Estimator, persons: Persons, folder: Path) -> list[Result]:
    """Run a top-down model on MPII's boxes.

    Args:
        estimator: the model.
        persons: the annotations.
        folder: folder of the annotation file, with images/ in it.

    Returns:
        The predictions in COCO's results format, with the index of the person as image_id.

    Raises:
        DataError: images are missing, or cannot be read.
    """
    check_images(folder / "images", dict.fromkeys(persons.file_name))
    indices: dict[str, list[int]] = {}
    for index, name in enumerate(persons.file_name):
        indices.setdefault(name, []).append(index)
    results = []
    named = ahead(lambda name: read_image(str(folder / "images" / name)), list(indices))
    for name, frame in progress(named, len(indices), "images"):
        poses = estimator(frame, persons.box_xyxy[indices[name]])
        for place, index in enumerate(indices[name]):
            results += poses.select(np.array([place])).to_coco(index)
    return results


def check_images(folder: Path, sizes: Mapping[str, Size | None]) -> None:
    """Check the annotated images of a folder before a model runs on them.

    Args:
        folder: folder of the images.
        sizes: annotated width and height of each image by its name, None where they are not known.

    Raises:
        DataError: images are missing.
    """
    refuse_missing_images(folder, sizes)
    warn_of_orientations(folder, ((name, folder / name, size) for name, size in sizes.items()))


def predict(estimator: Estimator, truth: COCO, folder: str | Path, boxes: Boxes) -> Iterator[tuple[Id, Poses]]:
    """Run a top-down model on every image with boxes, as poses_in_boxes does.

    Args:
        estimator: the model.
        truth: the annotations of the images.
        folder: folder of the annotation file, with images/ in it.
        boxes: boxes and scores by image id.

    Yields:
        Image id and poses.

    Raises:
        DataError: an image cannot be read.
    """
    wanted = [image_id for image_id, (box_xyxy, _) in boxes.items() if len(box_xyxy)]
    for image_id, frame in ahead(partial(annotated_image, truth, folder), wanted):
        yield image_id, poses_in_boxes(estimator, frame, *boxes[image_id])


def predict_whole_frames(estimator: Estimator, truth: COCO, folder: str | Path) -> Iterator[tuple[Id, Poses]]:
    """Run a model that finds people by itself on every image. Raises DataError as annotated_image.

    The score of a person is the network's own, and nobody is left out.

    Args:
        estimator: the model, bottom-up or one-stage.
        truth: the annotations.
        folder: folder with images/ in it.

    Yields:
        Image id and poses.
    """
    for image_id, frame in ahead(partial(annotated_image, truth, folder), truth.getImgIds()):
        yield image_id, estimator(frame, NO_BOXES)


def poses_in_boxes(estimator: Estimator, frame: np.ndarray, box_xyxy: np.ndarray, box_score: np.ndarray) -> Poses:
    """Estimate the poses of one image by the protocol of HRNet's code.

    person_score = box score x the estimator's score; then OKS-NMS at 0.9.

    Args:
        estimator: the model.
        frame: (H, W, 3) uint8 BGR.
        box_xyxy: (N, 4) px.
        box_score: (N,) 0..1.
    """
    poses = estimator(frame, box_xyxy)
    person_score = poses.person_score * box_score
    similarity = pose_similarity(poses.xy, crop_area(box_xyxy, estimator.spec), estimator.skeleton.oks_sigmas)
    return poses.replace(person_score=person_score).select(nms(similarity, person_score, NMS_OKS))


def crop_area(box_xyxy: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Return (N,) px^2 of the image that the crops of these boxes (N, 4) show.

    Args:
        box_xyxy: boxes (N, 4) px.
        spec: spec of the model, with the size of its input.
    """
    matrices = crop_matrices(box_xyxy, spec.input_size_wh, spec.padding, crop=spec.fit_option("crop"))
    return np.asarray(np.prod(spec.input_size_wh) / np.linalg.det(matrices[..., :2]))


def pose_similarity(xy: np.ndarray, area: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """Compute the OKS of all pairs of poses as HRNet's lib/nms/nms.py does.

    Unlike at runtime (core.oks.oks_nms) all keypoints have the same weight, whatever their scores, and the area is the
    mean of the two.

    Args:
        xy: (N, K, 2) px.
        area: (N,) px^2 of the poses' crops.
        sigmas: K of the skeleton.

    Returns:
        (N, N) 0..1.
    """
    squared = ((xy[:, None] - xy) ** 2).sum(-1)
    scaled = squared / ((area[:, None] + area)[..., None] * (2 * np.array(sigmas)) ** 2)
    return np.asarray(np.exp(-scaled).mean(-1))


def annotated_image(truth: COCO, folder: str | Path, image_id: Id) -> np.ndarray:
    """Read an annotated image.

    Args:
        truth: the annotations.
        folder: folder of the annotation file, with images/ in it.
        image_id: id of the image.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: the image cannot be read, or has not its annotated size.
    """
    path = Path(folder, "images", truth.imgs[image_id]["file_name"])
    image = read_image(str(path))
    refuse_other_size(image, size_of(truth.imgs[image_id]), path)
    return image
