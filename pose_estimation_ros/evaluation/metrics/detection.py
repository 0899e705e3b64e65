"""Compute how well a person detector finds people: its recall against false positives per image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.datasets.coco_faults import Entry, Size, finite_numbers, is_outside, named, refuse, size_of
from pose_estimation_ros.datasets.coco_json import AnnotatedImage, annotated_images, refuse_other_size
from pose_estimation_ros.datasets.coco_warnings import warn_of
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.splits import is_in_half
from pose_estimation_ros.imaging.images import read_image

MATCH_IOU = 0.5
MIN_KEYPOINTS, MIN_HEIGHT = 5, 64.0  # smallest number of keypoints, and height in px, of people who must be found
FALSE_IOU = 0.3  # a detection that overlaps nobody by this much is false

Detections = tuple[np.ndarray, np.ndarray]  # box_xyxy (D, 4) px, score (D,) of one image


class Truth(NamedTuple):
    """Hold the annotations of one image.

    Attributes:
        file_name: name of the image.
        box_xyxy: (N, 4) px, of everybody, crowds included.
        counted: (N,) bool, who must be found.
        crowd: (N,) bool.
        size: annotated width and height, px; None where they are not known.
    """

    file_name: str
    box_xyxy: np.ndarray
    counted: np.ndarray
    crowd: np.ndarray
    size: Size | None = None


class Outcome(NamedTuple):
    """Hold how the detections of many images were judged.

    Attributes:
        score: (D,).
        correct: (D,) bool, the detection is the first on a counted person.
        false: (D,) bool, the detection is on nobody.
        persons: number of people who must be found.
        images: number of images.
    """

    score: np.ndarray
    correct: np.ndarray
    false: np.ndarray
    persons: int
    images: int


class Curve(NamedTuple):
    """Hold recall and false positives per image when all detections down to a score are taken; scores fall."""

    score: np.ndarray
    recall: np.ndarray
    false_per_image: np.ndarray


def load_truth(
    path: str | Path,
    min_keypoints: int = MIN_KEYPOINTS,
    min_height: float = MIN_HEIGHT,
    half: str | None = None,
    content: Any = None,
) -> list[Truth]:
    """Read the images of a COCO person file. Persons whose box has no width or height are left out, with a warning.

    Args:
        path: the annotation file.
        min_keypoints: a person with fewer labelled keypoints, where their number is known, need not be found.
        min_height: px; a person whose box is lower need not be found.
        half: one of splits.HALVES, None for all images.
        content: content of the file, None to read it.

    Raises:
        DataError: the file cannot be read, see datasets.coco_json.
    """
    annotated = annotated_images(read_json(path) if content is None else content, path)
    refuse_odd_fields(path, [a for _, persons in annotated for a in persons])
    return [
        truth_of(image, persons, min_keypoints, min_height)
        for image, persons in with_boxes(annotated, path)
        if is_in_half(image["id"], half)
    ]


def truth_of(image: Entry, persons: Sequence[Entry], min_keypoints: int, min_height: float) -> Truth:
    """Convert an entry of "images" and its annotations; see load_truth."""
    enough = [a.get("num_keypoints", min_keypoints) >= min_keypoints for a in persons]
    crowd = np.array([a.get("iscrowd", 0) for a in persons], bool)
    counted = [e and a["bbox"][3] >= min_height for e, a in zip(enough, persons)]
    boxes = xywh_to_xyxy(np.array([a["bbox"] for a in persons]))
    return Truth(image["file_name"], boxes, np.array(counted, bool) & ~crowd, crowd, size_of(image))


def refuse_odd_fields(path: str | Path, persons: Sequence[Entry]) -> None:
    """Raise DataError where a field by which people are counted is no number of its kind.

    Args:
        path: path of the file.
        persons: annotations of persons.
    """
    wrong = [named(a, "iscrowd") for a in persons if a.get("iscrowd", 0) not in (0, 1)]
    refuse(path, "persons whose iscrowd is neither 0 nor 1", wrong)
    wrong = [named(a, "num_keypoints") for a in persons if not finite_numbers(a.get("num_keypoints", 0), ())]
    refuse(path, "persons whose num_keypoints is no number", wrong)


def with_boxes(annotated: list[AnnotatedImage], path: str | Path) -> list[AnnotatedImage]:
    """Return the images with those persons alone whose box has a size; warn about the rest and about boxes outside.

    Args:
        annotated: the images with their persons.
        path: path of the file, for warnings.
    """
    outside = [a for image, persons in annotated for a in persons if has_box_outside(a, image)]
    warn_of(path, outside, "lie outside of their image")
    flat = [named(a, "bbox") for _, persons in annotated for a in persons if not has_area(a)]
    if flat:
        warn(f"{path}: {len(flat)} persons whose box has no width or height are left out, the first: {flat[0]}")
    return [(image, [a for a in persons if has_area(a)]) for image, persons in annotated]


def has_box_outside(annotation: Entry, image: Entry) -> bool:
    """Tell whether the box lies outside its image, whose size is known.

    Args:
        annotation: annotation of the person.
        image: entry of the image.
    """
    x, y, width, height = annotation["bbox"]
    return is_outside((x, y, x + width, y + height), size_of(image))


def has_area(annotation: Entry) -> bool:
    """Tell whether the box has a width and a height above 0."""
    return bool(annotation["bbox"][2] > 0 and annotation["bbox"][3] > 0)


def match(box_xyxy: np.ndarray, score: np.ndarray, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Judge the detections of one image.

    Args:
        box_xyxy: (D, 4) px.
        score: (D,).
        truth: the annotations.

    Returns:
        correct (D,) and false (D,) bool, see Outcome.
    """
    false = iou(box_xyxy, truth.box_xyxy).max(1, initial=0.0) < FALSE_IOU
    return assign(box_xyxy, score, truth.box_xyxy[truth.counted]) >= 0, false


def assign(box_xyxy: np.ndarray, score: np.ndarray, person_xyxy: np.ndarray) -> np.ndarray:
    """Assign detections to people as COCO does.

    In the order of falling scores, each takes the person that it overlaps most among those not found yet, by at least
    MATCH_IOU.

    Args:
        box_xyxy: (D, 4) px.
        score: (D,).
        person_xyxy: (P, 4) px.

    Returns:
        (D,) int, index of the person, or -1.
    """
    person = np.full(len(score), -1)
    overlap = iou(box_xyxy, person_xyxy)
    for index in np.argsort(-score, kind="stable"):
        best = overlap[index].argmax() if overlap.shape[1] else 0
        if overlap.shape[1] and overlap[index, best] >= MATCH_IOU:
            person[index] = best
            overlap[:, best] = 0
    return person


def judge(detections: Iterable[Detections], truths: Iterable[Truth]) -> Outcome:
    """Compare the finite detections (box_xyxy, score) of every image with its annotations.

    Args:
        detections: detections of each image.
        truths: annotations of each image.
    """
    truths, detections = list(truths), finite_boxes(detections)[1]
    rows = [(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))]
    for (box_xyxy, score), truth in zip(detections, truths):
        rows.append((score, *match(box_xyxy, score, truth)))
    score, correct, false = (np.concatenate(column) for column in zip(*rows))
    return Outcome(score, correct, false, sum(int(truth.counted.sum()) for truth in truths), len(truths))


def curve(outcome: Outcome) -> Curve:
    """Compute the curve over all scores that occur, the best first."""
    order = np.argsort(-outcome.score, kind="stable")
    score = outcome.score[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], len(score) > 0))  # equal scores come together
    recall = np.cumsum(outcome.correct[order])[last] / max(outcome.persons, 1)
    return Curve(score[last], recall, np.cumsum(outcome.false[order])[last] / max(outcome.images, 1))


def operating_point(points: Curve, false_per_image: float) -> tuple[float, float]:
    """Return recall and score of the lowest score with at most so many false positives per image; (0, 1) if none.

    Args:
        points: the curve.
        false_per_image: largest number of false positives per image.
    """
    allowed = np.flatnonzero(points.false_per_image <= false_per_image)
    return (float(points.recall[allowed[-1]]), float(points.score[allowed[-1]])) if len(allowed) else (0.0, 1.0)


def at_threshold(points: Curve, score: float) -> tuple[float, float]:
    """Return recall and false positives per image of the detections with at least this score.

    Args:
        points: the curve.
        score: the lowest score.
    """
    taken = np.flatnonzero(points.score >= score)
    return (float(points.recall[taken[-1]]), float(points.false_per_image[taken[-1]])) if len(taken) else (0.0, 0.0)


def at_own_threshold(points: Curve, score: float | None) -> dict[str, float]:
    """Return recall and false positives per image at the score that a detector is used with, if it has one, by name.

    Args:
        points: the curve.
        score: score threshold of the detector, None where its spec has none.
    """
    if score is None:
        return {}
    recall, false_per_image = at_threshold(points, score)
    return {"recall_at_threshold": round(recall, 4), "false_per_image_at_threshold": round(false_per_image, 4)}


def detect_folder(
    detector: Callable[[np.ndarray], Detections], folder: str | Path, truths: Iterable[Truth]
) -> list[Detections]:
    """Run a detector on every annotated image of a folder.

    Args:
        detector: from a frame (H, W, 3) uint8 BGR to its detections.
        folder: folder of the images.
        truths: their annotations.

    Raises:
        DataError: an image cannot be read, or has not its annotated size.
    """
    detections = []
    for truth in truths:
        path = Path(folder, truth.file_name)
        frame = read_image(str(path))
        refuse_other_size(frame, truth.size, path)
        detections.append(detector(frame))
    return detections


def finite_boxes(detections: Iterable[Detections]) -> tuple[int, list[Detections]]:
    """Count the boxes with numbers that are not finite, and return the detections without them."""
    detections = list(detections)
    fine = [np.isfinite(boxes).all(1) & np.isfinite(scores) for boxes, scores in detections]
    kept = [(boxes[mask], scores[mask]) for (boxes, scores), mask in zip(detections, fine)]
    return sum(int((~mask).sum()) for mask in fine), kept


def summary(points: Curve, false_per_image: Iterable[float] = (0.2, 1.0)) -> dict[str, float]:
    """Return recall and threshold at these numbers of false positives per image, by name.

    Args:
        points: the curve.
        false_per_image: numbers of false positives per image.
    """
    figures: dict[str, float] = {}
    for limit in false_per_image:
        recall, score = operating_point(points, limit)
        figures |= {f"recall_at_{limit:g}_fp": round(recall, 4), f"score_at_{limit:g}_fp": round(score, 4)}
    return figures
