"""Test the node web_view: its start, its end and its errors."""

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("aiohttp", reason="needs aiohttp")

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.web_view import WebView

COMMAND = [sys.executable, "-m", "pose_estimation_ros.nodes.web_view", "--ros-args"]
TIMEOUT_S = 60.0


def test_the_node_serves_its_page(make_node):
    node = make_node(WebView, port=0)
    assert re.match(r"http://127\.0\.0\.1:\d+/$", node.url)
    with urllib.request.urlopen(node.url, timeout=TIMEOUT_S) as answer:
        assert b"<!DOCTYPE html>" in answer.read()
    assert {publisher.topic_name for publisher in node.publishers} <= {"/rosout", "/parameter_events"}


@pytest.mark.parametrize(
    "parameters, expected",
    [
        ({"port": 70000}, "port"),
        ({"port": -1}, "port"),
        ({"max_viewers": 0}, "max_viewers"),
        ({"host": ""}, "host"),
        ({"host": "no-such-host.invalid"}, "host"),
        ({"max_veiwers": 3}, "max_viewers"),
    ],
)
def test_parameters_that_do_not_fit(make_node, parameters, expected):
    with pytest.raises(ConfigError, match=expected):
        make_node(WebView, **dict({"port": 0}, **parameters))


def test_a_missing_aiohttp_is_answered_with_the_packages(make_node, monkeypatch):
    monkeypatch.setitem(sys.modules, "pose_estimation_ros.nodes.web.server", None)
    with pytest.raises(ConfigError, match="python3-aiohttp with apt"):
        make_node(WebView, port=0)


def test_the_process_prints_one_address_and_ends_at_a_signal(domain, ended):
    process = subprocess.Popen(COMMAND + ["-p", "port:=0"], stderr=subprocess.PIPE, universal_newlines=True)
    ended.append(process)
    line = process.stderr.readline()
    url = re.search(r"http://\S+", line).group()
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        assert answer.status == 200
    port = url.rsplit(":", 1)[1].strip("/")
    taken = subprocess.run(COMMAND + ["-p", "port:=" + port], stderr=subprocess.PIPE, universal_newlines=True)
    assert taken.returncode == 1 and taken.stderr.count("\n") == 1 and "another program listens" in taken.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT_S) == 0
    assert process.stderr.read() == ""


def test_other_hosts_are_warned_of(domain, ended):
    process = subprocess.Popen(
        COMMAND + ["-p", "port:=0", "-p", "host:=0.0.0.0"], stderr=subprocess.PIPE, universal_newlines=True
    )
    ended.append(process)
    warning, address = process.stderr.readline(), process.stderr.readline()
    assert "[WARN]" in warning and "anybody" in warning and "http://127.0.0.1:" in address
