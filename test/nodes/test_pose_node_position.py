"""Test positions without depth from end to end: images and CameraInfo go in, pose/keypoints_3d comes out.

The network finds a person who stands at a known place in every image: its heatmaps are constants.
"""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

import tf2_ros_fake
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from pose_estimation_ros.msg import Person3D, PersonArray, PersonArray3D
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from benchmarks.tracking.walkers import CAMERA_HEIGHT_M, Walker
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.geometry import apply, crop_matrices
from pose_estimation_ros.core.space.rigid import Rigid, from_quaternion
from pose_estimation_ros.nodes.conversions import array_to_image

WIDTH, HEIGHT = SIZE_WH = 240, 320
MATRIX = [300.0, 0.0, (WIDTH - 1) / 2, 0.0, 300.0, (HEIGHT - 1) / 2, 0.0, 0.0, 1.0]
CAMERA = make_camera(MATRIX, [], "plumb_bob", SIZE_WH)
PERSON = Walker([(0.0, 0.3, 3.5), (2.0, 0.3, 3.5)], 1.68).joints(1.0)
HIPS = PERSON[[11, 12]].mean(0)
CAMERA_FRAME = "camera_optical_frame"
INPUT_WH, STRIDE, PADDING = (192, 256), 4, 1.25
# From the optical frame of a level camera to a frame on the ground below it: x forward, y left, z up.
TO_GROUND = Rigid(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.array([0.1, 0.0, CAMERA_HEIGHT_M]))


def heatmaps(joints):
    """Return the heatmaps (1, 17, H, W) that a perfect network makes of joints (17, 3) m."""
    whole = np.array([[0.0, 0.0, WIDTH, HEIGHT]])
    x, y = apply(crop_matrices(whole, INPUT_WH, PADDING), CAMERA.project(joints)[None])[0].T[..., None, None] / STRIDE
    columns, rows = np.meshgrid(*[np.arange(side // STRIDE) for side in INPUT_WH])
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)[None]


@pytest.fixture
def model(constant_model, save_spec):
    path = constant_model("standing", {"heatmaps": heatmaps(PERSON)}, INPUT_WH)
    save_spec(path, input_size_wh=INPUT_WH, padding=PADDING)
    return path


class Client(Node):
    """Publish images and the calibration, and keep what comes of them."""

    def __init__(self):
        super().__init__("client")
        self.space, self.flat = [], []
        self.create_subscription(PersonArray3D, "pose/keypoints_3d", self.space.append, QoSProfile(depth=10))
        self.create_subscription(PersonArray, "pose/keypoints", self.flat.append, QoSProfile(depth=10))
        self.image = self.create_publisher(Image, "image", QoSProfile(depth=10))
        self.info = self.create_publisher(CameraInfo, "camera_info", QoSProfile(depth=10))
        self.sent = 0

    def ask(self, node, wait_until, topic):
        """Send an image and return the first message on a topic after it."""
        self.sent += 1
        header = Header(stamp=Time(sec=100 + self.sent), frame_id=CAMERA_FRAME)
        self.image.publish(array_to_image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), header))
        wait_until(lambda: topic and topic[-1].header.stamp == header.stamp, node, self)
        return topic[-1]


def hear(*transforms):
    """Let the node's listener of TF hear of the camera's place in the frame "floor".

    Args:
        transforms: seconds, and the degrees by which the camera looks up then.
    """
    (listener,) = tf2_ros_fake.TransformListener.made
    for at_s, degrees in transforms:
        message = TransformStamped(child_frame_id=CAMERA_FRAME)
        message.header = Header(stamp=Time(sec=at_s), frame_id="floor")
        up = from_quaternion((np.sin(np.radians(degrees) / 2), 0.0, 0.0, np.cos(np.radians(degrees) / 2)))
        turn, shift = TO_GROUND.compose(up).quaternion(), TO_GROUND.translation
        parts = message.transform.translation, message.transform.rotation
        for part, values in zip(parts, (shift, turn), strict=True):
            for name, value in zip("xyzw", values):  # noqa: B905
                setattr(part, name, float(value))
        listener.callback(tf2_ros_fake.TFMessage(transforms=[message]))


@pytest.fixture
def start(make_pose_node, model, kept, wait_until):
    """Return a function that starts node and client with parameters of the node."""

    def make(**parameters):
        node = make_pose_node(model=model, **parameters)
        client = kept(Client())
        for publisher in (client.image, client.info):
            wait_until(lambda publisher=publisher: publisher.get_subscription_count() == 1, node, client)
        for topic in ("pose/keypoints_3d", "pose/keypoints"):
            publisher = node.cameras[0].results.publishers[topic]
            wait_until(lambda publisher=publisher: publisher.get_subscription_count() == 1, node, client)
        return node, client

    return make


def calibrate(node, client, wait_until):
    client.info.publish(CameraInfo(width=WIDTH, height=HEIGHT, k=MATRIX, distortion_model="plumb_bob", d=[0.0] * 5))
    wait_until(lambda: node.cameras[0].inputs.camera(SIZE_WH), node, client)


def place(person):
    return np.array([person.position.x, person.position.y, person.position.z])


def test_by_default_there_is_no_guess(start, wait_until):
    node, client = start()
    calibrate(node, client, wait_until)
    assert len(client.ask(node, wait_until, client.flat).persons) == 1
    assert client.space == [] and node.cameras[0].status().message.count("positions") == 0


def test_by_the_size_in_the_image(start, wait_until):
    node, client = start(position_without_depth="height")
    calibrate(node, client, wait_until)
    people = client.ask(node, wait_until, client.space)
    assert people.header.frame_id == CAMERA_FRAME
    (person,) = people.persons
    assert person.position_source == Person3D.SOURCE_HEIGHT
    assert np.linalg.norm(place(person) - HIPS) < 0.08 * 3.5
    covariance = np.array(person.position_covariance).reshape(3, 3)
    assert 0.15 < np.sqrt(covariance[2, 2]) < 0.6 and covariance[0, 0] < 0.04
    assert not any(joint.valid for joint in person.keypoints) and np.isnan(person.height)


def test_heights_of_people_are_a_parameter(start, wait_until):
    node, client = start(position_without_depth="height", person_height_m=1.26, person_height_sigma_m=0.315)
    calibrate(node, client, wait_until)
    (person,) = client.ask(node, wait_until, client.space).persons
    assert np.linalg.norm(place(person) - 0.75 * HIPS) < 0.08 * 3.5
    assert np.sqrt(person.position_covariance[8]) > 0.25 * person.position.z


def test_markers_stand_where_the_person_is(start, wait_until):
    node, client = start(position_without_depth="height")
    markers = []
    client.create_subscription(MarkerArray, "pose/markers", markers.append, QoSProfile(depth=10))
    publisher = node.cameras[0].results.publishers["pose/markers"]
    wait_until(lambda: publisher.get_subscription_count() == 1, node, client)
    calibrate(node, client, wait_until)
    (person,) = client.ask(node, wait_until, client.space).persons
    wait_until(lambda: markers, node, client)
    points = [point for marker in markers[-1].markers for point in marker.points]
    assert len(points) > 17 and {point.z for point in points} == {person.position.z}


def test_by_the_feet_on_the_ground_of_tf(start, wait_until, monkeypatch):
    """The camera tilts after the image: with its latest tilt the person would be twice as far away, or nowhere."""
    tf2_ros_fake.install(monkeypatch)
    node, client = start(position_without_depth="ground", ground_frame="floor")
    hear((100, 0.0), (102, 0.0), (103, 10.0))
    calibrate(node, client, wait_until)
    (person,) = client.ask(node, wait_until, client.space).persons
    assert person.position_source == Person3D.SOURCE_GROUND
    assert np.linalg.norm(place(person) - HIPS) < 0.05 * 3.5


def test_positions_are_in_the_target_frame(start, wait_until, monkeypatch):
    tf2_ros_fake.install(monkeypatch)
    node, client = start(position_without_depth="ground", ground_frame="floor", target_frame="floor")
    hear((100, 0.0), (110, 0.0))
    calibrate(node, client, wait_until)
    people = client.ask(node, wait_until, client.space)
    assert people.header.frame_id == "floor"
    assert np.linalg.norm(place(people.persons[0]) - TO_GROUND.apply(HIPS)) < 0.05 * 3.5
    covariance = np.array(people.persons[0].position_covariance).reshape(3, 3)
    assert covariance[0, 0] > 4 * max(covariance[1, 1], covariance[2, 2]), "x of that frame points to the person"


def test_without_the_transform_there_are_keypoints_and_a_reason(start, wait_until, monkeypatch, capfd):
    tf2_ros_fake.install(monkeypatch)
    node, client = start(position_without_depth="ground", tf_timeout_s=0.0)
    calibrate(node, client, wait_until)
    assert len(client.ask(node, wait_until, client.flat).persons) == 1
    assert client.space == []
    assert node.cameras[0].inputs.statistics.summary(0.0).bad_total == {"transform": 1}
    assert "base_footprint" in capfd.readouterr().err


def test_without_calibration_there_are_keypoints_and_a_reason(start, wait_until):
    node, client = start(position_without_depth="height")
    assert len(client.ask(node, wait_until, client.flat).persons) == 1
    assert client.space == []
    assert "no CameraInfo: no positions of people" in node.cameras[0].status().message


@pytest.mark.parametrize("value", ["feet", "", "GROUND"])
def test_other_ways_are_refused(make_pose_node, value):
    with pytest.raises(ConfigError, match="expected position_without_depth to be one of none, ground, height, got"):
        make_pose_node(position_without_depth=value)
