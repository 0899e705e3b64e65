"""Build EfficientHRNet: EfficientNet's maps in the place of HRNet's front, narrower branches, and HigherHRNet's head.

It is from "EfficientHRNet: Efficient Scaling for Lightweight High-Resolution Multi-Person Pose Estimation" (Neff et al.
2020, arXiv:2007.08090), and computes what its official code does.
"""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.baselines.efficientnet import EfficientNet
from pose_estimation_ros.training.models.baselines.higher_hrnet import half_resolution
from pose_estimation_ros.training.models.baselines.simple_baseline import init_backbone, init_with_deconvs
from pose_estimation_ros.training.models.hrnet import ExchangeUnit, identity
from pose_estimation_ros.training.models.layers import BasicBlock
from pose_estimation_ros.training.models.options import require_one_of, require_whole

WIDTH = 32  # channels of the first branch of H0


class Scale(NamedTuple):
    """Hold how a network of the family differs from the first.

    Attributes:
        width: factor of the backbone's channels.
        depth: factor of the backbone's blocks.
        branches: factor of the branches' channels.
        units: exchange units of 2, 3 and 4 branches.
    """

    width: float
    depth: float
    branches: float
    units: tuple[int, int, int]


# The branches narrow by 1.2455 from each network to the next, as in the official code.
SCALES = (  # H0, H-1, H-2, H-3, H-4
    Scale(1.0, 1.0, 1.0, (1, 4, 3)),
    Scale(0.909, 0.833, 1.2455**-1, (1, 3, 3)),
    Scale(0.826, 0.694, 1.2455**-2, (1, 2, 3)),
    Scale(0.751, 0.578, 1.2455**-3, (1, 1, 3)),
    Scale(0.684, 0.483, 1.2455**-4, (1, 1, 2)),
)


def transition(inputs: int, outputs: int) -> nn.Sequential:
    """Build a 3x3 convolution with a bias, a batch norm and a ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
    """
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class EfficientHRNet(nn.Module):
    """Predict heatmaps and tags at 1/4, and heatmaps at 1/2 from both and the features.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32. The outputs are "heatmaps" and "tags"
    (N, K, H/4, W/4) and "heatmaps_2x" (N, K, H/2, W/2).

    Args:
        num_joints: K.
        smaller: which network of the family: 0 for H0 to 4 for H-4.
        blocks: blocks per branch of each exchange unit, and at 1/2.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(self, num_joints: int = 17, smaller: int = 0, blocks: int = 2) -> None:
        super().__init__()
        require_one_of("smaller", smaller, range(len(SCALES)))
        require_whole("blocks", blocks)
        scale, self.num_joints = SCALES[smaller], num_joints
        self.backbone = EfficientNet(scale.width, scale.depth)
        widths = [ceil(WIDTH * 2**branch * scale.branches) for branch in range(4)]
        self.transitions, self.stages = nn.ModuleList(), nn.ModuleList()
        finer = self.backbone.widths[:1]
        for branches, units, outputs in zip((2, 3, 4), scale.units, (2, 3, 1)):
            inputs, finer = [*finer, self.backbone.widths[branches - 1]], widths[:branches]
            self.transitions.append(nn.ModuleList(map(transition, inputs, finer)))
            fused = [branches] * (units - 1) + [outputs]
            self.stages.append(nn.Sequential(*(ExchangeUnit(finer, blocks, BasicBlock, identity, n) for n in fused)))
        self.head = nn.Conv2d(widths[0], 2 * num_joints, 1)
        self.doubled = half_resolution(widths[0] + 2 * num_joints, widths[0], [BasicBlock] * blocks, num_joints)
        self.apply(init_with_deconvs)
        self.backbone.apply(init_backbone)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps", "tags" and "heatmaps_2x" for images (N, 3, H, W)."""
        finest, *coarser = self.backbone(image)
        features = [finest]
        for transitions, stage, x in zip(self.transitions, self.stages, coarser):
            features = stage([path(y) for path, y in zip(transitions, [*features, x])])  # type: ignore[call-overload]
        maps = self.head(features[0])
        heatmaps, tags = maps[:, : self.num_joints], maps[:, self.num_joints :]
        doubled = self.doubled(torch.cat([features[0], maps], 1))
        return {"heatmaps": heatmaps, "tags": tags, "heatmaps_2x": doubled}


# MACs are those of the paper, which counts the transposed convolution by its output pixels. Its parameters, 23.3M, 16M,
# 10.3M, 6.9M and 3.7M, are these with the backbone counted twice.
efficient_hrnet_h0 = EfficientHRNet  # 19.725M, 25.619 G at 512x512
efficient_hrnet_h_1 = partial(EfficientHRNet, smaller=1)  # 13.004M, 14.208 G at 480x480
efficient_hrnet_h_2 = partial(EfficientHRNet, smaller=2)  # 8.263M, 7.725 G at 448x448
efficient_hrnet_h_3 = partial(EfficientHRNet, smaller=3)  # 5.360M, 4.209 G at 416x416
efficient_hrnet_h_4 = partial(EfficientHRNet, smaller=4)  # 2.765M, 2.105 G at 384x384
