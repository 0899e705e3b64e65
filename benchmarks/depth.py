"""Joints in space against rendered people whose joints are known: error, what was found, what was rightly left out.

Four persons of scenes.py's crowd at different times (of whom a detector would see enough), thick and thin (all radii
times 0.85 to 1.15), before a wall, in 640x480 with a lens distorted as a webcam's. Columns: error, median and 90th
percentile in mm, of the joints said to be valid and really to be seen; found: share of the joints to be seen that are
valid; hidden: joints more than 0.2 m behind something (their own body too), the share of them that is said to be valid,
and those's median error. "one pixel" is what most packages do: the depth at the keypoint.
Keypoints are exact, or wrong as elpn_v1_coco's fine ones are (scenes.NOISE: its spread in parts of the box height).
Run: PYTHONPATH=. python benchmarks/depth.py [--frames 12]
"""

import argparse
import time

import numpy as np

from benchmarks.depth_renderer import COCO, render, sensor
from benchmarks.scenes import LEAST_VISIBLE, NOISE, all_scenes, person_boxes
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.depth import Joints, joints_in_space
from pose_estimation_ros.core.poses import make_poses

CAMERA = make_camera([525, 0, 319.5, 0, 525, 239.5, 0, 0, 1], [0.1, -0.2, 0.001, 0.0005, 0.05], "plumb_bob", (640, 480))
SPREAD = np.array([NOISE[name.split("_")[-1]][1] for name in COCO.keypoints])
TABLE, POST = ((-1.0, 0.45, 1.5), (0.4, 1.2, 2.2)), ((0.45, -1.0, 1.6), (0.6, 1.2, 1.75))
REPEATS = 20


def people(stamp_s):
    crowd = next(scene for scene in all_scenes() if scene.name == "crowd")
    return np.array([walker.joints(stamp_s) for walker in crowd.walkers[:4]])


def by_one_pixel(poses, depth, encoding, camera, _skeleton):
    """The depth at the keypoint, 0 = none."""
    x, y = np.moveaxis(np.rint(poses.xy).astype(int), -1, 0)
    inside = (x >= 0) & (y >= 0) & (x < depth.shape[1]) & (y < depth.shape[0])
    z = np.where(
        inside, depth[np.where(inside, y, 0), np.where(inside, x, 0)] * (0.001 if encoding == "16UC1" else 1), 0
    )
    return Joints(camera.unproject(poses.xy, z), np.zeros(0), z > 0)


def rows(method, frames, boxes, noisy_sensor, noisy_keypoints):
    """Per joint of all frames: error mm, valid, to be seen; and the last call's arguments."""
    random, table = np.random.RandomState(1), []
    for number in range(frames):
        joints = people(1.5 * number + 0.5)
        depth = render(joints, CAMERA, boxes, girth=random.uniform(0.85, 1.15))
        xy = CAMERA.project(joints)
        visible = to_be_seen(joints, xy, depth)
        detected = visible.mean(1) >= LEAST_VISIBLE
        joints, xy, visible = joints[detected], xy[detected], visible[detected]
        box = person_boxes(joints)
        if noisy_keypoints:
            xy = xy + SPREAD[:, None] * (box[:, 3] - box[:, 1])[:, None, None] * random.randn(*xy.shape)
        image, encoding = (sensor(depth, random), "16UC1") if noisy_sensor else (depth, "32FC1")
        poses = make_poses(xy, np.full(xy.shape[:2], 0.5), box, np.full(len(xy), 0.5))
        found = method(poses, image, encoding, CAMERA, COCO)
        error = 1000 * np.linalg.norm(found.position - joints, axis=-1)
        table.append(np.stack([error, found.valid, visible], -1).reshape(-1, 3))
    return np.concatenate(table), (poses, image, encoding, CAMERA, COCO)


def to_be_seen(joints, xy, depth):
    """Inside the image, and nothing lies more than 0.2 m before the joint."""
    x, y = np.moveaxis(np.rint(xy).astype(int), -1, 0)
    inside = (x >= 0) & (y >= 0) & (x < depth.shape[1]) & (y < depth.shape[0])
    return inside & (depth[np.where(inside, y, 0), np.where(inside, x, 0)] > joints[..., 2] - 0.2)


def milliseconds(arguments):
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        joints_in_space(*arguments)
        times.append(1e3 * (time.process_time() - start))
    return float(np.median(times)) / arguments[0].count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=12)
    frames = parser.parse_args().frames
    print(f"{frames} frames of 4 persons       error mm   90 %  found %  hidden  said valid %  error mm")
    for name, boxes, noisy_sensor, noisy_keypoints in (
        ("exact", (), False, False),
        ("noise and holes", (), True, False),
        ("table and post", (TABLE, POST), False, False),
        ("both", (TABLE, POST), True, False),
        ("both, noisy keypoints", (TABLE, POST), True, True),
    ):
        for method in (joints_in_space, by_one_pixel):
            table, arguments = rows(method, frames, boxes, noisy_sensor, noisy_keypoints)
            error, (valid, visible) = table[:, 0], table[:, 1:].astype(bool).T
            middle, most = np.percentile(error[valid & visible], [50, 90])
            title = name if method is joints_in_space else "  one pixel"
            print(
                f"{title:26} {middle:10.0f} {most:6.0f} {100 * valid[visible].mean():8.1f} {(~visible).sum():7} "
                f"{100 * valid[~visible].mean():12.1f} {np.median(error[valid & ~visible]):12.0f}"
            )
    print(f"{milliseconds(arguments):.2f} ms of processor time per person, of 4 in a frame")


if __name__ == "__main__":
    main()
