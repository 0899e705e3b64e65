"""Place the keypoints of random human bodies in space.

The lengths of the limbs are fractions of the height (Drillis and Contini 1966, as in Winter, Biomechanics and Motor
Control of Human Movement, fig. 4.1); the places of the points of the head are estimates. A body's own frame is forward,
left, up, in m; the hip centre is its origin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SIDES = (("left_", 1.0), ("right_", -1.0))
FORWARD, LEFT, UP = np.eye(3)
TRUNK, SHOULDER, HIP = 0.29, 0.115, 0.055  # height of the shoulders above the hips; half widths
UPPER_ARM, FOREARM, HAND, THIGH, SHANK = 0.172, 0.157, 0.07, 0.245, 0.246
HEAD = {  # from the middle of the shoulders
    "neck": (0.0, 0.0, 0.03),
    "chin": (0.045, 0.0, 0.055),
    "head": (0.0, 0.0, 0.18),
    "nose": (0.068, 0.0, 0.1),
    "left_eye": (0.055, 0.02, 0.12),
    "right_eye": (0.055, -0.02, 0.12),
    "left_ear": (0.0, 0.047, 0.11),
    "right_ear": (0.0, -0.047, 0.11),
}
FOOT = {"big_toe": (0.1, -0.015), "small_toe": (0.085, 0.025), "heel": (-0.035, 0.0)}  # forward, outward of the ankle
SOLE = 0.035  # below the ankle
OTHER_NAMES = {"head_top": "head", "hip": "pelvis"}  # of other skeletons for the same places

# Ranges in degrees, of which one per person is chosen: legs forward, outward, bent knees; arms forward, outward, bent
# elbows; lean of the trunk.
POSTURES = {
    "stand": ((-10, 10), (1, 10), (0, 8), (-25, 40), (4, 30), (0, 60), (-5, 8)),
    "walk": ((-30, 35), (0, 6), (0, 55), (-40, 45), (4, 20), (10, 70), (0, 12)),
    "wave": ((-10, 10), (2, 15), (0, 10), (-20, 40), (20, 165), (0, 110), (-5, 5)),
    "reach": ((-15, 25), (2, 25), (0, 40), (20, 170), (0, 30), (0, 50), (-5, 30)),
    "crouch": ((50, 100), (5, 35), (70, 120), (0, 70), (5, 35), (10, 100), (0, 40)),
}
POSTURE_SHARES = (0.3, 0.25, 0.2, 0.15, 0.1)

Points = dict[str, np.ndarray]  # name -> (3,) m


class Posture(NamedTuple):
    """Hold the ranges of a kind of posture, as the rows of POSTURES."""

    leg: tuple[float, float]
    leg_aside: tuple[float, float]
    knee: tuple[float, float]
    arm: tuple[float, float]
    arm_aside: tuple[float, float]
    elbow: tuple[float, float]
    lean: tuple[float, float]


def random_body(rng: np.random.Generator) -> Points:
    """Return the points of a body in a random posture: joints, hands, and the points of head and feet, in its frame."""
    height = rng.uniform(1.5, 1.95)
    posture = Posture(*POSTURES[rng.choice(list(POSTURES), p=POSTURE_SHARES)])
    return _body(rng, height, {side: posture for side, _ in SIDES})


def walking_body(rng: np.random.Generator, phase: float) -> Points:
    """Return the points of a body at a moment of its walk, see random_body.

    Args:
        rng: source of the person's height and bearing; in the same state it gives the same person.
        phase: of the walk, radians; 2 pi are two steps.
    """
    height = rng.uniform(1.5, 1.95)
    return _body(rng, height, {side: _stride(phase + (0.0 if sign > 0 else np.pi)) for side, sign in SIDES})


def _stride(phase: float) -> Posture:
    """Return the posture of one side at a moment of a walk, as ranges without a width."""
    leg, knee = 28 * np.sin(phase), 8 + 45 * max(np.cos(phase), 0.0)
    angles = (leg, 2, knee, -24 * np.sin(phase), 8, 20 + 12 * np.cos(phase), 5)
    return Posture(*((angle, angle) for angle in angles))


def _body(rng: np.random.Generator, height: float, postures: dict[str, Posture]) -> Points:
    """Return the points of a body of a height in m.

    Args:
        rng: source of all angles.
        height: m.
        postures: ranges of the angles, by side; the lean is that of the left one.
    """
    trunk = turn(LEFT, rng.uniform(*postures["left_"].lean)) @ turn(FORWARD, rng.normal(0, 4))
    points = {"pelvis": np.zeros(3), "thorax": trunk @ (TRUNK * UP)}
    head = trunk @ turn(UP, rng.normal(0, 25)) @ turn(LEFT, rng.normal(5, 10))
    points.update({name: points["thorax"] + head @ np.array(place) for name, place in HEAD.items()})
    for side, sign in SIDES:
        points.update(_arm(rng, postures[side], trunk, side, sign))
        points.update(_leg(rng, postures[side], side, sign))
    points.update({other: points[name] for other, name in OTHER_NAMES.items()})
    return {name: height * place for name, place in points.items()}


def _arm(rng: np.random.Generator, posture: Posture, trunk: np.ndarray, side: str, sign: float) -> Points:
    """Return shoulder, elbow, wrist and fingers of one side of a body of height 1."""
    aside = turn(FORWARD, sign * rng.uniform(*posture.arm_aside))
    upper = trunk @ aside @ turn(LEFT, -rng.uniform(*posture.arm)) @ turn(UP, -sign * rng.uniform(-20, 70))
    lower = upper @ turn(LEFT, -rng.uniform(*posture.elbow))
    shoulder = trunk @ (TRUNK * UP + sign * SHOULDER * LEFT)
    elbow = shoulder - UPPER_ARM * upper @ UP
    wrist = elbow - FOREARM * lower @ UP
    points = {"shoulder": shoulder, "elbow": elbow, "wrist": wrist, "fingers": wrist - HAND * lower @ UP}
    return {side + name: place for name, place in points.items()}


def _leg(rng: np.random.Generator, posture: Posture, side: str, sign: float) -> Points:
    """Return hip, knee, ankle and foot of one side of a body of height 1."""
    thigh = turn(FORWARD, sign * rng.uniform(*posture.leg_aside)) @ turn(LEFT, -rng.uniform(*posture.leg))
    shank = thigh @ turn(LEFT, rng.uniform(*posture.knee))
    hip = sign * HIP * LEFT
    knee = hip - THIGH * thigh @ UP
    ankle = knee - SHANK * shank @ UP
    points = {side + "hip": hip, side + "knee": knee, side + "ankle": ankle}
    for name, (forward, outward) in FOOT.items():
        points[side + name] = ankle + shank @ np.array([forward, sign * outward, -SOLE])
    return points


def turn(axis: np.ndarray, angle_deg: float) -> np.ndarray:
    """Return the rotation about a unit axis, right-handed.

    Args:
        axis: (3,).
        angle_deg: angle, degrees.

    Returns:
        (3, 3).
    """
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(angle_deg)
    rotation: np.ndarray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation
