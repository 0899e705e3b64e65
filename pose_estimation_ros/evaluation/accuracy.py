"""Measure the accuracy of a pose model, a person detector or a file of predictions on annotated images."""

from __future__ import annotations

from pathlib import Path

from pose_estimation_ros.core.model_spec import POSE_TASKS
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.benchmarks import Benchmark, Figures, Predictions
from pose_estimation_ros.evaluation.detector_benchmark import DetectorBenchmark
from pose_estimation_ros.evaluation.metrics import coco, detection
from pose_estimation_ros.evaluation.protocols import PLAIN, Protocol, describe_input, under_protocol
from pose_estimation_ros.evaluation.run_models import check_images, make_estimator
from pose_estimation_ros.inference.backends.base import DEVICES, Backend
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.detector import open_network_detector
from pose_estimation_ros.inference.progress import progress

NOT_FINITE = {"people": "have keypoints that are not finite", "boxes": "are not finite"}
LOWEST_SCORE = 0.01  # lowest score of the boxes by which a detector is judged


def accuracy_of_predictions(path: str | Path, benchmark: Benchmark) -> tuple[Figures, Predictions]:
    """Measure the accuracy of a file of predictions.

    Args:
        path: the file.
        benchmark: judges them.

    Returns:
        The figures, and the predictions; those of MPII are (N, 16, 2) px.

    Raises:
        DataError: see datasets.predictions.
    """
    facts, predictions = benchmark.read_predictions(path)
    return {**benchmark.facts(), **facts, **rounded(benchmark.score(predictions))}, predictions


def accuracy_of_pose_model(
    model: ModelFile,
    benchmark: Benchmark,
    boxes_file: str | Path | None = None,
    protocol: Protocol = PLAIN,
    threads: int = 0,
    device: str = DEVICES[0],
) -> tuple[Figures, list[Result]]:
    """Measure the accuracy of a pose model.

    Args:
        model: as find_model returns it.
        benchmark: judges it.
        boxes_file: person boxes in COCO's detections format, None for the annotated ones.
        protocol: how the model is run.
        threads: number of threads of the CPU, 0 = as many as cores.
        device: see open_backend.

    Returns:
        The figures; and the predictions, which accuracy_of_predictions takes as a JSON file.

    Raises:
        DataError, ConfigError, ModelError: as predictions_of_pose_model.
    """
    facts, results = predictions_of_pose_model(model, benchmark, boxes_file, protocol, threads, device)
    return {**facts, **rounded(benchmark.score(results))}, results


def predictions_of_pose_model(
    model: ModelFile,
    benchmark: Benchmark,
    boxes_file: str | Path | None = None,
    protocol: Protocol = PLAIN,
    threads: int = 0,
    device: str = DEVICES[0],
) -> tuple[Figures, list[Result]]:
    """Run a pose model on the images of a benchmark, without judging it.

    Args:
        model: as find_model returns it.
        benchmark: has the images and the boxes.
        boxes_file: person boxes in COCO's detections format, None for the annotated ones.
        protocol: how the model is run.
        threads: number of threads of the CPU, 0 = as many as cores.
        device: see open_backend.

    Returns:
        How the model was run, for the figures; and its predictions.

    Raises:
        DataError: model, annotations and boxes do not belong together, or images are missing.
        ConfigError: the protocol is for other models.
        ModelError: the model cannot be opened.
    """
    backend, spec = open_model(model, POSE_TASKS, threads, device=device)
    with backend:
        benchmark.check_model(spec, model.path, boxes_file)
        spec = under_protocol(protocol, spec)
        facts, results = benchmark.run(make_estimator(backend, spec, protocol), boxes_file)
        lost, finite = finite_people(results, model.path, backend)
        facts = {**facts, **what_ran(backend)}
    results = benchmark.with_missed(results, finite)
    rules = {"protocol": protocol.name, "input": describe_input(protocol, spec), "flip": protocol.flip}
    return {**rules, **benchmark.facts(), **facts, **lost}, results


def what_ran(backend: Backend) -> Figures:
    """Return the name of a backend, with its device and its fault, and the precision of its arithmetic."""
    return {"backend": backend.name, "precision": backend.precision}


def accuracy_of_detector(
    model: ModelFile, benchmark: DetectorBenchmark, threads: int = 0, device: str = DEVICES[0]
) -> tuple[Figures, list[Result]]:
    """Measure the accuracy of a person detector.

    Args:
        model: as find_model returns it.
        benchmark: judges it.
        threads: number of threads of the CPU, 0 = as many as cores.
        device: see open_backend.

    Returns:
        The figures of DetectorBenchmark.score; and the boxes, {"file_name", "box_xyxy", "score"} each.

    Raises:
        DataError: images are missing, or cannot be read.
        ModelError: the model cannot be opened.
    """
    folder, truths = benchmark.path.parent / "images", benchmark.truth
    check_images(folder, {truth.file_name: truth.size for truth in truths})
    detector = open_network_detector(model, threads, score_threshold=LOWEST_SCORE, device=device)
    detections = detection.detect_folder(detector, folder, progress(truths, len(truths), "images"))
    count = sum(len(scores) for _, scores in detections)
    odd, detections = detection.finite_boxes(detections)
    lost = report_missed(odd, count, "boxes", model.path, detector.backend)
    scores = benchmark.score(detections, threshold_of(model))
    figures = {**benchmark.facts(), "images": len(truths), **what_ran(detector.backend), **lost, **scores}
    results = [
        {"file_name": truth.file_name, "box_xyxy": box.round(2).tolist(), "score": round(float(score), 4)}
        for truth, (boxes, scores) in zip(truths, detections)
        for box, score in zip(boxes, scores)
    ]
    return figures, results


def threshold_of(model: ModelFile) -> float | None:
    """Return the score that a detector is used with, None where its spec names none."""
    return model.spec.accuracy.get("score_threshold") if model.spec else None


def finite_people(results: list[Result], path: str, backend: Backend) -> tuple[dict[str, int], list[Result]]:
    """Leave out people with numbers that are not finite, who count as missed, and warn about them.

    Args:
        results: results of a model, in COCO's results format.
        path: path of the model, for the message.
        backend: the backend that ran the model. Where it has met values that are not finite, a person without any score
            is one of them.

    Returns:
        The count as the figure "people_not_finite", nothing where it is 0; and the remaining results.
    """
    kept = coco.found_people(results) if overflow_of(backend) else coco.finite_results(results)
    return report_missed(len(results) - len(kept), len(results), "people", path, backend), kept


def report_missed(count: int, total: int, what: str, path: str, backend: Backend) -> dict[str, int]:
    """Warn about results of a model that are not finite.

    Args:
        count: number of people or boxes that are not finite and count as missed.
        total: number of all people or boxes.
        what: "people" or "boxes", a key of NOT_FINITE.
        path: path of the model, for the message.
        backend: the backend that ran it; what it counted is reported where no person or box was lost.

    Returns:
        The count as the figure "people_not_finite" or "boxes_not_finite", nothing where it is 0.
    """
    overflow = overflow_of(backend)
    if count:
        warn(f"{path}: {count} of {total} {what} {NOT_FINITE[what]}; they count as missed")
    elif overflow:
        warn(f"{path}: {overflow}")
    return {f"{what}_not_finite": count} if count else {}


def overflow_of(backend: Backend) -> str:
    """Describe the values of the networks that are not finite; "" for none or a backend that does not count them."""
    counted = getattr(backend, "non_finite", None)
    return counted.text() if counted else ""


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Round the figures as files and tables have them."""
    return {name: round(value, 2) for name, value in figures.items()}
