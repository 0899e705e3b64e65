"""Check the values of the builders' options, which come from recipes."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from pose_estimation_ros.core.errors import ConfigError, did_you_mean, reason_of, shortened, shown

MOST = 10**6  # of any number among the options, so that none alone fills the memory
# Of a whole network: HRNet-W48, the largest of the papers, has 64 million parameters in 1800 tensors.
MOST_PARAMETERS, MOST_TENSORS = 10**9, 10_000


def check_options(build: Callable[..., object], options: Mapping[str, Any]) -> None:
    """Raise ConfigError for an option that a builder does not have, or whose value is of another kind than its default.

    A recipe cannot give what is no plain value, such as the builder of a block. None may stand only where the builder
    says so, and a number is 0 to MOST.

    Args:
        build: builder (num_joints, **options) of a network.
        options: values by name, as the recipe has them.
    """
    parameters = inspect.signature(build).parameters
    known = [name for name, p in parameters.items() if name != "num_joints" and not callable(p.default)]
    for name, value in options.items():
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise ConfigError(f"expected an option out of {', '.join(known) or 'none'}, got {shown(name)}{hint}")
        if not fits(value, parameters[name]):
            raise ConfigError(f"expected {name} like {parameters[name].default!r}, got {shown(value)}")
        if not all(0 <= item <= MOST for item in numbers_in(value)):
            raise ConfigError(f"expected {name} in 0..{MOST}, got {shown(value)}")


def fits(value: object, parameter: inspect.Parameter) -> bool:
    """Tell whether a value is of a parameter's kind: like its default, or None if the annotation names that.

    Args:
        value: as the recipe has it.
        parameter: of a builder.
    """
    return "None" in str(parameter.annotation) if value is None else is_like(value, parameter.default)


def numbers_in(value: object) -> list[float]:
    """List a number, or the numbers in a list and in its lists."""
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in numbers_in(part)]
    return [value] if isinstance(value, (int, float)) else []


@contextlib.contextmanager
def limited_size() -> Iterator[None]:
    """Raise ConfigError in a builder as soon as its network is too large."""
    size = {"parameters": 0, "tensors": 0}

    def add(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> None:
        size["parameters"] += parameter.numel() if parameter is not None else 0
        size["tensors"] += 1
        if size["parameters"] > MOST_PARAMETERS or size["tensors"] > MOST_TENSORS:
            limit = f"at most {MOST_PARAMETERS:.0e} parameters in {MOST_TENSORS} tensors"
            raise ConfigError(f"expected options of a network of {limit}, got a larger one")

    hook = register_module_parameter_registration_hook(add)
    try:
        yield
    finally:
        hook.remove()


def try_out(build: Callable[[], nn.Module], input_size_wh: Sequence[int]) -> None:
    """Raise ConfigError for a network that is too large, or whose parts do not fit each other or its input.

    Only shapes are computed, without memory or time for values.

    Args:
        build: builder of the network.
        input_size_wh: width and height of its input in px.
    """
    width, height = input_size_wh
    with torch.device("meta"), torch.no_grad():
        with limited_size():
            model = build()
        try:
            model(torch.empty(2, 3, height, width))
        except Exception as error:  # torch raises errors of many kinds, some of them its own
            parts, reason = f"parts that fit the input {width}x{height}", shortened(reason_of(error), 200)
            raise ConfigError(f"expected {parts} and each other, got {reason}") from error


def is_like(value: object, default: object) -> bool:
    """Tell whether a value can take the place of a default, of which None may be replaced by anything.

    Args:
        value: as the recipe has it.
        default: a plain value.
    """
    if isinstance(default, (list, tuple)):
        return isinstance(value, (list, tuple)) and all(is_like(item, first) for first in default[:1] for item in value)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return default is None or type(value) is type(default)


def require_one_of(name: str, value: object, known: Iterable[object]) -> None:
    """Raise ConfigError for a value that is not among the known ones.

    Args:
        name: of the option, for the message.
        value: as the recipe has it.
        known: all that it may be.
    """
    known = list(known)
    if value not in known:
        raise ConfigError(f"expected {name} out of {', '.join(map(str, known))}, got {value!r}")


def require_subset(name: str, values: Iterable[object], known: Iterable[object]) -> None:
    """Raise ConfigError for values of which one is not among the known ones.

    Args:
        name: of the option, for the message.
        values: as the recipe has them.
        known: all that they may be.
    """
    known = list(known)
    if not isinstance(values, (list, tuple)) or not all(value in known for value in values):
        raise ConfigError(f"expected {name} out of {', '.join(map(str, known))}, got {values!r}")


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Raise ConfigError for a value that is no whole number or too small.

    Args:
        name: of the option, for the message.
        value: as the recipe has it.
        least: the smallest that it may be.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"expected {name} as a whole number of at least {least}, got {value!r}")


def require_wholes(name: str, values: Sequence[int], count: int, least: int = 1) -> None:
    """Raise ConfigError for a list of another length, or with a value that is no whole number or too small.

    Args:
        name: of the option, for the message.
        values: as the recipe has them.
        count: how many there must be.
        least: the smallest that one may be.
    """
    if len(values) != count:
        raise ConfigError(f"expected {name} as {count} numbers, got {list(values)}")
    for value in values:
        require_whole(name, value, least)
