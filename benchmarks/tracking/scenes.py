"""Make scenes with exact ground truth for the tracker and the smoother, and a model's noisy poses of their people.

The noise is that of the default model, as `keypoint_noise.py` measures it and writes it into noise.json, in fractions
of the person's box height (docs/measurements/tracking.md has the table). It has white flicker and an error that wanders
with a time constant of 1 s, which together make the spread measured on coco_val; spells in which a joint is found in
another place; missed keypoints and missed people; and scores. Joints that are hidden by other people get a bad position
or none.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.tracking.walkers import JOINTS, Walker
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.oks import box_area, pose_nms
from pose_estimation_ros.core.poses import Poses, empty_poses, joined, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.pipeline import SHARED_JOINTS

FOCAL_PX, SIZE_WH = 525.0, (640, 480)
LINKS = np.array(get_skeleton("coco17").links)
LIMB_RADIUS_M = 0.10
NOISE = json.loads(Path(__file__).with_name("noise.json").read_text())
SCORE_SPREAD, LEAST_SCORE = NOISE["score_spread"], NOISE["score_threshold"]
SPELL_S, SPELL_SPREAD = 0.3, 0.15  # a joint jumps away and back, so half of the jumps begin a spell
WANDER_S = 1.0
MISS_SHARE, MISS_S = NOISE["missed_share"], NOISE["missed_s"]  # share of frames without the person, and for how long
LEAST_VISIBLE = 0.35  # the detector misses people of whom a smaller share of the joints is visible
FALSE_PER_S, DOUBLE_PER_S = 0.2, 0.2  # how often a thing is taken for a person, and a person is found twice
COLOURS, FEW_COLOURS, COMMON = 32, 0.1, 0.9  # colours in a histogram; how few each person has, and how many of them all
LOOK_CHANGE, LOOK_S = 0.8, 1.0  # standard deviation of the logarithm of a colour's share, and time constant
TRUNK, HALF = [5, 6, 11, 12], 0.5  # shoulders and hips; of them so many must be visible to see the clothes
_FIGURES = ("flicker", "spread", "jumps_per_s", "missed", "score_fine", "score_gross")
_ROWS = [NOISE["joints"][joint.split("_")[-1]] for joint in JOINTS]
_FLICKER, _SPREAD, _JUMPS, _MISSED, _FINE, _GROSS = np.array([[row[name] for name in _FIGURES] for row in _ROWS]).T


class Frame(NamedTuple):
    """Hold the ground truth of one frame and the poses that the model found in it.

    Attributes:
        stamp_s: Time of the frame, s.
        truth_xy: Joints of the people in the scene, (P, K, 2) px.
        truth_box: Their boxes, (P, 4) px.
        visible: Which joints are visible, (P, K) bool.
        person: Numbers of the people, (P,).
        poses: The N poses that the model found.
        source: Number of the person of each pose, (N,); -1 if there is nobody.
        appearance: Histograms (N, F) as Tracker.update takes them; NaN for a person who is mostly hidden. None where
            poses have no noise.
    """

    stamp_s: float
    truth_xy: np.ndarray
    truth_box: np.ndarray
    visible: np.ndarray
    person: np.ndarray
    poses: Poses
    source: np.ndarray
    appearance: np.ndarray | None = None


class Scene(NamedTuple):
    """Describe who walks where, and what hides them.

    Attributes:
        name: Name of the scene.
        walkers: One Walker per person and visit.
        pillars: (left px, right px, distance m) of each; they reach from the top of the image to the bottom.
    """

    name: str
    walkers: tuple[Walker, ...]
    pillars: tuple[tuple[float, float, float], ...] = ()


def frames(scene, rate_hz=30, seed=0, noisy=True):
    """Return the frames of a scene.

    Args:
        scene: A Scene.
        rate_hz: Frames per second.
        seed: Seed of the noise.
        noisy: Whether poses have noise; without it they are the ground truth of all people that a detector sees.

    Returns:
        A list of Frame.
    """
    random = np.random.RandomState(seed)
    models = [_Model(random, 1.0 / rate_hz) for _ in scene.walkers]
    looks = _Looks(seed, len(scene.walkers), 1.0 / rate_hz)
    end_s = max(walker.end_s for walker in scene.walkers)
    return [_frame(scene, i / rate_hz, models, looks, random, noisy) for i in range(int(end_s * rate_hz) + 1)]


def _frame(scene, stamp_s, models, looks, random, noisy):
    person = np.array([i for i, walker in enumerate(scene.walkers) if walker.is_there(stamp_s)], int)
    joints = np.array([scene.walkers[i].joints(stamp_s) for i in person]).reshape(-1, 17, 3)
    xy, box = project(joints), person_boxes(joints)
    visible = visible_joints(joints, scene.pillars)
    if not noisy:
        detected = visible.mean(1) >= LEAST_VISIBLE
        poses = make_poses(xy, visible * 0.9, box, np.full(len(person), 0.9)).select(detected)
        return Frame(stamp_s, xy, box, visible, person, poses, person[detected])
    rows = zip(person, xy, box, visible, strict=True)
    per_person = [models[number].find(*arrays) for number, *arrays in rows]
    source = [number for number, poses in zip(person, per_person, strict=True) for _ in range(poses.count)]
    if random.rand() < FALSE_PER_S * models[0].step_s:
        per_person.append(_false_person(random))
        source.append(-1)
    poses = joined(empty_poses(17), *per_person)
    order = random.permutation(_without_doubles(poses))
    source = np.array(source, int)[order]
    return Frame(stamp_s, xy, box, visible, person, poses.select(order), source, looks.of(source, person, visible))


def _without_doubles(poses):
    """Return the indices of the people that the pipeline keeps when it drops duplicates."""
    area = box_area(poses.box_xyxy)
    return pose_nms(poses.xy, poses.score, area, poses.person_score, get_skeleton("coco17").sigmas, SHARED_JOINTS)


def project(joints):
    """Project points (..., 3) m to (..., 2) px of the scenes' camera, a pinhole."""
    return FOCAL_PX * joints[..., :2] / joints[..., 2:] + (np.array(SIZE_WH) - 1) / 2.0


def person_boxes(joints):
    """Return boxes (P, 4) px around whole bodies with joints (P, 17, 3) m; they may reach out of the image."""
    boxes = boxes_around(project(joints), np.ones(joints.shape[:2]), 0)
    margin = 0.12 * FOCAL_PX / joints[..., 2].mean(1)[:, None] if len(joints) else np.zeros((0, 1))
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], 1).astype(np.float32)


def visible_joints(joints, pillars):
    """Tell which joints are inside the image and hidden neither by a pillar nor by a limb of a nearer person.

    Args:
        joints: (P, 17, 3) m in the camera's frame.
        pillars: Scene.pillars.

    Returns:
        (P, 17) bool.
    """
    xy, z = project(joints), joints[..., 2]
    visible = ((xy >= 0) & (xy <= np.array(SIZE_WH) - 1)).all(-1)
    for left, right, distance in pillars:
        visible &= ~((xy[..., 0] > left) & (xy[..., 0] < right) & (z > distance))
    for front in range(len(joints)):
        radius = LIMB_RADIUS_M * FOCAL_PX / z[front].mean()
        for behind in np.flatnonzero(z.mean(1) > z[front].mean()):
            visible[behind] &= ~_within(xy[behind], xy[front], radius)
    return visible


def _within(points, front, radius):
    """Tell which of the points (K, 2) lie on a bone or on the trunk of the person (17, 2) in front."""
    start, along = front[LINKS[:, 0]], front[LINKS[:, 1]] - front[LINKS[:, 0]]
    part = ((points[:, None] - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)
    nearest = start + np.clip(part, 0, 1)[..., None] * along
    on_bone = (np.linalg.norm(points[:, None] - nearest, axis=-1) < radius).any(1)
    trunk = front[[5, 6, 11, 12]]
    low, high = trunk.min(0) - radius / 2, trunk.max(0) + radius / 2
    return on_bone | ((points > low) & (points < high)).all(1)


class _Model:
    """Simulate a network's poses of one person, with errors that last from frame to frame."""

    def __init__(self, random, step_s):
        self.random, self.step_s = random, step_s
        self._wander = random.randn(17, 2)
        self._spell_s, self._spell = np.zeros(17), np.zeros((17, 2))
        self._missed_s = self._double_s = 0.0

    def find(self, xy, box, visible):
        """Return the poses that the model finds of the person: none, one, or (rarely) two.

        Args:
            xy: (17, 2) exact joints, px.
            box: (4,) exact box, px.
            visible: (17,) bool.
        """
        self._advance(visible)
        if self._missed_s > 0 or visible.mean() < LEAST_VISIBLE:
            return empty_poses(17)
        copies = 2 if self._double_s > 0 else 1
        return joined(*[self._one(xy, box, visible) for _ in range(copies)])

    def _advance(self, visible):
        """Take the lasting errors to the next frame."""
        random, step_s = self.random, self.step_s
        keep = np.exp(-step_s / WANDER_S)
        self._wander = keep * self._wander + np.sqrt(1 - keep**2) * random.randn(17, 2)
        begins = (self._spell_s <= 0) & (random.rand(17) < np.where(visible, _JUMPS / 2 * step_s, 0.5))
        self._spell_s = np.where(begins, random.exponential(SPELL_S, 17), self._spell_s - step_s)
        self._spell = np.where(begins[:, None], SPELL_SPREAD * random.randn(17, 2), self._spell)
        self._missed_s -= step_s
        if self._missed_s <= 0 and random.rand() < MISS_SHARE / MISS_S * step_s:
            self._missed_s = random.exponential(MISS_S)
        self._double_s = random.exponential(0.1) if random.rand() < DOUBLE_PER_S * step_s else self._double_s - step_s

    def _one(self, xy, box, visible):
        """Return one noisy pose of the person."""
        random, height = self.random, box[3] - box[1]
        in_spell = self._spell_s > 0
        wander = np.sqrt(np.maximum(_SPREAD**2 - _FLICKER**2, 0))[:, None] * self._wander
        error = wander + _FLICKER[:, None] * random.randn(17, 2) + in_spell[:, None] * self._spell
        wrong = in_spell | ~visible
        score = np.clip(np.where(wrong, _GROSS, _FINE) + SCORE_SPREAD * random.randn(17), LEAST_SCORE, 1)
        missed = random.rand(17) < np.where(visible, _MISSED, 0.5)
        score = np.where(missed, 0, score)
        visible_box = boxes_around(xy[None], visible[None], 0)[0]  # the detector boxes the visible part of a person
        margin = 0.07 * height * np.array([-1, -1, 1, 1])
        noisy_box = visible_box + margin + 0.015 * height * random.randn(4)
        person_score = score[score > 0].mean(keepdims=True)
        return make_poses((xy + height * error)[None], score[None], noisy_box[None], person_score)


class _Looks:
    """Simulate the histograms of what people look like, as alike as those of the demo's clip.

    Clothes have colours of their own and share some with others; light and folds change a little from frame to frame,
    and more within a second. The noise is none of the poses', which stay the same with and without looks.
    """

    def __init__(self, seed, people, step_s):
        self.random, self.keep = np.random.RandomState(1000 + seed), np.exp(-step_s / LOOK_S)
        shared, share = self._clothes(1), COMMON * self.random.beta(0.5, 1.0, (people, 1))
        self._base = share * shared + (1 - share) * self._clothes(people)
        self._wander = self.random.randn(people, COLOURS)

    def of(self, source, person, visible):
        """Return the histograms (N, COLOURS) of found people; arguments are as in Frame."""
        self._wander *= self.keep
        self._wander += np.sqrt(1 - self.keep**2) * self.random.randn(*self._wander.shape)
        person_looks = self._base * np.exp(LOOK_CHANGE * self._wander)
        looks = np.where((source >= 0)[:, None], person_looks[source], self._clothes(len(source)))
        looks = looks * np.exp(LOOK_CHANGE * self.random.randn(*looks.shape))
        hidden = person[visible[:, TRUNK].mean(1) < HALF] if len(person) else person
        looks[np.isin(source, hidden)] = np.nan
        return (looks / looks.sum(1, keepdims=True)).astype(np.float32)

    def _clothes(self, count):
        colours = self.random.gamma(FEW_COLOURS, 1, (count, COLOURS)) + 1e-9
        return colours / colours.sum(1, keepdims=True)


def _false_person(random):
    """Return the pose of a false detection, of random size and place, with keypoints all over its box."""
    height = random.uniform(60, 250)
    box = np.array([0, 0, 0.4 * height, height]) + np.tile(random.rand(2) * (np.array(SIZE_WH) - 60), 2)
    xy = box[:2] + random.rand(17, 2) * (box[2:] - box[:2])
    return make_poses(xy[None], random.uniform(LEAST_SCORE, LEAST_SCORE + 0.25, (1, 17)), box[None], np.full(1, 0.3))


def all_scenes():
    """Return the scenes of the benchmark."""
    return [
        Scene("standing", tuple(Walker([(0, x, z), (12, x, z)]) for x, z in ((-1, 3), (0.2, 4), (1.8, 5)))),
        Scene("walking", (Walker([(0, -1.6, 3.5), (3.2, 1.6, 3.5), (6.4, -1.6, 3.5), (9.6, 1.6, 3.5)]),)),
        Scene("crossing", tuple(_crossings())),
        Scene("meeting", tuple(_meetings())),
        Scene("pillar", tuple(_behind_pillar()), ((280.0, 350.0, 2.0),)),
        Scene("return", tuple(_visits())),
        Scene("group", tuple(Walker([(0, x - 1.6, z), (3, x + 1.0, z), (6, x - 1.6, z)]) for x, z in _SIDE_BY_SIDE)),
        Scene("crowd", tuple(_crowd(np.random.RandomState(7)))),
    ]


_SIDE_BY_SIDE = ((0.0, 3.0), (0.3, 3.7), (0.6, 4.4))


def _crossings():
    """Let six pairs pass each other, one person nearer than the other, from strolling to walking fast."""
    for number, speed in enumerate((0.7, 1.0, 1.0, 1.3, 1.3, 1.6)):
        begin, span = 6.0 * number, 3.2 / speed
        yield Walker([(begin, -1.6, 3.2), (begin + span, 1.6, 3.2)])
        yield Walker([(begin, 1.7, 3.8 + 0.1 * number), (begin + span, -1.5, 3.8 + 0.1 * number)], 1.8)


def _meetings():
    """Let two people approach each other, stand half a metre apart and go back."""
    yield Walker([(0, -1.8, 3.5), (2, -0.25, 3.5), (5, -0.25, 3.5), (7, -1.8, 3.5)])
    yield Walker([(0, 2.0, 4.0), (2, 0.25, 4.0), (5, 0.25, 4.0), (7, 2.0, 4.0)], 1.8)


def _behind_pillar():
    """Let one person after the other walk behind a pillar of 70 px, hidden for 0.3 to 0.9 s."""
    for number, (speed, z) in enumerate(((1.3, 3.0), (1.0, 3.5), (1.0, 4.5), (0.8, 4.0), (1.5, 5.0))):
        begin, span = 6.0 * number, 4.0 / speed
        yield Walker([(begin, -2.0, z), (begin + span, 2.0, z)])


def _visits():
    """Let one person leave the image and return after four seconds, as a new visit, while another one stays."""
    yield Walker([(0, 0.8, 4), (20, 0.8, 4)])
    for begin in (0.0, 9.0):
        yield Walker([(begin, -3.0, 3.2), (begin + 2, -0.6, 3.2), (begin + 3, -0.6, 3.2), (begin + 5, -3.0, 3.2)])


def _crowd(random):
    """Let six people walk between random places for twenty seconds."""
    for _ in range(6):
        time_s, places = 0.0, [(0.0, random.uniform(-1.5, 1.5), random.uniform(3, 6))]
        while time_s < 20:
            x, z = random.uniform(-1.8, 1.8), random.uniform(3, 6)
            time_s += np.hypot(x - places[-1][1], z - places[-1][2]) / random.uniform(0.6, 1.4) + 0.01
            places.append((time_s, x, z))
            time_s += random.uniform(0.1, 2)
            places.append((time_s, x, z))
        yield Walker(places, random.uniform(1.6, 1.9))
