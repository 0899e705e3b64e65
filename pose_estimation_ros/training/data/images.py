"""Read a data set's images from a folder, or from tar files of encoded images, which are held in memory."""

from __future__ import annotations

import glob
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Callable, Protocol, TypeVar

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets.coco_faults import Size
from pose_estimation_ros.datasets.coco_json import refuse_other_size
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.datasets.orientations import warn_of_orientations
from pose_estimation_ros.imaging.images import decode_image_file
from pose_estimation_ros.training.recipe import Recipe, Source

MOST_CHECKED = 2000  # images of a source whose EXIF orientation is checked


class Annotated(Protocol):
    """Describe an image: its name and its annotated size."""

    @property
    def file_name(self) -> str:
        """Return the name of the file."""

    @property
    def size(self) -> Size | None:
        """Return the annotated width and height in px, None where they are unknown."""


Entry = TypeVar("Entry", bound=Annotated)


class ImageStore:
    """Read images by file name.

    In tar files a name finds the member whose path ends with it: "1.jpg" and "day1/1.jpg" find "images/day1/1.jpg".

    Args:
        location: a folder, or a glob of tar files such as ``crops/crops_train_*.tar``.

    Raises:
        DataError: there is no such folder or tar file.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        self.packed: dict[str, bytes] | None = None
        self.members: dict[str, list[str]] = {}  # last part of a member's path -> such members
        if not Path(location).is_dir():
            self.packed = read_tars(self.location)
            for member in self.packed:
                self.members.setdefault(PurePosixPath(member).name, []).append(member)

    def names(self) -> list[str]:
        """List all file names of a folder or of the tar files, with the path where several members have one name."""
        if self.packed is None:
            return os.listdir(self.location)
        return [name for last, paths in self.members.items() for name in ([last] if len(paths) == 1 else paths)]

    def read(self, file_name: str, size: Size | None = None) -> np.ndarray:
        """Read an image.

        Args:
            file_name: as annotation files have it.
            size: annotated width and height in px, None where they are unknown.

        Returns:
            (H, W, 3) uint8 BGR.

        Raises:
            DataError: the image is missing, cannot be decoded, or has another size.
        """
        name = f"{self.location}: {file_name}"
        image = decode_image_file(self.encoded(file_name), name)
        refuse_other_size(image, size, name)
        return image

    def encoded(self, file_name: str) -> bytes:
        """Return the bytes of an image file. Raises DataError where it is missing."""
        try:
            return Path(self.location, file_name).read_bytes() if self.packed is None else self.packed_bytes(file_name)
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{self.location}: image {file_name} does not exist") from error

    def packed_bytes(self, file_name: str) -> bytes:
        """Return the bytes of the member of that name. Raises KeyError for none, DataError for several that differ."""
        packed = self.packed or {}
        if file_name in packed:
            return packed[file_name]
        paths = [p for p in self.members[PurePosixPath(file_name).name] if p.endswith(f"/{file_name}")]
        if len({packed[path] for path in paths}) > 1:
            candidates = f"{len(paths)} different ones, {', '.join(paths[:3])}"
            raise DataError(
                f"{self.location}: expected one image {file_name}, got {candidates}; name it with its folder"
            )
        return packed[paths[0]] if paths else packed[file_name]


def load_items(
    recipe: Recipe, sources: list[Source], load: Callable[[Source], list[Entry]]
) -> tuple[list[tuple[Source, ImageStore, Entry]], int]:
    """Read every source's entries, each as often as the source is repeated.

    Args:
        recipe: recipe of the run.
        sources: annotation files and their images.
        load: reads the entries of a source.

    Returns:
        (source, its images, entry) of all entries, and the number of entries that the recipe's skip_bad left out.

    Raises:
        DataError: a file cannot be used, or no name of an image matches the source's ``names``.
    """
    items, skipped = [], 0
    for source in sources:
        store = ImageStore(recipe.path(source.images))
        entries = [entry for entry in load(source) if is_named(entry.file_name, source.names)]
        if not entries:
            raise DataError(f"{source.annotations}: expected images whose names match {source.names!r}, got none")
        kept = readable(store, entries) if recipe.skip_bad else entries
        skipped += len(entries) - len(kept)
        warn_of_turned(store, kept)
        items += [(source, store, entry) for entry in kept] * source.repeat
    return items, skipped


def is_named(file_name: str, names: str) -> bool:
    """Tell whether a file belongs to the part of a source that its ``names`` take.

    Args:
        file_name: name of the file, as the annotation file has it.
        names: pattern of the shell's kind; with ! in front, it takes all files that do not match.
    """
    return not fnmatch(file_name, names[1:]) if names.startswith("!") else fnmatch(file_name, names)


def read_item(item: tuple[Source, ImageStore, Entry], what: str = "an image") -> tuple[np.ndarray, Entry]:
    """Read the image of an item.

    Args:
        item: source, its images and entry.
        what: noun for the entry, for messages.

    Returns:
        The image (H, W, 3) uint8 BGR, and the entry.

    Raises:
        DataError: the image cannot be used or has not its annotated size; it names image and annotation file.
    """
    source, store, entry = item
    try:
        return store.read(entry.file_name, entry.size), entry
    except DataError as error:
        raise DataError(f"{error} ({what} of {source.annotations})") from error


def warn_of_turned(store: ImageStore, entries: list[Entry]) -> None:
    """Warn of images that EXIF turns without another size; a large set is checked at evenly spaced images.

    Args:
        store: the images.
        entries: entries of the images, with file name and annotated size.
    """
    sizes = {entry.file_name: entry.size for entry in entries}
    names = list(sizes)[:: -(-len(sizes) // MOST_CHECKED) or 1]
    warn_of_orientations(store.location, ((name, content, sizes[name]) for name, content in present(store, names)))


def present(store: ImageStore, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the images that exist; the others cause an error when they are read.

    Args:
        store: the images.
        names: names of the files.
    """
    for name in names:
        with suppress(DataError):
            yield name, store.encoded(name)


def read_tars(pattern: str) -> dict[str, bytes]:
    """Read the files in all tar files of a glob, by their path within.

    Raises DataError where there is no such tar file, one cannot be read, or one path has different contents.
    """
    paths = sorted(glob.glob(pattern))
    if not paths:
        raise DataError(f"expected an image folder or tar files at {pattern}, got none")
    packed: dict[str, bytes] = {}
    for path in paths:
        for name, content in read_tar(path).items():
            if packed.setdefault(name, content) != content:
                raise DataError(f"{path}: expected {name} in one tar file of {pattern} alone, got two that differ")
    return packed


def read_tar(path: str) -> dict[str, bytes]:
    """Read the files in a tar file, by their path within. Raises DataError as read_tars."""
    packed: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if not member.isfile():
                    continue
                name, content = str(PurePosixPath(member.name)), tar.extractfile(member).read()  # type: ignore[union-attr]
                if packed.setdefault(name, content) != content:
                    raise DataError(f"{path}: expected one file {name}, got two of different content")
    except (OSError, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path}: expected a tar file of images, got: {error}") from error
    return packed


def readable(store: ImageStore, entries: list[Entry]) -> list[Entry]:
    """Return the entries whose image can be decoded and has its annotated size; warn of the others.

    This is for recipes with skip_bad. All images are decoded once, before training, rather than replaced when a worker
    meets them: the set is then the same in every epoch, process and resumed run, and no worker has to report anything.

    Args:
        store: the images.
        entries: entries of the images, with file name and annotated size.
    """
    sizes = {entry.file_name: entry.size for entry in sorted(entries, key=lambda entry: entry.file_name)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = dict(zip(sizes, pool.map(lambda name: fault_of(store, name, sizes[name]), sizes)))
    bad = {name: fault for name, fault in faults.items() if fault}
    if len(bad) == len(sizes):
        first = next(iter(bad.values()))
        raise DataError(
            f"{store.location}: expected images, got {len(sizes)} of which none can be used, the first: {first}"
        )
    if bad:
        first = next(iter(bad.values()))
        warn(f"{store.location}: {len(bad)} of {len(sizes)} images skipped: {', '.join(list(bad)[:5])}; {first}")
    return [entry for entry in entries if not faults[entry.file_name]]


def fault_of(store: ImageStore, file_name: str, size: Size | None) -> str:
    """Describe what is wrong with an image; return "" where nothing is.

    Args:
        store: the images.
        file_name: name of the file.
        size: annotated width and height in px, None where unknown.
    """
    try:
        store.read(file_name, size)
    except DataError as error:
        return str(error)
    return ""
