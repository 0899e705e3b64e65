"""The baselines of the papers train, are exported, and find people in the toy images."""

import dataclasses
import math

import pytest

pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model  # noqa: E402
from pose_estimation_ros.evaluation.benchmarks import open_benchmark  # noqa: E402
from pose_estimation_ros.inference.backends.find import find_model  # noqa: E402
from pose_estimation_ros.training.export.export import PARITY, export  # noqa: E402
from pose_estimation_ros.training.train import train  # noqa: E402

BOTTOM_UP = {"task": "bottom_up", "losses": {"mse": 1.0, "pull": 1e-3, "push": 1e-3}, "input_size_wh": [64, 64]}


@pytest.mark.parametrize(
    "model, options, fields",
    [
        ("simple_baseline_mobilenet_v2", {}, {}),
        ("lite_hrnet_18", {"units": [1, 1, 1]}, {}),
        ("higher_hrnet_w16", {"modules": [1, 1, 1], "blocks": 1}, BOTTOM_UP),
        ("efficient_hrnet_h_4", {"blocks": 1}, BOTTOM_UP),
    ],
)
def test_a_baseline_trains_is_exported_and_is_evaluated(model, options, fields, recipe, tmp_path, dots):
    recipe = dataclasses.replace(recipe, model=model, model_options=options, epochs=1, **fields)
    checkpoint = train(recipe)
    path, difference = export(checkpoint, tmp_path / "models")
    assert difference <= PARITY
    figures, _ = accuracy_of_pose_model(find_model(str(path)), open_benchmark(dots))
    assert figures["images"] == 6 and 0 <= figures["AP"] <= 100 and not math.isnan(figures["AP"])
    assert ("bottom-up" in figures["boxes"]) == (recipe.task == "bottom_up")
