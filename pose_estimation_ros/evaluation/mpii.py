"""MPII: its two annotation files, and PCKh, the share of joints found within a fraction of the head's size.

HRNet's JSON and the stacked hourglass's h5 hold the same set in other words. Both are MATLAB's: pixels are counted
from 1, so 1 is taken off (HRNet does; the hourglass's code counts from 1, too). The box is the papers' square,
200 * scale px about a centre moved down by 15 * scale px so that feet are not cut (MODELS.md 6); the recipe's padding
of 1.25 then gives their crop.

The head's size is 0.6 x the head box's diagonal. MPII's scale was made from it, a body being 8 heads and 200 px * scale
tall, so it is 25 * scale px in either file; the h5's `normalize` is the same number, 0.6 included.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_faults import LARGEST, brief, has_numbers, refuse
from pose_estimation_ros.datasets.coco_json import is_image_name

SKELETON = "mpii16"
JOINTS = get_skeleton(SKELETON).num_keypoints
BOX_SIDE, DOWN, GROWTH = 200.0, 15.0, 1.25  # px per unit of scale, px per unit of scale, the papers' margin
HEAD = 200.0 / 8  # px per unit of scale

THRESHOLDS = (0.5, 0.1)
GROUPS = {"Head": ("head_top",)} | {
    part.capitalize(): (f"left_{part}", f"right_{part}")
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}
LEFT_OUT = ("pelvis", "thorax")  # of the mean
LARGEST_COLUMN = 10**8  # values in an h5 file's column, which may unpack to any size; MPII's have 10**6
IN_MEAN = [k for k, name in enumerate(get_skeleton(SKELETON).keypoints) if name not in LEFT_OUT]


class Persons(NamedTuple):
    """N people in the file's order, px counted from 0.

    file_name: N names; box_xyxy (N, 4) px; keypoints (N, 16, 3): x, y px, visibility 0 unlabelled, 1 hidden (the h5
    alone tells), 2 visible; head_size (N,) px.
    """

    file_name: list[str]
    box_xyxy: np.ndarray
    keypoints: np.ndarray
    head_size: np.ndarray


def load_ground_truth(path: str | Path, content: Any = None) -> Persons:
    """A file to judge by; content: the JSON file's, where it is read already.

    Raises DataError, naming the first offender and the count: not MPII's, a joint that is not finite, a head without
    size, nobody labelled.
    """
    if Path(path).suffix == ".h5":
        persons = h5_persons(path)
    else:
        persons = json_persons(read_json(path) if content is None else content, path)
    endless = np.flatnonzero(~np.isfinite(persons.keypoints).all((1, 2)) | ~np.isfinite(persons.box_xyxy).all(1))
    refuse(path, "persons with joints, a centre or a scale that are not finite", [f"person {i}" for i in endless])
    headless = np.flatnonzero(~(persons.head_size > 0))
    refuse(path, "persons whose head has no size", [f"person {i}" for i in headless])
    if not persons.keypoints[..., 2].any():
        raise DataError(
            f"{path}: expected persons with labelled joints, found none in {len(persons.head_size)} entries"
        )
    return persons


def json_persons(content: Any, path: str | Path) -> Persons:
    """HRNet's list of {image, center, scale, joints (16, 2), joints_vis (16,)}.

    joints_vis is 1 where a joint is labelled, hidden or not; elsewhere joints are (-1, -1). Raises DataError.
    """
    if not isinstance(content, list):
        raise DataError(f"{path}: expected MPII's list of persons, got {type(content).__name__}")
    refuse(path, "entries that are not MPII's", [entry for entry in map(entry_fault, enumerate(content)) if entry])
    names = [entry["image"] for entry in content]
    center, scale, xy = (np.array([entry[key] for entry in content], float) for key in ("center", "scale", "joints"))
    visibility = np.array([2 * (np.array(entry["joints_vis"]) > 0) for entry in content])
    return as_persons(names, center, scale, xy, visibility)


def entry_fault(numbered: tuple[int, Any]) -> str:
    """What is wrong about an entry of the JSON list, empty if nothing is."""
    index, entry = numbered
    shapes = {"center": (2,), "scale": (), "joints": (JOINTS, 2), "joints_vis": (JOINTS,)}
    if not isinstance(entry, dict) or not {"image", *shapes} <= set(entry):
        return f"entry {index}, expected image, {', '.join(shapes)}"
    if not is_image_name(entry["image"]):
        return f"entry {index}, expected image to be a name within the folder of images, got {brief(entry['image'])}"
    wrong = [key for key, shape in shapes.items() if not has_numbers(entry[key], shape)]
    return f"entry {index}, expected {wrong[0]} of shape {shapes[wrong[0]]}" if wrong else ""


def h5_persons(path: str | Path) -> Persons:
    """The hourglass's h5: imgname, center, scale, part (N, 16, 2), visible (N, 16). Raises DataError.

    part is (0, 0) where a joint is not labelled; visible is 0 where it is not labelled or hidden. Joints of negative
    coordinates are labelled ones outside the image. There are two such files: pose-hg-train's have the centre and scale
    of MPII, those of pose-hg-demo have them moved and grown by 1.25 already. MPII's centres are whole pixels, moved
    ones are not, which tells them apart.
    """
    names, center, scale, part, visible = read_h5(path, ("imgname", "center", "scale", "part", "visible"))
    columns = center, scale, part, visible
    if any(column.dtype.kind not in "iuf" for column in columns):
        kinds = ", ".join(str(column.dtype) for column in columns)
        raise DataError(f"{path}: expected numbers in center, scale, part and visible, got {kinds}")
    count = len(part)
    shapes = (count, 2), (count,), (count, JOINTS, 2), (count, JOINTS)
    if len(names) != count or tuple(column.shape for column in columns) != shapes:
        text = f"center (N, 2), scale (N,), part (N, {JOINTS}, 2), visible (N, {JOINTS}) and N names"
        found = ", ".join(str(column.shape) for column in columns)
        raise DataError(f"{path}: expected {text}, got {found} and {len(names)} names")
    if (center != np.round(center)).any():
        scale = scale / GROWTH
        center = center - scale[:, None] * [0, DOWN]
    visibility = (part != 0).any(-1) * (1 + (visible > 0))
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names.tolist()]
    strays = [f"person {n} with {brief(name)}" for n, name in enumerate(texts) if not is_image_name(name)]
    refuse(path, "persons whose imgname is not a name within the folder of images", strays)
    return as_persons(texts, center, scale, part, visibility)


def read_h5(path: str | Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    """These columns of an h5 file. Raises DataError."""
    import h5py  # for MPII alone

    try:
        with h5py.File(path) as file:
            wide = [f"{key} {file[key].shape}" for key in keys if file[key].size > LARGEST_COLUMN]
            refuse(path, f"columns of more than {LARGEST_COLUMN} values", wide)
            return [file[key][:] for key in keys]
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise DataError(f"{path}: expected an h5 file with {', '.join(keys)}: {error}") from error


def as_persons(
    names: list[str], center: np.ndarray, scale: np.ndarray, xy: np.ndarray, visibility: np.ndarray
) -> Persons:
    """Make Persons of MPII's own columns, pixels counted from 1: (N, 2), (N,), (N, 16, 2) and visibility (N, 16).

    What is not finite, or beyond LARGEST, becomes NaN.
    """
    center, scale, xy = (np.where(np.abs(values) <= LARGEST, values, np.nan) for values in (center, scale, xy))
    center, scale = center.reshape(-1, 2), scale.reshape(-1, 1)
    middle = center + scale * [0, DOWN] - 1
    half = BOX_SIDE / 2 * scale
    visibility = visibility.reshape(-1, JOINTS, 1)
    keypoints = np.where(visibility > 0, np.concatenate([xy.reshape(-1, JOINTS, 2) - 1, visibility], 2), 0)
    return Persons(names, np.concatenate([middle - half, middle + half], 1), keypoints, HEAD * scale[:, 0])


def head_distance(xy: np.ndarray, persons: Persons) -> np.ndarray:
    """Return distances (N, 16) of predictions (N, 16, 2) px from the joints, in head sizes; NaN if not labelled.

    Infinite, which is missed, where a prediction is not finite.
    """
    distance = np.linalg.norm(xy - persons.keypoints[..., :2], axis=-1) / persons.head_size[:, None]
    return np.where(persons.keypoints[..., 2] > 0, np.nan_to_num(distance, nan=np.inf), np.nan)


def pckh(xy: np.ndarray, persons: Persons, threshold: float) -> dict[str, float]:
    """Percent of labelled joints within threshold x head size, by group and in the Mean; xy (N, 16, 2) px.

    As HRNet's code: a group is the mean of its two sides, Mean counts every joint alike, neck included, pelvis and
    thorax not. (What that code prints as Mean@0.1 is at 0.11; here it is at 0.1.) -1 where nothing is labelled.
    """
    distance = head_distance(xy, persons)
    found, count = (distance <= threshold).sum(0), (~np.isnan(distance)).sum(0)
    names = get_skeleton(SKELETON).keypoints
    figures = {}
    for group, joints in GROUPS.items():
        known = [k for k in map(names.index, joints) if count[k]]
        figures[group] = 100 * float((found[known] / count[known]).mean()) if known else -1.0
    asked = count[IN_MEAN].sum()
    return figures | {"Mean": 100 * float(found[IN_MEAN].sum() / asked) if asked else -1.0}


def pckh_figures(xy: np.ndarray, persons: Persons) -> dict[str, float]:
    """PCKh@0.5 and @0.1 of predictions (N, 16, 2) px, as "Head@0.5" and so on; 0..100."""
    return {f"{name}@{limit}": value for limit in THRESHOLDS for name, value in pckh(xy, persons, limit).items()}
