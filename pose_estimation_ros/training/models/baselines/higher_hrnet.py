"""Build HigherHRNet, which finds several people at once at two resolutions.

It is from "HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation" (Cheng et al., CVPR
2020, arXiv:1908.10357), and computes what its official code does.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.baselines.simple_baseline import init_with_deconvs
from pose_estimation_ros.training.models.hrnet import Block, Front, HRNet, hrnet_front
from pose_estimation_ros.training.models.layers import BasicBlock, Bottleneck, conv_bn, deconv_bn
from pose_estimation_ros.training.models.options import require_whole


def half_resolution(inputs: int, width: int, blocks: Sequence[Block], num_joints: int) -> nn.Sequential:
    """Build what makes heatmaps at 1/2 from maps at 1/4: a transposed convolution, residual blocks, and a head.

    Args:
        inputs: channels at 1/4.
        width: channels at 1/2.
        blocks: builders of the residual blocks from their channels.
        num_joints: K, heatmaps out.
    """
    return nn.Sequential(
        *deconv_bn(inputs, width),
        *(block(width) for block in blocks),
        nn.Conv2d(width, num_joints, 1),
    )


class HigherHRNet(nn.Module):
    """Predict heatmaps and tags at 1/4, and heatmaps at 1/2 from both and the features.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32. The outputs are "heatmaps" and "tags"
    (N, K, H/4, W/4) and "heatmaps_2x" (N, K, H/2, W/2).

    Args:
        num_joints: K.
        width: channels of HRNet's branch at 1/4.
        modules: exchange units in HRNet's stages 2, 3, 4.
        blocks: blocks per branch of each exchange unit.
        front: builder of HRNet's stem, stage 1 and first transitions.
        half_width: channels at 1/2; those of the branch at 1/4 by default.
        half_blocks: residual blocks at 1/2.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self,
        num_joints: int = 17,
        width: int = 32,
        modules: Sequence[int] = (1, 4, 3),
        blocks: int = 4,
        front: Callable[[int], Front] = hrnet_front,
        half_width: int | None = None,
        half_blocks: int = 4,
    ) -> None:
        super().__init__()
        half_width = width if half_width is None else half_width
        require_whole("half_width", half_width)
        require_whole("half_blocks", half_blocks, 0)
        self.num_joints = num_joints
        self.top_down = HRNet(2 * num_joints, width, modules, blocks, front=front)  # its head makes heatmaps and tags
        inputs = width + 2 * num_joints
        self.doubled = half_resolution(inputs, half_width, [BasicBlock] * half_blocks, num_joints)
        self.apply(init_with_deconvs)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps", "tags" and "heatmaps_2x" for images (N, 3, H, W)."""
        features = self.top_down.features(image)
        maps: Tensor = self.top_down.head(features)
        heatmaps, tags = maps[:, : self.num_joints], maps[:, self.num_joints :]
        doubled = self.doubled(torch.cat([features, maps], 1))
        return {"heatmaps": heatmaps, "tags": tags, "heatmaps_2x": doubled}


def scaled_front(width: int) -> Front:
    """Build HRNet's front with a stage 1 that scales with the width, as W32 has it."""
    stem, planes = hrnet_front(width)[0], 2 * width
    wide = planes * Bottleneck.expansion
    stage1 = nn.Sequential(Bottleneck(64, planes), *(Bottleneck(wide, planes) for _ in range(3)))
    transitions = [conv_bn(wide, width, 3, relu=True), conv_bn(wide, 2 * width, 3, 2, relu=True)]
    return stem, stage1, nn.ModuleList(transitions)


# 28.645M parameters, 46.203 G MACs at 512x512; the paper's 47.9 G count the transposed convolution by its output pixels
higher_hrnet_w32 = HigherHRNet
higher_hrnet_w48 = partial(HigherHRNet, width=48)  # 63.827M, 149.469 G at 640x640

# The scaled networks of "Lite Pose: Efficient Architecture Design for 2D Human Pose Estimation" (arXiv:2205.01271),
# which describes them by their counts alone. With a narrower stage 1, and 32 channels without residual blocks at 1/2,
# all printed counts are met but the 14.9M parameters of W24: no width of its stage 1 gives both its counts.
_scaled = partial(HigherHRNet, front=scaled_front, half_width=32, half_blocks=0)
higher_hrnet_w16 = partial(_scaled, width=16)  # 7.205M, 11.219 G at 512x512 with 14 joints
higher_hrnet_w24 = partial(_scaled, width=24)  # 16.110M, 23.783 G
