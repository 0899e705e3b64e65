"""Provide a running server, without ROS."""

import pytest

from pose_estimation_ros.nodes.web.hub import Hub


@pytest.fixture
def hub():
    """Return a hub with the camera "/"."""
    hub = Hub("26")
    hub.set_cameras({"/": "pose_node"})
    return hub


@pytest.fixture
def serve(hub):
    """Return a function that starts a server of the hub and returns it; no unexpected exception may have come."""
    pytest.importorskip("aiohttp", reason="needs aiohttp")
    from pose_estimation_ros.nodes.web.server import WebOptions, WebServer

    servers, errors = [], []

    def start(**options):
        server = WebServer(hub, WebOptions(**dict({"port": 0}, **options)), errors.append)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
    assert errors == []
