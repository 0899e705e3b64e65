"""Time each part of processing a frame, as on a robot, and the pose network alone.

The parts of processing a frame:
  decode message   the bytes of a sensor_msgs/Image -> frame; reading the source does not count
  detect           the person detector with all that belongs to it, on the frames where it runs
  warp             crops out of the frame
  copy in, out     to and from a device, where the backend has one (TensorRT); they are then no part of network
  network          the pose network
  decode           heatmaps -> keypoints, or people
  track            thresholds, duplicates, tracking, smoothing
  build message    people -> PersonArray in plain classes, because the classes of rclpy need ROS

p50, p90 and p99 are over frames. The first frames, in which memory and caches fill, are left out. The
copies of the network alone, which are a part of its time, are medians over the runs.
"""

import argparse
import json
import os
from types import SimpleNamespace
from typing import Any, Tuple

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.flags import add_pipeline_flags, options_of
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.cli.common.output import warn
from pose_estimation_ros.core.atomic_files import check_writable, write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.inference.benchmark import ENCODERS, MAX_BATCH, Benchmark, run_benchmark, to_text
from pose_estimation_ros.messages.poses import poses_to_msg

DEFAULTS = Benchmark("")
PLAIN = SimpleNamespace(Keypoint=SimpleNamespace, Person=SimpleNamespace, PersonArray=SimpleNamespace)

EXAMPLES = (
    "pose benchmark --frames 100",
    "pose benchmark --against elpn_v1_coco --batches 1 4 --json out/benchmark.json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    input_help = "video, folder of images, or camera index such as 0 (default: the demo's clip)"
    source, network = group(parser, "input"), group(parser, "network alone")
    source.add_argument("input", metavar="INPUT", nargs="?", help=input_help)
    source.add_argument(
        "--frames",
        type=whole(1),
        default=DEFAULTS.frames,
        metavar="N",
        help="frames to time at most (default: %(default)s)",
    )
    batch_help = "batch sizes of the network alone; 0: leave that out (default: 1 2 4 8)"
    network.add_argument(
        "--batches", type=whole(0, MAX_BATCH), nargs="+", default=DEFAULTS.batches, metavar="N", help=batch_help
    )
    network.add_argument(
        "--rounds",
        type=whole(1),
        default=DEFAULTS.rounds,
        metavar="N",
        help="runs at each batch size (default: %(default)s)",
    )
    against_help = "another model, timed in turns with this one, network against network"
    network.add_argument("--against", metavar="OTHER", help=against_help)
    encoding_help = "encoding of the image messages; others than bgr8 are converted (default: %(default)s)"
    source.add_argument("--encoding", choices=sorted(ENCODERS), default=DEFAULTS.encoding, help=encoding_help)
    json_help = "write all as JSON; - writes it to stdout in place of the tables"
    group(parser, "output").add_argument("--json", metavar="FILE", help=json_help)
    add_pipeline_flags(parser)


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    batches = [size for size in args.batches if size]
    source = args.input or default_input()
    benchmark = Benchmark(source, options_of(args), args.frames, batches, args.rounds, args.against, args.encoding)
    if args.json and args.json != "-":
        check_writable(args.json)
    result = run_benchmark(benchmark, make_message, warn)
    if args.json == "-":
        print(json.dumps(result))
        return 0
    if args.json:
        write_json(args.json, result, indent=1)
    print(to_text(result))
    return 0


def make_message(poses: Poses, size_wh: Tuple[int, int], skeleton_name: str) -> Any:
    """Make a PersonArray of plain classes.

    Args:
        poses: the people.
        size_wh: width and height of the image in px.
        skeleton_name: name of their skeleton.
    """
    return poses_to_msg(PLAIN, poses, None, size_wh, skeleton_name)


def default_input() -> str:
    """Return the path of the demo's clip."""
    clip = demo_clip()
    if not os.path.isfile(clip):
        raise ConfigError("expected an INPUT: the demo's clip is not at %s" % clip)
    return clip
