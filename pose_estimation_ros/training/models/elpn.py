"""ELPN (paper 002): HRNet with separable residual blocks, two per branch, and GCNet's global context."""

from __future__ import annotations

from typing import Sequence

from torch import nn

from pose_estimation_ros.training.models.hrnet import HRNet
from pose_estimation_ros.training.models.layers import BasicBlock, Bottleneck, GlobalContext, conv_bn


class SeparableBlock(BasicBlock):
    """BasicBlock whose 3x3 convolutions are depthwise 3x3 - BN - 1x1 - BN."""

    def conv(self, width: int) -> nn.Sequential:
        return nn.Sequential(*conv_bn(width, width, 3, groups=width), *conv_bn(width, width, 1))


class ContextBottleneck(Bottleneck):
    """Bottleneck with a global context block after its last batch norm, before the residual addition."""

    def __init__(self, inputs: int, planes: int) -> None:
        super().__init__(inputs, planes)
        self.body.append(GlobalContext(planes * self.expansion))


def elpn(width: int, num_joints: int, modules: Sequence[int]) -> HRNet:
    """ELPN with free channels and exchange units (Tables 4 and 5)."""
    return HRNet(width, num_joints, modules, 2, SeparableBlock, ContextBottleneck, GlobalContext)


def elpn_v1(num_joints: int = 17) -> HRNet:
    """1.108M parameters, 1.2105 Gi MACs at 256x192."""
    return elpn(16, num_joints, (1, 2, 2))


def elpn_v2(num_joints: int = 17) -> HRNet:
    """4.7055M parameters, 1.9899 Gi MACs at 256x192."""
    return elpn(32, num_joints, (1, 4, 3))
