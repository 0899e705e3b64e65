"""Speed and accuracy of models side by side, on this machine: a table, compare.csv, compare.json and compare.png.

Accuracy is that of `pose evaluate`, with the same options; those of poses leave person detectors in the list alone.
Milliseconds are those of the network alone at batch 1 (top-down: one person, bottom-up and detectors: one image), in
the input size of its file, warm. The models take turns, so that whatever else the machine does meets all alike; the
ratio is the median of the rounds' ratios to the first model. Parameters and MACs are counted in the ONNX file, Gi =
MACs / 2^30; its batch norms are part of its convolutions, so it has fewer parameters than the training network.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.core.arguments import whole
from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.machine import UNKNOWN, describe_machine
from pose_estimation_ros.core.model_spec import POSE_TASKS
from pose_estimation_ros.core.timing import table, take_turns
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.accuracy import (
    accuracy_of_detector,
    accuracy_of_pose_model,
    boxes_of,
    check_fit,
    ground_truth,
)
from pose_estimation_ros.evaluation.comparison_plot import plot
from pose_estimation_ros.evaluation.evaluate import (
    add_engine_argument,
    add_protocol_arguments,
    distinct_names,
    is_detector,
    network_file,
)
from pose_estimation_ros.evaluation.onnx_cost import onnx_cost
from pose_estimation_ros.evaluation.protocols import applied, chosen
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.detector import open_detector

WARM_UP = 5  # rounds
# The figure by which models are compared, the first that they have: what it is called and what makes percent of it.
HEADLINES = {"AP": ("AP", 1), "Mean@0.5": ("PCKh@0.5", 1), "recall_at_1_fp": ("recall at 1 false positive", 100)}
COLUMNS = ("model", "accuracy", "p50 ms", "p90 ms", "ratio", "M params", "Gi MACs", "MB")


class Candidate(NamedTuple):
    """A model to compare. network: run on image, an array of batch 1, to be timed. accuracy: gives the figures."""

    name: str
    path: Path
    task: str
    image: np.ndarray
    network: Callable[[np.ndarray], Any]
    accuracy: Callable[[], dict[str, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    model_help = "as --model of `pose evaluate`; ratios are to the first"
    parser.add_argument("model", nargs="+", metavar="MODEL", help=model_help)
    parser.add_argument("--data", required=True, help="annotation file, or folder with person_keypoints.json")
    add_protocol_arguments(parser)
    parser.add_argument("--threads", type=whole(0, 256), default=0, help="CPU threads, 0 = as many as cores")
    add_engine_argument(parser)
    parser.add_argument("--rounds", type=whole(1), default=50, help="timed runs of each network (default: %(default)s)")
    parser.add_argument("--out", default="out/compare", help="folder of the files (default: %(default)s)")
    parser.set_defaults(save=None)


def main(args: argparse.Namespace) -> int:
    compare(candidates(args), args)
    return 0


def candidates(args: argparse.Namespace) -> list[Candidate]:
    """Of the command line, opened. Raises before anything takes long: ConfigError, DataError, ModelError."""
    refuse_unwritable(args.out)
    paths = [network_file(args, model) for model in args.model]
    make = [detector_candidate if is_detector(str(path)) else pose_candidate for path in paths]
    return [m(path, name, args) for m, path, name in zip(make, paths, distinct_names(paths))]


def refuse_unwritable(folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(f"expected a folder to write into as --out, got {folder}: {error}") from error


def pose_candidate(path: Path, name: str, args: argparse.Namespace) -> Candidate:
    protocol = chosen(args.protocol, args.flip)
    backend, spec = open_model(str(path), POSE_TASKS, args.threads, cpu_engine=args.cpu_engine)
    judge, truth = ground_truth(args.data)
    check_fit(spec, judge, str(path), args.data, args.boxes)
    if args.boxes and not isinstance(truth, mpii.Persons):  # with MPII they are refused
        boxes_of(args.boxes, truth)
    applied(protocol, spec)

    def accuracy() -> dict[str, Any]:
        return accuracy_of_pose_model(path, args.data, args.boxes, protocol, args.threads, args.cpu_engine)[0]

    return Candidate(name, path, spec.task, noise((1, 3, *spec.input_size_wh[::-1])), backend, accuracy)


def detector_candidate(path: Path, name: str, args: argparse.Namespace) -> Candidate:
    backend = open_detector(str(path), args.threads, cpu_engine=args.cpu_engine).backend
    return Candidate(
        name,
        path,
        "person_detector",
        noise((1, *backend.input_shape[1:])),
        backend,
        lambda: accuracy_of_detector(path, args.data, args.threads, args.cpu_engine)[0],
    )


def noise(shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def compare(models: Sequence[Candidate], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measures, prints and writes; returns the rows of compare.json."""
    costs = [cost(model) for model in models]
    times = take_turns([partial(model.network, model.image) for model in models], args.rounds, WARM_UP)
    speeds = [speed(own, times[:, 0]) for own in times.T]
    figures = [model.accuracy() for model in models]
    rows = [
        {"model": model.name, "task": model.task, **found, **fast, **counted}
        for model, found, fast, counted in zip(models, figures, speeds, costs)
    ]
    print(table(COLUMNS, map(cells, rows), words=2))
    run = {"data": str(args.data), "machine": machine(), "threads": args.threads or os.cpu_count()}
    run.update(cpu_engine=args.cpu_engine, rounds=args.rounds, models=rows)
    write_json(Path(args.out, "compare.json"), run, indent=1)
    write_whole(Path(args.out, "compare.csv"), as_csv(rows))
    write_whole(Path(args.out, "compare.png"), plot([point(r) for r in rows], machine()))
    print(f"wrote compare.csv, compare.json and compare.png into {args.out}")
    return rows


def cost(model: Candidate) -> dict[str, int | None]:
    """Parameters and MACs, None of an engine, which does not tell; size of the file."""
    size = {"file_bytes": model.path.stat().st_size}
    if model.path.suffix != ".onnx":
        return {"parameters": None, "macs": None, **size}
    return {**onnx_cost(model.path, model.image.shape)._asdict(), **size}


def speed(times: np.ndarray, first: np.ndarray) -> dict[str, float]:
    """Of a model's times (rounds,) ms and those of the first model."""
    p50, p90 = np.percentile(times, [50, 90])
    ratio = np.median(times / first)
    return {"p50_ms": round(float(p50), 3), "p90_ms": round(float(p90), 3), "ratio": round(float(ratio), 3)}


def headline(row: dict[str, Any]) -> tuple[str, float]:
    """What the accuracy of a row is called, and its value in percent."""
    key = next(key for key in HEADLINES if key in row)
    name, factor = HEADLINES[key]
    return name, factor * row[key]


def point(row: dict[str, Any]) -> tuple[str, str, float, float]:
    """For the plot: model, what its accuracy is called, ms, accuracy."""
    name, value = headline(row)
    return row["model"], name, row["p50_ms"], value


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """The row as text, in the order of COLUMNS."""
    name, value = headline(row)
    counted = row["parameters"] is not None
    return (
        row["model"],
        f"{name} {value:.1f}",
        f"{row['p50_ms']:.2f}",
        f"{row['p90_ms']:.2f}",
        f"{row['ratio']:.2f}",
        f"{row['parameters'] / 1e6:.3f}" if counted else "-",
        f"{row['macs'] / 2**30:.3f}" if counted else "-",
        f"{row['file_bytes'] / 1e6:.1f}",
    )


def as_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    """A line per model; what a model has no figure for is empty."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def machine() -> str:
    """The processor's name where the platform tells it, else its kind; and the number of cores."""
    told = describe_machine()
    name = told["architecture"] if told["cpu"] == UNKNOWN else told["cpu"]
    return f"{name}, {os.cpu_count()} cores"
