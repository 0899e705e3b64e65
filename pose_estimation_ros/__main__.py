"""Run the `pose` command; each sub-command has its own module in cli/, which is imported only when called.

Exit codes: 0 for success, 1 for an error that the user can cause, 2 for a wrong command line, 70 for a fault of the
package, 130 for Ctrl-C. An error is one line on stderr; with POSE_TRACEBACK=1 in the environment its traceback follows.
"""

import argparse
import contextlib
import importlib
import os
import signal
import sys
import traceback
from typing import Any, Iterator, List, Optional, Tuple

from pose_estimation_ros import __version__
from pose_estimation_ros.cli.common.help import describe
from pose_estimation_ros.core.errors import PoseError, did_you_mean, one_line, printable

FAULT = 70  # EX_SOFTWARE of sysexits.h
# Errors that files, arguments and the machine can cause, where the package has not turned them into a PoseError.
USER_ERRORS = (OSError, RecursionError, UnicodeError, MemoryError)
QUIET = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}  # their failures become errors of the package

# name: (module with EXAMPLES, add_arguments(parser) and main(args) -> int, one line of help, pip extra that it needs)
COMMANDS = {
    "predict": ("pose_estimation_ros.cli.predict", "find people in images, a video or a camera", ""),
    "live": ("pose_estimation_ros.cli.live", "watch people live, on a page in the browser", ""),
    "benchmark": (
        "pose_estimation_ros.cli.benchmark",
        "time each stage, and compare the speed of two models",
        "",
    ),
    "doctor": ("pose_estimation_ros.cli.doctor", "tell what is installed, and what would mend the rest", ""),
    "build-engine": ("pose_estimation_ros.cli.build_engine", "compile a model for this machine's GPU", ""),
    "inspect-engine": (
        "pose_estimation_ros.cli.inspect_engine",
        "show how an engine was built and what it contains",
        "",
    ),
    "get": ("pose_estimation_ros.cli.get", "download a published model and import it", ""),
    "import": ("pose_estimation_ros.cli.import_model", "make an ONNX model of another program one of this package", ""),
    "data": ("pose_estimation_ros.cli.data", "make, check and cut data sets", "train"),
    "import-weights": (
        "pose_estimation_ros.cli.import_weights",
        "make a checkpoint of weights that authors published",
        "train",
    ),
    "train": ("pose_estimation_ros.cli.train", "train a model from a recipe", "train"),
    "ablation": (
        "pose_estimation_ros.cli.ablation",
        "train the rows of a paper's ablation table",
        "train",
    ),
    "models": ("pose_estimation_ros.cli.models", "show what each model costs, beside its paper's figures", "train"),
    "export": (
        "pose_estimation_ros.cli.export",
        "write an ONNX model and its spec, in any precision",
        "train",
    ),
    "check-operators": (
        "pose_estimation_ros.cli.check_operators",
        "list operators that TensorRT refuses",
        "train",
    ),
    "evaluate": (
        "pose_estimation_ros.cli.evaluate",
        "measure the accuracy of pose models and person detectors",
        "evaluate",
    ),
    "calibrate": (
        "pose_estimation_ros.cli.calibrate",
        "turn the scores of a pose model into probabilities",
        "evaluate",
    ),
    "compare": ("pose_estimation_ros.cli.compare", "compare the speed and accuracy of several models", "evaluate"),
    "evaluate-bag": (
        "pose_estimation_ros.cli.evaluate_bag",
        "run models on rosbags: accuracy, steadiness, drops, video",
        "evaluate",
    ),
    "make-bag": ("pose_estimation_ros.cli.make_bag", "write a rosbag from a video or images", "evaluate"),
}


def main(argv: Optional[List[str]] = None) -> int:
    """Run one command and return the exit code; no exception but SystemExit leaves it."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        print_any_name()
        try:
            return run(argv)
        finally:
            sys.stdout.flush()  # so that a closed pipe or a full disk is an error of this command
    except BrokenPipeError:
        drop_output()
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return 130 if is_ctrl_c(error) else report(error)


def report(error: Exception) -> int:
    """Print the error to stderr and return its exit code."""
    print("pose: error: %s" % error_line(error), file=sys.stderr)
    if os.environ.get("POSE_TRACEBACK"):
        traceback.print_exc()
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
    return 1 if is_user_error(error) else FAULT


def run(argv: List[str]) -> int:
    """Parse the command line and run its command."""
    for name, level in QUIET.items():
        os.environ.setdefault(name, level)
    with quiet_ctrl_c():  # imports take a second, in which libraries print their own tracebacks
        parser, command = _parser(argv)
        args, rest = parser.parse_known_args(argv)
        rest = _take_changes(args, rest, command)
        if rest:
            (command or parser).error("unrecognized arguments: %s%s" % (" ".join(rest), _hint(rest, command)))
    return int(args.main(args))


def is_ctrl_c(error: Optional[BaseException]) -> bool:
    """Tell whether Ctrl-C is the cause: in the import of a library it comes out as "initialization failed"."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def is_user_error(error: BaseException) -> bool:
    """Tell whether a user can have caused the error; OpenCV's own error comes from files, and is not imported here."""
    loop = isinstance(error, RuntimeError) and str(error).startswith("Symlink loop")  # pathlib, before Python 3.13
    return isinstance(error, (PoseError,) + USER_ERRORS) or type(error).__module__ == "cv2" or loop


def error_line(error: BaseException) -> str:
    """Return the text of an error in one line; for an unexpected one with its type and how to see the traceback."""
    if isinstance(error, PoseError) or (isinstance(error, OSError) and error.strerror and error.filename is not None):
        return one_line(error)
    typed = printable(": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())])))
    text = typed if is_user_error(error) else "fault of pose_estimation_ros: %s" % typed
    return "%s (POSE_TRACEBACK=1 shows the traceback)" % text


@contextlib.contextmanager
def quiet_ctrl_c() -> Iterator[None]:
    """Let SIGINT end the process at once and without a message, instead of raising KeyboardInterrupt."""
    try:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        before = signal.signal(signal.SIGINT, signal.SIG_DFL) if usual else None
    except ValueError:  # not the main thread, which alone gets signals
        before = None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def print_any_name() -> None:
    """Let stdout escape what its encoding has no character for, such as a file's name that is not UTF-8.

    A stdout that is closed, as by a service manager, is replaced by one that discards all.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")
    if hasattr(sys.stdout, "reconfigure"):  # from Python 3.7
        sys.stdout.reconfigure(errors="backslashreplace")


def drop_output() -> None:
    """Discard the buffered text of stdout, because Python would report at the exit that it cannot be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """Parse command lines; an error is one line."""

    def error(self, message: str) -> Any:
        """Print the message in one line and exit with code 2."""
        self.exit(2, "%s: error: %s (`%s --help` tells more)\n" % (self.prog, " ".join(message.split()), self.prog))


def _parser(argv: List[str]) -> Tuple[argparse.ArgumentParser, Optional[argparse.ArgumentParser]]:
    """Return the parser of `pose`, and that of the command, None if no command is named."""
    description = (
        "Human pose estimation: predict, train, export, evaluate. `pose COMMAND --help` tells more."
        " POSE_TRACEBACK=1 shows the traceback of an error."
    )
    parser = Parser(prog="pose", description=description)
    parser.add_argument("--version", action="version", version="pose_estimation_ros %s" % __version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    chosen = next((word for word in argv if not word.startswith("-")), "")
    if chosen and chosen not in COMMANDS:
        near = did_you_mean(chosen, COMMANDS)
        parser.error("unknown command %r%s" % (chosen, near or ", known: " + ", ".join(COMMANDS)))
    chosen_parser = None
    for name, (module_name, help_line, extra) in COMMANDS.items():
        command = commands.add_parser(name, help=help_line)
        if name == chosen:
            module = _import(name, module_name, extra)
            describe(command, module.__doc__, module.EXAMPLES)
            module.add_arguments(command)
            command.set_defaults(main=module.main)
            chosen_parser = command
    return parser, chosen_parser


def _take_changes(args: argparse.Namespace, rest: List[str], command: Optional[argparse.ArgumentParser]) -> List[str]:
    """Add the words key=value that stand behind options to those in front, which argparse alone takes; return the rest.

    Args:
        args: what argparse has read; it is changed.
        rest: words that argparse has left.
        command: parser of the command, None without one.
    """
    takers = [action.dest for action in command._actions if action.metavar == "key=value"] if command else []
    changes = [word for word in rest if takers and "=" in word and not word.startswith("-")]
    for taker in takers:
        setattr(args, taker, getattr(args, taker) + changes)
    return [word for word in rest if word not in changes]


def _hint(arguments: List[str], command: Optional[argparse.ArgumentParser]) -> str:
    """Return ", did you mean '--x'?" for the first of the arguments that resembles an option of the command.

    An old name of an option is named first.
    """
    from pose_estimation_ros.inference.options import RENAMED  # here, as it takes milliseconds

    known = options_of(command) if command else []
    words = [word.split("=")[0] for word in arguments if word.startswith("--")]
    flags = {"--" + old.replace("_", "-"): "--" + new for old, new in RENAMED.items()}
    renamed = [", its name is %s now" % flags[word] for word in words if flags.get(word) in known]
    return next(filter(None, renamed + [did_you_mean(word, known) for word in words]), "")


def options_of(parser: argparse.ArgumentParser) -> List[str]:
    """List the options of a parser and of the actions below it, such as those of `pose data toy`."""
    options = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            options += [option for below in action.choices.values() for option in options_of(below)]
    return options


def _import(command: str, module_name: str, extra: str) -> Any:
    if extra and sys.version_info < (3, 10):
        raise PoseError("`pose %s` needs Python 3.10 or later, this is %d.%d" % ((command,) + sys.version_info[:2]))
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        remedy = "pip install 'pose_estimation_ros[%s]'" % extra if extra else "see docs/how-to/install.md"
        remedy = "pip install onnx" if error.name == "onnx" else remedy
        raise PoseError("`pose %s` needs something that is not installed (%s): %s" % (command, remedy, error))


if __name__ == "__main__":
    sys.exit(main())
