"""Compare with rclpy's check of compatibility, and with what happens over Fast DDS."""

import itertools
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from endpoints import info, profile
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from pose_estimation_ros.nodes.camera.image_qos import (
    advertise,
    choose,
    explain_incompatible,
    explain_refused,
    mismatches,
    subscribe,
)
from pose_estimation_ros.nodes.parameter_tables import QOS
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE, OUTPUT

BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE


POOR, GOOD = info(reliability=BEST_EFFORT), info()


@pytest.mark.parametrize(
    "infos, wanted, arrived, expected",
    [
        ([], "auto", True, BEST_EFFORT),
        ([], "auto", False, BEST_EFFORT),
        ([], "reliable", True, RELIABLE),
        ([GOOD], "auto", True, BEST_EFFORT),
        ([GOOD], "auto", False, RELIABLE),
        ([GOOD, POOR], "auto", False, BEST_EFFORT),
        ([POOR], "auto", False, BEST_EFFORT),
        ([GOOD], "best_effort", False, BEST_EFFORT),
        ([POOR], "reliable", True, RELIABLE),
    ],
)
def test_choice(infos, wanted, arrived, expected):
    chosen = choose(infos, wanted, arrived)
    assert chosen.reliability == expected
    assert chosen.durability != DurabilityPolicy.TRANSIENT_LOCAL
    assert (chosen.history, chosen.depth) == (HistoryPolicy.KEEP_LAST, 1)


def test_auto_matches_every_publisher():
    """It requests reliable images only if all publishers are reliable."""
    for infos, arrived in itertools.product(([GOOD], [POOR], [GOOD, POOR]), (True, False)):
        assert [mismatches(one.qos_profile, choose(infos, "auto", arrived)) for one in infos] == [[]] * len(infos)


def all_profiles():
    durations = (Duration(), Duration(seconds=1), Duration(seconds=2))
    kinds = (
        (RELIABLE, BEST_EFFORT),
        (DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL),
        (LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC),
        durations,
        durations,
    )
    names = ("reliability", "durability", "liveliness", "deadline", "liveliness_lease_duration")
    return [profile(**dict(zip(names, values))) for values in itertools.product(*kinds)]


def test_mismatches_are_those_that_rclpy_finds():
    from rclpy.qos import QoSCompatibility, qos_check_compatible

    verdicts = set()
    for offered, requested in itertools.product(all_profiles(), repeat=2):
        compatible = qos_check_compatible(offered, requested)[0] == QoSCompatibility.OK
        assert (mismatches(offered, requested) == []) == compatible, (offered, requested)
        verdicts.add(compatible)
    assert verdicts == {True, False}


@pytest.mark.parametrize(
    "offered, requested, expected",
    [
        (dict(reliability=BEST_EFFORT), {}, "/front/camera offers reliability best_effort, this node asks for "
         "reliable: set the parameter qos to best_effort or auto"),
        ({}, dict(durability=DurabilityPolicy.TRANSIENT_LOCAL), "/front/camera offers durability volatile, this node "
         "asks for transient_local: set the publisher's durability to transient_local"),
        ({}, dict(deadline=Duration(seconds=0.5)), "/front/camera offers deadline infinite, this node asks for 0.5 s: "
         "set the publisher's deadline to 0.5 s"),
    ],
)  # fmt: skip
def test_explanations_name_policy_both_sides_and_remedy(offered, requested, expected):
    publishers = [info("fits", durability=DurabilityPolicy.TRANSIENT_LOCAL, deadline=Duration(seconds=0.1))]
    publishers.append(info("camera", "/front", **offered))
    assert explain_incompatible("/image", publishers, profile(**requested)) == "incompatible QoS: " + expected


def test_explanations_without_the_other_side():
    """The other side may be gone when the event comes."""
    assert "ros2 topic info -v /image" in explain_incompatible("/image", [], NEWEST_IMAGE)
    assert "ros2 topic info -v /pose" in explain_refused("/pose", [], OUTPUT)


class Logging(Node):
    """Keep the warnings that the node logs."""

    def __init__(self, name):
        super().__init__(name)
        self.warnings = []

    def get_logger(self):
        return SimpleNamespace(warning=self.warnings.append)


@pytest.fixture
def ours(kept):
    return kept(Logging("ours"))


@pytest.fixture
def theirs(kept):
    return kept(Node("theirs", namespace="/front"))


def test_an_incompatible_publisher_is_reported_with_the_remedy(ours, theirs, wait_until):
    subscribe(ours, Image, "/image", lambda *_: None, choose([], "reliable"))
    theirs.create_publisher(Image, "/image", profile(BEST_EFFORT))
    wait_until(lambda: ours.warnings, ours, theirs)
    assert ours.warnings == [
        "/image: incompatible QoS: /front/theirs offers reliability best_effort, this node asks for reliable: set the "
        "parameter qos to best_effort or auto"
    ]


@pytest.mark.parametrize(
    "requested, expected",
    [
        (dict(durability=DurabilityPolicy.TRANSIENT_LOCAL), "it asks for durability transient_local, this node offers "
         "volatile: set its durability to volatile"),
        (dict(deadline=Duration(seconds=0.5)), "it asks for deadline 0.5 s, this node offers infinite: leave its "
         "deadline at the default"),
    ],
)  # fmt: skip
def test_a_subscription_that_asks_for_more_is_reported_with_the_remedy(ours, theirs, wait_until, requested, expected):
    advertise(ours, Image, "/pose/image", OUTPUT)
    theirs.create_subscription(Image, "/pose/image", print, profile(**requested))
    wait_until(lambda: ours.warnings, ours, theirs)
    assert ours.warnings == ["/front/theirs gets nothing from /pose/image: incompatible QoS: " + expected]


@pytest.mark.parametrize("wanted", QOS)
def test_images_come_with_their_publisher_s_numbers(ours, theirs, wait_until, wanted):
    """With depth 1 the newest of three images arrives, and its number shows that there were two before it."""
    received = []
    subscribe(ours, Image, "image", lambda *arguments: received.append(arguments), choose([], wanted))
    publisher = theirs.create_publisher(Image, "/image", profile())
    wait_until(lambda: publisher.get_subscription_count() and ours.count_publishers("/image"), ours, theirs)
    publisher.publish(Image())
    wait_until(lambda: received, ours)
    for number in range(3):
        publisher.publish(Image(width=number))
    wait_until(lambda: len(received) == 2, ours)
    (_, first, first_id), (image, last, last_id) = received
    assert image.width == 2 and last - first == 3
    metadata = pytest.importorskip("importlib.metadata", reason="Python 3.6 and 3.7 cannot tell rclpy's version")
    gives_id = int(metadata.version("rclpy").split(".")[0]) >= 9  # Kilted's, and newer
    assert first_id == last_id and len(first_id) == (16 if gives_id else 0)
    assert ours.warnings == []


def test_a_middleware_without_events_serves_without_them(ours, monkeypatch):
    """rclpy refuses the callback, as it does with Fast DDS before Humble."""
    from rclpy.event_handler import UnsupportedEventTypeError

    create = Node.create_subscription

    def refuse(self, *arguments, **keywords):
        if keywords:
            raise UnsupportedEventTypeError("no such event")
        return create(self, *arguments)

    monkeypatch.setattr(Node, "create_subscription", refuse)
    assert subscribe(ours, CompressedImage, "image", lambda *_: None, NEWEST_IMAGE).topic_name == "/image"


def test_rclpy_before_iron_gives_no_numbers(ours, theirs, wait_until, monkeypatch):
    monkeypatch.setattr("pose_estimation_ros.nodes.camera.image_qos.GIVES_MESSAGE_INFO", False)
    received = []
    subscribe(ours, Image, "/image", lambda *arguments: received.append(arguments[1:]), NEWEST_IMAGE)
    publisher = theirs.create_publisher(Image, "/image", profile())
    wait_until(lambda: publisher.get_subscription_count() and ours.count_publishers("/image"), ours, theirs)
    publisher.publish(Image())
    wait_until(lambda: received, ours)
    assert received == [(None, b"")]
