"""Compute CrowdPose's AP with pycocotools, by the rules of its own tool, crowdposetools, a changed copy of it.

Source: Li et al., "CrowdPose: Efficient Crowded Scenes Pose Estimation and A New Benchmark", CVPR 2019,
arXiv:1812.00324. Its rules beside COCO's: 14 keypoints with sigmas of their own, and no area ranges. num_keypoints
leaves out head and neck, and a person who has nothing else is not counted. Easy, medium and hard are images of a
crowdIndex below 0.2, below 0.8 and the rest, each judged by itself: the paper says [0, 0.1], [0.1, 0.8], [0.8, 1], but
the tool, by which published figures are made, has 0.2.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_index import skeleton_of
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.metrics.coco import finite_results, judge, load_results, percent

METRICS = ("AP", "AP50", "AP75", "AR")
LEVELS = {"AP_easy": (-np.inf, 0.2), "AP_medium": (0.2, 0.8), "AP_hard": (0.8, np.inf)}  # crowdIndex: from, below


def keypoint_ap(truth: COCO, results: Iterable[Result]) -> dict[str, float]:
    """Compute AP, AP50, AP75, AR, AP_easy, AP_medium, AP_hard.

    Args:
        truth: the annotations, as datasets.crowdpose reads them.
        results: the predictions; those that are not finite count as missed (coco.finite_results).

    Returns:
        0..100 by name; all 0 without results, -1 where nobody is annotated.
    """
    results = finite_results(results)
    if not results:
        return dict.fromkeys((*METRICS, *LEVELS), 0.0)
    skeleton = skeleton_of(truth)
    with contextlib.redirect_stdout(io.StringIO()):
        predictions = load_results(truth, results)
        overall = judge(truth, predictions, skeleton)
        overall.summarize()
        levels = [judge(truth, predictions, skeleton, images_between(truth, *limits)) for limits in LEVELS.values()]
    figures = dict(zip(METRICS, overall.stats[[0, 1, 2, 5]])) | dict(zip(LEVELS, map(average_precision, levels)))
    return {name: percent(value) for name, value in figures.items()}


def images_between(truth: COCO, low: float, high: float) -> list[Id]:
    """Return the ids of the images with a crowdIndex from low to below high.

    Args:
        truth: the annotations.
        low: lowest crowdIndex.
        high: crowdIndex above the highest one.
    """
    return [image_id for image_id, image in truth.imgs.items() if low <= image["crowdIndex"] < high]


def average_precision(evaluation: COCOeval) -> float:
    """Return AP in 0..1 over all thresholds and sizes of people; -1 where there is nobody to find."""
    precision = evaluation.eval["precision"][:, :, :, 0]
    return float(precision[precision > -1].mean()) if (precision > -1).any() else -1.0
