"""Provide the building blocks of the networks; convolutions have no bias and a batch norm behind, unless stated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from pose_estimation_ros.core.errors import ConfigError

# ImageNet statistics in the 0..255 range of the input, RGB order.
RGB_MEAN = (123.675, 116.28, 103.53)
RGB_STD = (58.395, 57.12, 57.375)


class Normalize(nn.Module):
    """Normalise RGB 0..255 to zero mean and unit variance, in the graph, so that no user of a model can forget it."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(RGB_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", 1.0 / torch.tensor(RGB_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalise images (N, 3, H, W) RGB 0..255."""
        return (image - self.mean) * self.scale


class FrozenStages(nn.Module):
    """Keep weights and batch statistics of a backbone's first parts as they were loaded.

    They are most of the cost of a training step and, once trained on photographs, need not learn more.
    """

    frozen: Sequence[nn.Module] = ()

    def freeze(self, parts: Sequence[nn.Module]) -> None:
        """Exclude these parts from training."""
        self.frozen = list(parts)
        for part in self.frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenStages:
        """Set training or evaluation mode; the frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self


class DepthwiseConv2d(nn.Conv2d):
    """Convolve each channel by itself; the gradients in bf16 on a CPU are computed in a faster way.

    It needs "same" padding and an odd kernel.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve features (N, C, h, w)."""
        if self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            return _DepthwiseOnCpu.apply(x.to(dtype), self.weight.to(dtype), self.stride[0])  # type: ignore[no-any-return]
        return super().forward(x)


class _DepthwiseOnCpu(torch.autograd.Function):
    """Compute a depthwise convolution whose gradients avoid what oneDNN has no fast bf16 kernel for.

    These are the gradient of the input with a stride, which is computed in float32 here, and that of a weight of more
    than 3 x 3, which is composed of 3 x 3 parts.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        """Convolve x (N, C, h, w) with the weight (C, 1, k, k)."""
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return conv2d(x, weight, None, stride, weight.shape[2] // 2, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # type: ignore[override]
        """Return the gradients of x and weight."""
        (x, weight), stride = ctx.saved_tensors, ctx.stride
        of_input = _gradient_of_input(grad, x, weight, stride) if ctx.needs_input_grad[0] else None
        of_weight = _gradient_of_weight(grad, x, weight, stride) if ctx.needs_input_grad[1] else None
        return of_input, of_weight, None


def _gradient_of_input(grad: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the gradient (N, C, h, w) of a depthwise convolution's input."""
    side = weight.shape[2]
    if stride == 1:
        return conv2d(grad, weight.flip(2, 3), None, 1, side // 2, 1, len(weight))
    return _backward(grad.float(), x.float(), weight.float(), stride, side // 2, 0).to(grad.dtype)


def _gradient_of_weight(grad: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the gradient (C, 1, k, k) of a depthwise convolution's weight, from parts of 3 x 3."""
    side = weight.shape[2]
    if side == 3:
        return _backward(grad, x, weight, stride, 1, 1)
    x, gradient, part = pad(x, [side // 2] * 4), torch.empty_like(weight), weight[:, :, :3, :3].contiguous()
    starts, (height, width) = [*range(0, side - 3, 3), side - 3], x.shape[2:]
    for top in starts:
        for left in starts:
            seen = x[:, :, top : height - (side - 3 - top), left : width - (side - 3 - left)]
            seen = seen.contiguous(memory_format=torch.channels_last)
            gradient[:, :, top : top + 3, left : left + 3] = _backward(grad, seen, part, stride, 0, 1)
    return gradient


def _backward(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, which: int) -> Tensor:
    """Return torch's gradient of a depthwise convolution's input (which = 0) or weight (which = 1)."""
    shape = [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], len(weight)
    gradients = torch.ops.aten.convolution_backward(grad, x, weight, None, *shape, [which == 0, which == 1, False])
    return gradients[which]  # type: ignore[no-any-return]


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = False
) -> nn.Sequential:
    """Build a convolution with "same" padding and a batch norm.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: its side.
        stride: stride of the convolution.
        groups: number of groups of the convolution.
        relu: whether a ReLU follows.
    """
    kind = DepthwiseConv2d if 1 < groups == inputs == outputs and kernel > 1 else nn.Conv2d
    conv = kind(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([nn.ReLU(inplace=True)] if relu else []))


def conv3x3(width: int) -> nn.Sequential:
    """Build a 3x3 convolution that keeps the width, and its batch norm."""
    return conv_bn(width, width, 3)


def deconv_bn(inputs: int, outputs: int) -> nn.Sequential:
    """Build a transposed 4x4 convolution that doubles the resolution, with a batch norm and a ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
    """
    conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class ChannelShuffle(nn.Module):
    """Deal the channels of groups out in turn: the first of each group, the second of each group, and so on.

    Args:
        width: channels in and out.
        groups: number of groups.
    """

    order: Tensor

    def __init__(self, width: int, groups: int = 2) -> None:
        super().__init__()
        # One gather, because reshape, transpose, reshape would be traced with Mod, which TensorRT 8 lacks.
        self.register_buffer("order", torch.arange(width).view(groups, -1).t().flatten(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Reorder the channels of features (N, C, h, w)."""
        return x.index_select(1, self.order)


class BasicBlock(nn.Module):
    """Add two 3x3 convolutions to the identity; the width stays.

    It is from "Deep Residual Learning for Image Recognition" (He et al. 2016, arXiv:1512.03385).

    Args:
        width: channels in and out.
        conv: builder of each convolution with its batch norm from the width; the papers' light blocks replace it.
        attention: builder, from the width, of a module behind the second convolution, before the addition.
    """

    def __init__(
        self,
        width: int,
        conv: Callable[[int], nn.Sequential] = conv3x3,
        attention: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        end = [attention(width)] if attention else []
        self.body = nn.Sequential(*conv(width), nn.ReLU(inplace=True), *conv(width), *end)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        return torch.relu(x + self.body(x))


class Bottleneck(nn.Module):
    """Add 1x1 - 3x3 (with the stride) - 1x1 to the identity, which a 1x1 projects where width or resolution change.

    Args:
        inputs: channels of the input.
        planes: channels inside; the output has four times as many.
        stride: stride of the 3x3 convolution.
    """

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
        """Compute the output for features (N, C, h, w)."""
        return torch.relu(self.shortcut(x) + self.body(x))


class DepthwiseBlock(nn.Module):
    """Add depthwise 3x3 - 1x1 to twice the width - 1x1 back to the identity.

    The depthwise part, which is slow on CPUs, has the narrow width.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(width, width, 3, groups=width),
            conv_bn(width, 2 * width, 1, relu=True),
            conv_bn(2 * width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        return torch.relu(x + self.body(x))


class GlobalContext(nn.Module):
    """Add to every pixel 1x1 - LayerNorm - ReLU - 1x1 of a pooling by attention.

    It is the ContextBlock of "GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond" (Cao et al. 2019,
    arXiv:1904.11492), which begins as the identity. As there, the mask has a bias, which the softmax cancels.

    Args:
        width: channels in and out.
        ratio: the hidden width is ``width * ratio``.
        least: smallest hidden width. The layer norm of one value is a constant and that of two knows only their order,
            so that on few channels the ratio alone would leave the block without an effect.
    """

    def __init__(self, width: int, ratio: float = 1 / 16, least: int = 8) -> None:
        super().__init__()
        hidden = max(int(width * ratio), least)
        self.mask = nn.Conv2d(width, 1, 1)
        self.squeeze = nn.Linear(width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.excite = nn.Linear(hidden, width)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as GCNet's code does: Kaiming's normal distribution for the mask, 0 for the last layer."""
        nn.init.kaiming_normal_(self.mask.weight, nonlinearity="relu")
        for zero in (self.mask.bias, self.excite.weight, self.excite.bias):
            if zero is not None:
                nn.init.zeros_(zero)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        attention = self.mask(x).flatten(2).softmax(-1)  # (N, 1, HW)
        context = (attention @ x.flatten(2).transpose(1, 2)).squeeze(1)  # (N, C)
        added = self.excite(torch.relu(self.norm(self.squeeze(context))))
        result: Tensor = x + added[:, :, None, None]
        return result


class NamAttention(nn.Module):
    """Hold the batch norm by whose scaling factors NAM weighs channels or pixels; the sparsity loss pulls them to 0.

    It is from "NAM: Normalization-based Attention Module" (Liu et al. 2021, arXiv:2111.12419), Section 3.3 of GoatPose.
    As in the official code of the channels' part, the weights are shares of absolute values and have no gradient, and
    the input is multiplied at the end, which GoatPose's text leaves out.

    Args:
        count: number of channels or pixels.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(count)

    def shares(self) -> Tensor:
        """Return w = |gamma| / sum |gamma|, as (1, count, 1, 1)."""
        scale = self.norm.weight.detach().abs().view(1, -1, 1, 1)  # 4 dimensions to the end: TensorRT refuses scalars
        return scale / scale.sum(1, keepdim=True)


class NamChannelAttention(NamAttention):
    """Gate channels by ``sigmoid(w * BN(x))`` with w = |gamma| / sum |gamma|: NAM-C, equation 4 of GoatPose."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        gate: Tensor = torch.sigmoid(self.shares() * self.norm(x))
        return x * gate


class NamSpatialAttention(NamAttention):
    """Gate pixels by ``sigmoid(w * BN(x))`` with w = |lambda| / sum |lambda|: the spatial part of NAM.

    The batch norm has a mean, a variance, a scale lambda and a shift for every pixel of the map, over the images and
    channels: NAM calls it pixel normalisation. So the size of the map is a property of the trained module. There is no
    official code of this part. At the beginning all shares are 1 / (h w), and the gates of all pixels close to 0.5.

    Args:
        size_wh: width and height of the map in px.
    """

    def __init__(self, size_wh: Sequence[int]) -> None:
        super().__init__(size_wh[0] * size_wh[1])
        self.size_wh = list(size_wh)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w); raise ConfigError if the map has another size."""
        height, width = (int(side) for side in x.shape[2:])
        if [width, height] != self.size_wh:
            expected = "x".join(map(str, self.size_wh))
            raise ConfigError(f"expected features of {expected} px for spatial NAM, got {width}x{height}")
        pixels = x.flatten(2).transpose(1, 2)[..., None]  # (N, h w, C, 1)
        gate = torch.sigmoid(self.shares() * self.norm(pixels))
        gated: Tensor = x * gate[..., 0].transpose(1, 2).unflatten(2, (height, width))
        return gated


class Cbam(nn.Module):
    """Gate channels by a shared MLP of mean and maximum, then pixels by a 7x7 convolution.

    It is from "CBAM: Convolutional Block Attention Module" (Woo et al. 2018, arXiv:1807.06521). It has no biases and no
    batch norm: with a ratio of 16 this gives EL-HRNet's published counts.

    Args:
        width: channels in and out.
        ratio: the MLP's hidden layer has ``width // ratio`` channels.
    """

    def __init__(self, width: int, ratio: int = 16) -> None:
        super().__init__()
        hidden = max(width // ratio, 1)
        down, up = nn.Conv2d(width, hidden, 1, bias=False), nn.Conv2d(hidden, width, 1, bias=False)
        self.mlp = nn.Sequential(down, nn.ReLU(inplace=True), up)
        self.pixels = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        mean, maximum = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * torch.sigmoid(self.mlp(mean) + self.mlp(maximum))
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.pixels(summary))
