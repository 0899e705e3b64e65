"""Build ResNet without its classifier.

It is from "Deep Residual Learning for Image Recognition" (He et al. 2016, arXiv:1512.03385), with the stride in the
3x3 convolution, as torchvision and SimpleBaseline have it.
"""

from __future__ import annotations

from typing import Sequence

from torch import nn

from pose_estimation_ros.training.models.layers import Bottleneck, Normalize, conv_bn


def resnet(blocks: Sequence[int]) -> nn.Sequential:
    """Build what makes features (N, 2048, H/32, W/32) from images (N, 3, H, W) RGB 0..255.

    Args:
        blocks: numbers of bottlenecks in the four stages: 3, 4, 6, 3 in ResNet-50.
    """
    layers: list[nn.Module] = [Normalize(), conv_bn(3, 64, 7, 2, relu=True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, count in enumerate(blocks):
        planes = 64 * 2**stage
        for block in range(count):
            layers.append(Bottleneck(inputs, planes, 2 if stage and not block else 1))
            inputs = planes * Bottleneck.expansion
    return nn.Sequential(*layers)
