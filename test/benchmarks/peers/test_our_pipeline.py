"""Check what the package's own program serves."""

import itertools

import pytest

from benchmarks.peers.our_pipeline import open_works

pytest.importorskip("onnx", reason="makes tiny models")


def test_a_top_down_model_serves_frames_and_one_person(color_model):
    works = open_works(str(color_model), "full_frame", 1)
    assert sorted(works) == ["frame", "person"]
    assert [piece() for piece in itertools.islice(works["person"], 2)] == [1, 1]
    assert next(works["frame"])() in (0, 1)


def test_a_model_for_whole_frames_serves_no_person(repository):
    assert sorted(open_works(str(repository / "models" / "higher_lite0_fpn_coco.onnx"), "person_detector", 1)) == [
        "frame"
    ]
