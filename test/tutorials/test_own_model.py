"""The blocks of docs/tutorials/own-model.md, run one after the other with a small toy set and a short clip."""

import json

import cv2
import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("onnx", reason="imports models")
pytest.importorskip("pycocotools", reason="evaluates")

from launched_nodes import launched_parameters, show, words_of  # noqa: E402

from pose_estimation_ros.__main__ import main  # noqa: E402

UNDECIDED = "pose import out/foreign/office_net.onnx --out my_models"
LAUNCH = "ros2 launch pose_estimation_ros "


def refused(command):
    assert main(command.split()[1:]) == 1


def live(command):
    """Run `pose live` without a browser, on any port."""
    assert main([*command.split()[1:], "--no-browser", "--port", "0"]) == 0


@pytest.fixture
def launch(make_node, kept, wait_until, desk):
    """Return a function that makes the node as the launch file does, and shows it an image."""

    def launch(command):
        from pose_estimation_ros.nodes.pose_node import PoseNode

        platform, arguments = words_of(command)
        assert platform == "webcam"
        node = make_node(PoseNode, **launched_parameters("cpu", **arguments))
        image = cv2.imread(str(sorted((desk / "data/toy/holdout/images").iterdir())[0]))
        people, skeleton = show(node, image, "image", kept, wait_until)
        assert skeleton.name == people.skeleton == "coco17"

    return launch


def test_the_commands_work_in_order_and_print_what_the_page_shows(walk, desk, small_toy_set, launch):
    walk("own-model.md", {UNDECIDED: refused, "pose live": live, LAUNCH: launch})
    spec = json.loads((desk / "my_models/office_net.json").read_text())
    assert "calibration" in spec and spec["decoder"] == "dark"
    files = [desk / "out" / "evaluation" / name for name in ("office_net.json", "lite0_fpn_coco.json")]
    imported, original = (json.loads(file.read_text())["AP"] for file in files)
    assert imported == pytest.approx(original, abs=5) and original > 30
