import types

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import build_engine as module
from pose_estimation_ros.inference.trt.plan import BuildOptions


@pytest.fixture
def built(monkeypatch):
    """Models and options that the builder gets."""
    seen = []

    def build_engine(model, options, trt, here, say):
        assert (trt, here) == ("trt", {"device": "a GPU"})
        seen.append((model, options))
        say("building")
        return "cache/x.engine"

    monkeypatch.setattr(module, "build_engine", build_engine)
    monkeypatch.setattr(module, "ask_gpu", lambda: types.SimpleNamespace(trt="trt", machine={"device": "a GPU"}))
    return seen


def test_the_path_alone_goes_to_stdout(built, capsys):
    assert main(["build-engine", "m"]) == 0
    assert built == [("m", BuildOptions())] and tuple(capsys.readouterr()) == ("cache/x.engine\n", "building\n")


def test_arguments_are_the_fields_of_the_options(built):
    words = "--precision int8 --max-batch 2 --workspace-mb 3 --timing-cache t --out o --force --max-error-px 1.5"
    assert main(["build-engine", "m"] + words.split() + ["--images", "i", "--unchecked"]) == 0
    expected = dict(precision="int8", max_batch=2, workspace_mb=3, timing_cache="t", out="o", force=True)
    assert built == [("m", BuildOptions(max_error_px=1.5, images="i", unchecked=True, **expected))]
