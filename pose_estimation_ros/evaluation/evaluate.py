"""Evaluate pose models, person detectors and files of predictions on annotated images, and write the figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pose_estimation_ros.core.atomic_files import file_sha256, write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.fields import (
    PATH,
    TEXT,
    TRUE_OR_FALSE,
    Rule,
    check_fields,
    list_of,
    number,
    one_of,
    optional,
    whole,
)
from pose_estimation_ros.core.model_spec import spec_path
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.accuracy import (
    accuracy_of_detector,
    accuracy_of_pose_model,
    accuracy_of_predictions,
)
from pose_estimation_ros.evaluation.benchmarks import Benchmark, Benchmarks, CocoBenchmark, Figures, Predictions
from pose_estimation_ros.evaluation.end_to_end import accuracy_end_to_end
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS, MAX_DRAWS
from pose_estimation_ros.evaluation.protocols import PROTOCOLS, find_protocol
from pose_estimation_ros.evaluation.report.summary import Source
from pose_estimation_ros.evaluation.report.write import write_report
from pose_estimation_ros.evaluation.spec_figures import save_accuracy
from pose_estimation_ros.evaluation.splits import HALVES
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.detector import FULL_FRAME, open_network_detector
from pose_estimation_ros.inference.options import DEFAULTS, PIPELINE_OPTIONS, PipelineOptions, option_rule

SIGMA = number(1e-6, 10)  # as in core.skeleton
MODEL_OPTIONS = ("end_to_end", "protocol", "flip", "boxes")  # of pose models alone

# The rules of the fields that Evaluation and Comparison share.
SHARED_RULES: dict[str, Rule] = {
    "data": PATH,
    "models": list_of(PATH),
    "protocol": optional(one_of(PROTOCOLS)),
    "flip": optional(TRUE_OR_FALSE),
    "boxes": optional(PATH),
    "sigma": optional(SIGMA),
    "pipeline": PIPELINE_OPTIONS,
    "out": PATH,
    "threads": option_rule("threads"),
    "device": option_rule("device"),
}
RULES: dict[str, Rule] = {
    **SHARED_RULES,
    "predictions": list_of(PATH),
    "end_to_end": TRUE_OR_FALSE,
    "half": optional(one_of(HALVES)),
    "groups": TRUE_OR_FALSE,
    "report": optional(PATH),
    "draws": whole(1, MAX_DRAWS),
    "save": optional(TEXT),
}


@dataclass(frozen=True)
class Evaluation:
    """Describe an evaluation of models and files of predictions; its fields are checked when it is made.

    Attributes:
        data: annotation file with images/ beside it, or the folder of its person_keypoints.json and images/.
        models: names or files of ONNX models and engines.
        predictions: files of keypoints, see datasets.predictions.
        protocol: one of protocols.PROTOCOLS, None for the plain one. For models alone, as flip and boxes are.
        flip: whether the mean of an image and its mirror image counts, None for the protocol's.
        boxes: file of person boxes in COCO's detections format, None for the annotated boxes.
        sigma: OKS sigma of all keypoints, None for those of the skeleton.
        end_to_end: measure whole pipelines, with their own detector and thresholds, in place of pose networks in given
            boxes. A report has both.
        pipeline: options of these pipelines; model, threads, device and flip are those of the evaluation.
        half: one of splits.HALVES, None for all images.
        groups: add figures by size, visibility and crowding of people, and the kinds of errors.
        out: folder for the JSON files.
        report: folder for report.html, None for no report.
        draws: number of draws of the report's bootstrap.
        save: also keep the figures in the spec of each model, under this name in its "accuracy".
        threads: number of threads of the CPU, 0 = as many as cores.
        device: what runs the networks, see open_backend.

    Raises:
        ConfigError: a field has the wrong type or is out of range.
    """

    data: str | Path
    models: Sequence[str | Path] = ()
    predictions: Sequence[str | Path] = ()
    protocol: str | None = None
    flip: bool | None = None
    boxes: str | Path | None = None
    sigma: float | None = None
    end_to_end: bool = False
    pipeline: PipelineOptions = DEFAULTS
    half: str | None = None
    groups: bool = False
    out: str | Path = "out/evaluation"
    report: str | Path | None = None
    draws: int = DRAWS
    save: str | None = None
    threads: int = 0
    device: str = DEVICES[0]

    def __post_init__(self) -> None:
        """Check and convert all fields."""
        vars(self).update(check_fields(vars(self), RULES))


class Evaluated(NamedTuple):
    """Hold the outcome of one model or file of predictions.

    Attributes:
        source: the model or file as the report shows it, with its figures.
        figures: these and those by group.
        file: the JSON file that holds them.
    """

    source: Source
    figures: Figures
    file: Path


class EvaluationResult(NamedTuple):
    """Hold the results of evaluate().

    Attributes:
        evaluated: the outcomes, models first.
        report: path of the HTML page, None without one.
    """

    evaluated: list[Evaluated]
    report: Path | None


def evaluate(evaluation: Evaluation, on_evaluated: Callable[[Evaluated], None] | None = None) -> EvaluationResult:
    """Evaluate models and files of predictions one after the other, and write their figures.

    Args:
        evaluation: settings of the evaluation.
        on_evaluated: called after each of them, because one may take minutes.

    Raises:
        ConfigError: options do not go together.
        DataError: annotations, boxes, predictions or images are missing or malformed.
        ModelError: a model cannot be opened.
    """
    check_options(evaluation)
    models = [find_model(str(model), device=evaluation.device) for model in evaluation.models]
    if evaluation.report and any(is_detector(model) for model in models):
        listed = ", ".join(map(str, evaluation.models))
        raise ConfigError(f"expected --report with pose models alone, got a detector among {listed}")
    check_detector(evaluation, models)
    benchmarks = Benchmarks(evaluation.data, evaluation.half, skeletons_of(models), evaluation.sigma)
    files = [Path(file) for file in evaluation.predictions]
    names = distinct_names([*(Path(model.path) for model in models), *files])
    steps = [partial(evaluate_model, model) for model in models]
    steps += [partial(evaluate_predictions, file) for file in files]
    evaluated = []
    for step, name in zip(steps, names):
        evaluated.append(step(name, evaluation, benchmarks))
        if on_evaluated:
            on_evaluated(evaluated[-1])
    if not evaluation.report:
        return EvaluationResult(evaluated, None)
    sources = [outcome.source for outcome in evaluated]
    return EvaluationResult(evaluated, write_report(evaluation.report, benchmarks.poses, sources, evaluation.draws))


def check_options(evaluation: Evaluation) -> None:
    """Raise ConfigError where options do not go together."""
    if not evaluation.models and not evaluation.predictions:
        raise ConfigError("expected --model or --predictions, got neither")
    options = used_options(evaluation, (*MODEL_OPTIONS, "save"))
    if options and not evaluation.models:
        files = " ".join(map(str, evaluation.predictions))
        raise ConfigError(f"expected {', '.join(options)} with --model alone, got --predictions {files}")
    of_boxes = used_options(evaluation, ("protocol", "boxes"))
    if evaluation.end_to_end and of_boxes:
        raise ConfigError(f"expected --end-to-end, whose detector finds the boxes, or {of_boxes[0]}, got both")
    if evaluation.pipeline != DEFAULTS and not (evaluation.end_to_end or evaluation.report):
        changed = flags(
            name for name, value in DEFAULTS._asdict().items() if getattr(evaluation.pipeline, name) != value
        )
        raise ConfigError(f"expected {', '.join(changed)} with --end-to-end or --report, got neither")


def check_detector(evaluation: Evaluation, models: Sequence[ModelFile]) -> None:
    """Raise ModelError at once, and not after a long evaluation in given boxes, where pipelines will have no detector.

    Args:
        evaluation: settings of the evaluation.
        models: its models.
    """
    needed = any(model.spec and model.spec.task == "top_down" for model in models)
    detector = evaluation.pipeline.detector
    if needed and (evaluation.end_to_end or evaluation.report) and detector != FULL_FRAME:
        open_network_detector(detector, evaluation.threads, device=evaluation.device).close()


def skeletons_of(models: Sequence[ModelFile]) -> list[Skeleton]:
    """Return the skeletons of the pose models among models."""
    return [model.spec.skeleton for model in models if model.spec and model.spec.skeleton]


def used_options(evaluation: Evaluation, names: Sequence[str]) -> list[str]:
    """Return those of the options that have another value than their default, as the command line writes them.

    Args:
        evaluation: settings of the evaluation.
        names: names of its fields.
    """
    return flags(name for name in names if getattr(evaluation, name) != getattr(Evaluation, name))


def flags(names: Iterable[str]) -> list[str]:
    """Return the names of options as the command line writes them."""
    return [f"--{name.replace('_', '-')}" for name in names]


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Name files in tables and in the names of what is written.

    Args:
        paths: paths of the files.

    Returns:
        The stem of each, after its folder's name where another file has the same stem.

    Raises:
        ConfigError: names are the same nevertheless.
    """
    stems = [path.stem for path in paths]
    names = [s if stems.count(s) == 1 else f"{p.absolute().parent.name}_{s}" for p, s in zip(paths, stems)]
    for path, name in zip(paths, names):
        if names.count(name) > 1:
            raise ConfigError(f"expected files of different names, got {names.count(name)} like {path}")
    return names


def is_detector(model: ModelFile) -> bool:
    """Tell whether a model is a detector."""
    return model.spec is not None and model.spec.task == "person_detector"


def evaluate_model(model: ModelFile, name: str, evaluation: Evaluation, benchmarks: Benchmarks) -> Evaluated:
    """Evaluate a model, and write its predictions and figures; see evaluate."""
    target = Path(evaluation.out, f"{name}.json")
    refuse_spec(model, target)
    run = run_detector if is_detector(model) else run_pose_model
    figures, results = run(model, evaluation, benchmarks)
    write_json(Path(evaluation.out, f"{name}_results.json"), results, indent=1)
    all_figures = {**figures, **by_group(evaluation, benchmarks, figures, results)}
    if evaluation.save:
        save_accuracy(model, evaluation.save, all_figures)
    if not is_detector(model):
        all_figures.update(reliability_of(benchmarks.poses, results))
    training = model.spec.training if model.spec else {}
    other = {} if is_detector(model) else other_way(model, evaluation, benchmarks)
    source = Source(name, "model", Path(model.path), figures, results, training, model_sha256(model), other)
    return write_outcome(source, all_figures, evaluation.data, target)


def refuse_spec(model: ModelFile, target: Path) -> None:
    """Raise ConfigError where figures would be written over the model's spec.

    Args:
        model: the model.
        target: path of the JSON file with the figures.
    """
    if target.resolve() == Path(spec_path(model.path)).resolve():
        raise ConfigError(f"expected --out other than the model's folder, where {target} is its spec")


def run_pose_model(model: ModelFile, evaluation: Evaluation, benchmarks: Benchmarks) -> tuple[Figures, list[Result]]:
    """Measure the accuracy of a pose model; see evaluate."""
    if evaluation.end_to_end:
        return run_end_to_end(model, evaluation, benchmarks)
    protocol = find_protocol(evaluation.protocol, evaluation.flip)
    threads, device = evaluation.threads, evaluation.device
    return accuracy_of_pose_model(model, benchmarks.poses, evaluation.boxes, protocol, threads, device)


def run_end_to_end(model: ModelFile, evaluation: Evaluation, benchmarks: Benchmarks) -> tuple[Figures, list[Result]]:
    """Measure the accuracy of a pose model as a part of its pipeline; see evaluate."""
    return accuracy_end_to_end(model, benchmarks.poses, pipeline_options(evaluation))


def pipeline_options(evaluation: Evaluation) -> PipelineOptions:
    """Return the options of the pipelines of an evaluation."""
    options = evaluation.pipeline._replace(threads=evaluation.threads, device=evaluation.device)
    if evaluation.end_to_end and evaluation.flip is not None:
        options = options._replace(flip_test=evaluation.flip)
    return options


def other_way(model: ModelFile, evaluation: Evaluation, benchmarks: Benchmarks) -> Figures:
    """Measure for the report what is not asked for: end to end, or else in the annotated boxes; {} where there is none.

    Args:
        model: the pose model.
        evaluation: settings of the evaluation.
        benchmarks: benchmarks of the annotation file.
    """
    if not evaluation.report or not isinstance(benchmarks.poses, CocoBenchmark):
        return {}
    if evaluation.end_to_end:
        return run_pose_model(model, replace(evaluation, end_to_end=False), benchmarks)[0]
    return run_end_to_end(model, evaluation, benchmarks)[0]


def run_detector(model: ModelFile, evaluation: Evaluation, benchmarks: Benchmarks) -> tuple[Figures, list[Result]]:
    """Measure the accuracy of a person detector; see evaluate."""
    options = used_options(evaluation, MODEL_OPTIONS)
    if options:
        raise ConfigError(f"expected {', '.join(options)} with pose models alone, got the detector {model.path}")
    return accuracy_of_detector(model, benchmarks.detectors, evaluation.threads, evaluation.device)


def evaluate_predictions(path: Path, name: str, evaluation: Evaluation, benchmarks: Benchmarks) -> Evaluated:
    """Evaluate a file of predictions, and write its figures; see evaluate."""
    figures, predictions = accuracy_of_predictions(path, benchmarks.poses)
    all_figures = {**figures, **by_group(evaluation, benchmarks, figures, predictions)}
    target = Path(evaluation.out, f"{name}_accuracy.json")
    source = Source(name, "predictions", path, figures, predictions, {}, file_sha256(str(path)))
    return write_outcome(source, all_figures, evaluation.data, target)


def by_group(evaluation: Evaluation, benchmarks: Benchmarks, figures: Figures, results: Predictions) -> Figures:
    """Compute the figures by group, if they are requested; a detector's at 1 false positive per image.

    Args:
        evaluation: settings of the evaluation.
        benchmarks: benchmarks of the annotation file.
        figures: figures of the model.
        results: predictions of the model.
    """
    if not evaluation.groups:
        return {}
    score = figures.get("score_at_1_fp")
    if score is None:
        return benchmarks.poses.by_group(results)
    return benchmarks.poses.boxes_by_group(list(results), score)


def reliability_of(benchmark: Benchmark, results: list[Result]) -> Figures:
    """Return how well the scores of a model are calibrated, as the figure "reliability"; {} where that is not known.

    Args:
        benchmark: judges the results.
        results: predictions of the model.
    """
    figures = benchmark.reliability(results)
    return {"reliability": figures} if figures else {}


def model_sha256(model: ModelFile) -> str:
    """Return the sha256 of a model's file, without reading the file once more where that is possible."""
    if model.content:
        return hashlib.sha256(model.content).hexdigest()
    return model.spec.sha256 if model.spec else file_sha256(model.path)  # find_model has compared the two


def write_outcome(source: Source, figures: Figures, data: str | Path, target: Path) -> Evaluated:
    """Write the figures of a model or file of predictions, and return its outcome.

    Args:
        source: the model or file.
        figures: all that are written, those by group included.
        data: the annotation file or its folder.
        target: the JSON file.
    """
    file = {source.kind: source.path.name, "sha256": source.sha256, "data": str(data)}
    write_json(target, {**file, **figures}, indent=1)
    return Evaluated(source, figures, target)
