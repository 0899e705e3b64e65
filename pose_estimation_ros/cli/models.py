"""Print the parameters and multiply-adds of each model beside the figures of its paper.

Parameters are counted once each. "Gi" are multiply-adds of convolutions and linear layers / 2^30, the "FLOPs" of
HRNet's tool; other units are explained below the table. A difference is against the printed figure, as it is rounded
there; docstrings and comments at the models' builders explain the larger ones. "source" is the paper that prints the
row, where it is not the model's own.
"""

import argparse
import json

from pose_estimation_ros.training.model_table import header, measure, notes, rows_of, to_line

EXAMPLES = (
    "pose models",
    "pose models goatpose_bl hrnet_w32 --json",
)


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
    for line in notes(rows):
        print(line)
    return 0
