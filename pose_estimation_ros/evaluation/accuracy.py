"""Accuracy of a model, or of a file of predictions, on annotated images: whose, and by which rules, their files say."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_faults import Size, size_of
from pose_estimation_ros.datasets.coco_json import (
    Boxes,
    annotation_file,
    read_detections,
    refuse_missing_images,
)
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.datasets.orientations import warn_of_orientations
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.metrics import coco, crowdpose, detection
from pose_estimation_ros.evaluation.metrics.box_ap import box_ap
from pose_estimation_ros.evaluation.predictions import one_each, read_mpii, read_results
from pose_estimation_ros.evaluation.protocols import PLAIN, Protocol, applied, input_of
from pose_estimation_ros.evaluation.splits import narrowed
from pose_estimation_ros.inference.backends.base import CPU_ENGINES, Backend
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.inference.predict import coco_results
from pose_estimation_ros.inference.progress import progress
from pose_estimation_ros.inference.top_down import TopDown

NOWHERE = -1e6  # px, of a joint that counts as missed
NOT_FINITE = {"people": "have keypoints that are not finite", "boxes": "are not finite"}


def ground_truth(data: str | Path, half: str | None = None) -> tuple[ModuleType, COCO | mpii.Persons]:
    """The module that judges by these annotations, told from the file's content, and what it read, or one of HALVES.

    Raises DataError; ConfigError as halves.narrowed.
    """
    path = annotation_file(data)
    content = None if path.suffix == ".h5" else read_json(path)
    of_persons = coco if isinstance(content, dict) else mpii
    judge = crowdpose if crowdpose.is_crowdpose(content) else of_persons
    return judge, narrowed(judge.load_ground_truth(path, content), half)


def accuracy_of_predictions(
    path: str | Path, data: str | Path, half: str | None = None
) -> tuple[dict[str, Any], list | np.ndarray]:
    """Figures of a predictions file, and what is in it of this half: results or, for MPII, (N, 16, 2) px.

    Raises DataError, see evaluation.predictions; ConfigError as halves.narrowed.
    """
    judge, whole = ground_truth(data)
    truth = narrowed(whole, half)
    if isinstance(whole, mpii.Persons):
        xy = read_mpii(path, len(whole.file_name))
        return {"persons": len(xy), **rounded(mpii.pckh_figures(xy, whole))}, xy
    results = read_results(path, whole.imgs, get_skeleton(judge.SKELETON), whole.dataset[coco.PERSON_CATEGORIES])
    results = [result for result in results if result["image_id"] in truth.imgs]
    asked = {a["image_id"] for a in truth.anns.values() if coco.is_counted(a)}
    without = len(asked - {result["image_id"] for result in results})
    images = {"images": len(truth.imgs), "predictions_in_file": len(results), "images_without_predictions": without}
    return {**stated(half), **images, **rounded(judge.keypoint_ap(truth, results))}, results


def accuracy_of_pose_model(
    path: str | Path,
    data: str | Path,
    boxes_file: str | None = None,
    protocol: Protocol = PLAIN,
    threads: int = 0,
    cpu_engine: str = CPU_ENGINES[0],
    half: str | None = None,
) -> tuple[dict[str, Any], list]:
    """Figures of a model on annotated images, all or one of HALVES, and the results they are of, which
    accuracy_of_predictions takes.

    Raises DataError and ConfigError where model, annotations, boxes and protocol do not belong together.
    """
    judge, whole = ground_truth(data)
    truth, folder = narrowed(whole, half), annotation_file(data).parent
    backend, spec = open_model(str(path), POSE_TASKS, threads, cpu_engine=cpu_engine)
    with backend:
        check_fit(spec, judge, str(path), data, boxes_file)
        spec = applied(protocol, spec)
        if isinstance(whole, mpii.Persons):
            seen, results = run_on_mpii(TopDown(backend, spec, flip_test=protocol.flip), whole, folder)
            lost, results = without_odd_joints(results, path, backend)
            figures = mpii.pckh_figures(one_each(results, path, len(whole.file_name)), whole)
        else:
            boxes = boxes_of(boxes_file, whole) if boxes_file else coco.ground_truth_boxes(truth)
            boxes = {image_id: boxes[image_id] for image_id in truth.imgs}
            results = run_on_images(make_estimator(backend, spec, protocol), truth, folder, boxes)
            lost, results = without_odd_people(results, path, backend)
            source = "none (bottom-up)" if spec.task == "bottom_up" else boxes_file or "ground truth"
            seen = {"boxes": source, "images": len(truth.imgs)}
            figures = judge.keypoint_ap(truth, results)
    rules = {"protocol": protocol.name, "input": input_of(protocol, spec), "flip": protocol.flip}
    return {**rules, **stated(half), **seen, **lost, **rounded(figures)}, results


def boxes_of(path: str, truth: COCO) -> Boxes:
    """Read a detections file's boxes of all images of the annotations. Raises DataError as read_detections."""
    return read_detections(path, truth.imgs, categories=truth.dataset[coco.PERSON_CATEGORIES])


def without_odd_people(
    results: list[dict[str, Any]], path: str | Path, backend: Backend
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Leave out people with numbers that are not finite, who count as missed, and tell how many they are.

    Args:
        results: of a model, in COCO's results format.
        path: of the model, for the message.
        backend: that ran it. Where it has met values that are not finite, a person without any score is one of them.

    Returns:
        The count as the figure "people_not_finite", nothing where it is 0; and the other results.
    """
    kept = coco.found_people(results) if overflow_of(backend) else coco.finite_results(results)
    return missed(len(results) - len(kept), len(results), "people", path, backend), kept


def missed(count: int, total: int, what: str, path: str | Path, backend: Backend) -> dict[str, int]:
    """Warn of what a model computed that is not finite.

    Args:
        count: of people or boxes that are not finite and count as missed.
        total: of all people or boxes.
        what: "people" or "boxes", a key of NOT_FINITE.
        path: of the model, for the message.
        backend: that ran it; its own count is told where no person or box was lost.

    Returns:
        The count as the figure "people_not_finite" or "boxes_not_finite", nothing where it is 0.
    """
    overflow = overflow_of(backend)
    if count:
        warn(f"{path}: {count} of {total} {what} {NOT_FINITE[what]}; they count as missed")
    elif overflow:
        warn(f"{path}: {overflow}")
    return {f"{what}_not_finite": count} if count else {}


def overflow_of(backend: Backend) -> str:
    """Say what the networks computed that is not finite, "" for nothing or a backend that does not count."""
    counted = getattr(backend, "non_finite", None)
    return counted.text() if counted else ""


def without_odd_joints(
    results: list[dict[str, Any]], path: str | Path, backend: Backend
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Do the same for MPII, where every person keeps an entry: joints that are not finite go to NOWHERE.

    Args and returned values are those of without_odd_people.
    """
    lost, kept = without_odd_people(results, path, backend)
    fine = {id(result) for result in kept}
    nobody = {"keypoints": [NOWHERE, NOWHERE, 0.0] * mpii.JOINTS, "score": 0.0}
    return lost, [result if id(result) in fine else {**result, **nobody} for result in results]


def stated(half: str | None) -> dict[str, str]:
    """What figures say of the half that they are of."""
    return {} if half is None else {"half": half}


def make_estimator(backend: Backend, spec: ModelSpec, protocol: Protocol) -> TopDown | BottomUp:
    if spec.task == "bottom_up":
        return BottomUp(backend, spec, protocol.flip, short_side=protocol.short_side)
    return TopDown(backend, spec, flip_test=protocol.flip)


def check_fit(spec: ModelSpec, judge: ModuleType, model: str, data: str | Path, boxes_file: str | None) -> None:
    """Raises DataError where model, annotations and boxes do not belong together."""
    if spec.skeleton != judge.SKELETON:
        raise DataError(
            f"{data}: expected a model with the skeleton {judge.SKELETON}, got {model} with {spec.skeleton}"
        )
    if boxes_file and spec.task == "bottom_up":
        raise DataError(
            f"{model} is a bottom-up model, which finds people by itself: expected no boxes, got {boxes_file}"
        )
    if judge is mpii and (boxes_file or spec.task == "bottom_up"):
        raise DataError(f"MPII is judged on its own boxes: expected a top-down model and no --boxes, got {model}")


def check_images(folder: Path, sizes: dict[str, Size | None]) -> None:
    """Look at the annotated images of a folder before the model does.

    Args:
        folder: of the images.
        sizes: annotated width and height of each image by its name, None where it is not known.

    Raises:
        DataError: images that are missing.
    """
    refuse_missing_images(folder, sizes)
    warn_of_orientations(folder, ((name, folder / name, size) for name, size in sizes.items()))


def run_on_images(estimator: TopDown | BottomUp, truth: COCO, folder: Path, boxes: Boxes) -> list[dict[str, Any]]:
    """COCO results of a model on the images of COCO's or CrowdPose's annotations; boxes: for a top-down one."""
    check_images(folder / "images", {image["file_name"]: size_of(image) for image in truth.imgs.values()})
    if isinstance(estimator, BottomUp):
        predicted = coco.predict_bottom_up(estimator, truth, folder)
    else:
        predicted = coco.predict(estimator, truth, folder, boxes)
    shown = progress(predicted, len(truth.imgs), "images")
    return [result for image_id, poses in shown for result in coco_results(poses, image_id)]


def run_on_mpii(estimator: TopDown, truth: mpii.Persons, folder: Path) -> tuple[dict[str, Any], list]:
    """What it was run on and results of a model on MPII's boxes; image_id is the person's place in the annotations."""
    check_images(folder / "images", dict.fromkeys(truth.file_name))
    places: dict[str, list[int]] = {}
    for place, name in enumerate(truth.file_name):
        places.setdefault(name, []).append(place)
    results = []
    for name, own in progress(places.items(), len(places), "images"):
        poses = estimator(coco.read_image(folder / "images" / name), truth.box_xyxy[own])
        results += [
            result for i, place in enumerate(own) for result in coco_results(poses.select(np.array([i])), place)
        ]
    return {"boxes": "ground truth", "persons": len(results)}, results


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in figures.items()}


def accuracy_of_detector(
    path: str | Path,
    data: str | Path,
    threads: int = 0,
    cpu_engine: str = CPU_ENGINES[0],
    half: str | None = None,
) -> tuple[dict[str, Any], list]:
    """Recall at 0.2 and 1 false positives per image of a person detector, and at its own threshold if its spec has one,
    COCO's AP of its boxes; and the boxes."""
    file = annotation_file(data)
    truths = detection.load_truth(file, half=half)
    check_images(file.parent / "images", {truth.file_name: truth.size for truth in truths})
    detector = open_detector(str(path), threads, score_threshold=0.01, cpu_engine=cpu_engine)
    found = detection.detect_folder(detector, file.parent / "images", progress(truths, len(truths), "images"))
    boxes = sum(len(scores) for _, scores in found)
    odd, found = detection.finite_boxes(found)
    not_finite = missed(odd, boxes, "boxes", path, detector.backend)
    points = detection.curve(detection.judge(found, truths))
    figures = {**detection.summary(points), **at_own_threshold(path, points), **box_ap(found, truths)}
    results = [
        {"file_name": truth.file_name, "box_xyxy": box.round(2).tolist(), "score": round(float(score), 4)}
        for truth, (boxes, scores) in zip(truths, found)
        for box, score in zip(boxes, scores)
    ]
    return {**stated(half), "images": len(truths), **not_finite, **figures}, results


def at_own_threshold(path: str | Path, points: detection.Curve) -> dict[str, float]:
    """Recall and false positives per image where a detector's spec names the score that it is used with."""
    spec = find_model(str(path)).spec
    score = spec.accuracy.get("score_threshold") if spec else None
    if score is None:
        return {}
    recall, false_per_image = detection.at_threshold(points, score)
    return {"recall_at_threshold": round(recall, 4), "false_per_image_at_threshold": round(false_per_image, 4)}
