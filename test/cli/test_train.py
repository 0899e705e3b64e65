"""The command's own part: its arguments, what it prints and its exit code; training itself is in test/training."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="trains with torch")

from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.cli import train as module  # noqa: E402


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """A function: result of the training -> recipes with which it is then called."""

    def replace(result):
        recipes = []
        monkeypatch.setattr(module, "train", lambda recipe: recipes.append(recipe) or result)
        return recipes

    return replace


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("epochs: 5\n")
    return str(path)


def test_a_recipe_and_its_changes_reach_the_training(trained, file, capsys):
    recipes = trained(Path("runs/tiny/best.ckpt"))
    assert command.main(["train", file, "epochs=2", "augmentation.flip=0"]) == 0
    (recipe,) = recipes
    assert (recipe.name, recipe.epochs, recipe.augmentation.flip) == ("tiny", 2, 0.0)
    assert capsys.readouterr().out == "best checkpoint: runs/tiny/best.ckpt\n"


def test_an_interrupted_training_says_how_it_continues(trained, file, capsys):
    trained(None)
    assert command.main(["train", file, "out_dir=elsewhere"]) == 130
    assert capsys.readouterr().out == "saved in elsewhere/tiny; the same command goes on from there\n"


def test_a_wrong_key_ends_in_one_line(trained, file, capsys):
    recipes = trained(None)
    assert command.main(["train", file, "epoch=2"]) == 1
    assert "unknown key 'epoch', did you mean 'epochs'?" in capsys.readouterr().err and not recipes
