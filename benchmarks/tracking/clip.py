"""Play the demo's clip to a pipeline at several rates, and compare its people with the clip's labels.

test/data/pedestrians_tracks.json has the box and the id of every person in each of the 150 frames. Each entry of "rows"
holds the frame, the id, x, y, width and height of the box in px, and the visible share of the body in per cent. A
person who leaves the image and comes back seconds later has a new id; "same_person" tells whose it is. People of whom
less than half is visible need not be found, and finding them is no error.

The table has a row for each rate. The clip has 10 frames a second. At 30 it is played three times as fast, so that
people walk at three times their speed. The columns are:
  people     number of labelled ids
  ids        number of ids that the pipeline gave, and of those that were ever confirmed
  per one    number of ids that a labelled id was found under: mean and most
  right %    share of the labelled people of all frames who are found under the commonest id of theirs
  found %    share of the labelled people of all frames who are found
  tent. %    share of the found people who are tentative
  lost       people of state LOST per frame
  false      number of found people who are nobody, in all frames
  switches   how often the id of a labelled person changes
  HOTA, IDF1 measures of evaluation/bag/metrics/tracking.py, with the IoU of boxes as similarity
Run: PYTHONPATH=. python benchmarks/tracking/clip.py [--rates 30 10 3.3 2] [NAME=VALUE ...]
where NAME=VALUE are options of the pipeline, such as max_people=5. With --results FOLDER it judges a folder of results
that `pose evaluate-bag` wrote for a bag that `pose make-bag` made of the clip.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pose_estimation_ros.core.geometry import iou, shared_area, xywh_to_xyxy
from pose_estimation_ros.core.oks import box_area
from pose_estimation_ros.core.poses import CONFIRMED, TENTATIVE, Poses
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import people_of_topic
from pose_estimation_ros.evaluation.bag.metrics.tracking import MATCH, Scene, assigned, tracking_accuracy
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import OPTIONS, make_options, parse_text, unknown_text

LABELS = Path(__file__).parents[2] / "test/data/pedestrians_tracks.json"
CLIP_HZ, FRAMES = 10, 150
RATES_HZ = (30, 10, 3.3, 2)
LEAST_VISIBLE = 0.5  # people of whom less is visible need not be found
COVERED = 0.5  # a box with this share in the box of such a person is taken for that person
BAG_BEGINS_S = 1  # stamp of the first image in a bag of `pose make-bag`
COLUMNS = "people ids conf. mean most right% found% tent.% lost false switches HOTA IDF1".split()


class Labels(NamedTuple):
    """Hold the labelled people of one frame of the clip.

    Attributes:
        track_id: (P,) int.
        box_xyxy: (P, 4) px, the whole body as far as it is inside the image.
        visible: (P,) share of the body that is inside the image and not covered, 0..1.
    """

    track_id: np.ndarray
    box_xyxy: np.ndarray
    visible: np.ndarray


class Seen(NamedTuple):
    """Hold what a pipeline says about one frame of the clip.

    Attributes:
        number: the number of the frame, from 0.
        poses: its people.
        lost: the number of people of state LOST.
    """

    number: int
    poses: Poses
    lost: int


def read_labels(path=LABELS):
    """Return the Labels of each frame of the clip."""
    rows = np.array(json.loads(Path(path).read_text())["rows"], float).reshape(-1, 7)
    frames = (rows[rows[:, 0] == number] for number in range(FRAMES))
    return [Labels(at[:, 1].astype(int), xywh_to_xyxy(at[:, 2:6]), at[:, 6] / 100) for at in frames]


def shown(rate_hz):
    """Return the numbers and the stamps in s of the clip's frames at a rate, as lists."""
    step, stamps_hz = max(1, round(CLIP_HZ / rate_hz)), max(CLIP_HZ, rate_hz)
    numbers = list(range(0, FRAMES, step))
    return numbers, [number / stamps_hz for number in numbers]


def clip_images():
    """Yield the images (H, W, 3) uint8 BGR of the clip."""
    clip = cv2.VideoCapture(demo_clip())
    while (image := clip.read()[1]) is not None:
        yield image


def play(pipeline, rate_hz):
    """Show the clip to a pipeline.

    Args:
        pipeline: a new Pipeline.
        rate_hz: frames per second: every n-th frame of the clip below its own rate, quicker walkers above.

    Returns:
        A list of Seen.
    """
    stamps = dict(zip(*shown(rate_hz), strict=True))
    return [
        Seen(number, pipeline(image, stamps[number]), pipeline.lost.count)
        for number, image in enumerate(clip_images())
        if number in stamps
    ]


def of_bag(folder):
    """Read what `pose evaluate-bag` found in a bag of the clip.

    Args:
        folder: the results of one bag and model.

    Returns:
        A list of Seen; its lost people are not known and count as 0.
    """
    with Bag(Path(folder, "pose_bag")) as bag:
        people = people_of_topic(bag, "/pose/keypoints")
    return [Seen(round((stamp_ns / 1e9 - BAG_BEGINS_S) * CLIP_HZ), poses, 0) for stamp_ns, poses in people]


def scene_of(people, box_xyxy, track_id):
    """Compare the people of a frame with its labels.

    People of whom too little is visible need not be found, and poses of theirs do not count, as in the benchmark
    "MOT16", arXiv:1603.00831, section 4.1.2.

    Args:
        people: Labels.
        box_xyxy: (N, 4) px.
        track_id: (N,) int.

    Returns:
        The Scene, with IoU as similarity, and which of the N people count (N,) bool.
    """
    clear = people.visible >= LEAST_VISIBLE
    similarity = iou(people.box_xyxy, box_xyxy)
    persons, columns = pairs(similarity)
    counts = (share_inside(box_xyxy, people.box_xyxy[~clear]) < COVERED).all(1)
    counts[columns] = clear[persons]
    return Scene(people.track_id[clear], track_id[counts], similarity[clear][:, counts]), counts


def pairs(similarity):
    """Return rows and columns of the people (T, N) that match, for the greatest sum of similarities."""
    near = np.where(similarity >= MATCH, similarity, 0)
    rows, columns = assigned(near)
    match = near[rows, columns] > 0
    return rows[match], columns[match]


def share_inside(box_xyxy, around_xyxy):
    """Return the share of each box (N, 4) that lies inside each box around (M, 4), as an array (N, M)."""
    return shared_area(box_xyxy, around_xyxy) / np.maximum(box_area(box_xyxy), 1e-9)[:, None]


def figures(seen, labels):
    """Return the figures named in COLUMNS.

    Args:
        seen: a list of Seen.
        labels: Labels of each frame of the clip.
    """
    scenes, found_as, states = [], defaultdict(Counter), Counter()
    for number, poses, _ in seen:
        scene, counts = scene_of(labels[number], poses.box_xyxy, poses.track_id)
        scenes.append(scene)
        rows, columns = pairs(scene.similarity)
        states.update(poses.state[counts][columns].tolist())
        for person, track_id in zip(scene.true_id[rows], scene.predicted_id[columns], strict=True):
            found_as[int(person)][int(track_id)] += 1
    people = max(sum(len(scene.true_id) for scene in scenes), 1)
    found = sum(map(Counter.total, found_as.values()))
    ids_of_one = [len(ids) for ids in found_as.values()] or [0]
    measures = tracking_accuracy(scenes)
    return [
        measures["true_tracks"],
        *(len(ids_of(seen, states_)) for states_ in ((TENTATIVE, CONFIRMED), (CONFIRMED,))),
        np.mean(ids_of_one),
        max(ids_of_one),
        100 * sum(max(ids.values()) for ids in found_as.values()) / people,
        100 * found / people,
        100 * states[TENTATIVE] / max(found, 1),
        sum(frame.lost for frame in seen) / max(len(seen), 1),
        measures["false_positives"],
        measures["id_switches"],
        measures["HOTA"],
        measures["IDF1"],
    ]


def ids_of(seen, states):
    """Return the ids that people of these states had, as a set."""
    return {int(i) for frame in seen for i in frame.poses.track_id[np.isin(frame.poses.state, states)]}


def print_row(title, row):
    """Print a row of the table."""
    print(f"{title:12}" + "".join(f"{value:9.1f}" if value % 1 else f"{value:9.0f}" for value in row))


def print_table(pipeline, rates_hz=RATES_HZ):
    """Print a row for each rate.

    Args:
        pipeline: a Pipeline; its siblings see the clip.
        rates_hz: frames per second.
    """
    labels = read_labels()
    print(f"{'demo clip':12}" + "".join(f"{name:>9}" for name in COLUMNS))
    for rate_hz in rates_hz:
        print_row(f"{rate_hz} Hz", figures(play(pipeline.sibling(), rate_hz), labels))


def option(text):
    """Return the name and the value of an option that is written as NAME=VALUE."""
    name, _, value = text.partition("=")
    if name not in OPTIONS:
        raise argparse.ArgumentTypeError(unknown_text("option", name, OPTIONS))
    return name, parse_text(OPTIONS[name], value)


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("options", nargs="*", type=option, metavar="NAME=VALUE", help="options of the pipeline")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES_HZ, help="frames per second")
    parser.add_argument("--results", help="folder of the results of `pose evaluate-bag`")
    args = parser.parse_args()
    if args.results:
        print(f"{'demo clip':12}" + "".join(f"{name:>9}" for name in COLUMNS))
        print_row("bag", figures(of_bag(args.results), read_labels()))
        return
    with build_pipeline(make_options(dict(args.options))) as pipeline:
        print_table(pipeline, args.rates)


if __name__ == "__main__":
    main()
