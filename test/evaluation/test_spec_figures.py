"""spec_figures.py: figures go into the spec of the model that was measured, and into no other."""

import json
from pathlib import Path

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.evaluation.spec_figures import save_accuracy
from pose_estimation_ros.inference.backends.find import find_model


def test_a_spec_of_another_model_gets_no_figures(model):
    """Where model and spec are replaced while the evaluation runs."""
    found = find_model(model("coco17"))
    spec = Path(found.path).with_suffix(".json")
    save_accuracy(found, "part", {"AP": 1.0})
    assert json.loads(spec.read_text())["accuracy"] == {"part": {"AP": 1.0}}
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "sha256": "0" * 64}))
    with pytest.raises(ModelError, match="expected the spec of the model that was evaluated"):
        save_accuracy(found, "part", {"AP": 2.0})
