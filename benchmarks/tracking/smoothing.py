"""Measure filters of keypoints on people whose joints are known exactly, with the noise of the default model.

Filters (all but the first two see scores as uncertainty: a keypoint of half the score has twice the deviation):
  none        keypoints as the model finds them
  one-euro    "1 Euro Filter", doi:10.1145/2207676.2208639, with its two settings: cut-off at rest in hz, and hz per
              height a second
  g-h         alpha-beta filter with fading memory (E. Brookner, "Tracking and Kalman Filtering Made Easy", 1998), with
              its memory in s
  kalman      constant velocity for each joint alone, one density of accelerations for rest and motion
  adaptive    core.smoothing.Smoother without the motion that a person's joints share
  smoother    core.smoothing.Smoother, the filter of the package, with its strength
Figures:
  rest        RMS in px about the mean of each second, of a person of 250 px who stands: all joints, median joint
  flicker     what changes from frame to frame there, px
  lag         in ms, of what the filter adds: trunk and limbs at a walk of 1 m/s, and a hand that waves at up to 3 m/s
  error       distance from the truth at a walk, of trunk and limbs, and at the wave, px RMS
  past        how far the trunk goes past the place where a walker stops within half a second, px
  v           error of velocities in px/s RMS: of all joints at rest, of the trunk at a walk, and of the trunk in the
              half second after a walker's second frame
  settles     s until a joint that jumps by a fifth of the height, and stays, is 90 % there
The second table shows positions for the present, from images that are 100 ms old: distance from the truth of now, px
RMS, without and with prediction.
Run: PYTHONPATH=. python benchmarks/tracking/smoothing.py [--rates 60 30 10 5 2] [--seeds 8]
"""

import argparse
import time
import warnings
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from benchmarks.tracking.scenes import Scene, frames, project
from benchmarks.tracking.walkers import JOINTS, Walker, Waver
from pose_estimation_ros.core import smoothing
from pose_estimation_ros.core.poses import Poses, joined, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.smoothing import Smoother, predicted
from pose_estimation_ros.core.tracking import Tracker

TRUNK, LIMBS, HAND = [5, 6, 11, 12], [9, 10, 15, 16], [JOINTS.index("right_wrist")]
WALK_MPS, WAVE_MPS = 0.9, 1.5  # slower moments are left out
STOP_S, AGE_S = 2.5, 0.1
WALKERS = {
    "rest": Walker([(0, 0.2, 4), (10, 0.2, 4)]),
    "walk": Walker([(0, -1.6, 3.5), (3.2, 1.6, 3.5), (6.4, -1.6, 3.5), (9.6, 1.6, 3.5)]),
    "wave": Waver([(0, 0.2, 4), (8, 0.2, 4)]),
    "stop": Walker([(0, -1.6, 3.5), (STOP_S, 0.9, 3.5), (5, 0.9, 3.5)]),
}
FIGURES = (
    "rest", "median", "flicker", "lag", "limbs", "hand", "error", "limbs", "hand", "past", "v rest", "v walk",
    "v first", "settles",
)  # fmt: skip


class Take(NamedTuple):
    """Hold F frames of one person, seen by N models whose noise has other seeds.

    Attributes:
        stamps_s: (F,) s.
        truth: (F, 17, 2) px.
        speed: (F, 17, 2) px/s, exact.
        height: (F,) px of the true box.
        poses: F Poses of N people with the ids 0 to N - 1; a missed person has scores 0.
    """

    stamps_s: np.ndarray
    truth: np.ndarray
    speed: np.ndarray
    height: np.ndarray
    poses: list[Poses]

    @property
    def px_per_m(self):
        """Return pixels per metre, (F, 1)."""
        return self.height[:, None] / 1.9


def take(walker, rate_hz, seeds):
    """Return the Take of a walker who begins at 0 s."""
    runs = [frames(Scene("", (walker,)), rate_hz, seed) for seed in range(seeds)]
    stamps_s = np.array([frame.stamp_s for frame in runs[0]])
    truth = np.array([frame.truth_xy[0] for frame in runs[0]])
    boxes = np.array([frame.truth_box[0] for frame in runs[0]])
    poses = [joined(*(_found(run[i], seed) for seed, run in enumerate(runs))) for i in range(len(stamps_s))]
    return Take(stamps_s, truth, np.gradient(truth, stamps_s, axis=0), boxes[:, 3] - boxes[:, 1], poses)


def _found(frame, seed):
    """Return the person as found in a frame, with the seed as id; with scores 0 where missed."""
    at = np.flatnonzero(frame.source == 0)[:1]
    missed = make_poses(frame.truth_xy, np.zeros((1, 17)), frame.truth_box, np.zeros(1))
    person = frame.poses.select(at) if len(at) else missed
    return person.replace(track_id=np.full(1, seed, np.int32))


class Unsmoothed:
    """Leave keypoints as they are."""

    def update(self, poses, _stamp_s):
        """Return the same poses."""
        return poses


class Simple:
    """Filter a fixed number of people in box heights; a subclass says how."""

    def __init__(self):
        self._stamp_s = self._xy = None

    def update(self, poses, stamp_s):
        """Return poses with smoothed xy and velocity; called as Smoother.update()."""
        height = (poses.box_xyxy[:, 3] - poses.box_xyxy[:, 1])[:, None, None]
        seen = (poses.score > 0)[..., None]
        if self._xy is None:
            self._xy, self._velocity = poses.xy.astype(float), np.zeros(poses.xy.shape)
            self._age_s, self._count = np.full(seen.shape, np.inf), np.zeros(seen.shape)
        self._age_s += stamp_s - self._stamp_s if self._stamp_s is not None else 0
        known, self._stamp_s = seen & (self._age_s < smoothing.MAX_GAP_S), stamp_s
        step_s = np.where(known, self._age_s, 1.0)
        self._count = np.where(known, self._count + 1, np.where(seen, 1, self._count))
        xy, velocity = self.filtered(poses.xy, poses.score[..., None], height, step_s)
        self._xy = np.where(known, xy, np.where(seen, poses.xy, self._xy))
        self._velocity = np.where(known, velocity, np.where(seen, 0, self._velocity))
        self._age_s = np.where(seen, 0, self._age_s)
        xy, velocity = np.where(seen, self._xy, poses.xy), np.where(seen, self._velocity, 0)
        return poses.replace(xy=xy.astype(np.float32), velocity=velocity.astype(np.float32))


class OneEuro(Simple):
    """Filter as the paper says, with an additional average of the velocity."""

    def __init__(self, rest_hz, hz_per_speed, speed_hz=0.5):
        super().__init__()
        self._rest_hz, self._hz_per_speed, self._speed_hz, self._speed = rest_hz, hz_per_speed, speed_hz, 0.0

    def filtered(self, xy, _score, height, step_s):
        """Return the new xy and velocity."""
        share = 1 - 1 / (1 + 2 * np.pi * self._speed_hz * step_s)
        self._speed = np.where(self._count > 1, self._speed + share * ((xy - self._xy) / step_s - self._speed), 0)
        hz = self._rest_hz + self._hz_per_speed * np.linalg.norm(self._speed, axis=-1, keepdims=True) / height
        move = (1 - 1 / (1 + 2 * np.pi * hz * step_s)) * (xy - self._xy)
        return self._xy + move, self._velocity + share * (move / step_s - self._velocity)


class AlphaBeta(Simple):
    """Forget old sightings exponentially; an unsure one counts as if less time had passed."""

    def __init__(self, memory_s):
        super().__init__()
        self._memory_s = memory_s

    def filtered(self, xy, score, _height, step_s):
        """Return the new xy and velocity."""
        expected, count = self._xy + step_s * self._velocity, np.maximum(self._count, 1)
        kept = np.exp(-step_s / self._memory_s * np.minimum(1, score / 0.55))
        g = np.maximum(1 - kept**2, np.minimum(1, (4 * count - 2) / (count * (count + 1))))
        h = np.maximum((1 - kept) ** 2, np.minimum(1, 6 / (count * (count + 1))))
        surprise = xy - expected
        return expected + g * surprise, self._velocity + h / step_s * surprise


class Patched(Smoother):
    """Smooth with other numbers in core.smoothing."""

    def __init__(self, **numbers):
        super().__init__()
        self._numbers = numbers

    def update(self, poses, stamp_s):
        """Return smoothed poses; called as Smoother.update()."""
        with patch.multiple(smoothing, **self._numbers):
            return super().update(poses, stamp_s)


ALONE = {"SHARED": 1e12, "JUMP": 1e12}
FILTERS = {
    "none": Unsmoothed,
    "one-euro 0.7 4": lambda: OneEuro(0.7, 4.0),
    "one-euro 1 20": lambda: OneEuro(1.0, 20.0),
    "g-h 0.15": lambda: AlphaBeta(0.15),
    "g-h 0.25": lambda: AlphaBeta(0.25),
    "kalman": lambda: Patched(**ALONE, REST=0.3, MOTION=0.0, SURPRISE=1e9),
    "adaptive": lambda: Patched(**ALONE),
    "smoother 0": lambda: Smoother(0.0),
    "smoother 0.5": Smoother,
    "smoother 1": lambda: Smoother(1.0),
}


class Smoothed(NamedTuple):
    """Hold a Take after a filter: found (F, N, 17) bool, raw, xy and velocity (F, N, 17, 2) in px and px/s."""

    take: Take
    found: np.ndarray
    raw: np.ndarray
    xy: np.ndarray
    velocity: np.ndarray


def play(a_filter, one_take):
    """Return what a filter makes of a Take."""
    smooth = [a_filter.update(poses, stamp_s) for poses, stamp_s in zip(one_take.poses, one_take.stamps_s, strict=True)]
    found = np.array([poses.score > 0 for poses in one_take.poses])
    raw = np.array([poses.xy for poses in one_take.poses])
    return Smoothed(one_take, found, raw, np.array([p.xy for p in smooth]), np.array([p.velocity for p in smooth]))


def rms(values):
    """Return the RMS length of vectors (n, 2)."""
    return np.sqrt((values**2).sum(-1).mean()) if len(values) else np.nan


def rest(run):
    """Return jitter of all joints, of the median joint, and flicker, px."""
    stamps_s, squares = run.take.stamps_s, []
    xy = np.where(run.found[..., None], run.xy, np.nan)
    for second in range(1, int(stamps_s[-1])):
        part = xy[(stamps_s > second - 1e-6) & (stamps_s < second + 1 - 1e-6)]
        squares.append(np.nanmean((part - np.nanmean(part, 0)) ** 2, 0).mean(-1))
    bend = np.abs(xy[2:] - 2 * xy[1:-1] + xy[:-2]) / np.sqrt(6)
    return np.sqrt(np.nanmean(squares)), np.sqrt(np.nanmedian(squares)), np.nanmedian(bend) / 0.6745


def moving(run, joints, least_mps):
    """Return what the filter adds, the error and the true velocity (n, 2) of joints in motion, after a second."""
    fast = np.linalg.norm(run.take.speed, axis=-1) > least_mps * run.take.px_per_m
    chosen = (run.found & (fast & (run.take.stamps_s > 1)[:, None])[:, None])[:, :, joints]
    truth, speed = (np.broadcast_to(values[:, None], run.xy.shape)[:, :, joints] for values in run.take[1:3])
    xy, raw = run.xy[:, :, joints], run.raw[:, :, joints]
    return (xy - raw)[chosen], (xy - truth)[chosen], speed[chosen]


def lag_ms(run, joints, least_mps):
    """Return the delay that the filter adds, the least-squares solution of out = raw - lag * velocity, in ms."""
    added, _, speed = moving(run, joints, least_mps)
    return -1e3 * (added * speed).sum() / (speed**2).sum() if len(speed) else np.nan


def velocity_error(run, joints, begin_s, end_s):
    """Return the RMS error of velocities in px/s between two times."""
    within = (run.take.stamps_s > begin_s - 1e-6) & (run.take.stamps_s < end_s)
    error = (run.velocity - run.take.speed[:, None])[within][:, :, joints]
    return rms(error[run.found[within][:, :, joints]])


def past(run):
    """Return how far the mean trunk goes past the place where the walker stops, px."""
    added = np.where(run.found[..., None], run.xy - run.raw, np.nan)[:, :, TRUNK, 0]
    near = np.abs(run.take.stamps_s - STOP_S - 0.4) < 0.7
    return np.nanmax(np.nanmean(added[near], (1, 2)))


def settles_s(make, rate_hz):
    """Return the time in s until a joint that jumps by a fifth of the height of a still person is 90 % there."""
    xy = np.zeros((1, 17, 2))
    box, a_filter, at, away = np.array([[0, 0, 50, 100.0]]), make(), [], 2 * rate_hz
    for i in range(6 * rate_hz):
        xy[0, 9, 0] = 20.0 * (i >= away)
        poses = make_poses(xy, np.full((1, 17), 0.55), box, np.ones(1), np.zeros(1))
        at.append(a_filter.update(poses, i / rate_hz).xy[0, 9, 0])
    far = np.flatnonzero(np.abs(np.array(at[away:]) - 20) > 2)
    return (far[-1] + 1) / rate_hz if len(far) else 0.0


def figures(make, takes, rate_hz):
    """Return the figures named in FIGURES of a filter.

    Args:
        make: Makes the filter.
        takes: A Take for each name in WALKERS.
        rate_hz: Frames per second.
    """
    run = {name: play(make(), one_take) for name, one_take in takes.items()}
    chosen = (("walk", TRUNK, WALK_MPS), ("walk", LIMBS, WALK_MPS), ("wave", HAND, WAVE_MPS))
    return [
        *rest(run["rest"]),
        *(lag_ms(run[name], *which) for name, *which in chosen),
        *(rms(moving(run[name], *which)[1]) for name, *which in chosen),
        past(run["stop"]),
        velocity_error(run["rest"], slice(None), 1, 99),
        velocity_error(run["walk"], TRUNK, 1, 99),
        velocity_error(run["stop"], TRUNK, 0.1 + 1.5 / rate_hz, 0.6 + 2.5 / rate_hz),
        settles_s(make, rate_hz),
    ]


def now_errors(takes, rate_hz, age_s=AGE_S):
    """Return errors (2, 4) px RMS for the time of publication, without and with prediction.

    Args:
        takes: A Take for each name in WALKERS.
        rate_hz: Frames per second.
        age_s: Age of the images when their results are published, s.

    Returns:
        The columns are trunk and limbs at a walk, the waving hand, and all joints at rest.
    """
    table = np.zeros((2, 4))
    columns = (("walk", TRUNK), ("walk", LIMBS), ("wave", HAND), ("rest", slice(None)))
    for column, (name, joints) in enumerate(columns):
        one_take, smoother = takes[name], Smoother()
        now = [project(WALKERS[name].joints(stamp_s + age_s)) for stamp_s in one_take.stamps_s]
        smooth = [smoother.update(*both) for both in zip(one_take.poses, one_take.stamps_s, strict=True)]
        for row, ahead_s in enumerate((0.0, age_s)):
            errors = [predicted(p, ahead_s).xy - truth for p, truth in zip(smooth, now, strict=True)][rate_hz:]
            found = np.array([poses.score > 0 for poses in one_take.poses])[rate_hz:, :, joints]
            table[row, column] = rms(np.array(errors)[:, :, joints][found])
    return table


def cost(people=60, repeats=50):
    """Return the ms per frame of the tracker and of the smoother for so many people."""
    dice, height = np.random.RandomState(0), 100.0
    place = dice.rand(people, 1, 2) * 5000
    box = np.concatenate([place[:, 0] - [25, 50], place[:, 0] + [25, 50]], 1)
    shape, spent = dice.rand(people, 17, 2) * [50, height] - [25, 50], np.zeros(2)
    tracker, smoother = Tracker(get_skeleton("coco17").sigmas), Smoother()
    for i in range(repeats):
        xy = place + shape + dice.randn(people, 17, 2)
        poses, begin_s = make_poses(xy, np.full((people, 17), 0.5), box, np.ones(people)), time.perf_counter()
        poses = tracker.update(poses, i / 30)
        between_s = time.perf_counter()
        smoother.update(poses, i / 30)
        spent += [between_s - begin_s, time.perf_counter() - between_s]
    return 1e3 * spent / repeats


def print_tables(rates=(60, 30, 10, 5, 2), seeds=8):
    """Print both tables for each rate, and the cost.

    Args:
        rates: Frames per second.
        seeds: Number of seeds of the noise.
    """
    warnings.filterwarnings("ignore", "Mean of empty slice")
    for rate_hz in rates:
        takes = {name: take(walker, rate_hz, seeds) for name, walker in WALKERS.items()}
        print(f"\n{rate_hz} frames a second, {seeds} seeds\n{'':16}" + "".join(f"{name:>9}" for name in FIGURES))
        for name, make in FILTERS.items():
            print(f"{name:16}" + "".join(f"{value:9.2f}" for value in figures(make, takes, rate_hz)), flush=True)
        print(f"\nfor now, from images {1e3 * AGE_S:.0f} ms old: walk trunk, limbs, hand, rest")
        for name, row in zip(("as seen", "predicted"), now_errors(takes, rate_hz), strict=True):
            print(f"{name:16}" + "".join(f"{value:9.2f}" for value in row))
    tracker_ms, smoother_ms = cost()
    print(f"\n60 people: the smoother takes {smoother_ms / tracker_ms:.2f} of the tracker's time")


def main():
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[60, 30, 10, 5, 2], help="frames per second")
    parser.add_argument("--seeds", type=int, default=8, help="number of seeds of the noise")
    args = parser.parse_args()
    print_tables(args.rates, args.seeds)


if __name__ == "__main__":
    main()
