"""Build Lite-HRNet: HRNet's parallel branches with shuffled halves, where gates take the place of 1x1 convolutions.

It is from "Lite-HRNet: A Lightweight High-Resolution Network" (Yu et al., CVPR 2021, arXiv:2104.06403), and computes
what its official code does. Every branch has half the resolution of the one before it.
"""

from __future__ import annotations

from functools import partial
from typing import Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.attention import SqueezeExcite
from pose_estimation_ros.training.models.hrnet import fuse_path, init_weights
from pose_estimation_ros.training.models.layers import ChannelShuffle, Normalize, conv_bn
from pose_estimation_ros.training.models.options import require_whole, require_wholes

STEM = 32
WIDTHS = (40, 80, 160, 320)


def separable(inputs: int, outputs: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """Build a depthwise 3x3 and a 1x1 convolution with batch norms.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: stride of the depthwise convolution.
        relu: whether a ReLU follows.
    """
    return nn.Sequential(conv_bn(inputs, inputs, 3, stride, groups=inputs), conv_bn(inputs, outputs, 1, relu=relu))


def fuse_down(width_in: int, width_out: int, steps: int) -> nn.Sequential:
    """Build a chain of separable convolutions of stride 2, of which only the last changes the width and has no ReLU.

    Args:
        width_in: channels in.
        width_out: channels out.
        steps: how many convolutions.
    """
    same = [separable(width_in, width_in, 2) for _ in range(steps - 1)]
    return nn.Sequential(*same, separable(width_in, width_out, 2, relu=False))


class Stem(nn.Module):
    """Make a map at 1/4 of an image: 3x3, then depthwise 3x3 on one half, and 1x1, depthwise 3x3, 1x1 on the other."""

    def __init__(self) -> None:
        super().__init__()
        half = STEM // 2
        self.first = nn.Sequential(Normalize(), conv_bn(3, STEM, 3, 2, relu=True))
        self.body = nn.Sequential(conv_bn(half, STEM, 1, relu=True), separable(STEM, half, 2))
        self.other = separable(half, half, 2)
        self.shuffle = ChannelShuffle(STEM)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the map (N, 32, H/4, W/4) of images (N, 3, H, W) RGB 0..255."""
        first, second = self.first(image).chunk(2, 1)
        second = self.body(second)
        mixed: Tensor = self.shuffle(torch.cat([self.other(first), second], 1))
        return mixed


class CrossResolutionGate(nn.Module):
    """Gate all branches by 1x1 - ReLU - 1x1 of all of them, pooled to the resolution of the last.

    Args:
        widths: channels of the branches.
        ratio: the hidden layer has that part of all channels.
    """

    def __init__(self, widths: Sequence[int], ratio: int = 8) -> None:
        super().__init__()
        self.widths, width = list(widths), sum(widths)
        factors = [2**steps for steps in range(len(widths))][::-1]
        self.pools = nn.ModuleList(nn.AvgPool2d(factor) for factor in factors)
        hidden = conv_bn(width, width // ratio, 1, relu=True)
        self.gate = nn.Sequential(hidden, conv_bn(width // ratio, width, 1), nn.Sigmoid())
        self.ups = nn.ModuleList(nn.Upsample(scale_factor=factor, mode="nearest") for factor in factors)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Compute the gated maps from those of the branches, the finest first."""
        pooled = torch.cat([pool(x) for pool, x in zip(self.pools, features)], 1)
        gates = self.gate(pooled).split(self.widths, 1)
        return [x * up(gate) for up, x, gate in zip(self.ups, features, gates)]


class ChannelWeighting(nn.Module):
    """Change half of the channels of each branch by both gates with a depthwise 3x3 between, and shuffle.

    It is the paper's conditional channel weighting: one gate reads all branches, the other, its spatial weighting, the
    means of its own.

    Args:
        widths: channels of the branches.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        halves = [width // 2 for width in widths]
        self.cross = CrossResolutionGate(halves)
        self.depthwise = nn.ModuleList(conv_bn(half, half, 3, groups=half) for half in halves)
        self.gates = nn.ModuleList(SqueezeExcite(half, half // 4) for half in halves)
        self.shuffles = nn.ModuleList(ChannelShuffle(width) for width in widths)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Compute the maps of the branches from theirs, the finest first."""
        halves = [x.chunk(2, 1) for x in features]
        changed = self.cross([second for _, second in halves])
        changed = [depthwise(x) for depthwise, x in zip(self.depthwise, changed)]
        changed = [gate(x) for gate, x in zip(self.gates, changed)]
        joined = (torch.cat([first, x], 1) for (first, _), x in zip(halves, changed))
        return [shuffle(x) for shuffle, x in zip(self.shuffles, joined)]


class LiteUnit(nn.Module):
    """Run blocks on parallel branches, then sum all branches for each.

    As in the official code, the finest branch counts twice in every sum, and all others read its sum, not itself.

    Args:
        widths: channels of the branches.
        blocks: number of blocks.
    """

    def __init__(self, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ChannelWeighting(widths) for _ in range(blocks)))
        self.fuse = nn.ModuleList(
            nn.ModuleList(fuse_path(widths, source, target, down=fuse_down) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Compute the maps of the branches from theirs, the finest first."""
        features = list(self.blocks(features))
        sums: list[Tensor] = []
        for paths in self.fuse:
            total = 2 * paths[0](features[0])  # type: ignore[index]
            for path, x in list(zip(paths, features))[1:]:  # type: ignore[call-overload]
                total = total + path(x)
            if not sums:
                features[0] = total
            sums.append(total)
        return [total.relu() for total in sums]


class IterativeHead(nn.Module):
    """Bring the coarsest map to each finer one's width and resolution, add it, and so on to the finest.

    Args:
        widths: channels of the branches, the finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        finer = [widths[0], *widths[:-1]]
        self.projects = nn.ModuleList(separable(*pair) for pair in list(zip(widths, finer))[::-1])
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Compute the map at the resolution of the first from the branches' maps, the finest first."""
        coarsest, *finer = features[::-1]
        first, *projects = self.projects
        x: Tensor = first(coarsest)
        for project, branch in zip(projects, finer):
            x = project(branch + self.up(x))
        return x


class LiteHRNet(nn.Module):
    """Predict top-down heatmaps.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32; the output ``{"heatmaps": (N, K, H/4,
    W/4)}``.

    Args:
        num_joints: K, heatmaps out.
        units: units of 2, 3 and 4 branches.
        blocks: blocks of each unit.
        widths: channels of the branches.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self,
        num_joints: int = 17,
        units: Sequence[int] = (2, 4, 2),
        blocks: int = 2,
        widths: Sequence[int] = WIDTHS,
    ) -> None:
        super().__init__()
        require_wholes("units", units, 3)
        require_whole("blocks", blocks)
        require_wholes("widths", widths, 4)
        self.stem = Stem()
        self.first = separable(STEM, widths[0])
        self.transitions = nn.ModuleList(map(partial(separable, stride=2), (STEM, *widths[1:]), widths[1:]))
        self.stages = nn.ModuleList(
            nn.Sequential(*(LiteUnit(widths[:branches], blocks) for _ in range(count)))
            for branches, count in zip((2, 3, 4), units)
        )
        self.neck = IterativeHead(widths)
        self.head = nn.Conv2d(widths[0], num_joints, 1)
        self.apply(init_weights)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps" for images (N, 3, H, W)."""
        x = self.stem(image)
        features, coarsest = [self.first(x)], x
        for transition, stage in zip(self.transitions, self.stages):
            features = stage([*features, transition(coarsest)])
            coarsest = features[-1]
        return {"heatmaps": self.head(self.neck(features))}


# The paper's 205.2 and 319.2 M are in units of 2^20, by a tool that counts batch norms and ReLU, too. The 2.4 G that
# WLitePose's Tables 4 and 5 print for Lite-HRNet-30 at 256x256 are 5.8 times what it costs.
lite_hrnet_18 = LiteHRNet  # 1.131M, 0.199 G MACs at 256x192
lite_hrnet_30 = partial(LiteHRNet, units=(3, 8, 3))  # 1.764M, 0.309 G
