"""Read what exporting programs write about a detector: Ultralytics into the file, MMDeploy beside it."""

import os
from typing import Any, Dict, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.atomic_files import is_number
from pose_estimation_ros.core.errors import ModelError, shown
from pose_estimation_ros.importing.network.foreign_file import Foreign
from pose_estimation_ros.importing.pose.metadata import (
    PIPELINE,
    class_names,
    input_size,
    literal,
    normalisation,
    pipeline_of,
    suppresses,
)


class Told(NamedTuple):
    """Hold what a program wrote about a detector.

    Attributes:
        program: its name.
        classes: names of the classes, empty where they are not told.
        gives_rows: whether the network gives rows of boxes that need no suppression.
        size_wh: size of the input, px, None where it is not told.
        family: conventions, as the arguments of detect.Family; empty where they are not told.
    """

    program: str
    classes: Tuple[str, ...]
    gives_rows: bool
    size_wh: Optional[Tuple[int, int]]
    family: Dict[str, Any]


def read_ultralytics(foreign: Foreign) -> Optional[Told]:
    """Read what Ultralytics wrote into a file.

    Args:
        foreign: the file.

    Returns:
        What it says, None where the file has no such texts.

    Raises:
        ModelError: it is no detector, or a text is damaged.
    """
    texts = foreign.metadata
    if "task" not in texts or not {"names", "stride"}.intersection(texts):
        return None
    if texts["task"] != "detect":
        hint = ": leave --detector out" if texts["task"] == "pose" else ""
        raise ModelError("%s: expected a detector, got a model for %s%s" % (foreign.path, shown(texts["task"]), hint))
    values = {name: literal(text) for name, text in texts.items()}
    names = class_names(foreign.path, values.get("names"))
    return Told("Ultralytics", names, suppresses(values), input_size(values.get("imgsz")), {})


def read_pipeline(foreign: Foreign) -> Optional[Told]:
    """Read the conventions in MMDeploy's pipeline.json beside a file.

    Args:
        foreign: the file.

    Returns:
        What it says, None where there is no such file, or it is not for a detector.

    Raises:
        ModelError: the file is damaged.
    """
    path = os.path.join(os.path.dirname(foreign.path), PIPELINE)
    last, transforms = pipeline_of(path, "mmdet")
    steps = {str(step.get("type")): step for step in reversed(transforms)}  # the first of each type
    if last is None or "Normalize" not in steps:
        return None
    mean, std, color = normalisation(path, steps["Normalize"])
    params = last.get("params")
    threshold = params.get("score_thr") if isinstance(params, dict) else None
    family = {
        "color": color,
        "mean": mean,
        "std": std,
        "fit": {"grey": _grey(steps.get("Pad", {})), "resize": _resize(steps.get("Resize", {}))},
        "nms_iou": None,
        "score_threshold": max(float(threshold or 0), 0.3) if is_number(threshold, 0, 1) else 0.3,
    }
    return Told("MMDeploy's %s" % PIPELINE, (), True, None, family)


def _grey(pad: Dict[str, Any]) -> int:
    """Return the level of the padding: 114, [114, 114, 114] or {"img": ...}."""
    value = pad.get("pad_val", 0)
    value = value.get("img", 0) if isinstance(value, dict) else value
    value = value[0] if isinstance(value, list) and value else value
    return int(value) if is_number(value, 0, 255) else 0


def _resize(step: Dict[str, Any]) -> str:
    return "rounded" if step.get("keep_ratio", True) else "stretch"
