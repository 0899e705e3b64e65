"""Print the parameters and multiply-adds of each model beside the figures of its paper.

Parameters are counted once each. "Gi" are multiply-adds of convolutions and linear layers / 2^30, the "FLOPs" of
HRNet's tool. "lp" are the "MACs" of LitePose's tool, explained below the table. A difference is against the printed
figure, as it is rounded there; the docstrings of the models' builders explain the larger ones.
"""

import argparse
import json

from pose_estimation_ros.training.model_table import LITEPOSE_NOTE, LITEPOSE_UNIT, header, measure, rows_of, to_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose models`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to count (default: all)")
    parser.add_argument("--json", action="store_true", help="a JSON list in place of the table")


def main(args: argparse.Namespace) -> int:
    """Count the models and print the table, row by row, or JSON; return the exit code."""
    rows = rows_of(args.names)
    if args.json:
        print(json.dumps([measure(row) for row in rows], indent=1))
        return 0
    print(header())
    for row in rows:
        print(to_line(measure(row)), flush=True)
    if any(row.convention == LITEPOSE_UNIT for row in rows):
        print(LITEPOSE_NOTE)
    return 0
