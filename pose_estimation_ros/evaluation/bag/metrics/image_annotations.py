"""Match COCO's annotations to the images or video frames of a source, for `pose make-bag`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_ids import find_id
from pose_estimation_ros.datasets.coco_json import refuse_other_size
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import Annotation, track_of
from pose_estimation_ros.imaging.video import Source, SourceFrame

Entry = dict[str, Any]  # entry of COCO's "images"


class Annotations:
    """Hold COCO's annotations of a source's images, which get their stamps as the images are written.

    Attributes:
        images: entries of COCO's "images" of the images that were written so far, with their stamps.
        skeleton: skeleton of the annotated people.

    Args:
        path: the annotation file.
        source: the images.

    Raises:
        DataError: as coco_index.load_ground_truth, an image may be meant by two entries of the file, or no image of the
            source is annotated.
    """

    def __init__(self, path: str | Path, source: Source) -> None:
        self._content = read_json(path)
        truth = coco_index.load_ground_truth(path, self._content)
        entries = truth.dataset["images"]
        self._persons, self.skeleton = truth.imgToAnns, coco_index.skeleton_of(truth)
        self.images: list[Entry] = []
        self._by_key: dict[Any, Entry]
        if source.kind == "video":
            self._by_key = {entry["id"]: entry for entry in entries}
        else:
            self._by_key = entries_of_files(entries, source.paths, path)
            if not self._by_key:
                raise DataError(
                    f"{path}: expected annotations of images in {source.name}, got none of their file names"
                )
        self._is_video = source.kind == "video"

    def poses(self, frame: SourceFrame, stamp_ns: int, topic: str) -> Poses | None:
        """Find the people in an image.

        Args:
            frame: the image.
            stamp_ns: its stamp in the bag.
            topic: its topic in the bag.

        Returns:
            Labelled keypoints with score 1; None where the image is not annotated.

        Raises:
            DataError: the image has another size than its annotation says.
        """
        entry = self._by_key.get(find_id(frame.index, self._by_key) if self._is_video else frame.path)
        if entry is None:
            return None
        name = f"{frame.path}, frame {frame.index}" if self._is_video else frame.path
        refuse_other_size(frame.image, size_of(entry), name)
        self.images.append({**entry, "stamp_ns": stamp_ns, "topic": topic})
        return poses_of([a for a in self._persons[entry["id"]] if is_counted(a)], self.skeleton.num_keypoints)

    def content(self) -> dict[str, Any]:
        """Return the annotations of the written images, with their stamps."""
        ids = {image["id"] for image in self.images}
        annotations = [a for a in self._content["annotations"] if find_id(a["image_id"], ids) in ids]
        return {**self._content, "images": self.images, "annotations": annotations}


def poses_of(persons: Sequence[Annotation], count: int) -> Poses:
    """Make Poses of COCO annotations; labelled keypoints get the score 1.

    Args:
        persons: the annotations.
        count: number of keypoints of a person.
    """
    keypoints = np.array([a["keypoints"] for a in persons], float).reshape(-1, count, 3)
    boxes = xywh_to_xyxy(np.array([a["bbox"] for a in persons]))
    tracks = np.array([track_of(a) for a in persons], int)
    return make_poses(keypoints[..., :2], keypoints[..., 2] > 0, boxes, np.ones(len(persons)), tracks)


def entries_of_files(entries: Sequence[Entry], paths: Sequence[str], annotations: str | Path) -> dict[str, Entry]:
    """Match image files to the images of an annotation file.

    A "file_name" is a path in the folder images/ beside the annotations. Images elsewhere belong to the entry whose
    path has most last parts in common with theirs, unless that path leads to another file near them.

    Args:
        entries: COCO's "images".
        paths: the image files.
        annotations: path of the annotation file.

    Returns:
        Path of an image file -> its entry; files without an entry are left out.

    Raises:
        DataError: several entries may be meant.
    """
    by_name: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_name[file_of(entry).name].append(entry)
    folder = Path(os.path.abspath(annotations)).parent / "images"
    matched = {path: entry_of(path, by_name.get(Path(path).name, []), folder) for path in paths}
    return {path: entry for path, entry in matched.items() if entry}


def entry_of(path: str, candidates: Sequence[Entry], folder: Path) -> Entry | None:
    """Choose the entry of an image file; see entries_of_files.

    Args:
        path: the image file.
        candidates: the entries whose base name is the file's.
        folder: folder to which the names of the entries refer.
    """
    here = Path(os.path.abspath(path))
    matching = [entry for entry in candidates if folder / file_of(entry) == here]
    if not matching:
        possible = [entry for entry in candidates if not is_another_file(file_of(entry), here)]
        common = [common_end(file_of(entry), here) for entry in possible]
        matching = [entry for entry, count in zip(possible, common) if count == max(common)]
    if len(matching) > 1:
        names = " and ".join(f"{entry['file_name']} (id {entry['id']})" for entry in matching[:2])
        raise DataError(f"{path}: expected one image of this name in the annotations, got {len(matching)}: {names}")
    return matching[0] if matching else None


def file_of(entry: Entry) -> Path:
    """Return the "file_name" of an entry as a path."""
    return Path(str(entry["file_name"]))


def is_another_file(name: Path, here: Path) -> bool:
    """Tell whether an entry's path leads to another file than the image.

    The path is tried from each folder above the image, the nearest first.

    Args:
        name: path of the entry.
        here: path of the image.
    """
    nearest = next((parent / name for parent in here.parents if (parent / name).is_file()), here)
    return nearest != here


def common_end(first: Path, second: Path) -> int:
    """Count the last parts that two paths have in common.

    Args:
        first: a path.
        second: another path.
    """
    pairs = zip(reversed(first.parts), reversed(second.parts))
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
