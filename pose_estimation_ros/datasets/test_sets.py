"""Write predictions for the servers of COCO's and MPII's test sets, whose annotations are not published.

COCO's server takes a zip with one JSON list in COCO's results format. Both have the same name, such as
person_keypoints_test-dev2017_elpn_results.zip. MPII's file is an h5 with "preds" (N, 16, 2), pixels counted from 1, the
persons in the order of the annotation file: datasets.predictions reads it, and so do the scripts that put predictions
into MPII's own list of annotations.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.atomic_files import whole_file, write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_faults import brief, refuse
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_index import COCO17
from pose_estimation_ros.datasets.predictions import FIELDS, Result, refuse_faults

MOST_PEOPLE = 20  # of an image that COCO's evaluation counts, those of the highest scores
COCO_ENDINGS, MPII_ENDINGS = (".zip", ".json"), (".h5",)
ZIP_NAME = re.compile(r"person_keypoints_[^_]+_.+_results\.zip")
ZIP_EXAMPLE = "person_keypoints_test-dev2017_NAME_results.zip"


def is_test_set(content: Any) -> bool:
    """Tell whether an annotation file holds images or boxes alone, as test sets are published.

    Args:
        content: content of the JSON file.
    """
    if isinstance(content, dict):
        return bool(content.get("images")) and not content.get("annotations")
    entries = content if isinstance(content, list) else []
    return bool(entries) and all(isinstance(e, dict) and "image" in e and "joints" not in e for e in entries)


def check_name(path: str | Path, endings: Collection[str]) -> None:
    """Raise ConfigError where a file of predictions has a name that no server takes.

    Args:
        path: path of the file that is to be written.
        endings: endings that its name may have.
    """
    path = Path(path)
    if path.suffix not in endings:
        raise ConfigError(f"expected --submit with a file that ends in {' or '.join(endings)}, got {path}")
    if path.suffix == ".zip" and not ZIP_NAME.fullmatch(path.name):
        raise ConfigError(f"expected a zip with a name that COCO's server takes, like {ZIP_EXAMPLE}, got {path.name}")


def write_coco(path: str | Path, results: list[Result], image_ids: Collection[Id]) -> int:
    """Check predictions of people with COCO's 17 keypoints, and write them as a whole file or not at all.

    Args:
        path: the .zip for the server, or the .json that the zip holds.
        results: the predictions in COCO's results format.
        image_ids: ids of the images of the test set.

    Returns:
        The number of people in the file: of each image the best MOST_PEOPLE.

    Raises:
        DataError: names the first offender and the count: an image id that is no whole number or not of the test set,
            another number of keypoints, numbers that are not finite, nobody at all; or the file cannot be written.
    """
    if not results:
        raise DataError(f"{path}: expected people to submit, found nobody in {len(image_ids)} images")
    refuse_faults(path, results, image_ids, COCO17)
    refuse_text_ids(path, image_ids)
    kept = [{field: result[field] for field in FIELDS} for result in best_of_images(results)]
    if Path(path).suffix == ".json":
        write_json(path, kept)
    else:
        write_zip(path, json.dumps(kept) + "\n")
    return len(kept)


def refuse_text_ids(path: str | Path, image_ids: Collection[Id]) -> None:
    """Raise DataError for image ids that COCO's server does not have: its own are whole numbers.

    Args:
        path: the file that has them, for the message.
        image_ids: ids of images.
    """
    refuse(path, "image ids that are no whole numbers", [brief(i) for i in image_ids if not isinstance(i, int)])


def best_of_images(results: list[Result]) -> list[Result]:
    """Return of each image the MOST_PEOPLE of the highest scores; of equal ones the first, as pycocotools does.

    Args:
        results: predictions in COCO's results format.
    """
    counts: dict[Id, int] = {}
    kept = set()
    for place in sorted(range(len(results)), key=lambda place: -results[place]["score"]):
        image_id = results[place]["image_id"]
        counts[image_id] = counts.get(image_id, 0) + 1
        if counts[image_id] <= MOST_PEOPLE:
            kept.add(place)
    return [result for place, result in enumerate(results) if place in kept]


def write_zip(path: str | Path, text: str) -> None:
    """Write a zip that holds one JSON file of the same name. The same text makes the same bytes.

    Args:
        path: the zip.
        text: content of the JSON file.
    """
    member = zipfile.ZipInfo(f"{Path(path).stem}.json")
    member.compress_type = zipfile.ZIP_DEFLATED
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, text)


def write_mpii(path: str | Path, xy: np.ndarray) -> int:
    """Write predictions of MPII's persons as a whole file or not at all.

    Args:
        path: the .h5.
        xy: (N, 16, 2) px, counted from 0.

    Returns:
        The number N of persons.

    Raises:
        DataError: joints are not finite, or the file cannot be written.
    """
    import h5py  # only these files need it

    endless = np.flatnonzero(~np.isfinite(xy).all((1, 2)))
    refuse(path, "persons with joints that are not finite", [f"person {i}" for i in endless])
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["preds"] = xy + 1.0
    write_whole(path, content.getvalue())
    return len(xy)


def read_mpii_persons(path: str | Path, content: Any = None) -> mpii.Persons:
    """Read the boxes of MPII's test set, or of an annotated set, whose joints do not matter.

    Args:
        path: HRNet's JSON, or the stacked hourglass's h5.
        content: content of the JSON file, None to read it.

    Raises:
        DataError: as mpii.load_persons, and where there is nobody.
    """
    persons = mpii.load_persons(path, content, with_joints=False)
    if not persons.file_name:
        raise DataError(f"{path}: expected persons to predict, found none")
    return persons
