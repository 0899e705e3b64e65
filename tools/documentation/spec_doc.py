"""Write the tables and examples of docs/reference/model-spec.md from core/model_spec.py and the shipped models.

Run: PYTHONPATH=. .venv/bin/python tools/documentation/spec_doc.py; a test fails where the page differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from page_parts import described, filled, prose, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.model_spec import (
    DECODER_OPTIONS,
    DECODERS,
    FIT_OPTIONS,
    LARGEST_SIDE,
    LARGEST_STRIDE,
    OBJECTS,
    OPTIONAL,
    OUTPUTS,
    PADDING,
    TASKS,
    ModelSpec,
    Options,
)
from pose_estimation_ros.core.skeleton import MAX_KEYPOINTS, SKELETONS, Skeleton

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "model-spec.md"
TYPES = {"input_size_wh": "list of two whole numbers", "stride": "whole number", "padding": "number"}
TYPES.update(skeleton="text or object", **dict.fromkeys(OBJECTS + OPTIONAL, "object"))
VALUES = {
    "name": "1 to 100 letters, digits, `_`, `-` and `.`, without `.` in front",
    "task": ", ".join(f"`{task}`" for task in TASKS),
    "input_size_wh": f"1 .. {LARGEST_SIDE} each",
    "color_order": "`rgb`",
    "skeleton": "a name: " + ", ".join(f"`{name}`" for name in sorted(SKELETONS)) + '; an [object](#skeleton); `""` for'
    " a detector",
    "stride": f"1 .. {LARGEST_STRIDE}",
    "decoder": "[by the task](#decoders)",
    "padding": f"{PADDING[0]:g} .. {PADDING[1]:g}",
    "sha256": "64 digits, 0 to 9 and a to f",
    "accuracy": "[below](#accuracy-and-training)",
    "training": "[below](#accuracy-and-training)",
    "decoder_options": "[by the decoder](#options-of-decoders)",
    "fit": "[by the task](#fit)",
    "calibration": "[below](#calibration)",
}
SKELETON_VALUES = {
    "name": "a text",
    "keypoints": f"1 to {MAX_KEYPOINTS} different names",
    "links": "pairs of indices from 0",
    "flip_pairs": "pairs of indices from 0; missing: as the names tell",
    "sigmas": "a number for each keypoint, or null; missing: null",
}
EXAMPLES = {"top_down": "lite0_fpn_coco", "bottom_up": "higher_lite0_fpn_coco", "person_detector": "person_detector"}


def fields() -> str:
    """Return the table of the fields of a spec."""
    meanings = described(ModelSpec)
    rows = [
        (f"`{name}`", TYPES.get(name, "text"), "" if name in OPTIONAL else "yes", VALUES[name], prose(meanings[name]))
        for name in ModelSpec._fields
    ]
    return table(("field", "type", "required", "values", "meaning"), rows)


def skeleton() -> str:
    """Return the table of the fields of a skeleton that is an object."""
    meanings = described(Skeleton)
    required = ("name", "keypoints", "links")
    rows = [
        (
            f"`{name}`",
            "yes" if name in required else "",
            SKELETON_VALUES[name],
            prose(meanings[name].replace("None", "null")),
        )
        for name in Skeleton._fields
    ]
    return table(("field", "required", "values", "meaning"), rows)


def decoders() -> str:
    """Return the table of the decoders."""
    rows = [(f"`{name}`", f"`{task}`", OUTPUTS[name]) for task, names in DECODERS.items() for name in names]
    return table(("decoder", "task", "outputs of the network"), rows)


def option_rows(owner: str, options: Options) -> Iterator[tuple[str, ...]]:
    """Yield the rows of options.

    Args:
        owner: cell that says what they are options of.
        options: the options by name.
    """
    for name, option in options.items():
        expected = re.sub(r"(\d)\.0\b", r"\1", option.rule.expected).replace("None", "null")
        yield owner, f"`{name}`", f"`{json.dumps(option.default)}`", expected, prose(option.meaning)


def decoder_options() -> str:
    """Return the table of the options of the decoders."""
    rows = [row for name, options in DECODER_OPTIONS.items() for row in option_rows(f"`{name}`", options)]
    return table(("decoder", "option", "default", "values", "meaning"), rows)


def fits() -> str:
    """Return the table of the options of the crop or of the frame."""
    tasks: dict[int, list[str]] = {}
    for task, options in FIT_OPTIONS.items():
        tasks.setdefault(id(options), []).append(task)
    rows = [
        row
        for names in tasks.values()
        for row in option_rows(", ".join(f"`{name}`" for name in names), FIT_OPTIONS[names[0]])
    ]
    return table(("task", "option", "default", "values", "meaning"), rows)


def example(task: str) -> str:
    """Return the spec of a shipped model, without its figures."""
    content = json.loads((ROOT / "models" / f"{EXAMPLES[task]}.json").read_text())
    return f"```json\n{shortened(content)}\n```"


def shortened(content: dict[str, Any]) -> str:
    """Return a spec as JSON with a field in each line, without figures and with the smallest of the maps of parts."""
    content["accuracy"] = {name: value for name, value in content["accuracy"].items() if not isinstance(value, dict)}
    maps = content.get("calibration", {})
    if "parts" in maps:
        part = min(maps["parts"], key=lambda name: len(maps["parts"][name]["score"]))
        maps["parts"] = {part: maps["parts"][part]}
    return "{\n" + ",\n".join(f' "{name}": {json.dumps(value)}' for name, value in content.items()) + "\n}"


def parts() -> dict[str, str]:
    """Return the generated parts of the page by their names."""
    return {
        "fields": fields(),
        "skeleton": skeleton(),
        "decoders": decoders(),
        "decoder options": decoder_options(),
        "fit": fits(),
        **{f"example {task}": example(task) for task in EXAMPLES},
    }


if __name__ == "__main__":
    write_whole(PAGE, filled(PAGE, parts()).encode())
