"""Measure whole pipelines on annotated images: own detector, own thresholds, as pose_node runs on single images.

Everybody whom a pipeline publishes counts, and all images do: who is found where nobody is annotated is a false person.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import END_TO_END
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.accuracy import rounded, what_ran
from pose_estimation_ros.evaluation.benchmarks import Benchmark, CocoBenchmark, Figures
from pose_estimation_ros.evaluation.metrics.coco import found_people, people_found
from pose_estimation_ros.evaluation.run_models import annotated_image, check_images
from pose_estimation_ros.evaluation.skeletons import chosen
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.progress import progress

THRESHOLDS = ("score_threshold", "person_threshold", "max_people")  # options of a pipeline that figures depend on


class Run(NamedTuple):
    """Hold what pipelines found in the same images.

    Attributes:
        results: the people of each pipeline with a keypoint that was found, in COCO's results format.
        frame_ms: (images, pipelines) ms from a decoded image to its people.
    """

    results: list[list[Result]]
    frame_ms: np.ndarray


def accuracy_end_to_end(
    model: ModelFile, benchmark: Benchmark, options: PipelineOptions
) -> tuple[Figures, list[Result]]:
    """Measure the accuracy of a pose model as a part of its pipeline.

    Args:
        model: as find_model returns it.
        benchmark: judges it.
        options: detector, thresholds and all else of the pipeline but the model.

    Returns:
        The figures; and the predictions, which accuracy_of_predictions takes as a JSON file.

    Raises:
        ConfigError: the annotations are MPII's, or the model cannot be run with flip_test.
        DataError: model and annotations do not belong together, or images are missing or cannot be read.
        ModelError: the model or the detector cannot be opened.
    """
    with open_pipeline(model, benchmark, options) as pipeline:
        (results,) = run_pipelines([pipeline], benchmark).results
        return figures_of(pipeline, benchmark, results), results


def predictions_end_to_end(model: ModelFile, benchmark: Benchmark, options: PipelineOptions) -> list[Result]:
    """Run the pipeline of a pose model on the images of a benchmark, without judging it; see accuracy_end_to_end.

    Args:
        model: as find_model returns it.
        benchmark: has the images.
        options: detector, thresholds and all else of the pipeline but the model.
    """
    with open_pipeline(model, benchmark, options) as pipeline:
        (results,) = run_pipelines([pipeline], benchmark).results
        warn_of_overflow(pipeline)
        return results


def open_pipeline(model: ModelFile, benchmark: Benchmark, options: PipelineOptions) -> Pipeline:
    """Open the pipeline of a pose model for single images, and check that it and the annotations belong together.

    Args:
        model: as find_model returns it.
        benchmark: judges it.
        options: detector, thresholds and all else of the pipeline but the model.

    Raises:
        ConfigError, DataError, ModelError: see accuracy_end_to_end.
    """
    of_images(benchmark)
    pipeline = build_pipeline(options._replace(model=model.path, tracking=False), model=model)
    benchmark.check_model(pipeline.spec, model.path, None)
    return pipeline


def of_images(benchmark: Benchmark) -> CocoBenchmark:
    """Return a benchmark of whole images. Raises ConfigError for MPII's, which judges people in given boxes."""
    if isinstance(benchmark, CocoBenchmark):
        return benchmark
    text = f"expected COCO's or CrowdPose's annotations to measure end to end, got MPII's: {benchmark.data}"
    raise ConfigError(text + "; PCKh is of people in given boxes")


def run_pipelines(pipelines: Sequence[Pipeline], benchmark: Benchmark) -> Run:
    """Run pipelines on all images of a benchmark. They take turns as in core.timing.take_turns.

    Args:
        pipelines: open pipelines without tracking.
        benchmark: one that of_images takes.

    Raises:
        DataError: images are missing, cannot be read, or have not their annotated size.
    """
    truth, folder = of_images(benchmark).truth, benchmark.path.parent
    check_images(folder / "images", {image["file_name"]: size_of(image) for image in truth.imgs.values()})
    results: list[list[Result]] = [[] for _ in pipelines]
    frame_ms = np.zeros((len(truth.imgs), len(pipelines)))
    for place, image_id in enumerate(progress(truth.imgs, len(truth.imgs), "images")):
        frame = annotated_image(truth, folder, image_id)
        for index in range(len(pipelines))[:: -1 if place % 2 else 1]:
            pipeline = pipelines[index]
            pipeline.reset()
            start_s = time.perf_counter()
            poses = pipeline(frame, 0.0)
            frame_ms[place, index] = 1e3 * (time.perf_counter() - start_s)
            results[index] += found_people(chosen(poses, pipeline.skeleton, benchmark.skeleton).to_coco(image_id))
    return Run(results, frame_ms)


def warn_of_overflow(pipeline: Pipeline) -> None:
    """Warn where the networks of a pipeline have computed values that are not finite."""
    if pipeline.non_finite.values:
        warn(f"{pipeline.options.model}: {pipeline.non_finite.text()}")


def figures_of(pipeline: Pipeline, benchmark: Benchmark, results: list[Result]) -> Figures:
    """Return how a pipeline was run, and the figures of what it found.

    Args:
        pipeline: the pipeline, after its run.
        benchmark: judges it.
        results: the people whom it found.
    """
    options, truth = pipeline.options, of_images(benchmark).truth
    warn_of_overflow(pipeline)
    used = {name: getattr(options, name) for name in THRESHOLDS}
    run = {"protocol": END_TO_END, "flip": options.flip_test, "detector": pipeline.detector_name, **used}
    own, judged = pipeline.skeleton, benchmark.skeleton
    names = {"keypoints_of": own.name} if own.keypoints != judged.keypoints else {}
    facts = {**run, **benchmark.facts(), "images": len(truth.imgs), **names, **what_ran(pipeline.backend)}
    return {**facts, **rounded(benchmark.score(results)), **rounded(people_found(truth, results))}
