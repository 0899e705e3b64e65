"""Rewrite a trained network for export: it computes the same function in operators that runtimes run fast.

ONNX Runtime keeps channels in blocks of 16 (AVX-512) or 8 from convolution to convolution. An operator without a
blocked form, such as a broadcast product, a transpose or a softmax, costs two passes over the map, to leave the blocks
and to enter them again. A shape that is not known prevents the fusion of a sum or a ReLU into the convolution before
it. So the modules of ``REWRITES`` are replaced, and every value's shape is written into the file.
docs/how-to/speed-on-a-cpu.md has the gain of each rewrite. The operators are those of opset 13 that TensorRT 8.2 has:
nothing here is special to the CPU.
"""

from __future__ import annotations

import copy
from typing import Any, Callable

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pose_estimation_ros.training.models.elpn import ContextBottleneck
from pose_estimation_ros.training.models.layers import Cbam, GlobalContext, NamChannelAttention, NamSpatialAttention
from pose_estimation_ros.training.models.litepose import FusionDeconv
from pose_estimation_ros.training.models.wlitepose import DfcBottleneck

Rewrites = dict[type, Callable[..., nn.Module]]

MANY_PIXELS = 1000  # from here on halving the channels is faster than reducing them
STRANGE_BATCH = 9973  # a batch size that no other dimension has


@torch.no_grad()
def for_export(model: nn.Module, free_size: bool = False) -> nn.Module:
    """Copy a model and replace modules inside by others that compute the same; the copy cannot be trained.

    Args:
        model: Network.
        free_size: Whether it takes images of any size; else it takes those of the first one's size.

    Returns:
        The copy, in evaluation mode.
    """
    rewrites = REWRITES if free_size else REWRITES | FIXED_SIZE_REWRITES
    return _rewritten(copy.deepcopy(model).eval(), rewrites)


def _rewritten(module: nn.Module, rewrites: Rewrites) -> nn.Module:
    """Rewrite from the outside to the inside, because a rewrite takes its module as it was trained."""
    if type(module) in rewrites:
        module = rewrites[type(module)](module)
    for name, child in module.named_children():
        setattr(module, name, _rewritten(child, rewrites))
    return module


def with_shapes(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Write the shapes of all values into a graph, with the free batch in front by its name.

    Shape inference loses the name of a dimension at the first resize, and ONNX Runtime then takes equal shapes for
    different ones. So inference runs with a number in the place of the name.
    """
    for value in [*graph.graph.input, *graph.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = STRANGE_BATCH
    graph = onnx.shape_inference.infer_shapes(graph, data_prop=True)
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.value_info]:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_value == STRANGE_BATCH:
                dimension.dim_param = "batch"
    return graph


def with_shared_weights(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Let nodes read shared weights where they are stored, not from an Identity, as TensorRT 8.2 wants it."""
    nodes, weights = graph.graph.node, {weight.name for weight in graph.graph.initializer}
    copies = {n.output[0]: n.input[0] for n in nodes if n.op_type == "Identity" and n.input[0] in weights}
    kept = [node for node in nodes if node.output[0] not in copies]
    for node in kept:
        node.input[:] = [copies.get(name, name) for name in node.input]
    del nodes[:]
    nodes.extend(kept)
    return graph


def size(x: Tensor) -> tuple[int, int, int]:
    """Return channels, height and width as numbers, which become constants of the exported graph."""
    return int(x.shape[1]), int(x.shape[2]), int(x.shape[3])


def conv(weight: Tensor, bias: Tensor | None = None, padding: int = 0) -> nn.Conv2d:
    """Make a convolution of stride 1 from its weights.

    Args:
        weight: Weights, (outputs, inputs, h, w).
        bias: Bias, (outputs,), or None.
        padding: Zeros around the input, px.

    Returns:
        The convolution.
    """
    outputs, inputs, height, width = weight.shape
    layer = nn.Conv2d(inputs, outputs, (height, width), padding=padding, bias=bias is not None)
    layer.weight = nn.Parameter(weight)
    layer.bias = None if bias is None else nn.Parameter(bias)
    return layer


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return what a batch norm in evaluation mode multiplies by and what it adds, both (C,)."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # type: ignore[operator, arg-type]
    return scale, norm.bias - norm.running_mean * scale  # type: ignore[operator, return-value]


class Context(nn.Module):
    """Compute GlobalContext up to its ReLU without transposing the map: (N, C, h, w) -> (N, hidden, 1, 1).

    Args:
        block: The trained block.
        before: A 1x1 convolution whose output is the block's input. It is not computed: what is done with it up to the
            layer norm is linear, so that it goes into the weights.
    """

    def __init__(self, block: GlobalContext, before: nn.Conv2d | None = None) -> None:
        super().__init__()
        mask, squeeze, bias = block.mask.weight.flatten(1), block.squeeze.weight.data, block.squeeze.bias.data
        if before is not None:
            assert before.bias is not None
            weight = before.weight.flatten(1)
            mask, squeeze, bias = mask @ weight, squeeze @ weight, bias + squeeze @ before.bias
        self.mask = conv(mask[:, :, None, None])  # without its bias, which the softmax cancels
        self.squeeze = conv(squeeze[:, :, None, None], bias)
        self.norm = block.norm

    def forward(self, x: Tensor) -> Tensor:
        """Return the hidden values (N, hidden, 1, 1) of a map (N, C, h, w)."""
        channels, height, width = size(x)
        attention = self.mask(x).reshape(-1, height * width, 1).softmax(1)
        mean = (x.reshape(-1, channels, height * width) @ attention)[..., None]
        return torch.relu(self.norm(self.squeeze(mean).flatten(1)))[:, :, None, None]


class AddContext(nn.Module):
    """Compute GlobalContext by the Context above."""

    def __init__(self, block: GlobalContext) -> None:
        super().__init__()
        self.context = Context(block)
        self.excite = conv(block.excite.weight[:, :, None, None], block.excite.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map like x (N, C, h, w)."""
        excited: Tensor = self.excite(self.context(x))
        return x + excited


class WideContext(nn.Module):
    """Compute ContextBottleneck so that its wide map, four times the narrow one, is written once and never read again.

    The context's hidden values, the same for all pixels, become further inputs of the 1x1 convolution that widens.
    """

    def __init__(self, block: ContextBottleneck) -> None:
        super().__init__()
        body: Any = block.body  # narrow, 3x3, widen, context
        self.narrow, self.shortcut = body[:2], block.shortcut
        widen, context = fuse_conv_bn_eval(*body[2]), body[3]
        self.context = Context(context, widen)
        excite = context.excite.weight[:, :, None, None]
        self.widen = conv(torch.cat([widen.weight, excite], 1), widen.bias + context.excite.bias)
        # This layer changes no value, but its output has blocked channels: upsampling and concatenation then have, too.
        self.block = conv(torch.eye(excite.shape[1])[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Return a map (N, C, h, w) as the trained block does."""
        narrow = self.narrow(x)
        hidden = self.block(self.context(narrow))
        everywhere = functional.interpolate(hidden, scale_factor=[float(side) for side in size(narrow)[1:]])
        return torch.relu(self.widen(torch.cat([narrow, everywhere], 1)) + self.shortcut(x))


class NamGate(nn.Module):
    """Compute NamChannelAttention with its two scales and its shift in one batch norm."""

    def __init__(self, block: NamChannelAttention) -> None:
        super().__init__()
        scale = block.norm.weight.abs()
        self.norm = block.norm
        for parameter in (self.norm.weight, self.norm.bias):
            parameter.mul_(scale / scale.sum())

    def forward(self, x: Tensor) -> Tensor:
        """Return a map like x (N, C, h, w)."""
        return x * torch.sigmoid(self.norm(x))


class NamPixelGate(nn.Module):
    """Compute NamSpatialAttention with one scale and one shift for each pixel, without transposing the map."""

    scale: Tensor
    shift: Tensor

    def __init__(self, block: NamSpatialAttention) -> None:
        super().__init__()
        width, height = block.size_wh
        shares = block.shares().flatten()
        for name, values in zip(("scale", "shift"), scale_and_shift(block.norm)):
            self.register_buffer(name, (shares * values).view(1, 1, height, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return a map like x (N, C, h, w)."""
        return x * torch.sigmoid(x * self.scale + self.shift)


class CbamGate(nn.Module):
    """Compute Cbam without reductions over channels, the slowest operators of ONNX Runtime.

    Pools give the means and maxima over pixels, which go through the MLP at once; a product gives the mean over
    channels.
    """

    mean: Tensor

    def __init__(self, block: Cbam) -> None:
        super().__init__()
        down, up = (weight.flatten(1) for weight in block.mlp.parameters())
        more = -len(down) % 8  # hidden values, all zero, to whole blocks
        down, up = functional.pad(down, (0, 0, 0, more)), functional.pad(up, (0, more))
        down, up = torch.block_diag(down, down), torch.cat([up, up], 1)
        self.mlp = nn.Sequential(conv(down[:, :, None, None]), nn.ReLU(), conv(up[:, :, None, None]), nn.Sigmoid())
        self.pixels = block.pixels
        self.register_buffer("mean", torch.full((1, len(up)), 1 / len(up)))

    def forward(self, x: Tensor) -> Tensor:
        """Return a map like x (N, C, h, w)."""
        pooled = functional.adaptive_avg_pool2d(x, 1), functional.adaptive_max_pool2d(x, 1)
        x = x * self.mlp(torch.cat(pooled, 1))
        channels, height, width = size(x)
        mean = (self.mean @ x.reshape(-1, channels, height * width)).reshape(-1, 1, height, width)
        return x * torch.sigmoid(self.pixels(torch.cat([mean, channel_max(x)], 1)))


def channel_max(x: Tensor) -> Tensor:
    """Return the maximum over the channels of a map (N, C, h, w) as (N, 1, h, w), by halves while that is faster."""
    channels, height, width = size(x)
    while height * width > MANY_PIXELS and channels % 2 == 0:
        channels //= 2
        x = torch.maximum(*x.split(channels, 1))
    return x.amax(1, keepdim=True)


class Doubled(nn.Module):
    """Compute FusionDeconv as one 2x2 convolution to four times the channels, which are then laid out as pixels.

    A transposed 4x4 convolution of stride 2 computes, from each 2x2 window of its input, 2x2 pixels: with one ring of
    zeros around the input there is one more of them per row and column than wanted, half at either end.
    """

    def __init__(self, block: FusionDeconv) -> None:
        super().__init__()
        norm: Any = block.norm
        scale, shift = scale_and_shift(norm[0])
        weight = torch.cat([block.refined.weight, block.raw.weight]) * scale[:, None, None]  # (inputs, outputs, 4, 4)
        windows = weight.unflatten(3, (2, 2)).unflatten(2, (2, 2)).flip(2, 4)
        # inputs, outputs, then of rows and of columns: in the window, in the 2x2 pixels
        weight = windows.permute(3, 5, 1, 0, 2, 4)
        self.conv = conv(weight.flatten(0, 2).contiguous(), shift.repeat(4), padding=1)

    def forward(self, refined: Tensor, raw: Tensor) -> Tensor:
        """Return a map (N, C, 2 h, 2 w) from two maps of (h, w) px.

        Args:
            refined: Map of the upsampling path, (N, C1, h, w).
            raw: Map of the backbone, (N, C2, h, w).

        Returns:
            The upsampled map.
        """
        pixels = torch.relu(self.conv(torch.cat([refined, raw], 1))).permute(0, 2, 3, 1)
        height, width, channels = int(pixels.shape[1]), int(pixels.shape[2]), int(pixels.shape[3]) // 4
        rows = pixels.reshape(-1, height, width, 2, 2 * channels).transpose(2, 3)
        return rows.reshape(-1, 2 * height, 2 * width, channels)[:, 1:-1, 1:-1].permute(0, 3, 1, 2)


def norm_into_expansion(block: DfcBottleneck) -> DfcBottleneck:
    """Move the batch norm in front of a 1x1 convolution into the weights and bias of that convolution."""
    if isinstance(block.norm, nn.BatchNorm2d):
        scale, shift = scale_and_shift(block.norm)
        expand: Any = block.expand
        weight = expand[0].weight
        expand[0] = conv(weight * scale[:, None, None], weight.flatten(1) @ shift)
        block.norm = nn.Identity()
    return block


REWRITES: Rewrites = {
    NamChannelAttention: NamGate,
    NamSpatialAttention: NamPixelGate,
    DfcBottleneck: norm_into_expansion,
}
FIXED_SIZE_REWRITES: Rewrites = {
    ContextBottleneck: WideContext,
    GlobalContext: AddContext,
    Cbam: CbamGate,
    FusionDeconv: Doubled,
}
