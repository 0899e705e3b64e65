#!/usr/bin/env python3
"""Label people's keypoints by the mean of pose models, the teachers; the result is COCO JSON for training.

    python -m tools.training.label_keypoints --teacher A.onnx [--teacher B.onnx] [--keep-labels] IMAGES PEOPLE.json OUT

IMAGES is a folder or a glob of tar files, PEOPLE a file in COCO's layout with a box for each person. All teachers have
the same keypoints in the same order, and so does PEOPLE where it names any; OUT has their names. Each teacher looks
at the person and at the mirror image. A keypoint's score is the mean of the teachers' scores, or half of the higher one
where they have the keypoint at different places. A keypoint is labelled where its score is 0.3 or more. All scores are
in the file, as "keypoint_scores": training takes a keypoint with a score below 0.1 for one that is not in the picture.

With --keep-labels, keypoints that PEOPLE has labelled stay, with score 1. Without it they are used where the teachers
are not sure: with score 0.5 if their guess is near the label, else the keypoint is unknown (0.2), because labels of
large collections are often wrong there. People with fewer than --least labelled keypoints have none, and training masks
or leaves out such people, as it does with crowds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np
from tqdm import tqdm

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError, PoseError
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_categories import (
    category_of,
    check_keypoint_names,
    checked_entries,
    keypoint_names,
    person_among,
    read_categories,
)
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.training.data.images import ImageStore

MIN_SCORE = 0.3
UNCONFIRMED = 0.5  # score of a label where the teachers are not sure
UNKNOWN = 0.2  # score of a label that the teachers contradict: neither labelled nor absent
TOLERANCE = 0.06  # largest distance at which two answers agree, relative to the box's longer side
CONTRADICTED = 0.1  # distance from the teachers' place at which a label is not used, relative to the box's longer side

Model = Callable[[np.ndarray, np.ndarray], Poses]  # frame, boxes (N, 4) xyxy -> one pose for each box
Answer = tuple[np.ndarray, np.ndarray]  # xy (N, K, 2) px and score (N, K) of N people

# These four are of a worker process.
TEACHERS: list[Model]
STORE: ImageStore
LEAST: int
KEEP_LABELS: bool


def open_teacher(path: str) -> TopDown:
    """Open a pose model with flip test; heatmaps are decoded by DARK."""
    model = find_model(path)
    spec = load_model_spec(model.path)
    if spec.decoder == "quarter_offset":
        spec = spec._replace(decoder="dark")
    return TopDown(open_backend(model, 1, "cpu"), spec, flip_test=True)


def common_skeleton(teachers: Sequence[str]) -> Skeleton:
    """Return the skeleton of the teachers.

    Args:
        teachers: names or files of the models.

    Raises:
        ConfigError: one has other keypoints than the first, or in another order.
        ModelError: one does not exist, has no spec, or is no pose model.
    """
    first, *others = (load_model_spec(find_model(path).path).require_skeleton() for path in teachers)
    for path, skeleton in zip(teachers[1:], others, strict=True):
        if skeleton.keypoints != first.keypoints:
            names = ", ".join(skeleton.keypoints)
            raise ConfigError(f"{path}: expected the keypoints of {teachers[0]} in their order, got {names}")
    return first


def with_names(content: dict[str, Any], skeleton: Skeleton, path: str) -> dict[str, Any]:
    """Return people's file with the keypoints' names in its category of persons.

    Args:
        content: content of the file, in COCO's layout.
        skeleton: skeleton of the teachers.
        path: path of the file, for messages.

    Raises:
        DataError: the file has no category of persons, or one with other keypoints.
    """
    entries = checked_entries(content, path)
    if not entries:
        person_id = read_categories(content, path).person
        named = category_of(skeleton)
        return {**content, "categories": [named if person_id is None else {**named, "id": person_id}]}
    person = person_among(entries, path)
    check_keypoint_names(person, skeleton, path)
    names = keypoint_names(person, path) or list(skeleton.keypoints)
    named = {**category_of(skeleton), **person, "keypoints": names}
    return {**content, "categories": [named if entry is person else entry for entry in entries]}


def agreed(teachers: Sequence[Model], frame: np.ndarray, boxes: np.ndarray) -> Answer:
    """Return what the teachers find, the places averaged by their scores.

    Args:
        teachers: the models.
        frame: (H, W, 3) uint8 BGR.
        boxes: (N, 4) xyxy px.

    Returns:
        xy (N, K, 2) px and score (N, K). Where the teachers are apart, the place of the surest one with half its score.
    """
    poses = [teacher(frame, boxes) for teacher in teachers]
    xy, score = np.stack([p.xy for p in poses]), np.stack([p.score for p in poses])
    best = score.argmax(0)[None]
    best_xy, best_score = np.take_along_axis(xy, best[..., None], 0)[0], score.max(0)
    limit = TOLERANCE * (boxes[:, 2:] - boxes[:, :2]).max(1)[:, None]
    near = (np.linalg.norm(xy - best_xy, axis=-1) < limit).all(0)
    weight = score / np.maximum(score.sum(0), 1e-9)
    mean_xy = (xy * weight[..., None]).sum(0)
    return np.where(near[..., None], mean_xy, best_xy), np.where(near, score.mean(0), best_score / 2)


def with_labels(points: np.ndarray, xy: np.ndarray, score: np.ndarray, side: float, keep_labels: bool) -> Answer:
    """Return the keypoints of a person from labels and teachers.

    Args:
        points: (K, 3) labels, x and y in px and the visibility, 0 where there is none.
        xy: (K, 2) px of the teachers.
        score: (K,) of the teachers.
        side: longer side of the person's box, in px.
        keep_labels: whether labels count more than the teachers.

    Returns:
        xy (K, 2) px and score (K,).
    """
    is_labelled = points[:, 2] > 0
    if keep_labels:
        return np.where(is_labelled[:, None], points[:, :2], xy), np.where(is_labelled, 1.0, score)
    used = is_labelled & (score < MIN_SCORE)
    near = np.linalg.norm(points[:, :2] - xy, axis=1) < CONTRADICTED * side
    xy = np.where((used & near)[:, None], points[:, :2], xy)
    return xy, np.where(used, np.where(near, UNCONFIRMED, UNKNOWN), score)


def labelled(item: dict[str, Any], xy: np.ndarray, score: np.ndarray, least: int) -> dict[str, Any]:
    """Return an annotation with its keypoints and their scores.

    Args:
        item: annotation of a person in COCO's layout.
        xy: (K, 2) px.
        score: (K,) in 0..1.
        least: keypoints below which the person gets none.
    """
    known = score >= MIN_SCORE
    points = np.zeros((len(known), 3))
    if known.sum() < least:
        return {**item, "keypoints": points.ravel().tolist(), "num_keypoints": 0}
    points[known] = np.concatenate([xy[known], np.full((known.sum(), 1), 2)], 1)
    keypoints = {"keypoints": np.round(points, 1).ravel().tolist(), "num_keypoints": int(known.sum())}
    return {**item, **keypoints, "keypoint_scores": np.round(score, 3).tolist()}


def start_worker(teachers: Sequence[str], images: str, least: int, keep_labels: bool) -> None:
    """Open models and images in a worker process.

    Args:
        teachers: names or files of the models.
        images: folder or glob of tar files.
        least: keypoints below which a person gets none.
        keep_labels: whether labels count more than the teachers.
    """
    global TEACHERS, STORE, LEAST, KEEP_LABELS
    cv2.setNumThreads(1)
    TEACHERS = [open_teacher(path) for path in teachers]
    STORE, LEAST, KEEP_LABELS = ImageStore(images), least, keep_labels


def label(job: tuple[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the annotations of an image (name, annotations), those of people with keypoints."""
    name, items = job
    people = [item for item in items if not item.get("iscrowd")]
    rest = [item for item in items if item.get("iscrowd")]
    if not people:
        return rest
    found = agreed(TEACHERS, STORE.read(name), xywh_to_xyxy(np.array([item["bbox"] for item in people])))
    made = []
    for item, xy, score in zip(people, *found, strict=True):
        points = np.reshape(item.get("keypoints") or np.zeros((len(score), 3)), (-1, 3))
        side = max(item["bbox"][2:])
        made.append(labelled(item, *with_labels(points, xy, score, side, KEEP_LABELS), LEAST))
    return rest + made


def main() -> None:
    """Label all images and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("images", "people", "out"):
        parser.add_argument(name)
    parser.add_argument("--teacher", action="append", required=True, metavar="MODEL", help="pose model, more than once")
    parser.add_argument("--keep-labels", action="store_true", help="labels count more than the teachers")
    parser.add_argument("--least", type=int, default=3, help="keypoints of a person (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    content = json.loads(Path(args.people).read_text())
    try:
        content = with_names(content, common_skeleton(args.teacher), args.people)
    except PoseError as error:
        parser.error(str(error))
    items: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for item in content["annotations"]:
        items[item["image_id"]].append(item)
    jobs = [(image["file_name"], items[image["id"]]) for image in content["images"]]
    start = (args.teacher, args.images, args.least, args.keep_labels)
    # Spawned, not forked, because threads of OpenCV or ONNX Runtime would be missing in the copy.
    with get_context("spawn").Pool(args.workers, start_worker, start) as pool:
        images = tqdm(pool.imap(label, jobs, 16), "labelling", len(jobs), mininterval=10)
        people = [item for annotations in images for item in annotations]
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_json(args.out, {**content, "annotations": people})
    count = sum(item.get("num_keypoints", 0) > 0 for item in people)
    print("%s: %d images, %d people, %d with keypoints" % (args.out, len(jobs), len(people), count))


if __name__ == "__main__":
    main()
