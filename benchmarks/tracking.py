"""Tracker and smoother on scenes with exact truth: who is who, how much keypoints tremble and how late they are.

Columns of the first table, per scene, summed over the seeds: switches: a person's id changes; fragments: a person who
is to be seen is without an id for a time (lost persons count as covered where the predicted box has an IoU of 0.5 with
the true one); stolen: ids that two persons had. IDF1 is in per cent (Ristani et al. 2016).
Second table: jitter, px RMS about the mean of each second of persons at rest, of all joints and the median joint's; lag
in ms of a walk at 1 m/s, of the trunk (shoulders, hips) and of wrists and ankles; error against the truth of all joints
found in all scenes, mean and median px; velocity, RMS error of the trunk's in px/s (the walk is at 150 px/s).
Run: PYTHONPATH=. python benchmarks/tracking.py [--rates 30 10] [--seeds 3] [--grid]
"""

import argparse
import itertools

import numpy as np

from benchmarks.scenes import LEAST_VISIBLE, all_scenes, frames
from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.smoothing import OneEuro
from pose_estimation_ros.core.tracking import Tracker

SIGMAS = get_skeleton("coco17").sigmas
TRUNK, LIMBS = [5, 6, 11, 12], [9, 10, 15, 16]
HISTORY = ("switches", "fragments", "stolen", "IDF1")


def track(scene_frames, **settings):
    """Poses with ids of each frame, and those lost."""
    tracker = Tracker(SIGMAS, **settings)
    return [(tracker.update(frame.poses, frame.stamp_s), tracker.lost) for frame in scene_frames]


def smooth(tracked, scene_frames, **settings):
    smoother = OneEuro(**settings)
    return [smoother.update(poses, frame.stamp_s) for (poses, _lost), frame in zip(tracked, scene_frames, strict=True)]


def identity(scene_frames, tracked):
    """The figures of HISTORY of one run."""
    owners, last_id, covered = {}, {}, {}
    switches = fragments = 0
    pairs = []  # (person, id) of each detection
    for frame, (poses, lost) in zip(scene_frames, tracked, strict=True):
        ids = {}
        for person, track_id in zip(frame.source.tolist(), poses.track_id.tolist(), strict=True):
            if ids.get(person) != last_id.get(person, -1):  # who is found twice keeps the id if one of the two has it
                ids[person] = track_id
        pairs += zip(frame.source.tolist(), poses.track_id.tolist(), strict=True)
        for number, person in enumerate(frame.person.tolist()):
            track_id = ids.get(person, lost_id(frame.truth_box[number], lost, last_id.get(person)))
            to_be_seen = frame.visible[number].mean() >= LEAST_VISIBLE
            if track_id is not None:
                switches += last_id.get(person, track_id) != track_id
                fragments += not covered.get(person, True)
                last_id[person] = track_id
                owners.setdefault(track_id, set()).add(person)
            if track_id is not None or to_be_seen:
                covered[person] = track_id is not None or person not in last_id
    there = sum(int((frame.visible.mean(1) >= LEAST_VISIBLE).sum()) for frame in scene_frames if len(frame.person))
    stolen = sum(len(persons) > 1 for persons in owners.values())
    return np.array([switches, fragments, stolen, idf1(pairs, there)])


def lost_id(box, lost, track_id):
    """The id, if it is among the lost and predicted where the person is."""
    at = np.flatnonzero(lost.track_id == track_id)
    return track_id if len(at) and iou(lost.box_xyxy[at], box[None])[0, 0] >= 0.5 else None


def idf1(pairs, there):
    """2 IDTP / (persons to be seen + labels given), per cent, of the best one-to-one naming of persons by ids."""
    persons, ids = (sorted(set(column)) for column in zip(*pairs, strict=True))
    together = np.zeros((len(persons), len(ids)))
    for person, track_id in pairs:
        if person >= 0:
            together[persons.index(person), ids.index(track_id)] += 1
    column = assign(-together)
    right = together[np.flatnonzero(column >= 0), column[column >= 0]].sum()
    return 100 * 2 * right / (there + len(pairs))


def series(scene_frames, smoothed, person):
    """Of a person in the frames where they were found: truth, raw, out (F, 17, 2), found (F, 17), velocity, stamps."""
    rows = []
    for frame, poses in zip(scene_frames, smoothed, strict=True):
        found = np.flatnonzero(frame.source == person)
        if len(found):
            at = found[poses.track_id[found].argmin()]  # of who is found twice the one longer known
            truth = frame.truth_xy[np.flatnonzero(frame.person == person)[0]]
            rows.append(
                (truth, frame.poses.xy[at], poses.xy[at], poses.score[at] > 0, poses.velocity[at], frame.stamp_s)
            )
    return [np.array(column) for column in zip(*rows, strict=True)]


def persons(scene_frames):
    return sorted({int(number) for frame in scene_frames for number in frame.person})


def jitter(scene_frames, smoothed):
    """RMS of all joints, and of the median joint, about their mean in each second."""
    squares = []
    for person in persons(scene_frames):
        _, _, out, found, _, stamp_s = series(scene_frames, smoothed, person)
        for second in range(1, int(stamp_s[-1])):
            within = (stamp_s >= second) & (stamp_s < second + 1)
            values = np.where(found[within, :, None], out[within], np.nan)
            squares.append(np.nanmean((values - np.nanmean(values, 0)) ** 2, 0).mean(-1))
    return np.sqrt(np.nanmean(squares)), np.sqrt(np.nanmedian(squares))


def lag(scene_frames, smoothed, joints):
    """ms by which out comes behind raw, by least squares: out = raw - lag * velocity."""
    truth, raw, out, found, _, stamp_s = series(scene_frames, smoothed, 0)
    velocity = np.gradient(truth, stamp_s, axis=0)
    walks = (found & (np.abs(velocity[:, TRUNK, 0]).mean(1) > 140)[:, None])[:, joints]
    velocity, behind = velocity[:, joints][walks], (raw - out)[:, joints][walks]
    return 1e3 * (behind * velocity).sum() / (velocity**2).sum()


def errors(scene_frames, smoothed):
    """Distances px to the truth of all joints that are visible and found."""
    own = [series(scene_frames, smoothed, person) for person in persons(scene_frames)]
    return np.concatenate([np.linalg.norm(out - truth, axis=-1)[found] for truth, _, out, found, *_ in own])


def velocity_error(scene_frames, smoothed):
    truth, _, _, found, velocity, stamp_s = series(scene_frames, smoothed, 0)
    exact = np.gradient(truth, stamp_s, axis=0)
    return np.sqrt(((velocity - exact)[:, TRUNK][found[:, TRUNK]] ** 2).sum(-1).mean())


class Course:
    """All scenes at one rate with several seeds, made once."""

    def __init__(self, rate_hz, seeds):
        self.names = [scene.name for scene in all_scenes()]
        self.frames = {
            (scene.name, seed): frames(scene, rate_hz, seed) for scene in all_scenes() for seed in range(seeds)
        }

    def identity(self, **settings):
        """(scenes, 4) of HISTORY: sums over the seeds, mean of IDF1."""
        table = []
        for name in self.names:
            runs = [identity(own, track(own, **settings)) for (scene, _), own in self.frames.items() if scene == name]
            table.append(np.append(np.sum(runs, 0)[:3], np.mean(runs, 0)[3]))
        return np.array(table)

    def motion(self, **settings):
        """The second table's row."""
        smoothed = {key: smooth(track(own), own, **settings) for key, own in self.frames.items()}
        of = {name: [] for name in self.names}
        for (name, seed), own in self.frames.items():
            of[name].append((own, smoothed[name, seed]))
        every = np.concatenate([errors(own, smoothed[key]) for key, own in self.frames.items()])
        return np.array(
            [
                *np.mean([jitter(*run) for run in of["standing"]], 0),
                np.mean([lag(*run, TRUNK) for run in of["walking"]]),
                np.mean([lag(*run, LIMBS) for run in of["walking"]]),
                every.mean(),
                np.median(every),
                np.mean([velocity_error(*run) for run in of["walking"]]),
            ]
        )


TRACKER_GRID = {
    "oks_share": (0.0, 0.5, 1.0),
    "growth_per_s": (0.0, 4.0),
    "min_similarity": (0.05, 0.2),
    "max_age_s": (0.5, 2.0),
    "confirm_after": (1, 5),
    "velocity_s": (0.15, 0.6),
}  # one by one, the others as they are
SMOOTHER_GRID = {"speed_cutoff_hz": (0.25, 0.5, 1.0), "beta": (2.0, 4.0, 6.0), "min_cutoff_hz": (0.7, 1.5)}  # all ways


def print_identity(course):
    table = course.identity()
    print(f"{'scene':10}" + "".join(f"{name:>10}" for name in HISTORY))
    for name, row in zip([*course.names, "all"], [*table, total(table)], strict=True):
        print(f"{name:10}" + "".join(f"{value:10.0f}" for value in row[:3]) + f"{row[3]:10.1f}")


def total(table):
    return np.append(table[:, :3].sum(0), table[:, 3].mean())


MOTION = ("jitter all", "median", "lag trunk", "limbs", "error mean", "median", "velocity")


def print_motion(title, row):
    print(f"{title:24}" + "".join(f"{value:11.1f}" for value in row))


def print_grid(course):
    for name, values in TRACKER_GRID.items():
        for value in values:
            row = total(course.identity(**{name: value}))
            print(f"{name:14} {value:<9}" + "".join(f"{figure:10.0f}" for figure in row[:3]) + f"{row[3]:10.1f}")
    course.frames = {key: own for key, own in course.frames.items() if key[0] in ("standing", "walking")}
    print(" ".join(SMOOTHER_GRID) + ": of standing and walking alone")
    for values in itertools.product(*SMOOTHER_GRID.values()):
        print_motion(" ".join(map(str, values)), course.motion(**dict(zip(SMOOTHER_GRID, values, strict=True))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[30, 10], help="frames per second")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--grid", action="store_true", help="the settings tried as well")
    args = parser.parse_args()
    for rate in args.rates:
        course = Course(rate, args.seeds)
        print(f"\n{rate} frames a second, {args.seeds} seeds")
        print_identity(course)
        print(f"{'':24}" + "".join(f"{name:>11}" for name in MOTION))
        print_motion("not smoothed", course.motion(min_cutoff_hz=1e9))
        print_motion("smoothed", course.motion())
        if args.grid:
            print_grid(course)


if __name__ == "__main__":
    main()
