"""Writes the tables of docs/ros-interface.md that are the code's own: parameters, diagnostic keys, messages.

Run: .venv/bin/python tools/interface_doc.py; a test fails where the page differs.
"""

from pathlib import Path

from page_parts import filled, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.nodes.diagnostics import CAMERA_KEYS, NODE_KEYS
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ros-interface.md"


def parameters(rows):
    return table(
        ("parameter", "default", "range", "live", "meaning"),
        [(f"`{p.name}`", f"`{value(p.default)}`", allowed(p), "yes" if p.live else "", p.description) for p in rows],
    )


def value(default):
    """As in YAML."""
    if isinstance(default, bool):
        return str(default).lower()
    return '""' if default == "" else str(default).replace("'", "")


def allowed(parameter):
    if parameter.choices:
        return ", ".join(map(str, parameter.choices))
    return "" if parameter.low is None else f"{parameter.low:g} .. {parameter.high:g}"


def keys(meanings):
    return table(("key", "meaning"), [(f"`{key}`", meaning) for key, meaning in meanings.items()])


def messages():
    files = sorted((ROOT / "msg").glob("*.msg"))
    return "\n\n".join(f"### {file.stem}\n\n```\n{file.read_text().strip()}\n```" for file in files)


def parts():
    return {
        "pose_node parameters": parameters(POSE_PARAMETERS),
        "video_node parameters": parameters(VIDEO_PARAMETERS),
        "node keys": keys(NODE_KEYS),
        "camera keys": keys(CAMERA_KEYS),
        "messages": messages(),
    }


if __name__ == "__main__":
    write_whole(PAGE, filled(PAGE, parts()).encode())
