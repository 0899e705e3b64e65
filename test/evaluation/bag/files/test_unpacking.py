"""Decompression with a bound, for each format and each place where bags are compressed."""

import bz2
import shutil
from collections import namedtuple

import lz4.frame
import pytest
from rosbags.rosbag1 import reader as rosbag1_reader
from rosbags.rosbag2 import storage_mcap

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.files import unpacking
from pose_estimation_ros.evaluation.bag.files.unpacking import (
    MAX_OVERLAPPING,
    refuse_overlapping,
    unpack_bz2,
    unpack_file,
    unpack_lz4,
    unpack_message,
    unpack_zstd,
    zstd,
)

unpacking.bound_rosbags()
FORMATS = [(zstd.compress, unpack_zstd), (lz4.frame.compress, unpack_lz4), (bz2.compress, unpack_bz2)]
Chunk = namedtuple("Chunk", "message_start_time message_end_time uncompressed_size")


@pytest.mark.parametrize("pack, unpack", FORMATS)
@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_all_that_fits_comes_out(pack, unpack, size):
    content = bytes(range(250)) * 4
    assert unpack(pack(content[:size]), 1000) == content[:size]


@pytest.mark.parametrize("pack, unpack", FORMATS)
def test_a_byte_too_many_is_refused(pack, unpack):
    with pytest.raises(DataError, match="at most 1000 bytes .* got more"):
        unpack(pack(bytes(1001)), 1000)
    with pytest.raises(DataError, match="at most 1000 bytes .* got more"):
        unpack(pack(bytes(600)) + pack(bytes(600)), 1000)
    with pytest.raises(DataError, match="cut off"):
        unpack(pack(bytes(900))[:-3], 1000)


def test_messages_may_be_compressed():
    message = b"\0\1\0\0rest"
    assert unpack_message(message) == unpack_message(zstd.compress(message)) == message
    assert unpack_message(b"") == b""


@pytest.mark.parametrize("name, pack", [("zstd", zstd.compress), ("lz4", lz4.frame.compress)])
def test_chunks_of_mcap_are_looked_at_before_they_are_decompressed(name, pack, monkeypatch):
    assert storage_mcap.decompress(pack(bytes(100)), name, 100, 0) == bytes(100)
    with pytest.raises(DataError, match="at most 99 bytes .* got more"):
        storage_mcap.decompress(pack(bytes(100)), name, 99, 0)
    monkeypatch.setattr(unpacking, "MAX_IN_MEMORY", 99)
    with pytest.raises(DataError, match="chunks of at most 99 bytes, got one of 100"):
        storage_mcap.decompress(b"never looked at", name, 100, 0)


def test_chunks_of_ros1_are_bounded():
    assert rosbag1_reader.decompressors["bz2"] is unpack_bz2
    assert rosbag1_reader.decompressors["lz4"] is unpack_lz4


HALF = MAX_OVERLAPPING // 2


@pytest.mark.parametrize(
    "chunks, refused",
    [
        ([], False),
        ([(0, 9, HALF)], False),
        ([(0, 9, HALF), (10, 19, HALF), (20, 29, HALF)], False),
        ([(0, 9, HALF), (9, 19, HALF), (19, 29, HALF)], False),
        ([(0, 29, HALF), (10, 29, HALF), (20, 29, HALF)], True),
        ([(0, 9, HALF), (0, 9, HALF), (9, 0, HALF)], True),
        ([(9, 0, 9 * HALF), (5, 6, HALF), (5, 6, HALF), (5, 6, HALF)], True),
    ],
)
def test_chunks_of_one_time(chunks, refused):
    made = [Chunk(*chunk) for chunk in chunks]
    if refused:
        with pytest.raises(DataError, match="^bag: expected at most .* in the chunks of one time, got"):
            refuse_overlapping(made, "bag")
    else:
        refuse_overlapping(made, "bag")


def test_files(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "x.db3.zstd").write_bytes(zstd.compress(b"content"))
    assert unpack_file(tmp_path / "x.db3.zstd", tmp_path / "out").read_bytes() == b"content"
    with pytest.raises(FileExistsError):
        unpack_file(tmp_path / "x.db3.zstd", tmp_path / "out")
    monkeypatch.setattr(unpacking, "FREE_SIZE", 1000)
    (tmp_path / "y.db3.zstd").write_bytes(zstd.compress(bytes(10**6)))
    with pytest.raises(DataError, match="y.db3.zstd: expected at most .* bytes when unpacked, got more"):
        unpack_file(tmp_path / "y.db3.zstd", tmp_path / "out")


def test_files_leave_room_on_the_disk(tmp_path, monkeypatch):
    (tmp_path / "x.db3.zstd").write_bytes(zstd.compress(b"content"))
    (tmp_path / "out").mkdir()
    usage = shutil.disk_usage(tmp_path)._replace(free=unpacking.FREE_ROOM)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DataError, match="bytes to stay free"):
        unpack_file(tmp_path / "x.db3.zstd", tmp_path / "out")
