"""Build MobileNetV2 without its classifier.

It is from "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (Sandler et al., CVPR 2018, arXiv:1801.04381).
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

from torch import nn

from pose_estimation_ros.training.models.layers import conv_bn
from pose_estimation_ros.training.models.litepose import InvertedResidual, mobile_stem, stage

STEM = 16
STAGES = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))  # channels, blocks, stride


def mobilenet_v2(stages: Sequence[tuple[int, int, int]] = STAGES, features: int = 1280) -> nn.Sequential:
    """Build what makes features from images (N, 3, H, W) RGB 0..255.

    Args:
        stages: channels, blocks and stride of each stage behind the stem at 1/2.
        features: channels of the last 1x1 convolution.
    """
    block = partial(InvertedResidual, kernel=3)
    layers, width = [mobile_stem(STEM)], STEM
    for channels, blocks, stride in stages:
        layers.append(stage(block, width, channels, blocks, stride))
        width = channels
    return nn.Sequential(*layers, conv_bn(width, features, 1), nn.ReLU6(inplace=True))
