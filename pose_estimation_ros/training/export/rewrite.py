"""The network that is exported: the same function as the trained one, in operators that runtimes run fast.

ONNX Runtime keeps channels in blocks of 16 (AVX-512) or 8 from convolution to convolution. Whatever has no blocked form
(a broadcast product, a transpose, a softmax) costs two passes over the map to leave and enter it, and a shape that is
not known costs the fusion of a sum or a ReLU into the convolution before it. So the modules of ``REWRITES`` are
replaced, and every value's shape is written into the file. What each is worth: docs/cpu.md. Nothing here is
special to the CPU: the operators are those of opset 13 that TensorRT 8.2 has.
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
from pose_estimation_ros.training.models.layers import Cbam, GlobalContext, NamChannelAttention
from pose_estimation_ros.training.models.litepose import FusionDeconv
from pose_estimation_ros.training.models.wlitepose import DfcBottleneck

Rewrites = dict[type, Callable[..., nn.Module]]

MANY_PIXELS = 1000  # from here on halving the channels is faster than reducing them
STRANGE_BATCH = 9973  # a batch size that no other dimension has


@torch.no_grad()
def for_export(model: nn.Module, free_size: bool = False) -> nn.Module:
    """A copy in evaluation mode, with other modules inside that compute the same. It cannot be trained.

    free_size: it takes images of any size, else of the first one's.
    """
    rewrites = REWRITES if free_size else REWRITES | FIXED_SIZE_REWRITES
    return _rewritten(copy.deepcopy(model).eval(), rewrites)


def _rewritten(module: nn.Module, rewrites: Rewrites) -> nn.Module:
    """From the outside to the inside: a rewrite takes its module as it was trained."""
    if type(module) in rewrites:
        module = rewrites[type(module)](module)
    for name, child in module.named_children():
        setattr(module, name, _rewritten(child, rewrites))
    return module


def with_shapes(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with the shapes of all values, the free batch in front by its name.

    Inference loses the name of a dimension at the first resize, and ONNX Runtime then takes equal shapes for different
    ones. So it runs with a number in the name's place.
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
    """Equal weights, which the exporter hands on by Identity, read where they are stored: TensorRT 8.2 wants that."""
    nodes, weights = graph.graph.node, {weight.name for weight in graph.graph.initializer}
    copies = {n.output[0]: n.input[0] for n in nodes if n.op_type == "Identity" and n.input[0] in weights}
    kept = [node for node in nodes if node.output[0] not in copies]
    for node in kept:
        node.input[:] = [copies.get(name, name) for name in node.input]
    del nodes[:]
    nodes.extend(kept)
    return graph


def size(x: Tensor) -> tuple[int, int, int]:
    """Channels, height, width as numbers: constants of the exported graph, in which only the batch is free."""
    return int(x.shape[1]), int(x.shape[2]), int(x.shape[3])


def conv(weight: Tensor, bias: Tensor | None = None, padding: int = 0) -> nn.Conv2d:
    """A convolution of stride 1 with these weights (outputs, inputs, h, w)."""
    outputs, inputs, height, width = weight.shape
    made = nn.Conv2d(inputs, outputs, (height, width), padding=padding, bias=bias is not None)
    made.weight = nn.Parameter(weight)
    made.bias = None if bias is None else nn.Parameter(bias)
    return made


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """(C,), (C,): what the batch norm multiplies by and adds."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # type: ignore[operator, arg-type]
    return scale, norm.bias - norm.running_mean * scale  # type: ignore[operator, return-value]


class Context(nn.Module):
    """GlobalContext up to its ReLU: (N, C, h, w) -> (N, hidden, 1, 1). The map is not transposed, its sizes are fixed.

    Args: block. before: a 1x1 convolution whose output the block's input is. It is not computed: all that is done with
    it up to the layer norm is linear and weighs pixels, so that it goes into the weights.
    """

    def __init__(self, block: GlobalContext, before: nn.Conv2d | None = None) -> None:
        super().__init__()
        mask, squeeze, bias = block.mask.weight.flatten(1), block.squeeze.weight.data, block.squeeze.bias.data
        if before is not None:
            assert before.bias is not None
            weight = before.weight.flatten(1)
            mask, squeeze, bias = mask @ weight, squeeze @ weight, bias + squeeze @ before.bias
        self.mask = conv(mask[:, :, None, None])  # without its bias: the softmax does not see it
        self.squeeze = conv(squeeze[:, :, None, None], bias)
        self.norm = block.norm

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = size(x)
        attention = self.mask(x).reshape(-1, height * width, 1).softmax(1)
        mean = (x.reshape(-1, channels, height * width) @ attention)[..., None]
        return torch.relu(self.norm(self.squeeze(mean).flatten(1)))[:, :, None, None]


class AddContext(nn.Module):
    """GlobalContext with the Context above."""

    def __init__(self, block: GlobalContext) -> None:
        super().__init__()
        self.context = Context(block)
        self.excite = conv(block.excite.weight[:, :, None, None], block.excite.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.excite(self.context(x))


class WideContext(nn.Module):
    """ContextBottleneck whose wide map, four times the narrow one, is written once and never read again.

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
        # A layer of nothing: its output has blocked channels, so that upsampling and concatenation are blocked too.
        self.block = conv(torch.eye(excite.shape[1])[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.narrow(x)
        hidden = self.block(self.context(narrow))
        everywhere = functional.interpolate(hidden, scale_factor=[float(side) for side in size(narrow)[1:]])
        return torch.relu(self.widen(torch.cat([narrow, everywhere], 1)) + self.shortcut(x))


class NamGate(nn.Module):
    """NamChannelAttention, its two scales and its shift in one batch norm."""

    def __init__(self, block: NamChannelAttention) -> None:
        super().__init__()
        scale = block.norm.weight.abs()
        self.norm = block.norm
        for parameter in (self.norm.weight, self.norm.bias):
            parameter.mul_(scale / scale.sum())

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.norm(x))


class CbamGate(nn.Module):
    """Cbam with pools for the means and maxima over pixels, both through the MLP at once, and a product for the mean
    over channels: reductions over the channels of a map are the slowest thing there is in ONNX Runtime."""

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
        pooled = functional.adaptive_avg_pool2d(x, 1), functional.adaptive_max_pool2d(x, 1)
        x = x * self.mlp(torch.cat(pooled, 1))
        channels, height, width = size(x)
        mean = (self.mean @ x.reshape(-1, channels, height * width)).reshape(-1, 1, height, width)
        return x * torch.sigmoid(self.pixels(torch.cat([mean, channel_max(x)], 1)))


def channel_max(x: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, 1, h, w): the larger of both halves of the channels, while that is fast and they halve."""
    channels, height, width = size(x)
    while height * width > MANY_PIXELS and channels % 2 == 0:
        channels //= 2
        x = torch.maximum(*x.split(channels, 1))
    return x.amax(1, keepdim=True)


class Doubled(nn.Module):
    """FusionDeconv as one 2x2 convolution to four times the channels, which are then laid out as pixels.

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
        pixels = torch.relu(self.conv(torch.cat([refined, raw], 1))).permute(0, 2, 3, 1)
        height, width, channels = int(pixels.shape[1]), int(pixels.shape[2]), int(pixels.shape[3]) // 4
        rows = pixels.reshape(-1, height, width, 2, 2 * channels).transpose(2, 3)
        return rows.reshape(-1, 2 * height, 2 * width, channels)[:, 1:-1, 1:-1].permute(0, 3, 1, 2)


def norm_into_expansion(block: DfcBottleneck) -> DfcBottleneck:
    """The batch norm in front of a 1x1 convolution as its weights and bias."""
    if isinstance(block.norm, nn.BatchNorm2d):
        scale, shift = scale_and_shift(block.norm)
        expand: Any = block.expand
        weight = expand[0].weight
        expand[0] = conv(weight * scale[:, None, None], weight.flatten(1) @ shift)
        block.norm = nn.Identity()
    return block


REWRITES: Rewrites = {NamChannelAttention: NamGate, DfcBottleneck: norm_into_expansion}
FIXED_SIZE_REWRITES: Rewrites = {
    ContextBottleneck: WideContext,
    GlobalContext: AddContext,
    Cbam: CbamGate,
    FusionDeconv: Doubled,
}
