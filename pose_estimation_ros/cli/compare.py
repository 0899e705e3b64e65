"""Compare the speed and the accuracy of models on this machine.

The result is a table, and compare.csv, compare.json and compare.png. Pose models have two accuracies: end to end, as
the node runs them, with their own detector and thresholds; and that of `pose evaluate`, with the same options, in given
boxes. Person detectors take no part in the options of poses. "frame ms" is the median time of a frame end to end. The
other milliseconds are those of the network alone at batch 1 (top-down: one person, others: one image), in the input
size of its file, warm. The models take turns, so that whatever else the machine does meets all alike; the ratio is the
median of the rounds' ratios to the first model. Parameters and MACs are counted in the ONNX file, Gi = MACs / 2^30; its
batch norms are part of its convolutions, so it has fewer parameters than the training network.
"""

from __future__ import annotations

import argparse

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.checkpoints import onnx_files
from pose_estimation_ros.cli.common.flags import add_option_flags, options_of
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.cli.evaluate import (
    END_TO_END_OPTIONS,
    RUNTIME_OPTIONS,
    add_pipeline_arguments,
    add_protocol_arguments,
)
from pose_estimation_ros.core.timing import table
from pose_estimation_ros.evaluation.comparison import COLUMNS, Comparison, Row, cells, compare

EXAMPLES = (
    "pose compare lite0_fpn_coco elpn_v1_coco --data data/toy/holdout",
    "pose compare lite0_fpn_coco lite0_fpn_coco_int8_cpu --data data/toy/holdout --flip --rounds 20",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose compare`."""
    model_help = "as --model of `pose evaluate`; ratios are to the first"
    source, speed = group(parser, "input"), group(parser, "speed")
    source.add_argument("models", nargs="+", metavar="MODEL", help=model_help)
    data_help = "annotation file, or folder with person_keypoints.json"
    source.add_argument("--data", metavar="DATA", required=True, help=data_help)
    add_protocol_arguments(parser)
    add_option_flags(speed, RUNTIME_OPTIONS)
    rounds_help = "timed runs of each network (default: %(default)s)"
    speed.add_argument("--rounds", type=whole(1), metavar="N", default=50, help=rounds_help)
    out_help = "folder of the files (default: %(default)s)"
    group(parser, "output").add_argument("--out", metavar="DIR", default="out/compare", help=out_help)
    add_pipeline_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run `pose compare`."""
    compare(comparison_of(args), on_measured=print_rows)
    print(f"wrote compare.csv, compare.json and compare.png into {args.out}")
    return 0


def comparison_of(args: argparse.Namespace) -> Comparison:
    """Make the comparison of a command line; checkpoints are exported."""
    options = {name: value for name, value in vars(args).items() if name in Comparison.__dataclass_fields__}
    models = onnx_files(args.models, args.out, args.protocol, args.flip)
    return Comparison(**{**options, "models": models, "pipeline": options_of(args, END_TO_END_OPTIONS)})


def print_rows(rows: list[Row]) -> None:
    """Print the table of the models."""
    print(table(COLUMNS, map(cells, rows), words=3))
