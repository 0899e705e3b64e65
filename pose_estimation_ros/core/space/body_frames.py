"""Find how bodies and limbs are turned, from their joints in space.

The axes are those of REP-103 in a person who stands upright with hanging arms: x forward, y to the left, z up. They
move with the body (REP-155) and with the limb.

* Body: z points along the spine from the middle of the hips to the middle of the shoulders, y from right to left.
* Limb: shoulder, elbow and wrist, or hip, knee and ankle, span the plane in which elbow or knee bends. y is its normal
  for all three joints. z points up the bone: for shoulder and hip that above elbow or knee, for the others that below.
"""

import functools
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.skeleton import Skeleton, words_of
from pose_estimation_ros.core.space.rigid import rotation_of_axes

SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
# Joints from the trunk outwards, and the sign of the bend: a hanging forearm bends to the front, a shin to the back.
LIMBS = ((("shoulder", "elbow", "wrist"), -1.0), (("hip", "knee", "ankle"), 1.0))
# Least distance between both joints, as a share of the trunk's length and, where that is not known, in m. Seen from the
# side, the near joint hides the far one, both are measured on one surface, and the line between them is noise.
NARROWEST = {"shoulder": (0.5, 0.2), "hip": (0.24, 0.1)}
STRAIGHT_DEG = 20.0  # a limb that is bent less has no plane: at 20 deg its middle joint is 8 cm off a line of 0.5 m


class _Limb(NamedTuple):
    """Hold the indices of a limb's three joints, from the trunk outwards, and the sign of its bend."""

    joints: Tuple[int, int, int]
    sign: float


class _Trunk(NamedTuple):
    """Hold the indices of the trunk's joints that a skeleton has, by "left_shoulder" and such names."""

    joints: Dict[str, int]
    limbs: List[_Limb]


def body_rotations(position: np.ndarray, skeleton: Skeleton, up: Optional[np.ndarray] = None) -> np.ndarray:
    """Find how bodies are turned, from three or four of the joints of shoulders and hips.

    With only two joints, both shoulders or both hips, a body is taken to be upright if the vertical is known. Joints
    that are nearer to one another than NARROWEST do not tell.

    Args:
        position: (N, K, 3) m, NaN for joints that are not known.
        skeleton: with K keypoints.
        up: (3,) the direction up in the frame of the positions, None where it is not known.

    Returns:
        (N, 3, 3) float64, the body's axes x, y, z as columns; NaN where the joints do not tell.
    """
    at = _trunk(position, skeleton)
    sides = [at[side + "_shoulder"] - at[side + "_hip"] for side in ("left", "right")]
    spine, one_side = (sides[0] + sides[1]) / 2, _either(*sides)
    length_m = np.linalg.norm(_either(spine, one_side), axis=-1)
    across = {part: at["left_" + part] - at["right_" + part] for part in ("shoulder", "hip")}
    shoulders, hips = (_wide(across[part], length_m, *NARROWEST[part]) for part in ("shoulder", "hip"))
    known = np.isfinite(across["shoulder"]).all(-1)[:, None]
    left = _either(shoulders + hips, np.where(known, shoulders, hips))
    # One side alone leans sideways, because shoulders are wider than hips.
    upwards = _either(spine, _perpendicular(one_side, left))
    if up is not None:
        upwards = _either(upwards, _perpendicular(np.broadcast_to(up, left.shape), left))
    return rotation_of_axes(upwards, left)


def _wide(vectors: np.ndarray, length_m: np.ndarray, share: float, least_m: float) -> np.ndarray:
    """Return vectors (N, 3) across the trunk, NaN for those that are too short to tell a direction."""
    least = np.where(np.isfinite(length_m), share * length_m, least_m)
    with np.errstate(invalid="ignore"):
        wide = np.linalg.norm(vectors, axis=-1) >= least
    return np.where(wide[:, None], vectors, np.nan)


def limb_rotations(position: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Find how the joints of bent limbs are turned; the module describes their axes.

    Args:
        position: (N, K, 3) m, NaN for joints that are not known.
        skeleton: with K keypoints.

    Returns:
        (N, K, 3, 3) float64, each joint's axes x, y, z as columns; NaN for the joints of a limb that is straight or not
        wholly known, and for all joints that belong to no limb.
    """
    position = np.asarray(position, np.float64)
    rotations = np.full(position.shape + (3,), np.nan)
    for limb in _describe(skeleton).limbs:
        inner, middle, outer = (position[:, joint] for joint in limb.joints)
        upper, lower = inner - middle, middle - outer  # both point up in a hanging limb
        normal = limb.sign * np.cross(upper, lower)
        lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
        with np.errstate(invalid="ignore"):
            bent = np.linalg.norm(normal, axis=-1) > np.sin(np.radians(STRAIGHT_DEG)) * lengths
        normal = np.where(bent[:, None], normal, np.nan)
        for joint, bone in zip(limb.joints, (upper, lower, lower)):
            rotations[:, joint] = rotation_of_axes(bone, normal)
    return rotations


def _trunk(position: np.ndarray, skeleton: Skeleton) -> Dict[str, np.ndarray]:
    """Return the positions (N, 3) of shoulders and hips, NaN where unknown."""
    joints = _describe(skeleton).joints
    unknown = np.full((len(position), 3), np.nan)
    names = [side + part for side in ("left_", "right_") for part in ("shoulder", "hip")]
    return {name: np.asarray(position[:, joints[name]], np.float64) if name in joints else unknown for name in names}


@functools.lru_cache(maxsize=8)
def _describe(skeleton: Skeleton) -> _Trunk:
    """Return what the names of a skeleton's keypoints tell."""
    words = [words_of(name) for name in skeleton.keypoints]
    joints = {
        "%s_%s" % (SIDES[word[0]], word[1]): index
        for index, word in enumerate(words)
        if len(word) == 2 and word[0] in SIDES
    }
    limbs = []
    for parts, sign in LIMBS:
        for side in ("left_", "right_"):
            names = [side + part for part in parts]
            if all(name in joints for name in names):
                limbs.append(_Limb((joints[names[0]], joints[names[1]], joints[names[2]]), sign))
    return _Trunk(joints, limbs)


def _either(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the first vectors (N, 3) where they are known, the second ones elsewhere."""
    return np.where(np.isfinite(first).all(-1)[:, None], first, second)


def _perpendicular(vectors: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return vectors (N, 3) without their part along the axes (N, 3)."""
    length2 = (axes * axes).sum(-1, keepdims=True)
    along = (vectors * axes).sum(-1, keepdims=True) / np.where(length2 > 0, length2, np.nan)
    rest: np.ndarray = vectors - along * axes
    return rest
