"""Download a published pose model or person detector, import it, and print how to use it.

The licence and its restrictions are printed before the download begins. A download that broke off, or was ended by
Ctrl-C, is continued by the same command. Where nobody publishes an ONNX file, the command prints how to make it with
the program of the model's authors, and ends with exit code 1.
"""

import argparse
import functools

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.importing.catalogue import read_catalogue, table
from pose_estimation_ros.importing.get import ModelGet, get_model

NOTES = (
    "AP: percent, as its authors publish it. *: `pose get NAME` prints what to know of the licence first.\n"
    "file: download, or export by the user. tried: whether this file has been run with this package."
)

EXAMPLES = (
    "pose get --list",
    "pose get rtmpose_m --out my_models",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="models of the catalogue")
    parser.add_argument("--list", action="store_true", help="show the catalogue")
    parser.add_argument(
        "--out", metavar="FOLDER", help="folder for the models (default: the user's, where names find them)"
    )
    parser.add_argument("--name", metavar="N", help="name for the model (default: that of the catalogue)")
    parser.add_argument("--force", action="store_true", help="replace a model of the same name")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if bool(args.names) == args.list or (args.name and len(args.names) != 1):
        raise ConfigError("expected names of models, or one with --name, or --list alone")
    if args.list:
        print(table(read_catalogue()))
        print(NOTES)
        return 0
    say = functools.partial(print, flush=True)  # as the progress on stderr comes between the lines
    orders = [ModelGet(name, args.out, args.name, args.force) for name in args.names]
    return 0 if all([get_model(order, say) for order in orders]) else 1
