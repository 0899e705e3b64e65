"""Test the nodes as programs: exit codes, one line instead of a traceback, clean ends."""

import importlib
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Log, ParameterValue
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.srv import SetParameters
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.task import Future
from rosgraph_msgs.msg import Clock

from pose_estimation_ros.nodes.demo.processes import NODES, start_pose_node
from pose_estimation_ros.nodes.qos import LATCHED
from pose_estimation_ros.nodes.run import FAILURES_IN_A_ROW, RCLError, explain, one_signal, run


@pytest.fixture
def nobody_listens(domain, monkeypatch):
    """Let a node that fails in this process end without waiting for a listener to /rosout."""
    monkeypatch.setattr("pose_estimation_ros.nodes.run.ROSOUT_S", 0.0)


@pytest.mark.parametrize(
    "node, parameter", [("pose_node", "model:=nowhere.onnx"), ("video_node", "source:=nowhere.mp4")]
)
def test_a_program_that_cannot_start_says_so_in_one_line(domain, node, parameter):
    command = [sys.executable, "-m", NODES + node, "--ros-args", "-p", parameter]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 1 and line.startswith(node + ": error: ") and "nowhere" in line


@pytest.mark.parametrize(
    "node, parameters, words",
    [
        ("pose_node", ["model:=nowhere.onnx", "detector:=full_frame"], "nowhere.onnx"),
        ("pose_node", ["model:=elpn_v1_coco.engine", "detector:=full_frame", "fallback:=false"], "TensorRT"),
        ("pose_node", ["treshold:=0.4"], "did you mean"),
        ("pose_node", ["image_topics:=[]"], "expected image_topics to be a list of texts"),
        ("pose_node", ["image_topics:=['a b']"], "expected image_topics to be the name of a topic, got 'a b'"),
        (
            "pose_node",
            ["depth_nearest_m:=9", "depth_farthest_m:=0.2"],
            "expected parameter depth_nearest_m",
        ),
        ("pose_node", ["qos_overrides./pose/keypoints.publisher.reliability:=maybe"], "expected one of best_available"),
        ("video_node", ['source:=""'], "parameter source: expected"),
        ("video_node", ["source:=nowhere.mp4"], "nowhere.mp4"),
    ],
)
def test_what_a_user_can_cause_is_one_line_and_code_1(nobody_listens, capfd, node, parameters, words):
    arguments = [word for parameter in parameters for word in ("-p", parameter)]
    assert importlib.import_module(NODES + node).main(["program", "--ros-args"] + arguments) == 1
    stderr = capfd.readouterr().err
    (line,) = [line for line in stderr.splitlines() if "error" in line]
    assert words in line and "Traceback" not in stderr


@pytest.mark.parametrize("node", ["pose_node", "video_node"])
@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--params-file", "/nowhere.yaml"], "Error opening YAML file"),
        (["--params-file", "{broken}"], "Couldn't parse params file"),
        (["-r", "image"], "Couldn't parse remap rule: '-r image'"),
        (["-r", "__ns:=a b"], "Couldn't parse remap rule"),
        (["-p", "x"], "Couldn't parse parameter override rule"),
        (["--log-level", "loud"], "Couldn't parse log level"),
        (["--bogus"], "unknown ROS arguments"),
    ],
)
def test_wrong_ros_arguments_are_one_line_and_code_1(nobody_listens, tmp_path, capfd, node, arguments, words):
    (tmp_path / "broken.yaml").write_text("pose_node:\n\tros__parameters:\n")
    arguments = [argument.format(broken=tmp_path / "broken.yaml") for argument in arguments]
    module = importlib.import_module(NODES + node)
    assert module.main(["program", "--ros-args"] + arguments) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith(node + ": ")]
    assert line.startswith(node + ": error: ") and words in line and ".c:" not in line


@pytest.mark.parametrize("error", [OSError(28, "full"), InvalidTopicNameException("a b", "no", 1), RCLError("x")])
def test_errors_of_rclpy_and_of_files_are_one_line(nobody_listens, capfd, error):
    def make_node():
        raise error

    assert run("late", make_node, []) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("late: error: ")


def test_source_files_and_column_markers_of_rcl_are_left_out():
    error = RCLError("failed:\n  'a b'\n     ^\nwrong name 'a^ b', at ./src/rcl/names.c:99")
    assert explain(error) == "failed: 'a b' wrong name 'a^ b'"


FAILING = """
import sys
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes import run

def make():
    raise ConfigError("expected this, got that")

run.ROSOUT_S = 30  # it ends with the first listener; a busy machine finds him late
sys.exit(run.run("failing", make, sys.argv))
"""


@pytest.mark.parametrize("arguments", [["--ros-args", "--params-file", "/nowhere.yaml"], []])
def test_the_reason_of_a_failed_start_is_on_rosout(kept, wait_until, arguments):
    heard, watcher = [], kept(Node("watcher"))
    watcher.create_subscription(Log, "/rosout", heard.append, LATCHED)
    assert subprocess.run([sys.executable, "-c", FAILING] + arguments, timeout=60).returncode == 1
    wait_until(lambda: heard, watcher)
    assert (heard[0].level, heard[0].name) == (Log.FATAL, "failing")
    assert ("nowhere" if arguments else "expected this") in heard[0].msg


class Failing(Node):
    """Raise in that many callbacks of a quick timer."""

    def __init__(self, failures):
        super().__init__("failing")
        self.finished, self.calls, self._failures = Future(), 0, failures
        self._timer = self.create_timer(0.001, self._tick)

    def _tick(self):
        self.calls += 1
        if self.calls <= self._failures:
            raise ZeroDivisionError("call %d" % self.calls)
        self.finished.set_result(None)


def test_the_node_survives_what_callbacks_raise_and_logs_it_once(domain, capfd):
    made = []
    assert run("failing", lambda: made.append(Failing(FAILURES_IN_A_ROW - 1)) or made[0], []) == 0
    assert made[0].calls == FAILURES_IN_A_ROW
    assert capfd.readouterr().err.count("Traceback") == 1


def test_nothing_but_failures_ends_it(domain):
    with pytest.raises(ZeroDivisionError, match="call %d" % FAILURES_IN_A_ROW):
        run("failing", lambda: Failing(10**9), [])


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(kept, color_model, wait_until, ended, capfd, signal_number):
    watcher = kept(Node("watcher"))
    ended.append(start_pose_node({"model": color_model, "detector": "full_frame"}))
    wait_until(lambda: watcher.count_subscribers("image") == 1, watcher)  # the last thing it makes
    ended[0].send_signal(signal_number)
    assert ended[0].wait(60) == 0
    assert "Traceback" not in capfd.readouterr().err


def test_a_parameter_request_of_an_unknown_type_and_a_clock_before_zero_cost_nothing_else(
    kept, color_model, wait_until, ended
):
    """rclpy raises ValueError for both."""
    peer = kept(Node("peer"))
    parameters = {"model": color_model, "detector": "full_frame", "use_sim_time": True}
    ended.append(start_pose_node(parameters))
    client = peer.create_client(SetParameters, "/pose_node/set_parameters")
    clock = peer.create_publisher(Clock, "/clock", 1)
    heard = []
    peer.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    wait_until(lambda: client.service_is_ready() and clock.get_subscription_count(), peer)
    name = "smoothing_strength"
    bad = ParameterMsg(name=name, value=ParameterValue(type=77))
    client.call_async(SetParameters.Request(parameters=[bad]))
    wait_until(lambda: heard and unexpected_errors(heard[-1]) == "1", peer)

    def clock_is_noticed():
        clock.publish(Clock(clock=Time(sec=-5)))
        return int(unexpected_errors(heard[-1])) > 1

    wait_until(clock_is_noticed, peer)
    good = client.call_async(
        SetParameters.Request(parameters=[ParameterMsg(name=name, value=ParameterValue(type=3, double_value=0.2))])
    )
    wait_until(good.done, peer)
    assert good.result().results[0].successful and ended[0].poll() is None


def unexpected_errors(message):
    (count,) = [pair.value for status in message.status for pair in status.values if pair.key == "unexpected_errors"]
    return count


def test_a_signal_while_it_starts_is_no_failure(domain):
    """rclpy answers SIGTERM by shutting its context down, so that the making of a node fails."""
    import rclpy

    def make_node():
        rclpy.shutdown()
        return rclpy.create_node("late")

    assert run("late", make_node, []) == 0


def test_signals_after_the_first_do_not_break_off_the_end():
    """Test the context manager alone; test_faults.py tests a whole process."""
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


LATE = """
import signal
from rclpy.node import Node
from rclpy.task import Future
from pose_estimation_ros.nodes.run import run

class Late(Node):
    def __init__(self):
        super().__init__("late")
        self.finished = Future()
        self.create_timer(0.001, lambda: self.finished.set_result(None))

    def destroy_node(self):
        signal.raise_signal(signal.SIGINT)
        super().destroy_node()
        print("ended")

raise SystemExit(run("late", Late, []))
"""


def test_a_signal_that_is_noticed_only_at_the_end_does_not_break_it_off(domain):
    """The spinning may have ended before Python's own handler runs."""
    process = subprocess.run([sys.executable, "-c", LATE], timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (process.returncode, process.stdout, process.stderr) == (0, b"ended\n", b"")


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
