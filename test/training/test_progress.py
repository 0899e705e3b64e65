"""What a run says where there is no terminal; how it is interrupted is in test_train.py."""

import re
import sys

import pytest

from pose_estimation_ros.training import progress as module
from pose_estimation_ros.training.train import train


@pytest.fixture
def quick_clock(monkeypatch):
    """Every look at the clock is twenty seconds after the last one."""
    now_s = [0.0]

    def monotonic():
        now_s[0] += 20.0
        return now_s[0]

    monkeypatch.setattr(module.time, "monotonic", monotonic)


def test_the_first_line_says_what_is_trained_on_what_and_where(recipe, capsys):
    recipe.epochs = 1
    train(recipe)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("dots: elpn_v1, ") and " M parameters; 6 training and 6 holdout samples; " in first
    assert "; 1 epochs of 2 steps of 3 samples; on 1 x cpu, 32-true" in first


def test_the_data_are_told_by_source_before_the_first_step(recipe, capsys):
    recipe.epochs = 1
    train(recipe)
    lines = capsys.readouterr().out.splitlines()
    source = recipe.train[0].annotations
    assert lines[1:3] == [f"training data: {source} (6)", f"holdout data: {recipe.holdout[0].annotations} (6)"]


@pytest.mark.parametrize("terminal", [False, True])
def test_the_log_of_a_run_has_all_its_lines_and_no_bar(recipe, capsys, quick_clock, monkeypatch, terminal):
    recipe.epochs = 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    train(recipe)
    recipe.epochs = 2
    train(recipe)
    text = (recipe.run_dir / "train.log").read_text()
    lines = re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.+)$", text, re.M)
    assert len(lines) == text.count("\n") and "\r" not in text
    told = capsys.readouterr().out.splitlines()
    steps = [line for line in lines if ", step " in line and line.startswith("epoch ")]
    assert [line for line in lines if not terminal or line not in steps] == told
    assert [line.split(":")[0] for line in steps] == [f"epoch {e}/{e}, step {s}/2" for e in (1, 2) for s in (1, 2)]
    assert all("run ends in" in line for line in steps) and any(line.startswith("going on from") for line in lines)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_log_file_gets_a_line_now_and_then(recipe, capsys, quick_clock, monkeypatch, terminal):
    recipe.epochs = 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    train(recipe)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch 1/1, step ")]
    assert [line.split(":")[0] for line in told] == ([] if terminal else ["epoch 1/1, step 1/2", "epoch 1/1, step 2/2"])
    assert all("images/s, data wait" in line and "mse" in line for line in told)
