"""Choose the decoder that a model needs."""

from typing import Container

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.decoders.decoder import Decoder
from pose_estimation_ros.inference.decoders.heatmaps import Dark, QuarterOffset
from pose_estimation_ros.inference.decoders.keypoints import KeypointsInGraph
from pose_estimation_ros.inference.decoders.simcc import SimCC

DECODERS = {"quarter_offset": QuarterOffset, "dark": Dark, "simcc": SimCC, "keypoints": KeypointsInGraph}


def make_decoder(spec: ModelSpec, output_names: Container[str]) -> Decoder:
    """Make the decoder of a top-down model.

    Args:
        spec: the spec of the model.
        output_names: names of the outputs of the network. A heatmap model with "keypoints" in place of heatmaps decodes
            them in its graph.
    """
    if spec.decoder == "quarter_offset" and "keypoints" in output_names:
        return KeypointsInGraph(spec)
    return DECODERS[spec.decoder](spec)
