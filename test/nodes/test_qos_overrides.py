"""Test qos_overrides on the real endpoints of the node, and what is refused."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, ReliabilityPolicy
from sensor_msgs.msg import Image

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.parameters import ParameterNode, declare
from pose_estimation_ros.nodes.pose_node import PoseNode
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE, OUTPUT
from pose_estimation_ros.nodes.qos_overrides import warn_of_unserved, with_overrides
from pose_estimation_ros.nodes.video_node import VideoNode

KEYPOINTS = "qos_overrides./pose/keypoints.publisher."
IMAGES = "qos_overrides./image.subscription."


@pytest.fixture
def make(kept):
    def make(**overrides):
        arguments = [part for name, value in overrides.items() for part in ("-p", "%s:=%s" % (name, value))]
        node = kept(ParameterNode("pose_node", cli_args=["--ros-args"] + arguments))
        declare(node, [])
        return node

    return make


def endpoint(node, topic):
    """Return the profile of the node's publisher or subscription on a topic as DDS knows it."""
    endpoints = list(node.publishers) + list(node.subscriptions)
    return next(end for end in endpoints if end.topic_name == topic).qos_profile


def test_without_overrides_it_is_an_equal_profile(make):
    profile = with_overrides(make(), "publisher", "pose/keypoints", OUTPUT)
    assert profile == OUTPUT and profile is not OUTPUT


def test_every_policy(make):
    policies = dict(reliability="best_effort", durability="transient_local", history="keep_all", depth=7)
    policies.update(
        deadline=10**9, lifespan=2 * 10**9, liveliness="manual_by_topic", liveliness_lease_duration=3 * 10**9
    )
    policies.update(avoid_ros_namespace_conventions="true")
    node = make(**{KEYPOINTS + policy: value for policy, value in policies.items()})
    profile = with_overrides(node, "publisher", "pose/keypoints", OUTPUT)
    assert (profile.reliability, profile.durability) == (
        ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.TRANSIENT_LOCAL
    )  # fmt: skip
    assert (profile.history, profile.depth, profile.deadline.nanoseconds) == (HistoryPolicy.KEEP_ALL, 7, 10**9)
    assert profile.lifespan.nanoseconds == 2 * 10**9 and profile.liveliness_lease_duration.nanoseconds == 3 * 10**9
    assert profile.avoid_ros_namespace_conventions is True
    assert with_overrides(node, "subscription", "pose/keypoints", OUTPUT) == OUTPUT


@pytest.mark.parametrize(
    "name, value, words",
    [
        (KEYPOINTS + "reliability", "maybe", "expected one of best_available, best_effort, reliable, .*got 'maybe'"),
        (KEYPOINTS + "reliability", 1, "expected one of .*got 1"),
        (KEYPOINTS + "durability", [1, 2], "expected one of .*got "),
        (KEYPOINTS + "durability", ["volatile"], r"expected one of .*got \['volatile'\]"),
        (KEYPOINTS + "depth", [1, 2], "expected a number of messages, got "),
        (KEYPOINTS + "depth", "many", "expected a number of messages, got 'many'"),
        (KEYPOINTS + "depth", -1, "expected a number of messages, got -1"),
        (KEYPOINTS + "deadline", 0.5, "expected a time in nanoseconds, got 0.5"),
        (KEYPOINTS + "avoid_ros_namespace_conventions", 1, "expected true or false, got 1"),
        (KEYPOINTS + "relaibility", "reliable", "expected a policy out of history, reliability"),
    ],
)
def test_what_is_refused(make, name, value, words):
    with pytest.raises(ConfigError, match="parameter %s: %s" % (name, words)):
        with_overrides(make(**{name: value}), "publisher", "pose/keypoints", OUTPUT)


def test_a_subscription_has_no_lifespan(make):
    with pytest.raises(ConfigError, match="expected a policy out of"):
        with_overrides(make(**{IMAGES + "lifespan": 1}), "subscription", "image", NEWEST_IMAGE)


def test_an_empty_list_is_refused(make):
    with pytest.raises(ConfigError, match="expected a value, got nothing"):
        make(**{KEYPOINTS + "depth": "[]"})


def test_they_are_parameters_that_cannot_be_changed(make):
    node = make(**{KEYPOINTS + "depth": 3})
    assert node.get_parameter(KEYPOINTS + "depth").value == 3
    assert node.describe_parameter(KEYPOINTS + "depth").read_only


def test_those_of_other_topics_and_directions_are_named(make, capfd):
    names = [KEYPOINTS, "qos_overrides./tf.publisher.", "qos_overrides./pose/keypoints.subscription."]
    names.append("qos_overrides./rosout.publisher.")
    node = make(**{name + "depth": 3 for name in names})
    advertise(node, PersonArray, "pose/keypoints", OUTPUT)
    warn_of_unserved(node)
    stderr = capfd.readouterr().err
    assert [name + "depth is ignored: this node has /pose/keypoints.publisher" in stderr for name in names] == [
        False, True, True, True
    ]  # fmt: skip


def test_the_video_node_has_them_too(make_node):
    name = "qos_overrides./image.publisher.reliability"
    node = make_node(VideoNode, source=demo_clip(), **{name: "best_effort"})
    assert endpoint(node, "/image").reliability == ReliabilityPolicy.BEST_EFFORT


def test_the_node_s_topics_have_them_and_others_are_named(make_pose_node, capfd):
    node = make_pose_node(
        **{
            KEYPOINTS + "reliability": "best_effort",
            IMAGES + "reliability": "reliable",
            "qos_overrides./camera_info.subscription.depth": 9,
            "qos_overrides./pose/skeleton_info.publisher.depth": 2,
            "qos_overrides./diagnostics.publisher.depth": 20,
            "qos_overrides./tf.publisher.depth": 4,
        }
    )
    assert endpoint(node, "/pose/keypoints").reliability == ReliabilityPolicy.BEST_EFFORT
    assert endpoint(node, "/image").reliability == ReliabilityPolicy.RELIABLE
    depths = {"/camera_info": 9, "/pose/skeleton_info": 2, "/diagnostics": 20, "/pose/image": OUTPUT.depth}
    assert {topic: endpoint(node, topic).depth for topic in depths} == depths
    stderr = capfd.readouterr().err
    assert stderr.count("is ignored") == 1 and "qos_overrides./tf.publisher.depth is ignored" in stderr


def test_the_user_s_reliability_stays_where_auto_would_choose_another(make_node, color_model, kept, wait_until):
    """If every publisher is reliable and no image came, auto requests reliable images."""
    overrides = {"model": color_model, "detector": "full_frame", IMAGES + "reliability": "best_effort"}
    node = kept(PoseNode(parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()]))
    kept(Node("camera")).create_publisher(Image, "/image", 1)
    inputs = node.cameras[0].inputs
    wait_until(lambda: node.count_publishers("/image") == 1, node)
    before, inputs.watchdog.limit_s = inputs.image_subscription, 0.0
    inputs.tick()
    assert inputs.watchdog.outage and inputs.image_subscription is before
    assert inputs.image_subscription.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
