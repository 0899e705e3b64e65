"""Judge person detectors by annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pose_estimation_ros.datasets.coco_categories import annotated_skeleton
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.evaluation.metrics import detection
from pose_estimation_ros.evaluation.metrics.box_ap import box_ap


class DetectorBenchmark:
    """Judge person detectors by the annotated people of one file, who need no keypoints.

    Attributes:
        data: the annotation file, or its folder, as it was given.
        path: the annotation file.
        half: the half of the images that counts, one of splits.HALVES; None for all images.
        truth: the annotations of each image.
    """

    def __init__(self, data: str | Path, content: Any, half: str | None = None) -> None:
        self.data, self.path, self.half = data, annotation_file(data), half
        fewest = min(detection.MIN_KEYPOINTS, annotated_skeleton(content, str(self.path)).num_keypoints)
        self.truth = detection.load_truth(self.path, fewest, half=half, content=content)

    def facts(self) -> dict[str, Any]:
        """Return the half of the images, where it is not all of them."""
        return {} if self.half is None else {"half": self.half}

    def score(self, detections: Sequence[detection.Detections], threshold: float | None) -> dict[str, Any]:
        """Compute the figures of a detector.

        Args:
            detections: detections of each image; those that are not finite count as missed.
            threshold: the score that the detector is used with, None where it has none.

        Returns:
            Recall at 0.2 and 1 false positives per image and at the threshold, 0..1; COCO's AP of boxes, 0..100.
        """
        points = detection.curve(detection.judge(detections, self.truth))
        figures = {**detection.summary(points), **detection.at_own_threshold(points, threshold)}
        return {**figures, **box_ap(detections, self.truth)}
