"""Find the storage files of a bag and open them, each by a reader of rosbags.

Only regular files inside the bag's folder are opened, whatever its metadata.yaml names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from typing import Any

import apsw
from rosbags.rosbag1 import Reader as Rosbag1
from rosbags.rosbag2 import Reader as Rosbag2

from pose_estimation_ros.core.errors import DataError, reason_of
from pose_estimation_ros.evaluation.bag.files.truncated_mcap import CutMcap, is_cut
from pose_estimation_ros.evaluation.bag.files.unpacking import (
    MAX_IN_MEMORY,
    bound_rosbags,
    refuse_overlapping,
    unpack_file,
)
from pose_estimation_ros.importing.yaml_files import read_yaml

METADATA = "metadata.yaml"
STORAGES, PACKED = (".mcap", ".db3"), ".zst"
Reader = Rosbag1 | Rosbag2

bound_rosbags()


class BagFiles:
    """Open the files of a bag.

    Attributes:
        readers: one for each file that can be read, in the order of their names or of metadata.yaml.
        counts: topic -> number of messages by metadata.yaml; empty without that file.
        problem: why not all files could be read, "" where all is well.

    Raises:
        DataError: nothing can be read.
    """

    def __init__(self, path: Path) -> None:
        self.problem = ""
        self.counts: dict[str, int] = {}
        self._path, self._stack = path, ExitStack()
        try:
            self.readers = [reader for reader in map(self._opened, self._files()) if reader]
            if not self.readers:
                raise DataError(f"cannot read the bag {path}: {self.problem or 'it has no storage files'}")
            refuse_overlapping([chunk for reader in self.readers for chunk in chunks_of(reader)], str(path))
        except BaseException:
            self._stack.close()
            raise

    def close(self) -> None:
        """Close all files and remove what was unpacked."""
        self._stack.close()

    def _files(self) -> list[Path]:
        """List the files to open; a folder's by metadata.yaml, or all where that is missing or names missing ones."""
        if self._path.is_file():
            return [self._path]
        if not self._path.is_dir():
            missing_or_odd = "which is no folder or regular file" if self._path.exists() else "which does not exist"
            raise DataError(
                f"expected a bag (a rosbag2 folder, .mcap, .db3 or .bag), got {self._path}, {missing_or_odd}"
            )
        storages = sorted(path for path in self._path.iterdir() if is_storage(path))
        regular = [path for path in storages if self._is_inside(path)]
        try:
            names = self._listed()
        except DataError as error:
            links = [
                f"; {path.name} is no regular file of the bag's folder" for path in storages if path not in regular
            ]
            self.problem = str(error) + "".join(links[:1])
            return regular
        by_name = {path.name: path for path in regular}
        missing = [name for name in names if PurePath(name).name not in by_name]
        if missing:
            self.problem = f"{METADATA} lists {missing[0]}, which is no regular file of the bag's folder"
            return regular
        return list(dict.fromkeys(by_name[PurePath(name).name] for name in names))

    def _is_inside(self, path: Path) -> bool:
        """Tell whether a path is a regular file, and no link out of the bag's folder."""
        return path.is_file() and path.resolve().is_relative_to(self._path.resolve())

    def _listed(self) -> list[str]:
        """Read names of files, and the counts, from metadata.yaml. Raises DataError."""
        path = self._path / METADATA
        if not path.is_file():
            raise DataError(f"{METADATA} is missing: the recording was not finished")
        try:
            about = read_yaml(path, DataError)["rosbag2_bagfile_information"]
            topics = about["topics_with_message_count"] or []
            counts = [(topic["topic_metadata"]["name"], topic["message_count"]) for topic in topics]
            self.counts = {str(name): count for name, count in counts if type(count) is int}
            return [str(name) for name in about["relative_file_paths"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: expected the metadata of a rosbag2, got something else: {error!r}") from error

    def _opened(self, path: Path) -> Reader | None:
        """Open one file, up to where it was cut; None where there is nothing to read."""
        try:
            if path.suffix.startswith(PACKED):
                path = unpack_file(path, self._temporary_folder())
            cut = path.suffix == ".mcap" and is_cut(path)
            if cut:
                self.problem = f"{path.name} is cut short"
            if (wal := Path(f"{path}-wal")).is_file() and wal.stat().st_size:
                self.problem = f"{wal.name} has messages that are not yet in {path.name}; sqlite3 can move them there"
            reader = self._stack.enter_context(opened(CutMcap(path) if cut else path))
            refuse_odd_names(reader)
            return reader
        except Exception as error:  # rosbags lets through what struct, apsw and zstd raise on damaged files
            self.problem = f"{path.name}: {reason_of(error)}"
            return None

    def _temporary_folder(self) -> Path:
        return Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pose-bag-", ignore_cleanup_errors=True))
        )


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a reader of one file, and close all that it opens, also where that fails.

    rosbags 0.11.9 opens each sqlite3 file twice and closes it once.
    """
    before = apsw.connections()
    connections: list[apsw.Connection] = []
    reader: Reader | None = None
    try:
        try:
            reader = Rosbag1(path) if path.suffix == ".bag" else Rosbag2(path)
            reader.open()
        finally:
            connections = [connection for connection in apsw.connections() if connection not in before]
        for connection in connections:
            connection.limit(apsw.SQLITE_LIMIT_LENGTH, MAX_IN_MEMORY)
        yield reader
    finally:
        if reader and getattr(reader, "is_open", getattr(reader, "bio", None)):
            reader.close()
        for connection in connections:
            connection.close()


def refuse_odd_names(reader: Reader) -> None:
    """Raise DataError where the name of a topic or its type is no text, as sqlite3 allows."""
    odd = [c for c in reader.connections if not isinstance(c.topic, str) or not isinstance(c.msgtype, str)]
    if odd:
        raise DataError(f"expected names of topics and types, got {odd[0].topic!r} and {odd[0].msgtype!r}")


def is_storage(path: Path) -> bool:
    """Tell by its name whether a path is a file with messages, compressed or not."""
    name = path.with_suffix("") if path.suffix.startswith(PACKED) else path
    return name.suffix in STORAGES


def chunks_of(reader: Reader) -> list[Any]:
    """List the chunks that the index of an MCAP file names."""
    return getattr(getattr(reader, "storage", None), "chunks", [])
