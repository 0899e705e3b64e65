"""Test who may read the page."""

import socket

import pytest

from pose_estimation_ros.nodes.web.access import HEADERS, is_allowed, is_loopback, is_same_origin, own_names

LOCAL, EVERYWHERE = own_names("127.0.0.1", ["robot.example"]), own_names("0.0.0.0", [])


@pytest.mark.parametrize(
    "header, here, everywhere",
    [
        ("", False, False),
        ("127.0.0.1", True, True),
        ("127.0.0.1:8080", True, True),
        ("127.0.0.2:1", True, True),
        ("localhost:9000", True, True),
        ("LOCALHOST", True, True),
        ("localhost.", True, True),
        ("[::1]:8080", True, True),
        ("robot.example:80", True, False),
        ("192.168.1.7:8080", False, True),
        ("[fd00::7]:8080", False, True),
        (socket.gethostname() + ":8080", False, True),
        ("evil.example", False, False),
        ("evil.example:8080", False, False),
        ("localhost.evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("127.0.0.1:8080@evil.example", False, False),
        ("127.0.0.1:port", False, False),
        ("[::1", False, False),
        ("[zz]", False, False),
        ("localhost\n", False, False),
        ("x" * 5000, False, False),
    ],
)
def test_host_header(header, here, everywhere):
    assert is_allowed(header, LOCAL, loopback=True) == here
    assert is_allowed(header, EVERYWHERE, loopback=False) == everywhere


@pytest.mark.parametrize(
    "host, expected",
    [
        ("", False),
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("robot", False),
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) == expected


@pytest.mark.parametrize(
    "origin, expected",
    [
        (None, True),
        ("http://127.0.0.1:8080", True),
        ("https://127.0.0.1:8080", True),
        ("http://127.0.0.1:8081", False),
        ("http://127.0.0.1", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_origin(origin, expected):
    headers = {"Host": "127.0.0.1:8080"}
    if origin is not None:
        headers["Origin"] = origin
    assert is_same_origin(headers) == expected


def test_the_page_may_run_its_own_scripts_only():
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'" and policy["script-src"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"] and HEADERS["X-Content-Type-Options"] == "nosniff"
