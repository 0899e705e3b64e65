"""Check rosbags: topics, numbers of messages, and whether every image can be read."""

from __future__ import annotations

from pose_estimation_ros.core.errors import DataError, FrameError
from pose_estimation_ros.evaluation.bag.files.definitions import COMPRESSED, IMAGE
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.files.storage import STORAGES
from pose_estimation_ros.training.data.check.faults import Fault
from pose_estimation_ros.training.data.check.images import joined
from pose_estimation_ros.training.data.check.report import Report

ENDINGS = (".bag", *STORAGES)


def check_bag(path: str, with_images: bool) -> Report:
    """Check a rosbag.

    Args:
        path: a rosbag2 folder, or a .db3, .mcap or .bag file.
        with_images: whether all images are decoded.
    """
    report = Report(path, "rosbag")
    try:
        with Bag(path) as bag:
            for topic in sorted({connection.topic for connection in bag.connections}):
                kinds = {connection.msgtype for connection in bag.connections if connection.topic == topic}
                report.facts[topic] = f"{bag.count(topic)} messages, {', '.join(sorted(kinds))}"
            topics = bag.topics(IMAGE, COMPRESSED)
            if not topics:
                report.add_faults([Fault("expected a topic of images, got none")])
            for topic in topics if with_images else ():
                report.add_faults(joined(faults_of_topic(bag, topic)))
            if bag.problem:
                report.add_faults([Fault(f"expected a whole bag, got: {bag.problem}")])
    except DataError as error:
        report.add_faults([Fault(str(error))])
    return report


def faults_of_topic(bag: Bag, topic: str) -> list[Fault]:
    """Return a fault for each image of a topic that cannot be read.

    Args:
        bag: the open bag.
        topic: name of the topic.
    """
    faults = []
    for recorded in bag.read(topic):
        try:
            recorded.image()
        except (DataError, FrameError) as error:
            example = f"message {recorded.index}: {error}"
            faults.append(Fault(f"images of {topic} that cannot be read", 1, (example,)))
    return faults
