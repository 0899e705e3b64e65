"""The nodes as programs: exit codes, one line instead of a traceback, clean ends."""

import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node

from pose_estimation_ros.nodes.processes import NODES, start_pose_node
from pose_estimation_ros.nodes.run import one_signal, run


def program(node, *parameters):
    command = [sys.executable, "-m", NODES + node, "--ros-args"]
    for parameter in parameters:
        command += ["-p", parameter]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    "node, parameters, words",
    [
        ("pose_node", ["model:=nowhere.onnx", "detector:=full_frame"], "nowhere.onnx"),
        ("pose_node", ["model:=elpn_v1_coco.engine", "detector:=full_frame", "fallback:=false"], "TensorRT"),
        ("pose_node", ["treshold:=0.4"], "did you mean"),
        ("video_node", [], "parameter source: expected"),
        ("video_node", ["source:=nowhere.mp4"], "nowhere.mp4"),
    ],
)
def test_what_a_user_can_cause_is_one_line_and_code_1(domain, node, parameters, words):
    code, stderr = program(node, *parameters)
    assert code == 1
    (line,) = [line for line in stderr.splitlines() if "error" in line]
    assert words in line and "Traceback" not in stderr


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(kept, color_model, wait_until, ended, capfd, signal_number):
    watcher = kept(Node("watcher"))
    ended.append(start_pose_node({"model": color_model, "detector": "full_frame"}))
    wait_until(lambda: watcher.count_subscribers("image") == 1, watcher)  # the last thing it makes
    ended[0].send_signal(signal_number)
    assert ended[0].wait(60) == 0
    assert "Traceback" not in capfd.readouterr().err


def test_a_signal_while_it_starts_is_no_failure(domain):
    """rclpy answers SIGTERM by shutting its context down; whatever is being made then fails."""
    import rclpy

    def make_node():
        rclpy.shutdown()
        return rclpy.create_node("late")

    assert run("late", make_node, []) == 0


def test_signals_after_the_first_do_not_break_off_the_end():
    """See also test_faults.py, with a whole process."""
    reached, before = [], signal.getsignal(signal.SIGINT)
    try:
        with one_signal():
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.raise_signal(number)
                reached.append(number)
        signal.raise_signal(signal.SIGTERM)
        reached.append("the end")
    finally:
        signal.signal(signal.SIGINT, before), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert reached == [signal.SIGINT, signal.SIGTERM, "the end"]


def test_without_a_signal_the_handlers_are_as_before():
    before = signal.getsignal(signal.SIGINT)
    with one_signal():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_a_bug_is_not_hidden(domain):
    def make_node():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run("broken", make_node, [])
