"""Decide who may read the page, and what browsers may do with it.

A page of any web site can make its visitor's browser send requests to this machine. Two checks keep it from seeing the
camera. The Host header must be a name of this machine, because a site can let its own name resolve to this machine's
address (DNS rebinding). The Origin header of a WebSocket must be the page itself, because browsers open WebSockets
across sites.
"""

import ipaddress
import re
import socket
from typing import FrozenSet, Mapping, Sequence

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Server": "pose_estimation_ros",
}
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names(host: str, further: Sequence[str]) -> FrozenSet[str]:
    """Return the names by which browsers may address the server; addresses are allowed besides, see is_allowed.

    Args:
        host: host on which the server listens.
        further: names that the user allows.
    """
    names = {host, "localhost"} | set(further)
    if not is_loopback(host):
        machine = socket.gethostname()
        names |= {machine, machine.split(".")[0], machine.split(".")[0] + ".local"}
    return frozenset(name.lower().rstrip(".") for name in names if name)


def is_allowed(header: str, names: FrozenSet[str], loopback: bool) -> bool:
    """Return whether a Host header is one of this server's.

    An address is allowed, too, because no site can have it as its name; on loopback only a loopback address.

    Args:
        header: text of the header.
        names: names of own_names().
        loopback: whether the server listens on loopback.
    """
    match = HOST.fullmatch(header)
    if not match:
        return False
    name = match.group("name").strip("[]").lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in names
    return address.is_loopback or not loopback


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from a page of this server, or from a program that is no browser.

    Args:
        headers: headers of the request.
    """
    origin = headers.get("Origin")
    if origin is None:
        return True  # browsers always send it with a WebSocket
    return origin.split("://", 1)[-1].lower() == headers.get("Host", "").lower()
