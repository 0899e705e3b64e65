"""Run models on rosbags offline, and write their accuracy, steadiness, drops, videos and a report.

No ROS is needed. BAG is a rosbag2 folder (sqlite3 or MCAP), a single .db3 or .mcap file, or a ROS 1 .bag. Results are
written into DIR/BAG/MODEL, or DIR/BAG/TOPIC/MODEL where several topics are given, and into DIR/report.html. The ground
truth is that of --truth or --truth-topic, else truth.json in the bag's folder. Exit status: 0 all done, 1 a bag or a
model could not be used, 3 only part of a bag could be read, 130 stopped by Ctrl-C. See
docs/how-to/evaluate-recordings.md.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, Sequence

from pose_estimation_ros.cli.common.arguments import number, whole
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.evaluation.bag.evaluation import evaluate_bags
from pose_estimation_ros.evaluation.bag.report.write import PAGE
from pose_estimation_ros.evaluation.bag.run.jobs import Outcome
from pose_estimation_ros.evaluation.bag.run.options import read_options
from pose_estimation_ros.evaluation.bag.run.settings import (
    BOXES,
    DETECTOR,
    MAX_LATENCY_MS,
    MAX_WORKERS,
    BagEvaluation,
)
from pose_estimation_ros.imaging.draw import COLOR_BY
from pose_estimation_ros.inference.options import PipelineOptions

OK, FAILED, PARTIAL, INTERRUPTED = 0, 1, 3, 130
# Arguments that have the name of their setting.
SAME_NAMES = (
    "realtime", "latency_ms", "truth", "truth_topic", "pseudo_truth", "boxes", "workers", "ray", "again", "video",
    "color_by",
)  # fmt: skip

EXAMPLES = (
    "pose evaluate-bag out/clip --out out/bags",
    "pose evaluate-bag out/clip --model lite0_fpn_coco --model elpn_v1_coco --realtime --out out/bags",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source, model, output = group(parser, "input"), group(parser, "model"), group(parser, "output")
    source.add_argument("bags", nargs="+", metavar="BAG", help="recording: folder, .db3, .mcap or .bag")
    model.add_argument("--model", action="append", default=[], metavar="M", help="name or file; may be repeated")
    topic_help = "image topic; needed where a bag has several; may be repeated"
    source.add_argument("--topic", action="append", default=[], metavar="T", help=topic_help)
    model.add_argument("--config", metavar="YAML", help="the node's parameter file, such as config/cpu.yaml")
    param_help = "a parameter of the node, instead of the file's value: detect_every_s:=0"
    model.add_argument("-p", "--param", action="append", default=[], metavar="NAME:=VALUE", help=param_help)
    output.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    add_clock_arguments(parser)
    add_ground_truth_arguments(parser)
    where = group(parser, "speed").add_mutually_exclusive_group()
    workers_help = "number of bags processed at a time, each in its own process (default: %(default)s)"
    where.add_argument("--workers", type=whole(1, MAX_WORKERS), default=1, metavar="N", help=workers_help)
    ray_help = 'process the bags on this Ray cluster, such as "auto"; files are at the same paths there'
    where.add_argument("--ray", metavar="ADDRESS", help=ray_help)
    output.add_argument("--again", action="store_true", help="run again where results are up to date, too")
    output.add_argument("--no-video", dest="video", action="store_false", help="write no annotated.mp4")
    output.add_argument("--color-by", choices=COLOR_BY, default="track", help="colour of limbs (default: %(default)s)")


def add_clock_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the images to process."""
    timing = group(parser, "images to process")
    clock = timing.add_mutually_exclusive_group()
    every_help = "work on every image, however long it takes (default)"
    clock.add_argument("--every-frame", action="store_true", help=every_help)
    clock.add_argument("--realtime", action="store_true", help="drop the images that a running node would not process")
    latency_help = "with --realtime: time that each image takes, ms (default: as measured)"
    timing.add_argument("--latency-ms", type=number(0, MAX_LATENCY_MS), metavar="X", help=latency_help)


def add_ground_truth_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the ground truth."""
    accuracy = group(parser, "accuracy")
    source = accuracy.add_mutually_exclusive_group()
    source.add_argument("--truth", metavar="JSON", help='COCO annotations with "stamp_ns" in the images')
    source.add_argument("--truth-topic", metavar="T", help="PersonArray messages in the bag")
    pseudo_help = "a stronger model, whose poses serve as ground truth although they are only estimates"
    accuracy.add_argument("--pseudo-truth", metavar="MODEL", help=pseudo_help)
    boxes_help = (
        "ground-truth: run the pose model in the annotated boxes, image by image, as `pose evaluate` does"
        " (default: %(default)s)"
    )
    accuracy.add_argument("--boxes", choices=BOXES, default=DETECTOR, help=boxes_help)


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    options, node_parameters = read_options(args.config, args.param)
    if node_parameters:
        print_note(f"ignored parameters, which only the node uses: {', '.join(node_parameters)}")
    outcomes = evaluate_bags(evaluation_of(args, options), print_outcome, print_note)
    print(f"wrote {Path(args.out, PAGE)}")
    return INTERRUPTED if len(outcomes) < len(args.bags) else exit_code(outcomes)


def evaluation_of(args: argparse.Namespace, options: PipelineOptions) -> BagEvaluation:
    """Make the settings of the command line's arguments.

    Args:
        args: the arguments.
        options: options of the pipeline.
    """
    fields = {name: getattr(args, name) for name in SAME_NAMES}
    return BagEvaluation(args.bags, args.out, args.model, args.topic, options, **fields)


def print_note(text: str) -> None:
    """Print a progress message to the standard error."""
    print(text, file=sys.stderr)


def print_outcome(outcome: Outcome) -> None:
    """Print the runs of a bag and, where one failed, the error."""
    for run in outcome.runs:
        print(run_line(run))
    if outcome.error:
        kind = "to be tried once more" if outcome.retry else "error"
        print_note(f"pose: {kind}: {outcome.error}")


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code for the outcomes of all bags."""
    if any(outcome.interrupted for outcome in outcomes):
        return INTERRUPTED
    if any(outcome.error for outcome in outcomes):
        return FAILED
    partial = any(run["results"]["partial"] for outcome in outcomes for run in outcome.runs)
    return PARTIAL if partial else OK


def run_line(run: Dict[str, Any]) -> str:
    """Describe a run for the terminal."""
    results = run["results"]
    frames, people = results["frames"], results["people"]
    parts = [
        f"{results['bag']} {results['topic']} {results['model']}: {frames['answered']} of {frames['in_bag']} images",
        f"{people['found']} people",
    ]
    if "age_ms" in results:
        age = results["age_ms"]
        parts.append(f"{frames['dropped']} dropped, age {age['p50']:.0f} ms (p99 {age['p99']:.0f})")
    for name, title in (("truth", "AP"), ("pseudo_truth", "pseudo-AP")):
        if name in results:
            parts.append(f"{title} {results[name]['AP']:.1f} on {results[name]['judged']} images")
    if results["partial"]:
        parts.append(f"PARTIAL: {results['partial_reason']}")
    return "; ".join(parts) + f"\n  {run['folder']}"
