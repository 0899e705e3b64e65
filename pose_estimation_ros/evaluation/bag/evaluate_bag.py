"""From a recording to numbers and pictures, without ROS: what a model, or other parameters, would have made of it.

BAG is a rosbag2 folder (sqlite3 or MCAP), a single .db3 or .mcap file, or a ROS 1 .bag. Written into DIR/BAG/MODEL, or
DIR/BAG/TOPIC/MODEL where several topics are given (schema of all: docs/bags.md):
  results.json       counts, steadiness (jitter, bone lengths, left and right, gaps); accuracy where there is a truth
  keypoints.json     COCO's results format as of `pose predict`; image_id is the place of the image in its topic
  frames.json        stamps of those images, and their age in --realtime
  timings.json       where the time went; all other files are the same to the bit when a run is repeated
  annotated.mp4      the images with skeletons and ids
  pose_bag/          rosbag2 with /pose/keypoints, /pose/markers and /pose/skeleton, to play beside the original
Truth: --truth, a COCO file whose images have "stamp_ns"; else --truth-topic; else truth.json in the bag's folder.
Exit status: 0 all done, 1 a bag or model could not be used (the others are done), 3 only part of a bag could be read,
130 stopped by Ctrl-C with what was done until then written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pose_estimation_ros.core.errors import ConfigError, DataError, PoseError
from pose_estimation_ros.core.files import write_json
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation import coco
from pose_estimation_ros.evaluation.bag.clock import Clock
from pose_estimation_ros.evaluation.bag.options import read_options
from pose_estimation_ros.evaluation.bag.output import RESULTS, RunFolder
from pose_estimation_ros.evaluation.bag.reading import Bag, image_topic
from pose_estimation_ros.evaluation.bag.results import about_model, files_of
from pose_estimation_ros.evaluation.bag.run import Estimate, by_pipeline, by_true_boxes, run
from pose_estimation_ros.evaluation.bag.truth import FILE, Truth, annotations_of, truth_of_file, truth_of_topic
from pose_estimation_ros.inference.backend import open_model
from pose_estimation_ros.inference.draw import COLOR_BY
from pose_estimation_ros.inference.estimator import TopDown
from pose_estimation_ros.inference.pipeline import PipelineOptions, build_pipeline
from pose_estimation_ros.inference.predict import make_folder

OK, FAILED, PARTIAL, INTERRUPTED = 0, 1, 3, 130
DETECTOR, GROUND_TRUTH = "detector", "ground-truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bags", nargs="+", metavar="BAG")
    parser.add_argument("--model", action="append", metavar="M", help="name or file; may be given several times")
    parser.add_argument(
        "--topic", action="append", metavar="T", help="images; needed where a bag has several such topics"
    )
    parser.add_argument("--config", metavar="YAML", help="the node's parameter file, such as config/cpu.yaml")
    param_help = "a parameter of the node, over the file: detect_every:=1"
    parser.add_argument("-p", "--param", action="append", default=[], metavar="NAME:=VALUE", help=param_help)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    clock = parser.add_mutually_exclusive_group()
    clock.add_argument(
        "--every-frame", action="store_true", help="work on every image, however long it takes (default)"
    )
    clock.add_argument("--realtime", action="store_true", help="drop the images that a running node would not get to")
    parser.add_argument(
        "--latency-ms", type=float, metavar="X", help="with --realtime: of each image (default: measured)"
    )
    add_truth_arguments(parser)
    parser.add_argument("--no-video", action="store_true", help="write no annotated.mp4")
    parser.add_argument("--color-by", choices=COLOR_BY, default="track", help="colour of limbs (default: %(default)s)")


def add_truth_arguments(parser: argparse.ArgumentParser) -> None:
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--truth", metavar="JSON", help='COCO annotations with "stamp_ns" in the images')
    given.add_argument("--truth-topic", metavar="T", help="PersonArray messages in the bag")
    pseudo_help = "a stronger model whose poses are judged by as if they were true, which they are not"
    parser.add_argument("--pseudo-truth", metavar="MODEL", help=pseudo_help)
    boxes_help = "ground-truth: judge the pose model alone in the true boxes, image by image, as `pose evaluate` does"
    parser.add_argument("--boxes", choices=(DETECTOR, GROUND_TRUTH), default=DETECTOR, help=boxes_help)


class Job(NamedTuple):
    """One topic of an open bag with what is true of it."""

    bag: Bag
    topic: str
    folder: Path
    truth: Truth | None
    pseudo_truth: Truth | None


def main(args: argparse.Namespace) -> int:
    options, others = read_options(args.config, args.param)
    if others:
        print(f"not used here, of the node alone: {', '.join(others)}", file=sys.stderr)
    check(args)
    models = args.model or [options.model]
    refuse_alike([Path(model).stem for model in models], "models")
    refuse_alike([Path(path).resolve().stem for path in args.bags], "bags")
    for path in args.bags:
        make_folder(args.out, path)
    runs: list[dict[str, Any]] = []
    try:
        failed = [path for path in args.bags if not evaluated(path, args, options, models, runs)]
    finally:
        write_json(Path(args.out, "summary.json"), runs, indent=1)
    return status(runs, bool(failed))


def evaluated(
    path: str, args: argparse.Namespace, options: PipelineOptions, models: list[str], runs: list[dict[str, Any]]
) -> bool:
    """Whether a bag could be used; adds what came out of it to the runs, none after one that Ctrl-C stopped."""
    try:
        if not was_interrupted(runs):
            for told in evaluate_bag(path, args, options, models):
                runs.append(told)
                print(line(told))
                if told["interrupted"]:
                    break
        return True
    except PoseError as error:
        print(f"pose: error: {error}", file=sys.stderr)
        return False


def was_interrupted(runs: list[dict[str, Any]]) -> bool:
    return any(told["interrupted"] for told in runs)


def status(runs: list[dict[str, Any]], failed: bool) -> int:
    if was_interrupted(runs):
        return INTERRUPTED
    partial = any(told["results"]["partial"] for told in runs)
    return FAILED if failed else PARTIAL if partial else OK


def check(args: argparse.Namespace) -> None:
    if args.latency_ms is not None and (not args.realtime or not args.latency_ms > 0):
        raise ConfigError(f"expected --latency-ms above 0 and with --realtime, got {args.latency_ms}")
    if args.truth and len(args.bags) > 1:
        raise ConfigError(
            f"expected one bag with --truth, got {len(args.bags)}; {FILE} in a bag's folder is that bag's"
        )


def refuse_alike(names: list[str], what: str) -> None:
    """The results of two of one name would take the same folder."""
    if len(set(names)) < len(names):
        raise ConfigError(f"expected {what} of different names, got {', '.join(sorted(names))}")


def evaluate_bag(
    path: str, args: argparse.Namespace, options: PipelineOptions, models: list[str]
) -> Iterator[dict[str, Any]]:
    """What came out of each topic and model."""
    with Bag(path) as bag:
        if bag.problem:
            print(f"{path}: {bag.problem}; reading what is there", file=sys.stderr)
        topics = [image_topic(bag, topic) for topic in args.topic or [None]]
        for topic in topics:
            folder = Path(args.out, bag.name, topic.strip("/").replace("/", "_") if len(topics) > 1 else "")
            truth = truth_for(bag, topic, args)
            job = Job(bag, topic, folder, truth, pseudo_truth_for(bag, topic, args.pseudo_truth, options))
            for model in models:
                yield evaluate_model(job, options._replace(model=model), args)


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
    with opened(alone, DETECTOR, None) as (estimate, skeleton):
        check_skeleton(skeleton, model)
        record = run(bag, topic, estimate, None, Clock())
    if record.interrupted:
        raise KeyboardInterrupt
    by_stamp = {f.stamp_ns: poses for f, poses in reversed(list(zip(record.frames, record.poses)))}
    source = f"pseudo-truth: poses by {Path(model).stem}, nobody's annotations"
    return Truth(annotations_of(sorted(by_stamp.items()), topic), source, topic)


def evaluate_model(job: Job, options: PipelineOptions, args: argparse.Namespace) -> dict[str, Any]:
    clock = Clock(args.realtime, args.latency_ms)
    target = job.folder / Path(options.model).stem
    with opened(options, args.boxes, job.truth) as (estimate, skeleton):
        if job.truth or job.pseudo_truth:
            check_skeleton(skeleton, options.model)
        with RunFolder(target, skeleton, args.color_by, not args.no_video) as folder:
            record = run(job.bag, job.topic, estimate, folder, clock)
            told = {"bag": job.bag.name, "topic": job.topic, **about_model(options, args.boxes)}
            files = files_of(record, skeleton, told, clock, job.truth, job.pseudo_truth)
            folder.finish(files)
    return {"folder": str(target), "interrupted": record.interrupted, "results": files[RESULTS]}


@contextmanager
def opened(options: PipelineOptions, boxes: str, truth: Truth | None) -> Iterator[tuple[Estimate, Skeleton]]:
    if boxes == DETECTOR:
        with build_pipeline(options) as pipeline:
            yield by_pipeline(pipeline), pipeline.skeleton
    else:
        backend, spec = open_model(options.model, "top_down", options.threads)
        with backend:
            estimator = TopDown(backend, spec, flip_test=options.flip_test)
            yield by_true_boxes(estimator, truth), get_skeleton(spec.skeleton)


def check_skeleton(skeleton: Skeleton, model: str) -> None:
    if skeleton.name != coco.SKELETON:
        raise DataError(f"{model}: expected the skeleton {coco.SKELETON} to judge, got {skeleton.name}")


def line(told: dict[str, Any]) -> str:
    """One run in words, for the terminal."""
    results = told["results"]
    frames, people = results["frames"], results["people"]
    words = [
        f"{results['bag']} {results['topic']} {results['model']}: {frames['answered']} of {frames['in_bag']} images"
    ]
    words.append(f"{people['found']} people")
    if "age_ms" in results:
        age = results["age_ms"]
        words.append(f"{frames['dropped']} dropped, age {age['p50']:.0f} ms (p99 {age['p99']:.0f})")
    for name, title in (("truth", "AP"), ("pseudo_truth", "pseudo-AP")):
        if name in results:
            words.append(f"{title} {results[name]['AP']:.1f} on {results[name]['judged']} images")
    if results["partial"]:
        words.append(f"PARTIAL: {results['partial_reason']}")
    return "; ".join(words) + f"\n  {told['folder']}"
