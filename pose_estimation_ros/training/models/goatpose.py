"""Build GoatPose: HRNet with LiteConv in its residual blocks and NAM-C at the end of every branch.

It is from "GoatPose: A Lightweight and Efficient Network with Attention Mechanism" (Sun, Wang and Wu, EasyChair
preprint, 2023).
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.hrnet import (
    Block,
    Front,
    HRNet,
    fuse_up,
    fuse_up_bilinear,
    hrnet_front,
    identity,
)
from pose_estimation_ros.training.models.layers import (
    BasicBlock,
    Bottleneck,
    NamChannelAttention,
    NamSpatialAttention,
    Normalize,
    conv3x3,
    conv_bn,
)
from pose_estimation_ros.training.models.options import require_one_of, require_whole

ATTENTIONS = ("none", "channel", "spatial", "both")
POSITIONS = ("branch", "block")
FUSIONS = {"hrnet": fuse_up, "bilinear": fuse_up_bilinear}


class LiteConv(nn.Module):
    """Make the first of ``ratio`` parts of the channels by a 3x3 convolution, the others by a depthwise 3x3 on those.

    It is GhostNet's module (Fig. 7; "GhostNet: More Features from Cheap Operations", arXiv:1911.11907). The "depthwise
    separable" cheap operation of the text is depthwise alone: with a 1x1 the counts are far from the printed ones.

    Args:
        width: channels in and out.
        ratio: s of equation 3: each of ceil(width / s) intrinsic maps has s - 1 cheap ones. Where that is more than
            the width, the last ones are cut off, as in GhostNet's code.
    """

    def __init__(self, width: int, ratio: int = 2) -> None:
        super().__init__()
        intrinsic = -(-width // ratio)
        self.cut = slice(width) if width % ratio else None
        self.primary = conv_bn(width, intrinsic, 3, relu=True)
        self.cheap = conv_bn(intrinsic, intrinsic * (ratio - 1), 3, groups=intrinsic, relu=True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        intrinsic = self.primary(x)
        maps = torch.cat([intrinsic, self.cheap(intrinsic)], 1)
        return maps if self.cut is None else maps[:, self.cut]


def lite_conv_bn(width: int, ratio: int = 2, outer_norm: bool = True) -> nn.Sequential:
    """Build a LiteConv in place of a BasicBlock's 3x3 convolution.

    Args:
        width: channels in and out.
        ratio: as of LiteConv.
        outer_norm: whether the block's batch norm stays behind it.
    """
    return nn.Sequential(LiteConv(width, ratio), *([nn.BatchNorm2d(width)] if outer_norm else []))


def nam_attention(kind: str, width: int, input_size_wh: Sequence[int]) -> Block:
    """Return the builder of NAM attention for any branch of a network, from the branch's channels.

    Args:
        kind: one of ATTENTIONS. "both" gates channels, then pixels, which is CBAM's order; NAM takes CBAM's frame.
        width: channels of the 1/4 branch.
        input_size_wh: width and height of the network's input in px, which set the size of each branch's map.

    Raises:
        ConfigError: the kind is unknown, or the network cannot have this input.
    """
    require_one_of("nam", kind, ATTENTIONS)
    spatial = kind in ("spatial", "both")
    if spatial and (len(input_size_wh) != 2 or any(side < 32 or side % 32 for side in input_size_wh)):
        raise ConfigError(f"expected input_size_wh as two multiples of 32, got {list(input_size_wh)}")

    def build(branch_width: int) -> nn.Module:
        parts: list[nn.Module] = []
        if kind in ("channel", "both"):
            parts.append(NamChannelAttention(branch_width))
        if spatial:
            stride = 4 * branch_width // width
            parts.append(NamSpatialAttention([side // stride for side in input_size_wh]))
        return parts[0] if len(parts) == 1 else nn.Sequential(*parts)

    return identity if kind == "none" else build


class NarrowBottleneck(Bottleneck):
    """Make a Bottleneck whose output has as many channels as its inside."""

    expansion = 1


def scaled_front(width: int) -> Front:
    """Build a stem to 1/2 and a stage 1 in ``width`` channels, whose second bottleneck halves the resolution.

    The transition keeps the first branch and adds the second. The paper says:
    "Starting from a high-resolution stream W x H x C, the first stage includes 4 bottlenecks for extracting image
    features and downsampling. Then a 3x3 convolution generates an additional half-resolution stream."

    The published counts of the two widths leave no room for a part that does not scale with the width. It is a fit to
    them (15.51M, 3.48 Gi; W48 34.76M, 7.80 for a printed 7.81, which contradicts the printed 17.53), not the authors'
    code.
    """
    half = width // 2
    stem = nn.Sequential(Normalize(), conv_bn(3, half, 3, 2, relu=True), conv_bn(half, width, 3, relu=True))
    stage1 = nn.Sequential(*(NarrowBottleneck(width, width, stride) for stride in (1, 2, 1, 1)))
    return stem, stage1, nn.ModuleList([nn.Identity(), conv_bn(width, 2 * width, 3, 2, relu=True)])


def goatpose(
    num_joints: int = 17,
    width: int = 32,
    modules: Sequence[int] = (1, 4, 3),
    blocks: int = 4,
    hrnet_stem: bool = False,
    outer_norm: bool = True,
    lite_conv: bool = True,
    ghost_ratio: int = 2,
    nam: str = "channel",
    nam_position: str = "branch",
    fusion: str = "hrnet",
    new_stream: str = "lowest",
    input_size_wh: Sequence[int] = (192, 256),
) -> HRNet:
    """Build GoatPose; BL and BH are width 32 at 256x192 and 384x288, XL and XH width 48.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the 1/4 branch.
        modules: exchange units in stages 2, 3, 4.
        blocks: blocks per branch of each exchange unit.
        hrnet_stem: whether to use HRNet's stem and stage 1 in place of the narrower ones, which fit the printed counts.
        outer_norm: whether to keep the block's batch norms behind the LiteConvs, which fits the counts better.
        lite_conv: whether the residual blocks have LiteConvs or plain 3x3 convolutions.
        ghost_ratio: s of the LiteConvs: maps for each intrinsic one, which is itself among them.
        nam: attention of Section 3.3: "none", "channel", "spatial" or "both". Section 3.4 has NAM-C, "channel".
        nam_position: "branch" for behind the residual blocks of a branch, as the paper, or "block" for inside each.
        fusion: "hrnet" for 1x1 convolutions before nearest upsampling, which fits the counts, or "bilinear" for the
            text's bilinear upsampling before them, which adds 0.238 Gi.
        new_stream: "lowest" for Section 3.4's 3x3 convolution of the coarsest map, or "all" for Section 3.1's
            R3 = f13(R1) + f23(R2).
        input_size_wh: width and height of the input in px, for spatial NAM alone, which learns a scale for each pixel;
            in training it is the recipe's.

    Raises:
        ConfigError: a value is unknown or out of range.
    """
    require_whole("ghost_ratio", ghost_ratio, 2)
    require_one_of("nam_position", nam_position, POSITIONS)
    require_one_of("fusion", fusion, FUSIONS)
    attention = nam_attention(nam, width, input_size_wh)
    inside = nam_position == "block" and nam != "none"
    conv = partial(lite_conv_bn, ratio=ghost_ratio, outer_norm=outer_norm) if lite_conv else conv3x3
    return HRNet(
        num_joints,
        width,
        modules,
        blocks,
        block=partial(BasicBlock, conv=conv, attention=attention if inside else None),
        branch_end=identity if inside else attention,
        front=hrnet_front if hrnet_stem else scaled_front,
        up=FUSIONS[fusion],
        new_stream=new_stream,
    )


goatpose_w32 = goatpose  # 15.5104M parameters, 3.4823 Gi MACs at 256x192
goatpose_w48 = partial(goatpose, width=48)  # 34.7606M, 7.7953 Gi
