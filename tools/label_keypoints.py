#!/usr/bin/env python3
"""Keypoints for people who have boxes only: what two MoveNets agree on, as COCO JSON, to train our networks.

    python -m tools.label_keypoints MODELS IMAGES BOXES.json OUT.json

MODELS is a folder with movenet_thunder.onnx and movenet_lightning.onnx, IMAGES a folder or a glob of tar files, BOXES
COCO's layout. A keypoint is labelled where Thunder, which sees each person and the mirror image and takes the mean by
its scores, is sure of it, and neither the mirror image nor Lightning puts it elsewhere: the rule of the crops of
shared/data, but any number of keypoints will do. Who has fewer than --least stays without keypoints: training masks or
leaves out such people, as it does with crowds.
"""

import argparse
import json
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.movenet import MoveNet
from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.data.images import ImageStore
from tools.label_persons import mirrored

SURE = 0.3
SAME = 0.06  # of the box's longer side
COCO17 = get_skeleton("coco17")


def look_twice(movenet, frame, boxes):
    """xy (N, K, 2) px and score (N, K) of the people in the image, and what the mirror image says of them."""
    width = frame.shape[1]
    first, second = movenet(frame, boxes), movenet(np.ascontiguousarray(frame[:, ::-1]), mirrored(boxes, width))
    order = COCO17.flip_index
    return (first.xy, first.score), (second.xy[:, order] * [-1, 1] + [width - 1, 0], second.score[:, order])


def mean(first, second):
    """Two answers (xy, score) as one: places by their scores, and the mean score."""
    weight = np.stack([first[1], second[1]])
    weight = weight / np.maximum(weight.sum(0), 1e-9)
    return first[0] * weight[0][..., None] + second[0] * weight[1][..., None], (first[1] + second[1]) / 2


def agreed(teacher, other, frame, boxes):
    """xy (N, K, 2) px and labelled (N, K) bool. teacher, other: ``frame, boxes (N, 4) xyxy -> Poses``."""
    first, second = look_twice(teacher, frame, boxes)
    xy, score = mean(first, second)
    doubt, _ = mean(*look_twice(other, frame, boxes))
    reach = SAME * np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])[:, None]
    near = [np.linalg.norm(a - b, axis=-1) < reach for a, b in ((first[0], second[0]), (xy, doubt))]
    return xy, near[0] & near[1] & (score >= SURE)


def labelled(item, xy, known, least):
    """The annotation with keypoints, x y visibility, or with none."""
    points = np.zeros((len(known), 3))
    if known.sum() >= least:
        points[known] = np.concatenate([xy[known], np.full((known.sum(), 1), 2)], 1)
    count = int((points[:, 2] > 0).sum())
    return {**item, "keypoints": np.round(points, 1).ravel().tolist(), "num_keypoints": count}


def start_worker(models, images, least):
    global TEACHER, OTHER, STORE, LEAST
    cv2.setNumThreads(1)
    TEACHER, OTHER = (MoveNet(str(Path(models, f"movenet_{name}.onnx"))) for name in ("thunder", "lightning"))
    STORE, LEAST = ImageStore(images), least


def label(job):
    """The annotations of one image, those of people with keypoints."""
    name, items = job
    people = [item for item in items if not item.get("iscrowd")]
    rest = [item for item in items if item.get("iscrowd")]
    if not people:
        return rest
    boxes = xywh_to_xyxy(np.array([item["bbox"] for item in people]))
    found = zip(people, *agreed(TEACHER, OTHER, STORE.read(name), boxes), strict=True)
    return rest + [labelled(item, xy, known, LEAST) for item, xy, known in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("models", "images", "boxes", "out"):
        parser.add_argument(name)
    parser.add_argument("--least", type=int, default=3, help="keypoints of a person (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    content = json.loads(Path(args.boxes).read_text())
    items = {image["id"]: [] for image in content["images"]}
    for item in content["annotations"]:
        items[item["image_id"]].append(item)
    jobs = [(image["file_name"], items[image["id"]]) for image in content["images"]]
    start = (args.models, args.images, args.least)
    # spawned, not forked: threads of OpenCV or ONNX Runtime would be missing in the copy
    with get_context("spawn").Pool(args.workers, start_worker, start) as pool:
        people = [item for found in tqdm(pool.imap(label, jobs, 16), "labelling", len(jobs)) for item in found]
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_json(args.out, {**content, "annotations": people})
    count = sum(item.get("num_keypoints", 0) > 0 for item in people)
    print("%s: %d images, %d people, %d with keypoints" % (args.out, len(jobs), len(people), count))


if __name__ == "__main__":
    main()
