"""Choose the decoder that a model needs."""

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.decoders.decoder import Decoder
from pose_estimation_ros.inference.decoders.heatmaps import Dark, QuarterOffset
from pose_estimation_ros.inference.decoders.keypoints import KeypointsInGraph
from pose_estimation_ros.inference.decoders.simcc import SimCC

DECODERS = {"quarter_offset": QuarterOffset, "dark": Dark, "simcc": SimCC, "keypoints": KeypointsInGraph}


def make_decoder(spec: ModelSpec) -> Decoder:
    """Make the decoder of a top-down model."""
    return DECODERS[spec.decoder](spec)
