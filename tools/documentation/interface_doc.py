"""Write the tables of docs/reference/ros-interface.md that are made from code: parameters, diagnostic keys, messages.

Run: .venv/bin/python tools/documentation/interface_doc.py; a test fails where the page differs.
"""

from pathlib import Path

from page_parts import filled, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.nodes.diagnostics import CAMERA_KEYS, NODE_KEYS
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS, WEB_PARAMETERS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "ros-interface.md"


def parameters(options):
    """Return the table of a node's parameters."""
    return table(
        ("parameter", "default", "range", "live", "meaning"),
        [(f"`{p.name}`", f"`{value(p.default)}`", allowed(p), "yes" if p.live else "", p.description) for p in options],
    )


def value(default):
    """Return a default as YAML has it."""
    if isinstance(default, bool):
        return str(default).lower()
    return '""' if default == "" else str(default).replace("'", "")


def allowed(option):
    """Return the choices or the range of an option, "" where it has none."""
    if option.choices:
        return ", ".join(map(str, option.choices))
    return "" if option.low is None else f"{option.low:g} .. {option.high:g}"


def keys(meanings):
    """Return the table of diagnostic keys."""
    return table(("key", "meaning"), [(f"`{key}`", meaning) for key, meaning in meanings.items()])


def messages():
    """Return the definitions of all messages."""
    files = sorted((ROOT / "msg").glob("*.msg"))
    return "\n\n".join(f"### {file.stem}\n\n```text\n{file.read_text().strip()}\n```" for file in files)


def parts():
    """Return the generated parts of the page by their names."""
    return {
        "pose_node parameters": parameters(POSE_PARAMETERS),
        "video_node parameters": parameters(VIDEO_PARAMETERS),
        "web_view parameters": parameters(WEB_PARAMETERS),
        "node keys": keys(NODE_KEYS),
        "camera keys": keys(CAMERA_KEYS),
        "messages": messages(),
    }


if __name__ == "__main__":
    write_whole(PAGE, filled(PAGE, parts()).encode())
