"""Tell how large a person is in the image: the inverse of the distance, in body heights.

Each segment of the body, such as the trunk or a shank, has a usual length as a share of the body height, and a usual
spread of directions: a trunk is mostly upright, an arm points anywhere. A segment is never seen longer than it is, but
often shorter, so the least foreshortened segments tell most. For each possible size, measure() asks how probable the
lengths in the image are under these directions, the noise of the keypoints and the spread of proportions. A keypoint
may also be grossly wrong, which costs its segments, but not the person.

Source of the proportions: R. Drillis and R. Contini, "Body Segment Parameters", 1966, as in D. Winter, "Biomechanics
and Motor Control of Human Movement", figure 4.1. Heights of eyes, ears and nose, and the spreads, are estimates.
Directions are estimates for people who mostly stand, walk or sit.
"""

import functools
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.depth import side_and_part

# Heights above the sole of a person who stands upright, as shares of the body height.
HEAD_UP: Dict[str, float] = {"nose": 0.93, "eye": 0.94, "ear": 0.935, "top": 1.0, "head": 1.0}
SHOULDERS_UP, HIPS_UP, KNEES_UP, ANKLES_UP = 0.818, 0.530, 0.285, 0.039
SIDES = ("left", "right")
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
LANDMARKS = ("head", "shoulders", "hips", "knees", "ankles") + tuple(
    "%s %s" % (side, part) for part in LIMBS for side in SIDES
)
NODES = 24  # directions of each kind of segment
SIZES = np.geomspace(0.5, 6.0, 72)  # candidates, as multiples of the median of what the segments say
GROSS = 0.2  # share of the segments of which an end is grossly wrong
GROSS_SPREAD = 0.15  # standard deviation of the length of those, as a share of the person's box
INDEPENDENT = 0.7  # weight of a segment's evidence: segments share joints and posture
LEAST_SEGMENTS = 2
# By the kind of segment: share of the people in whom it is upright, and spread of its angle there in radians.
UPRIGHT = {"trunk": (0.85, 0.15), "leg": (0.75, 0.3), "whole": (0.8, 0.05), "free": (0.0, 1.0)}
TINY = 1e-300  # smallest probability density
GOLDEN_ANGLE = np.pi * (3 - 5**0.5)


class Landmarks(NamedTuple):
    """Hold M landmarks of N people: joints, or the mean of several, in the plane one metre before the camera.

    Attributes:
        xy: (N, M, 2) x / z and y / z of the ray; NaN where no joint tells.
        number: (N, M) number of joints whose mean it is.
        head_up: (N,) height of the head's landmark above the sole, as a share of the body height; NaN without one.
    """

    xy: np.ndarray
    number: np.ndarray
    head_up: np.ndarray

    def at(self, name: str) -> np.ndarray:
        """Return the place (N, 2) of the landmark of that name."""
        place: np.ndarray = self.xy[:, LANDMARKS.index(name)]
        return place

    def numbers(self, name: str) -> np.ndarray:
        """Return the numbers (N,) of joints that tell the landmark of that name."""
        number: np.ndarray = self.number[:, LANDMARKS.index(name)]
        return number


class Size(NamedTuple):
    """Hold the sizes of N people.

    Attributes:
        log: (N,) logarithm of body height / depth along the optical axis; NaN where nothing tells.
        sigma: (N,) standard deviation of log.
    """

    log: np.ndarray
    sigma: np.ndarray


class _Segment(NamedTuple):
    """Describe a segment of the body.

    Attributes:
        ends: names of two landmarks, the upper one first.
        share: length as a share of the body height.
        spread: standard deviation of the length among people, as a share of it.
        kind: see _directions().
    """

    ends: Tuple[str, str]
    share: float
    spread: float
    kind: str


_SEGMENTS = [
    _Segment(("head", "ankles"), 1 - ANKLES_UP, 0.02, "whole"),  # less what the head's landmark lies below the top
    _Segment(("head", "shoulders"), 1 - SHOULDERS_UP, 0.15, "trunk"),  # likewise
    _Segment(("shoulders", "hips"), SHOULDERS_UP - HIPS_UP, 0.05, "trunk"),
    _Segment(("left shoulder", "right shoulder"), 0.24, 0.08, "across"),
] + [
    _Segment(("%s %s" % (side, upper), "%s %s" % (side, lower)), share, 0.05, kind)
    for side in SIDES
    for upper, lower, share, kind in (
        ("shoulder", "elbow", 0.180, "free"),
        ("elbow", "wrist", 0.150, "free"),
        ("hip", "knee", HIPS_UP - KNEES_UP, "leg"),
        ("knee", "ankle", KNEES_UP - ANKLES_UP, "leg"),
    )
]


@functools.lru_cache(maxsize=8)
def members(skeleton: Skeleton) -> Optional[np.ndarray]:
    """Tell which keypoints make up each landmark.

    Args:
        skeleton: with K keypoints.

    Returns:
        (M, K) bool; None for skeletons without the trunk and limbs of a human body, such as hands, faces and animals.
    """
    names = list(map(side_and_part, skeleton.keypoints))
    parts = {part for _, part in names}
    if not {"shoulder", "hip"} <= parts or not {"wrist", "ankle"} & parts:
        return None
    rows: List[List[bool]] = [[part in HEAD_UP for _, part in names]]
    rows += [[part == whole for _, part in names] for whole in ("shoulder", "hip", "knee", "ankle")]
    rows += [[name == (side, part) for name in names] for part in LIMBS for side in SIDES]
    return np.array(rows)


def landmarks(rays: np.ndarray, found: np.ndarray, skeleton: Skeleton) -> Landmarks:
    """Compute the landmarks of people.

    Args:
        rays: (N, K, 2) x / z and y / z of the keypoints' rays.
        found: (N, K) bool, False for keypoints that do not count.
        skeleton: of a human body, see members().
    """
    of = members(skeleton)
    if of is None:
        raise ValueError("expected a skeleton of a human body, got %s" % skeleton.name)
    found = found & np.isfinite(rays).all(-1)
    count = found.astype(np.float64) @ of.T
    with np.errstate(invalid="ignore", divide="ignore"):
        xy = of.astype(np.float64) @ np.where(found[..., None], rays, 0.0) / count[..., None]
        up = np.array([HEAD_UP.get(side_and_part(name)[1], 0.0) for name in skeleton.keypoints])
        head_up = (found & of[0]).astype(np.float64) @ up / count[:, 0]
    return Landmarks(xy, count, head_up)


def measure(body: Landmarks, noise: np.ndarray, reach: np.ndarray, up: np.ndarray) -> Size:
    """Measure the sizes of people; the module describes the method.

    Args:
        body: their landmarks.
        noise: (N,) standard deviation of a keypoint, in the unit of the landmarks.
        reach: (N,) longer side of each person's box, in that unit.
        up: (3,) unit vector that points up, in the camera's optical frame.

    Returns:
        The sizes, NaN where fewer than LEAST_SEGMENTS segments are seen.
    """
    ends = np.array([[LANDMARKS.index(end) for end in segment.ends] for segment in _SEGMENTS])
    share = np.tile([segment.share for segment in _SEGMENTS], (len(body.xy), 1))
    share[:, :2] -= (1 - body.head_up)[:, None]
    upper, lower = body.xy[:, ends[:, 0]], body.xy[:, ends[:, 1]]
    length = np.linalg.norm(upper - lower, axis=-1)  # (N, S)
    seen = np.isfinite(length) & np.isfinite(share) & (length > 0)
    noise = noise[:, None] * np.sqrt((1 / np.maximum(body.number[:, ends], 1)).sum(-1))
    size = _middle(np.where(seen, length / share, np.nan))[:, None] * SIZES  # (N, G)
    expected = size[:, None, :, None] * (share[..., None] * _shortening((upper + lower) / 2, up))[:, :, None]
    likely = _likelihood(length, expected, noise, reach)
    score = INDEPENDENT * np.where(seen[..., None], np.log(np.maximum(likely, TINY)), 0.0).sum(1)
    return _mean(score, np.where(seen.sum(1)[:, None] >= LEAST_SEGMENTS, np.log(size), np.nan))


def _likelihood(length: np.ndarray, expected: np.ndarray, noise: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Compute the probability densities of the segments' lengths.

    Args:
        length: (N, S) in the image.
        expected: (N, S, G, D) of each size in each of its directions, which are equally probable.
        noise: (N, S) standard deviation of the length in the image.
        reach: (N,) length up to which grossly wrong lengths go.

    Returns:
        (N, S, G).
    """
    spread = np.array([segment.spread for segment in _SEGMENTS])[:, None, None]
    longer = np.sqrt(expected**2 + noise[..., None, None] ** 2)  # noise across a segment makes it longer
    fine = _density(length[..., None, None] - longer, noise[..., None, None] ** 2 + (spread * expected) ** 2).mean(-1)
    gross = _density(
        length[..., None] - longer.mean(-1), noise[..., None] ** 2 + (GROSS_SPREAD * reach[:, None, None]) ** 2
    )
    likely: np.ndarray = (1 - GROSS) * fine + GROSS * gross
    return likely


def _density(off: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the densities of normal distributions."""
    density: np.ndarray = np.exp(-off * off / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return density


def _mean(score: np.ndarray, log_size: np.ndarray) -> Size:
    """Return mean and standard deviation of sizes (N, G) whose logarithms have these log probabilities (N, G)."""
    weight = np.exp(score - score.max(-1, keepdims=True, initial=-np.inf))
    weight /= weight.sum(-1, keepdims=True)
    mean = (weight * log_size).sum(-1)
    return Size(mean, np.sqrt((weight * (log_size - mean[:, None]) ** 2).sum(-1)))


def _middle(values: np.ndarray) -> np.ndarray:
    """Return the upper median (N,) of the finite values (N, S), NaN without any."""
    ordered, count = np.sort(values, -1), np.isfinite(values).sum(-1)
    middle: np.ndarray = np.take_along_axis(ordered, (count // 2).clip(0, values.shape[1] - 1)[:, None], -1)[:, 0]
    return middle


def _shortening(middle: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Compute how long segments look in each of their directions, as a share of their length at the same depth.

    Args:
        middle: (N, S, 2) the middle of the segment in the image.
        up: (3,) unit vector that points up.

    Returns:
        (N, S, D).
    """
    aside = np.eye(3)[np.abs(up).argmin()]
    right = np.cross(up, aside) / np.linalg.norm(np.cross(up, aside))
    axes = np.stack([right, np.cross(up, right), up])
    vectors = np.stack([_directions(segment.kind) for segment in _SEGMENTS]) @ axes  # (S, D, 3)
    shown = vectors[..., :2] - middle[:, :, None] * vectors[..., 2:]
    share: np.ndarray = np.linalg.norm(shown, axis=-1)
    return share


@functools.lru_cache(maxsize=8)
def _directions(kind: str) -> np.ndarray:
    """Return NODES equally probable vectors (NODES, 3) of a kind of segment, z up, of length 1 or less.

    Args:
        kind: "trunk" and "leg": mostly upright, else in any direction; "whole": mostly upright, else shorter by up to a
            half, as of people who sit or bend; "across": level and to any side; "free": any direction.
    """
    part = (np.arange(NODES) + 0.5) / NODES
    length: np.ndarray = np.ones(NODES)
    turn: np.ndarray = GOLDEN_ANGLE * np.arange(NODES)
    tilt: np.ndarray = np.full(NODES, np.pi / 2)
    if kind == "across":
        turn = np.pi * part
    else:
        upright, sigma = UPRIGHT[kind]
        inside = part < upright
        # The angle from upright has a Rayleigh distribution, as two angles of normal distributions make one.
        near = sigma * np.sqrt(-2 * np.log1p(-np.where(inside, part / max(upright, TINY), 0.0)))
        rest = np.where(inside, 0.0, (part - upright) / (1 - upright))
        tilt = near if kind == "whole" else np.where(inside, near, np.arccos(1 - rest))
        length = np.asarray(1 - rest / 2) if kind == "whole" else length
    across = length * np.sin(tilt)
    return np.stack([across * np.cos(turn), across * np.sin(turn), length * np.cos(tilt)], -1)
