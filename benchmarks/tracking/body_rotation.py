"""Measure the error of the rotation of bodies, as their TF frames have it, on rendered people who stand turned.

One person of 1.2 to 1.9 m stands 2 to 4.5 m before the camera, turned by 0 (towards the camera) to 180 degrees to
either side. The depth image has the faults of a sensor, and keypoints have a spread of 0.8 % of the person's height.
The columns are:
  turned          by how much, degrees; "all" for all of them
  known %         share of the people whose rotation is told
  error deg, 90 % median and 90th percentile of the angle between the rotation and that of the true joints
Run: PYTHONPATH=. python benchmarks/tracking/body_rotation.py [--people 40]
"""

import argparse

import numpy as np

from benchmarks.tracking.depth import CAMERA
from benchmarks.tracking.depth_renderer import COCO, render, sensor
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.space.body_frames import body_rotations
from pose_estimation_ros.core.space.depth import joints_in_space

SPREAD = 0.008  # of the person's height in the image
BANDS_DEG = ((0, 30), (30, 60), (60, 120), (120, 150), (150, 180))


def person(turned_deg, random):
    """Return the joints (17, 3) of somebody who is turned by an angle, m in the camera's frame."""
    joints = Walker([(0.0, 0.0, 3.0), (10.0, 0.0, 3.0)], random.uniform(1.2, 1.9)).joints(5.0)
    angle, middle = np.radians(turned_deg), joints[[11, 12]].mean(0) * [1, 0, 1]
    cosine, sine = np.cos(angle), np.sin(angle)
    place = [random.uniform(-0.5, 0.5), 0.0, random.uniform(2.0, 4.5)]
    return (joints - middle) @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]]) + place


def error_deg(turned_deg, random, camera=CAMERA):
    """Return the error of the rotation of one person who is turned by an angle, NaN where it is not told."""
    joints = person(turned_deg, random)[None]
    depth = sensor(render(joints, camera), random)
    xy = camera.project(joints)
    box = np.concatenate([xy.min(1) - 10, xy.max(1) + 10], 1)
    xy = xy + SPREAD * (box[:, 3] - box[:, 1]) * random.randn(*xy.shape)
    poses = make_poses(xy, np.full((1, 17), 0.9), box, np.ones(1))
    found = body_rotations(joints_in_space(poses, depth, "16UC1", camera, COCO).position, COCO)[0]
    cosine = (np.trace(body_rotations(joints, COCO)[0].T @ found) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def measure(people, seed=0):
    """Return the angles (B * people,) by which people are turned, and the errors of their rotations, in degrees."""
    random = np.random.RandomState(seed)
    turned = np.concatenate([random.uniform(low, high, people) for low, high in BANDS_DEG])
    sides = random.choice([-1, 1], turned.size)
    return turned, np.array([error_deg(side * angle, random) for side, angle in zip(sides, turned, strict=True)])


def row(errors):
    """Return the share of known rotations in percent, and median and 90th percentile of their errors in degrees."""
    known = errors[np.isfinite(errors)]
    figures = np.percentile(known, (50, 90)) if known.size else (np.nan, np.nan)
    return 100 * known.size / errors.size, *figures


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40, help="in each row")
    turned, errors = measure(parser.parse_args().people)
    print(f"{'turned':12} {'known %':>8} {'error deg':>10} {'90 %':>6}")
    rows = {f"{low} to {high}": (turned >= low) & (turned < high) for low, high in BANDS_DEG}
    for title, chosen in dict(rows, all=turned >= 0).items():
        known, median, high = row(errors[chosen])
        print(f"{title:12} {known:8.0f} {median:10.1f} {high:6.1f}")


if __name__ == "__main__":
    main()
