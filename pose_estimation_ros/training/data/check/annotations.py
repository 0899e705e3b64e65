"""Check annotation files: COCO's and CrowdPose's JSON, MPII's JSON and h5, and images without annotations."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets import coco_index, crowdpose, mpii
from pose_estimation_ros.datasets.coco_categories import annotated_skeleton
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.datasets.coco_json import checked_content, checked_images
from pose_estimation_ros.datasets.notes import collected
from pose_estimation_ros.datasets.test_sets import is_test_set, read_mpii_persons
from pose_estimation_ros.evaluation.metrics.detection import load_truth
from pose_estimation_ros.training.data.check.faults import Fault, Read, faults_of
from pose_estimation_ros.training.data.check.images import Image
from pose_estimation_ros.training.data.check.report import Report
from pose_estimation_ros.training.data.coco import coco_persons, refuse_odd_scores
from pose_estimation_ros.training.data.persons import usable
from pose_estimation_ros.training.data.scenes import load_scenes

BOXES_ONLY = "boxes of persons, in COCO's layout"


def check_coco(path: str, content: dict[str, Any], skeleton: Skeleton | None) -> tuple[Report, list[Image]]:
    """Check an object of images and annotations.

    Args:
        path: path of the file.
        content: its content.
        skeleton: skeleton that the file must have, None for its own.

    Returns:
        The report, and the images that can be looked for.
    """
    is_crowd = crowdpose.is_crowdpose(content)
    report = Report(path, "CrowdPose's person keypoints" if is_crowd else "COCO's person keypoints")
    if is_test_set(content):
        report.layout = "images of a test set, without annotations"
        content = ask(report, content, {"": lambda part: checked_images(part["images"], path)})
        return with_images(report, content)
    if not has_keypoints(content):
        report.layout = BOXES_ONLY
        content = ask(report, content, {"": lambda part: read_boxes(part, path)})
        return with_images(with_people(report, content, None), content)
    try:
        skeleton = skeleton or (get_skeleton(crowdpose.SKELETON) if is_crowd else annotated_skeleton(content, path))
    except PoseError as error:
        report.add_faults([Fault(str(error).removeprefix(f"{path}: "))])
        return report, []
    content = ask(report, content, keypoint_readers(path, skeleton, is_crowd))
    return with_images(with_people(report, content, skeleton), content)


def keypoint_readers(path: str, skeleton: Skeleton, is_crowd: bool) -> dict[str, Read]:
    """Return the readers of a file of keypoints, by what they stop; the first one is that of all commands.

    Args:
        path: path of the file.
        skeleton: skeleton of the keypoints.
        is_crowd: whether the file is CrowdPose's.
    """
    load = crowdpose.load_ground_truth if is_crowd else coco_index.load_ground_truth
    return {
        "": lambda part: load(path, part, skeleton),
        "top-down training": lambda part: usable(coco_persons(part, path, skeleton), path),
        "bottom-up training": lambda part: load_scenes(path, skeleton, content=part),
        "the training of person detectors": lambda part: read_boxes(part, path),
    }


def read_boxes(content: Any, path: str) -> None:
    """Read the boxes of persons, as evaluation and training of detectors do. Raises DataError.

    Args:
        content: content of the file.
        path: path of the file.
    """
    load_truth(path, content=content)
    refuse_odd_scores(path, checked_content(content, path)[0]["annotations"])


def ask(report: Report, content: Any, readers: dict[str, Read]) -> Any:
    """Add to a report what readers refuse and warn about, and return the content without the refused entries.

    Args:
        report: report of the file.
        content: content of the file.
        readers: by what their refusal stops, "" for everything.
    """
    for stopped, read in readers.items():
        faults, rest = faults_of(read, content, report.path)
        report.add_faults(faults, stopped)
        if faults and not faults[-1].count:
            if not stopped:
                return rest  # other readers would name the same
            continue
        content = rest
        with collected() as texts:
            faults_of_rest(read, content)
        report.add_warnings(texts)
    return content


def faults_of_rest(read: Read, content: Any) -> None:
    """Read what is left of a file for the sake of the warnings; nothing may be left that can be read.

    Args:
        read: the reader.
        content: what is left of the content.
    """
    try:
        read(content)
    except PoseError:
        return


def has_keypoints(content: dict[str, Any]) -> bool:
    """Tell whether any annotation, or a category, has keypoints; else the file is one of boxes."""
    entries = [content.get("annotations"), content.get("categories")]
    return any(isinstance(e, dict) and e.get("keypoints") for part in entries if isinstance(part, list) for e in part)


def with_people(report: Report, content: Any, skeleton: Skeleton | None) -> Report:
    """Add the numbers of people and keypoints to a report, and return it.

    Args:
        report: the report.
        content: content of the file without the entries that are refused.
        skeleton: skeleton of the keypoints, None where there are none.
    """
    try:
        with collected():
            people = checked_content(content, report.path, skeleton)[0]["annotations"]
    except PoseError:
        return report
    crowds = sum(bool(a.get("iscrowd")) for a in people)
    report.facts["people"] = f"{len(people)}, {crowds} of them crowds" if crowds else len(people)
    if skeleton:
        flags = np.array([a["keypoints"][2::3] for a in people], int)
        add_keypoints(report, flags.reshape(-1, skeleton.num_keypoints), skeleton)
    return report


def add_keypoints(report: Report, flags: np.ndarray, skeleton: Skeleton) -> None:
    """Add skeleton and numbers of keypoints to a report.

    Args:
        report: the report.
        flags: (N, K) visibility of the keypoints of N people.
        skeleton: their skeleton.
    """
    visible, occluded, unlabelled = (int((flags == flag).sum()) for flag in (2, 1, 0))
    report.facts["with_keypoints"] = int((flags > 0).any(1).sum())
    report.facts["skeleton"] = f"{skeleton.name}, {skeleton.num_keypoints} keypoints"
    report.facts["keypoints"] = f"{visible} visible, {occluded} occluded, {unlabelled} not labelled"


def with_images(report: Report, content: Any) -> tuple[Report, list[Image]]:
    """Add the number of images to a report, and return it with those that can be looked for.

    Args:
        report: the report.
        content: content of the file without the entries that are refused.
    """
    try:
        entries = checked_images(content["images"], report.path)
    except PoseError:
        return report, []
    report.facts = {"images": len(entries), **report.facts}
    return report, [Image(entry["file_name"], size_of(entry)) for entry in entries]


def check_mpii(path: str, content: list[Any] | None) -> tuple[Report, list[Image]]:
    """Check MPII's persons.

    Args:
        path: path of the file.
        content: content of HRNet's JSON, None for the stacked hourglass's h5.

    Returns:
        The report, and the images that can be looked for.
    """
    is_test = is_test_set(content)
    layout = "MPII's persons, " + ("the stacked hourglass's h5" if content is None else "HRNet's JSON")
    report = Report(path, layout + (", a test set without joints" if is_test else ""))
    load = read_mpii_persons if is_test else mpii.load_ground_truth
    rest = ask(report, content, {"": lambda part: load(path, part)})
    try:
        persons = load(path, rest)
    except PoseError:
        return report, []
    names = list(dict.fromkeys(persons.file_name))
    report.facts.update(images=len(names), people=len(persons.file_name))
    if not is_test:
        add_keypoints(report, persons.keypoints[..., 2].astype(int), get_skeleton(mpii.SKELETON))
    return report, [Image(name, None) for name in names]
