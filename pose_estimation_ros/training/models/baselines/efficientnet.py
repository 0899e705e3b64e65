"""Build EfficientNet without its classifier.

It is from "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (Tan and Le, ICML 2019,
arXiv:1905.11946). efficientnet_lite.py, beside this folder, has the version without gates.
"""

from __future__ import annotations

from math import ceil

from torch import Tensor, nn

from pose_estimation_ros.training.models.attention import SqueezeExcite
from pose_estimation_ros.training.models.layers import Normalize

STEM = 32
STAGES = (  # of B0: expansion, channels, blocks, stride, kernel
    *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)),
    *((6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
)
TAPS = (1, 2, 4, 6)  # the stages that are last at their resolution, from 1/4 on


def scaled_width(channels: int, factor: float) -> int:
    """Return the multiple of 8 next to a scaled number of channels, at least 90 % of it, as EfficientNet has it.

    Args:
        channels: before scaling.
        factor: of the scale.
    """
    nearest = max(8, int(channels * factor + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels * factor else nearest


def conv_bn_swish(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Build a convolution with TensorFlow's padding, a batch norm and a SiLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: its side.
        stride: at 2, there is less padding at the top and on the left.
        groups: number of groups of the convolution.
    """
    padding = kernel - stride
    before, behind = padding // 2, padding - padding // 2
    pad = [nn.ZeroPad2d((before, behind, before, behind))] if stride > 1 else []
    conv = nn.Conv2d(inputs, outputs, kernel, stride, 0 if pad else before, groups=groups, bias=False)
    return nn.Sequential(*pad, conv, nn.BatchNorm2d(outputs), nn.SiLU(inplace=True))


class MobileBlock(nn.Module):
    """Compute 1x1 to a greater width, depthwise convolution, gate and 1x1, added to the identity where that fits.

    EfficientHRNet's code leaves it out of a fifth of the samples in training, at random. Here it is always there: a run
    that was interrupted has to end like one that was not.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        expansion: the width between is so many times the input's.
        stride: stride of the depthwise convolution.
        kernel: its side.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.body = nn.Sequential(
            *([conv_bn_swish(inputs, hidden, 1)] if expansion > 1 else []),
            conv_bn_swish(hidden, hidden, kernel, stride, groups=hidden),
            SqueezeExcite(hidden, inputs // 4, nn.SiLU),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        y: Tensor = self.body(x)
        return x + y if self.residual else y


class EfficientNet(nn.Module):
    """Make maps at 1/4, 1/8, 1/16 and 1/32 from images (N, 3, H, W) RGB 0..255.

    Args:
        wide: factor of the channels.
        deep: factor of the blocks.
    """

    def __init__(self, wide: float = 1.0, deep: float = 1.0) -> None:
        super().__init__()
        width = scaled_width(STEM, wide)
        self.stem = nn.Sequential(Normalize(), conv_bn_swish(3, width, 3, 2))
        self.stages, widths = nn.ModuleList(), []
        for expansion, channels, blocks, stride, kernel in STAGES:
            stage = nn.Sequential()
            for block in range(ceil(blocks * deep)):
                outputs = scaled_width(channels, wide)
                stage.append(MobileBlock(width, outputs, expansion, 1 if block else stride, kernel))
                width = outputs
            self.stages.append(stage)
            widths.append(width)
        self.widths = [widths[tap] for tap in TAPS]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute the maps, the finest first."""
        maps = [self.stem(image)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return [maps[1 + tap] for tap in TAPS]
