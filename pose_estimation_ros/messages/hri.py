"""Poses -> REP-155 (ROS4HRI): who is there, and of each body its skeleton and place in the image; of hri_msgs' classes.

Topics below /humans/bodies: tracked (IdsList), and for each id <id>/skeleton2d (Skeleton2D), <id>/roi
(NormalizedRegionOfInterest2D). Confirmed people alone: nobody should react to what may be no person, and each id makes
topics of its own. So it needs tracking. Source: REP-155; hri_msgs of Humble and of its main branch.
"""

from typing import Any, NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.poses import CONFIRMED, Poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, convert

CLASSES = ("IdsList", "NormalizedPointOfInterest2D", "NormalizedRegionOfInterest2D", "Skeleton2D")
# Its text says OpenPose's order, its constants have eyes and ears the other way round.
HRI = SKELETONS["hri18"]


class Body(NamedTuple):
    """id: a letter and the track id. skeleton, roi: messages."""

    id: str
    skeleton: Any
    roi: Any


def poses_to_hri(
    messages: Any, poses: Poses, header: Any, image_wh: Tuple[int, int], skeleton: Skeleton
) -> Tuple[Any, Tuple[Body, ...]]:
    """IdsList of the bodies in an image of that size, and the bodies. messages: has CLASSES."""
    confirmed = poses.select(poses.state == CONFIRMED)
    xy, score = convert(confirmed.xy, confirmed.score, skeleton, HRI)
    parts = _normalized(xy, image_wh)
    # What lies outside of the image has no place in 0..1.
    score = np.where(((parts >= 0) & (parts <= 1)).all(-1), score, 0)
    parts = np.where(score[..., None] > 0, parts, 0)
    boxes = _normalized(confirmed.box_xyxy.reshape(-1, 2, 2), image_wh).clip(0, 1).reshape(-1, 4)
    bodies = tuple(
        Body(
            "b%d" % confirmed.track_id[person],
            _skeleton(messages, header, parts[person], score[person]),
            _roi(messages, header, boxes[person], confirmed.person_score[person]),
        )
        for person in range(confirmed.count)
    )
    return messages.IdsList(header=header, ids=[body.id for body in bodies]), bodies


def _normalized(xy: np.ndarray, image_wh: Tuple[int, int]) -> np.ndarray:
    """(..., 2) px from the centre of the top left pixel -> 0..1 from the image's corner to its opposite one."""
    return (xy + 0.5) / np.array(image_wh, np.float32)


def _skeleton(messages: Any, header: Any, xy: np.ndarray, score: np.ndarray) -> Any:
    rows = zip(xy.tolist(), score.tolist())
    points = [messages.NormalizedPointOfInterest2D(x=x, y=y, c=c) for (x, y), c in rows]
    return messages.Skeleton2D(header=header, skeleton=points)


def _roi(messages: Any, header: Any, box: np.ndarray, score: float) -> Any:
    xmin, ymin, xmax, ymax = box.tolist()
    fields = dict(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, c=float(score))
    return messages.NormalizedRegionOfInterest2D(header=header, **fields)
