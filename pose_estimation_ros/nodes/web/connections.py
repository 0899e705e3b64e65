"""Limit how many connections there are, and drop those that ask for nothing.

aiohttp waits without end for the first line of a request, so a few hundred half-open connections would use up the
files of the process.
"""

import asyncio
from typing import Any, Dict, List

from aiohttp import web

IDLE_S = 15.0  # a connection without a request in progress is closed after so long


class Refusal(asyncio.Protocol):
    """Answer a connection that is one too many, and close it."""

    def connection_made(self, transport: Any) -> None:
        """Send the answer."""
        transport.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        transport.close()


class Connections:
    """Make the protocol of each connection, and keep account of them."""

    def __init__(self, server: web.Server, most: int) -> None:
        """Start without connections.

        Args:
            server: aiohttp's server, which makes the protocol of a connection.
            most: largest number of connections.
        """
        self._server, self._most = server, most
        self._loop = asyncio.get_event_loop()
        self._idle_since_s: Dict[Any, float] = {}  # of connections without a request in progress
        self._accepted = 0  # connections that the server does not list yet

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol for a connection that was accepted."""
        if len(self._server.connections) + self._accepted >= self._most:
            return Refusal()
        protocol: asyncio.Protocol = self._server()
        self._idle_since_s[protocol] = self._loop.time()
        self._accepted += 1
        self._loop.call_soon(self._note_listed)  # asyncio calls connection_made, which lists it, right after that
        return protocol

    def _note_listed(self) -> None:
        self._accepted -= 1

    def begin(self, protocol: Any) -> None:
        """Note that a request of a connection has come."""
        self._idle_since_s.pop(protocol, None)

    def end(self, protocol: Any) -> None:
        """Note that a request of a connection is answered."""
        if protocol in self._server.connections:
            self._idle_since_s[protocol] = self._loop.time()

    def drop_idle(self) -> None:
        """Close the connections that have been without a request for too long."""
        alive = set(self._server.connections)
        now_s = self._loop.time()
        overdue: List[Any] = []
        for protocol, since_s in list(self._idle_since_s.items()):
            if now_s - since_s <= IDLE_S:
                continue
            del self._idle_since_s[protocol]
            if protocol in alive:
                overdue.append(protocol)
        for protocol in overdue:
            if protocol.transport:
                protocol.transport.abort()  # close() would wait until a client that does not read has read all
