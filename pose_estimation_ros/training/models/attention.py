"""Build attention blocks of channels, rows and columns, some of which WLitePose compares; CBAM is in layers.py."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import conv_bn


class SqueezeExcite(nn.Module):
    """Gate channels by 1x1 - activation - 1x1 of their means.

    It is SE of "Squeeze-and-Excitation Networks" (Hu et al. 2018, arXiv:1709.01507).

    Args:
        width: channels in and out.
        hidden: channels between.
        activation: between the convolutions.
        bias: whether the convolutions have biases.
    """

    def __init__(
        self, width: int, hidden: int, activation: Callable[..., nn.Module] = nn.ReLU, bias: bool = True
    ) -> None:
        super().__init__()
        down, up = nn.Conv2d(width, hidden, 1, bias=bias), nn.Conv2d(hidden, width, 1, bias=bias)
        self.gate = nn.Sequential(down, activation(inplace=True), up, nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        gated: Tensor = x * self.gate(x.mean((2, 3), keepdim=True))
        return gated


class CoordinateAttention(nn.Module):
    """Gate rows and columns from the means over each row and each column of the map.

    It is CA of "Coordinate Attention for Efficient Mobile Network Design" (Hou et al. 2021, arXiv:2103.02907).

    Args:
        width: channels in and out.
        ratio: the hidden layer has ``width // ratio`` channels, at least 8.
    """

    def __init__(self, width: int, ratio: int = 32) -> None:
        super().__init__()
        hidden = max(width // ratio, 8)
        self.shared = nn.Sequential(conv_bn(width, hidden, 1), nn.Hardswish(inplace=True))
        self.rows = nn.Conv2d(hidden, width, 1)
        self.columns = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        height, width = x.shape[2:]
        means = torch.cat([x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)], 2)  # (N, C, h + w, 1)
        rows, columns = self.shared(means).split([height, width], 2)
        gated: Tensor = x * self.rows(rows).sigmoid() * self.columns(columns.transpose(2, 3)).sigmoid()
        return gated


def _line_conv_bn(width: int, kernel: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(nn.Conv2d(width, width, kernel, 1, padding, groups=width, bias=False), nn.BatchNorm2d(width))


def dfc_logits(inputs: int, outputs: int, pooling: int, upsampling: int) -> nn.Sequential:
    """Build DFC attention, which makes a gate's logits from long columns, then long rows.

    It is from "GhostNetV2: Enhance Cheap Operation with Long-Range Attention" (Tang et al. 2022, arXiv:2211.12905), and
    equations 9 and 10 of WLitePose. The fully connected layers are depthwise 5x1 and 1x5 convolutions as in
    GhostNetV2's code, with a batch norm behind each and behind the 1x1. Pooling stands before the 1x1 as in GhostNetV2;
    WLitePose names the 1x1 first. Both are linear, so their order only changes the cost and the statistics of batch
    norm.

    Args:
        inputs: channels in.
        outputs: channels out.
        pooling: factor of the average pooling in front; 1 for none.
        upsampling: factor of the bilinear upsampling behind; 1 for none.
    """
    pool = [nn.AvgPool2d(pooling)] if pooling > 1 else []
    up = [nn.Upsample(scale_factor=upsampling, mode="bilinear", align_corners=False)] if upsampling > 1 else []
    columns, rows = _line_conv_bn(outputs, (5, 1)), _line_conv_bn(outputs, (1, 5))
    return nn.Sequential(*pool, conv_bn(inputs, outputs, 1), columns, rows, *up)
