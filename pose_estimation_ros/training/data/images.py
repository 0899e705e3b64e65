"""Where a dataset's pictures are: a folder, or tar files of encoded images held in memory."""

from __future__ import annotations

import glob
import os
import tarfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Callable, TypeVar

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.inference.images import decode_image_file
from pose_estimation_ros.training.config import Recipe, Source

Entry = TypeVar("Entry")  # whatever has a file_name


class ImageStore:
    """Reads images by file name.

    Args: location: a folder, or a glob of tar files such as ``crops/crops_train_*.tar``.
    Raises DataError: nothing there, a file missing or undecodable (named in the message).
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        self.packed: dict[str, bytes] | None = None
        if not Path(location).is_dir():
            self.packed = read_tars(self.location)

    def names(self) -> list[str]:
        """All file names of a folder or of the tar files."""
        return os.listdir(self.location) if self.packed is None else list(self.packed)

    def read(self, file_name: str) -> np.ndarray:
        """The image as (H, W, 3) uint8 BGR."""
        return decode_image_file(self.encoded(file_name), f"{self.location}: {file_name}")

    def encoded(self, file_name: str) -> bytes:
        try:
            return Path(self.location, file_name).read_bytes() if self.packed is None else self.packed[file_name]
        except (OSError, KeyError) as error:
            raise DataError(f"{self.location}: expected an image {file_name}, there is none") from error


def load_items(
    recipe: Recipe, sources: list[Source], load: Callable[[Source], list[Entry]]
) -> tuple[list[tuple[Source, ImageStore, Entry]], int]:
    """What a data set is made of: every source's entries (``load``), each as often as the source is repeated.

    The number is of the entries that the recipe's skip_bad left out.
    """
    items, skipped = [], 0
    for source in sources:
        store = ImageStore(recipe.path(source.images))
        entries = [entry for entry in load(source) if fnmatch(entry.file_name, source.names)]  # type: ignore[attr-defined]
        if not entries:
            raise DataError(f"{source.annotations}: expected images whose names match {source.names!r}, there are none")
        kept = readable(store, entries) if recipe.skip_bad else entries
        skipped += len(entries) - len(kept)
        items += [(source, store, entry) for entry in kept] * source.repeat
    return items, skipped


def read_item(item: tuple[Source, ImageStore, Entry], what: str = "an image") -> tuple[np.ndarray, Entry]:
    """The item's image (H, W, 3) uint8 BGR and its entry. Raises DataError that names image and annotation file."""
    source, store, entry = item
    try:
        return store.read(entry.file_name), entry  # type: ignore[attr-defined]
    except DataError as error:
        raise DataError(f"{error} ({what} of {source.annotations})") from error


def read_tars(pattern: str) -> dict[str, bytes]:
    paths = sorted(glob.glob(pattern))
    if not paths:
        raise DataError(f"expected an image folder or tar files at {pattern}, there are none")
    packed: dict[str, bytes] = {}
    for path in paths:
        with tarfile.open(path) as tar:
            packed.update((Path(m.name).name, tar.extractfile(m).read()) for m in tar.getmembers() if m.isfile())  # type: ignore
    return packed


def readable(store: ImageStore, entries: list[Entry]) -> list[Entry]:
    """The entries whose image (``file_name``) can be decoded; warns with the count of the others and the first names.

    For recipes with skip_bad. All images are decoded once, before training, rather than replaced when a worker meets
    them: the set is then the same in every epoch, process and resumed run, and no worker has to report anything.
    """
    names = sorted({entry.file_name for entry in entries})  # type: ignore[attr-defined]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fine = list(pool.map(lambda name: can_read(store, name), names))
    bad = {name: None for name, good in zip(names, fine) if not good}
    if len(bad) == len(names):
        raise DataError(f"{store.location}: expected images, none of {len(names)} can be read, the first: {names[0]}")
    if bad:
        warnings.warn(
            f"{store.location}: {len(bad)} of {len(names)} images skipped: {', '.join(list(bad)[:5])}", stacklevel=2
        )
    return [entry for entry in entries if entry.file_name not in bad]  # type: ignore[attr-defined]


def can_read(store: ImageStore, file_name: str) -> bool:
    try:
        return store.read(file_name) is not None
    except DataError:
        return False
