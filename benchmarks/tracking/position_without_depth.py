"""Measure how well positions are guessed without depth, on rendered people whose places are known exactly.

Each row has people of one kind at 1 to 8 m, anywhere in the image, who look anywhere. Body heights have a mean of
1.68 m and a standard deviation of 0.10 m, and each bone has a length of its own, 5 % off the usual share. The camera
has 640x480 px and the distortion of a webcam. Joints behind the person's own body, or a box before the legs, are
hidden, as the renderer shows it. Keypoints have the noise of the default model (noise.json). The camera stands 1.2 m
above the ground, if the row says nothing else; its tilt is known with an error of 1 degree as standard deviation, and
rows with a tilt have exactly that error, up or down. "no error" means exact keypoints of the usual proportions.
The last row has the same children, of whom person_height_m and person_height_sigma_m tell.
The columns are:
  told %           share of the people whose position is told; in the second table by the feet, and only they count
  1-2, 2-4, 4-8 m  median error of the position, m, of people at that distance
  error %, 90 %    median and 90th percentile of the error, as a share of the distance
  bias %           median of what people are too far away; negative: too near
  1, 2, 3 sigma    share of the people whose distance is inside; 68, 95 and 99.7 would be exact
  chi2             mean of the squared error over the covariance, of three dimensions; 3 would be exact
  height           median error of the heights that are told, m, and the share of people for whom they are
Run: PYTHONPATH=. python benchmarks/tracking/position_without_depth.py [--people 200]
"""

import argparse
import time
from typing import NamedTuple

import numpy as np

from benchmarks.tracking.depth import CAMERA, is_visible
from benchmarks.tracking.depth_renderer import COCO, render
from benchmarks.tracking.scenes import NOISE, SPELL_S, SPELL_SPREAD
from benchmarks.tracking.walkers import CAMERA_HEIGHT_M, SHANK, THIGH, body
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import joined, make_poses
from pose_estimation_ros.core.space.metric_guess import Ground, GuessOptions, guess_positions
from pose_estimation_ros.core.space.people_3d import FROM_GROUND, FROM_HEIGHT

JOINT = {name: k for k, name in enumerate(COCO.keypoints)}
HIPS, SHOULDERS = [[JOINT[side + part] for side in ("left_", "right_")] for part in ("hip", "shoulder")]
ANKLES = [JOINT["left_ankle"], JOINT["right_ankle"]]
UPPER = [k for k, name in enumerate(COCO.keypoints) if name.split("_")[-1] not in ("hip", "knee", "ankle")]
HIPS_UP, ANKLES_UP, SHOE_M = 0.53, 0.039, 0.02
ROWS_OF_NOISE = [NOISE["joints"][name.split("_")[-1]] for name in COCO.keypoints]
SPREAD, JUMPS, MISSED = np.array(
    [[row[name] for name in ("spread", "jumps_per_s", "missed")] for row in ROWS_OF_NOISE]
).T
GROSS = JUMPS / 2 * SPELL_S  # share of the time in which a joint is found somewhere else, as in scenes.py
HEIGHT_M, HEIGHT_SIGMA_M, BONE_SIGMA, TILT_SIGMA_DEG = 1.68, 0.10, 0.05, 1.0
REPEATS = 20
DISTANCES = ((1, 2), (2, 4), (4, 8))
SMALL = CAMERA._replace(size_wh=(160, 120), matrix=np.diag([0.25, 0.25, 1]) @ CAMERA.matrix)  # for what is hidden
# Bones from the hips outwards: inner and outer end.
BONES = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]


class Case(NamedTuple):
    """Describe a row of the table.

    Attributes:
        name: what is printed.
        posture: "standing", "walking", "sitting" or "bent".
        hidden: "" or what is not seen: "feet" behind a box, "legs" cut off with the hips.
        height_m: body height, None for many.
        tilt_error_deg: error of the known tilt, None for a random one.
        camera: (height m, tilt degrees upwards) of the camera.
        noisy: whether keypoints, bones and tilt have errors.
        options: what guess_positions() assumes.
    """

    name: str
    posture: str = "walking"
    hidden: str = ""
    height_m: float | None = None
    tilt_error_deg: float | None = None
    camera: tuple[float, float] = (CAMERA_HEIGHT_M, 0.0)
    noisy: bool = True
    options: GuessOptions = GuessOptions()


CASES = (
    Case("no error", "standing", noisy=False, height_m=HEIGHT_M),
    Case("standing", "standing"),
    Case("walking"),
    Case("sitting", "sitting"),
    Case("bent", "bent"),
    Case("feet hidden", hidden="feet"),
    Case("hips and legs cut off", hidden="legs"),
    Case("camera 0.5 m, 15 deg up", camera=(0.5, 15.0)),
    Case("camera 2 m, 20 deg down", camera=(2.0, -20.0)),
    Case("tilt known exactly", tilt_error_deg=0.0),
    Case("tilt 1 deg wrong", tilt_error_deg=1.0),
    Case("tilt 2 deg wrong", tilt_error_deg=2.0),
    Case("all 1.50 m", height_m=1.50),
    Case("all 1.95 m", height_m=1.95),
    Case("children of 1.20 m", height_m=1.20),
    Case("as 1.45 m +- 0.30 m", height_m=1.20, options=GuessOptions(height_m=1.45, height_sigma_m=0.30)),
)


class Sample(NamedTuple):
    """Hold the people of a case.

    Attributes:
        poses: Poses of N people, one of each image.
        hips: (N, 3) true middle of the hips, m in the camera's frame.
        shoulders: (N, 3) of the shoulders.
        height_m: (N,) true heights.
        grounds: N Ground, as they are known.
    """

    poses: object
    hips: np.ndarray
    shoulders: np.ndarray
    height_m: np.ndarray
    grounds: list


def posture_of(name, random):
    """Return the joints (17, 3) of a body of height 1 in a posture: forward, up and left of a point on the ground."""
    joints = body(random.uniform(0, 2 * np.pi), 1.0 if name == "walking" else 0.0)
    if name == "sitting":
        for side in ("left_", "right_"):
            hip = joints[JOINT[side + "hip"]]
            joints[JOINT[side + "knee"]] = hip + THIGH * np.array([1.0, 0.0, 0.0])
            joints[JOINT[side + "ankle"]] = hip + [THIGH, -SHANK, 0.0]
    if name == "bent":
        angle = np.radians(random.uniform(40, 80))
        turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        middle = joints[HIPS].mean(0)
        joints[UPPER] = (joints[UPPER] - middle) @ turn.T + middle
    return joints


def with_other_bones(joints, random):
    """Return joints (17, 3) whose trunk and limbs have other lengths; both sides change alike."""
    factors = 1 + BONE_SIGMA * random.randn(len(BONES) + 1)
    result, middle = joints.copy(), joints[HIPS].mean(0)
    result[UPPER] += (factors[-1] - 1) * (joints[SHOULDERS].mean(0) - middle)
    for factor, (inner, outer) in zip(factors, BONES, strict=False):
        for side in ("left_", "right_"):
            start, end = JOINT[side + inner], JOINT[side + outer]
            result[end] = result[start] + factor * (joints[end] - joints[start])
    return result


def person(case, random):
    """Return the joints (17, 3) m of one person in the camera's frame, the height in m and the known Ground."""
    height_m = case.height_m or HEIGHT_M + HEIGHT_SIGMA_M * random.randn()
    joints = posture_of(case.posture, random)
    joints = height_m * (with_other_bones(joints, random) if case.noisy else joints)
    joints[:, 1] += ANKLES_UP * height_m - joints[ANKLES, 1].min() + (SHOE_M if case.noisy else 0)
    distance, heading = np.exp(random.uniform(0, np.log(8))), random.uniform(0, 2 * np.pi)
    x, (camera_up_m, tilt_deg) = 0.4 * distance * random.uniform(-1, 1), case.camera
    forward, up, left = (joints - [*joints[HIPS].mean(0)[[0]], 0, 0]).T
    level = np.stack(
        [
            x + forward * np.cos(heading) - left * np.sin(heading),
            camera_up_m - up,
            distance + forward * np.sin(heading) + left * np.cos(heading),
        ],
        1,
    )
    error_deg = TILT_SIGMA_DEG * random.randn() if case.tilt_error_deg is None else case.tilt_error_deg
    known_deg = tilt_deg + error_deg * random.choice([-1, 1]) * case.noisy
    return level @ tilted(tilt_deg).T, height_m, Ground(tilted(known_deg) @ [0.0, -1.0, 0.0], camera_up_m)


def tilted(degrees):
    """Return the rotation (3, 3) from the frame of a level camera to that of one that looks up by so many degrees."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])


def seen(case, joints, random):
    """Return the Poses of one person that a network finds, and which joints (17,) are visible."""
    boxes = ()
    if case.hidden == "feet":  # the box hides all below the middle of the shanks
        ankles, knees = joints[ANKLES], joints[[k - 2 for k in ANKLES]]
        near, top = joints[:, 2].min() - 0.2, random.uniform(knees[:, 1].mean(), ankles[:, 1].min())
        boxes = (((-9.0, top, max(near - 0.1, 0.1)), (9.0, top + 5, max(near, 0.2))),)
    depth = render(joints[None], SMALL, boxes, wall_m=50.0, floor_m=50.0)
    visible = is_visible(joints[None], SMALL.project(joints)[None], depth)[0]
    if case.hidden == "legs":
        visible &= np.isin(np.arange(17), UPPER)
    xy = CAMERA.project(joints)
    box = boxes_around(xy[None], visible[None], 0)[0] + 0.07 * np.ptp(xy[visible, 1]) * np.array([-1, -1, 1, 1])
    side, score = (box[2:] - box[:2]).max(), visible * 0.9
    if case.noisy:
        gross = random.rand(17) < np.where(visible, GROSS, 0.5)
        xy = xy + side * (SPREAD[:, None] + gross[:, None] * SPELL_SPREAD) * random.randn(17, 2)
        score = 0.8 * (random.rand(17) >= np.where(visible, MISSED, 0.5))
        if case.hidden == "legs":
            score = score * visible
    return make_poses(xy[None], score[None], box[None], np.full(1, 0.9)), visible


def sample(case, people, seed=0):
    """Return the Sample of a case, with people of whom a detector sees enough."""
    random, found = np.random.RandomState(seed), []
    while len(found) < people:
        joints, height_m, ground = person(case, random)
        with np.errstate(invalid="ignore"):
            xy = CAMERA.project(joints)
            inside = ((xy >= 0) & (xy <= np.array(CAMERA.size_wh) - 1)).all(1)
        if inside.mean() < 0.35 or joints[:, 2].min() < 0.3:
            continue
        poses, visible = seen(case, joints, random)
        if visible.mean() >= 0.35:
            found.append((poses, joints[HIPS].mean(0), joints[SHOULDERS].mean(0), height_m, ground))
    poses, hips, shoulders, height_m, grounds = zip(*found, strict=True)
    return Sample(joined(*poses), np.array(hips), np.array(shoulders), np.array(height_m), list(grounds))


def guessed(case, people, with_ground):
    """Return the People3D of a Sample of a case; each person has another ground, so it is one call for each."""
    if not with_ground:
        return guess_positions(people.poses, CAMERA, COCO, None, case.options)
    single = [
        guess_positions(people.poses[[i]], CAMERA, COCO, ground, case.options)
        for i, ground in enumerate(people.grounds)
    ]
    return type(single[0])(*(np.concatenate(arrays) for arrays in zip(*single, strict=True)))


def truth_of(people):
    """Return the point (N, 3) whose position is told: the middle of the hips, or of the shoulders without hips."""
    xy, size = people.poses.xy[:, HIPS], np.array(CAMERA.size_wh)
    border = 0.01 * size.max()
    inside = ((xy >= border) & (xy <= size - 1 - border)).all(-1)
    has_hips = (inside & (people.poses.score[:, HIPS] > 0)).any(1)
    return np.where(has_hips[:, None], people.hips, people.shoulders)


def middle(values):
    """Return the median, NaN of nothing."""
    return np.median(values) if len(values) else np.nan


def figures(people, guess, source):
    """Return the figures of a row of the table, in the order of the columns."""
    truth = truth_of(people)
    distance, told = np.linalg.norm(truth, axis=1), guess.source == source
    error = np.linalg.norm(guess.position - truth, axis=1)
    along = truth / distance[:, None]
    off = ((guess.position - truth) * along).sum(1)
    sigma = np.sqrt(np.einsum("ni,nij,nj->n", along, guess.position_covariance, along))
    difference = (guess.position - truth)[told]
    chi2 = np.einsum("ni,nij,nj->n", difference, np.linalg.inv(guess.position_covariance[told]), difference)
    by_distance = [middle(error[told & (distance >= low) & (distance < high)]) for low, high in DISTANCES]
    shares = 100 * (error / distance)[told]
    tall = np.isfinite(guess.height)
    return (
        100 * told.mean(),
        *by_distance,
        *np.percentile(shares, [50, 90]),
        100 * np.median((off / distance)[told]),
        *(100 * (np.abs(off) <= k * sigma)[told].mean() for k in (1, 2, 3)),
        chi2.mean(),
        middle(np.abs(guess.height - people.height_m)[tall]),
        100 * tall.mean(),
    )


HEAD = "told%  1-2m  2-4m  4-8m  error%  90%  bias%   1s   2s   3s   chi2  height   for%"
FORM = "{:5.0f} {:5.2f} {:5.2f} {:5.2f}   {:5.1f} {:4.0f}  {:5.1f} {:4.0f} {:4.0f} {:4.0f} {:6.1f}   {:5.2f} {:6.0f}"


def main():
    """Print a table for each of the two ways."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=200, help="number of people in each row")
    count = parser.parse_args().people
    samples = [(case, sample(case, count)) for case in CASES]
    for source, title in ((FROM_HEIGHT, "by body height"), (FROM_GROUND, "by the feet on the ground")):
        print(f"{title:26}{HEAD}")
        for case, people in samples:
            guess = guessed(case, people, source == FROM_GROUND)
            if (guess.source == source).any() and (source == FROM_GROUND or case.tilt_error_deg is None):
                print(f"{case.name:24} {FORM.format(*figures(people, guess, source))}", flush=True)
    print(f"{count} people in a row; {1e3 * seconds(samples[1][1].poses):.2f} ms of processor time per person")


def seconds(poses):
    """Return the median processor time of guess_positions() per person, for 4 people in an image."""
    times = []
    for _ in range(REPEATS):
        start_s = time.process_time()
        guess_positions(poses[:4], CAMERA, COCO)
        times.append(time.process_time() - start_s)
    return float(np.median(times)) / 4


if __name__ == "__main__":
    main()
