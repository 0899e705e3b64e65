import numpy as np
import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.backends.open import open_model


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"input_size_wh": (192, 256)}, r"expected input of shape \(any, 3, 256, 192\), got \(any, 3, 64, 48\)"),
        (
            {"skeleton": "crowdpose14"},
            r"expected output 'heatmaps' of shape \(any, 14, 16, 12\), got \(any, 17, 16, 12\)",
        ),
        ({"stride": 8}, r"expected output 'heatmaps' of shape \(any, 17, 8, 6\)"),
        (
            {"task": "person_detector", "decoder": "boxes", "skeleton": ""},
            "expected a model for top_down, got one for person_detector",
        ),
    ],
)
def test_a_spec_that_does_not_fit_the_network(color_model, save_spec, changes, message):
    save_spec(color_model, **changes)
    with pytest.raises(ModelError, match=message):
        open_model(color_model, "top_down")


@pytest.mark.parametrize(
    "outputs, changes, message",
    [
        ({"heatmaps": (1, 17, 16, 13)}, {"input_size_wh": (50, 64)}, ""),  # 12.5: rounded up
        ({"heatmaps": (1, 17, 16, 12)}, {"input_size_wh": (50, 64), "decoder": "dark"}, ""),
        ({"heatmaps": (1, 17, 13, 12)}, {"input_size_wh": (50, 64)}, r"'heatmaps' of shape \(any, 17, 16, any\)"),
        ({"simcc_x": (1, 17, 96), "simcc_y": (1, 17, 128)}, {"decoder": "simcc"}, ""),
        ({"simcc_x": (1, 17, 128), "simcc_y": (1, 17, 96)}, {"decoder": "simcc"}, r"'simcc_x' .*\(any, 17, 96\)"),
        ({"simcc_x": (1, 17, 96)}, {"decoder": "simcc"}, r"expected an output 'simcc_y', got \['simcc_x'\]"),
        ({"keypoints": (1, 17, 3)}, {"decoder": "keypoints"}, ""),
        ({"keypoints": (1, 17, 2)}, {"decoder": "keypoints"}, r"'keypoints' of shape \(any, 17, 3\), got \(1, 17, 2\)"),
        ({"keypoints": (1, 17, 3)}, {"decoder": "dark"}, "expected an output 'heatmaps'"),
    ],
)
def test_outputs_of_every_decoder(constant_model, save_spec, outputs, changes, message):
    arrays = {name: np.zeros(shape) for name, shape in outputs.items()}
    path = constant_model("m", arrays, changes.get("input_size_wh", (48, 64)))
    save_spec(path, **changes)
    if message:
        with pytest.raises(ModelError, match=message):
            open_model(path, "top_down")
    else:
        open_model(path, "top_down")[0].close()


def test_an_output_missing(constant_model, save_spec):
    path = constant_model("m", {"maps": np.zeros((1, 17, 16, 12))}, (48, 64))
    save_spec(path)
    with pytest.raises(ModelError, match=r"expected an output 'heatmaps', got \['maps'\]"):
        open_model(path, "top_down")
