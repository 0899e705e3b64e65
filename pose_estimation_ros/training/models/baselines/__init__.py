"""Build the networks that the papers compare theirs with, one file per paper.

They compute what their authors' code does, so that published weights can be loaded. Dicts lead from a name in a recipe
to the builder (num_joints, **options).
"""

from typing import Callable

from torch import nn

from pose_estimation_ros.training.models.baselines.efficient_hrnet import (
    efficient_hrnet_h0,
    efficient_hrnet_h_1,
    efficient_hrnet_h_2,
    efficient_hrnet_h_3,
    efficient_hrnet_h_4,
)
from pose_estimation_ros.training.models.baselines.higher_hrnet import (
    higher_hrnet_w16,
    higher_hrnet_w24,
    higher_hrnet_w32,
    higher_hrnet_w48,
)
from pose_estimation_ros.training.models.baselines.lite_hrnet import lite_hrnet_18, lite_hrnet_30
from pose_estimation_ros.training.models.baselines.simple_baseline import (
    simple_baseline_mobilenet_v2,
    simple_baseline_resnet50,
    simple_baseline_resnet101,
    simple_baseline_resnet152,
    simple_baseline_shufflenet_v2,
)

TOP_DOWN_BASELINES: dict[str, Callable[..., nn.Module]] = {
    "simple_baseline_resnet50": simple_baseline_resnet50,
    "simple_baseline_resnet101": simple_baseline_resnet101,
    "simple_baseline_resnet152": simple_baseline_resnet152,
    "simple_baseline_mobilenet_v2": simple_baseline_mobilenet_v2,
    "simple_baseline_shufflenet_v2": simple_baseline_shufflenet_v2,
    "lite_hrnet_18": lite_hrnet_18,
    "lite_hrnet_30": lite_hrnet_30,
}
BOTTOM_UP_BASELINES: dict[str, Callable[..., nn.Module]] = {
    "higher_hrnet_w16": higher_hrnet_w16,
    "higher_hrnet_w24": higher_hrnet_w24,
    "higher_hrnet_w32": higher_hrnet_w32,
    "higher_hrnet_w48": higher_hrnet_w48,
    "efficient_hrnet_h0": efficient_hrnet_h0,
    "efficient_hrnet_h_1": efficient_hrnet_h_1,
    "efficient_hrnet_h_2": efficient_hrnet_h_2,
    "efficient_hrnet_h_3": efficient_hrnet_h_3,
    "efficient_hrnet_h_4": efficient_hrnet_h_4,
}
