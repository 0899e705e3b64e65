"""Run both nodes as processes, watched by a third over DDS: match stamps, kill them and start them again."""

import os
import socket
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from pose_estimation_ros.msg import PersonArray
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.demo.processes import DOMAINS, start_pose_node, start_video_node, stop


class Watcher(Node):
    def __init__(self):
        super().__init__("watcher")
        self.images, self.arrays = [], []
        self.create_subscription(Image, "image", lambda msg: self.images.append(stamp(msg)), QoSProfile(depth=100))
        self.create_subscription(PersonArray, "pose/keypoints", self.arrays.append, QoSProfile(depth=100))


def stamp(msg):
    return (msg.header.stamp.sec, msg.header.stamp.nanosec)


@pytest.fixture
def watcher(kept):
    return kept(Watcher())


@pytest.fixture
def camera(tmp_path, blob):
    """Return parameters of a video_node: 30 Hz, 640 x 480, a person-sized dot of each colour."""
    for index in range(4):
        image = np.zeros((480, 640, 3), np.uint8)
        for xy, color in (((200 + 10 * index, 100), (0, 0, 255)), ((320, 240), (0, 255, 0)), ((400, 400), (255, 0, 0))):
            blob(image, xy, color, 30.0)
        cv2.imwrite(str(tmp_path / ("%d.png" % index)), image)
    return {"source": str(tmp_path), "rate_hz": 30.0, "loop": True, "frame_id": "camera_3"}


def test_every_array_answers_a_published_image(watcher, camera, color_model, wait_until, ended):
    ended.append(start_pose_node({"model": color_model, "detector": "full_frame"}))
    ended.append(start_video_node(camera))
    wait_until(lambda: watcher.images, watcher)
    first_image = watcher.images[0]  # arrays may come earlier: the two topics are discovered at different times

    def answered_since():
        return [stamp(msg) for msg in watcher.arrays if stamp(msg) >= first_image]

    wait_until(lambda: len(answered_since()) >= 60, watcher)
    newest = stamp(watcher.arrays[-1])
    wait_until(lambda: watcher.images[-1] >= newest, watcher)
    answered = [seen for seen in answered_since() if seen <= watcher.images[-1]]
    strangers = set(answered) - set(watcher.images)
    assert len(answered) >= 60
    assert len(strangers) <= 0.05 * len(answered), "a busy watcher may miss an image, wrong stamps miss all"
    assert answered == sorted(set(answered)), "in order, none twice"
    assert {msg.header.frame_id for msg in watcher.arrays} == {"camera_3"}
    assert {len(msg.persons) for msg in watcher.arrays} == {1}
    assert {(msg.image_width, msg.image_height) for msg in watcher.arrays} == {(640, 480)}


@pytest.mark.parametrize("victim", ["pose_node", "video_node"])
def test_either_side_killed_and_started_again(watcher, camera, color_model, wait_until, ended, victim):
    start = {
        "pose_node": lambda: start_pose_node({"model": color_model, "detector": "full_frame"}),
        "video_node": lambda: start_video_node(camera),
    }
    running = {name: start[name]() for name in start}
    ended.extend(running.values())
    wait_until(lambda: len(watcher.arrays) >= 5, watcher)
    running[victim].kill()
    running[victim].wait()
    ended.append(start[victim]())
    watcher.images.clear()
    watcher.arrays.clear()
    wait_until(lambda: len(watcher.arrays) >= 10 and len(watcher.images) >= 10, watcher)
    assert {len(msg.persons) for msg in watcher.arrays} == {1}


def test_another_process_switches_it_off_and_on_and_is_refused_with_the_reason(
    watcher, camera, color_model, wait_until, ended
):
    ended.append(start_pose_node({"model": color_model, "detector": "full_frame"}))
    ended.append(start_video_node(camera))
    client = watcher.create_client(SetParameters, "pose_node/set_parameters")

    def set_parameter(name, value):
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        future = client.call_async(request)
        wait_until(future.done, watcher)
        return future.result().results[0]

    wait_until(lambda: watcher.arrays and client.service_is_ready(), watcher)
    refused = set_parameter("score_threshold", 1.5)
    assert not refused.successful and "score_threshold" in refused.reason
    assert set_parameter("enabled", False).successful
    seen = len(watcher.images)
    wait_until(lambda: len(watcher.images) >= seen + 20, watcher)
    assert stamp(watcher.arrays[-1]) <= watcher.images[seen + 5], "at most what was under way"
    assert set_parameter("enabled", True).successful
    before = len(watcher.arrays)
    wait_until(lambda: len(watcher.arrays) > before, watcher)


def test_stop_ends_what_does_not_listen():
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    process.stdout.readline()
    stop([process], timeout_s=0.2)
    assert process.returncode == -9
    process.stdout.close()
    stop([process])
    stop([])


PARENT = """
from pose_estimation_ros.nodes.demo import processes
processes.NODES = ""
print(processes.start("stub", {}).pid, flush=True)
input()
"""


def test_a_node_ends_with_the_process_that_started_it_even_where_that_is_killed(tmp_path, monkeypatch):
    (tmp_path / "stub.py").write_text("print('runs', flush=True)\nimport time\ntime.sleep(600)")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.getcwd()]))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], **pipes)
    lines = [parent.stdout.readline(), parent.stdout.readline()]
    assert b"runs\n" in lines
    parent.kill()
    assert parent.stdout.read() == b"", "its end is that of the node, which holds it open, too"
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()


@pytest.mark.parametrize("participant", [0, 3])
def test_a_domain_in_use_is_not_taken(monkeypatch, participant):
    taken, free = (domain for domain, _ in zip(filter(processes.is_free, DOMAINS), range(2)))
    monkeypatch.setattr(processes, "DOMAINS", [taken, free])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 7400 + 250 * taken + 10 + 2 * participant))
        assert not processes.is_free(taken)
        assert {processes.free_domain() for _ in range(20)} == {free}
        monkeypatch.setattr(processes, "DOMAINS", [taken])
        assert processes.free_domain() == taken, "any, if all are in use"


def test_a_node_takes_the_port_by_which_a_domain_in_use_is_known(ros, domain):
    node = ros.create_node("somebody")
    assert not processes.is_free(domain)
    node.destroy_node()


@pytest.mark.parametrize(
    "distro, domain, expected",
    [("kilted", "7", {"ROS_DOMAIN_ID": "7"}), ("humble", "7", {"ROS_DOMAIN_ID": "7", "ROS_LOCALHOST_ONLY": "1"})],
)
def test_isolation_is_that_of_the_distribution_and_keeps_a_domain(monkeypatch, distro, domain, expected):
    environment = {"ROS_DISTRO": distro, "ROS_DOMAIN_ID": domain}
    monkeypatch.setattr(processes.os, "environ", environment)
    processes.isolate()
    assert environment == dict(expected, ROS_DISTRO=distro, ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
