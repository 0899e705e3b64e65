"""Check the images of an annotation file: each is decoded, as evaluation and training do it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets.coco_faults import EXAMPLES, Size
from pose_estimation_ros.datasets.coco_json import refuse_other_size
from pose_estimation_ros.datasets.notes import collected
from pose_estimation_ros.imaging.images import decode_image_file
from pose_estimation_ros.training.data.check.faults import Fault
from pose_estimation_ros.training.data.check.report import Report
from pose_estimation_ros.training.data.images import ImageStore, warn_of_turned

MISSING = "images that are missing"
UNREADABLE = "images that cannot be read"
OTHER_SIZE = "images whose size differs from the annotated one"
MOST_THREADS = 4  # so that large images do not fill the memory


class Image(NamedTuple):
    """Hold the name of an image and its annotated size, None where it is not known."""

    file_name: str
    size: Size | None


def check_images(report: Report, location: str, images: Sequence[Image]) -> None:
    """Decode the images of an annotation file, and add what is wrong with them to its report.

    Args:
        report: report of the annotation file.
        location: folder of the images, or a glob of tar files.
        images: the images that the file names.
    """
    report.facts["images_in"] = location
    try:
        store = ImageStore(location)
    except DataError as error:
        report.add_faults([Fault(str(error))])
        return
    unique = list({image.file_name: image for image in images}.values())
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS)) as pool:
        found = list(pool.map(lambda image: image_fault(store, image), unique))
    report.add_faults(joined(filter(None, found)))
    with collected() as texts:
        warn_of_turned(store, [image for image, fault in zip(unique, found) if not fault])
    report.add_warnings(texts)


def image_fault(store: ImageStore, image: Image) -> Fault | None:
    """Return what is wrong with an image, None where it can be used.

    Args:
        store: the images.
        image: name and annotated size.
    """
    problem = MISSING
    try:
        encoded = store.encoded(image.file_name)
        problem = UNREADABLE
        pixels = decode_image_file(encoded, image.file_name)
        problem = OTHER_SIZE
        refuse_other_size(pixels, image.size, image.file_name)
    except DataError as error:
        return Fault(problem, 1, (image.file_name if problem == MISSING else str(error),))
    except MemoryError:
        return Fault(problem, 1, (f"{image.file_name}: not enough memory",))
    return None


def joined(faults: Iterable[Fault]) -> list[Fault]:
    """Join the faults of single images to one of each kind, with the first examples."""
    by_problem: dict[str, list[Fault]] = {}
    for fault in faults:
        by_problem.setdefault(fault.problem, []).append(fault)
    return [
        Fault(problem, len(found), tuple(fault.examples[0] for fault in found[:EXAMPLES]))
        for problem, found in by_problem.items()
    ]
