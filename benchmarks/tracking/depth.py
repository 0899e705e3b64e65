"""Measure the error of 3D joints on rendered people whose joints are known exactly.

The images show four people of scenes.py's crowd at different times, in front of a wall. All their radii are multiplied
by a factor from 0.85 to 1.15, and people of whom a detector would see too little are left out. The camera has 640x480
px and the distortion of a webcam. Keypoints are exact, or have the noise of elpn_v1_coco without its gross errors (the
spread in scenes.NOISE). The columns are:
  error mm, 90 %  median and 90th percentile of the error of visible joints that are reported as valid
  found %         share of the visible joints that are reported as valid
  hidden          number of joints more than 0.2 m behind a surface, their own body's included
  valid %         share of the hidden joints that are reported as valid, and their median error in mm
The rows "one pixel" are for the common method, which takes the depth at the keypoint.
Run: PYTHONPATH=. python benchmarks/tracking/depth.py [--frames 12]
"""

import argparse
import time

import numpy as np

from benchmarks.tracking.depth_renderer import COCO, render, sensor
from benchmarks.tracking.scenes import LEAST_VISIBLE, NOISE, all_scenes, person_boxes
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.space.depth import Joints, joints_in_space

CAMERA = make_camera([525, 0, 319.5, 0, 525, 239.5, 0, 0, 1], [0.1, -0.2, 0.001, 0.0005, 0.05], "plumb_bob", (640, 480))
SPREAD = np.array([NOISE["joints"][name.split("_")[-1]]["spread"] for name in COCO.keypoints])
TABLE, POST = ((-1.0, 0.45, 1.5), (0.4, 1.2, 2.2)), ((0.45, -1.0, 1.6), (0.6, 1.2, 1.75))
REPEATS = 20


def people(stamp_s):
    """Return the joints (4, 17, 3) of the first four people of the crowd, m in the camera's frame."""
    crowd = next(scene for scene in all_scenes() if scene.name == "crowd")
    return np.array([walker.joints(stamp_s) for walker in crowd.walkers[:4]])


def by_one_pixel(poses, depth, encoding, camera, _skeleton):
    """Take the depth at each keypoint, as most packages do; called like core.space.depth.joints_in_space."""
    x, y = np.moveaxis(np.rint(poses.xy).astype(int), -1, 0)
    inside = (x >= 0) & (y >= 0) & (x < depth.shape[1]) & (y < depth.shape[0])
    z = np.where(
        inside, depth[np.where(inside, y, 0), np.where(inside, x, 0)] * (0.001 if encoding == "16UC1" else 1), 0
    )
    return Joints(camera.unproject(poses.xy, z), np.zeros(0), z > 0)


def rows(method, frames, boxes, noisy_sensor, noisy_keypoints):
    """Measure one method on all frames.

    Args:
        method: joints_in_space or by_one_pixel.
        frames: Number of frames.
        boxes: Boxes in the scene, (low corner, high corner) each, m.
        noisy_sensor: Whether the depth image has the faults of a sensor.
        noisy_keypoints: Whether the keypoints have the noise of a model.

    Returns:
        Array (joints, 3) of error in mm, valid, and visible; and the arguments of the last call.
    """
    random, table = np.random.RandomState(1), []
    for number in range(frames):
        joints = people(1.5 * number + 0.5)
        depth = render(joints, CAMERA, boxes, girth=random.uniform(0.85, 1.15))
        xy = CAMERA.project(joints)
        visible = is_visible(joints, xy, depth)
        detected = visible.mean(1) >= LEAST_VISIBLE
        joints, xy, visible = joints[detected], xy[detected], visible[detected]
        box = person_boxes(joints)
        if noisy_keypoints:
            xy = xy + SPREAD[:, None] * (box[:, 3] - box[:, 1])[:, None, None] * random.randn(*xy.shape)
        image, encoding = (sensor(depth, random), "16UC1") if noisy_sensor else (depth, "32FC1")
        poses = make_poses(xy, np.full(xy.shape[:2], 0.5), box, np.full(len(xy), 0.5))
        result = method(poses, image, encoding, CAMERA, COCO)
        error = 1000 * np.linalg.norm(result.position - joints, axis=-1)
        table.append(np.stack([error, result.valid, visible], -1).reshape(-1, 3))
    return np.concatenate(table), (poses, image, encoding, CAMERA, COCO)


def is_visible(joints, xy, depth):
    """Tell which joints lie inside the image with no surface more than 0.2 m in front of them.

    Args:
        joints: (P, 17, 3) m in the camera's frame.
        xy: (P, 17, 2) px, the joints in the image.
        depth: (H, W) exact depth, m.

    Returns:
        (P, 17) bool.
    """
    x, y = np.moveaxis(np.rint(xy).astype(int), -1, 0)
    inside = (x >= 0) & (y >= 0) & (x < depth.shape[1]) & (y < depth.shape[0])
    return inside & (depth[np.where(inside, y, 0), np.where(inside, x, 0)] > joints[..., 2] - 0.2)


def milliseconds(arguments):
    """Return the median processor time of joints_in_space per person, ms."""
    times = []
    for _ in range(REPEATS):
        start_s = time.process_time()
        joints_in_space(*arguments)
        times.append(1e3 * (time.process_time() - start_s))
    return float(np.median(times)) / arguments[0].count


def main():
    """Measure both methods in scenes of rising difficulty and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=12)
    frames = parser.parse_args().frames
    print(f"{frames} frames of 4 persons       error mm   90 %  found %  hidden       valid %  error mm")
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
            median, high = np.percentile(error[valid & visible], [50, 90])
            title = name if method is joints_in_space else "  one pixel"
            print(
                f"{title:26} {median:10.0f} {high:6.0f} {100 * valid[visible].mean():8.1f} {(~visible).sum():7} "
                f"{100 * valid[~visible].mean():12.1f} {np.median(error[valid & ~visible]):12.0f}"
            )
    print(f"{milliseconds(arguments):.2f} ms of processor time per person, with 4 people in a frame")


if __name__ == "__main__":
    main()
