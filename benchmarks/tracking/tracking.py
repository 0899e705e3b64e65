"""Measure the tracker and the smoother on scenes with exact ground truth: identities, jitter, lag and error.

The first table has a row per scene. Counts are summed over the seeds:
  switches   how often the id of a person changes
  fragments  how often a visible person has no id for a time; a lost person still has one if the predicted box has an
             IoU of 0.5 with the true box
  stolen     number of ids that two people had
  IDF1       in per cent ("Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
             arXiv:1609.01775)
The second table measures the smoother:
  jitter     of people at rest: RMS in px about the mean of each second, over all joints and for the median joint
  lag        in ms, at a walk of 1 m/s, for the trunk (shoulders, hips) and for the limbs (wrists, ankles)
  error      distance from the ground truth of all joints found in all scenes, mean and median in px
  velocity   RMS error of the trunk's velocity in px/s (people walk at 150 px/s)
Run: PYTHONPATH=. python benchmarks/tracking/tracking.py [--rates 30 10] [--seeds 3] [--grid]
"""

import argparse
import itertools

import numpy as np

from benchmarks.tracking.scenes import LEAST_VISIBLE, all_scenes, frames
from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.smoothing import OneEuro
from pose_estimation_ros.core.tracking import Tracker

SIGMAS = get_skeleton("coco17").sigmas
TRUNK, LIMBS = [5, 6, 11, 12], [9, 10, 15, 16]
HISTORY = ("switches", "fragments", "stolen", "IDF1")


def track(scene_frames, **settings):
    """Track the poses of all frames.

    Args:
        scene_frames: A list of scenes.Frame.
        settings: Keyword arguments of the Tracker.

    Returns:
        For each frame the poses with ids, and the lost people.
    """
    tracker = Tracker(SIGMAS, **settings)
    return [(tracker.update(frame.poses, frame.stamp_s, frame.appearance), tracker.lost) for frame in scene_frames]


def smooth(tracked, scene_frames, **settings):
    """Return the smoothed poses of each frame; settings are keyword arguments of OneEuro."""
    smoother = OneEuro(**settings)
    return [smoother.update(poses, frame.stamp_s) for (poses, _lost), frame in zip(tracked, scene_frames, strict=True)]


def identity(scene_frames, tracked):
    """Return the figures named in HISTORY for one run: (4,), counts and IDF1 in per cent."""
    owners, last_id, covered = {}, {}, {}
    switches = fragments = 0
    pairs = []  # (person, id) of each detection
    for frame, (poses, lost) in zip(scene_frames, tracked, strict=True):
        ids = {}
        for person, track_id in zip(frame.source.tolist(), poses.track_id.tolist(), strict=True):
            if ids.get(person) != last_id.get(person, -1):  # a person found twice keeps the id if one of the two has it
                ids[person] = track_id
        pairs += zip(frame.source.tolist(), poses.track_id.tolist(), strict=True)
        for number, person in enumerate(frame.person.tolist()):
            track_id = ids.get(person, lost_id(frame.truth_box[number], lost, last_id.get(person)))
            is_visible = frame.visible[number].mean() >= LEAST_VISIBLE
            if track_id is not None:
                switches += last_id.get(person, track_id) != track_id
                fragments += not covered.get(person, True)
                last_id[person] = track_id
                owners.setdefault(track_id, set()).add(person)
            if track_id is not None or is_visible:
                covered[person] = track_id is not None or person not in last_id
    visible = sum(int((frame.visible.mean(1) >= LEAST_VISIBLE).sum()) for frame in scene_frames if len(frame.person))
    stolen = sum(len(persons) > 1 for persons in owners.values())
    return np.array([switches, fragments, stolen, idf1(pairs, visible)])


def lost_id(box, lost, track_id):
    """Return the id if the tracker has lost it and predicts it where the person is, else None.

    Args:
        box: (4,) true box of the person, px.
        lost: Poses of the lost people.
        track_id: Last id of the person.
    """
    at = np.flatnonzero(lost.track_id == track_id)
    return track_id if len(at) and iou(lost.box_xyxy[at], box[None])[0, 0] >= 0.5 else None


def idf1(pairs, visible):
    """Return IDF1 in per cent: 2 IDTP / (visible people + detections) for the best one-to-one match of people and ids.

    Args:
        pairs: (person, id) of each detection; person is -1 for false ones.
        visible: Number of visible people, summed over the frames.
    """
    persons, ids = (sorted(set(column)) for column in zip(*pairs, strict=True))
    together = np.zeros((len(persons), len(ids)))
    for person, track_id in pairs:
        if person >= 0:
            together[persons.index(person), ids.index(track_id)] += 1
    column = assign(-together)
    correct = together[np.flatnonzero(column >= 0), column[column >= 0]].sum()
    return 100 * 2 * correct / (visible + len(pairs))


def series(scene_frames, smoothed, person):
    """Collect the joints of a person from the F frames in which the person was found.

    Returns:
        Ground truth, poses before and after smoothing (F, 17, 2) px, found joints (F, 17) bool, velocity (F, 17, 2)
        px/s, and stamps (F,) s.
    """
    rows = []
    for frame, poses in zip(scene_frames, smoothed, strict=True):
        rows_of_person = np.flatnonzero(frame.source == person)
        if len(rows_of_person):
            at = rows_of_person[poses.track_id[rows_of_person].argmin()]  # the older track of a person found twice
            truth = frame.truth_xy[np.flatnonzero(frame.person == person)[0]]
            rows.append(
                (truth, frame.poses.xy[at], poses.xy[at], poses.score[at] > 0, poses.velocity[at], frame.stamp_s)
            )
    return [np.array(column) for column in zip(*rows, strict=True)]


def persons(scene_frames):
    """Return the numbers of all people in the frames, sorted."""
    return sorted({int(number) for frame in scene_frames for number in frame.person})


def jitter(scene_frames, smoothed):
    """Return the RMS distance in px from each second's mean, over all joints and for the median joint."""
    squares = []
    for person in persons(scene_frames):
        _, _, out, has_joint, _, stamp_s = series(scene_frames, smoothed, person)
        for second in range(1, int(stamp_s[-1])):
            within = (stamp_s >= second) & (stamp_s < second + 1)
            values = np.where(has_joint[within, :, None], out[within], np.nan)
            squares.append(np.nanmean((values - np.nanmean(values, 0)) ** 2, 0).mean(-1))
    return np.sqrt(np.nanmean(squares)), np.sqrt(np.nanmedian(squares))


def lag(scene_frames, smoothed, joints):
    """Return the smoother's delay in ms, the least-squares solution of out = raw - lag * velocity.

    Args:
        scene_frames: A list of scenes.Frame.
        smoothed: Smoothed poses of each frame.
        joints: Indices of the joints.
    """
    truth, raw, out, has_joint, _, stamp_s = series(scene_frames, smoothed, 0)
    velocity = np.gradient(truth, stamp_s, axis=0)
    walks = (has_joint & (np.abs(velocity[:, TRUNK, 0]).mean(1) > 140)[:, None])[:, joints]
    velocity, behind = velocity[:, joints][walks], (raw - out)[:, joints][walks]
    return 1e3 * (behind * velocity).sum() / (velocity**2).sum()


def errors(scene_frames, smoothed):
    """Return the distance in px of every found joint from the ground truth."""
    runs = [series(scene_frames, smoothed, person) for person in persons(scene_frames)]
    return np.concatenate([np.linalg.norm(out - truth, axis=-1)[has_joint] for truth, _, out, has_joint, *_ in runs])


def velocity_error(scene_frames, smoothed):
    """Return the RMS error of the trunk's velocity, px/s."""
    truth, _, _, has_joint, velocity, stamp_s = series(scene_frames, smoothed, 0)
    exact = np.gradient(truth, stamp_s, axis=0)
    return np.sqrt(((velocity - exact)[:, TRUNK][has_joint[:, TRUNK]] ** 2).sum(-1).mean())


class Course:
    """Hold the frames of all scenes at one rate, with several seeds, made once.

    Args:
        rate_hz: Frames per second.
        seeds: Number of seeds.
    """

    def __init__(self, rate_hz, seeds):
        self.names = [scene.name for scene in all_scenes()]
        self.frames = {
            (scene.name, seed): frames(scene, rate_hz, seed) for scene in all_scenes() for seed in range(seeds)
        }

    def identity(self, **settings):
        """Return (scenes, 4) figures named in HISTORY: sums over the seeds, and the mean of IDF1.

        Args:
            settings: Keyword arguments of the Tracker.
        """
        table = []
        for name in self.names:
            runs = [identity(run, track(run, **settings)) for (scene, _), run in self.frames.items() if scene == name]
            table.append(np.append(np.sum(runs, 0)[:3], np.mean(runs, 0)[3]))
        return np.array(table)

    def motion(self, **settings):
        """Return the row of the second table, (7,).

        Args:
            settings: Keyword arguments of OneEuro.
        """
        smoothed = {key: smooth(track(run), run, **settings) for key, run in self.frames.items()}
        runs = {name: [] for name in self.names}
        for (name, seed), scene_frames in self.frames.items():
            runs[name].append((scene_frames, smoothed[name, seed]))
        all_errors = np.concatenate([errors(run, smoothed[key]) for key, run in self.frames.items()])
        return np.array(
            [
                *np.mean([jitter(*run) for run in runs["standing"]], 0),
                np.mean([lag(*run, TRUNK) for run in runs["walking"]]),
                np.mean([lag(*run, LIMBS) for run in runs["walking"]]),
                all_errors.mean(),
                np.median(all_errors),
                np.mean([velocity_error(*run) for run in runs["walking"]]),
            ]
        )


TRACKER_GRID = {
    "oks_share": (0.0, 0.5, 1.0),
    "growth_per_s": (0.0, 4.0),
    "min_similarity": (0.05, 0.2),
    "max_age_s": (0.5, 2.0),
    "confirm_after_s": (0.0, 0.3),
    "velocity_s": (0.15, 0.6),
}  # one setting at a time
SMOOTHER_GRID = {
    "speed_cutoff_hz": (0.25, 0.5, 1.0),
    "beta": (2.0, 4.0, 6.0),
    "min_cutoff_hz": (0.7, 1.5),
}  # all combinations


def print_identity(course):
    """Print the first table."""
    table = course.identity()
    print(f"{'scene':10}" + "".join(f"{name:>10}" for name in HISTORY))
    for name, row in zip([*course.names, "all"], [*table, total(table)], strict=True):
        print(f"{name:10}" + "".join(f"{value:10.0f}" for value in row[:3]) + f"{row[3]:10.1f}")


def total(table):
    """Return the sums of a table's counts and the mean of its IDF1."""
    return np.append(table[:, :3].sum(0), table[:, 3].mean())


MOTION = ("jitter all", "median", "lag trunk", "limbs", "error mean", "median", "velocity")


def print_motion(title, row):
    """Print a row of the second table."""
    print(f"{title:24}" + "".join(f"{value:11.1f}" for value in row))


def print_grid(course):
    """Print the figures for other settings of the tracker and the smoother."""
    for name, values in TRACKER_GRID.items():
        for value in values:
            row = total(course.identity(**{name: value}))
            print(f"{name:14} {value:<9}" + "".join(f"{figure:10.0f}" for figure in row[:3]) + f"{row[3]:10.1f}")
    course.frames = {key: run for key, run in course.frames.items() if key[0] in ("standing", "walking")}
    print(" ".join(SMOOTHER_GRID) + ": standing and walking only")
    for values in itertools.product(*SMOOTHER_GRID.values()):
        print_motion(" ".join(map(str, values)), course.motion(**dict(zip(SMOOTHER_GRID, values, strict=True))))


def main():
    """Read the command line and print both tables for each rate."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[30, 10], help="frames per second")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds of the noise")
    parser.add_argument("--grid", action="store_true", help="also print the figures for other settings")
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
