"""Define the colours of keypoints and people in pictures, markers and annotations."""

from typing import List, Tuple

from pose_estimation_ros.core.skeleton import Skeleton

# BGR. As in most figures of the literature the left side is warm and the right side is cool.
LEFT, RIGHT, MIDDLE = (64, 160, 255), (255, 176, 64), (110, 220, 110)
TRACK_COLORS = (
    (75, 75, 240), (80, 190, 60), (250, 150, 50), (30, 200, 250), (200, 80, 190), (220, 210, 60), (60, 140, 255),
    (180, 120, 90), (140, 230, 180), (190, 160, 250),
)  # fmt: skip
TEXT = (255, 255, 255)


def side_colors(skeleton: Skeleton) -> List[Tuple[int, int, int]]:
    """Return the colour of each keypoint, BGR: LEFT, RIGHT, or MIDDLE for those without a mirror image."""
    colors = [MIDDLE] * skeleton.num_keypoints
    for left, right in skeleton.flip_pairs:
        colors[left], colors[right] = LEFT, RIGHT
    return colors


def track_color(track_id: int) -> Tuple[int, int, int]:
    """Return the colour of a track id, BGR; consecutive ids differ, and untracked people have the first colour."""
    return TRACK_COLORS[max(track_id, 0) % len(TRACK_COLORS)]
