"""Make an MCAP file that was cut short readable: its whole records are followed by a footer.

Format: mcap.dev/spec. A file is magic, records (opcode uint8, length uint64, content), a footer record and magic again;
a recorder that is killed leaves it without footer, and a copy that broke off in the middle of a record.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import IO, Any

MAGIC = b"\x89MCAP0\r\n"
FOOTER, DATA_END = 0x02, 0x0F
END = struct.pack("<BQQQI", FOOTER, 20, 0, 0, 0) + MAGIC  # a footer without summary: readers then scan the records


class CutMcap(type(Path())):  # type: ignore[misc]
    """Represent a path whose ``open`` gives the repaired view; nothing is copied or changed on disk."""

    def open(self, *_args: Any, **_kwargs: Any) -> Any:
        """Open the repaired view for reading bytes."""
        return io.BufferedReader(WithEnd(open(str(self), "rb"), whole_records_end(str(self))))


def is_cut(path: Path) -> bool:
    """Tell whether a file begins as MCAP and does not end so."""
    with open(path, "rb") as file:
        begins = file.read(len(MAGIC)) == MAGIC
        end = file.seek(0, io.SEEK_END)
        file.seek(max(0, end - len(MAGIC)))
        return begins and (end <= len(MAGIC) or file.read() != MAGIC)


def whole_records_end(path: str) -> int:
    """Return the offset behind the last whole record of the data section."""
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        position = len(MAGIC)
        while True:
            file.seek(position)
            head = file.read(9)
            if len(head) < 9 or head[0] in (FOOTER, DATA_END):
                return position
            end = position + 9 + struct.unpack("<Q", head[1:])[0]
            if end > size:
                return position
            position = end


class WithEnd(io.RawIOBase):
    """Read the first ``end`` bytes of a file, then END.

    Args:
        file: the file, open for reading.
        end: number of its bytes to read.
    """

    def __init__(self, file: IO[bytes], end: int) -> None:
        self._file, self._end, self._position = file, end, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it; the arguments are those of io.IOBase.seek."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end + len(END)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer and return their number."""
        behind = self._position - self._end
        if behind < 0:
            self._file.seek(self._position)
            content = self._file.read(min(len(buffer), -behind))
        else:
            content = END[behind : behind + len(buffer)]
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
