import hashlib
import os
import shutil

import pytest
from file_server import Answer

from pose_estimation_ros.core.errors import ConfigError, DataError, DownloadError
from pose_estimation_ros.importing.download import Limits, check_address, download

BODY = bytes(range(256)) * 40
OTHER = BODY[::-1]
SHA256 = hashlib.sha256(BODY).hexdigest()
ONCE = Limits(timeout_s=5, tries=1)
TAG, DATE = {"ETag": '"one"'}, {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}


@pytest.fixture
def path(tmp_path):
    """Return a path in a folder that does not exist yet."""
    return str(tmp_path / "new" / "model.onnx")


@pytest.fixture
def get(server, path):
    """Return a function that downloads /file to `path` and returns the sha256."""
    said = []

    def run(sha256=None, limits=ONCE, url="/file"):
        return download(server.url + url, path, sha256, said.append, limits)

    run.said = said
    return run


def content(path):
    with open(path, "rb") as file:
        return file.read()


def left(path):
    return sorted(os.listdir(os.path.dirname(path)))


@pytest.mark.parametrize(
    "address", ["", "file:///etc/passwd", "ftp://x/y", "https://", "model.onnx", "http://[x", "//x/y"]
)
def test_addresses_that_are_refused(address, tmp_path):
    with pytest.raises(ConfigError, match="expected an address that begins with https://"):
        check_address(address)
    with pytest.raises(ConfigError, match="expected an address"):
        download(address, str(tmp_path / "x"))


@pytest.mark.parametrize("sha256", [None, SHA256, SHA256.upper()])
def test_a_file_arrives_whole_and_nothing_else_is_left(server, path, get, sha256):
    server.answers["/file"] = Answer(BODY)
    assert get(sha256) == SHA256
    assert content(path) == BODY and left(path) == ["model.onnx"]


def test_an_old_file_is_replaced_at_the_end(server, path, get):
    os.mkdir(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(b"old")
    server.answers["/file"] = Answer(BODY, cut=100)
    with pytest.raises(DownloadError, match="expected 10240 bytes, the connection ended after 100"):
        get()
    assert content(path) == b"old"
    server.answers["/file"] = Answer(BODY)
    get()
    assert content(path) == BODY


@pytest.mark.parametrize(
    "headers, ranges", [(TAG, True), (DATE, True), (TAG, False), ({}, True), ({"ETag": 'W/"weak"'}, True)]
)
def test_a_download_that_was_cut_is_continued(server, path, get, headers, ranges):
    server.answers["/file"] = Answer(BODY, headers=headers, cut=7000, ranges=ranges)
    with pytest.raises(DownloadError):
        get()
    assert left(path) == ["model.onnx.part", "model.onnx.part.json"]
    server.answers["/file"] = Answer(BODY, headers=headers, ranges=ranges)
    assert get(SHA256) == SHA256
    continued = headers in (TAG, DATE)  # else the server cannot tell whether the file is still the same
    assert server.requests[-1][1].get("Range") == ("bytes=7000-" if continued else None)
    assert left(path) == ["model.onnx"]


def test_a_cut_is_continued_within_one_call(server, get):
    server.answers["/file"] = Answer(BODY, headers=TAG, cut=6000, cuts=1)
    assert get(SHA256, Limits(5, tries=2, wait_s=0)) == SHA256
    assert len(server.requests) == 2 and len(get.said) == 1 and get.said[0].endswith("; trying again")


@pytest.mark.parametrize(
    "changed",
    [
        Answer(OTHER, headers={"ETag": '"two"'}),  # a server that obeys If-Range sends all
        Answer(OTHER[:5000], headers={"ETag": '"two"'}),  # shorter than what is there
        Answer(OTHER[:5000], headers=TAG),  # the range does not exist
    ],
)
def test_a_file_that_changed_on_the_server_begins_anew(server, path, get, changed):
    server.answers["/file"] = Answer(BODY, headers=TAG, cut=7000)
    with pytest.raises(DownloadError):
        get()
    server.answers["/file"] = changed
    assert get() == hashlib.sha256(changed.body).hexdigest()
    assert content(path) == changed.body


def test_a_server_that_ignores_if_range_does_not_mix_two_files(server, path, get, monkeypatch):
    server.answers["/file"] = Answer(BODY, headers=TAG, cut=7000)
    with pytest.raises(DownloadError):
        get()
    import file_server

    send = file_server.send

    def careless(handler, *arguments):
        del handler.headers["If-Range"]
        send(handler, *arguments)

    monkeypatch.setattr(file_server, "send", careless)
    server.answers["/file"] = Answer(OTHER, headers={"ETag": '"two"'})
    get()
    assert content(path) == OTHER


def test_a_part_of_another_address_is_not_continued(server, path, get):
    server.answers = {"/file": Answer(BODY, headers=TAG, cut=7000), "/other": Answer(OTHER, headers=TAG)}
    with pytest.raises(DownloadError):
        get()
    get(url="/other")
    assert content(path) == OTHER and "Range" not in server.requests[-1][1]


def test_a_wrong_checksum_leaves_nothing(server, path, get):
    server.answers["/file"] = Answer(BODY)
    with pytest.raises(DataError, match="expected a file with the sha256 0{64}, got %s" % SHA256):
        get("0" * 64)
    assert left(path) == []


@pytest.mark.parametrize(
    "answer, error, words",
    [
        (Answer(status=404), DataError, "expected the file, got HTTP 404 Not Found"),
        (Answer(status=403), DataError, "got HTTP 403"),
        (Answer(status=500), DownloadError, "got HTTP 500"),
        (Answer(status=429), DownloadError, "got HTTP 429"),
        (Answer(BODY, status=206), DataError, "expected the whole file, got a part"),
        (Answer(b""), DataError, "got an empty file"),
        (Answer(b" <!DOCTYPE html><p>Log in"), DataError, "expected a model, got a web page; it may ask for a login"),
        (Answer(b"\n<HTML lang=en>"), DataError, "got a web page"),
        (Answer(status=302, headers={"Location": "/file"}), DataError, "expected at most 10 redirects"),
        (Answer(status=302, headers={"Location": "file:///etc/passwd"}), DataError, "redirects, all to http or https"),
        (Answer(status=302, headers={"Location": "ftp://127.0.0.1/x"}), DataError, "expected a redirect to https"),
        (Answer(status=302), DataError, "expected at most 10 redirects"),
        (Answer(BODY, headers={"Content-Length": "5000000000"}), DataError, "expected at most 4294967296 bytes"),
        (
            Answer(BODY, headers={"Content-Length": "10241"}),
            DownloadError,
            "expected 10241 bytes, the connection ended",
        ),
        (Answer(BODY, headers={"Content-Length": "x"}), None, ""),
    ],
)
def test_answers(server, path, get, answer, error, words):
    server.answers["/file"] = answer
    if error is None:
        assert get() == SHA256
        return
    with pytest.raises(error, match=words):
        get()
    assert not os.path.exists(path)


def test_an_error_of_the_server_is_tried_again_a_missing_file_is_not(server, get):
    for status, requests in ((503, 3), (404, 1)):
        server.answers["/file"], server.requests = Answer(status=status), []
        with pytest.raises(DataError):
            get(limits=Limits(5, wait_s=0))
        assert len(server.requests) == requests


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_with_the_range(server, path, get, status):
    server.answers = {
        "/file": Answer(status=status, headers={"Location": "/a"}),
        "/a": Answer(status=status, headers={"Location": server.url + "/b"}),
        "/b": Answer(BODY, headers=TAG, cut=7000),
    }
    with pytest.raises(DownloadError):
        get()
    server.answers["/b"] = Answer(BODY, headers=TAG)
    assert get() == SHA256
    assert server.requests[-1][0] == "/b" and server.requests[-1][1]["Range"] == "bytes=7000-"


def test_https_is_not_left_for_http():
    from urllib.request import Request

    from pose_estimation_ros.importing.download import _Redirects

    redirects = _Redirects()
    ask = lambda old, new: redirects.redirect_request(Request(old), None, 302, "", {}, new)  # noqa: E731
    assert ask("http://x/a", "https://x/b").full_url == "https://x/b"
    with pytest.raises(DataError, match="https://x/a: expected a redirect to https, got one to http://x/b"):
        ask("https://x/a", "http://x/b")


def test_more_bytes_than_allowed_without_a_length(server, path, get):
    server.answers["/file"] = Answer(BODY, headers={"Content-Length": ""})
    with pytest.raises(DataError, match="expected at most 10000 bytes, got 10240 or more"):
        get(limits=Limits(5, max_bytes=10000, tries=1))
    assert not os.path.exists(path)


def test_a_stalled_server(server, path, get):
    server.answers["/file"] = Answer(BODY, headers=TAG, cut=5000, stalls=True)
    with pytest.raises(DownloadError, match="the connection broke off: .*timed out"):
        get(limits=Limits(timeout_s=0.2, tries=1))
    assert "model.onnx.part" in left(path)


def test_nobody_answers(path):
    with pytest.raises(DownloadError, match="http://127.0.0.1:9/x: cannot connect: .*refused"):
        download("http://127.0.0.1:9/x", path, None, str, ONCE)


def test_ctrl_c_keeps_what_arrived(server, path, get, monkeypatch):
    from pose_estimation_ros.importing import download as module

    def interrupted(chunks, *_arguments):
        yield next(iter(chunks))
        raise KeyboardInterrupt

    server.answers["/file"] = Answer(BODY, headers=TAG, cut=7000)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "progress", interrupted)
        get()
    server.answers["/file"] = Answer(BODY, headers=TAG)
    assert get() == SHA256 and server.requests[-1][1]["Range"] == "bytes=7000-"


def test_the_proxy_of_the_environment(server, path, monkeypatch):
    server.answers["http://models.invalid/file"] = Answer(BODY)
    monkeypatch.setenv("http_proxy", server.url)
    assert download("http://models.invalid/file", path, SHA256, str, ONCE) == SHA256


def test_a_disk_without_room(server, path, get, monkeypatch):
    server.answers["/file"] = Answer(BODY, headers={"Content-Length": str(300 << 20)})
    free = shutil.disk_usage(".")._replace(free=100 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: free)
    with pytest.raises(DataError, match=r"expected 300 MB of free disk at .*new, got 100 MB"):
        get()


def test_a_disk_that_becomes_full(server, path, get):
    os.mkdir(os.path.dirname(path))
    os.symlink("/dev/full", path + ".part")
    server.answers["/file"] = Answer(BODY)
    with pytest.raises(DataError, match=r"cannot write .*model.onnx.part: (No space left|Invalid argument)"):
        get()


def test_folders_that_cannot_be_written(server, tmp_path):
    server.answers["/file"] = Answer(BODY)
    (tmp_path / "file").write_bytes(b"")
    for path in (str(tmp_path / "file" / "x"), str(tmp_path)):
        with pytest.raises(DataError, match="cannot write"):
            download(server.url + "/file", path)
    assert server.requests == []


def test_two_downloads_of_the_same_file(server, path, get):
    import fcntl

    os.mkdir(os.path.dirname(path))
    with open(path + ".part", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process is writing .*model.onnx.part"):
            get()
    server.answers["/file"] = Answer(BODY)
    assert get() == SHA256
