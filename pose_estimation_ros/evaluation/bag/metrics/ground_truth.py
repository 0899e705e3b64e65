"""Read the ground truth of a recording: annotations by stamp, messages in the bag, or a stronger model's poses.

All three become COCO's JSON with "stamp_ns" (and "topic") in the images, which pycocotools judges by; see
docs/how-to/evaluate-recordings.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.errors import ConfigError, DataError, FrameError
from pose_estimation_ros.core.geometry import xyxy_to_xywh
from pose_estimation_ros.core.oks import box_area
from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.datasets.coco_categories import PERSON, annotated_skeleton, category_of
from pose_estimation_ros.datasets.coco_faults import refuse, size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_json import Boxes, checked_content, refuse_other_size
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.bag.files.message_types import PERSON_ARRAY, SKELETON
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.skeletons import judged_skeleton, sigma_facts
from pose_estimation_ros.messages.poses import msg_to_poses, msg_to_skeleton

FILE = "truth.json"  # in a bag's folder it is the ground truth of that bag
TRACK = "track_id"  # key of an annotation: the same for a person in all images
Annotation = dict[str, Any]


class GroundTruth:
    """Hold checked annotations of a topic's images.

    Attributes:
        source: where they come from, for messages and results.
        content: COCO's JSON, with the images of this topic.
        skeleton: skeleton of the annotated people. Where its sigmas are not known, they are core.skeleton's
            UNKNOWN_SIGMA, and the figures say so.
        image_id: stamp_ns of an image -> its id.

    Args:
        content: COCO's JSON of one topic or several.
        source: where it comes from.
        topic: topic of the images.

    Raises:
        DataError: the content is no COCO JSON with stamps, has no images of this topic, two images of one stamp,
            annotations that pycocotools cannot use, or two persons of one track in an image. Nobody in any image is no
            error.
    """

    def __init__(self, content: Any, source: str, topic: str) -> None:
        skeleton = judged_skeleton(annotated_skeleton(content, source), ())
        self.skeleton = skeleton._replace(sigmas=skeleton.oks_sigmas)
        checked, images = checked_images(content, source, topic, self.skeleton)
        image_ids = {image["id"] for image in images}
        annotations = [a for a in checked["annotations"] if a["image_id"] in image_ids]
        self.source = source
        self.content = {**checked, "images": images, "annotations": annotations}
        self._index = coco_index.load_ground_truth(source, self.content, self.skeleton) if annotations else None
        refuse_double_tracks(source, self.counted() if self._index else [])
        self.image_id: dict[int, int] = {image["stamp_ns"]: image["id"] for image in images}
        self._sizes = {image["stamp_ns"]: size_of(image) for image in images}
        if len(self.image_id) < len(images):
            raise DataError(f"{source}: expected one image per stamp, got {len(images)} with {len(self.image_id)}")

    def boxes(self) -> Boxes:
        """Return the boxes of everybody with keypoints, by image id."""
        return coco_index.ground_truth_boxes(self._index) if self._index else {}

    @property
    def has_tracks(self) -> bool:
        """Tell whether everybody has an id that stays the same from image to image."""
        return all(track_of(a) != UNTRACKED for a in self.counted())

    def counted(self) -> list[Annotation]:
        """Return the annotations of everybody who counts in the evaluation: no crowds, nobody without keypoints."""
        return [a for a in self.content["annotations"] if is_counted(a)]

    def people(self) -> dict[int, list[Annotation]]:
        """Return all annotations by image id, also those that do not count in the evaluation."""
        people: defaultdict[int, list[Annotation]] = defaultdict(list)
        for annotation in self.content["annotations"]:
            people[annotation["image_id"]].append(annotation)
        return people

    def refuse_other_size(self, image: np.ndarray, stamp_ns: int) -> None:
        """Compare an image with its annotated size.

        Args:
            image: (H, W, 3).
            stamp_ns: its stamp.

        Raises:
            DataError: the sizes differ.
        """
        size = self._sizes.get(stamp_ns)
        refuse_other_size(image, size, f"{self.source}, image of {stamp_ns} ns")

    def warn_of_missing_images(self, stamps_ns: Collection[int]) -> None:
        """Warn of annotated images whose stamps are not among those of a topic's images."""
        missing = [stamp_ns for stamp_ns in self.image_id if stamp_ns not in stamps_ns]
        if missing:
            hint = "; is it of another recording?" if len(missing) == len(self.image_id) else ""
            text = f"{len(missing)} of {len(self.image_id)} annotated images are not among those of the bag"
            warn(f"{self.source}: {text}, the first: stamp_ns {missing[0]}{hint}")

    def judge(
        self, results: list[dict[str, Any]], image_ids: Collection[int], overflow: bool = False
    ) -> dict[str, Any]:
        """Compute COCO's AP and AR of results, in 0..100; -1 where nobody is in the images.

        Args:
            results: COCO results of a model.
            image_ids: ids of the images that were worked on.
            overflow: whether the networks computed values that are not finite; then people whose keypoints all have
                the score 0 count as missed, because a backend gives that score to such values.

        Returns:
            The figures, "source", the number of "images" and how many of them are "judged"; "people_not_finite", the
            number of people who count as missed, where there are any; sigmas that are not the standard ones.
        """
        judged = sum(image["id"] in image_ids for image in self.content["images"])
        kept = coco.found_people(results) if overflow else coco.finite_results(results)
        missed = len(results) - len(kept)
        if missed:
            text = f"{missed} of {len(results)} people have keypoints that are not finite; they count as missed"
            warn(f"against {self.source}: {text}")
        not_finite = {"people_not_finite": missed} if missed else {}
        counts = {"source": self.source, "images": len(self.image_id), "judged": judged, **not_finite}
        counts.update(sigma_facts(self.skeleton))
        index = self.index(image_ids)
        return {**counts, **(coco.keypoint_ap(index, kept) if index else dict.fromkeys(coco.METRICS, -1.0))}

    def index(self, image_ids: Collection[int]) -> COCO | None:
        """Make pycocotools' index of these images; None where nobody in them counts."""
        if not any(a["image_id"] in image_ids for a in self.counted()):
            return None
        images = [image for image in self.content["images"] if image["id"] in image_ids]
        annotations = [a for a in self.content["annotations"] if a["image_id"] in image_ids]
        content = {**self.content, "images": images, "annotations": annotations}
        return coco_index.load_ground_truth(self.source, content, self.skeleton)


def checked_images(
    content: Any, source: str, topic: str, skeleton: Skeleton
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Check the content of an annotation file with stamps.

    Args:
        content: content of the file.
        source: name of the file for messages.
        topic: topic whose images are chosen.
        skeleton: skeleton of the annotated people.

    Returns:
        The checked content, and its images of the topic.

    Raises:
        DataError: see GroundTruth.
    """
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise DataError(f"{source}: expected COCO's lists 'images' and 'annotations'")
    refuse(source, "images without a whole number as stamp_ns", [i for i in images if not is_stamped(i)])
    named = [{"file_name": str(i["stamp_ns"]), **i} for i in images]
    checked, _ = checked_content({"annotations": [], **content, "images": named}, source, skeleton)
    images = [i for i in checked["images"] if i.get("topic", topic) == topic]
    if not images:
        raise DataError(f"{source}: expected images of {topic}, got none")
    return checked, images


def refuse_double_tracks(source: str, annotations: list[Annotation]) -> None:
    """Raise DataError where two persons of an image have the same track id.

    Args:
        source: where the annotations come from, for the message.
        annotations: annotations of all images.
    """
    seen = Counter((a["image_id"], track_of(a)) for a in annotations if track_of(a) != UNTRACKED)
    twice = [f"{TRACK} {track} in image {image}" for (image, track), count in seen.items() if count > 1]
    refuse(source, f"{TRACK}s that two persons of an image have", twice)


def is_stamped(image: Any) -> bool:
    """Tell whether an entry of "images" has a stamp of 64 bits."""
    return isinstance(image, dict) and type(image.get("stamp_ns")) is int and abs(image["stamp_ns"]) < 2**63


def track_of(annotation: Annotation) -> int:
    """Return the track id of an annotation, UNTRACKED where it is no whole number from 0 to 2^31 - 1."""
    track = annotation.get(TRACK)
    return track if type(track) is int and 0 <= track < 2**31 else UNTRACKED


def people_of_topic(bag: Bag, topic: str) -> list[tuple[int, Poses]]:
    """Read the people that PersonArray messages in a bag hold.

    Args:
        bag: an open bag.
        topic: topic of the messages.

    Returns:
        Stamp in ns and people of each message.

    Raises:
        DataError: there is no such topic, or the persons have another skeleton than skeleton_of_topic.
    """
    keypoints = skeleton_of_topic(bag, topic).num_keypoints
    try:
        return [(entry.stamp_ns, msg_to_poses(entry.message, keypoints)) for entry in bag.read(topic)]
    except FrameError as error:
        raise DataError(f"{bag.path}: {topic}: {error}") from error


def skeleton_of_topic(bag: Bag, topic: str) -> Skeleton:
    """Find the skeleton of PersonArray messages in a bag: a known one, else what a Skeleton message of its name says.

    Args:
        bag: an open bag.
        topic: topic of the messages.

    Raises:
        DataError: there is no such topic, or no description of the skeleton.
    """
    topics = bag.topics(PERSON_ARRAY)
    if topic not in topics:
        raise DataError(f"{bag.path}: expected {PERSON_ARRAY} on {topic}, got it on: {', '.join(topics) or 'none'}")
    name = getattr(bag.first(topic), "skeleton", "") or coco_index.SKELETON
    if name in SKELETONS:
        return SKELETONS[name]
    for message in map(bag.first, bag.topics(SKELETON)):
        if message is not None and message.name == name:
            try:
                return msg_to_skeleton(message)
            except ConfigError as error:
                raise DataError(f"{bag.path}: {error}") from error
    raise DataError(f"{bag.path}: expected a {SKELETON} message of the skeleton {name} of {topic}, got none")


def annotations_of(
    people: Iterable[tuple[int, Poses]], topic: str, skeleton: Skeleton = coco_index.COCO17
) -> dict[str, Any]:
    """Make COCO's annotations of poses; ids of images count from 0, those of annotations from 1.

    Keypoints of score 0 are unlabelled. "area", by which OKS is scaled, is that of the box; COCO's is that of the
    person's outline, about half of it.

    Args:
        people: stamp in ns and poses of each image.
        topic: topic of the images.
        skeleton: skeleton of the people.
    """
    images: list[dict[str, Any]] = []
    annotations: list[Annotation] = []
    for stamp_ns, poses in people:
        image_id = len(images)
        images.append({"id": image_id, "file_name": str(stamp_ns), "stamp_ns": stamp_ns, "topic": topic})
        for person in np.flatnonzero((poses.score > 0).any(1)):
            fields = annotation_of(poses.select(np.array([person])))
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **fields})
    return {"images": images, "annotations": annotations, "categories": [category_of(skeleton)]}


def annotation_of(person: Poses) -> Annotation:
    """Make the annotation of one person, without ids."""
    labelled = person.score[0] > 0
    track = {} if person.track_id[0] == UNTRACKED else {TRACK: int(person.track_id[0])}
    keypoints = np.where(labelled[:, None], np.insert(person.xy[0].astype(float), 2, 2, axis=1), 0.0)
    return {
        "category_id": PERSON,
        "iscrowd": 0,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int(labelled.sum()),
        "bbox": xyxy_to_xywh(person.box_xyxy)[0].tolist(),
        "area": float(box_area(person.box_xyxy)[0]),
        **track,
    }
