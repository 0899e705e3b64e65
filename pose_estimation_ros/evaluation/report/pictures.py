"""Draw the worst images of a report: the annotated people beside those that each model found."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Size
from pose_estimation_ros.datasets.coco_json import refuse_other_size
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.imaging.images import read_image

WORST = 20  # images that are shown
UNMATCHED = -1  # number of a prediction that was counted for nobody
WIDTH, QUALITY = 480, 78  # px of a picture, and its JPEG quality
BLANK = 225  # grey level in place of a missing image


class Picture(NamedTuple):
    """Hold an image's title, its people as annotated and as each model found them, and the captions of these panels.

    size: annotated width and height in px, where they are known.
    """

    title: str
    path: Path
    panels: list[Poses]
    captions: list[str]
    size: Size | None = None


@dataclass(frozen=True)
class Panel:
    """Hold a drawn image as the page shows it; source is a data URI, width and height are in px."""

    source: str
    caption: str
    width: int
    height: int


PictureRow = tuple[str, list[Panel]]  # panels that stand beside each other, below a title


def picture_rows(entries: Sequence[Picture], skeleton: Skeleton) -> list[PictureRow]:
    """Return a row of panels for each image.

    Args:
        entries: the images.
        skeleton: the skeleton of all their people.

    Returns:
        The rows, in the order of the entries.
    """
    rows = []
    for entry in entries:
        frame = image_of(entry)
        panels = [panel(frame, poses, skeleton, caption) for poses, caption in zip(entry.panels, entry.captions)]
        rows.append((entry.title, panels))
    return rows


def image_of(entry: Picture) -> np.ndarray:
    """Return the image, or a blank one that has room for the annotated people where there is no such file.

    An image that cannot be read, or that does not have its annotated size, is left blank, too, with a warning.
    """
    try:
        if os.path.isfile(entry.path):
            frame = read_image(str(entry.path))
            refuse_other_size(frame, entry.size, entry.path)
            return frame
    except DataError as error:
        warn(f"{error}; the report leaves it blank")
    corner = np.max([[8, 8], *entry.panels[0].box_xyxy[:, 2:]], axis=0)
    width, height = np.minimum(1.1 * corner, 8192).astype(int).tolist()
    return np.full((height, width, 3), BLANK, np.uint8)


def panel(frame: np.ndarray, poses: Poses, skeleton: Skeleton, caption: str) -> Panel:
    """Draw people on a copy of an image, which is resized first so that the lines stay legible.

    Args:
        frame: (H, W, 3) uint8 BGR.
        poses: people in px of the frame.
        skeleton: their skeleton.
        caption: the text below the panel.

    Returns:
        The panel with its JPEG data.
    """
    scale = min(WIDTH / frame.shape[1], 1.5 * WIDTH / frame.shape[0])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=interpolation)
    small = draw_poses(small, poses.replace(xy=poses.xy * scale, box_xyxy=poses.box_xyxy * scale), skeleton)
    jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    source = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    return Panel(source, caption, width=small.shape[1], height=small.shape[0])


def annotated(people: int) -> str:
    """Return the caption of the panel with the annotated people."""
    return f"annotated: {people} {'person' if people == 1 else 'people'}"


def numbered_poses(keypoints: np.ndarray, numbers: Sequence[int], scores: Sequence[float]) -> Poses:
    """Return people as poses to be drawn, each with its number as the track id.

    Args:
        keypoints: (N, K, 3) x, y in px and a score; keypoints with score 0 are not drawn.
        numbers: N numbers; where one is UNMATCHED, the person's score is drawn in its place.
        scores: N scores of the people, 0..1.

    Returns:
        The N people.
    """
    xy, score = keypoints[..., :2], np.clip(keypoints[..., 2], 0, 1)
    return make_poses(xy, score, boxes_around(xy, score, 0), np.asarray(scores, float), np.asarray(numbers, int))
