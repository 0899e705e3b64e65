"""Define colours and sizes of keypoints and people in pictures, markers and annotations."""

from typing import List, Tuple

import numpy as np

from pose_estimation_ros.core.skeleton import Skeleton

# BGR. As in most figures of the literature the left side is warm and the right side is cool.
LEFT, RIGHT, MIDDLE = (64, 160, 255), (255, 176, 64), (110, 220, 110)
TRACK_COLORS = (
    (75, 75, 240), (80, 190, 60), (250, 150, 50), (30, 200, 250), (200, 80, 190), (220, 210, 60), (60, 140, 255),
    (180, 120, 90), (140, 230, 180), (190, 160, 250),
)  # fmt: skip
TEXT = (255, 255, 255)
FAINTEST = 0.3  # opacity of a joint that was found with the least score
MARK_SHARE = 0.7  # diameter of a mark where keypoints are dense, as a share of their usual spacing
SMALLEST = 0.1  # smallest factor on the size of marks


def side_colors(skeleton: Skeleton) -> List[Tuple[int, int, int]]:
    """Return the colour of each keypoint, BGR: LEFT, RIGHT, or MIDDLE for those without a mirror image."""
    colors = [MIDDLE] * skeleton.num_keypoints
    for left, right in skeleton.flip_pairs:
        colors[left], colors[right] = LEFT, RIGHT
    return colors


def track_color(track_id: int) -> Tuple[int, int, int]:
    """Return the colour of a track id, BGR; consecutive ids differ, and untracked people have the first colour."""
    return TRACK_COLORS[max(track_id, 0) % len(TRACK_COLORS)]


def opacity(score: np.ndarray) -> np.ndarray:
    """Return how opaque joints are: FAINTEST at score 0, 1 at score 1 and above; the scores are no NaN."""
    return FAINTEST + (1 - FAINTEST) * np.clip(score, 0, 1)


def spacing(points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Compute how much room each visible keypoint has: the distance to its second nearest visible neighbour.

    The second nearest, because large skeletons have a joint twice, such as the wrist of the arm and that of the hand.

    Args:
        points: (K, D) of one person, in any unit.
        visible: (K,) bool.

    Returns:
        (K,) in the unit of points, inf for keypoints that are not visible or have fewer than two neighbours.
    """
    room, known = np.full(len(points), np.inf), np.flatnonzero(visible)
    if len(known) > 2:
        away = points[known][:, None].astype(np.float64) - points[known]
        room[known] = np.partition(np.linalg.norm(away, axis=-1), 2)[:, 2]  # the nearest of all is the keypoint itself
    return room


def crowding(points: np.ndarray, visible: np.ndarray, size: float) -> float:
    """Return the factor, 0.1 to 1, by which to shrink marks so that they do not hide each other, such as in a face.

    Args:
        points: (K, D) of one person.
        visible: (K,) bool.
        size: diameter of a mark, in the unit of points.
    """
    room = spacing(points, visible)[visible]
    return float(np.clip(MARK_SHARE * np.median(room) / size, SMALLEST, 1)) if len(room) else 1.0
