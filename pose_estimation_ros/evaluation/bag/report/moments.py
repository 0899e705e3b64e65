"""The worst moments of a recording: where a truth says so, and where people flicker, jump or change sides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.bag.metrics.steadiness import Track, bone_changes, exchanged, tracks_of
from pose_estimation_ros.evaluation.bag.metrics.truth import Truth
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun, poses_of
from pose_estimation_ros.evaluation.metrics.matches import match, people_of

JUMP = 0.15  # of the person's size: by more than that no bone's length seems to change from one image to the next


class Moment(NamedTuple):
    """image_id: of frames.json. why: in words. badness: the larger the worse, among moments of one kind. box_xyxy (4,)
    px: about whom it is; None: about everybody.
    """

    image_id: int
    why: str
    badness: float
    box_xyxy: np.ndarray | None = None


def worst_moments(run: SavedRun, most: int) -> list[Moment]:
    """Up to ``most``, kinds in turn and each kind's worst first, no image twice."""
    kinds = [by_truth(run, "truth") or by_truth(run, "pseudo_truth"), *unsteady(run)]
    ordered = [sorted(own, key=lambda m: (-m.badness, m.image_id)) for own in kinds]
    chosen: dict[int, Moment] = {}
    for rank in range(max(map(len, ordered))):
        for own in ordered:
            if rank < len(own) and len(chosen) < most:
                chosen.setdefault(own[rank].image_id, own[rank])
    return [chosen[image_id] for image_id in sorted(chosen)]


def by_truth(run: SavedRun, name: str) -> list[Moment]:
    """Images with their mean OKS over the annotated people; who was not found counts 0."""
    content, results = run.read(f"{name}_annotations.json"), run.read(f"{name}_results.json")
    if content is None:
        return []
    source = run.results.get(name, {}).get("source", name)  # by which a doubt is told once
    truth = Truth(content, source, run.results["topic"])
    place = {truth.image_id.get(frame["stamp_ns"]): frame["image_id"] for frame in reversed(run.frames)}
    index = truth.index([image_id for image_id in place if image_id is not None])
    if index is None:
        return []
    people = people_of(index)
    oks = match(index, people, results, run.skeleton)[1].oks
    images, own = np.unique(people.image_id, return_inverse=True)
    means = np.bincount(own, oks) / np.bincount(own)
    said = name.replace("_", "-")
    return [Moment(place[i], f"mean OKS {m:.2f} to the {said}", 1 - m) for i, m in zip(images.tolist(), means)]


def unsteady(run: SavedRun) -> list[list[Moment]]:
    """Bones that change, sides that change places, people who are missing for a while."""
    ids = [frame["image_id"] for frame in run.frames]
    kinds: list[list[Moment]] = [[], [], []]
    for track, name in zip(tracks_of(run.poses), track_ids(run)):
        kinds[0] += jumps(track, name, run.skeleton, ids)
        kinds[1] += swaps(track, name, run.skeleton, ids)
        kinds[2] += gaps(track, name, ids)
    return kinds


def track_ids(run: SavedRun) -> list[int]:
    """In the order of tracks_of."""
    return sorted({int(i) for poses in run.poses for i in poses.track_id if i >= 0})


def jumps(track: Track, name: int, skeleton: Skeleton, ids: list[int]) -> list[Moment]:
    moments = []
    before, after = track.windows(2).T
    ratio = np.exp(np.nan_to_num(bone_changes(track, skeleton)))
    a, b = np.array(skeleton.links).T
    length = np.linalg.norm(track.xy[after][:, a].astype(float) - track.xy[after][:, b], axis=2)
    jump = np.abs(length - length / ratio) / np.maximum(track.size[before], 1)[:, None]
    for row in np.flatnonzero((jump > JUMP).any(1)):
        bone = int(jump[row].argmax())
        ends = " to ".join(skeleton.keypoints[k].replace("_", " ") for k in skeleton.links[bone])
        why = f"id {name}: {ends} {ratio[row, bone]:.2g} times as long as an image before"
        moments.append(Moment(ids[track.place[after[row]]], why, float(jump[row, bone]), box(track, before[row])))
    return moments


def swaps(track: Track, name: int, skeleton: Skeleton, ids: list[int]) -> list[Moment]:
    moments = []
    before, after = track.windows(2).T
    swapped = exchanged(track, skeleton)[1]
    for row in np.flatnonzero(swapped.any(1)):
        left = [skeleton.keypoints[skeleton.flip_pairs[p][0]] for p in np.flatnonzero(swapped[row])]
        names = ", ".join(k.removeprefix("left_").replace("_", " ") for k in left)
        why = f"id {name}: left and right exchanged: {names}"
        moments.append(Moment(ids[track.place[after[row]]], why, float(len(left)), box(track, before[row])))
    return moments


def gaps(track: Track, name: int, ids: list[int]) -> list[Moment]:
    moments = []
    missing = np.diff(track.place) - 1
    for row in np.flatnonzero(missing):
        why = f"id {name} is missing for {missing[row]} images"
        moments.append(Moment(ids[track.place[row] + 1], why, float(missing[row]), box(track, row)))
    return moments


def box(track: Track, row: int) -> np.ndarray:
    """(4,) px around what was found of the person in a row of the track and the next."""
    xy = track.xy[row : row + 2][track.found[row : row + 2]]
    return np.concatenate([xy.min(0), xy.max(0)])


def true_people(run: SavedRun, image_id: int, name: str) -> Any:
    """The annotated people of an image as Poses, labelled keypoints with score 1; None where it is not annotated."""
    content = run.read(f"{name}_annotations.json")
    stamps = {frame["image_id"]: frame["stamp_ns"] for frame in run.frames}
    own = [i["id"] for i in (content or {}).get("images", []) if i["stamp_ns"] == stamps.get(image_id)]
    if not own:
        return None
    people = [{**a, "score": 1.0} for a in content["annotations"] if a["image_id"] == own[0] and a.get("num_keypoints")]
    return poses_of(people, run.skeleton.num_keypoints)
