"""Building blocks shared by the papers' networks. Convolutions: no bias, batch norm behind, unless said."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# ImageNet statistics in the 0..255 range of the input, RGB order.
RGB_MEAN = (123.675, 116.28, 103.53)
RGB_STD = (58.395, 57.12, 57.375)


class Normalize(nn.Module):
    """RGB 0..255 -> zero mean, unit variance. Part of the graph, so that no user of the model can get it wrong."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(RGB_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", 1.0 / torch.tensor(RGB_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.mean) * self.scale


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = False
) -> nn.Sequential:
    """Convolution ("same" padding) and batch norm, with a ReLU behind where asked for."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([nn.ReLU(inplace=True)] if relu else []))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and the identity (He et al. 2016), width unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*self.conv(width), nn.ReLU(inplace=True), *self.conv(width))

    def conv(self, width: int) -> nn.Sequential:
        """One of the block's two convolutions with its batch norm; the papers' light blocks replace this."""
        return conv_bn(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class Bottleneck(nn.Module):
    """1x1 - 3x3 - 1x1 with fourfold expansion and the identity, projected by 1x1 where the width changes."""

    expansion = 4

    def __init__(self, inputs: int, planes: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.body = nn.Sequential(
            conv_bn(inputs, planes, 1, relu=True), conv_bn(planes, planes, 3, relu=True), conv_bn(planes, outputs, 1)
        )
        self.shortcut = nn.Identity() if inputs == outputs else conv_bn(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.shortcut(x) + self.body(x))


class GlobalContext(nn.Module):
    """GCNet's ContextBlock (Cao et al. 2019): attention pooling, 1x1 - LayerNorm - ReLU - 1x1, added to every pixel.

    Args:
        width: channels in and out. ratio: the hidden width is ``width * ratio``.
    """

    def __init__(self, width: int, ratio: float = 1 / 16) -> None:
        super().__init__()
        hidden = max(int(width * ratio), 1)
        self.mask = nn.Conv2d(width, 1, 1)
        self.squeeze = nn.Linear(width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.excite = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.mask(x).flatten(2).softmax(-1)  # (N, 1, HW)
        context = (attention @ x.flatten(2).transpose(1, 2)).squeeze(1)  # (N, C)
        added = self.excite(torch.relu(self._normalised(self.squeeze(context))))
        return x + added[:, :, None, None]

    def _normalised(self, hidden: Tensor) -> Tensor:
        """Layer norm. Over a single value it comes to its bias: said so, as ONNX Runtime 1.23 refuses to run it."""
        if self.norm.normalized_shape != (1,):
            return self.norm(hidden)
        return 0 * hidden * self.norm.weight + self.norm.bias
