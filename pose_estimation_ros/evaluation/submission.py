"""Run a pose model on a test set without annotations, and write its predictions for the server that judges them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import check_writable, read_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import spec_path
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets import coco_index, mpii, test_sets
from pose_estimation_ros.datasets.coco_json import annotation_file, checked_content
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.accuracy import predictions_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import CocoBenchmark, MpiiBenchmark
from pose_estimation_ros.evaluation.end_to_end import predictions_end_to_end
from pose_estimation_ros.evaluation.evaluate import Evaluation, is_detector, pipeline_options, used_options
from pose_estimation_ros.evaluation.protocols import find_protocol
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile

OF_FIGURES = ("predictions", "sigma", "half", "groups", "report", "draws", "save")  # options that need annotations


class CocoTestSet(CocoBenchmark):
    """Hold the images of COCO's test set. Annotations that the file has are left out."""

    endings = test_sets.COCO_ENDINGS

    def __init__(self, data: str | Path, content: dict[str, Any]) -> None:
        super().__init__(data, {**content, "annotations": []})

    def _annotated(self, content: Any) -> Skeleton:
        return coco_index.COCO17

    def _load(self, content: Any) -> COCO:
        checked, categories = checked_content(content, self.path, self.skeleton)
        truth = coco_index.index(checked["images"], [], categories, self.skeleton)
        test_sets.refuse_text_ids(self.path, truth.imgs)  # before the model runs, which takes hours
        return truth

    @property
    def image_count(self) -> int:
        """Return the number of images."""
        return len(self.truth.imgs)

    def write(self, results: list[Result], file: str | Path) -> int:
        """Write predictions for COCO's server, and return the number of people; see test_sets.write_coco.

        Args:
            results: the predictions.
            file: the .zip or .json.
        """
        return test_sets.write_coco(file, results, self.truth.imgs)


class MpiiTestSet(MpiiBenchmark):
    """Hold the persons of MPII's test set. Joints that the file has are left out."""

    endings = test_sets.MPII_ENDINGS

    def _load(self, content: Any) -> mpii.Persons:
        return test_sets.read_mpii_persons(self.path, content)

    @property
    def image_count(self) -> int:
        """Return the number of images."""
        return len(set(self.truth.file_name))

    def write(self, results: list[Result], file: str | Path) -> int:
        """Write predictions of all persons, and return their number; see test_sets.write_mpii.

        Args:
            results: the predictions.
            file: the .h5.
        """
        return test_sets.write_mpii(file, self.xy(results))


class Submission(NamedTuple):
    """Hold what was written for a test server: the file, and the number of people and of images."""

    file: Path
    people: int
    images: int


def check_submission(evaluation: Evaluation, file: str | Path) -> None:
    """Check what can be checked before anything is read.

    Args:
        evaluation: see submit.
        file: see submit.

    Raises:
        ConfigError: not one model, options that only figures have, or a name that no server takes.
    """
    if len(evaluation.models) != 1:
        raise ConfigError(f"expected --submit with one --model, got {len(evaluation.models)}")
    options = used_options(evaluation, OF_FIGURES)
    if options:
        raise ConfigError(f"expected --submit, which measures nothing, or {', '.join(options)}, got both")
    test_sets.check_name(file, (*test_sets.COCO_ENDINGS, *test_sets.MPII_ENDINGS))


def submit(evaluation: Evaluation, file: str | Path) -> Submission:
    """Run a model on a test set, and write its predictions for the test server, as a whole file or not at all.

    Args:
        evaluation: the data, one model, and how it is run; what concerns figures has its default.
        file: for COCO a .zip, named as its server wants, or a .json; for MPII an .h5.

    Raises:
        ConfigError: options do not go together, or the file has a name that the server does not take.
        DataError: test set, boxes or images are missing or malformed, or the file cannot be written.
        ModelError: the model cannot be opened.
    """
    check_submission(evaluation, file)
    model = find_model(str(evaluation.models[0]), device=evaluation.device)
    refuse_inputs(file, (annotation_file(evaluation.data), evaluation.boxes, model.path, spec_path(model.path)))
    test_set = open_test_set(evaluation.data)
    test_sets.check_name(file, test_set.endings)
    refuse_without_boxes(evaluation, model, test_set)
    check_writable(file)
    results = predictions(evaluation, model, test_set)
    return Submission(Path(file), test_set.write(results, file), test_set.image_count)


def refuse_inputs(file: str | Path, inputs: Iterable[str | Path | None]) -> None:
    """Raise ConfigError where a file is to be written over one that is read.

    Args:
        file: the file that is to be written.
        inputs: files that are read.
    """
    for path in inputs:
        if path is not None and os.path.realpath(path) == os.path.realpath(file):
            raise ConfigError(f"expected --submit with a new file, got {file}, which is read")


def open_test_set(data: str | Path) -> CocoTestSet | MpiiTestSet:
    """Read the images of a test set, or of an annotated set, and tell by the content whether it is COCO's or MPII's.

    Args:
        data: the annotation file, or the folder of its person_keypoints.json.

    Raises:
        DataError: the file cannot be read or is malformed.
    """
    path = annotation_file(data)
    content = None if path.suffix == ".h5" else read_json(path)
    return CocoTestSet(data, content) if isinstance(content, dict) else MpiiTestSet(data, content)


def refuse_without_boxes(evaluation: Evaluation, model: ModelFile, test_set: CocoTestSet | MpiiTestSet) -> None:
    """Raise ConfigError where nothing finds people for a model, or where the model is no pose model.

    Args:
        evaluation: see submit.
        model: its model.
        test_set: MPII's has boxes.
    """
    if is_detector(model):
        raise ConfigError(f"expected --submit with a pose model, got the detector {model.path}")
    needs_boxes = isinstance(test_set, CocoTestSet) and model.spec is not None and model.spec.task == "top_down"
    if needs_boxes and not (evaluation.boxes or evaluation.end_to_end):
        raise ConfigError(f"expected --boxes or --end-to-end to find the people for {model.path}, got neither")


def predictions(evaluation: Evaluation, model: ModelFile, test_set: CocoTestSet | MpiiTestSet) -> list[Result]:
    """Run a model on a test set; those of MPII are complete, with joints far away where they are not finite.

    Args:
        evaluation: see submit.
        model: its model.
        test_set: the images.
    """
    if evaluation.end_to_end:
        return predictions_end_to_end(model, test_set, pipeline_options(evaluation))
    protocol = find_protocol(evaluation.protocol, evaluation.flip)
    options = evaluation.boxes, protocol, evaluation.threads, evaluation.device
    return predictions_of_pose_model(model, test_set, *options)[1]
