"""Serve the page and its data over HTTP, in a thread of its own. It reads from the hub and controls nothing.

Only GET and HEAD are answered: / and the files of the page, which are read once at the start, and /live, the WebSocket
of a viewer.
"""

import asyncio
import errno
import logging
import os
import socket
import threading
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Set

from aiohttp import WSCloseCode, web

from pose_estimation_ros.core.errors import ConfigError, reason_of
from pose_estimation_ros.nodes.web.access import HEADERS, is_allowed, is_loopback, is_same_origin, own_names
from pose_estimation_ros.nodes.web.connections import Connections
from pose_estimation_ros.nodes.web.hub import Hub
from pose_estimation_ros.nodes.web.viewer import Viewer

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
TYPES = {
    ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
}  # fmt: skip
LARGEST_REQUEST = 4096  # bytes, of a viewer's message and of a body
HEARTBEAT_S = 20.0  # a viewer that does not answer a ping for half of this is dropped
FURTHER_CONNECTIONS = 64  # beside one for each viewer
START_S, STOP_S = 10.0, 5.0
CLOSE_S = 1.0  # time for a viewer to answer that the server closes
CHECK_S = 1.0  # time between two looks for connections that ask for nothing
FULL = "too many viewers"


class WebOptions(NamedTuple):
    """Hold the settings of the server.

    Attributes:
        host: name or address to listen on.
        port: TCP port; 0: any that is free.
        max_viewers: largest number of viewers at once.
        host_names: further names by which browsers reach this machine.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    max_viewers: int = 20
    host_names: Sequence[str] = ()


class WebServer:
    """Serve a hub's state to viewers.

    ``url`` is the address of the page.
    """

    def __init__(self, hub: Hub, options: WebOptions, report: Callable[[BaseException], None]) -> None:
        """Listen; viewers are served after start().

        Args:
            hub: state to serve.
            options: settings.
            report: is called with each unexpected exception, in the thread of the server.

        Raises:
            ConfigError: it is not possible to listen there.
        """
        self._hub, self._options, self._report = hub, options, report
        self._names = own_names(options.host, options.host_names)
        self._files = page_files()
        self._socket = listen(options.host, options.port)
        self.url = "http://%s:%d/" % (_shown_host(options.host), self._socket.getsockname()[1])
        self._viewers: Set[Viewer] = set()
        self._connections: Optional[Connections] = None
        self._loop = asyncio.new_event_loop()
        self._ended: "asyncio.Future[None]" = self._loop.create_future()
        self._started = threading.Event()
        self._is_news_coming = False
        self._thread = threading.Thread(target=self._run, name="web_view", daemon=True)

    def start(self) -> None:
        """Begin to serve in a thread."""
        self._thread.start()
        self._started.wait(START_S)
        self._hub.on_news = self._announce

    def stop(self) -> None:
        """Close all connections and end the thread; a second call does nothing."""
        self._hub.on_news = lambda: None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end)
            self._thread.join(STOP_S)
        self._socket.close()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _announce(self) -> None:
        """Wake the viewers up, from any thread; calls that come before they woke up count as one."""
        if not self._is_news_coming:
            self._is_news_coming = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop has ended
                pass

    def _wake(self) -> None:
        self._is_news_coming = False  # first: what changes from here on is announced again
        for viewer in self._viewers:
            viewer.news.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            self._report(error)
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        runner = web.AppRunner(
            self._application(), access_log=None, logger=_silent_logger(), handle_signals=False, keepalive_timeout=10.0
        )
        await runner.setup()
        assert runner.server is not None
        self._connections = Connections(runner.server, self._options.max_viewers + FURTHER_CONNECTIONS)
        listener = await self._loop.create_server(self._connections, sock=self._socket)
        self._started.set()
        try:
            while not self._ended.done():
                await asyncio.wait([self._ended], timeout=CHECK_S)
                self._connections.drop_idle()
        finally:
            listener.close()
            await self._say_goodbye()
            await runner.server.shutdown(CLOSE_S)
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=LARGEST_REQUEST)
        application.on_response_prepare.append(_add_headers)
        for path in self._files:
            application.router.add_get(path, self._file)
        application.router.add_get("/live", self._live, allow_head=False)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Check who asks, keep account of the connection, and report unexpected exceptions."""
        assert self._connections is not None
        protocol = request.protocol
        self._connections.begin(protocol)
        try:
            if not is_allowed(request.headers.get("Host", ""), self._names, is_loopback(self._options.host)):
                return web.Response(status=403, text=_refusal(request.headers.get("Host", "")))
            response: web.StreamResponse = await handler(request)
            return response
        except (web.HTTPException, asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:
            self._report(error)
            raise web.HTTPInternalServerError()
        finally:
            self._connections.end(protocol)

    async def _file(self, request: web.Request) -> web.Response:
        name, data = self._files[request.path]
        kind = TYPES[os.path.splitext(name)[1]]
        return web.Response(body=data, content_type=kind, charset="utf-8")

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if not is_same_origin(request.headers):
            return web.Response(status=403, text="expected a page of this server as Origin\n")
        answer = web.WebSocketResponse(
            timeout=CLOSE_S, max_msg_size=LARGEST_REQUEST, heartbeat=HEARTBEAT_S, compress=False
        )
        await answer.prepare(request)
        if len(self._viewers) >= self._options.max_viewers:
            await answer.close(code=WSCloseCode.TRY_AGAIN_LATER, message=FULL.encode())
            return answer
        viewer = Viewer(self._hub, answer, request.transport)
        self._viewers.add(viewer)
        try:
            await viewer.serve()
        finally:
            self._viewers.discard(viewer)
        return answer

    async def _say_goodbye(self) -> None:
        goodbyes = [self._loop.create_task(viewer.say_goodbye()) for viewer in self._viewers]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=2 * CLOSE_S)


def page_files() -> Dict[str, Any]:
    """Read the files of the page; return (name, content) by the path of their address."""
    files = {}
    for name in sorted(os.listdir(PAGE)):
        if os.path.splitext(name)[1] in TYPES:
            with open(os.path.join(PAGE, name), "rb") as file:
                files["/" if name == "index.html" else "/" + name] = (name, file.read())
    return files


def listen(host: str, port: int) -> socket.socket:
    """Open a TCP socket that listens.

    Args:
        host: name or address to listen on.
        port: TCP port; 0: any that is free.

    Returns:
        The socket.

    Raises:
        ConfigError: the port is in use, or the host is not one of this machine's.
    """
    if not host:
        raise ConfigError("expected host to be a name or address, got nothing: 127.0.0.1 is this machine alone")
    try:
        family, kind, protocol, _, address = _addresses(host, port)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError("expected host to be a name or address of this machine, got %.100r: %s" % (host, error))
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigError(_why_not(host, port, error))
    listener.setblocking(False)
    return listener


def _addresses(host: str, port: int) -> Sequence[Any]:
    """Return the addresses of a host, IPv4 first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return sorted(found, key=lambda entry: entry[0] != socket.AF_INET)


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        text = (
            "expected a free port, got %d, on which another program listens: set port to another one, or to 0 for any"
        )
        return text % port
    if error.errno in (errno.EACCES, errno.EPERM):
        return "expected a port that this user may open, got %d: set port to one from 1024 on" % port
    return "expected host to be an address of this machine, got %.100r: %s" % (host, reason_of(error))


def _shown_host(host: str) -> str:
    """Return a host as addresses of pages have it; a browser on this machine reaches all interfaces by loopback."""
    if host in ("0.0.0.0", ""):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return "[%s]" % host if ":" in host else host


def _refusal(host: str) -> str:
    text = "expected the Host header to name this machine, got %.100r: add that name to the parameter host_names\n"
    return text % host


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _silent_logger() -> logging.Logger:
    """Return a logger that drops all: a client that sends rubbish must not fill the log."""
    logger = logging.getLogger("pose_estimation_ros.web_view")
    logger.propagate, logger.disabled = False, True
    return logger
