import pytest

from pose_estimation_ros.core.model_spec import DECODERS, ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.decoders.heatmaps import Dark, QuarterOffset
from pose_estimation_ros.inference.decoders.keypoints import KeypointsInGraph
from pose_estimation_ros.inference.decoders.make import make_decoder
from pose_estimation_ros.inference.decoders.simcc import SimCC


@pytest.mark.parametrize(
    "decoder, expected",
    [("quarter_offset", QuarterOffset), ("dark", Dark), ("simcc", SimCC), ("keypoints", KeypointsInGraph)],
)
def test_every_decoder(decoder, expected):
    spec = ModelSpec("x", "top_down", (48, 64), "rgb", get_skeleton("coco17"), 4, decoder, 1.25, "", {}, {})
    assert type(make_decoder(spec)) is expected
    assert decoder in DECODERS["top_down"]
