"""Draw the worst moments of a recording, with the images of the bag itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pose_estimation_ros.core.errors import DataError, FrameError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.report.moments import Moment, true_people, worst_moments
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun
from pose_estimation_ros.evaluation.bag.report.tables import TRUTH_NAMES
from pose_estimation_ros.evaluation.report.pictures import PictureRow, panel

AROUND, LEAST = 2.0, 160  # times the person's size, and px: how much of an image is shown around a person


def moment_rows(runs: Sequence[SavedRun], path: str | None, most: int) -> list[PictureRow]:
    """Return the worst moments of the first run, as all runs saw them.

    Args:
        runs: the models on one topic.
        path: the bag; None where it is not known.
        most: number of moments at most.

    Returns:
        A row of panels for each moment.

    Raises:
        DataError: there is no bag at the path, or it does not have an image.
    """
    moments = worst_moments(runs[0], most)
    if not moments:
        return []
    if path is None:
        raise DataError("the path of the bag is not known")
    with Bag(path) as bag:
        return [moment_row(moment, runs, bag) for moment in moments]


def moment_row(moment: Moment, runs: Sequence[SavedRun], bag: Bag) -> PictureRow:
    """Return the panels of a moment: the image before, the ground truth, and the people that each run found.

    Args:
        moment: a moment of the first run.
        runs: the runs of one recording.
        bag: the open bag.
    """
    first = runs[0]
    place = [frame["image_id"] for frame in first.frames].index(moment.image_id)
    shown = []
    if place and "OKS" not in moment.why:
        caption = f"{first.name}: image {first.frames[place - 1]['image_id']}, before"
        shown.append((image_at(bag, first, place - 1), first.poses[place - 1], caption))
    image = image_at(bag, first, place)
    for name, title in TRUTH_NAMES.items():
        if (people := true_people(first, moment.image_id, name)) is not None:
            shown.append((image, people, f"{title}: {counted(people)}"))
    for run in runs:
        poses = run.at(moment.image_id)
        caption = "dropped image" if poses is None else counted(poses)
        shown.append((image, first.poses[place][:0] if poses is None else poses, f"{run.name}: {caption}"))
    panels = [
        panel(*near(frame, poses, moment), poses.skeleton or first.skeleton, caption) for frame, poses, caption in shown
    ]
    return f"{first.seconds[place]:.2f} s, image {moment.image_id}: {moment.why}", panels


def counted(poses: Poses) -> str:
    """Return the number of people as text."""
    return f"{poses.count} {'person' if poses.count == 1 else 'people'}"


def near(frame: np.ndarray, poses: Poses, moment: Moment) -> tuple[np.ndarray, Poses]:
    """Cut out the part of an image that shows the person of a moment.

    Args:
        frame: (H, W, 3) uint8 BGR.
        poses: people in px of the frame.
        moment: where it has a box, the part is AROUND times as large, but not smaller than LEAST px.

    Returns:
        The part of the frame, and the people in px of the part.
    """
    if moment.box_xyxy is None:
        return frame, poses
    (left, top), (right, bottom) = np.reshape(moment.box_xyxy, (2, 2))
    half = max(AROUND * max(right - left, bottom - top), LEAST) / 2
    middle = np.array([left + right, top + bottom]) / 2
    low = np.clip(middle - half, 0, None).astype(int)
    high = np.maximum(np.minimum(middle + half, frame.shape[1::-1]).astype(int), low + 1)
    part = frame[low[1] : high[1], low[0] : high[0]]
    return (part, moved(poses, low)) if part.size else (frame, poses)


def moved(poses: Poses, origin_xy: np.ndarray) -> Poses:
    """Return people in px from another origin (2,) px.

    Args:
        poses: the people.
        origin_xy: the new origin in px.
    """
    return poses.replace(xy=poses.xy - origin_xy, box_xyxy=poses.box_xyxy - np.tile(origin_xy, 2))


def image_at(bag: Bag, run: SavedRun, place: int) -> np.ndarray:
    """Read the image of a run's frame from the bag.

    Args:
        bag: the recording.
        run: the run.
        place: index of the frame in run.frames.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: the bag does not have the image, or it cannot be decoded.
    """
    frame = run.frames[place]
    for recorded in bag.read(run.results["topic"], frame["recorded_ns"]):
        if recorded.stamp_ns == frame["stamp_ns"]:
            try:
                return recorded.image()
            except FrameError as error:
                raise DataError(str(error)) from error
    raise DataError(f"{bag.path} does not have the image with stamp {frame['stamp_ns']} ns that the run was made from")
