"""Test the node with models of other skeletons than COCO's, and with some that find people by themselves."""

import functools
import json

import dot_networks
import numpy as np
import pytest
from dot_networks import write_associative_embedding, write_rtmo, write_simcc

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from pose_estimation_ros.msg import PersonArray, PersonArray3D, Skeleton
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tiny_models import write_color_model
from visualization_msgs.msg import Marker, MarkerArray

from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.core.skeleton import Skeleton as CoreSkeleton
from pose_estimation_ros.nodes.conversions import array_to_image, msg_to_skeleton
from pose_estimation_ros.nodes.qos import LATCHED

HEADER = Header(stamp=Time(sec=100), frame_id="camera")
SPOTS = ((30, 40), (60, 80), (70, 20))  # red, green, blue
POINT = CoreSkeleton("point", ("tip",), (), (), None)
OWN = CoreSkeleton("own21", tuple("p%d" % k for k in range(21)), ((0, 20),), ((1, 2),), None)
LARGEST = CoreSkeleton("own255", tuple("p%d" % k for k in range(255)), (), (), None)
ANY = [POINT, OWN, SKELETONS["hand21"], SKELETONS["wholebody133"], LARGEST]


@pytest.fixture
def frame(blob):
    frame = np.zeros((128, 96, 3), np.uint8)
    for xy, color in zip(SPOTS, ((0, 0, 255), (0, 255, 0), (255, 0, 0))):
        blob(frame, xy, color, 12.0)
    return frame


@pytest.fixture
def ask(kept, wait_until):
    """Return a function that shows a node an image and returns what another node hears, by topic."""

    def ask(node, frame, depth=None):
        peer, heard = kept(Node("peer")), {}
        kinds = {"pose/keypoints": PersonArray, "pose/markers": MarkerArray, "pose/image": Image}
        kinds.update({"pose/keypoints_3d": PersonArray3D} if depth is not None else {})
        for topic, kind in kinds.items():
            peer.create_subscription(kind, topic, heard.setdefault(topic, []).append, QoSProfile(depth=10))
        topic = "pose/skeleton_info"
        peer.create_subscription(Skeleton, topic, heard.setdefault(topic, []).append, LATCHED)
        images, depths, infos = (
            peer.create_publisher(kind, topic, QoSProfile(depth=10))
            for kind, topic in ((Image, "image"), (Image, "depth"), (CameraInfo, "camera_info"))
        )
        publishers = node.cameras[0].results.publishers
        wait_until(lambda: images.get_subscription_count() and heard["pose/skeleton_info"], node, peer)
        wait_until(lambda: all(publishers[topic].get_subscription_count() for topic in kinds), node, peer)
        if depth is not None:
            wait_until(lambda: depths.get_subscription_count() and infos.get_subscription_count(), node, peer)
            infos.publish(CameraInfo(header=HEADER, width=96, height=128, distortion_model="plumb_bob", k=K))
            depths.publish(depth)
            inputs = node.cameras[0].inputs
            wait_until(lambda: inputs.depth_is_alive and inputs.camera((96, 128)), node, peer)
        images.publish(array_to_image(frame, HEADER))
        wait_until(lambda: all(heard.values()), node, peer)
        return {topic: messages[-1] for topic, messages in heard.items()}

    return ask


K = [100.0, 0.0, 47.5, 0.0, 100.0, 63.5, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("skeleton", ANY, ids=lambda skeleton: skeleton.name)
def test_keypoints_skeleton_and_markers_of_any_skeleton(make_pose_node, tmp_path, frame, ask, skeleton):
    heard = ask(make_pose_node(model=write_color_model(tmp_path, skeleton)), frame)
    assert msg_to_skeleton(heard["pose/skeleton_info"]) == skeleton
    assert heard["pose/keypoints"].skeleton == skeleton.name
    (person,) = heard["pose/keypoints"].persons
    assert len(person.keypoints) == skeleton.num_keypoints
    for k, keypoint in enumerate(person.keypoints):
        assert np.hypot(keypoint.x - SPOTS[k % 3][0], keypoint.y - SPOTS[k % 3][1]) < 8 and keypoint.score > 0.9
    bones, joints, label = heard["pose/markers"].markers
    assert len(joints.points) == len(joints.colors) == skeleton.num_keypoints and label.text.startswith("#1 ")
    assert bones.action == (Marker.ADD if skeleton.links else Marker.DELETE)
    assert len(bones.points) == 2 * len(skeleton.links)
    assert bytes(heard["pose/image"].data) != frame.tobytes()


@pytest.mark.parametrize("skeleton", ANY[2:4], ids=lambda skeleton: skeleton.name)
def test_joints_in_space_of_any_skeleton(make_pose_node, tmp_path, frame, ask, skeleton):
    """All are on a wall 1 m away, and behind it by their flesh."""
    data = np.full((128, 96), 1000, "<u2").tobytes()
    depth = Image(header=HEADER, height=128, width=96, encoding="16UC1", step=192, data=data)
    node = make_pose_node(model=write_color_model(tmp_path, skeleton), depth_topic="depth")
    (person,) = ask(node, frame, depth)["pose/keypoints_3d"].persons
    assert len(person.keypoints) == skeleton.num_keypoints
    found = [keypoint.z for keypoint in person.keypoints if keypoint.valid]
    assert len(found) > 0.3 * skeleton.num_keypoints and 1.0 <= min(found) <= max(found) <= 1.1


@pytest.fixture
def one_stage_model(constant_model, save_spec):
    """Write a model that finds one person of 5 keypoints in every image, by itself."""
    skeleton = CoreSkeleton("own5", tuple("abcde"), ((0, 4),), (), None)
    keypoints = np.array([[[[10.0 + 5 * k, 20.0, 0.9] for k in range(5)]]])
    outputs = {"boxes_xyxy": [[[5.0, 10.0, 40.0, 50.0]]], "scores": [[0.8]], "keypoints": keypoints}
    path = constant_model("one_stage", {name: np.array(value) for name, value in outputs.items()})
    save_spec(path, task="one_stage", decoder="people", stride=1, input_size_wh=(64, 64), skeleton=skeleton)
    return path


@pytest.mark.parametrize(
    "parameters, unused",
    [
        ({"detector": "person_detector"}, ""),
        ({"detect_every_s": 0.2}, "detect_every_s"),
        ({"detector": "full_frame", "detect_every_s": 0.2}, "detector, detect_every_s"),
    ],
)
def test_a_model_that_finds_people_by_itself_opens_no_detector(
    make_pose_node, one_stage_model, ask, capfd, parameters, unused
):
    node = make_pose_node(model=one_stage_model, **{"detector": "person_detector", **parameters})
    messages = []
    node.diagnostics_publisher.publish = messages.append
    node.tick()
    node.tick()
    values = {entry.key: entry.value for entry in messages[-1].status[0].values}
    assert values["detector"] == "none" and values["model"] == "tiny"
    said = [line for line in capfd.readouterr().err.splitlines() if "finds people by itself: no effect of" in line]
    assert [line.rpartition("no effect of ")[2] for line in said] == [unused] * bool(unused)
    (person,) = ask(node, np.zeros((64, 64, 3), np.uint8))["pose/keypoints"].persons
    assert person.score == pytest.approx(0.8) and list(person.box_xyxy) == [5, 10, 40, 50]
    assert [(point.x, point.y) for point in person.keypoints] == [(10 + 5 * k, 20) for k in range(5)]


LIGHTS = np.array([[(20, 30), (50, 60), (30, 100)], [(110, 25), (140, 70), (100, 105)]], float)  # people, red to blue
SIZE_WH = (160, 128)
IMPORTS = {  # what writes a network, options of its import, px that its keypoints may differ
    "simcc": (write_simcc, {"like": "rtmpose"}, 1.5),
    "one stage": (functools.partial(write_rtmo, size_wh=SIZE_WH), {"like": "rtmo"}, 0.6),
    "bottom-up": (functools.partial(write_associative_embedding, size_wh=SIZE_WH), {"like": "higherhrnet"}, 2.0),
}


@pytest.fixture
def imported(tmp_path):
    """Return a function that imports a network of lights, and the path of its new file."""
    pytest.importorskip("onnx", reason="imports need onnx")
    from pose_estimation_ros.importing.import_model import ModelImport, import_model

    (tmp_path / "lights.json").write_text(json.dumps(dot_networks.SKELETON))

    def run(write, **options):
        order = ModelImport(write(tmp_path / "foreign.onnx"), str(tmp_path / "models"), check=False, **options)
        return import_model(order, lambda line: None)

    run.skeleton = str(tmp_path / "lights.json")
    return run


@pytest.mark.parametrize("kind", IMPORTS)
def test_imported_networks_in_the_node(make_pose_node, imported, blob, ask, capfd, kind):
    """The detector is an imported one, too; the one-stage and the bottom-up network find both people by themselves."""
    write, options, most_px = IMPORTS[kind]
    frame = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    for person in LIGHTS:
        for xy, color in zip(person, ((0, 0, 255), (0, 255, 0), (255, 0, 0))):
            blob(frame, xy, color, 3.0)
    boxes = [[*person.min(0) - 10, *person.max(0) + 10] for person in LIGHTS]
    model = imported(write, name="lights", skeleton=imported.skeleton, **options)
    detect = functools.partial(dot_networks.write_detector, boxes_xyxy=boxes, size_wh=SIZE_WH)
    detector = imported(detect, name="boxes", detector=True, like="rtmdet") if kind == "simcc" else "full_frame"
    node = make_pose_node(model=model, detector=detector, detect_every_s=0)
    log = capfd.readouterr().err
    assert "skeleton lights, 3 keypoints, decoder %s" % node.pipeline.spec.decoder in log and "onnxruntime" in log
    heard = ask(node, frame)
    skeleton = msg_to_skeleton(heard["pose/skeleton_info"])
    assert (skeleton.name, skeleton.keypoints, skeleton.links) == ("lights", ("red", "green", "blue"), ((0, 1), (1, 2)))
    persons = sorted(heard["pose/keypoints"].persons, key=lambda person: person.keypoints[0].x)
    found = np.array([[(point.x, point.y, point.score) for point in person.keypoints] for person in persons])
    assert found.shape == (2, 3, 3) and np.abs(found[..., :2] - LIGHTS).max() < most_px
    assert 0.5 < found[..., 2].min() and found[..., 2].max() <= 1
    bones, joints = heard["pose/markers"].markers[:2]
    assert len(bones.points) == 4 and len(joints.points) == 3
