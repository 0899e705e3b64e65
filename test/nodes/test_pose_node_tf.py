"""Test the node with TF: a robot drives past a person who stands still, and sees them in rendered depth images.

tf2 is the stand-in of test/fakes. The keypoints are exact, because the pipeline is replaced by a projection.
"""

import array

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

import tf2_ros_fake
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from pose_estimation_ros.msg import PersonArray, PersonArray3D
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from benchmarks.tracking.depth_renderer import COCO, render
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.poses import CONFIRMED, LOST, make_poses
from pose_estimation_ros.core.space.depth import joints_in_space
from pose_estimation_ros.core.space.rigid import from_quaternion
from pose_estimation_ros.nodes.camera.outputs import output as base
from pose_estimation_ros.nodes.camera.transforms import make_transforms
from pose_estimation_ros.nodes.conversions import array_to_image

WIDTH, HEIGHT, FOCAL = 320, 240, 260.0
MATRIX = [FOCAL, 0.0, (WIDTH - 1) / 2, 0.0, FOCAL, (HEIGHT - 1) / 2, 0.0, 0.0, 1.0]
CAMERA = make_camera(MATRIX, [], "plumb_bob", (WIDTH, HEIGHT))
CAMERA_FRAME = "camera_color_optical_frame"
IN_ROBOT = (0.2, 0.0, 1.2), (-0.5, 0.5, -0.5, 0.5)  # of the camera, which looks along the robot's x
SPEED_MPS, FIRST_S = 1.0, 100.0
# In the map: the person stands 3 m before the robot's start and looks at it.
PERSON = Walker([(0.0, 0.0, 3.0), (10.0, 0.0, 3.0)]).joints(5.0)
START = from_quaternion(IN_ROBOT[1], IN_ROBOT[0])  # from the camera to the map at FIRST_S
TRUTH = START.apply(PERSON)


def stamp(at_s):
    return Time(sec=int(at_s), nanosec=round(at_s % 1 * 1e9))


def robot_x(at_s):
    """Return how far the robot has driven to its left, along y of the map."""
    return SPEED_MPS * (at_s - FIRST_S)


def seen_at(at_s):
    """Return the person's joints (1, 17, 3) in the frame of the camera."""
    return START.inverse().apply(TRUTH - [0.0, robot_x(at_s), 0.0])[None]


def transform(parent, child, at_s, xyz, xyzw=(0.0, 0.0, 0.0, 1.0)):
    message = TransformStamped(header=Header(stamp=stamp(at_s), frame_id=parent), child_frame_id=child)
    parts = message.transform.translation, message.transform.rotation
    for part, values in zip(parts, (xyz, xyzw), strict=True):
        for name, value in zip("xyzw", values):  # noqa: B905
            setattr(part, name, value)
    return message


@pytest.fixture
def heard_tf(monkeypatch):
    """Install the stand-in for tf2; return the list of TransformStamped that the node publishes on /tf."""
    tf2_ros_fake.install(monkeypatch)
    heard, advertise = [], base.advertise

    class Publisher:
        def publish(self, message):
            heard.extend(message.transforms)

    def without_tf(node, kind, topic, qos):
        if kind is not tf2_ros_fake.TFMessage:
            return advertise(node, kind, topic, qos)
        assert topic == "/tf"
        return Publisher()

    monkeypatch.setattr(base, "advertise", without_tf)
    return heard


class Robot:
    """Hold a node on a robot; see() hands over the images of a time, and answers what the node publishes of them."""

    def __init__(self, node, peer, wait_until):
        self.node, self.peer, self.wait_until, self.state = node, peer, wait_until, CONFIRMED
        self.camera = node.cameras[0]
        (self.listener,) = tf2_ros_fake.TransformListener.made or [None]
        self.heard = {}
        kinds = {"pose/keypoints": PersonArray, "pose/keypoints_3d": PersonArray3D, "pose/markers": MarkerArray}
        for topic, kind in kinds.items():
            self.heard[topic] = []
            peer.create_subscription(kind, topic, self.heard[topic].append, QoSProfile(depth=10))
            publisher = self.camera.results.publishers[topic]
            wait_until(lambda publisher=publisher: publisher.get_subscription_count() == 1, node, peer)
        info = CameraInfo(width=WIDTH, height=HEIGHT, k=MATRIX, distortion_model="plumb_bob")
        self.camera.inputs.on_camera_info(info)

    def hear(self, *transforms, static=False):
        message = tf2_ros_fake.TFMessage(transforms=list(transforms))
        (self.listener.static_callback if static else self.listener.callback)(message)

    def drive(self, until_s):
        """Hear of the robot's way from the start to a time, ten times a second."""
        self.hear(transform("base_link", CAMERA_FRAME, 0.0, *IN_ROBOT), static=True)
        for at_s in np.arange(FIRST_S, until_s + 0.01, 0.1):
            self.hear(transform("map", "base_link", at_s, (0.0, robot_x(at_s), 0.0)))

    def poses(self, at_s):
        xy = CAMERA.project(seen_at(at_s))
        box = np.concatenate([xy.min(1) - 10, xy.max(1) + 10], 1)
        poses = make_poses(xy, np.full((1, 17), 0.9), box, np.ones(1), np.array([7]))
        return poses.replace(state=np.array([self.state], np.uint8))

    def see(self, at_s, frame_id=CAMERA_FRAME):
        """Return the messages on the topics, None for those that did not come; pose/keypoints always comes."""
        header, before = Header(stamp=stamp(at_s), frame_id=frame_id), {t: len(m) for t, m in self.heard.items()}
        depth = render(seen_at(at_s), CAMERA)
        message = Image(header=header, height=HEIGHT, width=WIDTH, encoding="32FC1", step=4 * WIDTH)
        message.data = array.array("B", depth.tobytes())
        self.camera.inputs.on_depth(message)
        self.camera.inputs.on_image(array_to_image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), header))
        # What is published later comes later, so the end of each is known by a message of the test itself.
        self.wait_until(lambda: len(self.heard["pose/keypoints"]) > before["pose/keypoints"], self.node, self.peer)
        ends = {topic: self.camera.results.publishers[topic] for topic in ("pose/keypoints_3d", "pose/markers")}
        for topic, publisher in ends.items():
            publisher.publish(publisher.msg_type())
            self.wait_until(lambda topic=topic: _is_end(self.heard[topic]), self.node, self.peer)
            self.heard[topic].pop()
        return [self.heard[topic][-1] if len(self.heard[topic]) > n else None for topic, n in before.items()]


def _is_end(messages):
    last = messages[-1] if messages else None
    return last is not None and last == type(last)()


@pytest.fixture
def make_robot(make_pose_node, heard_tf, kept, wait_until, monkeypatch):
    def make(**parameters):
        node = make_pose_node(depth_topic="depth", image_topics=["color/image_raw"], **parameters)
        robot = Robot(node, kept(Node("peer")), wait_until)
        pipeline = robot.camera.pipeline

        def projection(_self, _frame, stamp_s, _boxes):
            yield from ()
            return robot.poses(stamp_s)

        monkeypatch.setattr(type(pipeline), "_steps", projection)
        return robot

    return make


def joints_of(message):
    (person,) = message.persons
    return np.array([(k.x, k.y, k.z) if k.valid else (np.nan,) * 3 for k in person.keypoints])


def test_without_the_parameters_nothing_of_tf_is_made(make_robot, heard_tf):
    robot = make_robot()
    assert robot.listener is None and robot.see(100.5)[1].header.frame_id == CAMERA_FRAME and heard_tf == []


def test_people_are_where_they_are_in_the_map_at_the_time_of_the_image(make_robot):
    """The robot drives on after the image: with its latest place, the person would be 0.5 m off."""
    robot = make_robot(target_frame="map")
    robot.drive(until_s=101.0)
    for at_s in (100.25, 100.5):
        _, people, _ = robot.see(at_s)
        assert people.header == Header(stamp=stamp(at_s), frame_id="map")
        measured = joints_of(people)
        good = np.isfinite(measured).all(1)
        assert good.sum() >= 12
        off_m = np.linalg.norm(measured - TRUTH, axis=1)[good]
        assert np.median(off_m) < 0.03 and abs(np.median((measured - TRUTH)[good, 1])) < 0.02, "of depth, not of time"


def test_positions_in_the_map_are_those_of_the_camera_moved(make_robot):
    robot = make_robot(target_frame="map")
    robot.drive(until_s=101.0)
    _, people, _ = robot.see(100.5)
    in_camera = joints_in_space(robot.poses(100.5), render(seen_at(100.5), CAMERA), "32FC1", CAMERA, COCO)
    np.testing.assert_allclose(joints_of(people), START.apply(in_camera.position[0]) + [0.0, 0.5, 0.0], atol=1e-4)
    for keypoint, before in zip(people.persons[0].keypoints, in_camera.covariance[0], strict=True):
        if keypoint.valid:
            after = np.array(keypoint.covariance).reshape(3, 3)
            np.testing.assert_allclose(after, START.covariance(before), rtol=1e-3, atol=1e-9)


def test_markers_stand_in_the_map_with_their_label_on_top(make_robot):
    robot = make_robot(target_frame="map")
    robot.drive(until_s=101.0)
    _, _, markers = robot.see(100.5)
    shown = [marker for marker in markers.markers if marker.action == Marker.ADD]
    assert len(shown) == 3 and all(m.header == Header(stamp=stamp(100.5), frame_id="map") for m in shown)
    (label,) = [marker.pose.position for marker in shown if marker.text]
    assert TRUTH[:, 2].max() < label.z < TRUTH[:, 2].max() + 0.3, "above the head in a frame with z up"


@pytest.mark.parametrize(
    "until_s, at_s, words", [(0.0, 100.5, "does not exist"), (100.4, 100.5, "future"), (101.0, 99.5, "past")]
)
def test_without_a_transform_there_are_keypoints_and_a_reason(make_robot, heard_tf, capfd, until_s, at_s, words):
    robot = make_robot(target_frame="map", publish_tf="joints", tf_timeout_s=0.0)
    robot.drive(until_s)
    flat, people, markers = robot.see(at_s)
    assert len(flat.persons) == 1 and people is None and markers is None and heard_tf == []
    assert robot.camera.inputs.statistics.summary(0.0).bad_total == {"transform": 1}
    status = robot.camera.status()
    assert {value.key: value.value for value in status.values}["bad_transform"] == "1"
    assert "transform 1" in status.message
    logged = capfd.readouterr().err
    assert words in logged and "remedy" in logged
    robot.drive(until_s=101.0)
    assert robot.see(100.5)[1] is not None, "it goes on as soon as there is one"


@pytest.mark.parametrize("target_frame", ["", "map"])
def test_frames_of_a_person(make_robot, heard_tf, target_frame):
    robot = make_robot(target_frame=target_frame, publish_tf="joints", joint_orientations=True)
    if target_frame:
        robot.drive(until_s=101.0)
    robot.see(100.5)
    body, joints = heard_tf[0], heard_tf[1:]
    assert (body.header.frame_id, body.child_frame_id) == (target_frame or CAMERA_FRAME, "body_b7")
    assert all(message.header.stamp == stamp(100.5) for message in heard_tf)
    to_map = rigid_of(body) if target_frame else START.compose(rigid_of(body))
    hips = TRUTH[[11, 12]].mean(0) - ([0.0, 0.0, 0.0] if target_frame else [0.0, 0.5, 0.0])
    assert np.linalg.norm(to_map.translation - hips) < 0.06
    x, _, z = to_map.rotation.T
    assert x[0] < -0.95 and z[2] > 0.98, "the person looks at the robot's start, against x of the map, and stands"
    names = {message.child_frame_id for message in joints}
    assert {message.header.frame_id for message in joints} == {"body_b7"} and "nose_b7" in names
    assert len(names) == len(joints) >= 12


def rigid_of(message):
    turn, shift = message.transform.rotation, message.transform.translation
    return from_quaternion((turn.x, turn.y, turn.z, turn.w), (shift.x, shift.y, shift.z))


def test_a_stamp_that_is_none_or_that_came_before_gives_no_frames(make_robot, heard_tf):
    robot = make_robot(publish_tf="person")
    for at_s in (0.0, -5.0):
        robot.see(at_s)
    assert heard_tf == []
    assert robot.camera.inputs.statistics.bad_total == {"transform": 2}
    for at_s in (100.5, 100.5, 100.6, 100.5):  # the last as of a bag that begins again
        robot.see(at_s)
    assert [message.header.stamp for message in heard_tf] == [stamp(100.5), stamp(100.6), stamp(100.5)]


def test_without_a_frame_of_the_image_there_are_positions_but_no_frames(make_robot, heard_tf, capfd):
    robot = make_robot(publish_tf="person")
    _, people, markers = robot.see(100.5, frame_id="")
    assert len(people.persons) == 1 and markers.markers and heard_tf == []
    assert "/tf dropped: expected an image with a frame_id" in capfd.readouterr().err


@pytest.mark.parametrize("broken", ["pose/keypoints_3d", "pose/markers"])
def test_an_output_that_fails_costs_its_message_alone(make_robot, heard_tf, monkeypatch, broken):
    robot = make_robot(publish_tf="person")
    (output,) = [output for output in robot.camera.results.outputs if output.topic == broken]
    with monkeypatch.context() as patch:
        patch.setattr(output, "message", lambda _result: {}["unforeseen"])
        _, people, markers = robot.see(100.5)
    came = {"pose/keypoints_3d": people, "pose/markers": markers}
    assert came.pop(broken) is None and all(came.values()) and len(heard_tf) == 1
    summary = robot.camera.inputs.statistics.summary(0.0)
    assert summary.bad_total == {"unexpected": 1} and robot.node.unexpected_errors.total == 1
    assert all(robot.see(100.6)) and len(heard_tf) == 2


def test_a_lost_person_has_no_frame(make_robot, heard_tf):
    robot = make_robot(publish_tf="person")
    robot.see(100.5)
    robot.state = LOST
    robot.see(100.6)
    assert [message.header.stamp for message in heard_tf] == [stamp(100.5)]


def test_the_life_cycle_makes_and_ends_the_listener(make_robot):
    robot = make_robot(target_frame="map")
    robot.node.trigger_deactivate()
    robot.node.trigger_cleanup()
    assert not robot.listener.registered
    robot.node.start()
    assert len(tf2_ros_fake.TransformListener.made) == 2 and tf2_ros_fake.TransformListener.made[-1].registered


@pytest.mark.parametrize(
    "parameters, words",
    [
        (dict(target_frame="/map"), "parameter target_frame: expected a TF frame without / in front, got '/map'"),
        (dict(position_without_depth="ground", ground_frame="/floor"), "parameter ground_frame: expected a TF frame"),
        (
            dict(position_without_depth="ground", ground_frame=""),
            "parameter ground_frame: expected a TF frame .* got ''",
        ),
        (dict(publish_tf="yes"), "expected publish_tf to be one of none, person, joints, got 'yes'"),
        (dict(publish_tf="person", tracking=False), "parameter publish_tf: expected tracking to be true"),
    ],
)
def test_bad_parameters_end_the_start(make_pose_node, heard_tf, parameters, words):
    with pytest.raises(ConfigError, match=words):
        make_pose_node(**parameters)


@pytest.mark.parametrize(
    "parameters, words",
    [
        (dict(target_frame="map"), "tf2_ros_py, install ros-.*-tf2-ros-py"),
        (dict(position_without_depth="ground"), "tf2_ros_py, install ros-.*-tf2-ros-py"),
        (dict(publish_tf="person"), "tf2_msgs"),
    ],
)
def test_without_tf2_the_package_is_named(make_pose_node, monkeypatch, parameters, words):
    for module in ("tf2_ros", "tf2_msgs.msg"):
        monkeypatch.setitem(tf2_ros_fake.sys.modules, module, None)
    with pytest.raises(ConfigError, match="expected " + words):
        make_pose_node(**parameters)


def test_frames_without_anything_that_tells_where_people_are_is_said(make_pose_node, heard_tf):
    node = make_pose_node(publish_tf="person")
    assert "no depth_topic" in node.cameras[0].inputs.lacks
    assert make_transforms(node, {"target_frame": "", "position_without_depth": "none"}) is None
