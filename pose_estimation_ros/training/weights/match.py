"""Find the tensors of a network in a published file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.training.weights.layouts import Layout, published_name

# Batch norms of old programs do not count their batches; nothing here reads the count.
OPTIONAL = "num_batches_tracked"


class Match(NamedTuple):
    """Hold what a file gives to a network.

    Attributes:
        weights: state dict of the network, with its own tensors where the file has none.
        found: names, in the network, of the tensors that the file gave.
        random: names, in the network, of those of the head that keep their random values.
        left_out: names, in the file, of the tensors that the network has no place for.
    """

    weights: dict[str, Tensor]
    found: list[str]
    random: list[str]
    left_out: list[str]


def match(own: Mapping[str, Tensor], published: Mapping[str, Tensor], layout: Layout) -> Match:
    """Put a file's tensors into the places of a network.

    The head stays as it is where the file has none, as ImageNet's; so do its tensors for another number of joints.

    Args:
        own: state dict of the network.
        published: tensors of the file by name.
        layout: of the file.

    Returns:
        The weights, and what was left on both sides.

    Raises:
        ModelError: a tensor is missing or left over, or has another shape or values that are no finite numbers.
    """
    _refuse_special(published)
    names = {name: published_name(name, layout.rules) for name in own}
    random = _unfit_head(own, published, {name: names[name] for name in own if re.match(layout.head, name)})
    wanted = {name: names[name] for name in own if name not in random}
    found = [name for name, of_file in wanted.items() if of_file in published]
    missing = [of_file for of_file in wanted.values() if of_file not in published and not of_file.endswith(OPTIONAL)]
    if missing:
        raise ModelError(f"expected {len(wanted)} tensors, got a file without {_some(missing)}")
    left_out = [of_file for of_file in published if of_file not in set(wanted.values())]
    useless = {names[name] for name in random}
    unknown = [of_file for of_file in left_out if of_file not in useless and not re.match(layout.left_out, of_file)]
    if unknown:
        raise ModelError(f"expected only tensors that the network has, got also {_some(unknown)}")
    taken = {name: _taken(published[names[name]], own[name], names[name]) for name in found}
    return Match({**own, **taken}, found, random, left_out)


def _unfit_head(own: Mapping[str, Tensor], published: Mapping[str, Tensor], head: Mapping[str, str]) -> list[str]:
    """Return the head's names that the file has in another shape, or all of them if it has none.

    Args:
        own: state dict of the network.
        published: tensors of the file by name.
        head: name in the network -> name in the file.
    """
    present = [name for name in head if head[name] in published]
    return [name for name in present if published[head[name]].shape != own[name].shape] if present else list(head)


def _refuse_special(published: Mapping[str, Tensor]) -> None:
    """Raise ModelError for a tensor that is more, or less, than an array of real numbers.

    Args:
        published: tensors of the file by name.
    """
    for name, value in published.items():
        is_array = value.layout == torch.strided and value.device.type == "cpu" and not value.is_nested
        if not is_array or value.is_quantized or value.is_complex():
            got = f"{value.dtype}, {value.layout}, {value.device}"
            raise ModelError(f"{name}: expected plain numbers, got {got}")


def _some(names: list[str]) -> str:
    """Name the first of some tensors, and say how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _taken(value: Tensor, own: Tensor, name: str) -> Tensor:
    """Return a tensor of the file in the network's type."""
    if value.is_floating_point() != own.is_floating_point():
        raise ModelError(f"{name}: expected numbers as {own.dtype}, got {value.dtype}")
    if value.shape != own.shape:
        raise ModelError(f"{name}: expected the shape {tuple(own.shape)}, got {tuple(value.shape)}")
    taken = value.to(own.dtype).contiguous()
    if not torch.isfinite(taken).all():  # behind the conversion, in which a large number becomes infinite
        raise ModelError(f"{name}: expected finite values of {own.dtype}, got some that are not")
    return taken
