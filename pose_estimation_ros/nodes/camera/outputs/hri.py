"""Publish the bodies of REP-155 (hri_msgs) below /humans/bodies, for all cameras of a node together."""

import time
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.poses import LOST, Poses
from pose_estimation_ros.messages import hri
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import array_to_image, optional_messages
from pose_estimation_ros.nodes.qos import OUTPUT

TOPICS = "/humans/bodies/"
SHARED = "tracked_bodies"  # attribute of a node with its TrackedBodies
NO_IDS = "parameter hri: expected tracking to be true, because bodies are named after ids; got false"
NO_BODIES = "parameter hri: skeleton %s has no joint of REP-155's, so /humans/bodies/tracked stays empty"
INTERVALS, LEAST_S, MOST_S = 3.0, 2.0, 10.0  # how long a camera's list stands: for so many intervals between images


class Seen(NamedTuple):
    """Hold the bodies that one camera saw last.

    Attributes:
        ids: ids of the bodies.
        header: header of the image.
        time_s: when that was, on a steady clock.
        stands_s: how long they count without another image.
    """

    ids: List[str]
    header: Header
    time_s: float
    stands_s: float


class TrackedBodies:
    """Publish /humans/bodies/tracked, one list for all cameras of a node: its readers take each list as complete."""

    def __init__(self, node: Node, kind: Any) -> None:
        """Create the publisher.

        Args:
            node: Node that publishes.
            kind: The class IdsList.
        """
        self._node, self._kind = node, kind
        self._seen: Dict[str, Seen] = {}
        self.publisher: "Publisher[Any]" = advertise(node, kind, HriOutput.topic, OUTPUT)

    def join(self, camera: str) -> None:
        """Add a camera that has seen nobody so far."""
        self._seen[camera] = Seen([], Header(), time.monotonic(), 0.0)

    def pause(self, camera: str) -> None:
        """Publish the list without the bodies of a camera that brings no more images for now."""
        seen = self._seen[camera]
        self._seen[camera] = seen._replace(ids=[])
        if seen.ids and self._node.context.ok():  # not after a signal
            self._publish(seen.header, time.monotonic())

    def leave(self, camera: str) -> None:
        """Remove a camera; destroy the publisher with the last one."""
        del self._seen[camera]
        if not self._seen:
            self._node.destroy_publisher(self.publisher)
            delattr(self._node, SHARED)

    def publish(self, camera: str, ids: List[str], header: Header) -> None:
        """Publish the bodies that a camera sees, together with those that the others saw last.

        The list of a camera that brings no more images ends by itself.

        Args:
            camera: Name of the camera, which has joined.
            ids: Ids of its bodies.
            header: Header of its image.
        """
        now_s = time.monotonic()
        stands_s = INTERVALS * (now_s - self._seen[camera].time_s)
        self._seen[camera] = Seen(ids, header, now_s, min(max(stands_s, LEAST_S), MOST_S))
        self._publish(header, now_s)

    def _publish(self, header: Header, now_s: float) -> None:
        if self.publisher.get_subscription_count():
            lists = [seen.ids for seen in self._seen.values() if now_s - seen.time_s <= seen.stands_s]
            self.publisher.publish(self._kind(header=header, ids=sum(lists, [])))


def tracked_bodies(node: Any, kind: Any) -> TrackedBodies:
    """Return the one TrackedBodies of a node; the first call makes it.

    Args:
        node: The node.
        kind: The class IdsList.
    """
    if not hasattr(node, SHARED):
        setattr(node, SHARED, TrackedBodies(node, kind))
    shared: TrackedBodies = getattr(node, SHARED)
    return shared


class HriOutput(Output):
    """Publish /humans/bodies/tracked, and skeleton2d, roi and cropped of each body while that body is tracked.

    The names are global, as REP-155 and its readers have them; the ids tell the cameras apart. A message is only made
    while somebody subscribes to it. The topics of a body stay while it is LOST.
    """

    topic = TOPICS + "tracked"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher of the list of bodies.

        Raises:
            ConfigError: hri_msgs is not installed, or people have no ids.
        """
        if not context.values["tracking"]:
            raise ConfigError(NO_IDS)
        self.context = context
        self._messages = optional_messages("hri_msgs", hri.CLASSES)
        self._tracked = tracked_bodies(context.node, self._messages.IdsList)
        self._tracked.join(context.camera)
        self.publisher = self._tracked.publisher
        self._bodies: Dict[str, Dict[str, "Publisher[Any]"]] = {}  # by body id and the last part of the topic
        self._parts: Dict[str, Tuple[Any, Callable[[Poses, Result], List[Any]]]] = {
            "skeleton2d": (self._messages.Skeleton2D, self._skeletons),
            "roi": (self._messages.NormalizedRegionOfInterest2D, self._regions),
            "cropped": (Image, self._cropped),
        }
        if not hri.shared_joints(context.skeleton):
            context.node.get_logger().warning(NO_BODIES % context.skeleton.name)

    def publishers(self) -> List["Publisher[Any]"]:
        """Return the publishers of the list and of all bodies of this camera."""
        return [self.publisher] + [publisher for parts in self._bodies.values() for publisher in parts.values()]

    def pause(self) -> None:
        """End the bodies of this camera, and say so in the list."""
        self._keep([])
        self._tracked.pause(self.context.camera)

    def close(self) -> None:
        """Destroy the publishers of the bodies, and that of the list if no other camera needs it."""
        self.pause()
        self._tracked.leave(self.context.camera)

    def publish(self, result: Result) -> None:
        """Publish the list of bodies, and of each body what somebody subscribes to."""
        camera, poses = self.context.camera, result.poses
        people = hri.bodies(poses, self.context.skeleton)
        ids = hri.body_ids(people, camera)
        self._keep(ids + hri.body_ids(poses.select(poses.state == LOST), camera))
        self._open(ids)
        self._tracked.publish(camera, ids, result.header)
        for part, (_, make) in self._parts.items():
            publishers = [self._bodies[body][part] for body in ids]
            wanted = [i for i, publisher in enumerate(publishers) if publisher.get_subscription_count()]
            messages = make(people.select(wanted), result) if wanted else []
            for i, message in zip(wanted, messages):
                if message is not None:
                    publishers[i].publish(message)

    def _keep(self, ids: List[str]) -> None:
        """Destroy the publishers of all other bodies."""
        for gone in sorted(set(self._bodies) - set(ids)):
            for publisher in self._bodies.pop(gone).values():
                self.context.node.destroy_publisher(publisher)

    def _open(self, ids: List[str]) -> None:
        """Create the publishers of bodies that have none."""
        for body in ids:
            if body not in self._bodies:
                self._bodies[body] = {
                    part: advertise(self.context.node, kind, "%s%s/%s" % (TOPICS, body, part), OUTPUT)
                    for part, (kind, _) in self._parts.items()
                }

    def _skeletons(self, people: Poses, result: Result) -> List[Any]:
        return hri.skeletons_2d(self._messages, people, result.header, result.image_wh, self.context.skeleton)

    def _regions(self, people: Poses, result: Result) -> List[Any]:
        return hri.regions(self._messages, people, result.header, result.image_wh)

    def _cropped(self, people: Poses, result: Result) -> List[Any]:
        """Return an Image of each person, None for one who is outside of the image."""
        pictures = hri.cropped(result.frame, people)
        return [array_to_image(picture, result.header) if picture.size else None for picture in pictures]
