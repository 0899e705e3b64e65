"""Compare speed and accuracy of models side by side, on this machine.

Accuracy is that of evaluate(), with the same options; pose models have it twice, end to end as pose_node runs them and
in given boxes. "frame ms" is the median time of a whole frame end to end, from the decoded image to its people. The
other milliseconds are those of the network alone at batch 1 (top-down: one person, others: one image), in the input
size of its file, warm. The models take turns in both, so that whatever else the machine does meets all alike; the ratio
is the median of the rounds' ratios to the first model. Parameters and MACs are counted in the ONNX file; its batch
norms are part of its convolutions, so it has fewer parameters than the training network.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.fields import check_fields, whole
from pose_estimation_ros.core.machine import UNKNOWN, describe_machine
from pose_estimation_ros.core.model_spec import END_TO_END, POSE_TASKS
from pose_estimation_ros.core.timing import percentiles, take_turns
from pose_estimation_ros.evaluation.accuracy import accuracy_of_detector, accuracy_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import Benchmarks, CocoBenchmark, Figures
from pose_estimation_ros.evaluation.comparison_plot import WHOLE, Point, plot
from pose_estimation_ros.evaluation.end_to_end import THRESHOLDS, figures_of, open_pipeline, run_pipelines
from pose_estimation_ros.evaluation.evaluate import (
    SHARED_RULES,
    distinct_names,
    is_detector,
    skeletons_of,
)
from pose_estimation_ros.evaluation.onnx_cost import onnx_cost
from pose_estimation_ros.evaluation.protocols import find_protocol, under_protocol
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.detector import open_network_detector
from pose_estimation_ros.inference.options import DEFAULTS, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline

WARM_UP = 5  # rounds
# The figures by which models are compared; the first that a model has counts. Each has a name and a factor to percent.
HEADLINES = {"AP": ("AP", 1), "Mean@0.5": ("PCKh@0.5", 1), "recall_at_1_fp": ("recall at 1 false positive", 100)}
WHOLE_FIGURES = ("AP", "people_found", "false_per_image")  # of a pipeline
COLUMNS = ("model", "end to end", "accuracy", "frame ms", "p50 ms", "p90 ms", "ratio", "M params", "Gi MACs", "MB")

RULES = {**SHARED_RULES, "rounds": whole(1)}

Row = dict[str, Any]  # what compare.json has of a model


@dataclass(frozen=True)
class Comparison:
    """Describe a comparison of models; its fields are checked when it is made.

    Attributes:
        models: as Evaluation's; ratios are to the first.
        data: annotation file with images/ beside it, or the folder of its person_keypoints.json and images/.
        protocol: one of protocols.PROTOCOLS, None for the plain one. For pose models alone, as flip and boxes are.
        flip: whether the mean of an image and its mirror image counts, None for the protocol's.
        boxes: file of person boxes in COCO's detections format, None for the annotated boxes.
        sigma: OKS sigma of all keypoints, None for those of the skeleton.
        pipeline: options of the pipelines that are measured end to end; model, threads and device are those of the
            comparison.
        threads: number of threads of the CPU, 0 = as many as cores.
        device: what runs the networks, see open_backend.
        rounds: number of timed runs of each network.
        out: folder for compare.json, compare.csv and compare.png.

    Raises:
        ConfigError: a field has the wrong type or is out of range.
    """

    models: Sequence[str | Path]
    data: str | Path
    protocol: str | None = None
    flip: bool | None = None
    boxes: str | Path | None = None
    sigma: float | None = None
    pipeline: PipelineOptions = DEFAULTS
    threads: int = 0
    device: str = DEVICES[0]
    rounds: int = 50
    out: str | Path = "out/compare"

    def __post_init__(self) -> None:
        """Check and convert all fields."""
        vars(self).update(check_fields(vars(self), RULES))


class Candidate(NamedTuple):
    """Hold a model to compare.

    Attributes:
        name: name of the model.
        path: path of its file.
        task: task of its spec.
        image: an array of batch 1.
        network: run on the image, to be timed.
        accuracy: computes the figures.
        pipeline: the model in its pipeline, None where it is not measured end to end.
    """

    name: str
    path: Path
    task: str
    image: np.ndarray
    network: Callable[[np.ndarray], Any]
    accuracy: Callable[[], Figures]
    pipeline: Pipeline | None = None


def compare(
    comparison: Comparison,
    additional: Sequence[Candidate] = (),
    on_measured: Callable[[list[Row]], None] | None = None,
) -> list[Row]:
    """Measure models, and write compare.json, compare.csv and compare.png.

    Args:
        comparison: settings of the comparison.
        additional: further models, which are compared with those of the comparison.
        on_measured: called with the rows before they are written.

    Returns:
        A row for each model.

    Raises:
        ConfigError, DataError, ModelError: before anything that takes long.
    """
    if not comparison.models and not additional:
        raise ConfigError("expected at least one model, got none")
    refuse_unwritable(comparison.out)
    models = [find_model(str(model), device=comparison.device) for model in comparison.models]
    benchmarks = Benchmarks(comparison.data, skeletons=skeletons_of(models), sigma=comparison.sigma)
    candidates = [*open_candidates(comparison, models, benchmarks), *additional]
    rows = measure(candidates, benchmarks, comparison.rounds)
    if on_measured:
        on_measured(rows)
    write_files(comparison, rows)
    return rows


def write_files(comparison: Comparison, rows: list[Row]) -> None:
    """Write compare.json, compare.csv and compare.png.

    Args:
        comparison: settings of the comparison.
        rows: results of the models.
    """
    run = {
        "data": str(comparison.data),
        "machine": machine(),
        "threads": comparison.threads or os.cpu_count(),
        "device": comparison.device,
        "rounds": comparison.rounds,
        **{name: getattr(comparison.pipeline, name) for name in ("detector", *THRESHOLDS)},
        "models": rows,
    }
    write_json(Path(comparison.out, "compare.json"), run, indent=1)
    write_whole(Path(comparison.out, "compare.csv"), as_csv(rows))
    write_whole(Path(comparison.out, "compare.png"), plot([point for row in rows for point in points(row)], machine()))


def open_candidates(comparison: Comparison, models: Sequence[ModelFile], benchmarks: Benchmarks) -> list[Candidate]:
    """Open the models of a comparison. Raises ConfigError, DataError and ModelError, before anything takes long.

    Args:
        comparison: settings of the comparison.
        models: the models.
        benchmarks: benchmarks of the annotation file.
    """
    names = distinct_names([Path(model.path) for model in models])
    return [
        (detector_candidate if is_detector(model) else pose_candidate)(model, name, comparison, benchmarks)
        for model, name in zip(models, names)
    ]


def refuse_unwritable(folder: str | Path) -> None:
    """Raise ConfigError unless files can be written into a folder, which is made."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(f"expected a folder to write into as --out, got {folder}: {error}") from error


def pose_candidate(model: ModelFile, name: str, comparison: Comparison, benchmarks: Benchmarks) -> Candidate:
    """Open a pose model, and check that model, annotations, boxes and protocol belong together.

    Args:
        model: the model.
        name: its name in the table.
        comparison: settings of the comparison.
        benchmarks: benchmarks of the annotation file.
    """
    protocol = find_protocol(comparison.protocol, comparison.flip)
    threads, device = comparison.threads, comparison.device
    pipeline = None
    if isinstance(benchmarks.poses, CocoBenchmark):
        pipeline = open_pipeline(model, benchmarks.poses, comparison.pipeline._replace(threads=threads, device=device))
        backend, spec = pipeline.backend, pipeline.spec
    else:
        backend, spec = open_model(model, POSE_TASKS, threads, device=device)
    benchmarks.poses.check_model(spec, model.path, comparison.boxes)
    under_protocol(protocol, spec)
    image = noise((1, 3, *spec.input_size_wh[::-1]))

    def accuracy() -> Figures:
        boxes = comparison.boxes
        return accuracy_of_pose_model(model, benchmarks.poses, boxes, protocol, threads, device)[0]

    return Candidate(name, Path(model.path), spec.task, image, backend, accuracy, pipeline)


def detector_candidate(model: ModelFile, name: str, comparison: Comparison, benchmarks: Benchmarks) -> Candidate:
    """Open a person detector.

    Args:
        model: the model.
        name: its name in the table.
        comparison: settings of the comparison.
        benchmarks: benchmarks of the annotation file.
    """
    threads, device = comparison.threads, comparison.device
    backend = open_network_detector(model, threads, device=device).backend

    def accuracy() -> Figures:
        return accuracy_of_detector(model, benchmarks.detectors, threads, device)[0]

    image = noise([1, *(size or 1 for size in backend.input_shape[1:])])
    return Candidate(name, Path(model.path), "person_detector", image, backend, accuracy)


def noise(shape: Sequence[int]) -> np.ndarray:
    """Make a float32 image of random numbers 0..255, always the same."""
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def measure(models: Sequence[Candidate], benchmarks: Benchmarks, rounds: int) -> list[Row]:
    """Measure cost, speed and accuracy of models.

    Args:
        models: the open models.
        benchmarks: benchmarks of the annotation file.
        rounds: number of timed runs of each model.
    """
    costs = [cost(model) for model in models]
    times = take_turns([partial(model.network, model.image) for model in models], rounds, WARM_UP)
    speeds = [speed(column, times[:, 0]) for column in times.T]
    whole = end_to_end([model.pipeline for model in models], benchmarks)
    figures = [model.accuracy() for model in models]
    return [
        {"model": model.name, "task": model.task, **ended, **accuracy, **fast, **counted}
        for model, ended, accuracy, fast, counted in zip(models, whole, figures, speeds, costs)
    ]


def end_to_end(pipelines: Sequence[Pipeline | None], benchmarks: Benchmarks) -> list[Figures]:
    """Measure pipelines on all images.

    Args:
        pipelines: the open pipelines, None where a model is not measured end to end.
        benchmarks: benchmarks of the annotation file.

    Returns:
        Of each WHOLE_FIGURES, named end_to_end_..., and the median time of a frame, ms; {} where there is no pipeline.
    """
    opened = [pipeline for pipeline in pipelines if pipeline]
    if not opened:
        return [{} for _ in pipelines]
    run = run_pipelines(opened, benchmarks.poses)
    rows = []
    for pipeline, results, times in zip(opened, run.results, run.frame_ms.T):
        figures = figures_of(pipeline, benchmarks.poses, results)
        named = {f"{END_TO_END}_{name}": figures[name] for name in WHOLE_FIGURES}
        rows.append({**named, "frame_ms": round(float(np.median(times)), 3)})
    measured = iter(rows)
    return [next(measured) if pipeline else {} for pipeline in pipelines]


def cost(model: Candidate) -> dict[str, int | None]:
    """Return parameters and MACs, None for an engine, in which they cannot be counted; and the size of the file."""
    size = {"file_bytes": model.path.stat().st_size}
    if model.path.suffix != ".onnx":
        return {"parameters": None, "macs": None, **size}
    return {**onnx_cost(model.path, model.image.shape)._asdict(), **size}


def speed(times: np.ndarray, first: np.ndarray) -> dict[str, float]:
    """Summarise the times of a model.

    Args:
        times: (rounds,) ms.
        first: (rounds,) ms of the first model.
    """
    summary = percentiles(times.tolist())
    ratio = np.median(times / first)
    return {"p50_ms": summary["p50_ms"], "p90_ms": summary["p90_ms"], "ratio": round(float(ratio), 3)}


def headline(row: Row) -> tuple[str, float]:
    """Return the name of a row's accuracy, and its value in percent."""
    key = next(key for key in HEADLINES if key in row)
    name, factor = HEADLINES[key]
    return name, factor * row[key]


def points(row: Row) -> list[Point]:
    """Return the points of a row for the plot: model, name of its accuracy, ms, accuracy in percent."""
    name, value = headline(row)
    whole = [(row["model"], WHOLE, row["frame_ms"], row["end_to_end_AP"])] if "frame_ms" in row else []
    return [*whole, (row["model"], name, row["p50_ms"], value)]


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text, in the order of COLUMNS."""
    name, value = headline(row)
    counted, whole = row["parameters"] is not None, "frame_ms" in row
    return (
        row["model"],
        f"AP {row['end_to_end_AP']:.1f}" if whole else "-",
        f"{name} {value:.1f}",
        f"{row['frame_ms']:.1f}" if whole else "-",
        f"{row['p50_ms']:.2f}",
        f"{row['p90_ms']:.2f}",
        f"{row['ratio']:.2f}",
        f"{row['parameters'] / 1e6:.3f}" if counted else "-",
        f"{row['macs'] / 2**30:.3f}" if counted else "-",
        f"{row['file_bytes'] / 1e6:.1f}",
    )


def as_csv(rows: Sequence[Row]) -> bytes:
    """Write a line per model; a figure that a model does not have is empty."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def machine() -> str:
    """Return the processor's name, or its architecture where the name is unknown, and the number of cores."""
    description = describe_machine()
    name = description["architecture"] if description["cpu"] == UNKNOWN else description["cpu"]
    return f"{name}, {os.cpu_count()} cores"
