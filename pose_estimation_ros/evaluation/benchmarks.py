"""Judge predictions by annotated images: the benchmarks of COCO, CrowdPose and MPII."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.model_spec import WHOLE_FRAME, ModelSpec
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets import coco_index, mpii
from pose_estimation_ros.datasets import crowdpose as crowdpose_files
from pose_estimation_ros.datasets.coco_categories import annotated_skeleton
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_json import Boxes, annotation_file, read_detections
from pose_estimation_ros.datasets.predictions import Result, read_mpii, read_results, xy_by_person
from pose_estimation_ros.datasets.test_sets import is_test_set
from pose_estimation_ros.evaluation.detector_benchmark import DetectorBenchmark
from pose_estimation_ros.evaluation.metrics import coco, crowdpose
from pose_estimation_ros.evaluation.metrics.groups import boxes_by_group, poses_by_group
from pose_estimation_ros.evaluation.metrics.matches import match, people_of
from pose_estimation_ros.evaluation.metrics.pckh import pckh_figures, torso_pck
from pose_estimation_ros.evaluation.metrics.reliability import scored_keypoints, scored_people
from pose_estimation_ros.evaluation.run_models import run_on_images, run_on_persons
from pose_estimation_ros.evaluation.skeletons import (
    ByName,
    judged_skeleton,
    known_sigmas,
    refuse_missing_keypoints,
    sigma_facts,
)
from pose_estimation_ros.evaluation.splits import select_half
from pose_estimation_ros.inference.estimators.estimator import Estimator

FAR_AWAY = -1e6  # coordinates of a joint that counts as missed, px

Figures = dict[str, Any]  # numbers and facts by the name that they have in JSON files
Predictions = list[Result] | np.ndarray  # COCO's results format; of MPII also (N, 16, 2) px


class Benchmark(ABC):
    """Judge predicted poses by the annotations of one file.

    Attributes:
        skeleton: skeleton of the annotations.
        data: the annotation file, or its folder, as it was given.
        path: the annotation file.
        half: the half of the images that counts, one of splits.HALVES; None for all images.
    """

    skeleton: Skeleton

    def __init__(self, data: str | Path, half: str | None) -> None:
        self.data, self.path, self.half = data, annotation_file(data), half

    def check_model(self, spec: ModelSpec, model: str, boxes_file: str | Path | None) -> None:
        """Check that a model, the annotations and a file of boxes belong together.

        Args:
            spec: spec of the model.
            model: path of the model, for messages.
            boxes_file: person boxes in COCO's detections format, None for the annotated ones.

        Raises:
            DataError: they do not, or the boxes cannot be read.
            ConfigError: the sigmas of the skeleton are not known.
        """
        refuse_missing_keypoints(spec.require_skeleton(), self.skeleton, model, self.data)
        if boxes_file and spec.task in WHOLE_FRAME:
            kind = spec.task.replace("_", "-")
            raise DataError(
                f"{model} is a {kind} model, which finds people by itself: expected no boxes, got {boxes_file}"
            )

    def facts(self) -> Figures:
        """Return the half of the images and the sigmas, where they are not all of them and the standard ones."""
        return {} if self.half is None else {"half": self.half}

    @abstractmethod
    def run(self, estimator: Estimator, boxes_file: str | Path | None) -> tuple[Figures, list[Result]]:
        """Run a model on the images.

        Args:
            estimator: the model.
            boxes_file: person boxes for a top-down model, None for the annotated ones.

        Returns:
            What the model was run on, for the figures; and its predictions.

        Raises:
            DataError: images are missing, or cannot be read.
        """

    @abstractmethod
    def read_predictions(self, path: str | Path) -> tuple[Figures, Predictions]:
        """Read a file of predictions.

        Args:
            path: the file.

        Returns:
            What the file holds, for the figures; and its predictions.

        Raises:
            DataError: see datasets.predictions.
        """

    @abstractmethod
    def with_missed(self, results: list[Result], finite: list[Result]) -> list[Result]:
        """Return the results to judge, given all results of a model and those of them that are finite.

        Args:
            results: all results of a model.
            finite: those whose numbers are finite.
        """

    @abstractmethod
    def score(self, results: Predictions) -> dict[str, float]:
        """Compute the figures of predictions: 0..100 by name, -1 where nobody is annotated."""

    def reliability(self, results: Predictions) -> Figures:
        """Measure how well the scores are calibrated: figures of metrics.reliability by kind, {} where it has none."""
        return {}

    @abstractmethod
    def by_group(self, results: Predictions) -> Figures:
        """Compute figures by groups of people. Raises ConfigError where the annotations do not allow it."""

    @abstractmethod
    def boxes_by_group(self, results: list[Result], score: float) -> Figures:
        """Compute a detector's recall by groups of people. Raises ConfigError where the annotations do not allow it.

        Args:
            results: the boxes, as accuracy.accuracy_of_detector returns them.
            score: boxes of a lower score are left out.
        """


class CocoBenchmark(Benchmark):
    """Judge poses by COCO's keypoint evaluation.

    Attributes:
        metrics: names of the figures of score().
        truth: the annotations of the half, or of all images.
    """

    metrics: tuple[str, ...] = coco.METRICS

    def __init__(
        self,
        data: str | Path,
        content: Any,
        half: str | None = None,
        skeletons: Sequence[Skeleton] = (),
        sigma: float | None = None,
    ) -> None:
        super().__init__(data, half)
        self.skeleton = judged_skeleton(self._annotated(content), skeletons, sigma)
        self._all = self._load(content)  # files of boxes and predictions may be of both halves
        self.truth = select_half(self._all, half)
        self._boxes: dict[str | Path, Boxes] = {}

    def _annotated(self, content: Any) -> Skeleton:
        return annotated_skeleton(content, str(self.path))

    def _load(self, content: Any) -> COCO:
        return coco_index.load_ground_truth(self.path, content, self.skeleton)

    def check_model(self, spec: ModelSpec, model: str, boxes_file: str | Path | None) -> None:
        """Check that model, annotations and boxes belong together; see Benchmark."""
        super().check_model(spec, model, boxes_file)
        known_sigmas(self.skeleton)
        self.boxes(boxes_file)

    def facts(self) -> Figures:
        """Return the half of the images and the sigmas; see Benchmark."""
        return {**super().facts(), **sigma_facts(self.skeleton)}

    def boxes(self, boxes_file: str | Path | None) -> Boxes:
        """Return boxes and scores by image id: of a detections file, which is read once, or the annotated ones.

        Raises DataError where the file cannot be read.
        """
        if boxes_file is None:
            return coco_index.ground_truth_boxes(self.truth)
        if boxes_file not in self._boxes:
            categories = self._all.dataset[coco_index.PERSON_CATEGORIES]
            self._boxes[boxes_file] = read_detections(boxes_file, self._all.imgs, categories=categories)
        return {image_id: self._boxes[boxes_file][image_id] for image_id in self.truth.imgs}

    def run(self, estimator: Estimator, boxes_file: str | Path | None) -> tuple[Figures, list[Result]]:
        """Run a model on the images; see Benchmark."""
        by_name = ByName(estimator, self.skeleton)
        results = run_on_images(by_name, self.truth, self.path.parent, self.boxes(boxes_file))
        task, own = estimator.spec.task, estimator.skeleton.name
        source = f"none ({task.replace('_', '-')})" if task in WHOLE_FRAME else boxes_file or "ground truth"
        chosen = {"keypoints_of": own} if estimator.skeleton.keypoints != self.skeleton.keypoints else {}
        return {"boxes": source, "images": len(self.truth.imgs), **chosen}, results

    def read_predictions(self, path: str | Path) -> tuple[Figures, list[Result]]:
        """Read a file of predictions; see Benchmark."""
        known_sigmas(self.skeleton)
        categories = self._all.dataset[coco_index.PERSON_CATEGORIES]
        results = read_results(path, self._all.imgs, self.skeleton, categories)
        results = [result for result in results if result["image_id"] in self.truth.imgs]
        with_persons = {a["image_id"] for a in self.truth.anns.values() if is_counted(a)}
        missing = len(with_persons - {result["image_id"] for result in results})
        facts = {"images": len(self.truth.imgs), "predictions_in_file": len(results)}
        return {**facts, "images_without_predictions": missing}, results

    def with_missed(self, results: list[Result], finite: list[Result]) -> list[Result]:
        """Return the finite results: whoever has no prediction counts as missed."""
        return finite

    def score(self, results: Predictions) -> dict[str, float]:
        """Compute the figures of metrics; see Benchmark."""
        return coco.keypoint_ap(self.truth, results)

    def reliability(self, results: Predictions) -> Figures:
        """Measure the scores of keypoints and of people; see Benchmark."""
        people = people_of(self.truth)
        evaluation, matches = match(self.truth, people, results, self.skeleton)
        keypoints = scored_keypoints(evaluation.cocoDt, people, matches).reliability()
        return {"keypoint": keypoints, "person": scored_people(evaluation).reliability()}

    def by_group(self, results: Predictions) -> Figures:
        """Compute figures by groups of people, and the kinds of errors; see metrics.groups."""
        return poses_by_group(self.truth, results, self.skeleton)

    def boxes_by_group(self, results: list[Result], score: float) -> Figures:
        """Compute a detector's recall by groups of people; see metrics.groups."""
        return boxes_by_group(self.truth, results, score)


class CrowdPoseBenchmark(CocoBenchmark):
    """Judge poses by CrowdPose's rules, see metrics.crowdpose."""

    metrics = (*crowdpose.METRICS, *crowdpose.LEVELS)

    def _annotated(self, content: Any) -> Skeleton:
        return get_skeleton(crowdpose_files.SKELETON)

    def _load(self, content: Any) -> COCO:
        return crowdpose_files.load_ground_truth(self.path, content, self.skeleton)

    def score(self, results: Predictions) -> dict[str, float]:
        """Compute the figures of metrics; see Benchmark."""
        return crowdpose.keypoint_ap(self.truth, results)


class MpiiBenchmark(Benchmark):
    """Judge poses by MPII's PCKh, see metrics.pckh.

    Attributes:
        truth: the annotations.
    """

    skeleton = get_skeleton(mpii.SKELETON)

    def __init__(self, data: str | Path, content: Any, half: str | None = None) -> None:
        super().__init__(data, half)
        self.truth = select_half(self._load(content), half)

    def _load(self, content: Any) -> mpii.Persons:
        return mpii.load_ground_truth(self.path, content)

    def check_model(self, spec: ModelSpec, model: str, boxes_file: str | Path | None) -> None:
        """Check that model, annotations and boxes belong together; see Benchmark."""
        name = spec.require_skeleton().name
        if name != mpii.SKELETON:
            raise DataError(f"{self.data}: expected a model with the skeleton {mpii.SKELETON}, got {model} with {name}")
        if boxes_file or spec.task in WHOLE_FRAME:
            raise DataError(f"MPII is judged on its own boxes: expected a top-down model and no --boxes, got {model}")

    def run(self, estimator: Estimator, boxes_file: str | Path | None) -> tuple[Figures, list[Result]]:
        """Run a model on the images; see Benchmark."""
        results = run_on_persons(estimator, self.truth, self.path.parent)
        return {"boxes": "ground truth", "persons": len(results)}, results

    def read_predictions(self, path: str | Path) -> tuple[Figures, np.ndarray]:
        """Read a file of predictions; see Benchmark."""
        xy = read_mpii(path, len(self.truth.file_name))
        return {"persons": len(xy)}, xy

    def with_missed(self, results: list[Result], finite: list[Result]) -> list[Result]:
        """Return all results, because every person keeps an entry; joints that are not finite go far away."""
        fine = {id(result) for result in finite}
        missed = {"keypoints": [FAR_AWAY, FAR_AWAY, 0.0] * mpii.JOINTS, "score": 0.0}
        return [result if id(result) in fine else {**result, **missed} for result in results]

    def xy(self, results: Predictions, source: str | Path = "predictions") -> np.ndarray:
        """Return predictions as (N, 16, 2) px in the order of the persons.

        Args:
            results: the predictions of one source.
            source: its name, for messages.

        Raises:
            DataError: a person has no prediction or more than one.
        """
        return results if isinstance(results, np.ndarray) else xy_by_person(results, source, len(self.truth.file_name))

    def score(self, results: Predictions) -> dict[str, float]:
        """Compute PCKh, and PCK by the size of the torso; see Benchmark."""
        xy = self.xy(results)
        return {**pckh_figures(xy, self.truth), **torso_pck(xy, self.truth)}

    def by_group(self, results: Predictions) -> Figures:
        """Raise ConfigError: there are no groups."""
        raise self._without_groups()

    def boxes_by_group(self, results: list[Result], score: float) -> Figures:
        """Raise ConfigError: there are no groups."""
        raise self._without_groups()

    def _without_groups(self) -> ConfigError:
        return ConfigError(f"expected --groups with COCO's or CrowdPose's annotations, got {self.data}")


def open_benchmark(
    data: str | Path,
    half: str | None = None,
    content: Any = None,
    skeletons: Sequence[Skeleton] = (),
    sigma: float | None = None,
) -> Benchmark:
    """Read an annotation file, and choose the benchmark by its content.

    Args:
        data: the annotation file, or the folder of its person_keypoints.json.
        half: one of splits.HALVES, None for all images.
        content: content of the JSON file, None to read it.
        skeletons: those of the models that will be judged, see judged_skeleton.
        sigma: OKS sigma of all keypoints, None for those of the skeleton.

    Raises:
        DataError: the file cannot be read or is malformed, or the half has nobody with keypoints.
        ConfigError: a half or a sigma for MPII's annotations.
    """
    path = annotation_file(data)
    if content is None and path.suffix != ".h5":
        content = read_json(path)
    if is_test_set(content):
        raise DataError(f"{path}: expected persons with keypoints, found none (for a test set there is --submit)")
    if isinstance(content, dict):
        kind = CrowdPoseBenchmark if crowdpose_files.is_crowdpose(content) else CocoBenchmark
        return kind(data, content, half, skeletons, sigma)
    if sigma is not None:
        raise ConfigError(f"expected --sigma with COCO's or CrowdPose's annotations, got {data}")
    return MpiiBenchmark(data, content, half)


class Benchmarks:
    """Open the benchmarks of one annotation file when they are first needed. The file is read once.

    Args:
        data: annotation file, or its folder.
        half: "choose" or "report", None for all images.
        skeletons: those of the models that will be judged, see judged_skeleton.
        sigma: OKS sigma of all keypoints, None for those of the skeleton.
    """

    def __init__(
        self,
        data: str | Path,
        half: str | None = None,
        skeletons: Sequence[Skeleton] = (),
        sigma: float | None = None,
    ) -> None:
        self._data, self._half, self._skeletons, self._sigma = data, half, skeletons, sigma

    @cached_property
    def _content(self) -> Any:
        path = annotation_file(self._data)
        return None if path.suffix == ".h5" else read_json(path)

    @cached_property
    def poses(self) -> Benchmark:
        """Return the benchmark of pose models and predictions. Raises as open_benchmark."""
        return open_benchmark(self._data, self._half, self._content, self._skeletons, self._sigma)

    @cached_property
    def detectors(self) -> DetectorBenchmark:
        """Return the benchmark of person detectors. Raises DataError where the file cannot be read."""
        return DetectorBenchmark(self._data, self._content, self._half)
