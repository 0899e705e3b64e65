"""Persons of MPII: HRNet's JSON and the stacked hourglass's h5, which hold the same set in other words.

Both are MATLAB's: pixels are counted from 1, so 1 is taken off (HRNet does; the hourglass's code counts from 1, too).
The box is the papers' square, 200 * scale px about a centre moved down by 15 * scale px so that feet are not cut
(MODELS.md 6); the recipe's padding of 1.25 then gives their crop.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.coco_json import refuse
from pose_estimation_ros.training.data.coco import Person

JOINTS = get_skeleton("mpii16").num_keypoints
BOX_SIDE, DOWN, GROWTH = 200.0, 15.0, 1.25  # px per unit of scale, px per unit of scale, the papers' margin


def mpii_json_persons(content: list, path: str | Path) -> list[Person]:
    """HRNet's list of {image, center, scale, joints (16, 2), joints_vis (16,)}.

    joints_vis is 1 where a joint is labelled, hidden or not; elsewhere joints are (-1, -1). Raises DataError.
    """
    refuse(path, "entries that are not MPII's", [entry for entry in map(entry_fault, enumerate(content)) if entry])
    persons = []
    for index, entry in enumerate(content):
        visibility = 2 * (np.array(entry["joints_vis"]) > 0)
        persons.append(mpii_person(index, entry["image"], entry["center"], entry["scale"], entry["joints"], visibility))
    return persons


def entry_fault(numbered: tuple[int, Any]) -> str:
    """What is wrong about an entry of the JSON list, empty if nothing is."""
    index, entry = numbered
    shapes = {"center": (2,), "scale": (), "joints": (JOINTS, 2), "joints_vis": (JOINTS,)}
    if not isinstance(entry, dict) or not {"image", *shapes} <= set(entry):
        return f"entry {index}, expected image, {', '.join(shapes)}"
    try:
        wrong = [key for key, shape in shapes.items() if np.array(entry[key], float).shape != shape]
    except (TypeError, ValueError) as error:
        return f"entry {index}: {error}"
    return f"entry {index}, expected {wrong[0]} of shape {shapes[wrong[0]]}" if wrong else ""


def mpii_h5_persons(path: str | Path) -> list[Person]:
    """The hourglass's h5: imgname, center, scale, part (N, 16, 2), visible (N, 16). Raises DataError.

    part is (0, 0) where a joint is not labelled; visible is 0 where it is not labelled or hidden. Joints of negative
    coordinates are labelled ones outside the image. There are two such files: pose-hg-train's have the centre and scale
    of MPII, those of pose-hg-demo have them moved and grown by 1.25 already. MPII's centres are whole pixels, moved
    ones are not, which tells them apart.
    """
    names, center, scale, part, visible = read_h5(path, ("imgname", "center", "scale", "part", "visible"))
    if part.shape[1:] != (JOINTS, 2) or {len(x) for x in (names, center, scale, visible)} != {len(part)}:
        raise DataError(f"{path}: expected part (N, {JOINTS}, 2) and N of all others, got {part.shape}")
    if (center != np.round(center)).any():
        scale = scale / GROWTH
        center = center - scale[:, None] * [0, DOWN]
    visibility = (part != 0).any(-1) * (1 + (visible > 0))
    rows = zip(map(bytes.decode, names), center, scale, part, visibility)
    return [mpii_person(index, *row) for index, row in enumerate(rows)]


def read_h5(path: str | Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    import h5py  # for this file alone

    try:
        with h5py.File(path) as file:
            return [file[key][:] for key in keys]
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: expected an h5 file with {', '.join(keys)}: {error}") from error


def mpii_person(index: int, file_name: str, center: Any, scale: float, xy: Any, visibility: np.ndarray) -> Person:
    middle = np.asarray(center, float) + [0, DOWN * scale] - 1
    half = BOX_SIDE / 2 * scale
    keypoints = np.column_stack([np.asarray(xy, float) - 1, visibility])
    keypoints[visibility == 0] = 0
    box = np.concatenate([middle - half, middle + half])
    return Person(index, file_name, box.astype(np.float32), keypoints.astype(np.float32))
