"""Build EL-HRNet: HRNet-W32 whose residual blocks are LA-Basicblocks of NConv and CBAM.

It is from "Human Pose Estimation Based on Efficient and Lightweight High-Resolution Network (EL-HRNet)" (Li et al.,
Sensors 2024, 24, 396, doi:10.3390/s24020396).
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.hrnet import HRNet
from pose_estimation_ros.training.models.layers import BasicBlock, Cbam


class NConv(nn.Module):
    """Make half the channels by a 1x1 convolution, the others by a depthwise 3x3 on those; no batch norm inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.primary = nn.Conv2d(width, half, 1, bias=False)
        self.cheap = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        intrinsic = self.primary(x)
        return torch.cat([intrinsic, self.cheap(intrinsic)], 1)


class LightAttentionBlock(BasicBlock):
    """Add NConv - BN - ReLU - NConv - BN - CBAM to the input, then ReLU: the paper's LA-Basicblock."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.body.append(Cbam(width))

    def conv(self, width: int) -> nn.Sequential:
        """Build an NConv with its batch norm."""
        return nn.Sequential(NConv(width), nn.BatchNorm2d(width))


# 4.8566M parameters, 1.9989 Gi MACs at 256x192; the printed 5.0M counts CBAM's shared layers twice.
el_hrnet_w32 = partial(HRNet, block=LightAttentionBlock)
