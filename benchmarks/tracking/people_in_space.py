"""Measure the position, velocity and height of rendered people whose motion is known exactly.

Four people of 1.60 to 1.88 m walk, turn and stop for 12 s; one of them stands all the time. All radii have one random
factor. The depth images have 320x240 px and the noise and holes of a sensor. Keypoints are exact, or have an error of
the size measured for a model (noise.json), most of which wanders with a time constant of 1 s; of hidden joints a model
finds half. Ids are exact. People of whom a detector would see too little are left out. The columns are:
  position mm, 90 %  median and 90th percentile of the distance between position and middle of the hips
  speed m/s, 90 %    likewise of the velocity's error
  height mm          median error of the height
  inside %           share of the positions and velocities in the ellipsoids that should hold 95 %, by their covariances
  step mm            99th percentile of the change of the standing person's position from one image to the next
Errors are in the frame of the positions: with a moving camera that of the world (target_frame), or the camera's.
The rows "one pixel" are for the common method: the depth at the middle of the keypoints of the hips, and its change
from image to image.
Run: PYTHONPATH=. python benchmarks/tracking/people_in_space.py
"""

import argparse
import time
from typing import NamedTuple

import numpy as np

from benchmarks.tracking.depth import is_visible
from benchmarks.tracking.depth_renderer import COCO, render, sensor
from benchmarks.tracking.scenes import LEAST_VISIBLE, NOISE, WANDER_S, person_boxes
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.space.body_3d import people_from_joints
from pose_estimation_ros.core.space.depth import joints_in_space
from pose_estimation_ros.core.space.motion_3d import Motion3D
from pose_estimation_ros.core.space.people_3d import NO_SOURCE, People3D
from pose_estimation_ros.core.space.rigid import Rigid, identity

DISTORTION = [0.1, -0.2, 0.001, 0.0005, 0.05]
CAMERA = make_camera([262.5, 0, 159.5, 0, 262.5, 119.5, 0, 0, 1], DISTORTION, "plumb_bob", (320, 240))
CHI2_95 = 7.815 / 3  # 95 % of the sums of three squares of normal numbers are below 7.815
RATE_HZ, SECONDS = 30, 12
HIPS = [COCO.keypoints.index(name) for name in ("left_hip", "right_hip")]
STANDING = 2  # index of the walker who stands
JOINTS = [NOISE["joints"][name.split("_")[-1]] for name in COCO.keypoints]
SPREAD, FLICKER = (np.array([row[key] for row in JOINTS])[:, None] for key in ("spread", "flicker"))
WANDER = np.sqrt(SPREAD**2 - FLICKER**2)
HIDDEN = 0.5  # share of the hidden joints that a model finds nevertheless, as in scenes.py
REPEATS = 200
HEADER = "                          position mm  90 %  speed m/s   90 %  height mm  inside %  speed  step mm"


class Shot(NamedTuple):
    """Hold one image and the ground truth in the frame of the world, which is the camera's at the first image.

    Attributes:
        stamp_s: Time, s.
        poses: People that a detector sees, with exact keypoints and ids.
        depth: (240, 320) uint16 mm, as a sensor measures it.
        to_world: The Rigid from the camera's frame.
        place: (N, 3) m, middle of the hips of the same people.
        velocity: (N, 3) m/s.
        seen_place: (N, 3) m, the same place in the camera's frame.
        seen_velocity: (N, 3) m/s, of that place in the camera's frame, which moves.
        height: (N,) m.
    """

    stamp_s: float
    poses: Poses
    depth: np.ndarray
    to_world: Rigid
    place: np.ndarray
    velocity: np.ndarray
    seen_place: np.ndarray
    seen_velocity: np.ndarray
    height: np.ndarray


def walkers():
    """Return the four people."""
    return [
        Walker([(0, -1.2, 3.0), (2, 0.8, 3.0), (3, 0.8, 3.0), (5, 0.8, 4.8), (6.5, -0.9, 4.6), (12, -0.6, 2.6)], 1.75),
        Walker([(0, 1.6, 4.5), (3, -1.6, 4.5), (4, -1.6, 4.5), (6, 1.5, 4.0), (9, 1.0, 2.8), (12, 1.6, 4.5)], 1.60),
        Walker([(0, -0.3, 3.8), (12, -0.3, 3.8)], 1.70),
        Walker([(0, 0.9, 5.5), (4, 0.4, 2.4), (5, 0.4, 2.4), (9, -1.5, 5.2), (12, 0.5, 5.4)], 1.88),
    ]


def forward_and_turning(stamp_s):
    """Return the Rigid to the world of a robot that drives at 0.5 m/s, and turns to and fro by 10 degrees."""
    angle = np.radians(10) * np.sin(1.5 * stamp_s)
    cos, sin = np.cos(angle), np.sin(angle)
    drive_m = 0.5 * min(stamp_s, 2.0) - 0.5 * min(max(stamp_s - 4.0, 0.0), 2.0)
    return Rigid(np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]), np.array([0.0, 0, drive_m]))


def shots(path, rate_hz=RATE_HZ, seconds=SECONDS, seed=0):
    """Render the scene.

    Args:
        path: Function of the time in s that returns the Rigid from the camera's frame to the world's.
        rate_hz: Images per second.
        seconds: Length.
        seed: Seed of the sensor's noise.

    Returns:
        A list of Shot.
    """
    random, people = np.random.RandomState(seed), walkers()
    girth = random.uniform(0.85, 1.15)
    return [_shot(i / rate_hz, people, path, random, girth) for i in range(int(seconds * rate_hz))]


def truth(stamp_s, people, path):
    """Return place and velocity (N, 3) of all people in the world's frame, the same in the camera's, and heights."""
    times_s = stamp_s + np.array([-0.01, 0.0, 0.01])
    world = np.array([[walker.joints(time_s)[HIPS].mean(0) for walker in people] for time_s in times_s])
    seen = np.array([path(time_s).inverse().apply(places) for time_s, places in zip(times_s, world, strict=True)])
    moves = [(places[2] - places[0]) / 0.02 for places in (world, seen)]
    return world[1], moves[0], seen[1], moves[1], np.array([walker.height_m for walker in people])


def _shot(stamp_s, people, path, random, girth):
    to_world = path(stamp_s)
    world = np.array([walker.joints(stamp_s) for walker in people])
    joints = to_world.inverse().apply(world)
    image = render(joints, CAMERA, girth=girth)
    xy = CAMERA.project(joints)
    visible = is_visible(joints, xy, image)
    seen = (visible.mean(1) >= LEAST_VISIBLE) & (joints[..., 2] > 0.3).all(1)
    score = 0.5 * (visible | (random.rand(*visible.shape) < HIDDEN))
    box = person_boxes(joints) / 2  # those of an image of twice the size
    poses = make_poses(xy, score, box, np.full(len(xy), 0.5), np.arange(len(xy))).select(seen)
    exact = [values[seen] for values in truth(stamp_s, people, path)]
    return Shot(stamp_s, poses, sensor(image, random), to_world, *exact)


class Noise:
    """Give the keypoints of each person an error that wanders and flickers."""

    def __init__(self, step_s, seed=1):
        self.random, self.keep = np.random.RandomState(seed), np.exp(-step_s / WANDER_S)
        self._wander = self.random.randn(10, 17, 2)

    def __call__(self, poses):
        """Return the people of the next image with noise."""
        self._wander = self.keep * self._wander + np.sqrt(1 - self.keep**2) * self.random.randn(10, 17, 2)
        error = WANDER * self._wander[poses.track_id] + FLICKER * self.random.randn(*poses.xy.shape)
        height = (poses.box_xyxy[:, 3] - poses.box_xyxy[:, 1])[:, None, None]
        return poses.replace(xy=(poses.xy + height * error).astype(np.float32))


class Filtered:
    """Find people as the node does, in the world's frame or in the camera's."""

    def __init__(self, in_world=True):
        self.in_world, self._motion = in_world, Motion3D()

    def __call__(self, shot, poses):
        """Return the People3D of a shot with these poses."""
        joints = joints_in_space(poses, shot.depth, "16UC1", CAMERA, COCO)
        people, basis = people_from_joints(joints, COCO)
        rigid = shot.to_world if self.in_world else identity()
        people = people._replace(
            position=rigid.apply(people.position), position_covariance=rigid.covariance(people.position_covariance)
        )
        return self._motion.update(people, poses.track_id, shot.stamp_s, basis)


class OnePixel:
    """Take the depth at one pixel, and the difference of two images for the velocity."""

    def __init__(self):
        self._last, self._stamp_s = {}, 0.0

    def __call__(self, shot, poses):
        """Return the People3D of a shot with these poses."""
        xy = poses.xy[:, HIPS].mean(1)
        x, y = np.moveaxis(np.rint(xy).astype(int), -1, 0)
        inside = (x >= 0) & (y >= 0) & (x < 320) & (y < 240)
        z = np.where(inside, shot.depth[np.where(inside, y, 0), np.where(inside, x, 0)] / 1000.0, 0)
        place = np.where((z > 0)[:, None], shot.to_world.apply(CAMERA.unproject(xy, z)), np.nan)
        step_s = max(shot.stamp_s - self._stamp_s, 1e-3)
        last = np.array([self._last.get(i, np.full(3, np.nan)) for i in poses.track_id.tolist()]).reshape(-1, 3)
        self._last, self._stamp_s = dict(zip(poses.track_id.tolist(), place, strict=True)), shot.stamp_s
        none = np.full((len(z), 3, 3), np.nan)
        height = np.full(len(z), np.nan)
        return People3D(place, none, (place - last) / step_s, none, height, np.where(z > 0, 1, NO_SOURCE))


def errors(method, some_shots, noise=None):
    """Return the errors of a method: dict of position (M, 3), speed (M, 3), their squares (M,), height, step."""
    table = {name: [] for name in ("position", "velocity", "position_squares", "velocity_squares", "height", "step")}
    last = None
    for shot in some_shots:
        people = method(shot, noise(shot.poses) if noise else shot.poses)
        in_world = getattr(method, "in_world", True)
        off = people.position - (shot.place if in_world else shot.seen_place)
        speed_off = people.velocity - (shot.velocity if in_world else shot.seen_velocity)
        table["position"].append(off)
        table["velocity"].append(speed_off)
        table["position_squares"].append(_squares(off, people.position_covariance))
        table["velocity_squares"].append(_squares(speed_off, people.velocity_covariance))
        table["height"].append(people.height - shot.height)
        who = np.flatnonzero(shot.poses.track_id == STANDING)
        place = people.position[who[0]] if len(who) else None
        if place is not None and last is not None:
            table["step"].append(np.linalg.norm(place - last))
        last = place
    return {name: np.concatenate([np.atleast_1d(part) for part in parts]) for name, parts in table.items()}


def _squares(error, covariance):
    """Return the squared errors (N,) by their covariance, divided by three; NaN where one is not known."""
    known = np.isfinite(error).all(1) & np.isfinite(covariance).all((1, 2))
    squares = np.full(len(error), np.nan)
    solved = np.linalg.solve(covariance[known], error[known][..., None])[..., 0]
    squares[known] = (error[known] * solved).sum(1) / 3
    return squares


def row(title, found):
    """Return a line of the table for the errors of one method."""
    place, speed = (np.linalg.norm(found[name], axis=1) for name in ("position", "velocity"))
    numbers = [1000 * v for v in np.nanpercentile(place, [50, 90])] + list(np.nanpercentile(speed, [50, 90]))
    text = f"{title:30} {numbers[0]:6.0f} {numbers[1]:5.0f} {numbers[2]:10.2f} {numbers[3]:6.2f}"
    if np.isfinite(found["height"]).any():
        height_mm = 1000 * np.nanmedian(np.abs(found["height"]))
        squares = [found[name][np.isfinite(found[name])] for name in ("position_squares", "velocity_squares")]
        text += (
            f" {height_mm:10.0f} {100 * np.mean(squares[0] < CHI2_95):9.0f} {100 * np.mean(squares[1] < CHI2_95):5.0f}"
        )
    else:
        text += " " * 26
    return text + f" {1000 * np.nanpercentile(found['step'], 99):8.0f}"


def milliseconds():
    """Return processor times for five people, ms: of joints_in_space, and of place, height and filter after it."""
    shot = shots(lambda _: identity(), seconds=0.1)[0]
    five = shot.poses.select(np.array([0, 1, 2, 0, 1])).replace(track_id=np.arange(5))
    motion, times = Motion3D(), []
    for number in range(REPEATS):
        start_s = time.process_time()
        joints = joints_in_space(five, shot.depth, "16UC1", CAMERA, COCO)
        middle_s = time.process_time()
        people, basis = people_from_joints(joints, COCO)
        motion.update(people, five.track_id, number / 30, basis)
        times.append((middle_s - start_s, time.process_time() - middle_s))
    return 1e3 * np.median(times, axis=0)


def main():
    """Measure all methods at several rates and print the table."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    print(HEADER)
    still = shots(lambda _: identity())
    for noisy in (False, True):
        for every in (1, 3, 6):
            step_s = every / RATE_HZ
            title = f"{'noisy' if noisy else 'exact'} keypoints, {RATE_HZ // every} Hz"
            for method, name in ((Filtered(), title), (OnePixel(), "  one pixel")):
                print(row(name, errors(method, still[::every], Noise(step_s) if noisy else None)))
    moving = shots(forward_and_turning)
    for name, in_world in (("moving camera, target_frame", True), ("moving camera, its frame", False)):
        print(row(name, errors(Filtered(in_world), moving, Noise(1 / RATE_HZ))))
    first, after = milliseconds()
    print(f"{after:.2f} ms of processor time for 5 people after joints_in_space, which takes {first:.2f} ms")


if __name__ == "__main__":
    main()
