"""Read the weights of a network back from an ONNX file that `pose export` wrote, so that training can go on from it.

In the file each batch norm is part of the convolution before it, and some modules are rewritten (export/rewrite.py).
Both are undone here. The statistics that a batch norm needs in training are not in the file: they are measured on
training images, and scale and shift are chosen so that the network computes what the file computes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.training.export.onnx_graph import CONVOLUTIONS, last_convolutions, read_float32
from pose_estimation_ros.training.export.rewrite import AddContext, Context, WideContext, for_export, scale_and_shift
from pose_estimation_ros.training.models.elpn import ContextBottleneck
from pose_estimation_ros.training.models.layers import GlobalContext
from pose_estimation_ros.training.tasks import serving_model

Weights = dict[str, Tensor]  # name in the exported network -> value
CONVOLUTION_TYPES = (nn.Conv2d, nn.ConvTranspose2d)


def load_exported(model: nn.Module, path: str | Path, images: Tensor) -> list[str]:
    """Give a network the weights of its exported file.

    The head stays as it is where the network has another number of keypoints than the file.

    Args:
        model: the network that was exported; it is changed, and in training mode afterwards.
        path: the ONNX file, in float32.
        images: (N, 3, H, W) float32 RGB 0..255, such as training sees, on which the statistics are measured.

    Returns:
        The names, in the network as it was exported, of the weights of a head that stayed as it was.

    Raises:
        ModelError: the file is not of this network, or export rewrote the network in a way that is not undone.
    """
    network = serving_model(model)
    exported = for_export(network)
    try:
        graph = read_float32(path)
        left = fill_exported(exported, read_weights(graph, exported), heads_of(graph, exported))
        restore(network, exported)
    except ModelError as error:
        raise ModelError(f"{path} does not fit the network: {error}") from error
    measure_statistics(model, images)
    return left


def places_in(exported: nn.Module) -> list[str]:
    """List the names of the convolutions of a network."""
    return [name for name, module in exported.named_modules() if isinstance(module, CONVOLUTION_TYPES)]


def heads_of(graph: onnx.ModelProto, exported: nn.Module) -> set[str]:
    """Return the names in the network of the convolutions that make the outputs of a file."""
    return {place_of(node, places_in(exported)) for node in last_convolutions(graph.graph)}


def read_weights(graph: onnx.ModelProto, exported: nn.Module) -> Weights:
    """Return weight and bias of each convolution by its place in the network, and all other values that kept a name.

    Args:
        graph: as torch exports it: nodes have the names of the modules that they come from.
        exported: result of for_export, the network as it was exported.

    Raises:
        ModelError: a convolution of the file is at no place of the network, or at one of several.
    """
    values = {x.name: torch.from_numpy(numpy_helper.to_array(x).copy()) for x in graph.graph.initializer}
    weights = {name.partition(".")[2]: value for name, value in values.items() if "." in name}
    places = places_in(exported)
    for node in graph.graph.node:
        if node.op_type in CONVOLUTIONS:
            place = place_of(node.name, places)
            for part, name in zip(("weight", "bias"), node.input[1:]):
                weights[f"{place}.{part}"] = values[name]
    return weights


def place_of(node: str, places: Sequence[str]) -> str:
    """Return the name in the network of the module that a node comes from.

    Args:
        node: such as "/model/parts.0/parts.0.1/Conv": each module in a list has the name of the list in front, and one
            that was not called itself, but a method of it, is left out.
        places: names of the modules that it can come from.

    Raises:
        ModelError: none of them fits, or several do.
    """
    name, before = "", ""
    for part in node.strip("/").split("/")[1:-1]:
        name += "." + (part[len(before) + 1 :] if part.startswith(f"{before}.") else part)
        before = part
    name = name[1:]
    fitting = [place for place in places if is_part(name, place)]
    nearest = min((place.count(".") for place in fitting), default=0)
    found = [place for place in fitting if place.count(".") == nearest]
    if len(found) != 1:
        raise ModelError(f"expected one convolution of the network for {node}, got {len(found)}")
    return found[0]


def is_part(name: str, place: str) -> bool:
    """Tell whether a name becomes a module's full name when modules are put in between."""
    rest = iter(place.split("."))
    return all(part in rest for part in name.split("."))


def fill_exported(exported: nn.Module, weights: Mapping[str, Tensor], heads: Container[str] = ()) -> list[str]:
    """Put a file's weights into the network as it was exported, whose batch norms then only add.

    Args:
        exported: result of for_export; it is changed.
        weights: of the file.
        heads: names of the convolutions that may have another number of outputs than in the file, and then stay.

    Returns:
        The names of the weights that stayed.

    Raises:
        ModelError: a weight is missing or has another shape.
    """
    folded = {conv: norm for conv, norm in convolutions_and_norms(exported) if f"{conv}.bias" in weights}
    of_norms = {id(tensor) for norm in folded.values() for tensor in tensors_of(norm)}
    left = []
    for name, tensor in exported.state_dict(keep_vars=True).items():
        if name.rpartition(".")[0] in heads and name in weights and weights[name].shape != tensor.shape:
            left.append(name)
        elif id(tensor) not in of_norms and not name.endswith("num_batches_tracked"):
            fill(tensor, weights, name)
    for conv, norm in folded.items():
        begin_as_identity(norm)
        fill(norm.bias, weights, f"{conv}.bias")
    return left


def convolutions_and_norms(network: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    """Yield the name of each convolution with a batch norm behind it, and that batch norm."""
    for name, module in network.named_modules():
        children = list(module.named_children()) if isinstance(module, nn.Sequential) else []
        for (first, conv), (_, norm) in zip(children, children[1:]):
            if isinstance(conv, CONVOLUTION_TYPES) and isinstance(norm, nn.BatchNorm2d):
                yield f"{name}.{first}", norm


@torch.no_grad()
def begin_as_identity(norm: nn.BatchNorm2d) -> None:
    """Let a batch norm in evaluation mode change nothing."""
    norm.reset_parameters()
    norm.weight.fill_((1 + norm.eps) ** 0.5)


@torch.no_grad()
def fill(parameter: Tensor, weights: Mapping[str, Tensor], name: str) -> None:
    """Copy a weight of the file.

    Args:
        parameter: gets the values.
        weights: of the file.
        name: name of the weight.

    Raises:
        ModelError: it is missing or has another shape.
    """
    if name not in weights:
        raise ModelError(f"expected the weight {name}, got none")
    if weights[name].shape != parameter.shape:
        raise ModelError(f"{name}: expected the shape {tuple(parameter.shape)}, got {tuple(weights[name].shape)}")
    parameter.copy_(weights[name])


@torch.no_grad()
def restore(network: nn.Module, exported: nn.Module) -> None:
    """Copy all weights from a network as it was exported to the network itself.

    Args:
        network: gets the weights.
        exported: has them; where it is rewritten, that is undone.

    Raises:
        ModelError: there is no way back for a module.
    """
    if type(network) in RESTORED:
        RESTORED[type(network)](network, exported)
        return
    if type(network) is not type(exported):
        raise ModelError(f"export rewrites {type(network).__name__} for good; only a checkpoint can be trained")
    for own, value in zip(tensors_of(network), tensors_of(exported), strict=True):
        own.copy_(value)
    for name, child in network.named_children():
        restore(child, exported.get_submodule(name))


def tensors_of(module: nn.Module) -> list[Tensor]:
    """List the parameters and buffers of a module itself, without its children's."""
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def restore_context(block: GlobalContext, context: Context, excite: Tensor) -> None:
    """Restore a context block whose map was computed as it is.

    Args:
        block: gets the weights.
        context: has those up to the ReLU.
        excite: weight of the last convolution, (width, hidden, 1, 1).
    """
    block.mask.weight.copy_(context.mask.weight)
    nn.init.zeros_(block.mask.bias)  # type: ignore[arg-type]  # the softmax cancels it
    block.squeeze.weight.copy_(context.squeeze.weight.flatten(1))
    block.squeeze.bias.copy_(context.squeeze.bias)  # type: ignore[arg-type]
    restore(block.norm, context.norm)
    block.excite.weight.copy_(excite.flatten(1))


def restore_added(block: GlobalContext, exported: AddContext) -> None:
    """Restore a context block."""
    restore_context(block, exported.context, exported.excite.weight)
    block.excite.bias.copy_(exported.excite.bias)  # type: ignore[arg-type]


def restore_wide(block: ContextBottleneck, exported: WideContext) -> None:
    """Restore a bottleneck whose context was computed before the convolution that widens.

    That convolution has more outputs than inputs, so what was multiplied by its weights is solved for exactly.
    """
    body: Any = block.body
    for own, child in zip([*body[:2], block.shortcut], [*exported.narrow, exported.shortcut], strict=True):
        restore(own, child)
    widen, norm = body[2]
    wide, excite = exported.widen.weight.split([widen.in_channels, body[3].excite.in_features], 1)
    widen.weight.copy_(wide)
    begin_as_identity(norm)
    norm.bias.copy_(exported.widen.bias)
    inverse = torch.linalg.pinv(wide.flatten(1).double())
    context = exported.context
    for layer in (context.mask, context.squeeze):
        layer.weight = nn.Parameter((layer.weight.flatten(1).double() @ inverse).float()[:, :, None, None])
    context.squeeze.bias -= context.squeeze.weight.flatten(1) @ norm.bias
    restore_context(body[3], context, excite)
    nn.init.zeros_(body[3].excite.bias)


RESTORED: dict[type, Callable[..., None]] = {ContextBottleneck: restore_wide, GlobalContext: restore_added}


@torch.no_grad()
def measure_statistics(model: nn.Module, images: Tensor) -> None:
    """Give the batch norms, which only add, the statistics of their inputs; the network computes the same as before.

    Args:
        model: the network; it is in training mode afterwards.
        images: (N, 3, H, W) float32 RGB 0..255.
    """
    hooks = [m.register_forward_pre_hook(_measure) for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    try:
        model.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
    model.train()


def _measure(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
    """Set the statistics of a batch norm by its input, and scale and shift so that its output stays the same."""
    scale, shift = scale_and_shift(norm)
    variance, mean = torch.var_mean(inputs[0], (0, 2, 3), unbiased=False)
    norm.running_mean, norm.running_var = mean, variance
    norm.weight.copy_(scale * torch.sqrt(variance + norm.eps))
    norm.bias.copy_(shift + mean * scale)
