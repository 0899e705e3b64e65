"""Build ELPN: HRNet with separable residual blocks, two per branch, and GCNet's global context.

It is from "Lightweight and Effective Human Pose Estimation Model Based on Multi-Angle Knowledge Distillation" (Hua Li
2022, Journal of Physics: Conference Series 2224, doi:10.1088/1742-6596/2224/1/012025).
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

from torch import nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.hrnet import Block, HRNet, hrnet_front, identity
from pose_estimation_ros.training.models.layers import BasicBlock, Bottleneck, GlobalContext, conv_bn
from pose_estimation_ros.training.models.options import require_subset, require_whole

GC_BLOCKS = ("bottleneck", "neck")


def separable_conv(width: int) -> nn.Sequential:
    """Build depthwise 3x3 - BN - 1x1 - BN, which takes the place of a BasicBlock's 3x3 convolutions."""
    return nn.Sequential(*conv_bn(width, width, 3, groups=width), *conv_bn(width, width, 1))


class ContextBottleneck(Bottleneck):
    """Make a Bottleneck with a global context block after its last batch norm, before the residual addition.

    Args:
        inputs: channels of the input.
        planes: channels inside; the output has four times as many.
        context: builder of the global context block from its channels.
    """

    def __init__(self, inputs: int, planes: int, context: Block = GlobalContext) -> None:
        super().__init__(inputs, planes)
        self.body.append(context(planes * self.expansion))


def elpn(
    num_joints: int = 17,
    width: int = 16,
    modules: Sequence[int] = (1, 2, 2),
    blocks: int = 2,
    gc_ratio: float = 1 / 16,
    gc_least: int = 8,
    gc_blocks: Sequence[str] = GC_BLOCKS,
) -> HRNet:
    """Build an ELPN with any number of channels and exchange units.

    The networks that the paper counts in Tables 4 and 5 are ordinary HRNets of those widths and units:
    ``HRNet(16, width, modules)``.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the 1/4 branch.
        modules: exchange units in stages 2, 3, 4.
        blocks: blocks per branch of each exchange unit.
        gc_ratio: hidden width of the global context blocks as a part of their channels.
        gc_least: smallest hidden width. On the 16 channels behind stage 4 the ratio gives one value, of which the layer
            norm is a constant; 8 cost 245 parameters. With 1 the ratio counts alone, as in the shipped elpn_v1_coco.
        gc_blocks: where there are global context blocks: in the bottlenecks of stage 1, in the neck behind stage 4.

    Raises:
        ConfigError: a value is out of range.
    """
    require_subset("gc_blocks", gc_blocks, GC_BLOCKS)
    require_whole("gc_least", gc_least)
    if not 0 < gc_ratio <= 1:
        raise ConfigError(f"expected gc_ratio above 0 and at most 1, got {gc_ratio!r}")
    context = partial(GlobalContext, ratio=gc_ratio, least=gc_least)
    bottleneck = partial(ContextBottleneck, context=context) if "bottleneck" in gc_blocks else Bottleneck
    return HRNet(
        num_joints,
        width,
        modules,
        blocks,
        block=partial(BasicBlock, conv=separable_conv),
        neck=context if "neck" in gc_blocks else identity,
        front=partial(hrnet_front, bottleneck=bottleneck),
    )


elpn_v1 = elpn  # 1.1083M parameters, 1.2105 Gi MACs at 256x192
elpn_v2 = partial(elpn, width=32, modules=(1, 4, 3))  # 4.7059M, 1.9899 Gi
