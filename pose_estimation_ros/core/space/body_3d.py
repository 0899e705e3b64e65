"""Find the place and the height of people from their joints in space.

The place of a human body is the middle between its hip joints, inside the body. Where no hip is known, it is where the
middle of the hips should be by the shoulders, knees, head or other joints, the first of these that is known; the
covariance says how well that tells it. One hip or shoulder tells the middle by the direction of the other pair. All
other skeletons, such as hands and animals, have their place in the mean of their joints.

The height is that of the person standing upright, whatever the posture: the lengths of trunk, thighs and shanks that
are known, divided by their share of the height. Shares are those of D. A. Winter, "Biomechanics and Motor Control of
Human Movement", 2009, doi:10.1002/9780470549148, fig. 4.1, after R. Drillis and R. Contini, "Body Segment Parameters",
1966. They are means of adults; children have longer trunks.
"""

import functools
from typing import Dict, List, NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.depth import Joints, is_human, side_and_part
from pose_estimation_ros.core.space.people_3d import FROM_DEPTH, People3D, unknown_people

ADULT_M = 1.70  # height by which the way from other joints to the hips is estimated
# Joints that tell the middle of the hips, the best first: where they are above it, as a share of the height, and how
# exactly the two are known to each other, m.
HIPS, SHOULDERS, KNEES, HEAD, OTHERS = range(5)
LANDMARKS: Tuple[Tuple[Tuple[str, ...], float, float], ...] = (
    (("hip", "pelvis"), 0.0, 0.03),
    (("shoulder", "neck", "thorax"), 0.288, 0.10),
    (("knee",), -0.245, 0.25),
    (("nose", "eye", "ear", "head"), 0.40, 0.25),
    ((), 0.0, 0.40),
)
ABOVE_M, MODEL_M = ADULT_M * np.array([row[1] for row in LANDMARKS]), np.array([row[2] for row in LANDMARKS])
HALF_WIDTH_M = {HIPS: 0.09, SHOULDERS: 0.20}  # from the middle to the joint of a side
SEEN_HALF_M = np.array([0.08, 0.17])  # half of the least width of an adult's hips and shoulders
HEAD_LEANS = 0.5  # weight of the direction from head to shoulders; that from shoulders to knees has 1, as has down
SHARED = 0.75  # variance of the middle of two joints as a share of theirs: errors of both sides are alike
SEGMENTS = (("shoulder", "hip", 0.292), ("hip", "knee", 0.245), ("knee", "ankle", 0.246))
SHARES = np.array([segment[2] for segment in SEGMENTS])
LEAST_SEGMENTS = 2  # of SEGMENTS, for a height
NOISE_SHARE = 0.6  # share of the joints' variance across a segment that lengthens it; covariances are generous
HEIGHT_M = (0.5, 2.5)  # heights outside are none
_NEVER = 1e-9


class _Plan(NamedTuple):
    """Hold what the names of K keypoints tell.

    Attributes:
        human: whether it is a human body.
        members: (L, K) 1 where a keypoint belongs to a landmark.
        side: (K,) 1 for left, -1 for right, 0 for neither.
        halves: (2, K) weights that make half the way from the right to the left hip, and shoulder.
        both: (2, K) 1 for the left and the right hip, and shoulder.
        segments: (M, 2) keypoints at the ends of SEGMENTS on both sides.
        kinds: (len(SEGMENTS), M) 1 where a segment is of that kind.
    """

    human: bool
    members: np.ndarray
    side: np.ndarray
    halves: np.ndarray
    both: np.ndarray
    segments: np.ndarray
    kinds: np.ndarray


def people_from_joints(
    joints: Joints, skeleton: Skeleton, down: Tuple[float, float, float] = (0.0, 1.0, 0.0)
) -> Tuple[People3D, np.ndarray]:
    """Find the place and height of people, without velocity.

    Args:
        joints: joints of N people in the camera's optical frame.
        skeleton: their skeleton, with K keypoints.
        down: roughly where the feet of a standing person are below the head, a unit vector in the same frame.

    Returns:
        The people in the same frame, those without a valid joint are unknown; and the basis (N,) of each position:
        a number of the joints by which it was found. Positions with another basis have another error.
    """
    if not joints.valid.any():
        return unknown_people(len(joints.valid)), np.zeros(len(joints.valid), int)
    plan = _plan(skeleton)
    valid = joints.valid
    position = np.where(valid[..., None], joints.position, 0.0)
    covariance = np.where(valid[..., None, None], joints.covariance, 0.0).reshape(valid.shape + (9,))
    weight = plan.members * valid[:, None]
    count = weight.sum(-1)
    weight = weight / np.maximum(count, 1)[..., None]
    middle = weight @ position  # (N, L, 3)
    spread = (weight @ covariance) * np.where(count > 1, SHARED, 1.0)[..., None]
    if plan.human:
        place, matrix, basis = _hips(plan, position, valid, middle, spread, count, weight @ plan.side, np.array(down))
    else:
        basis = np.zeros(len(valid), int)
        place, matrix = middle[:, 0], spread[:, 0].reshape(-1, 3, 3) + _unseen(position, valid, middle[:, 0])
    known = valid.sum(1) > 0
    place, matrix = np.where(known[:, None], place, np.nan), np.where(known[:, None, None], matrix, np.nan)
    height = _heights(plan, joints.position, joints.covariance)
    people = unknown_people(len(valid))
    source = np.where(known, FROM_DEPTH, people.source).astype(np.uint8)
    return people._replace(position=place, position_covariance=matrix, height=height, source=source), basis


def _hips(
    plan: _Plan,
    position: np.ndarray,
    valid: np.ndarray,
    middle: np.ndarray,
    spread: np.ndarray,
    count: np.ndarray,
    side: np.ndarray,
    down: np.ndarray,
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the middle of the hips by the best landmark of each person.

    Args:
        plan: of the skeleton.
        position: (N, K, 3) m, 0 where not valid.
        valid: (N, K) bool.
        middle: (N, L, 3) m, mean of the valid joints of each landmark.
        spread: (N, L, 9) m^2, its covariance.
        count: (N, L) number of valid joints of each landmark.
        side: (N, L) mean of their sides, 0 where both or neither are there.
        down: (3,) unit vector.

    Returns:
        (N, 3) m, (N, 3, 3) m^2, and a number (N,) of the landmark and the side of it that is known.
    """
    seen = count > 0
    half, paired = plan.halves @ position, valid.astype(float) @ plan.both.T > 1.5  # hips, shoulders
    middle[:, :2] += _behind(half, paired, middle[:, :2])
    widths = HALF_WIDTH_M[HIPS] / HALF_WIDTH_M[SHOULDERS]
    missing = np.abs(side)
    model = MODEL_M + np.zeros(seen.shape)
    for landmark, other, factor in ((HIPS, SHOULDERS, widths), (SHOULDERS, HIPS, 1 / widths)):
        if missing[:, landmark].any():
            aside = np.where(paired[:, other], side[:, landmark], 0.0)
            middle[:, landmark] -= factor * aside[:, None] * half[:, other]
            width_m = HALF_WIDTH_M[landmark] * np.where(paired[:, other], 0.5, 1.0)
            model[:, landmark] = np.hypot(model[:, landmark], width_m * missing[:, landmark])
    best = seen.argmax(1)
    people = np.arange(len(best))
    place = middle[people, best]
    if best.any():
        place = place + ABOVE_M[best][:, None] * _axis(middle, seen, paired[:, SHOULDERS], down)
    matrix = spread[people, best].reshape(-1, 3, 3) + model[people, best][:, None, None] ** 2 * np.eye(3)
    return place, matrix, 3 * best + np.sign(side[people, best]).astype(int)


def _axis(middle: np.ndarray, seen: np.ndarray, shoulders: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return the direction (N, 3) in which the hips are below the shoulders.

    Args:
        middle: (N, L, 3) m, of each landmark.
        seen: (N, L) bool, whether it is known.
        shoulders: (N,) bool, whether both shoulders are known.
        down: (3,) unit vector, where nothing else tells.
    """
    below = np.where(seen[:, [KNEES]], middle[:, KNEES] - middle[:, SHOULDERS], middle[:, SHOULDERS] - middle[:, HEAD])
    weight = shoulders * np.where(seen[:, KNEES], 1.0, HEAD_LEANS * seen[:, HEAD])
    length_m = np.sqrt((below**2).sum(-1))
    axis = down + (weight / np.maximum(length_m, _NEVER))[:, None] * below
    unit: np.ndarray = axis / np.maximum(np.sqrt((axis**2).sum(-1)), _NEVER)[:, None]
    return unit


def _behind(half: np.ndarray, paired: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return how far the middles of hips and shoulders are behind those of their measured joints.

    Of a person seen from the side the farther joint is hidden, and the depth image shows the nearer one in its place.
    So the two are too close together, by which one knows.

    Args:
        half: (N, 2, 3) m, half the way from the right joint to the left one.
        paired: (N, 2) bool, whether both are known.
        middle: (N, 2, 3) m, in the camera's frame.

    Returns:
        (N, 2, 3) m, along the ray.
    """
    missing_m = np.maximum(SEEN_HALF_M - (half**2).sum(-1) / SEEN_HALF_M, 0.0) * paired
    distance_m = np.sqrt((middle**2).sum(-1))
    moved: np.ndarray = (missing_m / np.maximum(distance_m, _NEVER))[..., None] * middle
    return moved


def _unseen(position: np.ndarray, valid: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what the mean (N, 3) of the valid joints differs from that of all K joints: covariances (N, 3, 3) m^2."""
    off = np.where(valid[..., None], position - mean[:, None], 0.0)
    count = np.maximum(valid.sum(1), 1)
    spread = np.swapaxes(off, 1, 2) @ off
    spread = (spread + np.einsum("nii->n", spread)[:, None, None] / 3 * np.eye(3)) / 2  # few joints lie in a plane
    share: np.ndarray = (1.0 / count - 1.0 / valid.shape[1]) / np.maximum(count - 1, 1)
    alone = (count < 2) & (valid.shape[1] > 1)
    covariance: np.ndarray = share[:, None, None] * spread
    return covariance + np.where(alone, MODEL_M[OTHERS] ** 2, 0.0)[:, None, None] * np.eye(3)


def _heights(plan: _Plan, position: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the height (N,) m of each person, NaN where fewer than LEAST_SEGMENTS kinds of segments are known.

    Noise lengthens segments: the expected square of a length has the variance across the segment in addition.
    """
    if not len(plan.segments):
        return np.full(len(position), np.nan)
    first, last = plan.segments.T
    along = position[:, first].astype(np.float64) - position[:, last]
    matrix = covariance[:, first].astype(np.float64) + covariance[:, last]
    square = np.maximum((along**2).sum(-1), _NEVER)
    noise = np.einsum("nmii->nm", matrix) - np.einsum("nmi,nmij,nmj->nm", along, matrix, along) / square
    length_m = np.sqrt(np.maximum(square - NOISE_SHARE * noise, 0.25 * square))
    known = np.isfinite(length_m)
    sides = known.astype(float) @ plan.kinds.T  # (N, kinds)
    total_m = (np.where(known, length_m, 0.0) @ plan.kinds.T) / np.maximum(sides, 1)
    share = (sides > 0) @ SHARES
    height_m = total_m.sum(1) / np.maximum(share, _NEVER)
    enough = ((sides > 0).sum(1) >= LEAST_SEGMENTS) & (height_m >= HEIGHT_M[0]) & (height_m <= HEIGHT_M[1])
    return np.where(enough, height_m, np.nan)


@functools.lru_cache(maxsize=8)
def _plan(skeleton: Skeleton) -> _Plan:
    """Return what the names of the keypoints tell."""
    sides, parts = zip(*map(side_and_part, skeleton.keypoints))
    human, index = is_human(skeleton), {pair: k for k, pair in reversed(list(enumerate(zip(sides, parts))))}
    members = np.array([[float(part in names) for part in parts] for names, _, _ in LANDMARKS])
    members[OTHERS] = 1.0
    pairs: List[Dict[str, int]] = [
        {side: index[side, part] for side in ("left", "right") if (side, part) in index} for part in ("hip", "shoulder")
    ]
    halves, both = np.zeros((2, len(parts))), np.zeros((2, len(parts)))
    for row, pair in enumerate(pairs):
        if len(pair) == 2:
            halves[row, [pair["left"], pair["right"]]] = 0.5, -0.5
            both[row, list(pair.values())] = 1.0
    segments = [
        (index[side, first], index[side, last], kind)
        for kind, (first, last, _) in enumerate(SEGMENTS)
        for side in ("left", "right")
        if human and (side, first) in index and (side, last) in index
    ]
    table = np.array(segments, int).reshape(-1, 3)
    return _Plan(
        human=human,
        members=members if human else members[[OTHERS]],
        side=np.array([{"left": 1.0, "right": -1.0}.get(side, 0.0) for side in sides]),
        halves=halves,
        both=both,
        segments=table[:, :2],
        kinds=(table[:, 2] == np.arange(len(SEGMENTS))[:, None]).astype(float),
    )
