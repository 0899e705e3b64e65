"""Measure the tracker on scenes with exact ground truth: who keeps the id.

The table has a row per scene. Counts are summed over the seeds:
  switches   how often the id of a person changes
  fragments  how often a visible person has no id for a time; a lost person still has one if the predicted box has an
             IoU of 0.5 with the true box
  stolen     number of ids that two people had
  IDF1       in per cent ("Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
             arXiv:1609.01775)
Run: PYTHONPATH=. python benchmarks/tracking/tracking.py [--rates 30 10] [--seeds 3] [--grid]
"""

import argparse

import numpy as np

from benchmarks.tracking.scenes import LEAST_VISIBLE, all_scenes, frames
from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.tracking import Tracker

SIGMAS = get_skeleton("coco17").sigmas
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


TRACKER_GRID = {
    "oks_share": (0.0, 0.5, 1.0),
    "noise": (0.01, 0.04),
    "min_similarity": (0.05, 0.2),
    "max_age_s": (1.0, 5.0),
    "confirm_after_s": (0.0, 0.3),
    "speed": (0.3, 1.0),
    "agility": (0.4, 1.2),
}  # one setting at a time


def print_identity(course):
    """Print the table."""
    table = course.identity()
    print(f"{'scene':10}" + "".join(f"{name:>10}" for name in HISTORY))
    for name, row in zip([*course.names, "all"], [*table, total(table)], strict=True):
        print(f"{name:10}" + "".join(f"{value:10.0f}" for value in row[:3]) + f"{row[3]:10.1f}")


def total(table):
    """Return the sums of a table's counts and the mean of its IDF1."""
    return np.append(table[:, :3].sum(0), table[:, 3].mean())


def print_grid(course):
    """Print the figures for other settings of the tracker."""
    for name, values in TRACKER_GRID.items():
        for value in values:
            row = total(course.identity(**{name: value}))
            print(f"{name:14} {value:<9}" + "".join(f"{figure:10.0f}" for figure in row[:3]) + f"{row[3]:10.1f}")


def main():
    """Read the command line and print the table for each rate."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[30, 10], help="frames per second")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds of the noise")
    parser.add_argument("--grid", action="store_true", help="also print the figures for other settings")
    args = parser.parse_args()
    for rate in args.rates:
        course = Course(rate, args.seeds)
        print(f"\n{rate} frames a second, {args.seeds} seeds")
        print_identity(course)
        if args.grid:
            print_grid(course)


if __name__ == "__main__":
    main()
