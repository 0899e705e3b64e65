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


def test_an_output_missing(constant_model, save_spec):
    path = constant_model("m", {"maps": np.zeros((1, 17, 16, 12))}, (48, 64))
    save_spec(path)
    with pytest.raises(ModelError, match=r"expected an output 'heatmaps', got \['maps'\]"):
        open_model(path, "top_down")
