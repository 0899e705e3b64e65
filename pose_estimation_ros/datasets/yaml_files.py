"""Read YAML files; no other file of this package does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from pose_estimation_ros.core.errors import ConfigError, PoseError, reason_of

NESTED_DEEP = re.compile(r"(?:[\[{]\s*){100}")  # PyYAML takes seconds for these before it gives up


def read_yaml(path: str | Path, error: type[PoseError] = ConfigError) -> Any:
    """Read the content of a YAML file.

    Args:
        path: the file, in UTF-8.
        error: class of the exception to raise.

    Raises:
        error: the file cannot be read, is not UTF-8, is not YAML, or is nested too deep.
    """
    try:
        return parse_yaml(Path(path).read_text(encoding="utf-8"), str(path), error)
    except (OSError, ValueError) as problem:  # ValueError: not UTF-8, or a path with a zero byte
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{path}: expected a YAML file in UTF-8, got: {reason}") from problem


def parse_yaml(text: str, where: str, error: type[PoseError] = ConfigError) -> Any:
    """Parse YAML.

    Args:
        text: the YAML.
        where: name of its origin, for messages.
        error: class of the exception to raise.

    Raises:
        error: the text is not YAML, or is nested too deep.
    """
    if NESTED_DEEP.search(text):
        raise error(f"{where}: expected YAML, got: lists or mappings nested too deep")
    try:
        return yaml.safe_load(text)
    except Exception as problem:  # PyYAML lets through what its constructors raise, such as IndexError for "!!int"
        raise error(f"{where}: expected YAML, got: {reason_of(problem)}") from problem
