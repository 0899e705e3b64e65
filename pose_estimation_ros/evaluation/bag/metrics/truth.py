"""What the people in a bag's images really did: annotations by stamp, a topic of ours, or a stronger model's opinion.

All three become COCO's JSON with "stamp_ns" (and "topic") in the images, which COCO's judge takes; see docs/bags.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError, FrameError
from pose_estimation_ros.core.geometry import xyxy_to_xywh
from pose_estimation_ros.core.oks import box_area
from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_categories import PERSON
from pose_estimation_ros.datasets.coco_faults import refuse, size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_json import Boxes, checked_content, refuse_other_size
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.bag.files.message_types import PERSON_ARRAY
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.messages.poses import msg_to_poses

FILE = "truth.json"  # in a bag's folder it is that bag's
SKELETON = get_skeleton(coco.SKELETON)
TRACK = "track_id"  # of an annotation: the same person's in all images


class Truth:
    """Annotations of a topic's images, checked. source: where from, for messages and results.

    Raises DataError: no COCO file with stamps, none of this topic, two images of one stamp, annotations that COCO's
    judge cannot take, two persons of one track in an image. Nobody in any image is no error.
    """

    def __init__(self, content: Any, source: str, topic: str) -> None:
        images = content.get("images") if isinstance(content, dict) else None
        if not isinstance(images, list):
            raise DataError(f"{source}: expected COCO's lists 'images' and 'annotations'")
        refuse(source, "images without a whole number as stamp_ns", [i for i in images if not is_stamped(i)])
        named = [{"file_name": str(i["stamp_ns"]), **i} for i in images]
        checked, _ = checked_content({"annotations": [], **content, "images": named}, source, SKELETON)
        images = [i for i in checked["images"] if i.get("topic", topic) == topic]
        if not images:
            raise DataError(f"{source}: expected images of {topic}, got none")
        own = {image["id"] for image in images}
        annotations = [a for a in checked["annotations"] if a["image_id"] in own]
        self.source = source
        self.content = {**checked, "images": images, "annotations": annotations}
        self._index = coco.load_ground_truth(source, self.content) if annotations else None
        refuse_double_tracks(source, self.counted() if self._index else [])
        self.image_id = {image["stamp_ns"]: image["id"] for image in images}
        self._sizes = {image["stamp_ns"]: size_of(image) for image in images}
        if len(self.image_id) < len(images):
            raise DataError(f"{source}: expected one image per stamp, got {len(images)} with {len(self.image_id)}")

    def boxes(self) -> Boxes:
        """By image id, of everybody with keypoints."""
        return coco.ground_truth_boxes(self._index) if self._index else {}

    @property
    def has_tracks(self) -> bool:
        """Whether everybody has an id that stays the same from image to image."""
        return all(track_of(a) != UNTRACKED for a in self.counted())

    def counted(self) -> list[dict]:
        """The annotations of everybody who is asked for."""
        return [a for a in self.content["annotations"] if is_counted(a)]

    def people(self) -> dict[int, list[dict]]:
        """Image id -> all annotations of persons, of those who are not asked for, too."""
        people: defaultdict[int, list[dict]] = defaultdict(list)
        for annotation in self.content["annotations"]:
            people[annotation["image_id"]].append(annotation)
        return people

    def refuse_other_size(self, image: np.ndarray, stamp_ns: int) -> None:
        """Compare the image (H, W, 3) of that stamp with the annotated size. Raises DataError where they differ."""
        size = self._sizes.get(stamp_ns)
        refuse_other_size(image, size, f"{self.source}, image of {stamp_ns} ns")

    def warn_of_strangers(self, stamps_ns: Collection[int]) -> None:
        """Tell annotated images that have none of the stamps of a topic's images."""
        strangers = [stamp_ns for stamp_ns in self.image_id if stamp_ns not in stamps_ns]
        if strangers:
            hint = "; is it of another recording?" if len(strangers) == len(self.image_id) else ""
            text = f"{len(strangers)} of {len(self.image_id)} annotated images are not among those of the bag"
            warn(f"{self.source}: {text}, the first: stamp_ns {strangers[0]}{hint}")

    def judge(self, results: list[dict[str, Any]], image_ids: Collection[int]) -> dict[str, Any]:
        """COCO's AP and AR in 0..100 of results, over those images that were worked on; -1 where nobody is in them."""
        judged = sum(image["id"] in image_ids for image in self.content["images"])
        found = coco.found_people(results)
        missed = len(results) - len(found)
        if missed:
            text = f"{missed} of {len(results)} people have keypoints that are not finite; they count as missed"
            warn(f"against {self.source}: {text}")
        odd = {"people_not_finite": missed} if missed else {}
        counts = {"source": self.source, "images": len(self.image_id), "judged": judged, **odd}
        index = self.index(image_ids)
        return {**counts, **(coco.keypoint_ap(index, found) if index else dict.fromkeys(coco.METRICS, -1.0))}

    def index(self, image_ids: Collection[int]) -> COCO | None:
        """pycocotools' index of these images; None where nobody in them is asked for."""
        if not any(a["image_id"] in image_ids for a in self.counted()):
            return None
        images = [image for image in self.content["images"] if image["id"] in image_ids]
        annotations = [a for a in self.content["annotations"] if a["image_id"] in image_ids]
        return coco.load_ground_truth(self.source, {**self.content, "images": images, "annotations": annotations})


def refuse_double_tracks(source: str, annotations: list[dict]) -> None:
    seen = Counter((a["image_id"], track_of(a)) for a in annotations if track_of(a) != UNTRACKED)
    twice = [f"{TRACK} {track} in image {image}" for (image, track), count in seen.items() if count > 1]
    refuse(source, f"{TRACK}s that two persons of an image have", twice)


def is_stamped(image: Any) -> bool:
    """Tell whether an entry of "images" has a stamp of 64 bits."""
    return isinstance(image, dict) and type(image.get("stamp_ns")) is int and abs(image["stamp_ns"]) < 2**63


def track_of(annotation: dict) -> int:
    """Give the track id of an annotation, UNTRACKED where it is no whole number from 0 to 2^31 - 1."""
    track = annotation.get(TRACK)
    return track if type(track) is int and 0 <= track < 2**31 else UNTRACKED


def truth_of_file(path: str | Path, topic: str) -> Truth:
    return Truth(read_json(path), str(path), topic)


def truth_of_topic(bag: Bag, truth_topic: str, topic: str) -> Truth:
    """Of PersonArray messages in the bag. Raises DataError: no such topic, or persons of another skeleton."""
    found = bag.topics(PERSON_ARRAY)
    if truth_topic not in found:
        raise DataError(
            f"{bag.path}: expected {PERSON_ARRAY} on {truth_topic}, got it on: {', '.join(found) or 'none'}"
        )
    keypoints = SKELETON.num_keypoints
    try:
        people = [(entry.stamp_ns, msg_to_poses(entry.message, keypoints)) for entry in bag.read(truth_topic)]
    except FrameError as error:
        raise DataError(f"{bag.path}: {truth_topic}: {error}") from error
    return Truth(annotations_of(people, topic), truth_topic, topic)


def annotations_of(people: Iterable[tuple[int, Poses]], topic: str) -> dict[str, Any]:
    """(stamp_ns, poses) of images -> COCO's annotations; ids count from 0 and 1. Keypoints of score 0 are unlabelled.

    "area", by which OKS is scaled, is that of the box: COCO's own is that of the person's outline, about half of it.
    """
    images: list[dict] = []
    annotations: list[dict] = []
    for stamp_ns, poses in people:
        image_id = len(images)
        images.append({"id": image_id, "file_name": str(stamp_ns), "stamp_ns": stamp_ns, "topic": topic})
        for person in np.flatnonzero((poses.score > 0).any(1)):
            own = annotation(poses.select(np.array([person])))
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **own})
    categories = [{"id": PERSON, "name": "person"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def annotation(person: Poses) -> dict[str, Any]:
    """One person's, without ids."""
    found = person.score[0] > 0
    track = {} if person.track_id[0] == UNTRACKED else {TRACK: int(person.track_id[0])}
    labelled = np.where(found[:, None], np.insert(person.xy[0].astype(float), 2, 2, axis=1), 0.0)
    return {
        "category_id": PERSON,
        "iscrowd": 0,
        "keypoints": labelled.ravel().tolist(),
        "num_keypoints": int(found.sum()),
        "bbox": xyxy_to_xywh(person.box_xyxy)[0].tolist(),
        "area": float(box_area(person.box_xyxy)[0]),
        **track,
    }
