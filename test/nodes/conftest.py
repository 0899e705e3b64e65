"""Provide ROS for tests: on this machine only, in one domain per test, and with waiting by polling."""

import os
import time

import pytest
from ros_domains import next_domain

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
TIMEOUT_S = 60.0


@pytest.fixture
def domain(monkeypatch):
    """Set a ROS_DOMAIN_ID of this test, for this process and its children; return it."""
    domain_id = next_domain()
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain_id))
    return domain_id


@pytest.fixture
def ros(domain):
    """Return rclpy, initialised in that domain."""
    rclpy = pytest.importorskip("rclpy", reason="needs ROS")
    rclpy.init(args=[])
    yield rclpy
    rclpy.try_shutdown()


@pytest.fixture
def kept(ros):
    """Return a function that takes a node and returns it; the node is destroyed after the test in any case."""
    nodes = []

    def keep(node):
        nodes.append(node)
        return node

    yield keep
    for node in nodes:
        node.destroy_node()


@pytest.fixture
def make_node(kept):
    """Return a function that makes a node of a class of this package with these parameters."""
    from rclpy.parameter import Parameter

    def make(kind, **parameters):
        return kept(kind(parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()]))

    return make


@pytest.fixture
def make_pose_node(make_node, color_model):
    """Return a function that makes a PoseNode; by default the colour model runs on whole images without smoothing."""
    from pose_estimation_ros.nodes.pose_node import PoseNode

    def make(**parameters):
        values = dict(dict(model=color_model, detector="full_frame", smoothing=False), **parameters)
        return make_node(PoseNode, **values)

    return make


def wait_until(condition, *nodes):
    """Spin the nodes in turn until the condition holds; the time-out is long, because the machine may be busy."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited %d s in vain" % TIMEOUT_S
        _spin_once(nodes)


def _spin_once(nodes):
    if not nodes:  # also where there is no ROS
        time.sleep(0.02)
        return
    import rclpy

    for node in nodes:
        rclpy.spin_once(node, timeout_sec=0.02)


@pytest.fixture(name="wait_until")
def wait_until_fixture():
    return wait_until


@pytest.fixture
def ended():
    """Return a list for child processes, which are ended after the test in any case."""
    from pose_estimation_ros.nodes.demo.processes import stop

    children = []
    yield children
    stop(children)
