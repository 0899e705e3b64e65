"""Write messages into a rosbag2 that Humble and later distributions read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.files.message_types import serialized, typestore

STORAGES = [plugin.name.lower() for plugin in StoragePlugin]
VERSION: Literal[8] = 8  # version of metadata.yaml: Humble cannot read the QoS list of version 9
NO_TIME = QosTime(0, 0)
LATCHED = Qos(
    history=QosHistory.KEEP_LAST,
    depth=1,
    reliability=QosReliability.RELIABLE,
    durability=QosDurability.TRANSIENT_LOCAL,
    deadline=NO_TIME,
    lifespan=NO_TIME,
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=NO_TIME,
    avoid_ros_namespace_conventions=False,
)


class BagWriter:
    """Write a new bag, which is complete only after ``close``; each topic is added when its first message comes.

    The object is a context manager, which closes the bag, or gives it up after an exception.

    Args:
        path: the folder, which must not exist.
        storage: one of STORAGES.

    Raises:
        DataError: the bag cannot be written, for example because the disk is full.
    """

    def __init__(self, path: Path, storage: str = "sqlite3") -> None:
        self._path = path
        self._connections: dict[str, Any] = {}
        with self._problems():
            self._writer = Writer(path, version=VERSION, storage_plugin=StoragePlugin[storage.upper()])
            self._writer.open()

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, kind: Any, *_exception: object) -> None:
        if kind:
            self.abort()
        else:
            self.close()

    def write(self, topic: str, message: Any, at_ns: int, qos: tuple[Qos, ...] = ()) -> None:
        """Write one message.

        Args:
            topic: its topic.
            message: one of ``messages()``.
            at_ns: time of recording.
            qos: profiles with which the topic is to be played; only those of its first message count.
        """
        with self._problems():
            if topic not in self._connections:
                kind = message.__msgtype__
                connection = self._writer.add_connection(topic, kind, typestore=typestore(), offered_qos_profiles=qos)
                self._connections[topic] = connection
            self._writer.write(self._connections[topic], at_ns, serialized(message))

    def close(self) -> None:
        """Finish the bag. Raises DataError."""
        with self._problems():
            self._writer.close()

    def abort(self) -> None:
        """Close the files without finishing the bag, so that its folder can be removed."""
        with suppress(Exception):
            self._writer.abort()

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, WriterError) as error:
            raise DataError(f"cannot write the bag {self._path}: {error}") from error
