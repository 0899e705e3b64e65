"""ROS for tests: this machine only, a domain of its own per test, and waiting by polling."""

import itertools
import os
import time

import pytest

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
DOMAINS = itertools.count(os.getpid())
TIMEOUT_S = 60.0


@pytest.fixture
def domain(monkeypatch):
    """A ROS_DOMAIN_ID of its own, for this process and its children."""
    domain_id = next(DOMAINS) % 60 + 1  # the demo and the soak test take 61 to 101, and may run beside the tests
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain_id))
    return domain_id


@pytest.fixture
def ros(domain):
    """rclpy, initialised in that domain."""
    rclpy = pytest.importorskip("rclpy", reason="needs ROS")
    rclpy.init(args=[])
    yield rclpy
    rclpy.try_shutdown()


@pytest.fixture
def kept(ros):
    """A function that takes a node and returns it; the node is destroyed after the test, however it goes."""
    nodes = []

    def keep(node):
        nodes.append(node)
        return node

    yield keep
    for node in nodes:
        node.destroy_node()


@pytest.fixture
def make_node(kept):
    """A function that makes a node of this class of ours with these parameters."""
    from rclpy.parameter import Parameter

    def make(kind, **parameters):
        return kept(kind(parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()]))

    return make


@pytest.fixture
def make_pose_node(make_node, color_model):
    """A function that makes a PoseNode: the colour finder on whole images, unsmoothed, but for what is said."""
    from pose_estimation_ros.nodes.pose_node import PoseNode

    def make(**parameters):
        values = dict(dict(model=color_model, detector="full_frame", smoothing=False), **parameters)
        return make_node(PoseNode, **values)

    return make


def wait_until(condition, *nodes):
    """Spins the nodes in turn until the condition holds; the time-out is long, as the machine may be busy."""
    import rclpy

    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited %d s in vain" % TIMEOUT_S
        for node in nodes:
            rclpy.spin_once(node, timeout_sec=0.02)
        if not nodes:
            time.sleep(0.02)


@pytest.fixture(name="wait_until")
def wait_until_fixture():
    return wait_until


@pytest.fixture
def ended():
    """A list of child processes to be ended after the test, however it goes."""
    from pose_estimation_ros.nodes.demo.processes import stop

    children = []
    yield children
    stop(children)
