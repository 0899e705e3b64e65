"""Build ELPN: HRNet with separable residual blocks, two per branch, and GCNet's global context.

It is from "Lightweight and Effective Human Pose Estimation Model Based on Multi-Angle Knowledge Distillation" (Hua Li
2022, Journal of Physics: Conference Series 2224, doi:10.1088/1742-6596/2224/1/012025).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Sequence

from torch import nn

from pose_estimation_ros.training.models.hrnet import HRNet, hrnet_front
from pose_estimation_ros.training.models.layers import BasicBlock, Bottleneck, GlobalContext, conv_bn


class SeparableBlock(BasicBlock):
    """Make a BasicBlock whose 3x3 convolutions are depthwise 3x3 - BN - 1x1 - BN."""

    def conv(self, width: int) -> nn.Sequential:
        """Build a separable convolution with its batch norms."""
        return nn.Sequential(*conv_bn(width, width, 3, groups=width), *conv_bn(width, width, 1))


class ContextBottleneck(Bottleneck):
    """Make a Bottleneck with a global context block after its last batch norm, before the residual addition.

    Args:
        inputs: channels of the input.
        planes: channels inside; the output has four times as many.
    """

    def __init__(self, inputs: int, planes: int) -> None:
        super().__init__(inputs, planes)
        self.body.append(GlobalContext(planes * self.expansion))


ELPN: dict[str, Any] = {
    **{"blocks": 2, "block": SeparableBlock, "neck": GlobalContext},
    "front": partial(hrnet_front, bottleneck=ContextBottleneck),
}  # the options by which an HRNet becomes an ELPN


def elpn(num_joints: int = 17, width: int = 16, modules: Sequence[int] = (1, 2, 2)) -> HRNet:
    """Build an ELPN with any number of channels and exchange units.

    The networks that the paper counts in Tables 4 and 5 are ordinary HRNets of those widths and units:
    ``HRNet(16, width, modules)``.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the 1/4 branch.
        modules: exchange units in stages 2, 3, 4.
    """
    return HRNet(num_joints, width, modules, **ELPN)


elpn_v1 = elpn  # 1.108M parameters, 1.2105 Gi MACs at 256x192
elpn_v2 = partial(elpn, width=32, modules=(1, 4, 3))  # 4.7055M, 1.9899 Gi
