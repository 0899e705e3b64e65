"""From a recording to numbers and pictures, without ROS: what a model, or other parameters, would have made of it.

BAG is a rosbag2 folder (sqlite3 or MCAP), a single .db3 or .mcap file, or a ROS 1 .bag. Written into DIR/BAG/MODEL, or
DIR/BAG/TOPIC/MODEL where several topics are given (schema of all: docs/bags.md), and DIR/report.html of all of them:
  results.json       counts, steadiness (jitter, bone lengths, left and right, gaps); accuracy where there is a truth
  keypoints.json     COCO's results format as of `pose predict`; image_id is the place of the image in its topic
  frames.json        stamps of those images, and their age in --realtime
  timings.json       where the time went; all other files are the same to the bit when a run is repeated
  annotated.mp4      the images with skeletons and ids
  inputs.json        what all this was made from; what was made from the same before is not run again
  pose_bag/          rosbag2 with /pose/keypoints, /pose/markers and /pose/skeleton, to play beside the original
Truth: --truth, a COCO file whose images have "stamp_ns"; else --truth-topic; else truth.json in the bag's folder.
Exit status: 0 all done, 1 a bag or model could not be used (the others are done; a bag whose process died is tried once
more), 3 only part of a bag could be read, 130 stopped by Ctrl-C with what was done until then written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pose_estimation_ros.core.arguments import number, whole
from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.bag.files.reader import bag_name
from pose_estimation_ros.evaluation.bag.metrics.truth import FILE
from pose_estimation_ros.evaluation.bag.report.write import write_report
from pose_estimation_ros.evaluation.bag.run.jobs import DETECTOR, GROUND_TRUTH, Order, Outcome, whole_bag
from pose_estimation_ros.evaluation.bag.run.options import read_options
from pose_estimation_ros.evaluation.bag.run.processes import Done, in_processes
from pose_estimation_ros.evaluation.bag.run.ray_cluster import on_ray
from pose_estimation_ros.imaging.draw import COLOR_BY
from pose_estimation_ros.inference.predict import make_folder

OK, FAILED, PARTIAL, INTERRUPTED = 0, 1, 3, 130
MOST_LATENCY_MS = 1e9


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
        "--latency-ms",
        type=number(0, MOST_LATENCY_MS),
        metavar="X",
        help="with --realtime: of each image (default: measured)",
    )
    add_truth_arguments(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=whole(1, 1024), default=1, metavar="N", help="bags at a time, each in its own process"
    )
    where.add_argument("--ray", metavar="ADDRESS", help='on this Ray cluster, such as "auto"; files at the same paths')
    parser.add_argument("--again", action="store_true", help="run also what has been run with the same inputs")
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


def main(args: argparse.Namespace) -> int:
    options, others = read_options(args.config, args.param)
    if others:
        print(f"not used here, of the node alone: {', '.join(others)}", file=sys.stderr)
    check(args)
    models = args.model or [options.model]
    refuse_alike({model: Path(model).stem for model in models}, models, "models")
    refuse_alike({path: bag_name(Path(path)) for path in args.bags}, args.bags, "bags")
    for path in args.bags:
        make_folder(args.out, path)
    done = work_off([Order(path, args, options, models) for path in args.bags])
    told = runs_of(done)
    paths = {bag_name(Path(path)): path for path in args.bags}
    page = write_report(args.out, told, paths, [own.error for own in done if own.error])
    print(f"wrote {page}")
    return INTERRUPTED if len(done) < len(args.bags) else status(done)


def work_off(orders: list[Order]) -> list[Outcome]:
    """Evaluate all bags; those that crashed are tried once more when the others are done.

    Args:
        orders: one for each bag.

    Returns:
        What came of each, in the order given.
    """
    done: dict[int, Outcome] = {}
    places = list(range(len(orders)))
    for last in (False, True):
        now = places

        def keep(place: int, outcome: Outcome, now: list[int] = now, last: bool = last) -> None:
            done[now[place]] = outcome
            with tqdm.external_write_mode():
                tell(outcome, last)
            write_json(Path(orders[0].args.out, "summary.json"), runs_of(in_order(done)), indent=1)

        run_all([orders[place] for place in now], keep)
        places = [place for place in now if place in done and done[place].crashed]
        if not places or any(outcome.interrupted for outcome in done.values()):
            break
    return in_order(done)


def run_all(orders: list[Order], keep: Done) -> None:
    """Calls keep(place, outcome) as they are done; stops after Ctrl-C."""
    args = orders[0].args
    if args.ray:
        on_ray(orders, args.ray, keep)
    elif args.workers > 1:
        in_processes(orders, args.workers, keep)
    else:
        for place, order in enumerate(orders):
            outcome = whole_bag(order)
            keep(place, outcome)
            if outcome.interrupted:
                return


def in_order(done: dict[int, Outcome]) -> list[Outcome]:
    return [done[place] for place in sorted(done)]


def runs_of(done: list[Outcome]) -> list[dict[str, Any]]:
    return [told for outcome in done for told in outcome.runs]


def tell(outcome: Outcome, last: bool) -> None:
    for told in outcome.runs:
        print(line(told))
    if outcome.error:
        kind = "to be tried once more" if outcome.crashed and not last else "error"
        print(f"pose: {kind}: {outcome.error}", file=sys.stderr)


def status(done: list[Outcome]) -> int:
    if any(outcome.interrupted for outcome in done):
        return INTERRUPTED
    partial = any(told["results"]["partial"] for told in runs_of(done))
    return FAILED if any(outcome.error for outcome in done) else PARTIAL if partial else OK


def check(args: argparse.Namespace) -> None:
    if args.latency_ms is not None and (not args.realtime or args.latency_ms == 0):
        text = f"expected --latency-ms above 0 and with --realtime, at most {MOST_LATENCY_MS:g}, got {args.latency_ms}"
        raise ConfigError(text)
    if args.truth and len(args.bags) > 1:
        raise ConfigError(
            f"expected one bag with --truth, got {len(args.bags)}; {FILE} in a bag's folder is that bag's"
        )


def refuse_alike(name_of: dict[str, str], given: list[str], what: str) -> None:
    """Refuse two paths whose results would take the same folder.

    Args:
        name_of: path -> name of the folder.
        given: the paths, as on the command line.
        what: what they are, for the message.

    Raises:
        ConfigError: two have the same name.
    """
    for name in set(name_of.values()):
        alike = [path for path in given if name_of[path] == name]
        if len(alike) > 1:
            raise ConfigError(f"expected {what} of different names, got {', '.join(alike)}, whose results are {name}")


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
