"""Messages into a rosbag2 that Humble and later distributions read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer

from pose_estimation_ros.evaluation.bag.messages import serialized, typestore

STORAGES = [plugin.name.lower() for plugin in StoragePlugin]
VERSION: Literal[8] = 8  # of metadata.yaml: Humble cannot read the QoS list of version 9
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
    """A new bag, complete only after ``close``; adds each topic when its first message comes. storage: of STORAGES."""

    def __init__(self, path: Path, storage: str = "sqlite3") -> None:
        self._writer = Writer(path, version=VERSION, storage_plugin=StoragePlugin[storage.upper()])
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def write(self, topic: str, message: Any, at_ns: int, qos: tuple[Qos, ...] = ()) -> None:
        """at_ns: time of recording. qos: that the topic is to be played with, looked at with its first message."""
        if topic not in self._connections:
            kind = message.__msgtype__
            own = self._writer.add_connection(topic, kind, typestore=typestore(), offered_qos_profiles=qos)
            self._connections[topic] = own
        self._writer.write(self._connections[topic], at_ns, serialized(message))

    def close(self) -> None:
        self._writer.close()
