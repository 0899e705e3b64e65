"""Start the page that shows what the nodes see, and tell its address."""

import errno
import importlib.util
import re
import socket
from typing import Optional

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.demo.node_process import NodeProcess, pass_on

LOOPBACK, PORT = "127.0.0.1", 8080
ADDRESS = re.compile(r"https?://\S+")
NO_AIOHTTP = "the page needs aiohttp, which is not installed: pip install aiohttp, or apt install python3-aiohttp"


def check_page() -> None:
    """Raise ConfigError if the page cannot be served because aiohttp is not installed."""
    if importlib.util.find_spec("aiohttp") is None:
        raise ConfigError(NO_AIOHTTP)


class Page(NodeProcess):
    """Run the node that serves the page; ``address`` is the page's, "" before the node has told it."""

    def __init__(self, host: str = LOOPBACK, port: Optional[int] = None) -> None:
        """Start the node.

        Args:
            host: Address to listen at.
            port: Port to listen at; 0: any that is free; None: the usual one, or any where that is in use.
        """
        self.address = ""
        self._host, self._port = host, port
        parameters = {"host": host, "port": usual_port(host) if port is None else port}
        super().__init__("web_view", parameters, on_line=self._look_for_address)

    def renewed(self) -> "Page":
        """Return the page itself, or one at any port where another program took the usual one in the same moment."""
        ended = self.process.poll() is not None
        return Page(self._host, 0) if ended and self._port is None and not self.address else self

    def _look_for_address(self, line: str) -> None:
        address = ADDRESS.search(line)
        if address and not self.address:
            self.address = address.group()
        else:
            pass_on(line)


def usual_port(host: str = LOOPBACK) -> int:
    """Return the port that the page usually has, or 0, for any that is free, if another program has it.

    Args:
        host: Address to listen at.
    """
    return PORT if is_free(host, PORT) else 0


def is_free(host: str, port: int) -> bool:
    """Return whether no other program listens at a port; one that cannot be tried counts as free.

    Args:
        host: Address to listen at.
        port: The port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the page's server does
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
