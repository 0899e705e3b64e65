"""CrowdPose's AP with pycocotools, by the rules of its own tool, crowdposetools, a changed copy (Li et al. 2019).

Its rules beside COCO's: 14 keypoints with sigmas of their own; a person's area is 0.53 of the box's, for the files give
none; no area ranges. num_keypoints leaves head and neck out, and who has nothing else is not asked for. Easy, medium
and hard are images of a crowdIndex below 0.2, below 0.8 and the rest, each judged by itself: the paper says [0, 0.1],
[0.1, 0.8], [0.8, 1], but the tool, by which published figures are made, has 0.2.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Iterable

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_faults import finite_numbers, refuse
from pose_estimation_ros.datasets.coco_fields import MASK_OF_BOX
from pose_estimation_ros.datasets.coco_json import annotation_file, checked_content
from pose_estimation_ros.evaluation.metrics import coco

SKELETON = "crowdpose14"
METRICS = ("AP", "AP50", "AP75", "AR")
LEVELS = {"AP_easy": (-np.inf, 0.2), "AP_medium": (0.2, 0.8), "AP_hard": (0.8, np.inf)}  # crowdIndex: from, below


def is_crowdpose(content: Any) -> bool:
    """Whether a JSON file's content is CrowdPose's and not COCO's: its images have a crowdIndex."""
    images = content.get("images") if isinstance(content, dict) else None
    return isinstance(images, list) and any(isinstance(image, dict) and "crowdIndex" in image for image in images)


def load_ground_truth(data: str | Path, content: Any = None) -> COCO:
    """CrowdPose's annotations, with areas; content: what is in it, if read already.

    Raises DataError, naming the first offender and the count: as coco.index_persons, an image without a crowdIndex.
    """
    path, skeleton = annotation_file(data), get_skeleton(SKELETON)
    checked, categories = checked_content(read_json(path) if content is None else content, path, skeleton)
    unknown = [image["id"] for image in checked["images"] if not finite_numbers(image.get("crowdIndex"), ())]
    refuse(path, "images without a crowdIndex", unknown)
    persons = [{**a, "area": MASK_OF_BOX * a["bbox"][2] * a["bbox"][3]} for a in checked["annotations"]]
    return coco.index_checked({**checked, "annotations": persons}, categories, path)


def keypoint_ap(truth: COCO, results: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return AP, AP50, AP75, AR, AP_easy, AP_medium, AP_hard in 0..100; 0 without results, -1 without truth.

    Results that are not finite count as missed (coco.finite_results).
    """
    results = coco.finite_results(results)
    if not results:
        return dict.fromkeys((*METRICS, *LEVELS), 0.0)
    skeleton = get_skeleton(SKELETON)
    with contextlib.redirect_stdout(io.StringIO()):
        found = coco.load_results(truth, results)
        every = coco.judge(truth, found, skeleton)
        every.summarize()
        levels = [coco.judge(truth, found, skeleton, images_between(truth, *limits)) for limits in LEVELS.values()]
    figures = dict(zip(METRICS, every.stats[[0, 1, 2, 5]])) | dict(zip(LEVELS, map(average_precision, levels)))
    return {name: coco.percent(value) for name, value in figures.items()}


def images_between(truth: COCO, low: float, high: float) -> list[int]:
    """Ids of the images with a crowdIndex from low to below high."""
    return [image_id for image_id, image in truth.imgs.items() if low <= image["crowdIndex"] < high]


def average_precision(evaluation: COCOeval) -> float:
    """AP in 0..1 over all thresholds and sizes of people; -1 where there is nobody to find."""
    precision = evaluation.eval["precision"][:, :, :, 0]
    return float(precision[precision > -1].mean()) if (precision > -1).any() else -1.0
