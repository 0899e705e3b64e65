"""Read the files of a run: reports are made from files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton, skeleton_from_json
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import track_of
from pose_estimation_ros.evaluation.bag.run.output import RESULTS


class SavedRun(NamedTuple):
    """Hold the files of one model on one topic.

    frames: entries of frames.json. poses: the people of each of these frames, with boxes around their keypoints.
    """

    name: str
    folder: Path
    results: dict[str, Any]
    frames: list[dict[str, Any]]
    poses: list[Poses]
    timings: dict[str, Any]

    @property
    def skeleton(self) -> Skeleton:
        """Return the skeleton of the model; older files have its name alone."""
        return skeleton_from_json(self.results["skeleton"])

    @property
    def seconds(self) -> np.ndarray:
        """Return the stamps (F,) of the frames, in s from the earliest one."""
        stamps = np.array([frame["stamp_ns"] for frame in self.frames])
        seconds: np.ndarray = 1e-9 * (stamps - stamps.min(initial=stamps[0] if len(stamps) else 0))
        return seconds

    def at(self, image_id: int) -> Poses | None:
        """Return the people in an image; None where it was not answered."""
        return next((p for frame, p in zip(self.frames, self.poses) if frame["image_id"] == image_id), None)

    def read(self, name: str) -> Any:
        """Return the content of another JSON file of the run; None where there is none."""
        path = self.folder / name
        return read_json(path) if path.is_file() else None


def saved_run(folder: Path) -> SavedRun:
    """Read the files of a run.

    Raises:
        DataError: a file is missing or is not JSON.
    """
    results, frames, keypoints, timings = (
        read_json(folder / name) for name in (RESULTS, "frames.json", "keypoints.json", "timings.json")
    )
    people: dict[int, list[dict[str, Any]]] = {frame["image_id"]: [] for frame in frames}
    for person in keypoints:
        people[person["image_id"]].append(person)
    skeleton = skeleton_from_json(results["skeleton"])
    poses = [poses_of(people[frame["image_id"]], skeleton) for frame in frames]
    return SavedRun(folder.name, folder, results, frames, poses, timings)


def poses_of(results: list[dict[str, Any]], skeleton: Skeleton) -> Poses:
    """Return the people of one image, given as COCO results.

    Args:
        results: the people, in COCO's results format.
        skeleton: skeleton of their keypoints.
    """
    values = np.array([r["keypoints"] for r in results], np.float32).reshape(len(results), skeleton.num_keypoints, 3)
    xy, score = values[..., :2], np.clip(values[..., 2], 0, 1)
    tracks = np.array([track_of(r) for r in results], int)
    person_score = np.array([r["score"] for r in results])
    return make_poses(xy, score, boxes_around(xy, score, 0), person_score, tracks, skeleton)
