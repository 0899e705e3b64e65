#!/usr/bin/env python3
"""Person boxes for images that have none, or not all: a larger detector's answers as COCO JSON, to train a small one.

    python tools/label_persons.py DETECTOR.onnx IMAGES OUT.json [--known ANNOTATIONS.json]

IMAGES is a folder or a glob of tar files. The detector sees every image and its mirror image; a box that both show is
the mean of the two, one that only one shows has half its score: "score" is kept, and training makes of it what it can
(training/data/boxes.py). With --known, the boxes of those annotations stay as they are and keep the image ids; the
detector adds who is missing.
"""

import argparse
import json
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.training.data.images import ImageStore

SAME_IOU = 0.5
LOWEST_SCORE = 0.05


def merge(first, second):
    """Two answers (box_xyxy, score) about one image: the mean of what both show, half the score of what one shows."""
    box, score = first[0].copy(), first[1] / 2
    overlap = iou(box, second[0])
    alone = np.ones(len(second[1]), bool)
    for index in range(len(box)):
        match = overlap[index].argmax() if overlap.shape[1] else 0
        if overlap.shape[1] and overlap[index, match] >= SAME_IOU:
            box[index], score[index] = (box[index] + second[0][match]) / 2, score[index] + second[1][match] / 2
            overlap[:, match], alone[match] = 0, False
    return np.concatenate([box, second[0][alone]]), np.concatenate([score, second[1][alone] / 2])


def mirrored(box, width):
    """Boxes (N, 4) xyxy of an image so wide in its mirror image, and back."""
    return np.stack([width - box[:, 2], box[:, 1], width - box[:, 0], box[:, 3]], 1)


def look(detector, image):
    """The detector's answers for the image and its mirror image, merged."""
    box, score = detector(np.ascontiguousarray(image[:, ::-1]))
    return merge(detector(image), (mirrored(box, image.shape[1]), score))


def start_worker(model, images):
    global DETECTOR, STORE
    cv2.setNumThreads(1)
    DETECTOR, STORE = open_detector(model, 1, LOWEST_SCORE), ImageStore(images)


def label(name):
    """(name, (width, height), box_xyxy, score) of one image."""
    image = STORE.read(name)
    return (name, image.shape[1::-1], *look(DETECTOR, image))


def annotations(labels, known):
    """COCO's dict: an image per label, the known boxes, and the detector's that overlap no known one."""
    content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    for image_id, (name, (width, height), box, score) in enumerate(labels, 1):
        kept = known.get(name, [])
        content["images"].append({"id": image_id, "file_name": name, "width": width, "height": height})
        there = xywh_to_xyxy(np.array([item["bbox"] for item in kept]))
        new = (score >= LOWEST_SCORE) & (iou(box, there).max(1, initial=0.0) < SAME_IOU)
        found = [
            {"bbox": np.round([x1, y1, x2 - x1, y2 - y1], 1).tolist(), "score": round(float(s), 4)}
            for (x1, y1, x2, y2), s in zip(box[new], score[new], strict=True)
        ]
        for item in kept + found:
            number = len(content["annotations"]) + 1
            content["annotations"].append({"iscrowd": 0, "category_id": 1, **item, "id": number, "image_id": image_id})
    return content


def known_boxes(path):
    """Image name -> annotations of a COCO file."""
    content = json.loads(Path(path).read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    boxes = {name: [] for name in names.values()}
    for item in content["annotations"]:
        boxes[names[item["image_id"]]].append({key: item[key] for key in ("bbox", "iscrowd") if key in item})
    return boxes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector")
    parser.add_argument("images")
    parser.add_argument("out")
    parser.add_argument("--known", help="COCO JSON with boxes to keep")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    known = known_boxes(args.known) if args.known else {}
    names = sorted(ImageStore(args.images).names())
    # spawned, not forked: threads of OpenCV or ONNX Runtime would be missing in the copy
    with get_context("spawn").Pool(args.workers, start_worker, (args.detector, args.images)) as pool:
        labels = list(tqdm(pool.imap(label, names, 16), "labelling", len(names)))
    content = annotations(labels, known)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_json(args.out, content)
    print("%s: %d images, %d boxes" % (args.out, len(labels), len(content["annotations"])))


if __name__ == "__main__":
    main()
