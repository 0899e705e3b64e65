"""Dress a body: turn its points into coloured solids."""

from __future__ import annotations

import colorsys

import numpy as np

from pose_estimation_ros.datasets.toy.body import SIDES, THIGH, Points
from pose_estimation_ros.datasets.toy.canvas import Solid

SKIN = np.array([[255, 219, 190], [235, 190, 150], [200, 145, 105], [150, 100, 70], [100, 65, 45]], float)
HAIR = np.array([[35, 25, 20], [80, 50, 30], [140, 95, 50], [205, 170, 105], [120, 115, 110]], float)
EYE, MOUTH = np.array([25.0, 25, 30]), np.array([150.0, 60, 60])


def random_color(rng: np.random.Generator) -> np.ndarray:
    """Return a random colour of cloth (3,), RGB in 0..255."""
    return 255 * np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.25, 1.0)))


def dress(points: Points, rng: np.random.Generator) -> list[Solid]:
    """Return the solids of a body with random clothes, hair, skin and girth.

    Args:
        points: the body's points in the camera's frame, m.
        rng: source of all choices.
    """
    height = float(np.linalg.norm(points["left_hip"] - points["left_knee"])) / THIGH
    unit = height * rng.uniform(0.9, 1.2)
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.9, 1.05)
    shirt, trousers, shoes = (random_color(rng) for _ in range(3))
    sleeves = shirt if rng.random() < 0.5 else skin
    legs = trousers if rng.random() < 0.7 else skin
    stripes = int(rng.integers(3, 8)) if rng.random() < 0.3 else 0
    solids = _trunk(points, unit, shirt, trousers, skin, stripes) + _head(points, height, skin, rng)
    for side, _sign in SIDES:
        at = {name[len(side) :]: place for name, place in points.items() if name.startswith(side)}
        solids += [
            Solid(at["shoulder"], at["elbow"], (0.033 * unit, 0.025 * unit), shirt, stripes // 2),
            Solid(at["elbow"], at["wrist"], (0.025 * unit, 0.017 * unit), sleeves),
            Solid(at["wrist"], at["fingers"], (0.018 * unit, 0.016 * unit), skin),
            Solid(at["hip"], at["knee"], (0.05 * unit, 0.034 * unit), trousers),
            Solid(at["knee"], at["ankle"], (0.034 * unit, 0.023 * unit), legs),
            Solid(at["heel"], (at["big_toe"] + at["small_toe"]) / 2, (0.024 * unit, 0.02 * unit), shoes),
        ]
    return solids


def _trunk(
    points: Points, unit: float, shirt: np.ndarray, trousers: np.ndarray, skin: np.ndarray, stripes: int
) -> list[Solid]:
    """Return the solids between shoulders, hips and neck."""
    thorax, pelvis = points["thorax"], points["pelvis"]
    solids = [
        Solid(thorax, points["neck"], (0.03 * unit, 0.028 * unit), skin),
        Solid(0.8 * thorax + 0.2 * pelvis, 0.1 * thorax + 0.9 * pelvis, (0.06 * unit, 0.058 * unit), shirt, stripes),
    ]
    for side, _sign in SIDES:
        shoulder, hip = (thorax + points[side + "shoulder"]) / 2, points[side + "hip"]
        waist = hip + 0.12 * (shoulder - hip)
        solids += [
            Solid(0.93 * shoulder + 0.07 * hip, waist, (0.056 * unit, 0.052 * unit), shirt, stripes),
            Solid(shoulder, points[side + "shoulder"], (0.035 * unit, 0.034 * unit), shirt),
            Solid(pelvis, hip, (0.055 * unit, 0.053 * unit), trousers),
        ]
    return solids


def _head(points: Points, height: float, skin: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return the solids of a head: face, hair, eyes, nose, mouth and ears."""
    hair = HAIR[rng.integers(len(HAIR))]
    ears = (points["left_ear"] + points["right_ear"]) / 2
    front, up = points["nose"] - ears, points["head"] - ears
    long_hair = rng.random() < 0.4
    nape = points["thorax"] - 0.6 * front if long_hair else ears - 0.45 * front - 0.3 * up
    solids = [
        Solid(ears + 0.2 * up, points["chin"], (0.048 * height, 0.032 * height), skin),
        Solid(ears + 0.35 * up - 0.22 * front, nape, (0.053 * height, 0.04 * height), hair),
        Solid(points["nose"] - 0.15 * front, points["nose"], (0.008 * height, 0.009 * height), 0.85 * skin),
        Solid(points["chin"] + 0.28 * front, points["chin"] + 0.28 * front, (0.012 * height,) * 2, MOUTH),
    ]
    for side, _sign in SIDES:
        ear, eye = points[side + "ear"], points[side + "eye"]
        solids.append(Solid(ear, ear, (0.012 * height,) * 2, 0.8 * skin))
        solids.append(Solid(eye, eye, (0.009 * height,) * 2, EYE))
    return solids
