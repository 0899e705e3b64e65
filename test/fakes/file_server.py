"""Serve files over HTTP on 127.0.0.1 from a thread, with the faults that servers and connections have."""

import contextlib
import http.server
import re
import socketserver
import threading
from typing import Dict, NamedTuple, Optional


class Answer(NamedTuple):
    """Describe how the server answers for a path.

    Attributes:
        body: the file.
        status: of the answer.
        headers: further headers, such as ETag and Location.
        cut: number of bytes after which the connection ends, although more are announced; None sends all.
        cuts: number of answers that are cut, the later ones are whole.
        stalls: whether no more bytes come after the cut, while the connection stays.
        ranges: whether parts can be asked for.
    """

    body: bytes = b""
    status: int = 200
    headers: Dict[str, str] = {}
    cut: Optional[int] = None
    cuts: int = 1000
    stalls: bool = False
    ranges: bool = True


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class FileServer:
    """Answer requests from a table, and remember them.

    Attributes:
        answers: path -> Answer.
        requests: (path, headers) of each request, in their order.
    """

    def __init__(self):
        self.answers, self.requests, self.over = {}, [], threading.Event()
        self.server = _Server(("127.0.0.1", 0), self._handler())
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def _handler(server):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append((self.path, dict(self.headers)))
                send(self, server, server.answers.get(self.path, Answer(b"nothing here", 404)))

            def log_message(self, *_arguments):
                pass

        return Handler


def send(handler, server, answer):
    """Send an answer, or a part of it where the request has a Range whose If-Range fits."""
    begin = 0
    asked = re.match(r"bytes=(\d+)-$", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    fits = condition in (None, answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
    if asked and answer.ranges and answer.status == 200 and fits:
        begin = int(asked.group(1))
    if begin > 0 and begin >= len(answer.body):
        handler.send_response(416)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.send_response(206 if begin else answer.status)
    if begin:
        handler.send_header("Content-Range", "bytes %d-%d/%d" % (begin, len(answer.body) - 1, len(answer.body)))
    for name, value in dict({"Content-Length": str(len(answer.body) - begin)}, **answer.headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    count = sum(path == handler.path for path, _headers in server.requests)
    cut = answer.cut if count <= answer.cuts else None
    with contextlib.suppress(ConnectionError):
        handler.wfile.write(answer.body[begin:cut])
        if cut is not None and answer.stalls:
            server.over.wait(10)


@contextlib.contextmanager
def file_server():
    """Run a FileServer while the body of the with statement runs."""
    server = FileServer()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.server.shutdown()
        server.server.server_close()
        thread.join()
