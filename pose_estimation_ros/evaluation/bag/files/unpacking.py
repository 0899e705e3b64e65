"""Decompress parts of bags with a bound on what comes out, so that a small file cannot fill memory or disk.

rosbags decompresses the chunks of MCAP and ROS 1 bags by tables of functions, without a bound of its own.
``bound_rosbags`` puts the functions of this module into those tables.
"""

from __future__ import annotations

import bz2
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lz4.frame
from backports import zstd
from rosbags.rosbag1 import reader as rosbag1_reader
from rosbags.rosbag2 import storage_mcap

from pose_estimation_ros.core.errors import DataError

ZSTD_START = b"\x28\xb5\x2f\xfd"
MAX_IN_MEMORY = 2**28  # bytes of a chunk or message: more than an image of 8192 x 8192 pixels
MAX_OVERLAPPING = 2**29  # bytes of the chunks that are in memory at a time because their times overlap
FREE_SIZE, MAX_RATIO = 2**30, 200  # a file may unpack to the larger of that many bytes, and so many times its own size
FREE_ROOM = 2**29  # bytes left free on the disk
PIECE = 2**20


def bounded(decompressor: Callable[[], Any], data: bytes, max_bytes: int = MAX_IN_MEMORY) -> bytes:
    """Decompress one or more frames that follow each other.

    Args:
        decompressor: makes a decompressor of one frame, as those of bz2, lz4.frame and zstd.
        data: the compressed bytes.
        max_bytes: largest number of bytes that may come out.

    Returns:
        The decompressed bytes.

    Raises:
        DataError: more would come out, or the data is cut off.
    """
    parts: list[bytes] = []
    left = max_bytes
    while data or not parts:
        frame = decompressor()
        part = frame.decompress(data, max_length=left + 1)
        if len(part) > left:
            raise DataError(f"expected at most {max_bytes} bytes in a compressed chunk or message, got more")
        if not frame.eof:
            raise DataError("expected a whole compressed chunk or message, got one cut off")
        parts.append(part)
        left -= len(part)
        data = frame.unused_data or b""
    return b"".join(parts)


def unpack_zstd(data: bytes, max_bytes: int = MAX_IN_MEMORY) -> bytes:
    """Decompress zstd frames; see bounded."""
    return bounded(zstd.ZstdDecompressor, data, max_bytes)


def unpack_lz4(data: bytes, max_bytes: int = MAX_IN_MEMORY) -> bytes:
    """Decompress LZ4 frames; see bounded."""
    return bounded(lz4.frame.LZ4FrameDecompressor, data, max_bytes)


def unpack_bz2(data: bytes, max_bytes: int = MAX_IN_MEMORY) -> bytes:
    """Decompress bzip2 streams; see bounded."""
    return bounded(bz2.BZ2Decompressor, data, max_bytes)


def unpack_message(data: bytes) -> bytes:
    """Decompress a serialized ROS 2 message if it is compressed; CDR never begins as zstd does."""
    return unpack_zstd(data) if bytes(data[: len(ZSTD_START)]) == ZSTD_START else data


def bound_rosbags() -> None:
    """Make rosbags decompress chunks by the functions of this module, in this process."""
    storage_mcap.DECOMPRESSORS["zstd"] = of_declared_size(unpack_zstd)
    storage_mcap.DECOMPRESSORS["lz4"] = of_declared_size(unpack_lz4)
    rosbag1_reader.decompressors["bz2"] = unpack_bz2
    rosbag1_reader.decompressors["lz4"] = unpack_lz4


def of_declared_size(unpack: Callable[[bytes, int], bytes]) -> Callable[[bytes, int], bytes]:
    """Make a function of a chunk's data and declared size, which is checked before anything is decompressed."""

    def checked(data: bytes, size: int) -> bytes:
        if size > MAX_IN_MEMORY:
            raise DataError(f"expected chunks of at most {MAX_IN_MEMORY} bytes, got one of {size}")
        return unpack(data, size)

    return checked


def refuse_overlapping(chunks: Sequence[Any], where: str) -> None:
    """Refuse MCAP chunks that would be in memory at a time and are too large together.

    Args:
        chunks: rosbags' ChunkInfo of one file or several. Messages are handed out in the order of time, so a chunk
            stays in memory as long as its time goes on.
        where: name of the bag for the message.

    Raises:
        DataError: they are too large.
    """
    begins = [(chunk.message_start_time, 1, chunk.uncompressed_size) for chunk in chunks]
    ends = [(max(c.message_start_time, c.message_end_time), 2, -c.uncompressed_size) for c in chunks]
    total = 0
    for _, _, size in sorted(begins + ends):
        total += size
        if total > MAX_OVERLAPPING:
            raise DataError(f"{where}: expected at most {MAX_OVERLAPPING} bytes in the chunks of one time, got {total}")


def unpack_file(path: Path, folder: Path) -> Path:
    """Decompress a zstd file.

    Args:
        path: the file, such as X.db3.zstd.
        folder: where the content is written, as X.db3.

    Returns:
        Path of the content.

    Raises:
        DataError: it is larger than its size on the disk makes likely, or than there is room for, or cut off.
    """
    target = folder / path.stem
    max_bytes = max(FREE_SIZE, MAX_RATIO * path.stat().st_size)
    written = 0
    with zstd.open(path, "rb") as packed, open(target, "xb") as file:
        while piece := packed.read(PIECE):
            written += len(piece)
            if written > max_bytes:
                raise DataError(f"{path}: expected at most {max_bytes} bytes when unpacked, got more")
            if shutil.disk_usage(folder).free < FREE_ROOM + len(piece):
                raise DataError(f"{path}: expected {FREE_ROOM} bytes to stay free in {folder} when it is unpacked")
            file.write(piece)
    return target
