"""Messages out of bags, as recorded: rosbag2 (sqlite3, MCAP) and ROS 1, whole or cut short."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import numpy as np
from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag1 import Reader as Rosbag1
from rosbags.rosbag2 import Reader as Rosbag2
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.cut_mcap import CutMcap, is_cut
from pose_estimation_ros.evaluation.bag.messages import typestore
from pose_estimation_ros.inference.compressed import decode_compressed
from pose_estimation_ros.inference.encodings import decode_image

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
STORAGES = (".mcap", ".db3")


class Recorded(NamedTuple):
    """One message. index: place among those of its topic, from 0. stamp_ns: of its header; the time of recording where
    that is zero. recorded_ns: when the recorder got it.
    """

    topic: str
    index: int  # type: ignore[assignment]
    stamp_ns: int
    recorded_ns: int
    message: Any

    @property
    def has_stamp(self) -> bool:
        return self.message.header.stamp.sec != 0 or self.message.header.stamp.nanosec != 0

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR of an image message. Raises FrameError."""
        m = self.message
        if m.__msgtype__ == COMPRESSED:
            return decode_compressed(m.format, m.data)
        return decode_image(m.encoding, m.height, m.width, m.step, m.is_bigendian, m.data)


class Bag:
    """An open bag; a context manager. ``problem``: why not all of it could be read, "" while all is well.

    Raises DataError where nothing can be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = bag_name(self.path)
        self.problem = ""
        self._stack = ExitStack()
        try:
            self._readers = self._open()
        except DataError:
            self._stack.close()
            raise
        self.connections = [connection for reader in self._readers for connection in reader.connections]

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def _open(self) -> list[Any]:
        if not self.path.exists():
            raise DataError(f"expected a bag (a rosbag2 folder, .mcap, .db3 or .bag), there is no {self.path}")
        complete = self.path.is_file() or (self.path / "metadata.yaml").is_file()
        try:
            if complete:
                return [self._entered(self.path)]
            self.problem = "no metadata.yaml: the recording was not finished"
        except Exception as error:  # rosbags lets through what YAML, struct, apsw and zstd raise on damaged files
            self.problem = reason(error)
        files = [self.path] if self.path.is_file() else sorted(p for p in self.path.iterdir() if p.suffix in STORAGES)
        readers = [reader for reader in map(self._rescued, files) if reader]
        if not readers:
            raise DataError(f"cannot read the bag {self.path}: {self.problem}")
        return readers

    def _entered(self, path: Path) -> Any:
        before = apsw.connections()
        left = ExitStack()
        self._stack.push(left)
        reader = Rosbag1(path) if path.suffix == ".bag" and path.is_file() else Rosbag2(path)
        self._stack.enter_context(reader)
        # rosbags 0.11.9 opens each sqlite3 file twice and closes it once.
        for connection in apsw.connections():
            if connection not in before:
                left.callback(connection.close)
        return reader

    def _rescued(self, path: Path) -> Any:
        """A reader of one storage file, up to where it was cut; None where there is nothing to read."""
        cut = path.suffix == ".mcap" and is_cut(path)
        if cut:
            self.problem = f"{path.name} is cut short"
        if (wal := Path(f"{path}-wal")).is_file() and wal.stat().st_size:
            self.problem = f"{wal.name} has messages that are not yet in {path.name}; sqlite3 can move them there"
        try:
            return self._entered(CutMcap(path) if cut else path)
        except Exception as error:  # as above
            self.problem = f"{path.name}: {reason(error)}"
            return None

    def topics(self, *types: str) -> list[str]:
        """Names of the topics of these message types, sorted."""
        return sorted({connection.topic for connection in self.connections if connection.msgtype in types})

    def count(self, topic: str) -> int:
        """Messages of a topic, by the bag's index."""
        return sum(connection.msgcount for connection in self.connections if connection.topic == topic)

    def read(self, topic: str, at_ns: int | None = None) -> Iterator[Recorded]:
        """Messages of a topic in the order of recording. Where the bag is damaged it ends there and says ``problem``.

        at_ns: only those that were recorded then; their index counts from 0.
        Raises DataError: a type of message without a definition, or none that rosbags can parse.
        """
        own = [connection for connection in self.connections if connection.topic == topic]
        stores = {connection.msgtype: self._typestore(connection) for connection in own}
        count = 0
        for connection, recorded_ns, data in self._raw(own, at_ns):
            store = stores[connection.msgtype]
            deserialize = store.deserialize_ros1 if self._is_ros1 else store.deserialize_cdr
            try:
                message: Any = deserialize(data, connection.msgtype)
            except Exception as error:  # bytes of a damaged message may be anything
                self.problem = f"message {count} of {topic} is damaged: {reason(error)}"
                return
            stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            yield Recorded(topic, count, stamp_ns or recorded_ns, recorded_ns, message)
            count += 1
        if at_ns is None and count < self.count(topic) and not self.problem:
            self.problem = f"{count} messages of {topic} where the bag's index has {self.count(topic)}"

    def _raw(self, connections: Sequence[Connection], at_ns: int | None) -> Iterator[tuple[Connection, int, bytes]]:
        span = (None, None) if at_ns is None else (at_ns, at_ns + 1)
        parts = [
            reader.messages([c for c in connections if c in reader.connections], *span)
            for reader in self._readers
            if any(c in reader.connections for c in connections)
        ]
        merged = heapq.merge(*parts, key=lambda entry: entry[1])
        while True:
            try:
                entry = next(merged, None)
            except Exception as error:  # as in _open
                self.problem = f"damaged: {reason(error)}"
                return
            if entry is None:
                return
            yield entry

    @property
    def _is_ros1(self) -> bool:
        return isinstance(self._readers[0], Rosbag1)

    def _typestore(self, connection: Connection) -> Typestore:
        """Definitions of a message: the bag's own, else those known here."""
        form, text = connection.msgdef
        known = get_typestore(Stores.ROS1_NOETIC) if self._is_ros1 else typestore()
        of_idl = form == MessageDefinitionFormat.IDL
        if connection.msgtype in known.types and (of_idl or form == MessageDefinitionFormat.NONE):
            return known
        if form == MessageDefinitionFormat.NONE:
            raise DataError(f"{self.path}: no definition of {connection.msgtype} of {connection.topic} in the bag")
        try:
            types = get_types_from_idl(text) if of_idl else get_types_from_msg(text, connection.msgtype)
            store = get_typestore(Stores.EMPTY)
            store.register(types)
            return store
        except Exception as error:  # rosbags' parser raises several kinds
            text = f"{self.path}: cannot read the bag's definition of {connection.msgtype}: {reason(error)}"
            raise DataError(text) from error


def bag_name(path: Path) -> str:
    """Of a folder its name, of a file without its ending."""
    return path.resolve().stem if path.is_file() else path.resolve().name


def reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def image_topic(bag: Bag, wanted: str | None) -> str:
    """The topic wanted, or the only one with images. Raises DataError naming those that there are."""
    found = bag.topics(IMAGE, COMPRESSED)
    listed = ", ".join(found) if found else "none"
    if wanted is not None and wanted not in found:
        raise DataError(f"{bag.path}: expected images on {wanted}, the topics with images are: {listed}")
    if wanted is None and len(found) != 1:
        raise DataError(f"{bag.path}: expected --topic, or one topic with images; those that there are: {listed}")
    return wanted or found[0]
