"""Build ShuffleNetV2 without its classifier.

It is from "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design" (Ma et al., ECCV 2018,
arXiv:1807.11164), at its width 1x.
"""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import ChannelShuffle, Normalize, conv_bn

STAGES = ((116, 4), (232, 8), (464, 4))  # channels, blocks


class ShuffleBlock(nn.Module):
    """Change half of the channels by 1x1, depthwise 3x3, 1x1, and shuffle.

    With another width than the input's, both halves come from all of the input at half its resolution.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.split = inputs == outputs
        stride, read = (1, half) if self.split else (2, inputs)
        self.other = nn.Identity() if self.split else self.other_half(inputs, half)
        self.body = nn.Sequential(
            conv_bn(read, half, 1, relu=True),
            conv_bn(half, half, 3, stride, groups=half),
            conv_bn(half, half, 1, relu=True),
        )
        self.shuffle = ChannelShuffle(outputs)

    def other_half(self, inputs: int, half: int) -> nn.Sequential:
        """Build what brings the input to half its resolution by depthwise 3x3 and 1x1.

        Args:
            inputs: channels in.
            half: channels out.
        """
        return nn.Sequential(conv_bn(inputs, inputs, 3, 2, groups=inputs), conv_bn(inputs, half, 1, relu=True))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        first, second = x.chunk(2, 1) if self.split else (x, x)
        mixed: Tensor = self.shuffle(torch.cat([self.other(first), self.body(second)], 1))
        return mixed


def shufflenet_v2(stages: Sequence[tuple[int, int]] = STAGES, features: int = 1024) -> nn.Sequential:
    """Build what makes features from images (N, 3, H, W) RGB 0..255.

    Args:
        stages: channels and blocks of each stage behind the stem at 1/4; the first block halves the resolution.
        features: channels of the last 1x1 convolution.
    """
    layers: list[nn.Module] = [Normalize(), conv_bn(3, 24, 3, 2, relu=True), nn.MaxPool2d(3, 2, 1)]
    width = 24
    for channels, blocks in stages:
        for _ in range(blocks):
            layers.append(ShuffleBlock(width, channels))
            width = channels
    return nn.Sequential(*layers, conv_bn(width, features, 1, relu=True))
