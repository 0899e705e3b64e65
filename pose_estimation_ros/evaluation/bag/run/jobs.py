"""Evaluate every image topic of one bag with every model."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pose_estimation_ros.core.atomic_files import read_json, write_whole
from pose_estimation_ros.core.errors import ConfigError, PoseError
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.bag.files.reader import Bag, bag_name, image_topic
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import (
    FILE,
    GroundTruth,
    annotations_of,
    people_of_topic,
    skeleton_of_topic,
)
from pose_estimation_ros.evaluation.bag.run.clock import Clock
from pose_estimation_ros.evaluation.bag.run.fingerprint import (
    INPUTS,
    bag_sha256,
    ground_truth_sha256,
    model_sha256,
    program,
    up_to_date_results,
)
from pose_estimation_ros.evaluation.bag.run.output import RESULTS, RunFolder
from pose_estimation_ros.evaluation.bag.run.results import about_model, files_of
from pose_estimation_ros.evaluation.bag.run.runner import (
    Estimate,
    by_pipeline,
    checking_size,
    in_annotated_boxes,
    run,
)
from pose_estimation_ros.evaluation.bag.run.settings import GROUND_TRUTH, BagEvaluation
from pose_estimation_ros.evaluation.skeletons import refuse_missing_keypoints
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline

TRACEBACK = "traceback.txt"
Run = dict[str, Any]  # an entry of summary.json: "folder", "interrupted" and "results"
Note = Callable[[str], None]  # is called with a line of text for the user


class Outcome(NamedTuple):
    """Hold the outcome of one bag.

    Attributes:
        runs: one entry for each topic and model: "folder", "interrupted" and "results", the content of results.json.
        error: why there are no more runs, "" where all are there or Ctrl-C was pressed.
        interrupted: whether Ctrl-C ended the evaluation of the bag.
        retry: whether another try may succeed, because the process of the bag died or there was too little memory.
    """

    runs: list[Run]
    error: str = ""
    interrupted: bool = False
    retry: bool = False


class Job(NamedTuple):
    """Hold one topic of an open bag and all that is the same for every model.

    Attributes:
        evaluation: the settings.
        bag: the open bag.
        bag_sha256: hash of its files.
        topic: the image topic.
        folder: for the results of the topic.
        ground_truth: ground truth of the topic, None without one.
        pseudo_ground_truth: a function that makes it at its first call; None without one.
        model_sha256: a function from a model's name and device to its hashes, which computes each once.
        note: is called with news for the user.
    """

    evaluation: BagEvaluation
    bag: Bag
    bag_sha256: str
    topic: str
    folder: Path
    ground_truth: GroundTruth | None
    pseudo_ground_truth: Callable[[], GroundTruth | None]
    model_sha256: Callable[[str, str], list[str]]
    note: Note


def evaluate_bag(evaluation: BagEvaluation, note: Note) -> Outcome:
    """Evaluate every topic and model of a bag, until an error or Ctrl-C; what was done before is kept.

    No exception leaves this function, so that an odd bag does not stop the others; an unexpected one is written with
    its traceback to traceback.txt in the folder of the bag's results.

    Args:
        evaluation: the settings, of one bag.
        note: is called with news for the user.

    Returns:
        The runs and, where one failed, why.
    """
    (path,) = evaluation.bags
    runs: list[Run] = []
    try:
        for entry in run_bag(evaluation, note):
            runs.append(entry)
            if entry["interrupted"]:
                return Outcome(runs, interrupted=True)
    except (PoseError, OSError) as error:
        return Outcome(runs, str(error))
    except KeyboardInterrupt:
        return Outcome(runs, interrupted=True)
    except MemoryError:
        return Outcome(runs, f"{path}: expected more free memory, got none", retry=True)
    except Exception as error:
        file = Path(evaluation.out, bag_name(Path(path)), TRACEBACK)
        with suppress(PoseError, OSError):
            write_whole(file, traceback.format_exc().encode(errors="backslashreplace"))
        return Outcome(runs, f"{path}: unexpected {type(error).__name__}: {error} (see {file})")
    return Outcome(runs)


def run_bag(evaluation: BagEvaluation, note: Note) -> Iterator[Run]:
    """Yield the run of each topic and model of the one bag; see evaluate_bag."""
    (path,) = evaluation.bags
    with Bag(path) as bag:
        if bag.problem:
            note(f"{path}: {bag.problem}; reading what is there")
        names: list[str | None] = [*dict.fromkeys(evaluation.topics)] or [None]
        topics = [image_topic(bag, name) for name in names]
        sha256, hashes = bag_sha256(bag.path), functools.cache(model_sha256)
        for topic, ground_truth in zip(topics, ground_truths(evaluation, bag, topics)):
            folder = Path(evaluation.out, bag.name, topic_folder(topic) if len(topics) > 1 else "")
            pseudo = functools.cache(functools.partial(pseudo_ground_truth, evaluation, bag, topic))
            job = Job(evaluation, bag, sha256, topic, folder, ground_truth, pseudo, hashes, note)
            for model in evaluation.pose_models:
                yield run_or_reuse(job, evaluation.options._replace(model=model))


def topic_folder(topic: str) -> str:
    """Name the folder of a topic's results: /left/cam_a is left.cam_a; no two topics have the same.

    Other characters than letters, digits, _ and - are written as in URLs; names that ROS allows have none. A name
    without "/" at its beginning gets "~.", an empty part of a name "%".
    """
    parts = topic.removeprefix("/").split("/")
    written = [quote(part, safe="").replace(".", "%2E").replace("~", "%7E") or "%" for part in parts]
    return ".".join(written if topic.startswith("/") else ["~", *written])


def ground_truths(evaluation: BagEvaluation, bag: Bag, topics: list[str]) -> Iterator[GroundTruth | None]:
    """Yield the ground truth of each topic; its file, or its topic in the bag, is read once.

    Args:
        evaluation: settings of the evaluation.
        bag: the open bag.
        topics: names of the image topics.

    Raises:
        ConfigError: there is none, and its boxes are asked for.
        DataError: the ground truth cannot be used.
    """
    file = bag.path / FILE
    path = evaluation.truth or (file if not evaluation.truth_topic and file.is_file() else None)
    if path:
        content = read_json(path)
        yield from (GroundTruth(content, str(path), topic) for topic in topics)
    elif evaluation.truth_topic:
        name = evaluation.truth_topic
        people, skeleton = people_of_topic(bag, name), skeleton_of_topic(bag, name)
        yield from (GroundTruth(annotations_of(people, topic, skeleton), name, topic) for topic in topics)
    elif evaluation.boxes == GROUND_TRUTH:
        raise ConfigError(f"expected --truth, --truth-topic or {file} for --boxes {GROUND_TRUTH}, got none of them")
    else:
        yield from (None for _ in topics)


def pseudo_ground_truth(evaluation: BagEvaluation, bag: Bag, topic: str) -> GroundTruth | None:
    """Run the stronger model on every image by itself: people are detected anew in each, without tracking.

    Args:
        evaluation: settings of the evaluation.
        bag: the open bag.
        topic: name of the image topic.
    """
    if not evaluation.pseudo_truth:
        return None
    model = evaluation.pseudo_truth
    options = evaluation.options._replace(model=model, detect_every_s=0.0, tracking=False)
    with opened(options, None) as (estimate, skeleton, _):
        record = run(bag, topic, estimate, None, Clock())
    if record.interrupted:
        raise KeyboardInterrupt
    by_stamp = {f.stamp_ns: poses for f, poses in reversed(list(zip(record.frames, record.poses)))}
    source = f"pseudo-truth: poses by {Path(model).stem}, nobody's annotations"
    return GroundTruth(annotations_of(sorted(by_stamp.items()), topic, skeleton), source, topic)


def run_or_reuse(job: Job, options: PipelineOptions) -> Run:
    """Run a model on a topic, or return the results of an earlier run of the same inputs.

    Args:
        job: the topic.
        options: options of the pipeline, with the model.
    """
    target = job.folder / Path(options.model).stem
    sha256 = next(iter(job.model_sha256(options.model, options.device)), "")
    about = {"bag": job.bag.name, "topic": job.topic, **about_model(options, sha256, job.evaluation.boxes)}
    inputs = inputs_of(job, about, options)
    results = None if job.evaluation.again else up_to_date_results(target, inputs)
    if results:
        job.note(f"up to date, skipped: {target}")
        return {"folder": str(target), "interrupted": False, "results": results}
    return run_model(job, options, target, about, inputs)


def run_model(job: Job, options: PipelineOptions, target: Path, about: dict[str, Any], inputs: dict[str, Any]) -> Run:
    """Run a model on a topic and write its folder of results.

    Args:
        job: the topic.
        options: options of the pipeline, with the model.
        target: the folder of results.
        about: facts about bag, topic and model for results.json.
        inputs: content of inputs.json.
    """
    evaluation, ground_truth, pseudo = job.evaluation, job.ground_truth, job.pseudo_ground_truth()
    clock = Clock(evaluation.realtime, evaluation.latency_ms)
    with opened(options, ground_truth if evaluation.boxes == GROUND_TRUTH else None) as (estimate, skeleton, network):
        for truth in filter(None, (ground_truth, pseudo)):
            refuse_missing_keypoints(skeleton, truth.skeleton, options.model, truth.source)
        with RunFolder(target, skeleton, evaluation.color_by, evaluation.video) as folder:
            checked = checking_size(estimate, ground_truth) if ground_truth else estimate
            record = run(job.bag, job.topic, checked, folder, clock)
            record.fault, record.non_finite = network.fault, network.non_finite
            backend = network if isinstance(network, Backend) else network.backend
            record.backend, record.precision = backend.name, backend.precision
            if record.non_finite.values:
                warn(f"{target}: {options.model}: {record.non_finite.text()}")
            if ground_truth and not record.partial:
                ground_truth.warn_of_missing_images(record.stamps_ns)
            files = files_of(record, skeleton, about, clock, ground_truth, pseudo)
            folder.finish(files if record.interrupted else {**files, INPUTS: inputs})
    return {"folder": str(target), "interrupted": record.interrupted, "results": files[RESULTS]}


def inputs_of(job: Job, about: dict[str, Any], options: PipelineOptions) -> dict[str, Any]:
    """Describe all that the results of a model on a topic depend on, the content of inputs.json.

    Args:
        job: the topic.
        about: description of the model.
        options: options of the pipeline.
    """
    evaluation, pseudo = job.evaluation, job.evaluation.pseudo_truth
    return {
        **about,
        "bag_sha256": job.bag_sha256,
        "networks_sha256": [job.model_sha256(name, options.device) for name in (options.model, options.detector)],
        "truth_sha256": ground_truth_sha256(job.ground_truth),
        "pseudo_truth": [pseudo, *job.model_sha256(pseudo, options.device)] if pseudo else None,
        "clock": [evaluation.realtime, evaluation.latency_ms],
        "pictures": [evaluation.color_by, evaluation.video],
        "code": program(),
    }


@contextmanager
def opened(
    options: PipelineOptions, annotated: GroundTruth | None
) -> Iterator[tuple[Estimate, Skeleton, Pipeline | Backend]]:
    """Open the networks.

    Args:
        options: options of the pipeline.
        annotated: the ground truth in whose boxes the pose model runs; None: the whole pipeline runs.

    Yields:
        The function that estimates people, their skeleton, and the networks, which tell ``fault`` and ``non_finite``.
    """
    if annotated is None:
        with build_pipeline(options) as pipeline:
            yield by_pipeline(pipeline), pipeline.skeleton, pipeline
    else:
        shared: Any = {"threads": options.threads, "fallback": options.fallback, "device": options.device}
        backend, spec = open_model(options.model, "top_down", **shared)
        with backend:
            estimator = TopDown(backend, spec, flip_test=options.flip_test)
            yield in_annotated_boxes(estimator, annotated), spec.require_skeleton(), backend
