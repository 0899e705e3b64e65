"""The worst moments of a recording as pictures, out of the bag itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pose_estimation_ros.core.errors import DataError, FrameError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.report.moments import Moment, true_people, worst_moments
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun
from pose_estimation_ros.evaluation.report.html import Html, element, note, section
from pose_estimation_ros.evaluation.report.pictures import panel

AROUND, LEAST = 2.0, 160


def moments(runs: Sequence[SavedRun], path: str | None, most: int) -> Html:
    """Those of the first run, as all of them saw them. Raises DataError: no bag at the path."""
    first = runs[0]
    chosen = worst_moments(first, most)
    if not chosen:
        return section("Worst moments", note("None: nobody changed or went missing, and there is no truth."))
    if path is None:
        raise DataError("where the bag is is not known")
    with Bag(path) as bag:
        pictures = [part for moment in chosen for part in pictured(moment, runs, bag)]
    explained = (
        f"Of {first.name}: the lowest mean OKS where there is a truth, the largest jumps of a bone's length, exchanges"
        " of left and right, and gaps of an id, in turn. Left limbs orange, right limbs blue; numbers are ids."
    )
    return section("Worst moments", note(explained), *pictures)


def pictured(moment: Moment, runs: Sequence[SavedRun], bag: Bag) -> list[Html]:
    """A heading and a row of panels: the image before, the truth, and the image as each run saw it."""
    first = runs[0]
    place = [frame["image_id"] for frame in first.frames].index(moment.image_id)
    shown = []
    if place and "OKS" not in moment.why:
        before = first.frames[place - 1]
        caption = f"image {before['image_id']}, before, {first.name}"
        shown.append((image_at(bag, first, place - 1), first.poses[place - 1], caption))
    image = image_at(bag, first, place)
    for name in ("truth", "pseudo_truth"):
        if (people := true_people(first, moment.image_id, name)) is not None:
            shown.append((image, people, f"{name.replace('_', '-')}: {people.count} people"))
    for run in runs:
        poses = run.at(moment.image_id)
        caption = f"{run.name}: {poses.count} people" if poses else f"{run.name}: no answer"
        shown.append((image, poses or first.poses[place].select(np.zeros(0, int)), caption))
    figures = [
        element("figure", panel(*near(frame, poses, moment), first.skeleton, caption), element("figcaption", caption))
        for frame, poses, caption in shown
    ]
    title = f"{first.seconds[place]:.2f} s, image {moment.image_id}: {moment.why}"
    return [element("h3", title), element("div", *figures, class_="pictures")]


def near(frame: np.ndarray, poses: Poses, moment: Moment) -> tuple[np.ndarray, Poses]:
    """The part of an image that a moment is about, AROUND times as large as the person but no less than LEAST px."""
    if moment.box_xyxy is None:
        return frame, poses
    (left, top), (right, bottom) = np.reshape(moment.box_xyxy, (2, 2))
    half = max(AROUND * max(right - left, bottom - top), LEAST) / 2
    middle = np.array([left + right, top + bottom]) / 2
    low = np.clip(middle - half, 0, None).astype(int)
    high = np.maximum(np.minimum(middle + half, frame.shape[1::-1]).astype(int), low + 1)
    part = frame[low[1] : high[1], low[0] : high[0]]
    return (part, moved(poses, low)) if part.size else (frame, poses)


def moved(poses: Poses, by_xy: np.ndarray) -> Poses:
    return poses._replace(xy=poses.xy - by_xy, box_xyxy=poses.box_xyxy - np.tile(by_xy, 2))


def image_at(bag: Bag, run: SavedRun, place: int) -> np.ndarray:
    """(H, W, 3) uint8 BGR of a frame. Raises DataError where the bag does not have it any more."""
    frame = run.frames[place]
    for recorded in bag.read(run.results["topic"], frame["recorded_ns"]):
        if recorded.stamp_ns == frame["stamp_ns"]:
            try:
                return recorded.image()
            except FrameError as error:
                raise DataError(str(error)) from error
    raise DataError(f"{bag.path}: no image of {frame['stamp_ns']} ns any more")
