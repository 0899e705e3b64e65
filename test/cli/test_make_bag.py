"""The command makes settings of its arguments and prints what was made."""

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import make_bag as command
from pose_estimation_ros.evaluation.bag.make_bag import BagConversion, MadeBag


@pytest.fixture
def call(monkeypatch):
    """A function that runs the command without making a bag -> exit code, settings."""

    def run(*argv, annotated=None, unreadable=0):
        conversions = []

        def make_bag(conversion, warn):
            conversions.append(conversion)
            warn("what is odd")
            return MadeBag(conversion.out, 2, annotated, unreadable)

        monkeypatch.setattr(command, "make_bag", make_bag)
        return main(["make-bag", "in", "--out", "bag", *argv]), conversions[0]

    return run


@pytest.mark.parametrize(
    "argv, fields",
    [
        ([], {}),
        (["--storage", "mcap"], {"storage": "mcap"}),
        (["--compressed"], {"compressed": True}),
        (["--rate", "8"], {"rate_hz": 8.0}),
        (["--annotations", "a.json"], {"annotations": "a.json"}),
        (["--max-frames", "3"], {"max_frames": 3}),
    ],
)
def test_each_argument_is_a_setting(call, argv, fields):
    assert call(*argv) == (0, BagConversion("in", "bag", **fields))


def test_what_is_printed(call, capsys):
    assert call()[0] == 0 and capsys.readouterr() == ("2 images in bag\n", "pose: warning: what is odd\n")
    assert call(annotated=0)[0] == 0 and capsys.readouterr().out == "2 images in bag; 0 with annotations\n"
    assert call(unreadable=1)[0] == 1
