"""The blocks of docs/tutorials/your-camera.md: a clip takes the place of the camera, nodes that of `ros2 launch`."""

import re
import subprocess
import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
yaml = pytest.importorskip("yaml", reason="reads platform files")

from launched_nodes import launched_parameters, words_of  # noqa: E402
from page_blocks import PYTHON, blocks_of  # noqa: E402

from pose_estimation_ros.__main__ import main  # noqa: E402

PAGE = "docs/tutorials/your-camera.md"
TIMEOUT_S = 300  # real networks, on a machine that may be busy
NOSE = re.compile(r"person \d+: nose at \d+, \d+ px\n")


def live(command):
    """Run `pose live` without a browser, on any port."""
    assert main([*command.split()[1:], "--no-browser", "--port", "0"]) == 0


def wait_until(condition, said):
    """Wait until the condition, which may spin a node, holds; said is for the message of a failure."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


@pytest.fixture
def launch(domain, ended, desk):
    """Return a function that starts the nodes of demo.launch.py with the reader's clip, and prints what they say."""

    def launch(command):
        from pose_estimation_ros.nodes.demo.node_process import NodeProcess

        platform, arguments = words_of(command)
        assert platform == "demo"
        said = []
        clip = {"source": str(desk / "test/data/pedestrians.mp4"), "loop": True}
        for name, parameters in (("pose_node", launched_parameters("cpu", **arguments)), ("video_node", clip)):
            ended.append(NodeProcess(name, parameters, on_line=said.append).process)
        wait_until(lambda: any("images from" in line for line in said), said)
        print("\n".join(said))

    return launch


@pytest.fixture
def echo(repository, ros, kept):
    """Return a function that takes a message, as `ros2 topic echo` does, and compares its fields with the page's."""

    def echo(command):
        from pose_estimation_ros.msg import PersonArray
        from rclpy.node import Node

        _ros2, _topic, _echo, topic, once = command.split()
        assert once == "--once"
        node, people = kept(Node("echo")), []
        node.create_subscription(PersonArray, topic, people.append, 5)

        def found():
            ros.spin_once(node, timeout_sec=0.1)
            return any(message.persons for message in people)

        wait_until(found, people)
        page = (repository / PAGE).read_text()
        shown = yaml.safe_load(next(block.text for block in blocks_of(page) if block.language == "yaml"))
        assert_fields(shown, next(message for message in people if message.persons))

    return echo


def assert_fields(shown, message):
    """Check that a message has the fields that the page shows, and their kinds of values."""
    for name, value in shown.items():
        held = getattr(message, name)
        if isinstance(value, dict):
            assert_fields(value, held)
        elif isinstance(value, list) and isinstance(value[0], dict):
            assert_fields(value[0], held[0])
        elif isinstance(value, list):
            assert len(value) == len(held)
        else:
            assert type(value) is type(held) and (isinstance(value, (int, float)) or value == held), name


def listen(code):
    """Run the page's program beside the nodes until it has said something, and print that."""
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, universal_newlines=True)
    try:
        line, deadline = program.stdout.readline(), time.monotonic() + TIMEOUT_S
        while not NOSE.fullmatch(line):
            assert line and time.monotonic() < deadline
            line = program.stdout.readline()
        print(line)
    finally:
        program.kill()
        program.communicate()


def test_the_blocks_work_in_order_and_print_what_the_page_shows(walk, launch, echo):
    stand_ins = {"pose live": live, "ros2 launch": launch, "ros2 topic echo": echo, PYTHON: listen}
    walk("your-camera.md", stand_ins)
