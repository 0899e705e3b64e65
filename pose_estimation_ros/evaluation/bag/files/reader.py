"""Read messages from bags: rosbag2 (sqlite3, MCAP) and ROS 1, whole or cut short."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Rosbag1

from pose_estimation_ros.core.errors import DataError, FrameError, reason_of
from pose_estimation_ros.core.space.depth import DTYPES
from pose_estimation_ros.evaluation.bag.files.definitions import COMPRESSED, IMAGE, full_type, typestore_of
from pose_estimation_ros.evaluation.bag.files.storage import PACKED, BagFiles, Reader, chunks_of
from pose_estimation_ros.evaluation.bag.files.unpacking import unpack_message
from pose_estimation_ros.imaging.compressed import decode_compressed
from pose_estimation_ros.imaging.encodings import decode_image

STAMPS_NS = 2**31 * 10**9  # the seconds of a stamp have 32 bits


class Recorded(NamedTuple):
    """Hold one message.

    Attributes:
        topic: its topic.
        index: its place among the messages of the topic, from 0.
        stamp_ns: the stamp of its header; the time of recording where that is zero.
        recorded_ns: time of recording.
        message: the message.
    """

    topic: str
    index: int  # type: ignore[assignment]
    stamp_ns: int
    recorded_ns: int
    message: Any

    @property
    def has_stamp(self) -> bool:
        """Tell whether the stamp of the header is not zero."""
        return bool(self.message.header.stamp.sec != 0 or self.message.header.stamp.nanosec != 0)

    def image(self) -> np.ndarray:
        """Decode an image message: (H, W, 3) uint8 BGR. Raises FrameError."""
        m = self.message
        if not (-STAMPS_NS <= self.stamp_ns < STAMPS_NS and 0 <= self.recorded_ns < STAMPS_NS):
            raise FrameError(
                "stamp",
                f"expected a stamp of 32 bits of seconds, got {self.stamp_ns} ns, recorded at {self.recorded_ns} ns",
            )
        if m.__msgtype__ == COMPRESSED:
            return decode_compressed(m.format, m.data)
        return decode_image(m.encoding, m.height, m.width, m.step, m.is_bigendian, m.data)


class Bag:
    """Open a bag; the object is a context manager.

    Attributes:
        path: path of the bag.
        name: its name, see bag_name.
        problem: why not all of the bag could be read so far, "" while all is well.

    Args:
        path: a rosbag2 folder, or a .db3, .mcap or .bag file.

    Raises:
        DataError: nothing can be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = bag_name(self.path)
        self._files = BagFiles(self.path)
        self.problem = self._files.problem
        # The connections of rosbags belong to one reader each, so each is kept with its reader.
        self._connections: list[tuple[Reader, Connection]] = [
            (reader, connection._replace(msgtype=full_type(connection.msgtype)))
            for reader in self._files.readers
            for connection in reader.connections
        ]

    @property
    def connections(self) -> list[Connection]:
        """List the connections of all files."""
        return [connection for _, connection in self._connections]

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._files.close()

    def topics(self, *types: str) -> list[str]:
        """Return the names of the topics of these message types, sorted."""
        return sorted({connection.topic for connection in self.connections if connection.msgtype in types})

    def count(self, topic: str) -> int:
        """Count the messages of a topic, by the bag's index or its metadata.yaml, whichever has more."""
        indexed = sum(connection.msgcount for connection in self.connections if connection.topic == topic)
        return max(indexed, self._files.counts.get(topic, 0))

    def read(self, topic: str, at_ns: int | None = None) -> Iterator[Recorded]:
        """Yield the messages of a topic in the order of recording, up to where the bag is damaged; see ``problem``.

        Args:
            topic: its name.
            at_ns: only messages that were recorded at this time, whose index counts from 0; None: all.

        Raises:
            DataError: a type of message has no definition or none that rosbags can parse, or an image type has other
                fields than in ROS.
        """
        chosen = [(reader, connection) for reader, connection in self._connections if connection.topic == topic]
        stores = {c.msgtype: typestore_of(c, self._is_ros1, str(self.path)) for _, c in chosen}
        count = 0
        for connection, recorded_ns, data in self._raw(chosen, at_ns):
            store = stores[connection.msgtype]
            try:
                if self._is_ros1:
                    message: Any = store.deserialize_ros1(data, connection.msgtype)
                else:
                    message = store.deserialize_cdr(unpack_message(data), connection.msgtype)
                header = getattr(message, "header", None)  # a Skeleton has none
                stamp_ns = 0 if header is None else header.stamp.sec * 10**9 + header.stamp.nanosec
                at = operator.index(recorded_ns)  # sqlite3 allows any type
            except Exception as error:  # bytes of a damaged message may be anything
                self.problem = f"message {count} of {topic} is damaged: {reason_of(error)}"
                return
            yield Recorded(topic, count, stamp_ns or at, at, message)
            count += 1
        if at_ns is None and count < self.count(topic) and not self.problem:
            self.problem = f"{count} messages of {topic} where the bag's index has {self.count(topic)}"

    def first(self, topic: str) -> Any:
        """Return the first message of a topic; None where none can be read. Leaves ``problem`` as it is."""
        before = self.problem
        try:
            return next((entry.message for entry in self.read(topic)), None)
        except DataError:
            return None
        finally:
            self.problem = before

    def _raw(
        self, chosen: Sequence[tuple[Reader, Connection]], at_ns: int | None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        span = (None, None) if at_ns is None else (at_ns, at_ns + 1)
        parts = [
            messages_of(reader, {c.id: c for owner, c in chosen if owner is reader}, *span)
            for reader in self._files.readers
            if any(owner is reader for owner, _ in chosen)
        ]
        merged = heapq.merge(*parts, key=lambda entry: entry[1])
        while True:
            try:
                entry = next(merged, None)
            except Exception as error:  # rosbags lets through what struct, apsw and zstd raise on damaged files
                self.problem = f"damaged: {reason_of(error)}"
                return
            if entry is None:
                return
            connection, recorded_ns, data = entry
            if connection:
                yield connection, recorded_ns, data

    @property
    def _is_ros1(self) -> bool:
        return isinstance(self._files.readers[0], Rosbag1)


def messages_of(
    reader: Reader, connections: dict[int, Connection], start: int | None, stop: int | None
) -> Iterator[tuple[Connection | None, int, bytes]]:
    """Read the messages of one file.

    Args:
        reader: reader of the file.
        connections: by their ids in this file.
        start: earliest time of recording, ns.
        stop: time of recording to end before, ns.

    Yields:
        (None, the earliest time, nothing), so that files that do not overlap are opened one after the other when they
        are merged; then (connection, time of recording in ns, bytes).
    """
    begins = [chunk.message_start_time for chunk in chunks_of(reader)]
    yield None, min(begins) if begins else reader.start_time, b""
    chosen = [connection for connection in reader.connections if connection.id in connections]
    for connection, recorded_ns, data in reader.messages(chosen, start, stop):
        yield connections[connection.id], recorded_ns, data


def bag_name(path: Path) -> str:
    """Return the name of a bag: that of its folder, or of its file without the ending."""
    path = path.resolve()
    if not path.is_file():
        return path.name
    return Path(path.stem).stem if path.suffix.startswith(PACKED) else path.stem


def image_topic(bag: Bag, wanted: str | None) -> str:
    """Choose the topic wanted, or the only one with colour images.

    Args:
        bag: an open bag.
        wanted: a topic; None: the bag's only one.

    Returns:
        The name of the topic.

    Raises:
        DataError: naming the topics that there are.
    """
    topics = bag.topics(IMAGE, COMPRESSED)
    if wanted is not None and wanted in topics:
        return wanted
    full = [topic for topic in topics if bag.count(topic)]
    colour = [topic for topic in full if not is_depth(topic, bag.first(topic))]
    unsuitable = {"without messages": set(topics) - set(full), "with depth": set(full) - set(colour)}
    listed = ", ".join(colour) if colour else "none"
    listed += "".join(f"; {kind}: {', '.join(sorted(names))}" for kind, names in unsuitable.items() if names)
    if wanted is not None:
        raise DataError(f"{bag.path}: expected images on {wanted}, the topics with images are: {listed}")
    if len(colour) != 1:
        raise DataError(f"{bag.path}: expected --topic, or one topic with images, got {listed}")
    return colour[0]


def is_depth(topic: str, message: Any) -> bool:
    """Tell whether a topic has depth images, by its first message, for mono16 also by its name.

    Args:
        topic: its name.
        message: the first message; None where there is none, then the answer is no.
    """
    if message is None:
        return False
    is_file = message.__msgtype__ == COMPRESSED
    encoding = message.format.split(";")[0].strip() if is_file else message.encoding
    named = "depth" in topic.lower() and encoding == "mono16"
    return encoding in DTYPES or named or (is_file and "compressedDepth" in message.format)
