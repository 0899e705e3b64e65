"""Check the values of the builders' options, which come from recipes."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Iterable, Mapping

from pose_estimation_ros.core.errors import ConfigError, did_you_mean


def check_options(build: Callable[..., object], options: Mapping[str, Any]) -> None:
    """Raise ConfigError for an option that a builder does not have, or whose value is of another kind than its default.

    A recipe cannot give what is no plain value, such as the builder of a block.

    Args:
        build: builder (num_joints, **options) of a network.
        options: values by name, as the recipe has them.
    """
    parameters = inspect.signature(build).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items() if name != "num_joints"}
    known = [name for name, default in defaults.items() if not callable(default)]
    has_others = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name, value in options.items():
        if name in known and not is_like(value, defaults[name]):
            raise ConfigError(f"expected {name} like {defaults[name]!r}, got {value!r}")
        if name not in known and (name in parameters or not has_others):
            hint = did_you_mean(name, known)
            raise ConfigError(f"expected an option out of {', '.join(known) or 'none'}, got {name!r}{hint}")


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
