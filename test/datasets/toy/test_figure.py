"""Every joint of a body lies in its solids, and clothes differ."""

import numpy as np

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.toy.body import random_body
from pose_estimation_ros.datasets.toy.figure import dress


def distance_to(solid, place):
    """Distance of a place from the axis of a solid, relative to its radius there."""
    axis = solid.end - solid.start
    along = np.clip((place - solid.start) @ axis / max(axis @ axis, 1e-12), 0, 1)
    radius = solid.radius[0] + along * (solid.radius[1] - solid.radius[0])
    return np.linalg.norm(place - solid.start - along * axis) / radius


def test_joints_lie_in_the_body():
    for seed in range(20):
        body = random_body(np.random.default_rng(seed))
        solids = dress(body, np.random.default_rng(seed))
        for name in get_skeleton("halpe26").keypoints:
            assert min(distance_to(solid, body[name]) for solid in solids) < 1.25, name


def test_clothes_differ():
    body = random_body(np.random.default_rng(0))
    colors = [np.concatenate([s.color for s in dress(body, np.random.default_rng(seed))]) for seed in range(10)]
    assert np.std(colors, 0).mean() > 20
