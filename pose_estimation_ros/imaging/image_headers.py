"""Check PNG and JPEG files before OpenCV decodes them: complete, of a bounded size, and without harmful parts.

OpenCV allocates whatever memory a file claims to need. A check is therefore only useful if it reads the file exactly as
OpenCV's libraries do. This module walks through the whole file, and every part must follow directly after the one
before.

Sources: PNG (ISO/IEC 15948) 5, 11.2 and 11.3; JPEG (ITU-T T.81) B.1 and B.2.
"""

import binascii
import re
import struct
import zlib
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.imaging.crops import MAX_SIDE

MAX_PIXELS = 2**25  # largest image of a message: 33.5 megapixels, 100 MB as BGR

PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
PNG_USED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
# {colour type: (channels, allowed bit depths)}
PNG_COLOURS = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (3, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}
PNG_PALETTE = 3  # this colour type has one index for each pixel
PNG_ORIENTATION = (b"eXIf",)
PNG_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
MAX_PIXEL_BYTES = 4  # bytes per allowed pixel: an image of 16 bits and several channels must have fewer pixels
STORED_BYTES = 2**24  # largest image that is passed on without compression
TAIL_BYTES = 64  # enough for a checksum, and for less than 100 kB of surplus pixels
MAX_CHUNKS = 2**16  # usual writers make chunks of 8 kB or more

STANDALONE = frozenset([0x01] + list(range(0xD0, 0xD8)))  # JPEG markers without a length
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those three are tables
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA
MARKER = re.compile(b"\xff+([\x01-\xfe])")
SCAN_END = re.compile(b"\xff[\x01-\xcf\xd8-\xfe]")  # FF 00 is a byte of data, FF D0 to FF D7 continue the scan
MAX_SEGMENTS, MAX_SCANS, MAX_SCANNED = 4096, 64, 16  # MAX_SCANNED: scans times pixels, per allowed pixel


class ImageHeader(NamedTuple):
    """Hold the header of an image file and the checked bytes.

    Attributes:
        width: px.
        height: px.
        bits: bits of a sample.
        channels: number of channels of the file, alpha included.
        data: the bytes for OpenCV to decode.
    """

    width: int
    height: int
    bits: int
    channels: int
    data: bytes


def checked_image(data: bytes, max_pixels: int = MAX_PIXELS, keep_orientation: bool = False) -> Optional[ImageHeader]:
    """Check a PNG or JPEG file from its first part to its last.

    Args:
        data: the file. Bytes after its end do not matter, because drivers pad their buffers.
        max_pixels: largest allowed number of pixels.
        keep_orientation: keep the part of a PNG that holds its orientation.

    Returns:
        The header with the bytes to decode, or None if the file is neither PNG nor JPEG.

    Raises:
        FrameError: kind "size" (too many pixels or none, or a side longer than MAX_SIDE), or "data" (damaged,
            truncated, or too costly to decode).
    """
    try:
        if data.startswith(PNG_START):
            return _checked_png(data, max_pixels, PNG_USED + (PNG_ORIENTATION if keep_orientation else ()))
        return _checked_jpeg(data, max_pixels) if data.startswith(JPEG_START) else None
    except struct.error:
        raise _cut_off(data)


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Check that an image can be processed.

    Args:
        width: px.
        height: px.
        max_pixels: largest allowed number of pixels.

    Raises:
        FrameError: kind "size", if the image has no pixels, too many pixels or too long a side.
    """
    if min(width, height) < 1 or max(width, height) > MAX_SIDE or width * height > max_pixels:
        expected = "expected 1..%d pixels, at most %d a side, got %d x %d"
        raise FrameError("size", expected % (max_pixels, MAX_SIDE, width, height))


def _checked_png(data: bytes, max_pixels: int, used: Sequence[bytes]) -> ImageHeader:
    width, height, bits, colour, *methods = struct.unpack_from(">IIBBBBB", data, 16)
    channels, depths = PNG_COLOURS.get(colour, (0, ()))
    if data[8:16] != b"\0\0\0\x0dIHDR" or bits not in depths or methods not in ([0, 0, 0], [0, 0, 1]):
        raise FrameError("data", "expected a PNG with a header, got %r" % data[8:29])
    check_size(width, height, max_pixels)
    chunks = list(_png_chunks(data, used))
    kinds = [kind for kind, _ in chunks]
    if b"IDAT" not in kinds or any(kinds.count(kind) > 1 for kind in used if kind != b"IDAT"):
        raise FrameError("data", "expected a PNG with one header and one image, got %d parts" % len(kinds))
    length = _png_samples(width, height, bits * (1 if colour == PNG_PALETTE else channels), methods[2])
    if length > MAX_PIXEL_BYTES * max_pixels:
        raise FrameError("size", "expected a PNG of at most %d bytes, got %d" % (MAX_PIXEL_BYTES * max_pixels, length))
    image = _without_surplus(b"".join(data[part] for kind, part in chunks if kind == b"IDAT"), length)
    first = kinds.index(b"IDAT")
    before, behind = ([data[p.start - 8 : p.stop + 4] for kind, p in part if kind != b"IDAT"]
                      for part in (chunks[:first], chunks[first:]))  # fmt: skip
    return ImageHeader(width, height, bits, channels, b"".join([PNG_START] + before + _chunk(b"IDAT", image) + behind))


def _png_samples(width: int, height: int, pixel_bits: int, interlaced: int) -> int:
    """Return the number of bytes of the pixels, with one byte for the filter of each row."""
    passes = PNG_PASSES if interlaced else [(0, 0, 1, 1)]
    sizes = [(-((x - width) // step_x), -((y - height) // step_y)) for x, y, step_x, step_y in passes]
    return sum(((columns * pixel_bits + 7) // 8 + 1) * rows for columns, rows in sizes if columns > 0)


def _without_surplus(compressed: bytes, length: int) -> bytes:
    """Return compressed data of exactly length bytes, because a small file may hold gigabytes after its pixels.

    Small images are passed on without compression, so that they are decompressed only once.
    """
    decompressor = zlib.decompressobj()
    try:
        samples = decompressor.decompress(compressed, length)
    except zlib.error as error:
        raise FrameError("data", "expected a PNG without damage, zlib reports: %s" % error)
    if len(samples) < length:
        raise _cut_off(compressed)
    is_exact = len(decompressor.unconsumed_tail) <= TAIL_BYTES
    return compressed if is_exact and length > STORED_BYTES else zlib.compress(samples, 0)


def _chunk(kind: bytes, content: bytes) -> List[bytes]:
    """Return length, kind, content and checksum of a PNG chunk."""
    checksum = binascii.crc32(content, binascii.crc32(kind)) & 0xFFFFFFFF
    return [struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)]


def _png_chunks(data: bytes, used: Sequence[bytes]) -> Iterator[Tuple[bytes, slice]]:
    """Yield kind and place of the content of the used chunks up to IEND, each complete and with a correct checksum."""
    end = len(PNG_START)
    for _ in range(MAX_CHUNKS):
        length, kind = struct.unpack_from(">I4s", data, end)
        start, end = end, end + 12 + length
        if end > len(data):
            raise _cut_off(data)
        if kind in used:
            (checksum,) = struct.unpack_from(">I", data, end - 4)
            if binascii.crc32(memoryview(data)[start + 4 : end - 4]) & 0xFFFFFFFF != checksum:
                raise FrameError("data", "expected a PNG without damage, got a wrong checksum of %r" % kind)
            yield kind, slice(start + 8, end - 4)
        if kind == b"IEND":
            return
    raise FrameError("data", "expected a PNG of at most %d parts, got more" % MAX_CHUNKS)


def _checked_jpeg(data: bytes, max_pixels: int) -> ImageHeader:
    frame, scans, end = None, 0, len(data)
    for marker, start, end in _jpeg_segments(data):
        if marker in START_OF_FRAME:
            if frame:
                raise FrameError("data", "expected a JPEG of one frame, got several")
            bits, height, width, channels = struct.unpack_from(">BHHB", data, start)
            if end - start != 6 + 3 * channels:
                raise FrameError("data", "expected a frame header of %d channels, got another" % channels)
            check_size(width, height, max_pixels)
            frame = ImageHeader(width, height, bits, channels, data)
        elif marker == START_OF_SCAN and frame:
            scans += 1
            if scans > MAX_SCANS or scans * frame.width * frame.height > MAX_SCANNED * max_pixels:
                raise FrameError("data", "expected a JPEG of at most %d scans, got more" % MAX_SCANS)
    if not (frame and scans):
        raise FrameError("data", "expected a JPEG with an image, got %d bytes without one" % len(data))
    return frame._replace(data=data[:end])


def _jpeg_segments(data: bytes) -> Iterator[Tuple[int, int, int]]:
    """Yield (marker, start of the content, end) of each segment up to the end of the image."""
    end = len(JPEG_START)
    for _ in range(MAX_SEGMENTS):
        match = MARKER.match(data, end)
        if not match:
            if data[end:].strip(b"\xff"):
                raise FrameError("data", "expected a JPEG marker at byte %d, got %r" % (end, data[end : end + 4]))
            raise _cut_off(data)
        marker, start = match.group(1)[0], match.end()
        end = start
        if marker == END_OF_IMAGE:
            yield marker, start, end
            return
        if marker == START_OF_IMAGE:
            raise FrameError("data", "expected a JPEG of one image, got a second start at byte %d" % start)
        if marker not in STANDALONE:
            (length,) = struct.unpack_from(">H", data, start)
            start, end = start + 2, start + length
            if length < 2 or end > len(data):
                raise _cut_off(data)
        if marker == START_OF_SCAN:
            following = SCAN_END.search(data, end)
            if not following:
                raise _cut_off(data)
            end = following.start()
        yield marker, start, end
    raise FrameError("data", "expected a JPEG of at most %d parts, got more" % MAX_SEGMENTS)


def _cut_off(data: bytes) -> FrameError:
    return FrameError("data", "expected a whole image, got one cut off or damaged, of %d bytes" % len(data))
