"""What a run has written, read again: reports are made from files, whoever wrote them and whenever."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation.bag.metrics.truth import track_of
from pose_estimation_ros.evaluation.bag.run.output import RESULTS


class SavedRun(NamedTuple):
    """One model on one topic. frames: of frames.json; poses: of those, boxes are those around the keypoints."""

    name: str
    folder: Path
    results: dict[str, Any]
    frames: list[dict[str, Any]]
    poses: list[Poses]
    timings: dict[str, Any]

    @property
    def skeleton(self) -> Skeleton:
        return get_skeleton(self.results["skeleton"])

    @property
    def seconds(self) -> np.ndarray:
        """(F,) stamps of the frames in s from the first one on."""
        stamps = np.array([frame["stamp_ns"] for frame in self.frames])
        return 1e-9 * (stamps - stamps.min(initial=stamps[0] if len(stamps) else 0))

    def at(self, image_id: int) -> Poses | None:
        """The people in an image; None where it was not answered."""
        found = [poses for frame, poses in zip(self.frames, self.poses) if frame["image_id"] == image_id]
        return found[0] if found else None

    def read(self, name: str) -> Any:
        """One more of its files; None where there is none."""
        path = self.folder / name
        return read_json(path) if path.is_file() else None


def saved_run(folder: Path) -> SavedRun:
    """Raises DataError: a file is missing or is no JSON."""
    results, frames, keypoints, timings = (
        read_json(folder / name) for name in (RESULTS, "frames.json", "keypoints.json", "timings.json")
    )
    people: dict[int, list[dict]] = {frame["image_id"]: [] for frame in frames}
    for person in keypoints:
        people[person["image_id"]].append(person)
    count = get_skeleton(results["skeleton"]).num_keypoints
    poses = [poses_of(people[frame["image_id"]], count) for frame in frames]
    return SavedRun(folder.name, folder, results, frames, poses, timings)


def poses_of(results: list[dict[str, Any]], keypoints: int) -> Poses:
    """COCO results of one image -> Poses."""
    values = np.array([r["keypoints"] for r in results], np.float32).reshape(len(results), keypoints, 3)
    xy, score = values[..., :2], np.clip(values[..., 2], 0, 1)
    tracks = np.array([track_of(r) for r in results], int)
    return make_poses(xy, score, boxes_around(xy, score, 0), np.array([r["score"] for r in results]), tracks)
