"""Find out what a file or folder is, and check it with all that belongs to it."""

from __future__ import annotations

from pathlib import Path

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError, PoseError, shown
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_index import PERSON_CATEGORIES, load_ground_truth, skeleton_of
from pose_estimation_ros.datasets.coco_json import ANNOTATIONS, annotation_file
from pose_estimation_ros.datasets.notes import collected
from pose_estimation_ros.evaluation.bag.files.storage import METADATA
from pose_estimation_ros.training.data.check.annotations import check_coco, check_mpii
from pose_estimation_ros.training.data.check.bags import ENDINGS, check_bag
from pose_estimation_ros.training.data.check.faults import Fault
from pose_estimation_ros.training.data.check.images import Image, check_images
from pose_estimation_ros.training.data.check.lists import (
    Known,
    check_detections,
    check_mpii_predictions,
    check_predictions,
    is_detections,
    is_predictions,
)
from pose_estimation_ros.training.data.check.report import Report
from pose_estimation_ros.training.recipe import Recipe, Source, load_recipe

RECIPES = (".yaml", ".yml")
# Where annotation files lie in the folders of data sets: ours, COCO's, MPII's by HRNet, CrowdPose's.
PLACES = (
    (ANNOTATIONS,),
    (f"*/{ANNOTATIONS}",),
    ("annotations/person_keypoints_*.json",),
    ("annot/*.json", "annot/*.h5"),
    ("json/crowdpose_*.json",),
    ("*.json", "*.h5"),
)
SHOWN = 5  # names in a message


def check_path(path: str, images: str = "", annotations: str = "", with_images: bool = True) -> list[Report]:
    """Check a file or folder.

    Args:
        path: an annotation file, a file of boxes or predictions, a recipe, a rosbag, or a folder of any of them.
        images: folder of images, or glob of tar files, of an annotation file; empty to look beside it.
        annotations: annotation file of the images that boxes or predictions are of; empty for none.
        with_images: whether images are decoded.

    Returns:
        One report, or one of each file that belongs to a recipe or lies in a folder.

    Raises:
        DataError: the path does not exist, or is nothing that this package reads.
    """
    place = Path(path)
    if not place.exists():
        raise DataError(f"{path}: expected a file or folder, got none")
    if place.suffix in ENDINGS or (place.is_dir() and is_bag(place)):
        return [check_bag(path, with_images)]
    if place.is_dir():
        return [
            report for file in files_in(place) for report in check_path(str(file), images, annotations, with_images)
        ]
    if place.suffix in RECIPES:
        return check_recipe(path, with_images)
    return [check_file(path, None, images or images_beside(place), annotations, with_images)]


def is_bag(folder: Path) -> bool:
    """Tell whether a folder is a rosbag2."""
    return (folder / METADATA).is_file() or any(any(folder.glob(f"*{ending}")) for ending in ENDINGS)


def files_in(folder: Path) -> list[Path]:
    """List the annotation files of a folder, at the first of PLACES that has any. Raises DataError for none."""
    groups = ([file for pattern in patterns for file in sorted(folder.glob(pattern))] for patterns in PLACES)
    found = next(filter(None, groups), [])
    if not found:
        names = sorted(entry.name for entry in folder.iterdir())
        got = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "") if names else "an empty folder"
        raise DataError(f"{folder}: expected {ANNOTATIONS}, another annotation file or a rosbag, got {got}")
    return found


def images_beside(annotations: Path) -> str:
    """Return the folder of the images of an annotation file where data sets have it, "" where there is none."""
    folder, name = annotations.parent, annotations.stem.rsplit("_", 1)[-1]
    places = (folder / "images", folder.parent / "images", folder.parent / name)
    return next((str(place) for place in places if place.is_dir()), "")


def check_file(path: str, skeleton: Skeleton | None, images: str, annotations: str, with_images: bool) -> Report:
    """Check a JSON or h5 file, and the images that it names.

    Args:
        path: the file.
        skeleton: skeleton that annotations must have, None for their own.
        images: folder of the images or glob of tar files, "" where it is not known.
        annotations: see check_path.
        with_images: see check_path.
    """
    try:
        report, named = read_and_check(path, skeleton, annotations)
    except PoseError as error:
        return Report(path, "unknown", errors=[Fault(str(error).removeprefix(f"{path}: "))])
    if named and with_images and images:
        check_images(report, images, named)
    elif named and with_images:
        report.add_warnings(["expected a folder images beside the annotations, got none; --images FOLDER names it"])
    return report


def read_and_check(path: str, skeleton: Skeleton | None, annotations: str) -> tuple[Report, list[Image]]:
    """Check the content of a file.

    Args:
        path: the file.
        skeleton: see check_file.
        annotations: see check_path.

    Returns:
        The report and the images that the file names.

    Raises:
        DataError: the file cannot be read, or is nothing that this package reads.
    """
    if Path(path).suffix == ".h5":
        return (check_mpii_predictions(path), []) if has_predictions(path) else check_mpii(path, None)
    content = read_json(path)
    if isinstance(content, dict) and "images" in content:
        return check_coco(path, content, skeleton)
    if isinstance(content, list) and is_predictions(content):
        return check_predictions(path, content, known(annotations)), []
    if isinstance(content, list) and is_detections(content):
        return check_detections(path, content, known(annotations)), []
    if isinstance(content, list) and content:
        return check_mpii(path, content)
    got = f"an object of {shown(list(content)[:SHOWN])}" if isinstance(content, dict) else shown(content)
    raise DataError(f"{path}: expected COCO's object of images, or a list of persons, boxes or predictions, got {got}")


def has_predictions(path: str) -> bool:
    """Tell whether an h5 file has predicted joints and no annotated persons."""
    try:
        mpii.read_h5(path, ("preds",))
    except DataError:
        return False
    return True


def known(annotations: str) -> Known | None:
    """Read the images, categories and skeleton of annotations, None without a file. Raises DataError."""
    if not annotations:
        return None
    with collected():
        truth = load_ground_truth(annotation_file(annotations))
    return truth.imgs, truth.dataset[PERSON_CATEGORIES], skeleton_of(truth)


def check_recipe(path: str, with_images: bool) -> list[Report]:
    """Check the recipe of a training, and all files that its sources name.

    Args:
        path: the YAML file.
        with_images: see check_path.
    """
    report = Report(path, "recipe")
    try:
        recipe = load_recipe(path)
    except PoseError as error:
        report.add_faults([Fault(str(error).removeprefix(f"{path}: "))])
        return [report]
    report.facts = {"task": recipe.task, "model": recipe.model, "data_root": recipe.data_root}
    report.facts.update(train_sources=len(recipe.train), holdout_sources=len(recipe.holdout))
    sources = [*recipe.train, *recipe.holdout]
    return [report, *(found for source in sources for found in check_source(recipe, source, with_images))]


def check_source(recipe: Recipe, source: Source, with_images: bool) -> list[Report]:
    """Check the files of a source of a recipe.

    Args:
        recipe: the recipe.
        source: one of its sources.
        with_images: see check_path.
    """
    annotations = str(recipe.path(source.annotations))
    skeleton = recipe.require_skeleton() if recipe.task != "person_detector" else None
    reports = [check_file(annotations, skeleton, str(recipe.path(source.images)), "", with_images)]
    if source.detections:
        reports.append(check_file(str(recipe.path(source.detections)), None, "", annotations, False))
    if source.others:
        reports.append(check_file(str(recipe.path(source.others)), None, "", "", False))
    return reports
