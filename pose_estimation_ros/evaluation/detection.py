"""How well a person detector finds people: recall against false positives per image."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable, NamedTuple

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.evaluation.coco_json import read_coco_json
from pose_estimation_ros.evaluation.halves import is_in

FOUND_IOU = 0.5
MIN_KEYPOINTS, MIN_HEIGHT = 5, 64.0  # of people who must be found; px
FALSE_IOU = 0.3  # a detection that overlaps nobody by this much is false

Detections = tuple[np.ndarray, np.ndarray]  # box_xyxy (D, 4) px, score (D,) of one image


class Truth(NamedTuple):
    """One image's annotations. box_xyxy (N, 4) px: everybody, crowds, too; counted (N,) bool: who must be found; crowd
    (N,) bool."""

    file_name: str
    box_xyxy: np.ndarray
    counted: np.ndarray
    crowd: np.ndarray


class Outcome(NamedTuple):
    """Detections of many images. score (D,); found (D,) bool: the first on a counted person; false (D,) bool."""

    score: np.ndarray
    found: np.ndarray
    false: np.ndarray
    persons: int
    images: int


class Curve(NamedTuple):
    """Recall and false positives per image when all detections down to each score are taken; score falls."""

    score: np.ndarray
    recall: np.ndarray
    false_per_image: np.ndarray


def load_truth(
    path: str | Path, min_keypoints: int = MIN_KEYPOINTS, min_height: float = MIN_HEIGHT, half: str | None = None
) -> list[Truth]:
    """The images of a COCO person file, or of one of HALVES. Counted: no crowd, with enough labelled keypoints (where
    it has any) and px.

    Raises DataError if the file cannot be read (evaluation.coco_json).
    """
    truth = []
    for image, items in read_coco_json(path):
        if not is_in(image["id"], half):
            continue
        enough = [a.get("num_keypoints", min_keypoints) >= min_keypoints for a in items]
        crowd = np.array([a.get("iscrowd", 0) for a in items], bool)
        counted = [e and a["bbox"][3] >= min_height for e, a in zip(enough, items)]
        boxes = xywh_to_xyxy(np.array([a["bbox"] for a in items]))
        truth.append(Truth(image["file_name"], boxes, np.array(counted, bool) & ~crowd, crowd))
    return truth


def match(box_xyxy: np.ndarray, score: np.ndarray, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """found (D,), false (D,) bool of one image's detections (D, 4), (D,)."""
    false = iou(box_xyxy, truth.box_xyxy).max(1, initial=0.0) < FALSE_IOU
    return assign(box_xyxy, score, truth.box_xyxy[truth.counted]) >= 0, false


def assign(box_xyxy: np.ndarray, score: np.ndarray, person_xyxy: np.ndarray) -> np.ndarray:
    """(D,) int: the person (P, 4) whom each detection (D, 4), (D,) found, or -1.

    As COCO: best score first, each takes the person it overlaps most among those not found yet, by at least FOUND_IOU.
    """
    person = np.full(len(score), -1)
    overlap = iou(box_xyxy, person_xyxy)
    for index in np.argsort(-score, kind="stable"):
        best = overlap[index].argmax() if overlap.shape[1] else 0
        if overlap.shape[1] and overlap[index, best] >= FOUND_IOU:
            person[index] = best
            overlap[:, best] = 0
    return person


def judge(detections: Iterable[Detections], truths: Iterable[Truth]) -> Outcome:
    """The detections (box_xyxy, score) of every image against its annotations."""
    truths = list(truths)
    rows = [(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))]
    for (box_xyxy, score), truth in zip(detections, truths):
        rows.append((score, *match(box_xyxy, score, truth)))
    score, found, false = (np.concatenate(column) for column in zip(*rows))
    return Outcome(score, found, false, sum(int(truth.counted.sum()) for truth in truths), len(truths))


def curve(outcome: Outcome) -> Curve:
    """The curve over all scores that occur, the best first."""
    order = np.argsort(-outcome.score, kind="stable")
    score = outcome.score[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], len(score) > 0))  # equal scores come together
    recall = np.cumsum(outcome.found[order])[last] / max(outcome.persons, 1)
    return Curve(score[last], recall, np.cumsum(outcome.false[order])[last] / max(outcome.images, 1))


def operating_point(points: Curve, false_per_image: float) -> tuple[float, float]:
    """(recall, score threshold) of the lowest score with at most so many false positives per image; (0, 1) if none."""
    allowed = np.flatnonzero(points.false_per_image <= false_per_image)
    return (float(points.recall[allowed[-1]]), float(points.score[allowed[-1]])) if len(allowed) else (0.0, 1.0)


def at_threshold(points: Curve, score: float) -> tuple[float, float]:
    """(recall, false positives per image) of the detections with at least this score."""
    taken = np.flatnonzero(points.score >= score)
    return (float(points.recall[taken[-1]]), float(points.false_per_image[taken[-1]])) if len(taken) else (0.0, 0.0)


def detect_folder(detector: Callable, folder: str | Path, truths: Iterable[Truth]) -> list[Detections]:
    """(box_xyxy, score) of every annotated image of a folder. Raises DataError for an image that cannot be read."""
    detections = []
    for truth in truths:
        frame = cv2.imread(str(Path(folder, truth.file_name)), cv2.IMREAD_COLOR)
        if frame is None:
            raise DataError(f"cannot read image {Path(folder, truth.file_name)}")
        detections.append(detector(frame))
    return detections


def summary(points: Curve, false_per_image: Iterable[float] = (0.2, 1.0)) -> dict[str, float]:
    """Recall and threshold at these false positives per image, by name."""
    figures: dict[str, float] = {}
    for limit in false_per_image:
        recall, score = operating_point(points, limit)
        figures |= {f"recall_at_{limit:g}_fp": round(recall, 4), f"score_at_{limit:g}_fp": round(score, 4)}
    return figures
