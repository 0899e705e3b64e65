"""Look-ups at the time of an image, in trees made by hand: with a stand-in for tf2, and with tf2 where it is there."""

import importlib.util
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

import tf2_ros_fake
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.nodes.camera.transforms import Transforms, make_transforms, needed_frames

HALF = 0.5**0.5
NO_GUESS = {"position_without_depth": "none"}
NO_TF2 = "tf2_ros is not installed"


@pytest.fixture(params=["stand-in", "tf2"])
def tf2(request, monkeypatch):
    """Run a test with the stand-in for tf2_ros, and with tf2_ros itself."""
    if request.param == "stand-in":
        tf2_ros_fake.install(monkeypatch)
    elif importlib.util.find_spec("tf2_ros") is None:
        pytest.skip(NO_TF2)


@pytest.fixture
def make(kept):
    """Return a function that makes the Transforms of a node; they are closed after the test."""
    from rclpy.node import Node

    made = []

    def make(timeout_s=0.0, **node_options):
        node = kept(Node("pose_node", **node_options))
        made.append(Transforms(node, {"tf_timeout_s": timeout_s}))
        return made[-1]

    yield make
    for transforms in made:
        transforms.close()


def stamp(at_s):
    ns = round(at_s * 1e9)
    return Time(sec=ns // 10**9, nanosec=ns % 10**9)


def stamped(parent, child, at_s, xyz=(0.0, 0.0, 0.0), xyzw=(0.0, 0.0, 0.0, 1.0)):
    transform = Transform(translation=Vector3(**dict(zip("xyz", xyz))), rotation=Quaternion(**dict(zip("xyzw", xyzw))))
    return TransformStamped(
        header=Header(stamp=stamp(at_s), frame_id=parent), child_frame_id=child, transform=transform
    )


def image(at_s, frame="camera"):
    return Header(stamp=stamp(at_s), frame_id=frame)


def drive(buffer):
    """Fill a buffer: from 10 s to 12 s a robot drives 1 m/s along x and turns left; its camera is 1 m high."""
    buffer.set_transform_static(stamped("base", "camera", 0.0, (0.0, 0.0, 1.0), (-0.5, 0.5, -0.5, 0.5)), "test")
    for at_s, xyzw in ((10.0, (0.0, 0.0, 0.0, 1.0)), (12.0, (0.0, 0.0, HALF, HALF))):
        buffer.set_transform(stamped("map", "base", at_s, (at_s - 10, 0.0, 0.0), xyzw), "test")
    buffer.set_transform(stamped("other", "tree", 11.0), "test")


# At 2 m before the camera: time s, target frame, position there.
PLACES = [
    (10.0, "camera", (0, 0, 2)),
    (10.0, "base", (2, 0, 1)),
    (99.0, "base", (2, 0, 1)),  # static transforms hold at any time
    (10.0, "map", (2, 0, 1)),
    (11.0, "map", (1 + 2 * HALF, 2 * HALF, 1)),
    (11.5, "map", (1.5 + 2 * np.cos(np.radians(67.5)), 2 * np.sin(np.radians(67.5)), 1)),
    (12.0, "map", (2, 2, 1)),
]


@pytest.mark.parametrize("at_s, target, place", PLACES)
def test_places_at_the_time_of_the_image(tf2, make, at_s, target, place):
    transforms = make()
    drive(transforms.buffer)
    rigid = transforms.lookup(target, image(at_s))
    np.testing.assert_allclose(rigid.apply(np.array([0.0, 0.0, 2.0])), place, atol=1e-9)


REFUSED = [
    ("empty tree", None, "map", image(11.0), "does not exist.*remedy: a node that publishes"),
    ("unknown target", drive, "nowhere", image(11.0), '"nowhere" .*does not exist'),
    ("unknown camera", drive, "map", image(11.0, "lens"), '"lens" .*does not exist'),
    ("other tree", drive, "other", image(11.0), "not part of the same tree"),
    ("too late", drive, "map", image(12.001), "into the future.*remedy: a longer tf_timeout_s"),
    ("too early", drive, "map", image(9.999), "into the past"),
    ("one sample", drive, "other", image(11.5, "tree"), "only time 11"),
    ("no stamp", drive, "map", image(0.0), "expected an image with a frame_id and a stamp, got .*stamp 0.0"),
    ("stamp before 1970", drive, "map", Header(stamp=Time(sec=-5), frame_id="camera"), "stamp -5.0"),
    ("no frame", drive, "map", image(11.0, ""), "frame_id '' and stamp 11"),
    ("slash in front", drive, "map", image(11.0, "/camera"), "cannot start with a '/'"),
    ("long name", drive, "map", image(11.0, "x" * 10000), "does not exist|expected a transform"),
]


@pytest.mark.parametrize("fill, target, header, words", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_without_a_transform_at_that_time_there_is_a_reason(tf2, make, fill, target, header, words):
    transforms = make()
    if fill:
        fill(transforms.buffer)
    with pytest.raises(FrameError, match=words) as caught:
        transforms.lookup(target, header)
    assert caught.value.kind == "transform" and "\n" not in str(caught.value)


def test_a_late_transform_is_waited_for(tf2, make):
    transforms = make(timeout_s=60.0)
    drive(transforms.buffer)
    late = stamped("map", "base", 13.0, (3.0, 0.0, 0.0), (0.0, 0.0, HALF, HALF))
    timer = threading.Timer(0.05, transforms.buffer.set_transform, (late, "test"))
    timer.start()
    place = transforms.lookup("map", image(12.5)).apply(np.zeros(3))
    timer.join()
    np.testing.assert_allclose(place, (2.5, 0, 1), atol=1e-9)


def test_it_waits_in_vain_only_once_until_a_transform_comes(tf2, make, monkeypatch):
    transforms, slept = make(timeout_s=0.02), []
    drive(transforms.buffer)
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (slept.append(seconds), sleep(seconds)))

    def waits(header, target="map"):
        slept.clear()
        with pytest.raises(FrameError):
            transforms.lookup(target, header)
        return bool(slept)

    assert waits(image(15.0)) and not waits(image(15.1))
    transforms.buffer.set_transform(stamped("map", "base", 13.0), "test")
    assert waits(image(15.2)) and not waits(image(15.3))
    assert not waits(image(9.0)), "what is too old does not come"
    assert not waits(image(15.0), "nowhere"), "a frame that nobody knows may never come"


def test_people_are_not_kept(tf2, make):
    """tf2 never forgets a frame, and new people come all day."""
    transforms = make()
    drive(transforms.buffer)
    for parent, child in (
        ("camera", "body_b1"),
        ("body_b1", "nose_b1"),
        ("map", "body_b12_left"),
        ("camera", "body_b"),
    ):
        transforms.buffer.set_transform(stamped(parent, child, 11.0), "test")
    kept = []
    for child in ("body_b1", "nose_b1", "body_b12_left", "body_b"):
        try:
            transforms.lookup("camera", image(11.0, child))
            kept.append(child)
        except FrameError:
            pass
    assert kept == ["body_b"], "a robot's own frame, which has no number"


def test_a_jump_back_of_the_clock_clears_the_buffer(tf2, make, kept, wait_until):
    """A bag that begins again has older stamps, which tf2 would drop as old data."""
    from rclpy.node import Node

    transforms = make(parameter_overrides=[Parameter("use_sim_time", value=True)])
    node, player = transforms._node, kept(Node("player"))
    clock = player.create_publisher(Clock, "/clock", 10)
    wait_until(lambda: clock.get_subscription_count(), node, player)
    clock.publish(Clock(clock=stamp(100.0)))
    wait_until(lambda: node.get_clock().now().nanoseconds == 100 * 10**9, node, player)
    transforms.buffer.set_transform(stamped("map", "base", 100.0), "test")
    transforms.lookup("map", image(100.0, "base"))
    clock.publish(Clock(clock=stamp(10.0)))
    wait_until(lambda: node.get_clock().now().nanoseconds == 10 * 10**9, node, player)
    transforms.buffer.set_transform(stamped("map", "base", 10.0, (5.0, 0.0, 0.0)), "test")
    np.testing.assert_allclose(transforms.lookup("map", image(10.0, "base")).translation, (5, 0, 0))


def test_close_leaves_no_thread_and_may_come_twice(tf2, make):
    before = threading.active_count()
    transforms = make()
    assert threading.active_count() == before + 1
    transforms.close()
    transforms.close()
    assert threading.active_count() == before


def test_close_after_the_context_has_ended(tf2, make, ros):
    before = threading.active_count()
    transforms = make()
    ros.shutdown()
    transforms.close()
    assert threading.active_count() == before


def test_an_unexpected_exception_costs_one_message(tf2, make, kept, wait_until, monkeypatch, capfd):
    """The thread goes on; the guard of the node counts and logs."""
    transforms = make()
    task = transforms._executor.create_task(lambda: 1 / 0)
    wait_until(task.done)
    answer = []
    transforms._executor.create_task(lambda: answer.append(1))
    wait_until(lambda: answer)
    assert transforms._node.unexpected_errors.total == 1 and "ZeroDivisionError" in capfd.readouterr().err


def test_messages_come_by_the_names_that_the_node_remaps(make, kept, wait_until):
    """A robot in a namespace of its own has /robot1/tf."""
    if importlib.util.find_spec("tf2_ros") is None:
        pytest.skip(NO_TF2)
    from rclpy.node import Node
    from tf2_msgs.msg import TFMessage

    transforms = make(cli_args=["--ros-args", "-r", "/tf:=tf", "-r", "__ns:=/robot1"])
    robot = kept(Node("robot"))
    publisher = robot.create_publisher(TFMessage, "/robot1/tf", 10)
    wait_until(lambda: publisher.get_subscription_count(), robot)

    def heard():
        publisher.publish(TFMessage(transforms=[stamped("map", "camera", 5.0, (1.0, 2.0, 3.0))]))
        try:
            return transforms.lookup("map", image(5.0)).translation.tolist() == [1, 2, 3]
        except FrameError:
            return False

    wait_until(heard, robot)
    assert not publisher.topic_name.startswith("/tf")


def test_without_tf2_the_package_is_named(kept, monkeypatch):
    from rclpy.node import Node

    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    node = kept(Node("pose_node"))
    assert make_transforms(node, {"target_frame": "", **NO_GUESS}) is None
    with pytest.raises(ConfigError, match=r"expected tf2_ros_py, install ros-\$ROS_DISTRO-tf2-ros-py"):
        make_transforms(node, {"target_frame": "map", **NO_GUESS})


def test_frames_with_a_slash_are_refused():
    assert needed_frames({"target_frame": "map", **NO_GUESS}) == ["map"]
    assert needed_frames({"target_frame": "", **NO_GUESS}) == []
    ground = {"position_without_depth": "ground", "ground_frame": "floor"}
    assert needed_frames({"target_frame": "", **ground}) == ["floor"]
    assert needed_frames({"target_frame": "map", **ground}) == ["map", "floor"]
    with pytest.raises(ConfigError, match="parameter target_frame: expected a TF frame without / in front, got '/map'"):
        needed_frames({"target_frame": "/map", **NO_GUESS})
