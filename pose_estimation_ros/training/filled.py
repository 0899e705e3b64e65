"""Make dataclasses of plain YAML values, checked by the types of their fields: recipes and ablation tables."""

from __future__ import annotations

import dataclasses
import math
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pose_estimation_ros.core.errors import ConfigError, did_you_mean, shown

Filled = TypeVar("Filled")


def fill(kind: type[Filled], values: Any, where: str) -> Filled:
    """Make a dataclass whose fields have defaults from a dict of those that differ.

    Args:
        kind: the dataclass.
        values: its fields as YAML has them.
        where: place in the file, for messages.

    Raises:
        ConfigError: a key is unknown, a value has another type, or a number is not finite.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected keys and values, got {shown(values)}")
    types = get_type_hints(kind)
    filled = kind()
    for key, value in values.items():
        if key not in types:
            raise ConfigError(f"{where}: unknown key {shown(key)}{did_you_mean(str(key), types)}")
        setattr(filled, key, _converted(types[key], value, f"{where}: {key}"))
    return filled


def _converted(wanted: Any, value: Any, where: str) -> Any:
    """Return a YAML value as the type of its field; of several types, the first where none is the value's own."""
    if dataclasses.is_dataclass(wanted):
        return fill(wanted, value, where)  # type: ignore[arg-type]
    if wanted is float:
        return _number(value, where)
    if isinstance(wanted, UnionType):
        choices = get_args(wanted)
        return _converted(next((t for t in choices if (get_origin(t) or t) is type(value)), choices[0]), value, where)
    plain = get_origin(wanted) or wanted
    if plain is not Any and type(value) is not plain:
        raise ConfigError(f"{where}: expected {plain.__name__}, got {shown(value)}")
    if plain is str and any(ord(character) < ord(" ") for character in value):
        raise ConfigError(f"{where}: expected a text in one line, got {shown(value)}")
    if plain is dict and not _is_plain(value):
        raise ConfigError(f"{where}: expected texts, numbers, lists and mappings, got {shown(value)}")
    if plain is list:
        return [_converted(get_args(wanted)[0], item, f"{where}[{number}]") for number, item in enumerate(value)]
    if plain is dict:
        return {name: _converted(get_args(wanted)[1], item, f"{where}: {name}") for name, item in value.items()}
    return value


def _number(value: Any, where: str) -> float:
    """Return a finite number, also of 1e-3, which YAML 1.1 takes for a text because it has no point."""
    try:
        if not isinstance(value, bool) and math.isfinite(float(value)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ConfigError(f"{where}: expected float, got {shown(value)}")


def _is_plain(value: object) -> bool:
    """Tell whether JSON has a value; of YAML's it lacks dates, sets and bytes."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return all(map(_is_plain, value)) if isinstance(value, list) else isinstance(value, (str, int, float, type(None)))
