"""The worst images of a report: what is annotated and what was found, beside each other."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import NamedTuple, Sequence

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Size
from pose_estimation_ros.datasets.coco_json import refuse_other_size
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.report.html import Html, element, join
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.imaging.images import read_image

WORST = 20  # images that are shown
UNMATCHED = -1  # in place of the number of a prediction that belongs to nobody
WIDTH, QUALITY = 480, 78  # px of a picture, of JPEG
BLANK = 225  # grey, in place of an image that is not at hand


class Picture(NamedTuple):
    """An image with its title, people as annotated, and as each source found them; captions of these 1 + M panels.

    size: width and height px as annotated, where they are known.
    """

    title: str
    path: Path
    panels: list[Poses]
    captions: list[str]
    size: Size | None = None


def pictures(entries: Sequence[Picture], skeleton: Skeleton) -> Html:
    """A row of panels for each image."""
    parts = []
    for entry in entries:
        frame = image_of(entry)
        figures = [
            element("figure", panel(frame, poses, skeleton, caption), element("figcaption", caption))
            for poses, caption in zip(entry.panels, entry.captions)
        ]
        parts += [element("h3", entry.title), element("div", *figures, class_="pictures")]
    return join(*parts)


def image_of(entry: Picture) -> np.ndarray:
    """Return the image, or a blank one that has room for the annotated people where there is no such file.

    A file that cannot be read, or has not its annotated size, is left blank, too, with a warning.
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


def panel(frame: np.ndarray, poses: Poses, skeleton: Skeleton, caption: str) -> Html:
    """People drawn on a copy of the frame, made small first so that lines stay legible; an <img> with its data."""
    scale = min(WIDTH / frame.shape[1], 1.5 * WIDTH / frame.shape[0])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=way)
    draw_poses(small, poses._replace(xy=poses.xy * scale, box_xyxy=poses.box_xyxy * scale), skeleton)
    jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    source = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    return element("img", src=source, alt=caption, width=small.shape[1], height=small.shape[0])


def numbered_poses(keypoints: np.ndarray, numbers: Sequence[int], scores: Sequence[float]) -> Poses:
    """People (N, K, 3): x, y px and a score, 0 not to be drawn; each bears its number, or its score if that is -1."""
    xy, score = keypoints[..., :2], np.clip(keypoints[..., 2], 0, 1)
    return make_poses(xy, score, boxes_around(xy, score, 0), np.asarray(scores, float), np.asarray(numbers, int))
