"""Scenes with exact truth for the tracker and the smoother: walkers, who hides whom, and what a real model makes of it.

The noise is elpn_v1_coco's as `benchmarks/keypoint_noise.py` measures it (its table is in docs/tracking.md), in parts
of the person's box height: white flicker, an error that wanders (time constant 1 s; together they make the spread
measured on coco_val), spells of another place being found, keypoints missed, scores, persons missed. Hidden joints are
guessed badly or not found.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.walkers import JOINTS, Walker
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.oks import box_area, oks_nms
from pose_estimation_ros.core.poses import Poses, empty_poses, joined, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.pipeline import DUPLICATE_OKS

FOCAL_PX, SIZE_WH = 525.0, (640, 480)
LINKS = np.array(get_skeleton("coco17").links)
LIMB_RADIUS_M = 0.10
# Joint: flicker and spread (parts of the height), jumps per second, share missed, score when right, score when wrong.
NOISE = {
    "nose": (0.0135, 0.0264, 0.21, 0.000, 0.55, 0.46),
    "eye": (0.0113, 0.0203, 0.17, 0.000, 0.57, 0.48),
    "ear": (0.0113, 0.0229, 0.15, 0.005, 0.57, 0.43),
    "shoulder": (0.0122, 0.0286, 0.39, 0.025, 0.51, 0.37),
    "elbow": (0.0161, 0.0313, 0.98, 0.068, 0.46, 0.34),
    "wrist": (0.0277, 0.0330, 2.46, 0.067, 0.44, 0.35),
    "hip": (0.0161, 0.0392, 0.41, 0.082, 0.45, 0.31),
    "knee": (0.0189, 0.0337, 1.29, 0.103, 0.42, 0.33),
    "ankle": (0.0210, 0.0291, 2.44, 0.039, 0.44, 0.37),
}
SCORE_SPREAD = 0.12
SPELL_S, SPELL_SPREAD = 0.3, 0.15  # a joint jumps away and back: half the jumps begin a spell
WANDER_S = 1.0
MISS_SHARE, MISS_S = 0.039, 0.17  # of a person; 1.7 frames of the clip's 10 Hz
LEAST_VISIBLE = 0.35  # of the joints: less and the detector does not see the person
FALSE_PER_S, DOUBLE_PER_S = 0.2, 0.2  # things taken for a person, persons found twice; of some frames each
_, _SPREAD, _JUMPS, _MISSED, _FINE, _GROSS = np.array([NOISE[joint.split("_")[-1]] for joint in JOINTS]).T
_FLICKER = np.array([NOISE[joint.split("_")[-1]][0] for joint in JOINTS])


class Frame(NamedTuple):
    """truth_xy (P, K, 2) px and truth_box (P, 4) of the persons there; visible (P, K); person (P,): their numbers.

    poses: what the model found. source (N,): the number of the person behind each, -1 = nobody.
    """

    stamp_s: float
    truth_xy: np.ndarray
    truth_box: np.ndarray
    visible: np.ndarray
    person: np.ndarray
    poses: Poses
    source: np.ndarray


class Scene(NamedTuple):
    """walkers: one per person and visit. pillars: (left px, right px, distance m), from top to bottom of the image."""

    name: str
    walkers: tuple[Walker, ...]
    pillars: tuple[tuple[float, float, float], ...] = ()


def frames(scene, rate_hz=30, seed=0, noisy=True):
    """The frames of a scene, a list of Frame."""
    random = np.random.RandomState(seed)
    models = [_Model(random, 1.0 / rate_hz) for _ in scene.walkers]
    end_s = max(walker.end_s for walker in scene.walkers)
    return [_frame(scene, i / rate_hz, models, random, noisy) for i in range(int(end_s * rate_hz) + 1)]


def _frame(scene, stamp_s, models, random, noisy):
    person = np.array([i for i, walker in enumerate(scene.walkers) if walker.is_there(stamp_s)], int)
    joints = np.array([scene.walkers[i].joints(stamp_s) for i in person]).reshape(-1, 17, 3)
    xy, box = project(joints), person_boxes(joints)
    visible = seen(joints, scene.pillars)
    if not noisy:
        found = visible.mean(1) >= LEAST_VISIBLE
        poses = make_poses(xy, visible * 0.9, box, np.full(len(person), 0.9)).select(found)
        return Frame(stamp_s, xy, box, visible, person, poses, person[found])
    found = [models[number].find(*one) for number, one in zip(person, zip(xy, box, visible, strict=True), strict=True)]
    source = [number for number, poses in zip(person, found, strict=True) for _ in range(poses.count)]
    if random.rand() < FALSE_PER_S * models[0].step_s:
        found.append(_false_person(random))
        source.append(-1)
    poses = joined(empty_poses(17), *found)
    order = random.permutation(_without_doubles(poses))
    return Frame(stamp_s, xy, box, visible, person, poses.select(order), np.array(source, int)[order])


def _without_doubles(poses):
    """As the pipeline leaves them out: indices of the people it keeps."""
    area = box_area(poses.box_xyxy)
    return oks_nms(poses.xy, poses.score, area, poses.person_score, get_skeleton("coco17").sigmas, DUPLICATE_OKS)


def project(joints):
    """(..., 3) m -> (..., 2) px by the scenes' camera, a pinhole."""
    return FOCAL_PX * joints[..., :2] / joints[..., 2:] + (np.array(SIZE_WH) - 1) / 2.0


def person_boxes(joints):
    """(P, 17, 3) m -> (P, 4) px, as wide as the flesh is; not cut at the image's borders."""
    boxes = boxes_around(project(joints), np.ones(joints.shape[:2]), 0)
    margin = 0.12 * FOCAL_PX / joints[..., 2].mean(1)[:, None] if len(joints) else np.zeros((0, 1))
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], 1).astype(np.float32)


def seen(joints, pillars):
    """(P, 17) bool: inside the image, not behind a pillar, not behind a limb of somebody nearer."""
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
    """Which of the points (K, 2) lie on a bone or on the trunk of the person (17, 2) in front."""
    start, along = front[LINKS[:, 0]], front[LINKS[:, 1]] - front[LINKS[:, 0]]
    part = ((points[:, None] - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)
    nearest = start + np.clip(part, 0, 1)[..., None] * along
    on_bone = (np.linalg.norm(points[:, None] - nearest, axis=-1) < radius).any(1)
    trunk = front[[5, 6, 11, 12]]
    low, high = trunk.min(0) - radius / 2, trunk.max(0) + radius / 2
    return on_bone | ((points > low) & (points < high)).all(1)


class _Model:
    """What the network makes of one person: the errors that last from frame to frame."""

    def __init__(self, random, step_s):
        self.random, self.step_s = random, step_s
        self._wander = random.randn(17, 2)
        self._spell_s, self._spell = np.zeros(17), np.zeros((17, 2))
        self._missed_s = self._double_s = 0.0

    def find(self, xy, box, visible):
        """Poses of the person: nobody, one, or (rarely) the same one twice."""
        self._go_on(visible)
        if self._missed_s > 0 or visible.mean() < LEAST_VISIBLE:
            return empty_poses(17)
        copies = 2 if self._double_s > 0 else 1
        found = [self._one(xy, box, visible) for _ in range(copies)]
        return joined(*found)

    def _go_on(self, visible):
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
        random, height = self.random, box[3] - box[1]
        in_spell = self._spell_s > 0
        wander = np.sqrt(np.maximum(_SPREAD**2 - _FLICKER**2, 0))[:, None] * self._wander
        error = wander + _FLICKER[:, None] * random.randn(17, 2) + in_spell[:, None] * self._spell
        wrong = in_spell | ~visible
        score = np.clip(np.where(wrong, _GROSS, _FINE) + SCORE_SPREAD * random.randn(17), 0.2, 1)
        missed = random.rand(17) < np.where(visible, _MISSED, 0.5)
        score = np.where(missed, 0, score)
        shown = boxes_around(xy[None], visible[None], 0)[0]  # of who is half hidden the half is boxed
        margin = 0.07 * height * np.array([-1, -1, 1, 1])
        shown = shown + margin + 0.015 * height * random.randn(4)
        return make_poses((xy + height * error)[None], score[None], shown[None], score[score > 0].mean(keepdims=True))


def _false_person(random):
    """Something of a random size and place with keypoints all over it."""
    height = random.uniform(60, 250)
    box = np.array([0, 0, 0.4 * height, height]) + np.tile(random.rand(2) * (np.array(SIZE_WH) - 60), 2)
    xy = box[:2] + random.rand(17, 2) * (box[2:] - box[:2])
    return make_poses(xy[None], random.uniform(0.2, 0.45, (1, 17)), box[None], np.full(1, 0.3))


def all_scenes():
    """The scenes of the benchmark."""
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
    """Six pairs pass each other, one nearer, at a stroll and at a fast walk."""
    for number, speed in enumerate((0.7, 1.0, 1.0, 1.3, 1.3, 1.6)):
        begin, span = 6.0 * number, 3.2 / speed
        yield Walker([(begin, -1.6, 3.2), (begin + span, 1.6, 3.2)])
        yield Walker([(begin, 1.7, 3.8 + 0.1 * number), (begin + span, -1.5, 3.8 + 0.1 * number)], 1.8)


def _meetings():
    """Two come together, stand half a metre apart and go back the way they came."""
    yield Walker([(0, -1.8, 3.5), (2, -0.25, 3.5), (5, -0.25, 3.5), (7, -1.8, 3.5)])
    yield Walker([(0, 2.0, 4.0), (2, 0.25, 4.0), (5, 0.25, 4.0), (7, 2.0, 4.0)], 1.8)


def _behind_pillar():
    """One after the other walks behind a pillar of 70 px, hidden for 0.3 to 0.9 s."""
    for number, (speed, z) in enumerate(((1.3, 3.0), (1.0, 3.5), (1.0, 4.5), (0.8, 4.0), (1.5, 5.0))):
        begin, span = 6.0 * number, 4.0 / speed
        yield Walker([(begin, -2.0, z), (begin + span, 2.0, z)])


def _visits():
    """One leaves the image and is back after four seconds: a new visit; another stays."""
    yield Walker([(0, 0.8, 4), (20, 0.8, 4)])
    for begin in (0.0, 9.0):
        yield Walker([(begin, -3.0, 3.2), (begin + 2, -0.6, 3.2), (begin + 3, -0.6, 3.2), (begin + 5, -3.0, 3.2)])


def _crowd(random):
    """Six people wander between random places for twenty seconds."""
    for _ in range(6):
        time_s, places = 0.0, [(0.0, random.uniform(-1.5, 1.5), random.uniform(3, 6))]
        while time_s < 20:
            x, z = random.uniform(-1.8, 1.8), random.uniform(3, 6)
            time_s += np.hypot(x - places[-1][1], z - places[-1][2]) / random.uniform(0.6, 1.4) + 0.01
            places.append((time_s, x, z))
            time_s += random.uniform(0.1, 2)
            places.append((time_s, x, z))
        yield Walker(places, random.uniform(1.6, 1.9))
