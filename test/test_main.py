"""Check the command `pose`: help, errors in one line, exit codes and Ctrl-C."""

import argparse
import importlib
import os
import signal
import subprocess
import sys

import cv2
import pytest

from pose_estimation_ros import __main__ as command
from pose_estimation_ros import __version__
from pose_estimation_ros.core.errors import ConfigError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def test_help_lists_the_commands_and_imports_none_of_them(capsys, monkeypatch):
    monkeypatch.setattr(command.importlib, "import_module", lambda name: pytest.fail("imported " + name))
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        command.main(["--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert all(name in text and entry[1] in text for name, entry in command.COMMANDS.items())


def test_help_has_one_line_for_each_command_on_every_python():
    """Since Python 3.13 the texts begin right of the longest name in all cases; before, two columns further left."""
    begin = len("    ") + max(map(len, command.COMMANDS)) + len("  ")
    assert [name for name, entry in command.COMMANDS.items() if begin + len(entry[1]) > 80 - 2] == []


@pytest.mark.parametrize("name", sorted(command.COMMANDS))
def test_each_command_has_a_useful_help(name, capsys):
    try:
        importlib.import_module(command.COMMANDS[name][0])
    except (ImportError, SyntaxError) as error:
        pytest.skip("needs what is not installed: %s" % error)
    with pytest.raises(SystemExit) as end:
        command.main([name, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "usage: pose " + name in text and len(text.splitlines()) > 8


@pytest.mark.parametrize(
    "argv, message",
    [([], "COMMAND"), (["prdict"], "unknown command 'prdict', did you mean 'predict'?"), (["predict"], "INPUT")],
)
def test_wrong_usage(argv, message, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(argv)
    assert end.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    "flag, hint",
    [
        ("--score-treshold=0.3", ", did you mean '--score-threshold'?"),
        ("--xyzzy", "xyzzy (`pose predict --help`"),
        ("--cpu-engine=openvino", ", its name is --device now"),
    ],
)
def test_an_unknown_flag_is_named_with_what_it_resembles(flag, hint, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["predict", "a.jpg", "--out", "out", flag])
    error = capsys.readouterr().err
    assert end.value.code == 2 and "unrecognized arguments: " + flag in error and hint in error


@pytest.mark.parametrize("argv, changes, left", [
    ([], [], []),
    (["t", "a=1"], ["a=1"], []),
    (["t", "a=1", "--small", "b=2", "--seeds", "3", "c=[x, y]"], ["a=1", "b=2", "c=[x, y]"], []),
    (["t", "--small", "a"], [], ["a"]),
    (["t", "--samll", "b=2", "--seed=4"], ["b=2"], ["--samll", "--seed=4"]),
])  # fmt: skip
def test_changes_of_a_recipe_may_stand_behind_options(argv, changes, left):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("table", nargs="?")
    parser.add_argument("changes", nargs="*", metavar="key=value")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seeds")
    args, rest = parser.parse_known_args(argv)
    assert command._take_changes(args, rest, parser) == left
    assert args.changes == changes


def test_words_behind_options_are_no_changes_where_a_command_takes_none():
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", metavar="WORD")
    args, rest = parser.parse_known_args(["a"])
    assert command._take_changes(args, [*rest, "b=2"], parser) == ["b=2"] and args.words == ["a"]
    assert command._take_changes(args, ["b=2"], None) == ["b=2"]


class FakeCommand:
    """Raise the error that is set as an attribute."""

    error = None
    EXAMPLES = ("pose predict", "pose predict --count 1")

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--count", type=int)

    @classmethod
    def main(cls, _args):
        raise cls.error


@pytest.fixture
def raising(monkeypatch):
    """Return a function that runs a command which raises an error, and returns the exit code."""
    monkeypatch.setattr(command.importlib, "import_module", lambda _name: FakeCommand)
    monkeypatch.delenv("POSE_TRACEBACK", raising=False)

    def call(error):
        monkeypatch.setattr(FakeCommand, "error", error)
        return command.main(["predict"])

    return call


HINT = " (POSE_TRACEBACK=1 shows the traceback)"


@pytest.mark.parametrize(
    "error, status, line",
    [
        (ConfigError("expected a, got b"), 1, "expected a, got b"),
        (ConfigError("first\n  second"), 1, "first second"),
        (ConfigError("x" * 5000), 1, "x" * 1000 + "..."),
        (OSError(28, "No space left on device", "out/x.json"), 1, "out/x.json: No space left on device"),
        (OSError(13, "Permission denied", b"b\xff.jpg"), 1, "b\\udcff.jpg: Permission denied"),
        (OSError(9, "Bad file descriptor", 77), 1, "77: Bad file descriptor"),
        (OSError("odd"), 1, "OSError: odd" + HINT),
        (RecursionError("maximum depth"), 1, "RecursionError: maximum depth" + HINT),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"), 1, None),
        (MemoryError(), 1, "MemoryError" + HINT),
        (cv2.error("OpenCV: bad"), 1, "error: OpenCV: bad" + HINT),
        (RuntimeError("Symlink loop from 'a'"), 1, "RuntimeError: Symlink loop from 'a'" + HINT),
        (ZeroDivisionError(), 70, "fault of pose_estimation_ros: ZeroDivisionError" + HINT),
        (KeyError("k"), 70, "fault of pose_estimation_ros: KeyError: 'k'" + HINT),
    ],
)
def test_an_error_is_one_line(raising, capsys, error, status, line):
    assert raising(error) == status
    text = capsys.readouterr().err
    assert text.startswith("pose: error: ") and text.endswith("\n") and text.count("\n") == 1
    assert line is None or text == "pose: error: %s\n" % line


@pytest.mark.parametrize("error", [ConfigError("expected a"), ZeroDivisionError()])
def test_the_traceback_can_be_shown(raising, capsys, monkeypatch, error):
    monkeypatch.setenv("POSE_TRACEBACK", "1")
    monkeypatch.setattr(FakeCommand, "error", error)
    command.main(["predict"])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("error, status", [(KeyboardInterrupt(), 130), (BrokenPipeError(32, "Broken pipe"), 1)])
def test_errors_that_end_silently(raising, capsys, error, status):
    assert raising(error) == status and capsys.readouterr().err == ""


def test_ctrl_c_in_the_import_of_a_library(raising, capsys):
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error
    except ImportError as error:
        failure = ConfigError("the library is not installed")
        failure.__context__ = error
    assert raising(failure) == 130 and capsys.readouterr().err == ""


def test_a_wrong_argument_is_one_line(raising, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["predict", "--count", "x"])
    text = capsys.readouterr().err
    assert end.value.code == 2 and text.count("\n") == 1
    assert text == "pose predict: error: argument --count: invalid int value: 'x' (`pose predict --help` tells more)\n"


def test_the_version(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == "pose_estimation_ros %s\n" % __version__


@pytest.mark.parametrize(
    "usual, meanwhile", [(signal.default_int_handler, signal.SIG_DFL), (signal.SIG_IGN, signal.SIG_IGN)]
)
def test_ctrl_c_during_imports_is_left_to_the_system(usual, meanwhile):
    """An ignored signal stays ignored, because shells start commands in the background like that."""
    before = signal.signal(signal.SIGINT, usual)
    try:
        with command.quiet_ctrl_c():
            assert signal.getsignal(signal.SIGINT) is meanwhile
        assert signal.getsignal(signal.SIGINT) is usual
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "shell, status, words",
    [
        ("%s > /dev/null", 0, ""),
        ("%s >&-", 0, ""),
        ("%s > /dev/full", 1, "pose: error: OSError: [Errno 28]"),
        ("%s | true; exit ${PIPESTATUS[0]}", None, ""),
    ],
)
def test_output_that_cannot_be_written(shell, status, words):
    """The command runs in its own process, because Python itself writes messages at exit."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    line = shell % ("%s -m pose_estimation_ros --help" % sys.executable)
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=buffered, stderr=subprocess.PIPE, universal_newlines=True)
    assert status is None or done.returncode == status
    assert done.stderr.startswith(words) and done.stderr.count("\n") == (1 if words else 0)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="training needs Python 3.10")
def test_a_library_that_is_not_installed_is_named_with_the_remedy(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, command.COMMANDS["train"][0], None)
    assert command.main(["train", "recipe.yaml"]) == 1
    assert "pip install 'pose_estimation_ros[train]'" in capsys.readouterr().err


def test_training_on_the_robots_old_python_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(command.sys, "version_info", (3, 6, 9))
    assert command.main(["train", "recipe.yaml"]) == 1
    assert "`pose train` needs Python 3.10 or later, this is 3.6" in capsys.readouterr().err


def test_it_runs_as_a_module_without_ros_or_torch():
    """The module runs in its own process, in which neither can be imported."""
    code = "import runpy, sys; sys.modules.update(rclpy=None, torch=None); "
    code += "sys.argv[1:] = ['predict', 'none', '--out', 'x']; "
    code += "runpy.run_module('pose_estimation_ros', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 1 and "pose: error: expected an image, a folder of images, a video" in done.stderr
