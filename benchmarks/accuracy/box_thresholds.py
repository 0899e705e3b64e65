#!/usr/bin/env python3
"""Measure from end to end which score of a detector's boxes is worth a look of the pose model.

Usage, in the repository's root: ``PYTHONPATH=. python benchmarks/accuracy/box_thresholds.py MODEL DETECTOR [...]``
(`make bench-boxes`). Every detector is run once with a low threshold over the choosing half of ../shared/data/coco_val
and over the photographs of ../shared/data/boxes that show nobody, and the pose model once on each of its boxes. Then
the thresholds of boxes and people are applied as the pipeline does. The figures are those of `pose evaluate
--end-to-end`, people per photograph that shows nobody, and crops per image, which decide the time of the pose model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.calibration import DATA, nobodys_images
from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.benchmarks import CocoBenchmark
from pose_estimation_ros.evaluation.metrics.coco import found_people, keypoint_ap, people_found
from pose_estimation_ros.evaluation.run_models import annotated_image
from pose_estimation_ros.inference.detector import Detector, open_detector
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.options import DEFAULTS, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline

LOWEST = 0.1
BOXES, PEOPLE = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5), (0.15, 0.3)
OPTIONS = DEFAULTS._replace(tracking=False, threads=1)


class Seen(NamedTuple):
    """Hold an image, the boxes that the detector found there, the best first, and a pose for each.

    Attributes:
        frame: (H, W, 3) uint8 BGR.
        box_xyxy: (N, 4) px.
        score: (N,) of the boxes.
        poses: N people.
    """

    frame: np.ndarray
    box_xyxy: np.ndarray
    score: np.ndarray
    poses: Poses


class Replay:
    """Return poses that were estimated before: those of the first boxes."""

    def __init__(self, poses: Poses, skeleton: Skeleton) -> None:
        self.poses, self.skeleton = poses, skeleton

    def __call__(self, _frame: np.ndarray, boxes: np.ndarray) -> Poses:
        """Return the poses of the first N boxes, for N boxes (N, 4)."""
        return self.poses.select(np.arange(len(boxes)))


def look(frames: Iterable[np.ndarray], detector: Detector, estimator: Callable[..., Poses]) -> list[Seen]:
    """Detect people in all frames and estimate a pose in every box that a pipeline could use."""
    seen = []
    for frame in frames:
        boxes, score = (values[: OPTIONS.max_people] for values in detector(frame))
        seen.append(Seen(frame, boxes, score, estimator(frame, boxes)))
    return seen


def people(seen: Seen, skeleton: Skeleton, box_threshold: float, options: PipelineOptions) -> Poses:
    """Return whom a pipeline finds in an image that was seen.

    Args:
        seen: the image.
        skeleton: skeleton of the poses.
        box_threshold: boxes of a lower score are dropped.
        options: thresholds of the pipeline.
    """
    pipeline = Pipeline(Replay(seen.poses, skeleton), None, options)  # type: ignore[arg-type]
    return pipeline(seen.frame, 0.0, seen.box_xyxy[seen.score >= box_threshold])


def report(seen: dict[int, Seen], nobody: list[Seen], benchmark: CocoBenchmark, skeleton: Skeleton) -> None:
    """Print a row for each pair of thresholds."""
    print("boxes people    AP  found %  false/image  on nobody  crops/image")
    for box in BOXES:
        crops = np.mean([(item.score >= box).sum() for item in seen.values()])
        for person in PEOPLE:
            options = OPTIONS._replace(person_threshold=person)
            results: list[Result] = []
            for image_id, item in seen.items():
                results += found_people(people(item, skeleton, box, options).to_coco(image_id))
            ap, counted = keypoint_ap(benchmark.truth, results)["AP"], people_found(benchmark.truth, results)
            empty = np.mean([people(item, skeleton, box, options).count for item in nobody]) if nobody else np.nan
            found, false = counted["people_found"], counted["false_per_image"]
            print(f"{box:5.2f}{person:7.2f}{ap:6.1f}{found:9.1f}{false:13.2f}{empty:11.3f}{crops:13.1f}", flush=True)


def main() -> None:
    """Measure all detectors of the command line."""
    if len(sys.argv) < 3:
        sys.exit(f"expected a pose model and one detector or more, got {sys.argv[1:]}")
    model, *detectors = sys.argv[1:]
    path = Path(DATA / "coco_val" / "person_keypoints.json")
    benchmark = CocoBenchmark(path, read_json(str(path)), "choose")
    with open_estimator(OPTIONS._replace(model=model)) as estimator:
        for name in detectors:
            detector = open_detector(name, 1, LOWEST)
            images = [annotated_image(benchmark.truth, path.parent, i) for i in benchmark.truth.imgs]
            seen = dict(zip(benchmark.truth.imgs, look(images, detector, estimator), strict=True))
            print(f"{model} in boxes of {name}")
            report(seen, look(nobodys_images(), detector, estimator), benchmark, estimator.skeleton)


if __name__ == "__main__":
    main()
