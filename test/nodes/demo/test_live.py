"""Show a source live with the tiny model: the three processes, their ends, and what is told of them."""

import glob
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("aiohttp", reason="needs aiohttp")

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.nodes.demo import live
from pose_estimation_ros.nodes.demo.live import Live

TIMEOUT_S = 60.0
ADDRESS = re.compile(r"http://\S+")


class Run:
    """Run `pose live` and follow what it prints."""

    def __init__(self, *arguments, environment=None):
        command = [sys.executable, "-m", "pose_estimation_ros", "live", *arguments]
        environment = dict(os.environ, **(environment or {}))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, universal_newlines=True, env=environment, **pipes)

    def address(self):
        """Return the address of the page when it is printed."""
        for line in self.process.stdout:
            if ADDRESS.search(line):
                return ADDRESS.search(line).group()
        raise AssertionError("no address: %s" % self.process.stderr.read())

    def children(self):
        """Return {name of the node: number of its process}."""
        found = {}
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                with open(folder + "/stat") as stat, open(folder + "/cmdline") as command:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                    node = re.search(r"\0pose_estimation_ros\.nodes\.(\w+)\0--ros-args", command.read())
            except OSError:
                continue  # it has ended meanwhile
            if parent == self.process.pid and node:
                found[node.group(1)] = int(os.path.basename(folder))
        return found

    def end(self):
        """Return the exit code and what was printed since."""
        stdout, stderr = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, stdout, stderr


@pytest.fixture
def show(domain, color_model):
    """Return a function that runs `pose live` with the tiny model, and ends it after the test."""
    runs = []

    def show(*arguments, model=color_model, **environment):
        run = Run(*arguments, "--model", model, "--detector", "full_frame", "--no-browser", environment=environment)
        runs.append(run)
        return run

    yield show
    for run in runs:
        run.process.kill()
        run.process.communicate()


@pytest.fixture
def picture(tmp_path, blob):
    import cv2
    import numpy as np

    image = np.zeros((120, 90, 3), np.uint8)
    blob(image, (40, 60), (255, 255, 255))
    cv2.imwrite(str(tmp_path / "person.png"), image)
    return str(tmp_path / "person.png")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_end(pids):
    deadline_s = time.monotonic() + TIMEOUT_S
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline_s, "still alive: %s" % list(filter(is_alive, pids))
        time.sleep(0.02)


def test_the_page_is_there_until_a_process_ends_which_is_named_and_ends_the_others(show, picture):
    run = show(picture, "--port", "0")
    with urllib.request.urlopen(run.address(), timeout=TIMEOUT_S) as page:
        assert page.status == 200 and b"<html" in page.read()
    children = run.children()
    assert set(children) == {"web_view", "pose_node", "video_node"}
    os.kill(children["pose_node"], signal.SIGKILL)
    code, _stdout, stderr = run.end()
    assert (code, stderr) == (1, "pose: error: pose_node: ended by the signal SIGKILL\n")
    wait_for_end(children.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all(show, picture, number):
    run = show(picture, "--port", "0")
    while len(run.children()) < 3:
        assert run.process.poll() is None, run.end()
        time.sleep(0.02)
    children = run.children()
    run.process.send_signal(number)
    code, _stdout, stderr = run.end()
    assert code == 130 and "Traceback" not in stderr and "error" not in stderr
    wait_for_end(children.values())


def test_the_end_of_the_source_is_the_end(show, picture):
    code, stdout, stderr = show(picture, "--port", "0", "--once").end()
    assert (code, "error" in stderr) == (0, False), stderr
    assert "the source has ended" in stdout


@pytest.mark.parametrize(
    "source, hint", [("nowhere.mp4", False), ("", False), ("99", True), ("/dev/video99", True), ("/dev/null", True)]
)
def test_a_source_that_cannot_be_opened_starts_nothing(domain, source, hint):
    with pytest.raises(DataError) as caught:
        live.show_live(Live(source), say=lambda text: pytest.fail(text))
    assert source in str(caught.value)
    assert str(caught.value).endswith("pose live VIDEO") == hint


@pytest.mark.parametrize(
    "options, expected",
    [
        (PipelineOptions(), {}),
        (PipelineOptions(fallback=True, model="a.onnx"), {"model": "a.onnx", "fallback": True}),
        (PipelineOptions(tracking=False, max_people=1), {"tracking": False, "max_people": 1}),
    ],
)
def test_options_that_have_their_default_are_left_to_the_node(options, expected):
    assert live.node_parameters(options) == dict(expected, overlay_rate_hz=live.PICTURES_HZ)


@pytest.mark.parametrize(
    "browser, desktop, opened",
    [(None, "", 0), (None, ":0", 1), (False, ":0", 0), (True, ":0", 1), (True, "", 0)],
)
def test_a_browser_is_opened_on_a_desktop_alone(monkeypatch, browser, desktop, opened):
    calls, said = [], []
    for name in live.ON_A_DESKTOP:
        monkeypatch.setenv(name, desktop)
    monkeypatch.setattr(live.webbrowser, "open", calls.append)
    live.announce("http://127.0.0.1:1/", browser, said.append)
    assert calls == ["http://127.0.0.1:1/"] * opened
    assert "http://127.0.0.1:1/" in said[0]
    assert any("open the address yourself" in line for line in said) == (browser is True and not desktop)


@pytest.mark.parametrize(
    "missing, text",
    [("rclpy", "make setup"), ("pose_estimation_ros.msg", "messages"), ("aiohttp", "pip install aiohttp")],
)
def test_what_is_missing_is_named_with_the_remedy(monkeypatch, missing, text):
    find_spec = live.importlib.util.find_spec
    monkeypatch.setattr(live.importlib.util, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(live.ConfigError, match=text):
        live.check_installed()


def test_it_loads_nothing_of_ros():
    code = "import sys, pose_estimation_ros.cli.live; assert not {'rclpy', 'launch', 'aiohttp'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
