#!/usr/bin/env python3
"""Label the keypoints of people who have only boxes, where two MoveNets agree; the result is COCO JSON for training.

    python -m tools.training.label_keypoints MODELS IMAGES BOXES.json OUT.json

MODELS is a folder with movenet_thunder.onnx and movenet_lightning.onnx, IMAGES a folder or a glob of tar files, BOXES
a file in COCO's layout. Thunder is run on each person and on the mirror image, and the two answers are averaged by
their scores. A keypoint is labelled where its score is high and neither the mirror image nor Lightning has it at
another place. This is the rule of the crops of shared/data, but without a least number of keypoints. Persons with fewer
than --least keypoints get none: training masks or leaves out such people, as it does with crowds.
"""

from __future__ import annotations

import argparse
import json
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.accuracy.movenet import MoveNet
from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.data.images import ImageStore
from tools.training.label_persons import mirrored

MIN_SCORE = 0.3
TOLERANCE = 0.06  # largest distance at which two answers agree, relative to the box's longer side
COCO17 = get_skeleton("coco17")
# These four are of a worker process.
TEACHER: MoveNet
SECOND_OPINION: MoveNet
STORE: ImageStore
LEAST: int

Model = Callable[[np.ndarray, np.ndarray], Poses]  # frame, boxes (N, 4) xyxy -> one pose for each box
Answer = tuple[np.ndarray, np.ndarray]  # xy (N, K, 2) px and score (N, K) of N people


def predict_twice(model: Model, frame: np.ndarray, boxes: np.ndarray) -> tuple[Answer, Answer]:
    """Return the keypoints found in an image, and those found in its mirror image, in px of the image.

    Args:
        model: finds the keypoints in boxes.
        frame: (H, W, 3) uint8 BGR.
        boxes: (N, 4) xyxy px.
    """
    width = frame.shape[1]
    first, second = model(frame, boxes), model(np.ascontiguousarray(frame[:, ::-1]), mirrored(boxes, width))
    order = COCO17.flip_index
    return (first.xy, first.score), (second.xy[:, order] * [-1, 1] + [width - 1, 0], second.score[:, order])


def mean(first: Answer, second: Answer) -> Answer:
    """Average two answers about the same people, the places weighted by their scores."""
    weight = np.stack([first[1], second[1]])
    weight = weight / np.maximum(weight.sum(0), 1e-9)
    return first[0] * weight[0][..., None] + second[0] * weight[1][..., None], (first[1] + second[1]) / 2


def agreed(teacher: Model, second_opinion: Model, frame: np.ndarray, boxes: np.ndarray) -> Answer:
    """Find keypoints and tell which of them are labelled.

    Args:
        teacher: the model whose keypoints are labels.
        second_opinion: the model that must agree.
        frame: (H, W, 3) uint8 BGR.
        boxes: (N, 4) xyxy px.

    Returns:
        xy (N, K, 2) px and labelled (N, K) bool.
    """
    first, second = predict_twice(teacher, frame, boxes)
    xy, score = mean(first, second)
    second_xy, _ = mean(*predict_twice(second_opinion, frame, boxes))
    limit = TOLERANCE * np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])[:, None]
    near = [np.linalg.norm(a - b, axis=-1) < limit for a, b in ((first[0], second[0]), (xy, second_xy))]
    return xy, near[0] & near[1] & (score >= MIN_SCORE)


def labelled(item: dict[str, Any], xy: np.ndarray, known: np.ndarray, least: int) -> dict[str, Any]:
    """Return an annotation with its keypoints.

    Args:
        item: annotation of a person in COCO's layout.
        xy: (K, 2) px.
        known: (K,) bool, which keypoints are labelled.
        least: keypoints below which the person gets none.
    """
    points = np.zeros((len(known), 3))
    if known.sum() >= least:
        points[known] = np.concatenate([xy[known], np.full((known.sum(), 1), 2)], 1)
    count = int((points[:, 2] > 0).sum())
    return {**item, "keypoints": np.round(points, 1).ravel().tolist(), "num_keypoints": count}


def start_worker(models: str, images: str, least: int) -> None:
    """Open models and images in a worker process.

    Args:
        models: folder of the MoveNets.
        images: folder or glob of tar files.
        least: keypoints below which a person gets none.
    """
    global TEACHER, SECOND_OPINION, STORE, LEAST
    cv2.setNumThreads(1)
    TEACHER, SECOND_OPINION = (MoveNet(str(Path(models, f"movenet_{name}.onnx"))) for name in ("thunder", "lightning"))
    STORE, LEAST = ImageStore(images), least


def label(job: tuple[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the annotations of an image (name, annotations), those of people with keypoints."""
    name, items = job
    people = [item for item in items if not item.get("iscrowd")]
    rest = [item for item in items if item.get("iscrowd")]
    if not people:
        return rest
    boxes = xywh_to_xyxy(np.array([item["bbox"] for item in people]))
    xy, known = agreed(TEACHER, SECOND_OPINION, STORE.read(name), boxes)
    return rest + [labelled(*row, LEAST) for row in zip(people, xy, known, strict=True)]


def main() -> None:
    """Label all images and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("models", "images", "boxes", "out"):
        parser.add_argument(name)
    parser.add_argument("--least", type=int, default=3, help="keypoints of a person (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    content = json.loads(Path(args.boxes).read_text())
    items: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for item in content["annotations"]:
        items[item["image_id"]].append(item)
    jobs = [(image["file_name"], items[image["id"]]) for image in content["images"]]
    start = (args.models, args.images, args.least)
    # Spawned, not forked, because threads of OpenCV or ONNX Runtime would be missing in the copy.
    with get_context("spawn").Pool(args.workers, start_worker, start) as pool:
        images = tqdm(pool.imap(label, jobs, 16), "labelling", len(jobs))
        people = [item for annotations in images for item in annotations]
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_json(args.out, {**content, "annotations": people})
    count = sum(item.get("num_keypoints", 0) > 0 for item in people)
    print("%s: %d images, %d people, %d with keypoints" % (args.out, len(jobs), len(people), count))


if __name__ == "__main__":
    main()
