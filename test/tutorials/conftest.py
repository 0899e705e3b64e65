"""Provide ROS as for the tests of the nodes, and the fixtures with which they make one."""

from nodes.conftest import domain, kept, make_node, ros, wait_until_fixture  # noqa: F401
