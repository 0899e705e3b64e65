"""The example from its data to the node: whoever listens gets the 21 keypoints of the file, by their names."""

import json
import re
import subprocess
import sys
import time

import cv2
import pytest
from ros_domains import next_domain

from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.importing.skeleton_files import read_skeleton

pytest.importorskip("torch", reason="trains")

QUICK = ("epochs=1", "epoch_samples=32", "input_size_wh=[32,32]", "workers=0", "threads=1")
DOMAIN = next_domain()
TIMEOUT_S = 60


@pytest.fixture
def few_hands(hands, tmp_path):
    """The folder my_hands with the first images of the example's, whose reading and checking takes long."""
    (tmp_path / "my_hands").mkdir()
    for part, count in (("train", 32), ("val", 10)):
        (tmp_path / "my_hands" / part).symlink_to(hands / part)
        content = json.loads((hands / (part + ".json")).read_text())
        few = dict(content, images=content["images"][:count], annotations=content["annotations"][:count])
        (tmp_path / "my_hands" / (part + ".json")).write_text(json.dumps(few))


@pytest.fixture
def hand_model(few_hands, run_example, tmp_path):
    """Path of the network that the example trains, for one step here."""
    last = run_example("train_my_skeleton/train.py", "my_hands", "hands.png", *QUICK).splitlines()[-1]
    assert re.match(r"runs/my_hand/my_hand.onnx: 10 of 10 hands found, keypoints [0-9.]+ px from the truth", last)
    return tmp_path / "runs" / "my_hand" / "my_hand.onnx"


@pytest.fixture
def listener():
    """A node of this process that publishes images and keeps what the pose node answers."""
    rclpy = pytest.importorskip("rclpy", reason="needs ROS")
    from pose_estimation_ros.msg import PersonArray, Skeleton
    from rclpy.node import Node
    from sensor_msgs.msg import Image

    from pose_estimation_ros.nodes.qos import LATCHED, OUTPUT

    context = rclpy.Context()
    rclpy.init(args=[], context=context, domain_id=DOMAIN)
    node = Node("listener", context=context)
    node.images, node.arrays, node.skeletons = node.create_publisher(Image, "image", 1), [], []
    node.create_subscription(PersonArray, "pose/keypoints", node.arrays.append, OUTPUT)
    node.create_subscription(Skeleton, "pose/skeleton_info", node.skeletons.append, LATCHED)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_it_trains_a_network_of_any_skeleton(hand_model, tmp_path, listener, environment):
    hand = read_skeleton(tmp_path / "my_hands" / "train.json")
    assert load_model_spec(hand_model).skeleton == hand and hand.num_keypoints == 21
    assert cv2.imread(str(tmp_path / "hands.png")).shape == (256, 1024, 3)
    check_predict(hand_model, tmp_path, environment)
    check_node(hand_model, hand, cv2.imread(str(tmp_path / "my_hands" / "val" / "0000.png")), listener, environment)


def check_predict(model, folder, environment):
    """`pose predict` finds a hand and draws it."""
    command = [sys.executable, "-m", "pose_estimation_ros", "predict", "my_hands/val/0000.png"]
    command += ["--model", str(model), "--detector", "full_frame", "--out", "out"]
    subprocess.run(command, env=environment, cwd=str(folder), check=True, stdout=subprocess.DEVNULL)
    assert all(len(hand["keypoints"]) == 63 for hand in json.loads((folder / "out" / "keypoints.json").read_text()))


def check_node(model, hand, frame, listener, environment):
    """The node publishes the skeleton of the file, and a hand of as many keypoints."""
    from rclpy.executors import SingleThreadedExecutor
    from std_msgs.msg import Header

    from pose_estimation_ros.nodes.conversions import array_to_image, msg_to_skeleton

    environment.update(ROS_DOMAIN_ID=str(DOMAIN), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    parameters = ["-p", "model:=%s" % model, "-p", "detector:=full_frame", "-p", "person_threshold:=0.0"]
    command = [sys.executable, "-m", "pose_estimation_ros.nodes.pose_node", "--ros-args", *parameters]
    node = subprocess.Popen(command, env=environment)
    executor = SingleThreadedExecutor(context=listener.context)
    executor.add_node(listener)
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not (listener.arrays and listener.skeletons) and time.monotonic() < deadline and node.poll() is None:
            listener.images.publish(
                array_to_image(frame, Header(stamp=listener.get_clock().now().to_msg(), frame_id="camera"))
            )
            executor.spin_once(timeout_sec=0.2)
    finally:
        node.kill()
        node.wait()
    assert msg_to_skeleton(listener.skeletons[0]) == hand
    assert {len(person.keypoints) for array in listener.arrays for person in array.persons} <= {21}
    assert listener.arrays[-1].skeleton == hand.name
