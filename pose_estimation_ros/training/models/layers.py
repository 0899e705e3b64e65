"""Building blocks shared by the papers' networks. Convolutions: no bias, batch norm behind, unless said."""

from __future__ import annotations

from collections.abc import Sequence

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


class FrozenStages(nn.Module):
    """A backbone of which the first parts keep weights and batch statistics as they are loaded.

    They are most of the cost of a training step, and once trained on photographs know what those look like.
    """

    frozen: Sequence[nn.Module] = ()

    def freeze(self, parts: Sequence[nn.Module]) -> None:
        self.frozen = list(parts)
        for part in self.frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenStages:
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self


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
    """1x1 - 3x3 (with the stride) - 1x1 and the identity, projected by 1x1 where width or resolution change."""

    expansion = 4  # output channels per plane

    def __init__(self, inputs: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.body = nn.Sequential(
            conv_bn(inputs, planes, 1, relu=True),
            conv_bn(planes, planes, 3, stride, relu=True),
            conv_bn(planes, outputs, 1),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_bn(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.shortcut(x) + self.body(x))


class DepthwiseBlock(nn.Module):
    """Residual depthwise 3x3 - 1x1 to twice the width - 1x1 back: the depthwise part, slow on CPUs, stays narrow."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(width, width, 3, groups=width),
            conv_bn(width, 2 * width, 1, relu=True),
            conv_bn(2 * width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class HiddenNorm(nn.LayerNorm):
    """Layer norm. Over a single value it comes to its bias: said so, as ONNX Runtime 1.23 refuses to run it."""

    def forward(self, hidden: Tensor) -> Tensor:
        return super().forward(hidden) if self.normalized_shape != (1,) else 0 * hidden * self.weight + self.bias


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
        self.norm = HiddenNorm(hidden)
        self.excite = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        attention = self.mask(x).flatten(2).softmax(-1)  # (N, 1, HW)
        context = (attention @ x.flatten(2).transpose(1, 2)).squeeze(1)  # (N, C)
        added = self.excite(torch.relu(self.norm(self.squeeze(context))))
        return x + added[:, :, None, None]


class NamChannelAttention(nn.Module):
    """NAM-C (Liu et al. 2021; GoatPose, Section 3.2): ``x * sigmoid(w * BN(x))``, w = |gamma| / sum |gamma|.

    ``norm`` is the batch norm whose gamma the sparsity loss thins out. As in the official code, w takes gamma's
    absolute value and no gradient, and the input is multiplied at the end, which GoatPose's text leaves out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.norm.weight.detach().abs().view(1, -1, 1, 1)  # 4 dimensions to the end: TensorRT likes no scalars
        return x * torch.sigmoid(scale / scale.sum(1, keepdim=True) * self.norm(x))


class Cbam(nn.Module):
    """CBAM (Woo et al. 2018): channels gated by a shared MLP of mean and maximum, then pixels by a 7x7 convolution.

    Args:
        width: channels in and out. ratio: the MLP's hidden layer has ``width // ratio``.

    No biases and no batch norm: with r = 16 this gives EL-HRNet's published counts.
    """

    def __init__(self, width: int, ratio: int = 16) -> None:
        super().__init__()
        hidden = max(width // ratio, 1)
        down, up = nn.Conv2d(width, hidden, 1, bias=False), nn.Conv2d(hidden, width, 1, bias=False)
        self.mlp = nn.Sequential(down, nn.ReLU(inplace=True), up)
        self.pixels = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mean, maximum = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * torch.sigmoid(self.mlp(mean) + self.mlp(maximum))
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.pixels(summary))
