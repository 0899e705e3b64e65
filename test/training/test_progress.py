"""What a run says where there is no terminal; how it is interrupted is in test_train.py."""

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


@pytest.mark.parametrize("terminal", [False, True])
def test_a_log_file_gets_a_line_now_and_then(recipe, capsys, quick_clock, monkeypatch, terminal):
    recipe.epochs = 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    train(recipe)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch 1/1, step ")]
    assert [line.split(":")[0] for line in told] == ([] if terminal else ["epoch 1/1, step 1/2", "epoch 1/1, step 2/2"])
    assert all("images/s, data wait" in line and "mse" in line for line in told)
