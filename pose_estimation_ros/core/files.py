"""Writing files whole or not at all: whoever reads them never sees half a file, and a crash leaves the old one."""

import json
import os
from typing import Any


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
