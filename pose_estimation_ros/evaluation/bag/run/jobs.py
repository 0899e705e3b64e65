"""What one bag comes to: its topics through the models."""

from __future__ import annotations

import argparse
import functools
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.errors import ConfigError, DataError, PoseError
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.bag.files.reader import Bag, bag_name, image_topic
from pose_estimation_ros.evaluation.bag.metrics.truth import FILE, Truth, annotations_of, truth_of_file, truth_of_topic
from pose_estimation_ros.evaluation.bag.run.clock import Clock
from pose_estimation_ros.evaluation.bag.run.fingerprint import (
    INPUTS,
    bag_sha256,
    code,
    finished,
    model_sha256,
    truth_sha256,
)
from pose_estimation_ros.evaluation.bag.run.output import RESULTS, RunFolder
from pose_estimation_ros.evaluation.bag.run.results import about_model, files_of
from pose_estimation_ros.evaluation.bag.run.runner import Estimate, by_pipeline, by_true_boxes, of_annotated_size, run
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline, build_pipeline
from pose_estimation_ros.inference.top_down import TopDown

DETECTOR, GROUND_TRUTH = "detector", "ground-truth"
TRACEBACK = "traceback.txt"


class Order(NamedTuple):
    """What is asked for of one bag. args: of the command line."""

    path: str
    args: argparse.Namespace
    options: PipelineOptions
    models: list[str]


class Outcome(NamedTuple):
    """What came of one bag.

    runs: one for each topic and model. error: why there are no more of them, "" where all are there or Ctrl-C came.
    crashed: whether the error may go away when the bag is tried again: its process died, or there was no memory.
    """

    runs: list[dict[str, Any]]
    error: str = ""
    interrupted: bool = False
    crashed: bool = False


def whole_bag(order: Order) -> Outcome:
    """Evaluate every topic and model of a bag, until an error or Ctrl-C; what was done before is kept.

    No exception but Ctrl-C leaves it, so that an odd bag costs only itself; an unexpected one is written with its
    traceback to traceback.txt in the folder of the bag's results.
    """
    runs: list[dict[str, Any]] = []
    try:
        for told in evaluate_bag(order):
            runs.append(told)
            if told["interrupted"]:
                return Outcome(runs, "", True)
    except (PoseError, OSError) as error:
        return Outcome(runs, str(error))
    except KeyboardInterrupt:
        return Outcome(runs, "", True)
    except MemoryError:
        return Outcome(runs, f"{order.path}: expected more free memory, got none", crashed=True)
    except Exception as error:
        path = Path(order.args.out, bag_name(Path(order.path)), TRACEBACK)
        with suppress(PoseError, OSError):
            write_whole(path, traceback.format_exc().encode(errors="backslashreplace"))
        return Outcome(runs, f"{order.path}: unexpected {type(error).__name__}: {error} (see {path})")
    return Outcome(runs)


class Job(NamedTuple):
    """One topic of an open bag with what is true of it. pseudo_truth: made when it is first asked for."""

    bag: Bag
    bag_sha256: str
    topic: str
    folder: Path
    truth: Truth | None
    pseudo_truth: Callable[[], Truth | None]


def evaluate_bag(order: Order) -> Iterator[dict[str, Any]]:
    """What came out of each topic and model."""
    args, options = order.args, order.options
    with Bag(order.path) as bag:
        if bag.problem:
            print(f"{order.path}: {bag.problem}; reading what is there", file=sys.stderr)
        topics = [image_topic(bag, topic) for topic in dict.fromkeys(args.topic or [None])]
        sha256 = bag_sha256(bag.path)
        for topic in topics:
            folder = Path(args.out, bag.name, topic_folder(topic) if len(topics) > 1 else "")
            pseudo_truth = functools.cache(functools.partial(pseudo_truth_for, bag, topic, args.pseudo_truth, options))
            job = Job(bag, sha256, topic, folder, truth_for(bag, topic, args), pseudo_truth)
            for model in order.models:
                yield evaluate_model(job, options._replace(model=model), args)


def topic_folder(topic: str) -> str:
    """Name the folder of a topic's results: /left/cam_a is left.cam_a; no two topics have the same.

    Other characters than letters, digits, _ and - are written as in URLs; names that ROS allows have none. A name
    without "/" at its beginning gets "~.", an empty part of a name "%".
    """
    parts = topic.removeprefix("/").split("/")
    written = [quote(part, safe="").replace(".", "%2E").replace("~", "%7E") or "%" for part in parts]
    return ".".join(written if topic.startswith("/") else ["~", *written])


def truth_for(bag: Bag, topic: str, args: argparse.Namespace) -> Truth | None:
    beside = bag.path / FILE
    truth = None
    if args.truth or (not args.truth_topic and beside.is_file()):
        truth = truth_of_file(args.truth or beside, topic)
    elif args.truth_topic:
        truth = truth_of_topic(bag, args.truth_topic, topic)
    if args.boxes == GROUND_TRUTH and not truth:
        raise ConfigError(f"expected --truth, --truth-topic or {beside} for --boxes {GROUND_TRUTH}")
    return truth


def pseudo_truth_for(bag: Bag, topic: str, model: str | None, options: PipelineOptions) -> Truth | None:
    """What the stronger model finds in every frame by itself: detected anew in each, nothing carried over."""
    if not model:
        return None
    alone = options._replace(model=model, detect_every=1, tracking=False)
    with opened(alone, DETECTOR, None) as (estimate, skeleton, _):
        check_skeleton(skeleton, model)
        record = run(bag, topic, estimate, None, Clock())
    if record.interrupted:
        raise KeyboardInterrupt
    by_stamp = {f.stamp_ns: poses for f, poses in reversed(list(zip(record.frames, record.poses)))}
    source = f"pseudo-truth: poses by {Path(model).stem}, nobody's annotations"
    return Truth(annotations_of(sorted(by_stamp.items()), topic), source, topic)


def evaluate_model(job: Job, options: PipelineOptions, args: argparse.Namespace) -> dict[str, Any]:
    """The run, or what an earlier one of the same inputs has left."""
    target = job.folder / Path(options.model).stem
    told = {"bag": job.bag.name, "topic": job.topic, **about_model(options, args.boxes)}
    inputs = inputs_of(job, told, options, args)
    results = None if args.again else finished(target, inputs)
    if results:
        print(f"as it was, not run again: {target}", file=sys.stderr)
        return {"folder": str(target), "interrupted": False, "results": results}
    clock = Clock(args.realtime, args.latency_ms)
    pseudo_truth = job.pseudo_truth()
    with opened(options, args.boxes, job.truth) as (estimate, skeleton, network):
        if job.truth or pseudo_truth:
            check_skeleton(skeleton, options.model)
        with RunFolder(target, skeleton, args.color_by, not args.no_video) as folder:
            record = run(job.bag, job.topic, checked(estimate, job.truth), folder, clock)
            if network.non_finite.values:
                warn(f"{target}: {options.model}: {network.non_finite.text()}")
            if job.truth and not record.partial:
                job.truth.warn_of_strangers(record.stamps_ns)
            said = {**told, "fallback_in_use": network.fault}
            files = files_of(record, skeleton, said, clock, job.truth, pseudo_truth)
            folder.finish(files if record.interrupted else {**files, INPUTS: inputs})
    return {"folder": str(target), "interrupted": record.interrupted, "results": files[RESULTS]}


def checked(estimate: Estimate, truth: Truth | None) -> Estimate:
    return of_annotated_size(estimate, truth) if truth else estimate


def inputs_of(job: Job, told: dict[str, Any], options: PipelineOptions, args: argparse.Namespace) -> dict[str, Any]:
    pseudo = args.pseudo_truth
    return {
        **told,
        "bag_sha256": job.bag_sha256,
        "networks_sha256": [model_sha256(options.model), model_sha256(options.detector)],
        "truth_sha256": truth_sha256(job.truth),
        "pseudo_truth": [pseudo, *model_sha256(pseudo)] if pseudo else None,
        "clock": [args.realtime, args.latency_ms],
        "pictures": [args.color_by, not args.no_video],
        "code": code(),
    }


@contextmanager
def opened(
    options: PipelineOptions, boxes: str, truth: Truth | None
) -> Iterator[tuple[Estimate, Skeleton, Pipeline | Backend]]:
    """How people are estimated, their skeleton, and whose ``fault`` tells why it is not on what was asked for."""
    if boxes == DETECTOR:
        with build_pipeline(options) as pipeline:
            yield by_pipeline(pipeline), pipeline.skeleton, pipeline
    else:
        shared: Any = {"threads": options.threads, "fallback": options.fallback, "cpu_engine": options.cpu_engine}
        backend, spec = open_model(options.model, "top_down", **shared)
        with backend:
            estimator = TopDown(backend, spec, flip_test=options.flip_test)
            yield by_true_boxes(estimator, truth), get_skeleton(spec.skeleton), backend


def check_skeleton(skeleton: Skeleton, model: str) -> None:
    if skeleton.name != coco.SKELETON:
        raise DataError(f"{model}: expected the skeleton {coco.SKELETON} to judge, got {skeleton.name}")
