"""Read JSON files, and write files whole or not at all: a reader never sees half a file, a crash leaves the old one."""

import json
import os
from typing import Any, Type

from pose_estimation_ros.core.errors import DataError, PoseError


def read_json(path, error=DataError):
    # type: (Any, Type[PoseError]) -> Any
    """Read the content of a JSON file, the only reader of JSON files in this package.

    Args:
        path: the file, in UTF-8.
        error: class of the exception to raise.

    Raises:
        error: the file cannot be read, is not UTF-8, is not JSON, or is nested too deep.
    """
    try:
        with open(str(path), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError, MemoryError) as problem:
        raise error("%s: expected a JSON file, got: %s" % (path, str(problem) or type(problem).__name__))


def write_whole(path, content):
    # type: (Any, bytes) -> None
    """Writes beside the path first, then takes its place; makes the folder where it is missing."""
    path = os.path.abspath(str(path))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".unfinished", "wb") as file:
        file.write(content)
    os.replace(path + ".unfinished", path)


def write_json(path, data, indent=None):
    # type: (Any, Any, int) -> None
    """The same for data as JSON."""
    write_whole(path, (json.dumps(data, indent=indent) + "\n").encode())
