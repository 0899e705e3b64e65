"""Test the server with aiohttp's client and with raw sockets; a hub stands in for ROS."""

import asyncio
import json
import os
import select
import socket
import time

import pytest

aiohttp = pytest.importorskip("aiohttp", reason="needs aiohttp")

from web_readings import JPEG, person, person_array

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.web import connections, viewer
from pose_estimation_ros.nodes.web import server as module
from pose_estimation_ros.nodes.web.readings import result_reading
from pose_estimation_ros.nodes.web.server import WebOptions, WebServer

TIMEOUT_S = 30.0
CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, TIMEOUT_S))


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


class Client:
    """A viewer as the page is one."""

    def __init__(self, socket):
        self.socket = socket

    async def ask(self, *cameras):
        await self.socket.send_json({"watch": list(cameras)})

    async def update(self):
        """Return the next state, None where it is not new, and the pictures by camera."""
        message = json.loads((await self.socket.receive()).data)
        return message["state"], {name: (await self.socket.receive()).data for name in message["pictures"]}

    async def closing(self):
        """Return the code with which the server closes."""
        while True:
            message = await self.socket.receive()
            if message.type in CLOSED:
                return message.data if message.type == aiohttp.WSMsgType.CLOSE else self.socket.close_code


class viewing:
    """Connect a viewer and read its greeting."""

    def __init__(self, server, **headers):
        self._url, self._headers = server.url + "live", headers

    async def __aenter__(self):
        self._session = aiohttp.ClientSession()
        client = Client(await self._session.ws_connect(self._url, headers=self._headers, autoclose=False))
        self._client = client  # one that is garbage closes its connection
        greeting = await client.socket.receive()
        client.hello = json.loads(greeting.data)["hello"] if greeting.type == aiohttp.WSMsgType.TEXT else greeting
        return client

    async def __aexit__(self, *_error):
        await self._session.close()


async def get(url, method="GET", **options):
    async with aiohttp.ClientSession() as session:
        async with session.request(method, url, **options) as answer:
            return answer.status, dict(answer.headers), await answer.read()


def test_the_page_and_its_files(serve):
    server = serve()
    status, headers, body = run(get(server.url))
    assert status == 200 and b"<!DOCTYPE html>" in body and headers["Content-Type"] == "text/html; charset=utf-8"
    for name in sorted(os.listdir(module.PAGE)):
        if name == "index.html":
            continue
        status, headers, body = run(get(server.url + name))
        with open(os.path.join(module.PAGE, name), "rb") as file:
            assert (status, body) == (200, file.read()), name
        assert headers["X-Content-Type-Options"] == "nosniff" and "unsafe" not in headers["Content-Security-Policy"]


def test_the_page_loads_nothing_from_elsewhere():
    for name in os.listdir(module.PAGE):
        with open(os.path.join(module.PAGE, name)) as file:
            text = file.read().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text.replace('"https:" ? "wss:"', "") and "//cdn" not in text, name
        assert " style=" not in text and " onclick" not in text and "<script>" not in text, name
    assert sum(os.path.getsize(os.path.join(module.PAGE, name)) for name in os.listdir(module.PAGE)) < 64 * 1024


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nothing", 404),
        ("GET", "/page", 404),
        ("GET", "/server.py", 404),
        ("GET", "/../server.py", 404),
        ("GET", "/..%2fserver.py", 404),
        ("GET", "/%2e%2e/%2e%2e/setup.py", 404),
        ("GET", "//etc/passwd", 404),
        ("GET", "/page.css/../../server.py", 404),
        ("GET", "/index.html", 404),
        ("GET", "/live", 400),
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("PUT", "/page.css", 405),
        ("DELETE", "/live", 405),
        ("OPTIONS", "/", 405),
    ],
)
def test_paths_and_methods(serve, method, path, status):
    """The path is sent as it stands here."""
    server = serve()
    answer = raw(server, ("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % (method, path)).encode())
    assert int(answer.split()[1]) == status and b"Content-Security-Policy" in answer
    assert b"import asyncio" not in answer and b"root:" not in answer


def port_of(server):
    return int(server.url.rsplit(":", 1)[1].strip("/"))


def raw(server, data):
    """Send bytes and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=TIMEOUT_S) as client:
        client.sendall(data)
        answer = b""
        while True:
            try:
                part = client.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return answer
            answer += part


@pytest.mark.parametrize(
    "data, statuses",
    [
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", (403,)),
        (b"GET / HTTP/1.0\r\n\r\n", (403,)),
        (b"GET /live HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", (403,)),
        (b"GET /live HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: close\r\n\r\n", (403,)),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10**5 + b"\r\n\r\n", (400,)),
        (b"GET /" + b"x" * 10**5 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 414)),
        (b"rubbish\r\n\r\n", (400,)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,)),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", (400,)),
    ],
)  # fmt: skip
def test_requests_that_are_refused(serve, data, statuses):
    server = serve()
    assert int(raw(server, data).split()[1]) in statuses
    assert run(get(server.url))[0] == 200


def test_names_that_the_user_allows(serve):
    server = serve(host_names=("robot.example",))
    assert run(get(server.url, headers={"Host": "robot.example"}))[0] == 200
    status, _, body = run(get(server.url, headers={"Host": "other.example"}))
    assert status == 403 and b"host_names" in body


def test_a_viewer_gets_state_and_pictures(serve, hub):
    async def check():
        async with viewing(server) as client:
            assert client.hello["history"] == {"/": []}
            await client.ask()
            state, pictures = await client.update()
            assert state["cameras"][0]["count"] == 0 and pictures == {}
            assert hub.viewers() == 1 and hub.watched() == set()
            hub.put_result("/", result_reading(person_array(person(), person(2))))
            hub.put_picture("/", JPEG % 1)
            await client.ask("/", "/nowhere/")
            seen, counts = {}, [0]
            while not seen or counts[-1] != 2:
                state, pictures = await client.update()
                seen.update(pictures)
                counts += [state["cameras"][0]["count"]] if state else []
                await client.ask("/")
            assert seen == {"/": JPEG % 1} and hub.watched() == {"/"}

    server = serve()
    run(check())
    run(until(lambda: hub.viewers() == 0))


def test_news_wakes_viewers_every_time(serve, hub, monkeypatch):
    for name in ("REFRESH_S", "STATE_S"):  # one state, and no look without news
        monkeypatch.setattr(viewer, name, 10 * TIMEOUT_S)

    async def check():
        async with viewing(server) as client:
            await client.ask("/")
            await client.update()
            for index in range(5):
                await client.ask("/")
                await asyncio.sleep(0.05)  # until it waits
                hub.put_picture("/", JPEG % index)
                assert (await client.update())[1] == {"/": JPEG % index}

    server = serve()
    run(check())


def test_nothing_is_sent_unasked_and_only_the_newest_is(serve, hub):
    async def check():
        async with viewing(server) as client:
            await client.ask("/")
            await client.update()
            for index in range(200):
                hub.put_picture("/", JPEG % index)
                await asyncio.sleep(0)
            with pytest.raises(asyncio.TimeoutError):
                await client.socket.receive(timeout=0.3)
        async with viewing(server) as client:
            await client.ask("/")
            _, pictures = await client.update()
            assert pictures == {"/": JPEG % 199}

    server = serve()
    run(check())


def test_one_slow_viewer_lets_nobody_wait(serve, hub):
    """The slow one never reads, so its buffers fill; the others get every second picture at least."""

    async def check():
        big = JPEG % 7 + b"x" * 2**20
        async with viewing(server), viewing(server) as slow, viewing(server) as fast:
            slow.socket._response.connection.transport.pause_reading()
            await slow.ask("/")
            await fast.ask("/")
            got = 0
            for index in range(40):
                hub.put_picture("/", big + b"%d" % index)
                while True:
                    _, pictures = await fast.update()
                    await fast.ask("/")
                    if pictures:
                        break
                got += pictures["/"].endswith(b"x%d" % index)
            assert got >= 20 and hub.viewers() == 3

    server = serve()
    run(check())


def test_viewers_that_take_nothing_are_dropped(serve, hub, monkeypatch):
    monkeypatch.setattr(viewer, "SEND_S", 0.3)
    hub.put_picture("/", JPEG % 1 + b"x" * module_limit())

    async def check():
        async with viewing(server) as client:
            client.socket._response.connection.transport.pause_reading()
            await client.ask("/")
            await until(lambda: hub.viewers() == 1)
            await until(lambda: hub.viewers() == 0)

    server = serve()
    run(check())


def module_limit():
    from pose_estimation_ros.nodes.web.hub import LARGEST_PICTURE

    return LARGEST_PICTURE - 100


def test_too_many_viewers_are_told_to_wait(serve, hub):
    async def check():
        async with viewing(server), viewing(server):
            async with viewing(server) as third:
                assert third.hello.type == aiohttp.WSMsgType.CLOSE and third.hello.data == 1013
        await until(lambda: hub.viewers() == 0)
        async with viewing(server) as again:
            assert "version" in again.hello

    server = serve(max_viewers=2)
    run(check())


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{}", "null", '{"watch": 1}', '{"watch": [1]}', '{"watch": ["%s"]}' % ("x" * 400), "[" * 3000,
     '{"watch": %s}' % json.dumps(["x"] * 17)],
)  # fmt: skip
def test_a_viewer_that_sends_rubbish_is_dropped(serve, text):
    async def check():
        async with viewing(server) as client:
            await client.socket.send_str(text)
            assert await client.closing() == 1008
        async with viewing(server) as client:
            await client.ask("/")
            assert (await client.update())[0]

    server = serve()
    run(check())


def test_a_flood_is_cut_off(serve, hub):
    async def check(send):
        async with viewing(server) as client:
            try:
                for _ in range(5000):
                    await send(client.socket)
                await client.closing()
            except (OSError, aiohttp.ClientError):  # the connection is closed while the client still sends
                pass
        await until(lambda: hub.viewers() == 0)

    server = serve()
    run(check(lambda socket: socket.send_str('{"watch": []}')))
    run(check(lambda socket: socket.send_str("x" * 10**5)))
    run(check(lambda socket: socket.send_bytes(b"x")))
    assert run(get(server.url))[0] == 200


def test_connections_that_ask_for_nothing_are_closed(serve, monkeypatch):
    monkeypatch.setattr(connections, "IDLE_S", 0.3)
    monkeypatch.setattr(module, "CHECK_S", 0.1)
    server = serve()
    started_s = time.monotonic()
    assert raw(server, b"") == b"" == raw(server, b"GET / HT")
    answer = raw(server, b"GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTT")  # one request, then half of one
    assert answer.count(b"HTTP/1.1 200") == 1
    assert time.monotonic() - started_s < TIMEOUT_S


def test_a_viewer_is_not_idle(serve, hub, monkeypatch):
    monkeypatch.setattr(connections, "IDLE_S", 0.1)
    monkeypatch.setattr(module, "CHECK_S", 0.05)

    async def check():
        async with viewing(server) as client:
            await asyncio.sleep(0.5)
            await client.ask("/")
            assert (await client.update())[0]

    server = serve()
    run(check())


def test_connections_are_limited(serve, monkeypatch):
    monkeypatch.setattr(module, "FURTHER_CONNECTIONS", 3)
    server = serve(max_viewers=1)
    idle = [socket.create_connection(("127.0.0.1", port_of(server))) for _ in range(8)]
    try:
        readable, _, _ = select.select(idle, [], [], TIMEOUT_S)
        while len(readable) < 4:
            readable, _, _ = select.select(idle, [], [], TIMEOUT_S)
        assert [client.recv(100).split()[1] for client in readable] == [b"503"] * 4
    finally:
        for client in idle:
            client.close()
    run(eventually_answers(server))


async def eventually_answers(server):
    while True:
        try:
            if (await get(server.url))[0] == 200:
                return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.05)


def test_stopping_says_goodbye_and_frees_the_port(serve, hub):
    async def check():
        async with viewing(server) as client:
            await asyncio.get_running_loop().run_in_executor(None, server.stop)
            assert await client.closing() == 1001

    server = serve()
    run(check())
    server.stop()
    assert hub.viewers() == 0
    serve(port=port_of(server))


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"host": "no-such-host.invalid"}, "host"),
        ({"host": ""}, "host"),
        ({"host": "x" * 300}, "host"),
        ({"host": "192.0.2.1"}, "address of this machine"),
    ],
)
def test_hosts_that_cannot_be(hub, options, expected):
    with pytest.raises(ConfigError, match=expected):
        WebServer(hub, WebOptions(port=0, **options), print)


def test_a_port_in_use_is_told_with_the_remedy(serve, hub):
    port = port_of(serve())
    with pytest.raises(ConfigError, match="%d.*set port to another one, or to 0" % port):
        WebServer(hub, WebOptions(port=port), print)


@pytest.mark.parametrize("host, shown", [("localhost", "localhost"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_the_address(serve, host, shown):
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6")
    server = serve(host=host)
    assert server.url == "http://%s:%d/" % (shown, port_of(server))
    assert run(get(server.url))[0] == 200
