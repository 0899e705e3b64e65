"""Find the worst moments of a recording: by a ground truth, and where people flicker, jump or change sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_categories import annotated_skeleton
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.metrics.steadiness import Track, bone_changes, exchanged, tracks_of
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun, poses_of
from pose_estimation_ros.evaluation.bag.report.tables import TRUTH_NAMES
from pose_estimation_ros.evaluation.metrics.matches import match, people_of

JUMP = 0.15  # share of the person's size: a larger change of a bone's length between two images counts as a jump


class Moment(NamedTuple):
    """Hold an image and what is wrong in it.

    image_id: as in frames.json. why: the reason as text. badness: comparable among moments of one kind, larger is
    worse. box_xyxy: (4,) px around the person; None means the whole image.
    """

    image_id: int
    why: str
    badness: float
    box_xyxy: np.ndarray | None = None


def worst_moments(run: SavedRun, most: int) -> list[Moment]:
    """Return the worst moments of a run, in the order of the images; no image comes twice.

    Args:
        run: the run.
        most: number of moments at most; the kinds take turns, each with its worst moment first.

    Returns:
        The moments.
    """
    kinds = [by_truth(run, "truth") or by_truth(run, "pseudo_truth"), *unsteady(run)]
    ordered = [sorted(kind, key=lambda m: (-m.badness, m.image_id)) for kind in kinds]
    chosen: dict[int, Moment] = {}
    for rank in range(max(map(len, ordered))):
        for kind in ordered:
            if rank < len(kind) and len(chosen) < most:
                chosen.setdefault(kind[rank].image_id, kind[rank])
    return [chosen[image_id] for image_id in sorted(chosen)]


def by_truth(run: SavedRun, name: str) -> list[Moment]:
    """Return the annotated images with their mean OKS, in which people who were not found count as 0.

    Args:
        run: the run.
        name: key of TRUTH_NAMES.

    Returns:
        A moment for each image; [] where the run has no such ground truth.
    """
    content, results = run.read(f"{name}_annotations.json"), run.read(f"{name}_results.json")
    if content is None:
        return []
    source = run.results.get(name, {}).get("source", name)  # warnings are shown once for each source
    truth = GroundTruth(content, source, run.results["topic"])
    place = {truth.image_id.get(frame["stamp_ns"]): frame["image_id"] for frame in reversed(run.frames)}
    index = truth.index([image_id for image_id in place if image_id is not None])
    if index is None:
        return []
    people = people_of(index)
    oks = match(index, people, results, truth.skeleton)[1].oks
    images, image = np.unique(people.image_id, return_inverse=True)
    means = np.bincount(image, oks) / np.bincount(image)
    against = f"against the {TRUTH_NAMES[name]}"
    return [Moment(place[i], f"mean OKS {m:.2f} {against}", 1 - m) for i, m in zip(images.tolist(), means)]


def unsteady(run: SavedRun) -> list[list[Moment]]:
    """Return jumps of bones, exchanges of left and right, and gaps, a list for each kind."""
    ids = [frame["image_id"] for frame in run.frames]
    kinds: list[list[Moment]] = [[], [], []]
    for track, track_id in zip(tracks_of(run.poses), track_ids(run)):
        kinds[0] += jumps(track, track_id, run.skeleton, ids)
        kinds[1] += swaps(track, track_id, run.skeleton, ids)
        kinds[2] += gaps(track, track_id, ids)
    return kinds


def track_ids(run: SavedRun) -> list[int]:
    """Return the ids in the order of tracks_of."""
    return sorted({int(i) for poses in run.poses for i in poses.track_id if i >= 0})


def jumps(track: Track, track_id: int, skeleton: Skeleton, ids: list[int]) -> list[Moment]:
    """Return the images in which a bone is suddenly longer or shorter.

    Args:
        track: the person.
        track_id: its id.
        skeleton: its skeleton.
        ids: image_id of each place of the track.

    Returns:
        A moment for each, about the bone that changed most.
    """
    moments = []
    before, after = track.windows(2).T
    ratio = np.exp(np.nan_to_num(bone_changes(track, skeleton)))
    a, b = np.array(skeleton.links, int).reshape(-1, 2).T
    length = np.linalg.norm(track.xy[after][:, a].astype(float) - track.xy[after][:, b], axis=2)
    jump = np.abs(length - length / ratio) / np.maximum(track.size[before], 1)[:, None]
    for row in np.flatnonzero((jump > JUMP).any(1)):
        bone = int(jump[row].argmax())
        ends = " to ".join(skeleton.keypoints[k].replace("_", " ") for k in skeleton.links[bone])
        why = f"id {track_id}: {ends} {ratio[row, bone]:.2g} times as long as one image before"
        moments.append(Moment(ids[track.place[after[row]]], why, float(jump[row, bone]), box(track, before[row])))
    return moments


def swaps(track: Track, track_id: int, skeleton: Skeleton, ids: list[int]) -> list[Moment]:
    """Return the images in which left and right keypoints changed places.

    Args:
        track: the person.
        track_id: its id.
        skeleton: its skeleton.
        ids: image_id of each place of the track.

    Returns:
        A moment for each, worse the more pairs changed places.
    """
    moments = []
    before, after = track.windows(2).T
    swapped = exchanged(track, skeleton)[1]
    for row in np.flatnonzero(swapped.any(1)):
        left = [skeleton.keypoints[skeleton.flip_pairs[p][0]] for p in np.flatnonzero(swapped[row])]
        names = ", ".join(k.removeprefix("left_").replace("_", " ") for k in left)
        why = f"id {track_id}: left and right exchanged: {names}"
        moments.append(Moment(ids[track.place[after[row]]], why, float(len(left)), box(track, before[row])))
    return moments


def gaps(track: Track, track_id: int, ids: list[int]) -> list[Moment]:
    """Return the first image of each gap in which a person is missing.

    Args:
        track: the person.
        track_id: its id.
        ids: image_id of each place of the track.

    Returns:
        A moment for each, worse the longer the gap.
    """
    moments = []
    missing = np.diff(track.place) - 1
    for row in np.flatnonzero(missing):
        images = f"{missing[row]} {'image' if missing[row] == 1 else 'images'}"
        why = f"id {track_id} is missing for {images}"
        moments.append(Moment(ids[track.place[row] + 1], why, float(missing[row]), box(track, row)))
    return moments


def box(track: Track, row: int) -> np.ndarray:
    """Return (4,) px around the keypoints found in a row of the track and the next.

    Args:
        track: the track of a person.
        row: the first of the two rows.
    """
    xy = track.xy[row : row + 2][track.is_found[row : row + 2]]
    return np.concatenate([xy.min(0), xy.max(0)])


def true_people(run: SavedRun, image_id: int, name: str) -> Poses | None:
    """Return the annotated people of an image; labelled keypoints have score 1.

    Args:
        run: the run.
        image_id: as in frames.json.
        name: key of TRUTH_NAMES.

    Returns:
        The people; None where the image is not annotated.
    """
    content = run.read(f"{name}_annotations.json")
    stamps = {frame["image_id"]: frame["stamp_ns"] for frame in run.frames}
    images = [i["id"] for i in (content or {}).get("images", []) if i["stamp_ns"] == stamps.get(image_id)]
    if not images:
        return None
    annotations = [a for a in content["annotations"] if a["image_id"] == images[0] and a.get("num_keypoints")]
    people = [{**annotation, "score": 1.0} for annotation in annotations]
    return poses_of(people, annotated_skeleton(content, name))
