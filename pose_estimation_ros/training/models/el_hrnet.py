"""Build EL-HRNet: HRNet-W32 whose residual blocks are LA-Basicblocks of NConv and CBAM.

It is from "Human Pose Estimation Based on Efficient and Lightweight High-Resolution Network (EL-HRNet)" (Li et al.,
Sensors 2024, 24, 396, doi:10.3390/s24020396).
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.hrnet import HRNet
from pose_estimation_ros.training.models.layers import BasicBlock, Cbam
from pose_estimation_ros.training.models.options import require_whole


class NConv(nn.Module):
    """Make half the channels by a 1x1 convolution, the others by a grouped 3x3 on those; no batch norm inside.

    Args:
        width: channels in and out.
        groups: groups of the 3x3 convolution; 0 for as many as it has channels, which makes it depthwise.
    """

    def __init__(self, width: int, groups: int = 0) -> None:
        super().__init__()
        half = width // 2
        self.primary = nn.Conv2d(width, half, 1, bias=False)
        self.cheap = nn.Conv2d(half, half, 3, padding=1, groups=groups or half, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        intrinsic = self.primary(x)
        return torch.cat([intrinsic, self.cheap(intrinsic)], 1)


def nconv_bn(width: int, groups: int = 0) -> nn.Sequential:
    """Build an NConv with its batch norm.

    Args:
        width: channels in and out.
        groups: as of NConv.
    """
    return nn.Sequential(NConv(width, groups), nn.BatchNorm2d(width))


def el_hrnet(
    num_joints: int = 17,
    width: int = 32,
    modules: Sequence[int] = (1, 4, 3),
    blocks: int = 4,
    cbam: bool = True,
    cbam_ratio: int = 16,
    groups: int = 0,
) -> HRNet:
    """Build EL-HRNet of the paper's blocks: NConv - BN - ReLU - NConv - BN - CBAM, added to the input, then ReLU.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the 1/4 branch.
        modules: exchange units in stages 2, 3, 4.
        blocks: blocks per branch of each exchange unit.
        cbam: whether the blocks are LA-Basicblocks (eq. 10) or, without CBAM, L-Basicblocks (eq. 8 and 9).
        cbam_ratio: by which CBAM's hidden layer is narrower than its input; 16 fits the printed counts.
        groups: groups of NConv's 3x3 convolution in every block. 0, for depthwise, fits the printed counts and the
            paper's formula, C^2 + 9C weights of a block.

    Raises:
        ConfigError: a value is out of range.
    """
    require_whole("cbam_ratio", cbam_ratio)
    require_whole("groups", groups, 0)
    if groups and width // 2 % groups:
        raise ConfigError(f"expected groups that divide half the width {width}, got {groups}")
    attention = partial(Cbam, ratio=cbam_ratio) if cbam else None
    block = partial(BasicBlock, conv=partial(nconv_bn, groups=groups), attention=attention)
    return HRNet(num_joints, width, modules, blocks, block=block)


# 4.8566M parameters, 1.9989 Gi MACs at 256x192; the printed 5.0M counts CBAM's shared layers twice.
el_hrnet_w32 = el_hrnet
