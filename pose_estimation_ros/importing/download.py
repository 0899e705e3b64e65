"""Download one file over HTTP: continued after a break, checked by its sha256, and put in place as a whole.

A download is written to PATH.part, which stays after Ctrl-C or a lost connection. The next download of the same URL
continues it where the server supports that (RFC 9110: Range, with If-Range so that a changed file begins anew).
Proxies are those of the environment (http_proxy, https_proxy, no_proxy).
"""

import contextlib
import fcntl
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Callable, Dict, Iterator, NamedTuple, Optional, Tuple

from pose_estimation_ros import __version__
from pose_estimation_ros.core.atomic_files import CHUNK, check_writable, file_sha256, read_json, write_json
from pose_estimation_ros.core.errors import ConfigError, DataError, DownloadError, reason_of
from pose_estimation_ros.inference.progress import progress

HEADERS = {"User-Agent": "pose_estimation_ros/%s" % __version__, "Accept-Encoding": "identity"}
WEB_PAGE = (b"<!doctype html", b"<html")  # how web pages begin, in lower case
NETWORK_ERRORS = (OSError, HTTPException)  # URLError and timeouts are OSErrors


class Limits(NamedTuple):
    """Bound a download.

    Attributes:
        timeout_s: longest time without a byte from the server, seconds.
        max_bytes: largest size of the file, bytes.
        tries: number of connections before the download gives up.
        wait_s: time between two connections, seconds.
    """

    timeout_s: float = 30.0
    max_bytes: int = 4 << 30
    tries: int = 3
    wait_s: float = 2.0


def download(
    url: str,
    path: str,
    sha256: Optional[str] = None,
    report: Callable[[str], None] = print,
    limits: Optional[Limits] = None,
) -> str:
    """Download a file; its progress is shown on stderr.

    Args:
        url: an http or https address.
        path: the file to write, which is replaced as a whole; a missing folder is made.
        sha256: the sha256 that the file must have, 64 hexadecimal digits; None takes any.
        report: receives a line of text when the download goes on after a break.
        limits: bounds of time and size, None for the usual ones.

    Returns:
        The sha256 of the file.

    Raises:
        ConfigError: the address is none of http or https.
        DownloadError: the connection failed or ended early; the part that arrived is kept.
        DataError: the server has no such file, or the file is too large, is a web page, has another sha256, or
            cannot be written.
    """
    check_address(url)
    check_writable(path)
    with _locked(path + ".part") as part:
        _fetch_in_turns(url, part, report, limits or Limits())
        actual = file_sha256(part.name)
        try:
            _check_content(url, part.name, sha256, actual)
        except DataError:
            _forget(part.name)  # else the next download would continue it
            raise
        os.replace(part.name, path)
        _forget(part.name)
    return actual


def check_address(url: str) -> None:
    """Check that an address is one of http or https. Raises ConfigError."""
    try:
        parts = urllib.parse.urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits:
        raise ConfigError("expected an address that begins with https://, got %r" % url)


@contextlib.contextmanager
def _locked(part: str) -> Iterator[IO[bytes]]:
    """Open a file to append to, which no other process may download to meanwhile."""
    try:
        with open(part, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError:
        raise DataError("expected to download alone, but another process is writing %s" % part)
    except OSError as error:
        raise DataError("cannot write %s: %s" % (part, error.strerror or error))


def _fetch_in_turns(url: str, part: IO[bytes], report: Callable[[str], None], limits: Limits) -> None:
    for turns_left in reversed(range(limits.tries)):
        try:
            _fetch(url, part, limits)
            return
        except DownloadError as error:
            if not turns_left:
                raise
            report("%s; trying again" % error)
            time.sleep(limits.wait_s)


def _fetch(url: str, part: IO[bytes], limits: Limits) -> None:
    """Download the rest of a file, or all of it where the part is not of the same file or the server cannot go on."""
    begin, validator = _kept(url, part)
    response, begin = _answer(url, begin, validator, limits)
    with contextlib.closing(response):
        total = _total(response, begin)
        _check_size(url, total or 0, limits)
        _check_room(part.name, (total or 0) - begin)
        part.truncate(begin)
        write_json(part.name + ".json", {"url": url, "validator": _validator(response)})
        count = None if total is None else -(-(total - begin) // CHUNK)
        received = begin
        for chunk in progress(_chunks(url, response), count, "MB"):
            received += len(chunk)
            _check_size(url, received, limits)
            part.write(chunk)
        part.flush()
        if total is not None and received != total:
            raise DownloadError("%s: expected %d bytes, the connection ended after %d" % (url, total, received))


def _kept(url: str, part: IO[bytes]) -> Tuple[int, str]:
    """Return how many bytes of a file are there, and the ETag or the date of that file; (0, "") begins anew."""
    try:
        notes = read_json(part.name + ".json")
    except DataError:
        return 0, ""
    known = isinstance(notes, dict) and notes.get("url") == url and isinstance(notes.get("validator"), str)
    size = os.fstat(part.fileno()).st_size
    return (size, notes["validator"]) if known and size and notes["validator"] else (0, "")


def _answer(url: str, begin: int, validator: str, limits: Limits) -> Tuple[HTTPResponse, int]:
    """Ask for the bytes from `begin` on, or for all of them where the server does not continue the same file.

    Args:
        url: the file's address.
        begin: number of bytes that are there.
        validator: ETag or date of the file that they are of.
        limits: bounds of the download.

    Returns:
        The response, and the position of its first byte in the file.
    """
    if begin:
        response = _open(url, {"Range": "bytes=%d-" % begin, "If-Range": validator}, limits)
        if response is not None and response.status != 206:
            return response, 0
        if response is not None:
            continues = response.headers.get("Content-Range", "").startswith("bytes %d-" % begin)
            if continues and _validator(response) in ("", validator):
                return response, begin
            response.close()
    response = _open(url, {}, limits)
    if response is None or response.status != 200:
        raise DataError("%s: expected the whole file, got a part of it" % url)
    return response, 0


def _open(url: str, headers: Dict[str, str], limits: Limits) -> Optional[HTTPResponse]:
    """Ask for a file; None is the answer that the range does not exist."""
    opener = urllib.request.build_opener(_Redirects)
    try:
        request = urllib.request.Request(url, headers=dict(HEADERS, **headers))
        response: HTTPResponse = opener.open(request, timeout=limits.timeout_s)
        return response
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return None
        if error.code // 100 == 3:
            raise DataError("%s: expected at most %d redirects, all to http or https" % (url, _Redirects.max_repeats))
        failure = DownloadError if error.code // 100 == 5 or error.code == 429 else DataError
        raise failure("%s: expected the file, got HTTP %d %s" % (url, error.code, error.reason))
    except NETWORK_ERRORS as error:
        raise DownloadError("%s: cannot connect: %s" % (url, reason_of(getattr(error, "reason", None) or error)))
    except ValueError as error:  # a host or path that cannot be encoded
        raise ConfigError("expected the address of a file, got %r: %s" % (url, reason_of(error)))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow at most ten redirects, none of which leaves http and https or goes from https back to http."""

    max_repeats = max_redirections = 10

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Optional[urllib.request.Request]:
        """Return the request for the new address. Raises DataError for an address that is not followed."""
        old, new = urllib.parse.urlsplit(req.full_url).scheme, urllib.parse.urlsplit(newurl).scheme
        if new not in ("http", "https") or (old, new) == ("https", "http"):
            raise DataError("%s: expected a redirect to https, got one to %s" % (req.full_url, newurl))
        return super().redirect_request(req, fp, 301 if code == 308 else code, msg, headers, newurl)

    def http_error_308(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Optional[HTTPResponse]:
        """Follow "Permanent Redirect", which Python knows from 3.11 on."""
        return self.http_error_302(req, fp, code, msg, headers)


def _validator(response: HTTPResponse) -> str:
    """Return what identifies the version of a file for If-Range: a strong ETag or the date, "" where there is none."""
    tag = response.headers.get("ETag", "")
    return str(tag if tag.startswith('"') else response.headers.get("Last-Modified", ""))


def _total(response: HTTPResponse, begin: int) -> Optional[int]:
    """Return the size of the whole file, None where the server does not tell."""
    length = response.headers.get("Content-Length", "")
    return begin + int(length) if length.isdigit() else None


def _chunks(url: str, response: HTTPResponse) -> Iterator[bytes]:
    try:
        yield from iter(lambda: response.read(CHUNK), b"")
    except NETWORK_ERRORS as error:
        raise DownloadError("%s: the connection broke off: %s" % (url, reason_of(error)))


def _check_size(url: str, size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise DataError("%s: expected at most %d bytes, got %d or more" % (url, limits.max_bytes, size))


def _check_room(part: str, needed: int) -> None:
    folder = os.path.dirname(os.path.abspath(part))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError("expected %d MB of free disk at %s, got %d MB" % (needed >> 20, folder, free >> 20))


def _check_content(url: str, path: str, sha256: Optional[str], actual: str) -> None:
    """Check what was downloaded. A login page or a page with an error comes instead of a file without any error."""
    with open(path, "rb") as file:
        head = file.read(1024).lstrip().lower()
    if head.startswith(WEB_PAGE):
        raise DataError("%s: expected a model, got a web page; it may ask for a login" % url)
    if not head:
        raise DataError("%s: expected a model, got an empty file" % url)
    if sha256 is not None and sha256.lower() != actual:
        raise DataError("%s: expected a file with the sha256 %s, got %s" % (url, sha256, actual))


def _forget(part: str) -> None:
    for path in (part, part + ".json"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
