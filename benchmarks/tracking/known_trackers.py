"""Compare the package's tracker with known trackers that get the same people at the same times.

  ByteTrack  "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", arXiv:2110.06864
  OC-SORT    "Observation-Centric SORT: Rethinking SORT for Robust Multi-Object Tracking", arXiv:2203.14360
  BoT-SORT   "BoT-SORT: Robust Associations Multi-Pedestrian Tracking", arXiv:2206.14651, for a camera that stands still
They are those of the package `trackers`, which `make bench-tracking` installs into a folder of its own. They get boxes
and scores, are told the rate and get the stamps. Each has two rows: with its defaults but for the thresholds of scores
(KNOWN), and tuned by its documented parameters (`tuned`). Who has no id from a tracker yet is not found by it,
so the package's own tracker has a second row without its tentative people. The known trackers do not look at the image,
so it has a third row in which it does not either.

The figures are those of evaluation/bag/metrics/tracking.py: HOTA and IDF1 in per cent, mean over scenes and seeds, and
id switches, summed. In the scenes it is known of whom each pose is, so a pose is similar to that person by 1 and to all
others by 0. In the demo's clip the similarity is the IoU with the labelled box.
Run: PYTHONPATH=. python benchmarks/tracking/known_trackers.py [--rates 2 5 10 30 60] [--seeds 3]
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.tracking.clip import CLIP_HZ, clip_images, read_labels, scene_of, shown
from benchmarks.tracking.scenes import LEAST_VISIBLE, all_scenes, frames
from pose_estimation_ros.core.poses import CONFIRMED, UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.tracking import Tracker
from pose_estimation_ros.evaluation.bag.metrics.tracking import Scene, tracking_accuracy
from pose_estimation_ros.imaging.appearance import appearance
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions

try:
    import supervision
    import trackers
except ImportError:  # goes on with the package's own tracker
    trackers = None

SIGMAS = get_skeleton("coco17").sigmas
RATES_HZ, CLIP_RATES_HZ = (2, 5, 10, 30, 60), (2, 3.3, 5, 10, 30)
MEASURES = ("HOTA", "IDF1", "id_switches")


class Sighting(NamedTuple):
    """Hold one frame's people for a tracker, and who they are.

    Attributes:
        stamp_s: time of the frame, s.
        poses: N people.
        counts: which of them count, (N,) bool.
        true_id: (T,) ids of the people who are to be found.
        similarity: (T, N) of the people to be found and those who were, 0..1.
        appearance: (N, F) histograms of what the people look like.
    """

    stamp_s: float
    poses: Poses
    counts: np.ndarray
    true_id: np.ndarray
    similarity: np.ndarray
    appearance: np.ndarray


def scene_sightings(scene, rate_hz, seed):
    """Return the Sightings of a scene.

    Args:
        scene: a scenes.Scene.
        rate_hz: frames per second.
        seed: seed of the noise.
    """
    return [_sighting(frame) for frame in frames(scene, rate_hz, seed)]


def _sighting(frame):
    person = frame.person[frame.visible.mean(1) >= LEAST_VISIBLE]
    similarity = (person[:, None] == frame.source).astype(float)
    return Sighting(frame.stamp_s, frame.poses, np.ones(frame.poses.count, bool), person, similarity, frame.appearance)


def people_of_clip():
    """Return the people in each frame of the demo's clip: Poses of the default pipeline, and their appearance."""
    with build_pipeline(PipelineOptions(tracking=False, detect_every_s=0.0)) as pipeline:
        images = list(clip_images())
        poses = [pipeline(image, number / CLIP_HZ) for number, image in enumerate(images)]
    return [(found, appearance(image, found)) for image, found in zip(images, poses, strict=True)]


def clip_sightings(people, rate_hz):
    """Return the Sightings of the demo's clip.

    Args:
        people: Poses and appearance of the people in each of its frames.
        rate_hz: frames per second, see clip.shown.
    """
    labels, sightings = read_labels(), []
    for number, stamp_s in zip(*shown(rate_hz), strict=True):
        poses, look = people[number]
        scene, counts = scene_of(labels[number], poses.box_xyxy, np.arange(poses.count))
        similarity = np.zeros((len(scene.true_id), poses.count))
        similarity[:, counts] = scene.similarity
        sightings.append(Sighting(stamp_s, poses, counts, scene.true_id, similarity, look))
    return sightings


def measure(sightings, tracker):
    """Return the figures named in MEASURES, as an array.

    Args:
        sightings: a list of Sighting.
        tracker: a callable (poses, stamp_s, appearance) -> ids (N,), UNTRACKED for people without one.
    """
    scenes = []
    for sighting in sightings:
        ids = tracker(sighting.poses, sighting.stamp_s, sighting.appearance)
        used = sighting.counts & (ids != UNTRACKED)
        scenes.append(Scene(sighting.true_id, ids[used], sighting.similarity[:, used]))
    accuracy = tracking_accuracy(scenes)
    return np.array([accuracy[name] for name in MEASURES], float)


class Own:
    """Call the package's tracker.

    Args:
        _rate_hz: frames per second, which it observes by itself.
        confirmed_only: whether tentative people have no id.
        looks: whether it is told what people look like.
    """

    def __init__(self, _rate_hz, confirmed_only=False, looks=True):
        self._tracker, self._confirmed_only, self._looks = Tracker(SIGMAS), confirmed_only, looks

    def __call__(self, poses, stamp_s, look):
        """Return the ids of the people, (N,)."""
        tracked = self._tracker.update(poses, stamp_s, look if self._looks else None)
        hidden = self._confirmed_only & (tracked.state != CONFIRMED)
        return np.where(hidden, UNTRACKED, tracked.track_id)


class Known:
    """Call a tracker of the package `trackers`.

    Args:
        rate_hz: frames per second.
        name: name of its class.
        settings: its parameters, where they are not the defaults.
        suit: function that returns more parameters for a rate.
    """

    def __init__(self, rate_hz, name, settings, suit=lambda _rate_hz: {}):
        self._tracker = getattr(trackers, name)(frame_rate=float(rate_hz), **settings, **suit(rate_hz))

    def __call__(self, poses, stamp_s, _look):
        """Return the ids of the people, (N,); none of these trackers looks at the image."""
        rows = {"row": np.arange(poses.count)}
        boxes, scores = poses.box_xyxy.astype(float), poses.person_score.astype(float)
        found = self._tracker.update(supervision.Detections(boxes, None, scores, data=rows), timestamp=stamp_s)
        ids = np.full(poses.count, UNTRACKED)
        if len(found):
            ids[found.data["row"]] = found.tracker_id
        return ids


# Parameters of each class for scores that have another scale than those of its detector: the pipeline has already
# dropped unsure people, so all count as found for sure.
KNOWN = {
    "ByteTrack": ("ByteTrackTracker", {"high_conf_det_threshold": 0.0, "track_activation_threshold": 0.0}),
    "OC-SORT": ("OCSORTTracker", {"high_conf_det_threshold": 0.0}),
    "BoT-SORT": (
        "BoTSORTTracker",
        {"high_conf_det_threshold": 0.0, "track_activation_threshold": 0.0, "enable_cmc": False},
    ),
}
LOST_BUFFER, MARGIN_HZ = 60, 3.0  # frames at 30 Hz; boxes are widened by all of their size at this rate


def tuned(rate_hz):
    """Return parameters that suit a rate: the best of a search on the scenes with another seed, by HOTA.

    The lost are kept for two seconds, people are found from their first sighting on, and boxes are widened before they
    are compared, because at low rates people walk further than their width from one frame to the next.

    Args:
        rate_hz: frames per second.
    """
    iou = trackers.BIoU(buffer_ratio=min(1.0, MARGIN_HZ / rate_hz))
    return {"lost_track_buffer": LOST_BUFFER, "minimum_consecutive_frames": 1, "iou": iou}


def tracker_makers():
    """Return {title of a row: function that makes a tracker for a rate in Hz}."""
    makers = {
        "this package": Own,
        "confirmed alone": partial(Own, confirmed_only=True),
        "without looks": partial(Own, looks=False),
    }
    for title, (name, settings) in KNOWN.items() if trackers else ():
        makers[title] = partial(Known, name=name, settings=settings)
        makers[f"{title}, tuned"] = partial(Known, name=name, settings=settings, suit=tuned)
    return makers


def rows_of_scenes(rate_hz, seed):
    """Return the figures of all trackers in all scenes, (trackers, scenes, figures), in the order of tracker_makers.

    Args:
        rate_hz: frames per second.
        seed: seed of the noise.
    """
    runs = [scene_sightings(scene, rate_hz, seed) for scene in all_scenes()]
    return np.array([[measure(run, make(rate_hz)) for run in runs] for make in tracker_makers().values()])


def compare_in_scenes(rates_hz, seeds):
    """Return {rate: figures (trackers, 3)}: the means over scenes and seeds, and the sum of the switches.

    Args:
        rates_hz: frames per second.
        seeds: number of seeds.
    """
    jobs = [(rate_hz, seed) for rate_hz in sorted(rates_hz, reverse=True) for seed in range(seeds)]
    with ProcessPoolExecutor() as processes:
        tables = dict(zip(jobs, processes.map(rows_of_scenes, *zip(*jobs, strict=True)), strict=True))
    return {rate_hz: summed(np.concatenate([tables[rate_hz, s] for s in range(seeds)], 1)) for rate_hz in rates_hz}


def summed(table):
    """Return the means of HOTA and IDF1 and the sum of the switches of (trackers, runs, 3), as (trackers, 3)."""
    return np.concatenate([table[..., :2].mean(1), table[..., 2:].sum(1)], 1)


def compare_in_clip(rates_hz):
    """Return {rate: figures (trackers, 3)} of the demo's clip."""
    people = people_of_clip()
    runs = {rate_hz: clip_sightings(people, rate_hz) for rate_hz in rates_hz}
    makers = tracker_makers().values()
    return {rate: np.array([measure(run, make(rate)) for make in makers]) for rate, run in runs.items()}


def print_table(title, tables):
    """Print a row for each tracker, with three columns for each rate.

    Args:
        title: name of the table.
        tables: {rate: figures (trackers, 3)}.
    """
    print(f"{title:16}" + "".join(f"{f'{rate} Hz:':>10}{'HOTA':>6}{'IDF1':>7}{'sw.':>6}" for rate in tables))
    for number, name in enumerate(tracker_makers()):
        rows = (tables[rate][number] for rate in tables)
        print(f"{name:16}" + "".join(f"{a:16.1f}{b:7.1f}{n:6.0f}" for a, b, n in rows))


def main():
    """Read the command line and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rates", type=int, nargs="+", default=RATES_HZ, help="frames per second of the scenes")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds of the noise")
    args = parser.parse_args()
    print_comparison(args.rates, args.seeds)


def print_comparison(rates_hz=RATES_HZ, seeds=3):
    """Print both tables.

    Args:
        rates_hz: frames per second of the scenes.
        seeds: number of seeds.
    """
    if not trackers:
        print("the package trackers is not installed (`make bench-tracking` installs it): this tracker alone")
    print_table("scenes", compare_in_scenes(rates_hz, seeds))
    print_table("demo clip", compare_in_clip(CLIP_RATES_HZ))


if __name__ == "__main__":
    main()
