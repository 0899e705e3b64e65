import importlib
import os
import subprocess
import sys

import pytest

from pose_estimation_ros import __main__ as command
from pose_estimation_ros.core.errors import ConfigError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def test_help_lists_the_commands_and_imports_none_of_them(capsys, monkeypatch):
    monkeypatch.setattr(command.importlib, "import_module", lambda name: pytest.fail("imported " + name))
    with pytest.raises(SystemExit) as end:
        command.main(["--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert all(name in text and entry[1] in text for name, entry in command.COMMANDS.items())


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


@pytest.mark.parametrize("argv, message", [([], "COMMAND"), (["prdict"], "invalid choice"), (["predict"], "INPUT")])
def test_wrong_usage(argv, message, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(argv)
    assert end.value.code == 2 and message in capsys.readouterr().err


class FakeCommand:
    """Does what the command line says."""

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("error")

    @staticmethod
    def main(args):
        raise {"config": ConfigError("expected a, got b"), "ctrl-c": KeyboardInterrupt(), "bug": ZeroDivisionError()}[
            args.error
        ]


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(command.importlib, "import_module", lambda _name: FakeCommand)


def test_an_error_of_the_user_is_one_line(fake, capsys):
    assert command.main(["predict", "config"]) == 1
    assert capsys.readouterr().err == "pose: error: expected a, got b\n"


def test_ctrl_c_has_its_own_status(fake):
    assert command.main(["predict", "ctrl-c"]) == 130


def test_a_bug_keeps_its_traceback(fake):
    with pytest.raises(ZeroDivisionError):
        command.main(["predict", "bug"])


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
    """In a process of its own in which neither can be imported."""
    code = "import runpy, sys; sys.modules.update(rclpy=None, torch=None); "
    code += "sys.argv[1:] = ['predict', 'none', '--out', 'x']; "
    code += "runpy.run_module('pose_estimation_ros', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 1 and "pose: error: expected an image, a folder, a video" in done.stderr
