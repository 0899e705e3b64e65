"""Colours of keypoints and people, the same in pictures, markers and annotations."""

from typing import List, Tuple

from pose_estimation_ros.core.skeleton import Skeleton

# BGR. Sides as in most figures of the literature: left warm, right cool.
LEFT, RIGHT, MIDDLE = (64, 160, 255), (255, 176, 64), (110, 220, 110)
TRACK_COLORS = (
    (75, 75, 240), (80, 190, 60), (250, 150, 50), (30, 200, 250), (200, 80, 190), (220, 210, 60), (60, 140, 255),
    (180, 120, 90), (140, 230, 180), (190, 160, 250),
)  # fmt: skip
TEXT = (255, 255, 255)


def side_colors(skeleton: Skeleton) -> List[Tuple[int, int, int]]:
    """Return a colour per keypoint: LEFT, RIGHT, or MIDDLE for those on the body's axis."""
    sides = {"left": LEFT, "right": RIGHT}
    return [sides.get(name.split("_")[0], MIDDLE) for name in skeleton.keypoints]


def track_color(track_id: int) -> Tuple[int, int, int]:
    """Return a colour that stays with the id; neighbours in time differ. Untracked people have the first."""
    return TRACK_COLORS[max(track_id, 0) % len(TRACK_COLORS)]
