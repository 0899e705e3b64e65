"""The command's own part: its arguments, what it prints and its exit code; the import is in test/training/weights."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="builds networks with torch")

from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.cli import import_weights as module  # noqa: E402
from pose_estimation_ros.core.errors import ModelError  # noqa: E402
from pose_estimation_ros.training.weights.import_weights import Imported  # noqa: E402


@pytest.fixture
def recipe_file(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("model: hrnet_w32\n")
    return str(path)


@pytest.fixture
def calls(monkeypatch):
    """A function: result of the import -> the files and recipes with which it is then called."""

    def replace(result):
        noted = []

        def note(source, recipe, report):
            noted.append((source, recipe))
            report("a finding")
            return result

        monkeypatch.setattr(module, "import_weights", note)
        return noted

    return replace


@pytest.mark.parametrize("is_whole, following", [(True, "teacher=runs/b/x.ckpt"), (False, "init_from=runs/b/x.ckpt")])
def test_file_recipe_and_changes_reach_the_import(calls, recipe_file, capsys, is_whole, following):
    noted = calls(Imported(Path("runs/b/x.ckpt"), is_whole))
    assert command.main(["import-weights", "a.pth", recipe_file, "name=b", "input_size_wh=[288, 384]"]) == 0
    ((source, recipe),) = noted
    assert (source, recipe.name, recipe.input_size_wh) == ("a.pth", "b", [288, 384])
    first, second, *rest = capsys.readouterr().out.splitlines()
    assert first == "a finding" and second.startswith("next: ") and following in [second, *rest][-1]


def test_an_error_is_one_line(monkeypatch, recipe_file, capsys):
    def refuse(source, recipe, report):
        raise ModelError("a.pth does not fit")

    monkeypatch.setattr(module, "import_weights", refuse)
    assert command.main(["import-weights", "a.pth", recipe_file]) == 1
    assert capsys.readouterr().err == "pose: error: a.pth does not fit\n"


def test_without_a_recipe_the_command_line_is_wrong(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(["import-weights", "a.pth"])
    assert caught.value.code == 2 and "RECIPE" in capsys.readouterr().err
