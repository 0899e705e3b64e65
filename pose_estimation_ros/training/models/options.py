"""Check the values of the builders' options, which come from recipes."""

from __future__ import annotations

from typing import Iterable

from pose_estimation_ros.core.errors import ConfigError


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
    if isinstance(values, str) or not all(value in known for value in values):
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
