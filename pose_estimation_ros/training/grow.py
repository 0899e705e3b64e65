"""Let a larger network begin with the function of a trained smaller one of its kind.

It is the method of "Net2Net: Accelerating Learning via Knowledge Transfer" (Chen, Goodfellow and Shlens, ICLR 2016,
arXiv:1511.05641). Larger kernels hold the smaller ones in their middle. In a wider HRNet, channels are copies of the
smaller one's; each weight that reads them is divided among the copies, in parts drawn at random, so that the copies
learn to differ. Additional exchange units begin as the identity. In evaluation mode both networks then compute the
same. In a HigherHRNet the top-down network begins so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.training.models.hrnet import ExchangeUnit
from pose_estimation_ros.training.models.layers import BasicBlock, NamAttention

UNIT = re.compile(r"stages\.(\d+)\.(\d+)\.")


def grow(model: nn.Module, small: Mapping[str, Tensor], seed: int = 1) -> None:
    """Give a model the function of a smaller network of the same kind.

    Args:
        model: the larger network. Its widths must be multiples of the smaller one's, its kernels larger by an even
            number, and no stage may have fewer exchange units.
        small: state dict of the smaller network.
        seed: seed of the parts in which weights are divided.

    Raises:
        ModelError: the networks do not fit.
    """
    generator = torch.Generator().manual_seed(seed)
    model = getattr(model, "top_down", model)
    state = model.state_dict()
    units, small_units = count_units(state), count_units(small)
    if units.keys() != small_units.keys() or any(units[stage] < small_units[stage] for stage in units):
        raise ModelError(f"expected at least the smaller network's exchange units {small_units}, got {units}")
    for name, value in state.items():
        source = counterpart(name, units, small_units)
        if source is None:
            continue  # belongs to a new unit and keeps its random weights
        if source not in small:
            raise ModelError(f"expected a smaller network of the same kind, got one without {source}")
        value.copy_(widen(small[source], value.shape, generator, name))
    begin_as_identity(model, {stage: range(small_units[stage] - 1, units[stage] - 1) for stage in units})


def count_units(state: Mapping[str, Tensor]) -> dict[int, int]:
    """Count the exchange units of each stage in a state dict."""
    places = [(int(match[1]), int(match[2])) for match in map(UNIT.match, state) if match]
    return {stage: 1 + max(unit for s, unit in places if s == stage) for stage, _ in places}


def counterpart(name: str, units: dict[int, int], small_units: dict[int, int]) -> str | None:
    """Return the smaller network's name for an entry of the state dict, None for one in a new unit.

    A stage's last unit is the counterpart of the smaller network's last one.

    Args:
        name: name of the larger network's entry.
        units: stage -> number of exchange units in the larger network.
        small_units: the same for the smaller network.
    """
    match = UNIT.match(name)
    if not match:
        return name
    stage, unit = int(match[1]), int(match[2])
    if unit == units[stage] - 1:
        unit = small_units[stage] - 1
    elif unit >= small_units[stage] - 1:
        return None
    return f"stages.{stage}.{unit}.{name[match.end() :]}"


def widen(small: Tensor, shape: torch.Size, generator: torch.Generator, name: str) -> Tensor:
    """Enlarge a weight of a convolution, a linear layer or a norm.

    Args:
        small: the smaller network's weight: outputs, inputs, kernel height and width.
        shape: shape of the result. Outputs are copied, inputs divided among copies, kernels surrounded by zeros.
        generator: draws the parts in which inputs are divided.
        name: name of the weight, for messages.

    Raises:
        ModelError: the shapes do not fit.
    """
    before = tuple(small.shape)
    margins = [(new - old) / 2 for new, old in zip(shape[2:], before[2:])]
    fits = small.dim() == len(shape) and all(margin >= 0 and margin.is_integer() for margin in margins)
    if not fits or any(new % old for new, old in zip(shape[:2], before)):
        raise ModelError(f"{name}: expected a multiple of the smaller network's {before}, got {tuple(shape)}")
    if not shape:
        return small
    small = nn.functional.pad(small, [int(margin) for margin in reversed(margins) for _side in range(2)])
    outputs = small.repeat(shape[0] // small.shape[0], *[1] * (len(shape) - 1))
    copies = shape[1] // small.shape[1] if len(shape) > 1 else 1
    if copies == 1:
        return outputs
    parts = torch.rand(copies, *outputs.shape, generator=generator) + 0.25
    return torch.cat(list(outputs * parts / parts.sum(0)), 1)


def begin_as_identity(model: nn.Module, new: Mapping[int, range]) -> None:
    """Set the last batch norm of every path in the new units to 0, so that they are the identity.

    What goes into these units is positive, so their ReLUs keep it.

    Args:
        model: the larger network.
        new: stage -> indices of its new exchange units.
    """
    units = [model.get_submodule(f"stages.{stage}.{unit}") for stage, indices in new.items() for unit in indices]
    modules = [module for unit in units for module in unit.modules()]
    added = [module.body for module in modules if isinstance(module, BasicBlock)]
    added += [path for unit in units if isinstance(unit, ExchangeUnit) for row in unit.fuse for path in row]  # type: ignore
    for path in added:
        gates = [module.norm for module in path.modules() if isinstance(module, NamAttention)]  # of 0 they make 0
        norms = [module for module in path.modules() if isinstance(module, nn.BatchNorm2d) and module not in gates]
        for norm in norms[-1:]:  # where source and target are one branch, there is none
            norm.weight.data.zero_()
