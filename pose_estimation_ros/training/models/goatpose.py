"""Build GoatPose: HRNet with LiteConv in its residual blocks and NAM-C at the end of every branch.

It is from "GoatPose: A Lightweight and Efficient Network with Attention Mechanism" (Sun, Wang and Wu, EasyChair
preprint, 2023).
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.hrnet import Front, HRNet, hrnet_front
from pose_estimation_ros.training.models.layers import BasicBlock, Bottleneck, NamChannelAttention, Normalize, conv_bn


class LiteConv(nn.Module):
    """Make half the channels by a 3x3 convolution, the others by a depthwise 3x3 on those.

    It is GhostNet's module (Fig. 7). The "depthwise separable" cheap operation of the text is depthwise alone: with a
    1x1 the counts are far from the printed ones.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.primary = conv_bn(width, width // 2, 3, relu=True)
        self.cheap = conv_bn(width // 2, width // 2, 3, groups=width // 2, relu=True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        intrinsic = self.primary(x)
        return torch.cat([intrinsic, self.cheap(intrinsic)], 1)


class LiteBlock(BasicBlock):
    """Make a BasicBlock with LiteConv in place of its 3x3 convolutions; the block's batch norms stay."""

    def conv(self, width: int) -> nn.Sequential:
        """Build a LiteConv with the block's batch norm."""
        return nn.Sequential(LiteConv(width), nn.BatchNorm2d(width))


class BareLiteBlock(BasicBlock):
    """Make a BasicBlock with LiteConv in place of its 3x3 convolutions and the batch norms behind them."""

    def conv(self, width: int) -> nn.Sequential:
        """Build a LiteConv alone."""
        return nn.Sequential(LiteConv(width))


class NarrowBottleneck(Bottleneck):
    """Make a Bottleneck whose output has as many channels as its inside."""

    expansion = 1


def scaled_front(width: int) -> Front:
    """Build a stem to 1/2 and a stage 1 in ``width`` channels, whose second bottleneck halves the resolution.

    The transition keeps the first branch and adds the second. The paper says:
    "Starting from a high-resolution stream W x H x C, the first stage includes 4 bottlenecks for extracting image
    features and downsampling. Then a 3x3 convolution generates an additional half-resolution stream."
    """
    half = width // 2
    stem = nn.Sequential(Normalize(), conv_bn(3, half, 3, 2, relu=True), conv_bn(half, width, 3, relu=True))
    stage1 = nn.Sequential(*(NarrowBottleneck(width, width, stride) for stride in (1, 2, 1, 1)))
    return stem, stage1, nn.ModuleList([nn.Identity(), conv_bn(width, 2 * width, 3, 2, relu=True)])


def goatpose(
    num_joints: int = 17,
    width: int = 32,
    modules: Sequence[int] = (1, 4, 3),
    hrnet_stem: bool = False,
    outer_norm: bool = True,
) -> HRNet:
    """Build GoatPose; BL and BH are width 32 at 256x192 and 384x288, XL and XH width 48.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the 1/4 branch.
        modules: exchange units in stages 2, 3, 4.
        hrnet_stem: whether to use HRNet's stem and stage 1. The default is ``scaled_front``, because the published
            counts of the two widths leave no room for a part that does not scale with the width. It is a fit to them
            (15.51M, 3.48 Gi; W48 34.76M, 7.80 for a printed 7.81, which contradicts the printed 17.53), not the
            authors' code.
        outer_norm: whether to keep the block's batch norms behind the LiteConvs, which fits the counts better.
    """
    front = hrnet_front if hrnet_stem else scaled_front
    block = LiteBlock if outer_norm else BareLiteBlock
    return HRNet(num_joints, width, modules, block=block, branch_end=NamChannelAttention, front=front)


goatpose_w32 = goatpose  # 15.5104M parameters, 3.4823 Gi MACs at 256x192
goatpose_w48 = partial(goatpose, width=48)  # 34.7606M, 7.7953 Gi
