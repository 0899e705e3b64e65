"""Serve one viewer over its WebSocket: the newest state and pictures, as fast as the viewer takes them.

The viewer asks for each update and gets at most one at a time: {"watch": [cameras]} is answered by a text
{"state": ..., "pictures": [cameras]}, which binary messages follow, one for each of these pictures. So a slow viewer
skips pictures, waits for nobody and lets nobody wait. A stream of JPEG parts (multipart/x-mixed-replace) was the
alternative; there the buffers of the network fill with old pictures, and each camera takes one of the six connections
that a browser opens to a server.
"""

import asyncio
import json
from typing import Any, Dict, List, Optional, Tuple

from aiohttp import WSCloseCode, WSMsgType, web

from pose_estimation_ros import __version__
from pose_estimation_ros.nodes.web.hub import MOST_CAMERAS, REFRESH_S, Hub, Picture

STATE_S = 0.1  # shortest time between two states for one viewer
SEND_S = 10.0  # a viewer that takes so long for one message is dropped
MOST_REQUESTS = 200  # of one viewer in REQUESTS_S
REQUESTS_S = 1.0
LONGEST_NAME = 300


class BadRequest(Exception):
    """Report that a viewer sent something that the page never sends."""


class Viewer:
    """Hold what one viewer looks at and what it has got.

    ``news`` is set when something may be new.
    """

    def __init__(self, hub: Hub, socket: web.WebSocketResponse, transport: Optional[asyncio.Transport]) -> None:
        """Start for a WebSocket that is open.

        Args:
            hub: state to serve.
            socket: WebSocket of the viewer.
            transport: connection below it, None where it is closed already.
        """
        self.news = asyncio.Event()
        self._hub, self._socket, self._transport = hub, socket, transport
        self._loop = asyncio.get_event_loop()
        self._asked = asyncio.Event()
        self._cameras: List[str] = []
        self._pictures: Dict[str, int] = {}  # number of the picture that was sent last, by camera
        self._version, self._state_s = -1, float("-inf")
        self._requests_s: List[float] = []

    async def serve(self) -> None:
        """Answer the viewer until it leaves; close the socket where it misbehaves."""
        self._hub.watch(self, [])
        sender = self._loop.create_task(self._send_updates())
        try:
            async for message in self._socket:
                if message.type == WSMsgType.TEXT:
                    self._note_request(message.data)
                elif message.type == WSMsgType.BINARY:
                    raise BadRequest("expected a text")
                if sender.done():
                    break
        except BadRequest as error:
            await self._close(str(error))
        finally:
            self._hub.leave(self)
            sender.cancel()
            try:
                await sender
            except (asyncio.CancelledError, asyncio.TimeoutError, ConnectionError):
                pass

    async def _close(self, reason: str) -> None:
        try:
            closing = self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=reason.encode())
            await asyncio.wait_for(closing, 1.0)
        except (asyncio.TimeoutError, ConnectionError):
            pass

    async def say_goodbye(self) -> None:
        """Tell the viewer that the server ends."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"web_view ends")

    def _note_request(self, text: str) -> None:
        now_s = self._loop.time()
        self._requests_s = [time_s for time_s in self._requests_s if time_s > now_s - REQUESTS_S] + [now_s]
        if len(self._requests_s) > MOST_REQUESTS:
            raise BadRequest("expected fewer requests")
        cameras = watch_list(text)
        if cameras != self._cameras:
            self._cameras = cameras
            self._hub.watch(self, cameras)
        self._asked.set()

    async def _send_updates(self) -> None:
        """Send one update for each request. End by closing the connection if the viewer does not take it."""
        try:
            await self._send_text(json.dumps({"hello": {"version": __version__, "history": self._hub.history()}}))
            while True:
                await self._asked.wait()
                state, pictures = await self._next_update()
                self._asked.clear()
                names = json.dumps([name for name, _ in pictures])
                await self._send_text('{"state":%s,"pictures":%s}' % (state or "null", names))
                for _, picture in pictures:
                    await asyncio.wait_for(self._socket.send_bytes(picture.data), SEND_S)
        except (asyncio.TimeoutError, ConnectionError, RuntimeError):  # RuntimeError: the socket is closing
            pass
        if self._transport:
            self._transport.abort()

    async def _send_text(self, text: str) -> None:
        await asyncio.wait_for(self._socket.send_str(text), SEND_S)

    async def _next_update(self) -> Tuple[Optional[str], List[Tuple[str, Picture]]]:
        """Wait until there is something new, and return the state, None where it is not, and new pictures."""
        while True:
            self.news.clear()
            now_s = self._loop.time()
            pictures = self._new_pictures()
            state = self._new_state(now_s)
            if state or pictures:
                return state, pictures
            pause_s = REFRESH_S if now_s >= self._state_s + STATE_S else self._state_s + STATE_S - now_s
            try:
                await asyncio.wait_for(self.news.wait(), max(pause_s, 0.005))
            except asyncio.TimeoutError:
                pass

    def _new_state(self, now_s: float) -> Optional[str]:
        if now_s < self._state_s + STATE_S:
            return None
        version, text = self._hub.state()
        if version == self._version:
            return None
        self._version, self._state_s = version, now_s
        return text

    def _new_pictures(self) -> List[Tuple[str, Picture]]:
        pictures = []
        for camera in self._cameras:
            picture = self._hub.picture(camera)
            if picture and picture.number != self._pictures.get(camera):
                self._pictures[camera] = picture.number
                pictures.append((camera, picture))
        return pictures


def watch_list(text: str) -> List[str]:
    """Read a request of the page.

    Args:
        text: JSON, {"watch": [names of cameras]}.

    Returns:
        The names, each once.

    Raises:
        BadRequest: it is something else.
    """
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("expected JSON")
    names = value.get("watch") if isinstance(value, dict) else None
    if not isinstance(names, list) or len(names) > MOST_CAMERAS:
        raise BadRequest('expected {"watch": [at most %d names]}' % MOST_CAMERAS)
    if not all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in names):
        raise BadRequest("expected names of cameras")
    return list(dict.fromkeys(names))
