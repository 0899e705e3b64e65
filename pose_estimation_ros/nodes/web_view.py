"""Serve a page that shows what the pose nodes see, in any browser of this machine: ``http://127.0.0.1:8080/``.

The page shows the people of every camera, with pictures, distances, rates and diagnostics. The node finds the cameras
by itself, subscribes only while somebody looks, and controls nothing.
"""

import os
import sys
from typing import Any, List, Optional

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.node import Node
from rclpy.task import Future

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.parameter_tables import WEB_PARAMETERS
from pose_estimation_ros.nodes.parameters import ParameterNode, declare
from pose_estimation_ros.nodes.run import run
from pose_estimation_ros.nodes.web.access import is_loopback
from pose_estimation_ros.nodes.web.cameras import Cameras
from pose_estimation_ros.nodes.web.hub import Hub

TICK_S = 0.2
NO_AIOHTTP = "expected aiohttp, install python3-aiohttp with apt or aiohttp with pip: %s"
OPEN = "host %s: anybody who reaches this machine over the network can see the cameras; there is no password"


class WebView(ParameterNode):
    """Serve the page.

    ``url`` is its address, ``hub`` the state that it shows.
    """

    def __init__(self, **node_options: Any) -> None:
        """Open the port and begin to serve.

        Args:
            node_options: Keyword arguments of rclpy's Node.

        Raises:
            ConfigError: A parameter is wrong, the port is in use, or aiohttp is not installed.
        """
        super().__init__("web_view", **node_options)
        self.finished: "Future[None]" = Future()
        values = declare(self, WEB_PARAMETERS)
        self.hub = Hub(os.environ.get("ROS_DOMAIN_ID") or "0")
        self._server = make_server(self, self.hub, values)
        self.url = self._server.url
        self._cameras = Cameras(self, self.hub)
        # A steady clock, because the page goes on while a bag is paused.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(TICK_S, guard_of(self).wrap(self._cameras.tick), clock=clock)
        self._server.start()
        if not is_loopback(values["host"]):
            self.get_logger().warning(OPEN % values["host"])
        self.get_logger().info("watch at %s" % self.url)

    def destroy_node(self) -> None:
        """End the server and destroy the node."""
        if hasattr(self, "_server"):
            self._server.stop()
        super().destroy_node()


def make_server(node: Node, hub: Hub, values: Any) -> Any:
    """Make the server; raise ConfigError where aiohttp is missing or the port cannot be opened.

    Args:
        node: node that logs unexpected exceptions.
        hub: state to serve.
        values: values of the parameters.
    """
    try:
        from pose_estimation_ros.nodes.web.server import WebOptions, WebServer
    except ImportError as error:
        raise ConfigError(NO_AIOHTTP % error)
    names = tuple(name for name in values["host_names"] if name)
    options = WebOptions(values["host"], values["port"], values["max_viewers"], names)
    return WebServer(hub, options, guard_of(node).note)


def main(args: Optional[List[str]] = None) -> int:
    """Run the node; return the exit code."""
    return run("web_view", WebView, args)


if __name__ == "__main__":
    sys.exit(main())
