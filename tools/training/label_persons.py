#!/usr/bin/env python3
"""Label person boxes in images that have none, or not all, by large detectors; the result is COCO JSON for training.

    python tools/training/label_persons.py DETECTOR.onnx[,DETECTOR.onnx ...] IMAGES OUT.json
        [--known ANNOTATIONS.json] [--nobody ANNOTATIONS.json]

IMAGES is a folder or a glob of tar files. Each detector is run on every image and its mirror image. A box found several
times is the mean; its score is the mean over all answers, 0 in those without it. The "score" is kept, and training uses
it as a soft target (training/data/boxes.py). With --known, the boxes of those annotations stay as they are, and the
detectors add persons who are missing. With --nobody, images without annotations in that file show nobody.
"""

from __future__ import annotations

import argparse
import json
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence

import cv2
import numpy as np
from tqdm import tqdm

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.training.data.images import ImageStore

SAME_IOU = 0.5
LOWEST_SCORE = 0.05
Boxes = tuple[np.ndarray, np.ndarray]  # box_xyxy (N, 4) px and score (N,)
Detect = Callable[[np.ndarray], Boxes]  # of an image (H, W, 3) uint8 BGR
Label = tuple[str, tuple[int, int], np.ndarray, np.ndarray]  # name, (width, height), box_xyxy and score of an image

# These two are of a worker process.
DETECTORS: list[Detect]
STORE: ImageStore


def merge(mean: Boxes, new: Boxes, share: float = 0.5) -> Boxes:
    """Merge an answer about an image into the mean of others: boxes in one alone keep their place and lose score.

    Args:
        mean: mean of the others.
        new: the answer.
        share: of the answer in the new mean.
    """
    box, score = mean[0].copy(), mean[1] * (1 - share)
    overlap = iou(box, new[0])
    alone = np.ones(len(new[1]), bool)
    for index in range(len(box)):
        match = overlap[index].argmax() if overlap.shape[1] else 0
        if overlap.shape[1] and overlap[index, match] >= SAME_IOU:
            box[index] += share * (new[0][match] - box[index])
            score[index] += share * new[1][match]
            overlap[:, match], alone[match] = 0, False
    return np.concatenate([box, new[0][alone]]), np.concatenate([score, share * new[1][alone]])


def mirrored(box: np.ndarray, width: int) -> np.ndarray:
    """Mirror boxes (N, 4) xyxy of an image of that width in px; twice, it changes nothing."""
    return np.stack([width - box[:, 2], box[:, 1], width - box[:, 0], box[:, 3]], 1)


def look(detector: Detect, image: np.ndarray) -> Boxes:
    """Detect persons in an image (H, W, 3) uint8 BGR and in its mirror image, and merge the answers."""
    box, score = detector(np.ascontiguousarray(image[:, ::-1]))
    return merge(detector(image), (mirrored(box, image.shape[1]), score))


def look_all(detectors: Sequence[Detect], image: np.ndarray) -> Boxes:
    """Return the mean of what the detectors see in an image (H, W, 3) uint8 BGR and in its mirror image."""
    mean = look(detectors[0], image)
    for number, detector in enumerate(detectors[1:], 2):
        mean = merge(mean, look(detector, image), 1 / number)
    return mean


def start_worker(models: list[str], images: str) -> None:
    """Open the detectors and the images, a folder or glob of tar files, in a worker process."""
    global DETECTORS, STORE
    cv2.setNumThreads(1)
    DETECTORS, STORE = [open_detector(model, 1, LOWEST_SCORE) for model in models], ImageStore(images)


def label(name: str) -> Label:
    """Detect persons in an image by its name."""
    image = STORE.read(name)
    return (name, image.shape[1::-1], *look_all(DETECTORS, image))


def without_boxes(label: Label) -> Label:
    """Return the label of the same image without a person."""
    name, size_wh, box, score = label
    return name, size_wh, box[:0], score[:0]


def to_coco(labels: Iterable[Label], known: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Make COCO's dict: an image per label, the known boxes, and the detector's that overlap no known one.

    Args:
        labels: of the detector.
        known: name of the image -> annotations to keep.
    """
    content: dict[str, list[dict[str, Any]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "person"}],
    }
    for image_id, (name, (width, height), box, score) in enumerate(labels, 1):
        kept = known.get(name, [])
        content["images"].append({"id": image_id, "file_name": name, "width": width, "height": height})
        kept_xyxy = xywh_to_xyxy(np.array([item["bbox"] for item in kept]))
        new = (score >= LOWEST_SCORE) & (iou(box, kept_xyxy).max(1, initial=0.0) < SAME_IOU)
        added = [
            {"bbox": np.round([x1, y1, x2 - x1, y2 - y1], 1).tolist(), "score": round(float(s), 4)}
            for (x1, y1, x2, y2), s in zip(box[new], score[new], strict=True)
        ]
        for item in kept + added:
            number = len(content["annotations"]) + 1
            content["annotations"].append({"iscrowd": 0, "category_id": 1, **item, "id": number, "image_id": image_id})
    return content


def known_boxes(path: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Read a COCO file as name of the image -> annotations."""
    content = json.loads(Path(path).read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    boxes: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for item in content["annotations"]:
        boxes[names[item["image_id"]]].append({key: item[key] for key in ("bbox", "iscrowd") if key in item})
    return boxes


def main() -> None:
    """Label all images and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", help="names or files, with commas between them")
    parser.add_argument("images")
    parser.add_argument("out")
    parser.add_argument("--known", help="COCO JSON with boxes to keep")
    parser.add_argument("--nobody", help="COCO JSON; images without annotations there show nobody")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    known = known_boxes(args.known) if args.known else {}
    nobody = {name for name, items in (known_boxes(args.nobody) if args.nobody else {}).items() if not items}
    names = sorted(ImageStore(args.images).names())
    # Spawned, not forked, because threads of OpenCV or ONNX Runtime would be missing in the copy.
    with get_context("spawn").Pool(args.workers, start_worker, (args.detectors.split(","), args.images)) as pool:
        labels = list(tqdm(pool.imap(label, names, 16), "labelling", len(names)))
    content = to_coco([without_boxes(label) if label[0] in nobody else label for label in labels], known)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_json(args.out, content)
    print("%s: %d images, %d boxes" % (args.out, len(labels), len(content["annotations"])))


if __name__ == "__main__":
    main()
