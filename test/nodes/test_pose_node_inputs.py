"""Test the node with compressed and rotated images and with depth, and what it reports about faults."""

import array

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from pose_estimation_ros.msg import Person3D, PersonArray, PersonArray3D
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.nodes.conversions import array_to_image

WIDTH, HEIGHT = SIZE_WH = 96, 128
SPOTS = {
    "nose": (30, 40),
    "left_eye": (60, 80),
    "right_eye": (70, 20),
}  # red, green, blue


class Peer(Node):
    """Publish on some topics and keep the messages of others."""

    def __init__(self):
        super().__init__("peer")
        self.heard = {}

    def hear(self, kind, topic):
        self.heard[topic] = []
        self.create_subscription(kind, topic, self.heard[topic].append, QoSProfile(depth=10))
        return self.heard[topic]

    def camera(self, kind, topic):
        return self.create_publisher(kind, topic, QoSProfile(depth=10))


@pytest.fixture
def peer(kept):
    return kept(Peer())


@pytest.fixture
def frame(blob):
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for xy, color in zip(SPOTS.values(), ((0, 0, 255), (0, 255, 0), (255, 0, 0))):
        blob(frame, xy, color, 12.0)
    return frame


def header(number=0):
    return Header(stamp=Time(sec=100, nanosec=number * 10**8), frame_id="camera_optical_frame")


def off_px(person):
    """Return the largest distance of the first three keypoints from the spots."""
    xy = np.array([(k.x, k.y) for k in person.keypoints[:3]])
    return np.hypot(*(xy - list(SPOTS.values())).T).max()


def both_ready(publisher, node, peer, wait_until):
    wait_until(lambda: publisher.get_subscription_count() == 1, node, peer)


def ask(node, peer, wait_until, send, answers):
    """Call send() and return the answer to it."""
    before = len(answers)
    send()
    wait_until(lambda: len(answers) > before, node, peer)
    return answers[-1]


@pytest.mark.parametrize("suffix, form", [(".png", "png"), (".jpg", "bgr8; jpeg compressed bgr8")])
def test_compressed_images(make_pose_node, peer, frame, wait_until, suffix, form):
    node = make_pose_node(image_transport="compressed")
    answers, camera = peer.hear(PersonArray, "pose/keypoints"), peer.camera(CompressedImage, "image/compressed")
    both_ready(camera, node, peer, wait_until)
    wait_until(lambda: peer.count_publishers("pose/keypoints") == 1, node, peer)
    data = array.array("B", cv2.imencode(suffix, frame)[1].tobytes())
    msg = CompressedImage(header=header(), format=form, data=data)
    people = ask(node, peer, wait_until, lambda: camera.publish(msg), answers)
    assert (people.image_width, people.image_height, people.header) == (WIDTH, HEIGHT, header())
    assert off_px(people.persons[0]) < 8


def test_a_compressed_image_that_is_cut_off_costs_that_image(make_pose_node, frame):
    node = make_pose_node(image_transport="compressed")
    data = cv2.imencode(".jpg", frame)[1].tobytes()
    node.cameras[0].inputs.on_image(
        CompressedImage(header=header(), format="jpeg", data=array.array("B", data[: len(data) // 2]))
    )
    assert node.cameras[0].inputs.statistics.summary(0.0).bad_total == {"data": 1}


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_pixels_allowed_and_bits_of_samples_are_parameters(make_pose_node, transport):
    node = make_pose_node(image_transport=transport, max_image_pixels=6, mono16_bits=12)
    stream = node.cameras[0]
    for width, decode in ((2, lambda values: stream.decode_image(values).max()), (4, None)):
        values = np.full((2, width), 2047, "<u2")
        if transport == "raw":
            data = array.array("B", values.tobytes())
            msg = Image(encoding="mono16", height=2, width=width, step=2 * width, data=data)
        else:
            data = array.array("B", cv2.imencode(".png", values)[1].tobytes())
            msg = CompressedImage(format="mono16; png compressed ", data=data)
        if decode:
            assert decode(msg) == 127
            continue
        for refuse in (stream.decode_image, stream.decode_depth):
            with pytest.raises(FrameError, match="expected 1..6 pixels"):
                refuse(msg)


@pytest.mark.parametrize("rotation, turned", [(90, 3), (180, 2), (270, 1)])
def test_a_camera_on_its_side_answers_in_pixels_of_its_image(make_pose_node, frame, monkeypatch, rotation, turned):
    """np.rot90 rotates the image in the opposite direction, as the camera's mount does."""
    node, sent = make_pose_node(rotation_deg=rotation), []
    monkeypatch.setattr(node.cameras[0].results.publishers["pose/keypoints"], "publish", sent.append)
    upright = make_pose_node()
    straight = []
    monkeypatch.setattr(upright.cameras[0].results.publishers["pose/keypoints"], "publish", straight.append)
    mounted = np.ascontiguousarray(np.rot90(frame, -turned))
    node.cameras[0].inputs.on_image(array_to_image(mounted, header()))
    upright.cameras[0].inputs.on_image(array_to_image(frame, header()))
    assert (sent[0].image_width, sent[0].image_height) == mounted.shape[1::-1]
    mark = np.zeros((HEIGHT, WIDTH), np.uint8)
    for keypoint, other in zip(sent[0].persons[0].keypoints[:3], straight[0].persons[0].keypoints[:3]):
        mark[:] = 0
        mark[int(round(other.y)), int(round(other.x))] = 1
        y, x = np.argwhere(np.rot90(mark, -turned))[0]
        assert abs(keypoint.x - x) <= 1 and abs(keypoint.y - y) <= 1


def test_old_images_are_dropped_and_counted(make_pose_node, frame, monkeypatch):
    node, sent = make_pose_node(max_age_ms=500.0), []
    monkeypatch.setattr(node.cameras[0].results.publishers["pose/keypoints"], "publish", sent.append)
    now = node.get_clock().now()
    for age_s in (0.0, 2.0, -1.0):
        stamp_ns = now.nanoseconds - int(age_s * 1e9)
        stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        node.cameras[0].inputs.on_image(array_to_image(frame, Header(stamp=stamp)))
    node.cameras[0].inputs.on_image(array_to_image(frame, Header()))  # without a stamp its age is unknown
    assert len(sent) == 3
    assert node.cameras[0].inputs.statistics.summary(0.0).dropped_total == {"too_old": 1}


def test_a_clock_that_never_came_is_reported(make_pose_node, frame, peer, wait_until, capfd):
    node = make_pose_node(use_sim_time=True)
    heard, clock = peer.hear(DiagnosticArray, "/diagnostics"), peer.create_publisher(Clock, "/clock", 10)
    node.cameras[0].inputs.on_image(array_to_image(frame, header()))
    wait_until(lambda: heard and status(heard[-1], "/image")[1]["images_published"] == "1", node, peer)
    seen, values = status(heard[-1], "/image")
    assert seen.message == "use_sim_time is set and nothing came on /clock: ages are unknown"
    assert values["age_p50_ms"] == "unknown" and "nothing came on /clock" in capfd.readouterr().err
    clock.publish(Clock(clock=Time(sec=101)))
    wait_until(lambda: node.get_clock().now().nanoseconds, node, peer)
    node.cameras[0].inputs.on_image(array_to_image(frame, header()))
    assert node.cameras[0].inputs.lacks == ""
    assert node.cameras[0].inputs.statistics.summary(0.0).age_p50_ms == pytest.approx(1000.0)


@pytest.fixture
def depth_camera(make_pose_node, peer, wait_until):
    """Return the node, its answers in space and in the image, and publishers of image, camera_info and depth."""
    node = make_pose_node(image_topics=["color/image_raw"], depth_topic="/aligned/image_raw")
    space, flat = peer.hear(PersonArray3D, "pose/keypoints_3d"), peer.hear(PersonArray, "pose/keypoints")
    publishers = [
        peer.camera(Image, "color/image_raw"),
        peer.camera(CameraInfo, "color/camera_info"),
        peer.camera(Image, "/aligned/image_raw"),
    ]
    for publisher in publishers:
        both_ready(publisher, node, peer, wait_until)
    for topic in ("pose/keypoints_3d", "pose/keypoints"):
        both_ready(node.cameras[0].results.publishers[topic], node, peer, wait_until)
    return node, space, flat, publishers


def info(fx=100.0, width=WIDTH):
    k = [fx, 0.0, (WIDTH - 1) / 2.0, 0.0, fx, (HEIGHT - 1) / 2.0, 0.0, 0.0, 1.0]
    return CameraInfo(header=header(), width=width, height=HEIGHT, k=k, distortion_model="plumb_bob", d=[0.0] * 5)


def depth_image(metres, number=0, encoding="16UC1"):
    values = np.full((HEIGHT, WIDTH), round(metres * 1000), np.uint16)
    if encoding == "32FC1":
        values = np.full((HEIGHT, WIDTH), metres, np.float32)
    step = WIDTH * values.itemsize
    data = array.array("B", values.tobytes())
    return Image(header=header(number), height=HEIGHT, width=WIDTH, encoding=encoding, step=step, data=data)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_joints_in_space(depth_camera, peer, frame, wait_until, encoding):
    """Everything is 2 m away; the first image may be answered before its depth has come."""
    node, space, flat, (image, camera_info, depth) = depth_camera
    camera_info.publish(info())
    wait_until(lambda: node.cameras[0].inputs.camera(SIZE_WH), node, peer)
    depth.publish(depth_image(2.0, 0, encoding))
    wait_until(lambda: node.cameras[0].inputs.depth_is_alive, node, peer)
    people = ask(node, peer, wait_until, lambda: image.publish(array_to_image(frame, header())), space)
    assert (people.header, people.skeleton) == (header(), "coco17")
    wait_until(lambda: flat, node, peer)
    timing, before = people.timing, flat[-1].timing
    assert timing.inference_ms == before.inference_ms > 0 and timing.postprocess_ms > before.postprocess_ms
    assert timing.total_ms >= before.total_ms > 0, "up to this message, which comes later"
    nose = people.persons[0].keypoints[0]
    assert nose.valid and abs(nose.z - 2.02) < 0.01  # the nose lies 2 cm behind its skin
    expected = 2.0 * (np.array(SPOTS["nose"]) - [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]) / 100
    assert np.hypot(nose.x - expected[0], nose.y - expected[1]) < 0.2  # a pixel of the heatmap is 10 px here
    assert np.array(nose.covariance).reshape(3, 3)[2, 2] > 0


def test_images_wait_for_their_depth_but_not_for_ever(depth_camera, peer, frame, wait_until, monkeypatch):
    node, space, flat, (image, camera_info, depth) = depth_camera
    camera_info.publish(info())
    depth.publish(depth_image(2.0, 1))
    inputs = node.cameras[0].inputs
    wait_until(lambda: inputs.depth_is_alive and inputs.camera(SIZE_WH), node, peer)
    image.publish(array_to_image(frame, header(2)))
    wait_until(lambda: inputs.statistics.summary(0.0).received_total == 1, node, peer)
    assert flat == [] and space == []
    depth.publish(depth_image(2.0, 2))
    wait_until(lambda: len(space) == 1 and len(flat) == 1, node, peer)
    monkeypatch.setattr("pose_estimation_ros.nodes.camera.inputs.ALIVE_S", 0.0)  # as if the last had come long ago
    ask(node, peer, wait_until, lambda: image.publish(array_to_image(frame, header(3))), flat)
    wait_until(lambda: len(space) == 2, node, peer)
    measured, predicted = (message.persons[0] for message in space)
    assert measured.position_source == Person3D.SOURCE_DEPTH and measured.keypoints[0].valid
    assert predicted.position_source == Person3D.SOURCE_PREDICTED, "without depth they are where they are expected"
    assert predicted.track_id == measured.track_id and not any(k.valid for k in predicted.keypoints)
    assert predicted.position_covariance[0] > measured.position_covariance[0]
    assert abs(predicted.position.z - measured.position.z) < 0.01
    assert "no depth image" in node.cameras[0].inputs.lacks


@pytest.mark.parametrize(
    "changes, words",
    [
        (None, "no CameraInfo: no joints in space"),
        (dict(fx=0.0), "CameraInfo: expected a calibrated camera"),
        (dict(width=640), "CameraInfo is for images of 640 x 128 px, they have 96 x 128"),
    ],
)
def test_without_calibration_there_are_keypoints_and_a_reason(depth_camera, peer, frame, wait_until, changes, words):
    node, space, flat, (image, camera_info, depth) = depth_camera
    if changes is not None:
        camera_info.publish(info(**changes))
        inputs = node.cameras[0].inputs
        wait_until(lambda: inputs.camera(SIZE_WH) or "no CameraInfo" not in inputs.lacks, node, peer)
    depth.publish(depth_image(2.0))
    wait_until(lambda: node.cameras[0].inputs.depth_is_alive, node, peer)
    ask(node, peer, wait_until, lambda: image.publish(array_to_image(frame, header())), flat)
    assert space == [] and words in node.cameras[0].status().message


def test_a_calibration_that_does_not_cover_its_image_is_reported(make_pose_node):
    node, narrow = make_pose_node(), info()
    narrow.d = [-2.0, 0.0, 0.0, 0.0, 0.0]  # at the corners the lens would show nothing
    node.cameras[0].inputs.on_camera_info(info())
    assert "gives no ray" not in node.cameras[0].status().message
    node.cameras[0].inputs.on_camera_info(narrow)
    assert "CameraInfo gives no ray for" in node.cameras[0].status().message


def test_a_bad_depth_image_costs_the_joints_in_space_only(depth_camera, peer, frame, wait_until):
    node, space, flat, (image, camera_info, depth) = depth_camera
    camera_info.publish(info())
    wait_until(lambda: node.cameras[0].inputs.camera(SIZE_WH), node, peer)
    bad = depth_image(2.0)
    bad.encoding = "bgr8"
    depth.publish(bad)
    wait_until(lambda: node.cameras[0].inputs.depth_is_alive, node, peer)
    ask(node, peer, wait_until, lambda: image.publish(array_to_image(frame, header())), flat)
    assert space == [] and sum(node.cameras[0].inputs.statistics.summary(0.0).bad_total.values()) == 1


def test_a_bad_depth_image_among_good_ones_does_not_lose_people(depth_camera, peer, frame, wait_until):
    node, space, _, (image, camera_info, depth) = depth_camera
    camera_info.publish(info())
    wait_until(lambda: node.cameras[0].inputs.camera(SIZE_WH), node, peer)
    for number in range(3):
        message = depth_image(2.0, number)
        message.encoding = "bgr8" if number == 1 else message.encoding
        depth.publish(message)
        wait_until(lambda: node.cameras[0].inputs.depth_is_alive, node, peer)
        ask(node, peer, wait_until, lambda n=number: image.publish(array_to_image(frame, header(n))), space)
    sources = [message.persons[0].position_source for message in space]
    assert sources == [Person3D.SOURCE_DEPTH, Person3D.SOURCE_PREDICTED, Person3D.SOURCE_DEPTH]
    assert sum(node.cameras[0].inputs.statistics.summary(0.0).bad_total.values()) == 1


def status(message, words):
    (match,) = [status for status in message.status if words in status.name]
    return match, {pair.key: pair.value for pair in match.values}


def test_diagnostics_of_node_and_camera(make_pose_node, peer, frame, wait_until):
    node = make_pose_node()
    heard, camera = peer.hear(DiagnosticArray, "/diagnostics"), peer.camera(Image, "image")
    both_ready(camera, node, peer, wait_until)
    summary = node.cameras[0].inputs.statistics.summary
    camera.publish(array_to_image(frame, header()))
    wait_until(lambda: summary(0.0).published_total, node, peer)
    bad = array_to_image(frame, header())
    bad.encoding = "nonsense"
    camera.publish(bad)
    wait_until(lambda: summary(0.0).bad_total, node, peer)
    before = len(heard)
    wait_until(lambda: len(heard) > before, node, peer)
    _, values = status(heard[-1], "Pose estimation")
    assert (
        values["backend"] == "onnxruntime"
        and values["precision"] == "fp32"
        and values["fallback"] == "none"
        and values["detector"] == "full_frame"
    )
    seen, values = status(heard[-1], "/image")
    assert seen.level == DiagnosticStatus.WARN and "encoding 1" in seen.message
    assert values["images_published"] == "1" and values["bad_encoding"] == "1" and values["people"] == "1"
    assert float(values["network_p50_ms"]) > 0


def test_no_image_is_an_error_with_the_reason(make_pose_node, peer, wait_until, monkeypatch, capfd):
    node = make_pose_node()
    heard, watchdog = peer.hear(DiagnosticArray, "/diagnostics"), node.cameras[0].inputs.watchdog
    camera = peer.camera(Image, "imagee")
    wait_until(lambda: node.count_publishers("/imagee") == 1, node, peer)
    watchdog.limit_s = 0.1
    wait_until(lambda: any(status(m, "/image")[0].level == DiagnosticStatus.ERROR for m in heard), node, peer)
    seen, _ = status(heard[-1], "/image")
    assert "no publisher" in seen.message and "did you mean /imagee" in seen.message
    assert "no image on /image" in capfd.readouterr().err
    peer.destroy_publisher(camera)


@pytest.mark.parametrize(
    "parameters, words",
    [
        (dict(detections_topic="/people"), "expected vision_msgs, install ros-.*-vision-msgs"),
        (dict(hri=True), "expected hri_msgs, install"),
        (dict(foxglove=True), "expected foxglove_msgs, install"),
        (dict(vision=True), "expected vision_msgs, install ros-.*-vision-msgs"),
        (dict(image_transport="theora"), "^expected image_transport to be one of raw, compressed, got 'theora'"),
        (dict(rotation_deg=45), "^expected rotation_deg to be one of 0, 90, 180, 270, got 45"),
        (dict(roi_xywh=[0, 0, 5]), "expected a region x, y, width, height"),
        (dict(depth_nearest_m=9.0, depth_farthest_m=0.2), "expected parameter depth_nearest_m to be less than"),
        (dict(qos="fast"), "^expected qos to be one of auto, best_effort, reliable"),
    ],
)
def test_bad_parameters_end_the_start(make_pose_node, parameters, words):
    with pytest.raises(ConfigError, match=words):
        make_pose_node(**parameters)


class Unforeseen(Exception):
    pass


def fail(*_arguments):
    raise Unforeseen


@pytest.mark.parametrize("broken", ["image", "camera_info", "depth"])
def test_an_unexpected_exception_costs_one_message_and_is_counted(
    depth_camera, peer, frame, wait_until, monkeypatch, capfd, broken
):
    node, space, flat, (image, camera_info, depth) = depth_camera
    inputs = node.cameras[0].inputs
    with monkeypatch.context() as patch:
        if broken == "image":
            patch.setattr("pose_estimation_ros.nodes.camera.stream.image_to_array", fail)
            image.publish(array_to_image(frame, header()))
        elif broken == "camera_info":
            patch.setattr("pose_estimation_ros.nodes.camera.inputs.camera_from_info", fail)
            camera_info.publish(info())
        else:
            patch.setattr("pose_estimation_ros.nodes.camera.inputs.Joiner.add", fail)
            depth.publish(depth_image(2.0))
        wait_until(lambda: inputs.statistics.bad_total.get("unexpected") == 1, node, peer)
    assert capfd.readouterr().err.count("Traceback") == 1
    camera_info.publish(info())
    wait_until(lambda: inputs.camera(SIZE_WH), node, peer)
    depth.publish(depth_image(2.0, 7))
    wait_until(lambda: inputs.depth_is_alive, node, peer)
    ask(node, peer, wait_until, lambda: image.publish(array_to_image(frame, header(7))), flat)


def test_an_unexpected_exception_of_the_timer_is_counted_and_reported(make_pose_node, peer, wait_until, monkeypatch):
    node = make_pose_node()
    heard = peer.hear(DiagnosticArray, "/diagnostics")
    with monkeypatch.context() as patch:
        patch.setattr(node.cameras[0].inputs, "tick", fail)
        wait_until(lambda: node.unexpected_errors.total, node, peer)
    wait_until(lambda: heard, node, peer)
    seen, values = status(heard[-1], "Pose estimation")
    assert int(values["unexpected_errors"]) >= 1 and "unexpected errors, see the log" in seen.message


def test_remapped_partners_are_subscribed_to(kept, color_model):
    from pose_estimation_ros.nodes.pose_node import PoseNode

    rules = ["image:=/cam/image_raw", "camera_info:=/calib/info", "depth:=/aligned"]
    arguments = [part for rule in rules for part in ("-r", rule)]
    arguments += ["-p", "model:=%s" % color_model, "-p", "detector:=full_frame"]
    node = kept(PoseNode(cli_args=["--ros-args"] + arguments))
    assert {"/cam/image_raw", "/calib/info", "/aligned"} <= {end.topic_name for end in node.subscriptions}


def test_a_giant_encoding_is_not_logged_in_full(make_pose_node, frame, capfd):
    node, image = make_pose_node(), array_to_image(frame, header())
    image.encoding = "x" * 4 * 10**6
    node.cameras[0].inputs.on_image(image)
    assert node.cameras[0].inputs.statistics.bad_total == {"encoding": 1}
    assert 0 < len(capfd.readouterr().err) < 2000
