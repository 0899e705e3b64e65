"""Read JSON files and check their numbers, hash files, and write files atomically.

A file is written as a whole or not at all: no reader sees half a file, and a crash leaves the old file in place.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from typing import IO, Any, Dict, Iterator, Optional, Type, Union

from pose_estimation_ros.core.errors import ConfigError, DataError, PoseError, reason_of

FilePath = Union[str, "os.PathLike[str]"]
JsonObject = Dict[str, Any]
UNFINISHED = ".unfinished-"  # prefix of the names of files that are still being written
CHUNK = 1 << 20  # bytes
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}  # open descriptors


def read_json(path: FilePath, error: Type[PoseError] = DataError) -> Any:
    """Read the content of a JSON file. No other function of this package reads JSON files.

    Args:
        path: the file, in UTF-8.
        error: class of the exception to raise.

    Raises:
        error: the file cannot be read, is not UTF-8, is not JSON, or is nested too deep.
    """
    try:
        with open(str(path), encoding="utf-8-sig") as file:  # Windows tools begin a file with a byte order mark
            return json.load(file)
    except (OSError, ValueError, RecursionError, MemoryError) as problem:
        raise error("%s: expected a JSON file, got: %s" % (path, reason_of(problem)))


def is_number(value: object, least: float = -1e300, most: float = 1e300) -> bool:
    """Tell whether a value of a JSON file is a finite number in a range; true and false are no numbers.

    Args:
        value: value of any type.
        least: smallest allowed number.
        most: largest allowed number.
    """
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def is_whole_number(value: object, least: float = -1e300, most: float = 1e300) -> bool:
    """Tell whether a value of a JSON file is a whole number in a range, written without a point.

    Args:
        value: value of any type.
        least: smallest allowed number.
        most: largest allowed number.
    """
    return isinstance(value, int) and is_number(value, least, most)


def file_sha256(path: FilePath) -> str:
    """Compute the sha256 of a file of any size. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with open(str(path), "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def write_whole(path: FilePath, content: bytes) -> None:
    """Write a file as ``whole_file`` does.

    Args:
        path: the file; a missing folder is created.
        content: all of its bytes.

    Raises:
        DataError: the file cannot be written.
    """
    with whole_file(path) as file:
        file.write(content)


def write_json(path: FilePath, data: Any, indent: Optional[int] = None) -> None:
    """Write data as a JSON file, as ``write_whole`` does.

    Args:
        path: the file; a missing folder is created.
        data: anything that json.dumps accepts.
        indent: spaces per level; None writes one line.

    Raises:
        DataError: the file cannot be written.
    """
    write_whole(path, (json.dumps(data, indent=indent) + "\n").encode())


@contextlib.contextmanager
def whole_file(path: FilePath) -> Iterator[IO[bytes]]:
    """Open a new file for writing, which replaces the file at path when the body of the with statement ends well.

    The new file lies in the folder of the target under a random name, ``file.name``, and follows no link. When the body
    fails, the new file is removed and the old file stays. The mode and the owner of the old file are kept. Where path
    is a link, the file that it points to is replaced. Where path is a device or a pipe, the body writes into it
    directly.

    Args:
        path: the file to write; a missing folder is created.

    Raises:
        DataError: the file cannot be written, or the body raised an OSError.
    """
    try:
        name = os.path.abspath(str(path))
        opened = _stream(name) if _is_stream(name) else _replacement(os.path.realpath(name))
    except (OSError, ValueError) as error:
        raise _not_writable(path, error)
    try:
        with opened as file:
            yield file
    except OSError as error:
        raise DataError("cannot write %s: %s" % (path, error.strerror or error))


def check_writable(path: FilePath) -> None:
    """Check that ``whole_file`` can write a file, before long work whose results it will hold; the file is not touched.

    Args:
        path: the file; a missing folder is created.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        name = os.path.abspath(str(path))
        target = os.path.realpath(name)
        if os.path.isdir(target):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        with contextlib.suppress(FileNotFoundError):
            os.stat(target)  # it fails where the name is too long
        if not _is_stream(name):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            tempfile.TemporaryFile(dir=os.path.dirname(target)).close()
    except (OSError, ValueError) as error:
        raise _not_writable(path, error)


def _not_writable(path: FilePath, error: Exception) -> DataError:
    """Make the error about a file; a ValueError says that the name holds a null byte, or is no text."""
    return DataError("cannot write %s: %s" % (ascii(str(path)), getattr(error, "strerror", None) or error))


def _beside(target: str) -> str:
    """Return a path in the target's folder that nobody can guess, with the target's ending, which OpenCV needs."""
    ending = os.path.splitext(target)[1]
    name = UNFINISHED + secrets.token_hex(8) + (ending if len(ending) <= 16 else "")
    return os.path.join(os.path.dirname(target), name)


def _is_stream(path: str) -> bool:
    """Tell whether path is no regular file, or names an open file that other programs may write, like /dev/stdout."""
    folder = os.path.realpath(os.path.dirname(path))
    return os.path.exists(path) and (not os.path.isfile(path) or folder == "/dev" or folder.startswith("/proc/"))


@contextlib.contextmanager
def _stream(path: str) -> Iterator[IO[bytes]]:
    """Open a device or pipe for writing. Raises OSError for a disk."""
    if stat.S_ISBLK(os.stat(path).st_mode):
        raise OSError("it is a disk")
    with open(path, "wb", opener=_open_stream) as file:
        yield file


def _open_stream(path: str, _flags: int) -> int:
    return os.dup(STANDARD[path]) if path in STANDARD else os.open(path, os.O_WRONLY | os.O_APPEND)


@contextlib.contextmanager
def _replacement(target: str) -> Iterator[IO[bytes]]:
    """Open a new file beside target, a path without links, and replace the target when the body ends well."""
    if os.path.islink(target):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    old = os.stat(target) if os.path.exists(target) else None
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o777 | stat.S_IWUSR
    file = open(_beside(target), "wb", opener=lambda name, _flags: os.open(name, NEW_FILE, mode))
    try:
        with file:
            yield file
            file.flush()
            if old is not None:
                _keep_owner_and_mode(file.fileno(), old)
            os.fsync(file.fileno())
        os.replace(file.name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(file.name)
        raise
    _sync_folder(os.path.dirname(target))


def _keep_owner_and_mode(descriptor: int, old: os.stat_result) -> None:
    """Give an open file the mode of the old file, and its owner where this process may do that."""
    with contextlib.suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)


def _sync_folder(folder: str) -> None:
    """Make a new name in a folder survive a power cut, where the file system supports that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(path: FilePath, source_name: str) -> None:
    """Make the folder for results, which must not be the input's: files of the same name would overwrite the input.

    Args:
        path: the folder for the results.
        source_name: path of the input, a file or a folder; a name that is no path does not matter.

    Raises:
        ConfigError: it is the folder of the input.
        DataError: it cannot be made.
    """
    try:
        home = source_name if os.path.isdir(source_name) else os.path.dirname(source_name) or "."
        if os.path.lexists(source_name) and os.path.realpath(path) == os.path.realpath(home):
            raise ConfigError("expected the results in another folder than that of the input, got %s" % path)
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise DataError("expected a folder to write to, got %s: %s" % (path, error.strerror or error))
    except ValueError as error:  # the name holds a null byte, or cannot be encoded
        raise DataError("expected a folder to write to, got %s: %s" % (ascii(path), error))


@contextlib.contextmanager
def new_folder(path: FilePath) -> Iterator[None]:
    """Make a folder that does not exist yet, and remove it again where its content cannot be completed."""
    os.makedirs(str(path))
    try:
        yield
    except BaseException:
        shutil.rmtree(str(path), ignore_errors=True)
        raise
