"""Build LitePose, a bottom-up network with one branch, the frame that WLitePose changes.

It is from "Lite Pose: Efficient Architecture Design for 2D Human Pose Estimation" (Wang et al., CVPR 2022,
arXiv:2205.01271). Sizes are those of the official repository's configurations, whose MACs reproduce WLitePose's
baseline. WLitePose's text disagrees with them: here the backbone ends at 1/16, not at 1/32, and predicts at 1/4 and
1/2, not at 1/8 and 1/4. Weights start at torch's defaults, because the repository sets none: it starts from a trained
supernet.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Sequence

from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.layers import FrozenStages, Normalize, conv_bn, deconv_bn
from pose_estimation_ros.training.models.options import require_wholes

Block = Callable[[int, int, int], nn.Module]  # (inputs, outputs, stride)

EXPANSION = 6
KERNEL = 7
BLOCKS = (6, 8, 10, 10)
STRIDES = (2, 2, 2, 1)


def _conv_bn6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(*conv_bn(inputs, outputs, kernel, stride, groups), nn.ReLU6(inplace=True))


def mobile_stem(outputs: int) -> nn.Sequential:
    """Build MobileNetV2's beginning, to 1/2: 3x3, depthwise 3x3, 1x1."""
    return nn.Sequential(Normalize(), _conv_bn6(3, 32, 3, 2), _conv_bn6(32, 32, 3, groups=32), conv_bn(32, outputs, 1))


class InvertedResidual(nn.Module):
    """Compute 1x1 to six times the width, depthwise convolution and 1x1, added to the identity where that fits.

    It is the block of "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (arXiv:1801.04381) with LitePose's 7x7
    kernel.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: Stride of the depthwise convolution.
        kernel: Size of the depthwise convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int = KERNEL) -> None:
        super().__init__()
        hidden = inputs * EXPANSION
        self.body = nn.Sequential(
            _conv_bn6(inputs, hidden, 1),
            _conv_bn6(hidden, hidden, kernel, stride, groups=hidden),
            conv_bn(hidden, outputs, 1),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y


def stage(block: Block, inputs: int, outputs: int, count: int, stride: int) -> nn.Sequential:
    """Build a stage of blocks, of which the first changes width and resolution.

    Args:
        block: Builder of a block (inputs, outputs, stride).
        inputs: Channels in.
        outputs: Channels out.
        count: Number of blocks.
        stride: Stride of the first block.
    """
    return nn.Sequential(block(inputs, outputs, stride), *(block(outputs, outputs, 1) for _ in range(count - 1)))


class Backbone(FrozenStages):
    """Make five maps from an image: the stem's at 1/2 and those of the four stages, LitePose's at 1/4, 1/8, 1/16, 1/16.

    Args:
        stem: Channels of the stem.
        widths: Channels of the stages.
        blocks: Builders of the stages' blocks (inputs, outputs, stride).
        frozen_stages: Number of parts that keep their weights.
        strides: Strides of the stages.
    """

    def __init__(
        self,
        stem: int,
        widths: Sequence[int],
        blocks: Sequence[Block],
        frozen_stages: int = 0,
        strides: Sequence[int] = STRIDES,
    ) -> None:
        super().__init__()
        self.stem = mobile_stem(stem)
        self.stages = nn.ModuleList(map(stage, blocks, (stem, *widths), widths, BLOCKS, strides))
        self.freeze([self.stem, *self.stages][:frozen_stages])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute the maps of images (N, 3, H, W), the finest first."""
        features = [self.stem(image)]
        for one_stage in self.stages:
            features.append(one_stage(features[-1]))
        return features


class FusionDeconv(nn.Module):
    """Double the resolution by the sum of transposed 4x4 convolutions of the refined and of the backbone's map.

    Args:
        refined: Channels of the refined map.
        raw: Channels of the backbone's map.
        outputs: Channels of the output.
    """

    def __init__(self, refined: int, raw: int, outputs: int) -> None:
        super().__init__()
        self.refined = nn.ConvTranspose2d(refined, outputs, 4, 2, 1, bias=False)
        self.raw = nn.ConvTranspose2d(raw, outputs, 4, 2, 1, bias=False)
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, refined: Tensor, raw: Tensor) -> Tensor:
        """Double the resolution of two maps of one size; the result has ``outputs`` channels."""
        doubled: Tensor = self.norm(self.refined(refined) + self.raw(raw))
        return doubled


def _separable_head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        *conv_bn(inputs, inputs, 5, groups=inputs, relu=True), nn.Conv2d(inputs, outputs, 1, bias=False)
    )


class FusedHead(nn.Module):
    """Predict maps from the refined and from the backbone's map of the same resolution, and sum them.

    Args:
        refined: Channels of the refined map.
        raw: Channels of the backbone's map.
        outputs: Channels of the output.
    """

    def __init__(self, refined: int, raw: int, outputs: int) -> None:
        super().__init__()
        self.refined = _separable_head(refined, outputs)
        self.raw = _separable_head(raw, outputs)

    def forward(self, refined: Tensor, raw: Tensor) -> Tensor:
        """Predict maps from two maps of one size."""
        maps: Tensor = self.refined(refined) + self.raw(raw)
        return maps


class HalfResolution(nn.Module):
    """Make LitePose's heatmaps at 1/2 from the maps at 1/4, by a third fusion deconv and its head.

    Args:
        refined: Channels of the refined map at 1/4.
        quarter: Channels of the backbone's map at 1/4.
        half: Channels of the backbone's map at 1/2.
        width: Channels between deconv and head.
        num_joints: K.
    """

    def __init__(self, refined: int, quarter: int, half: int, width: int, num_joints: int) -> None:
        super().__init__()
        self.deconv = FusionDeconv(refined, quarter, width)
        self.head = FusedHead(width, half, num_joints)

    def forward(self, refined: Tensor, _maps: Tensor, quarter: Tensor, half: Tensor) -> Tensor:
        """Predict heatmaps at 1/2 from the refined map and the backbone's at 1/4, and the backbone's at 1/2."""
        heatmaps: Tensor = self.head(self.deconv(refined, quarter), half)
        return heatmaps


class LitePose(nn.Module):
    """Predict heatmaps and tags at 1/4, behind two fusion deconvs, and heatmaps at 1/2.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 64 (small multiples of 32 work, too). The outputs
    are "heatmaps" and "tags" (N, K, H/4, W/4) and "heatmaps_2x" (N, K, H/2, W/2).

    Args:
        num_joints: K.
        stem: Channels at 1/2.
        widths: Channels of the four stages.
        deconvs: Channels of the fusion deconvs at 1/8 and 1/4, and at 1/2 if there is a third.
        blocks: Builder of a residual block (inputs, outputs, stride) for each stage.
        half_resolution: Module that makes heatmaps at 1/2 from refined features, heatmaps and tags at 1/4, and the
            backbone's maps at 1/4 and 1/2; LitePose's by default.
        frozen_stages: Number of parts, of stem and stages, that are frozen in training.
        lift: Channels of one more deconv in front of the others. With it the backbone ends at 1/32, where no other map
            is that could be fused, and the deconv brings its last map to 1/16. None, as in LitePose, leaves it out.
    """

    def __init__(
        self,
        num_joints: int,
        stem: int,
        widths: Sequence[int],
        deconvs: Sequence[int],
        blocks: Sequence[Block] = (InvertedResidual,) * 4,
        half_resolution: nn.Module | None = None,
        frozen_stages: int = 0,
        lift: int | None = None,
    ) -> None:
        super().__init__()
        self.num_joints = num_joints
        self.backbone = Backbone(stem, widths, blocks, frozen_stages, STRIDES if lift is None else (2, 2, 2, 2))
        self.lift = nn.Identity() if lift is None else deconv_bn(widths[3], lift)
        self.deconv1 = FusionDeconv(lift or widths[3], widths[2], deconvs[0])
        self.deconv2 = FusionDeconv(deconvs[0], widths[1], deconvs[1])
        self.head = FusedHead(deconvs[1], widths[0], 2 * num_joints)
        self.half_resolution = half_resolution or HalfResolution(deconvs[1], widths[0], stem, deconvs[2], num_joints)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps", "tags" and "heatmaps_2x" for images (N, 3, H, W)."""
        half, quarter, eighth, raw, top = self.backbone(image)
        refined = self.deconv2(self.deconv1(self.lift(top), raw), eighth)
        maps = self.head(refined, quarter)
        heatmaps, tags = maps[:, : self.num_joints], maps[:, self.num_joints :]
        return {"heatmaps": heatmaps, "tags": tags, "heatmaps_2x": self.half_resolution(refined, maps, quarter, half)}


def litepose_xs(
    num_joints: int = 17, frozen_stages: int = 0, kernels: Sequence[int] = (KERNEL,) * len(BLOCKS)
) -> LitePose:
    """Build LitePose-XS.

    It has 1.676M parameters and 0.883 G MACs at 256x256 (1.202 by LitePose's tool); this and the figures below are with
    14 joints.

    Args:
        num_joints: K.
        frozen_stages: Number of parts, of stem and stages, that are frozen in training.
        kernels: Sides of the four stages' depthwise kernels. With 3, 5, 3, 5 a CPU trains 1.3 times as fast; a recipe's
            ``grow_from`` puts such kernels into the middle of LitePose's.

    Raises:
        ConfigError: the kernels are not 4 odd numbers.
    """
    require_wholes("kernels", kernels, len(BLOCKS))
    if not all(kernel % 2 for kernel in kernels):
        raise ConfigError(f"expected kernels of odd sides, got {list(kernels)}")
    blocks = [partial(InvertedResidual, kernel=kernel) for kernel in kernels]
    return LitePose(num_joints, 16, (16, 32, 48, 80), (16, 24, 24), blocks, frozen_stages=frozen_stages)


def litepose_s(num_joints: int = 17) -> LitePose:
    """Build LitePose-S, with 2.731M parameters and 3.614 G MACs at 448x448 (4.981 by LitePose's tool)."""
    return LitePose(num_joints, 16, (16, 32, 48, 120), (32, 24, 32))


def litepose_m(num_joints: int = 17) -> LitePose:
    """Build LitePose-M, with 3.534M parameters and 5.264 G MACs at 448x448 (7.842 by LitePose's tool)."""
    return LitePose(num_joints, 16, (24, 48, 72, 120), (64, 40, 32))


def litepose_l(num_joints: int = 17) -> LitePose:
    """Build LitePose-L, with 5.738M parameters and 9.962 G MACs at 512x512 (13.713 by LitePose's tool)."""
    return LitePose(num_joints, 24, (24, 64, 96, 160), (64, 40, 32))
