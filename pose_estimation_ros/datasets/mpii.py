"""Read the annotation files of the MPII Human Pose data set.

Source: Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis", CVPR 2014.

HRNet's JSON and the stacked hourglass's h5 hold the same persons in two formats. Both come from MATLAB and count pixels
from 1, so 1 is subtracted, as HRNet does (the hourglass's code counts from 1, too).

The box is the papers' square: 200 * scale px wide, about a centre that is moved down by 15 * scale px so that feet are
not cut. The recipe's padding of 1.25 then gives the papers' crop.

The size of the head is 0.6 x the diagonal of the head box. MPII's scale was computed from it: a body is 8 heads and
200 px * scale tall, so the head is 25 * scale px in either file. The h5's `normalize` is the same number, 0.6 included.
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
RIGHT_HIP, LEFT_SHOULDER = map(get_skeleton(SKELETON).keypoints.index, ("right_hip", "left_shoulder"))
BOX_SIDE, DOWN, GROWTH = 200.0, 15.0, 1.25  # px per unit of scale, px per unit of scale, the papers' margin
HEAD = 200.0 / 8  # px per unit of scale
UNLABELLED = {"joints": [[-1.0, -1.0]] * JOINTS, "joints_vis": [0] * JOINTS}
LARGEST_COLUMN = 10**8  # values in a column of an h5 file, which may unpack to any size; MPII's have 10**6


class Persons(NamedTuple):
    """Hold N annotated persons in the order of their file.

    Attributes:
        file_name: N names of images.
        box_xyxy: (N, 4) px, counted from 0.
        keypoints: (N, 16, 3) x, y px counted from 0, visibility 0 unlabelled, 1 occluded (only the h5 has it), 2
            visible.
        head_size: (N,) px.
    """

    file_name: list[str]
    box_xyxy: np.ndarray
    keypoints: np.ndarray
    head_size: np.ndarray


def load_ground_truth(path: str | Path, content: Any = None) -> Persons:
    """Read an annotation file for evaluation.

    Args:
        path: the JSON or h5 file.
        content: the JSON file's content, None to read it.

    Raises:
        DataError: as load_persons, and where nobody is labelled.
    """
    persons = load_persons(path, content)
    if not persons.keypoints[..., 2].any():
        raise DataError(
            f"{path}: expected persons with labelled joints, found none in {len(persons.head_size)} entries"
        )
    return persons


def load_persons(path: str | Path, content: Any = None, with_joints: bool = True) -> Persons:
    """Read the persons of an annotation file.

    Args:
        path: the JSON or h5 file.
        content: the JSON file's content, None to read it.
        with_joints: whether the joints are read. Those of the test set are not published: its persons need none, and
            all joints count as unlabelled.

    Raises:
        DataError: names the first offender and the count: the file is not MPII's, a joint is not finite, or a head has
            no size.
    """
    if Path(path).suffix == ".h5":
        persons = h5_persons(path, with_joints)
    else:
        persons = json_persons(read_json(path) if content is None else content, path, with_joints)
    endless = np.flatnonzero(~np.isfinite(persons.keypoints).all((1, 2)) | ~np.isfinite(persons.box_xyxy).all(1))
    refuse(path, "persons with joints, a centre or a scale that are not finite", [f"person {i}" for i in endless])
    headless = np.flatnonzero(~(persons.head_size > 0))
    refuse(path, "persons whose head has no size", [f"person {i}" for i in headless])
    return persons


def json_persons(content: Any, path: str | Path, with_joints: bool = True) -> Persons:
    """Read the content of HRNet's JSON, a list of {image, center, scale, joints (16, 2), joints_vis (16,)}.

    Args:
        content: content of the file. joints_vis is 1 where a joint is labelled, occluded or not; elsewhere joints are
            (-1, -1).
        path: path of the file, for messages.
        with_joints: see load_persons.

    Raises:
        DataError: the content is no such list.
    """
    if not isinstance(content, list):
        raise DataError(f"{path}: expected MPII's list of persons, got {type(content).__name__}")
    if not with_joints:
        content = [{**entry, **UNLABELLED} if isinstance(entry, dict) else entry for entry in content]
    refuse(path, "entries that are not MPII's", [fault for fault in map(entry_fault, enumerate(content)) if fault])
    names = [entry["image"] for entry in content]
    center, scale, xy = (np.array([entry[key] for entry in content], float) for key in ("center", "scale", "joints"))
    visibility = np.array([2 * (np.array(entry["joints_vis"]) > 0) for entry in content])
    return as_persons(names, center, scale, xy, visibility)


def entry_fault(numbered: tuple[int, Any]) -> str:
    """Describe what is wrong with an entry of the JSON list, given with its index; "" if nothing is."""
    index, entry = numbered
    shapes: dict[str, tuple[int, ...]] = {
        "center": (2,),
        "scale": (),
        "joints": (JOINTS, 2),
        "joints_vis": (JOINTS,),
    }
    if not isinstance(entry, dict) or not {"image", *shapes} <= set(entry):
        return f"entry {index}, expected image, {', '.join(shapes)}"
    if not is_image_name(entry["image"]):
        return f"entry {index}, expected image to be a name within the folder of images, got {brief(entry['image'])}"
    wrong = [key for key, shape in shapes.items() if not has_numbers(entry[key], shape)]
    return f"entry {index}, expected {wrong[0]} of shape {shapes[wrong[0]]}" if wrong else ""


def h5_persons(path: str | Path, with_joints: bool = True) -> Persons:
    """Read the hourglass's h5: imgname, center, scale, part (N, 16, 2), visible (N, 16).

    part is (0, 0) where a joint is not labelled; visible is 0 where it is not labelled or occluded. Joints of negative
    coordinates are labelled ones outside the image. There are two such files: pose-hg-train's have the centre and scale
    of MPII, those of pose-hg-demo have them moved and grown by 1.25 already. MPII's centres are whole pixels, moved
    ones are not, which tells them apart.

    Args:
        path: path of the file.
        with_joints: see load_persons; without them the file needs neither part nor visible.

    Raises:
        DataError: the file has no such columns.
    """
    joints = ("part", "visible") if with_joints else ()
    names, *columns = read_h5(path, ("imgname", "center", "scale", *joints))
    if not with_joints:
        columns += [np.zeros((len(names), JOINTS, 2)), np.zeros((len(names), JOINTS))]
    check_columns(path, names, columns)
    center, scale, part, visible = columns
    if (center != np.round(center)).any():
        scale = scale / GROWTH
        center = center - scale[:, None] * [0, DOWN]
    visibility = (part != 0).any(-1) * (1 + (visible > 0))
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names.tolist()]
    strays = [f"person {n} with {brief(name)}" for n, name in enumerate(texts) if not is_image_name(name)]
    refuse(path, "persons whose imgname is not a name within the folder of images", strays)
    return as_persons(texts, center, scale, part, visibility)


def check_columns(path: str | Path, names: np.ndarray, columns: list[np.ndarray]) -> None:
    """Raise DataError unless center, scale, part and visible have N rows of numbers for N names.

    Args:
        path: path of the file.
        names: (N,) names of the images.
        columns: arrays of center, scale, part and visible.
    """
    if any(column.dtype.kind not in "iuf" for column in columns):
        kinds = ", ".join(str(column.dtype) for column in columns)
        raise DataError(f"{path}: expected numbers in center, scale, part and visible, got {kinds}")
    count = len(columns[2])
    shapes = [(count, 2), (count,), (count, JOINTS, 2), (count, JOINTS)]
    if len(names) != count or [column.shape for column in columns] != shapes:
        expected = f"center (N, 2), scale (N,), part (N, {JOINTS}, 2), visible (N, {JOINTS}) and N names"
        actual = ", ".join(str(column.shape) for column in columns)
        raise DataError(f"{path}: expected {expected}, got {actual} and {len(names)} names")


def read_h5(path: str | Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    """Read these columns of an h5 file. Raises DataError where it cannot be read or lacks one.

    Args:
        path: path of the file.
        keys: names of the columns.
    """
    import h5py  # only these files need it

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
    """Convert MPII's own columns to Persons. Values that are not finite, or beyond LARGEST, become NaN.

    Args:
        names: N names of images.
        center: (N, 2) px, counted from 1.
        scale: (N,) height of the person, in 200 px.
        xy: (N, 16, 2) px, counted from 1.
        visibility: (N, 16), see Persons.
    """
    center, scale, xy = (np.where(np.abs(values) <= LARGEST, values, np.nan) for values in (center, scale, xy))
    center, scale = center.reshape(-1, 2), scale.reshape(-1, 1)
    middle = center + scale * [0, DOWN] - 1
    half_side = BOX_SIDE / 2 * scale
    visibility = visibility.reshape(-1, JOINTS, 1)
    keypoints = np.where(visibility > 0, np.concatenate([xy.reshape(-1, JOINTS, 2) - 1, visibility], 2), 0)
    return Persons(names, np.concatenate([middle - half_side, middle + half_side], 1), keypoints, HEAD * scale[:, 0])


def head_distance(xy: np.ndarray, persons: Persons) -> np.ndarray:
    """Measure how far predictions are from the annotated joints, in head sizes; see joint_distance.

    Args:
        xy: (N, 16, 2) px.
        persons: N annotated persons.
    """
    return joint_distance(xy, persons, persons.head_size)


def torso_size(persons: Persons) -> np.ndarray:
    """Measure (N,) px from the right hip to the left shoulder; NaN where one is not labelled, or both are one point."""
    hip, shoulder = persons.keypoints[:, RIGHT_HIP], persons.keypoints[:, LEFT_SHOULDER]
    size = np.linalg.norm(hip[:, :2] - shoulder[:, :2], axis=1)
    return np.where((hip[:, 2] > 0) & (shoulder[:, 2] > 0) & (size > 0), size, np.nan)


def joint_distance(xy: np.ndarray, persons: Persons, unit: np.ndarray) -> np.ndarray:
    """Measure how far predictions are from the annotated joints, in a unit of each person's own.

    Args:
        xy: (N, 16, 2) px.
        persons: N annotated persons.
        unit: (N,) px; NaN where it is not known.

    Returns:
        (N, 16); NaN where a joint is not labelled or the unit is not known, infinite where a prediction is not finite,
        which counts as missed.
    """
    distance = np.linalg.norm(xy - persons.keypoints[..., :2], axis=-1) / unit[:, None]
    is_known = (persons.keypoints[..., 2] > 0) & np.isfinite(unit)[:, None]
    return np.where(is_known, np.nan_to_num(distance, nan=np.inf), np.nan)
