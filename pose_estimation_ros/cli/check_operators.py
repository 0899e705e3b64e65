"""List the operators of an ONNX model that a version of TensorRT cannot parse.

There are tables for TensorRT 8.2 (JetPack 4.6, the TX2) and 8.5 (JetPack 5). Exit status: 0 all operators are known, 1
some are not.
"""

from __future__ import annotations

import argparse

from pose_estimation_ros.importing.tensorrt_operators import refused
from pose_estimation_ros.inference.backends.find import find_path

EXAMPLES = (
    "pose check-operators lite0_fpn_coco",
    "pose check-operators models/higher_lite0_fpn_coco.onnx --tensorrt 8.5",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("model", metavar="MODEL", help="name or path of an ONNX model")
    parser.add_argument("--tensorrt", default="8.2", metavar="VERSION", help="8.2 to 8.5 (default: %(default)s)")


def main(args: argparse.Namespace) -> int:
    """Print the refused operators and return the exit status."""
    path = find_path(args.model) or args.model
    refusals = refused(path, args.tensorrt)
    for refusal in refusals:
        print(f"{refusal.operator} {refusal.node}: {refusal.reason}")
    if refusals:
        print(f"{path}: TensorRT {args.tensorrt} refuses {len(refusals)} nodes")
    else:
        print("all operators are known")
    return 1 if refusals else 0
