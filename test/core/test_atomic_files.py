import errno
import hashlib
import json
import os
import resource
import stat
import threading

import pytest

from pose_estimation_ros.core.atomic_files import (
    CHUNK,
    check_writable,
    file_sha256,
    is_number,
    is_whole_number,
    make_folder,
    read_json,
    whole_file,
    write_json,
    write_whole,
)
from pose_estimation_ros.core.errors import DataError, ModelError


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_empty_content_and_missing_folders(tmp_path):
    path = tmp_path / "a" / "b.bin"
    write_whole(path, b"")
    assert path.read_bytes() == b""


def test_replaces_and_leaves_nothing_else_behind(tmp_path):
    path = str(tmp_path / "x.json")
    for data in ([1], {"a": [2, None]}):
        write_json(path, data)
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [2, None]}
    assert names(tmp_path) == ["x.json"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, [1])
    with pytest.raises(TypeError):
        write_json(path, object())
    assert json.loads(path.read_text()) == [1]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("of the caller")])
def test_a_body_that_fails_leaves_the_old_file_alone(tmp_path, failure):
    write_whole(tmp_path / "x", b"old")
    with pytest.raises(type(failure)):
        with whole_file(tmp_path / "x") as file:
            file.write(b"half")
            raise failure
    assert (tmp_path / "x").read_bytes() == b"old" and names(tmp_path) == ["x"]


def test_a_full_disk_is_one_line_and_leaves_no_litter(tmp_path):
    write_whole(tmp_path / "x", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DataError, match="^cannot write .*x: File too large$"):
            write_whole(tmp_path / "x", b"new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "x").read_bytes() == b"old" and names(tmp_path) == ["x"]


def test_a_disk_that_reports_its_fault_late(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="^cannot write .*x: No space left on device$"):
        write_whole(tmp_path / "x", b"new")
    assert names(tmp_path) == []


def test_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args)))
    write_whole(tmp_path / "x", b"new")
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, its folder


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o444, 0o755])
def test_the_mode_of_the_old_file_is_kept(tmp_path, kept):
    write_whole(tmp_path / "x", b"old")
    (tmp_path / "x").chmod(kept)
    write_whole(tmp_path / "x", b"new")
    assert mode(tmp_path / "x") == kept


def test_a_new_file_has_the_usual_mode(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x", b"new")
    finally:
        os.umask(before)
    assert mode(tmp_path / "x") == 0o640


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, there):
    (tmp_path / "far").mkdir()
    if there:
        (tmp_path / "far" / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("far/target")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "far" / "target").read_bytes() == b"new"
    assert names(tmp_path) == ["far", "link"] and names(tmp_path / "far") == ["target"]


def test_no_link_that_somebody_planted_is_followed(tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "x.unfinished").symlink_to("victim")
    write_whole(tmp_path / "x", b"new")
    assert (tmp_path / "victim").read_bytes() == b"precious" and not (tmp_path / "x").is_symlink()


def test_the_name_on_the_way_is_new_each_time(tmp_path):
    seen = set()
    for _ in range(2):
        with whole_file(tmp_path / "x.mp4") as file:
            assert os.path.dirname(file.name) == str(tmp_path) and file.name.endswith(".mp4")
            seen.add(file.name)
    assert len(seen) == 2


def test_a_pipe_is_written_into_and_stays(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(path, b"content")
    assert os.read(reader, 100) == b"content" and stat.S_ISFIFO(path.stat().st_mode)
    os.close(reader)
    assert names(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
@pytest.mark.parametrize("kind, minor", [(stat.S_IFCHR, (1, 3)), (stat.S_IFBLK, (7, 250))])
def test_a_device_stays_and_a_disk_is_refused(tmp_path, kind, minor):
    path = tmp_path / "device"
    try:
        os.mknod(path, kind | 0o666, os.makedev(*minor))
    except PermissionError:
        pytest.skip("this container makes no devices")
    if kind == stat.S_IFBLK:
        with pytest.raises(DataError, match="^cannot write .*device: it is a disk$"):
            write_whole(path, b"content")
    else:
        write_whole(path, b"content")
    assert stat.S_IFMT(path.stat().st_mode) == kind


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_added_to(tmp_path, name, capfd):
    os.write(1, b"before ")
    write_whole(name, b"content")
    assert capfd.readouterr().out == "before content"
    assert os.path.exists(name)


@pytest.mark.parametrize(
    "name, why",
    [
        ("folder", "Is a directory"),
        ("file/below", "File exists|Not a directory"),
        ("circle", "Too many levels of symbolic links"),
        ("n" * 300, "File name too long"),
        ("a\0b", "null (byte|character)"),  # the second since Python 3.13
        ("\ud800", "surrogates"),
    ],
)
def test_names_that_cannot_be_written(tmp_path, name, why):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(DataError, match="^cannot write .*(%s)" % why):
        write_whole(str(tmp_path / name), b"new")
    assert names(tmp_path) == ["circle", "file", "folder"] and names(tmp_path / "folder") == []


def test_two_writers_at_once_never_fail_or_mix(tmp_path):
    contents, faults = [bytes([65 + n]) * 100000 for n in range(4)], []

    def write(content):
        try:
            for _ in range(50):
                write_whole(tmp_path / "x", content)
                assert (tmp_path / "x").read_bytes() in contents
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == [] and names(tmp_path) == ["x"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100000])
def test_what_is_no_json_is_the_error_asked_for(tmp_path, content):
    write_whole(tmp_path / "x", content)
    with pytest.raises(ModelError, match="x: expected a JSON file, got: "):
        read_json(tmp_path / "x", ModelError)


def test_json_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * CHUNK, b"y" * (2 * CHUNK + 1)])
def test_a_hash_is_that_of_the_whole_file(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert file_sha256(tmp_path / "x") == file_sha256(str(tmp_path / "x")) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "value, number, whole",
    [
        (0, True, True),
        (-3, True, True),
        (1.5, True, False),
        (2.0, True, False),
        (10**400, False, False),
        (float("nan"), False, False),
        (float("inf"), False, False),
        (True, False, False),
        (None, False, False),
        ("1", False, False),
        ([1], False, False),
    ],
)
def test_numbers(value, number, whole):
    assert (is_number(value), is_whole_number(value)) == (number, whole)


@pytest.mark.parametrize("value, inside", [(1, True), (0, False), (3, True), (4, False)])
def test_range_of_numbers(value, inside):
    assert is_number(value, 1, 3) == is_whole_number(value, 1, 3) == inside


@pytest.mark.parametrize("name", ["new.json", "old.json", "new/folder/x.json", "link.json"])
def test_a_file_that_can_be_written_is_not_touched_by_the_check(tmp_path, name):
    (tmp_path / "old.json").write_text("old")
    (tmp_path / "link.json").symlink_to("old.json")
    check_writable(tmp_path / name)
    assert (tmp_path / "old.json").read_text() == "old" and not (tmp_path / "new.json").exists()
    assert names((tmp_path / name).parent) in ([], ["link.json", "old.json"])
    write_whole(tmp_path / name, b"new")


@pytest.mark.parametrize("name", ["folder", "file/x.json", "a" + chr(0) + "b", "n" * 300])
def test_a_file_that_cannot_be_written_is_refused_by_the_check(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for write in (check_writable, lambda path: write_whole(path, b"")):
        with pytest.raises(DataError, match="^cannot write "):
            write(str(tmp_path / name))


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout"])
def test_devices_pass_the_check(name):
    check_writable(name)


@pytest.mark.parametrize("path, source", [("a" + chr(0) + "b", "x"), ("out", "a" + chr(0) + "b"), ("\ud800", "x")])
def test_a_folder_of_an_impossible_name(tmp_path, monkeypatch, path, source):
    monkeypatch.chdir(tmp_path)
    if path != "out":
        with pytest.raises(DataError, match="expected a folder to write to, got "):
            make_folder(path, source)
    else:
        try:  # Python 3.6 raises an error where later ones find no such input, which does not matter then
            make_folder(path, source)
        except DataError:
            pass
