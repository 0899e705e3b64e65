"""The `pose` command. Each sub-command lives in its own module, which is imported only when called."""

import argparse
import importlib
import sys
from typing import Any, List

from pose_estimation_ros.core.errors import PoseError

# name: (module with add_arguments(parser) and main(args) -> int, one line of help, pip extra that it needs)
COMMANDS = {
    "predict": ("pose_estimation_ros.inference.predict", "keypoints of images, a video or a camera", ""),
    "benchmark": (
        "pose_estimation_ros.inference.benchmark",
        "time each part of the way, and one model against another",
        "",
    ),
    "build-engine": ("pose_estimation_ros.inference.engine_builder", "compile a model for this machine's GPU", ""),
    "inspect-engine": ("pose_estimation_ros.inference.inspect_engine", "what an engine is of, and what is in it", ""),
    "train": ("pose_estimation_ros.training.train", "train a model from a recipe", "train"),
    "models": ("pose_estimation_ros.training.zoo", "what each model costs, beside its paper's figures", "train"),
    "export": (
        "pose_estimation_ros.training.export_command",
        "make an ONNX model and its spec, of any precision",
        "train",
    ),
    "check-operators": ("pose_estimation_ros.training.operators", "what a TensorRT will refuse of a model", "train"),
    "evaluate": (
        "pose_estimation_ros.evaluation.evaluate",
        "accuracy of a pose model or a person detector",
        "evaluate",
    ),
    "compare": ("pose_estimation_ros.evaluation.compare", "speed and accuracy of several models", "evaluate"),
    "evaluate-bag": (
        "pose_estimation_ros.evaluation.bag.evaluate_bag",
        "run models over rosbags: accuracy, steadiness, drops, video",
        "evaluate",
    ),
    "make-bag": ("pose_estimation_ros.evaluation.bag.make_bag", "a rosbag of a video or images", "evaluate"),
}


def main(argv=None):
    # type: (List[str]) -> int
    """Runs one command; returns the exit status: 0, 1 for an error the user can cause, 130 for Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = _parser(argv).parse_args(argv)
        return args.main(args)
    except PoseError as error:
        print("pose: error: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser(argv):
    # type: (List[str]) -> argparse.ArgumentParser
    description = "Human pose estimation: predict, train, export, evaluate. `pose COMMAND --help` tells more."
    parser = argparse.ArgumentParser(prog="pose", description=description)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    chosen = next((word for word in argv if not word.startswith("-")), None)
    for name, (module_name, help_line, extra) in COMMANDS.items():
        command = commands.add_parser(name, help=help_line, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == chosen:
            module = _import(name, module_name, extra)
            command.description = module.__doc__
            module.add_arguments(command)
            command.set_defaults(main=module.main)
    return parser


def _import(command, module_name, extra):
    # type: (str, str, str) -> Any
    if extra and sys.version_info < (3, 10):
        raise PoseError("`pose %s` needs Python 3.10 or later, this is %d.%d" % ((command,) + sys.version_info[:2]))
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        remedy = "pip install 'pose_estimation_ros[%s]'" % extra if extra else "see README, Installation"
        raise PoseError("`pose %s` needs something that is not installed (%s): %s" % (command, remedy, error))


if __name__ == "__main__":
    sys.exit(main())
