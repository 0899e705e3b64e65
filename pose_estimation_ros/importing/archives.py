"""Take the ONNX file and the files beside it out of a zip archive, which may come from anybody.

OpenMMLab's archives hold end2end.onnx, pipeline.json, detail.json and deploy.json in a folder of their own.
"""

import contextlib
import lzma
import os
import posixpath
import shutil
import stat
import tempfile
import zipfile
import zlib
from typing import IO, Iterator, List, Optional, Tuple, Union

from pose_estimation_ros.core.errors import DataError, reason_of

MOST_FILES = 10000  # in an archive
MOST_BYTES = 4 << 30  # of the files that are taken out
MOST_RATIO = 200  # of the size of a file to its size in the archive, where the file is larger than HARMLESS
HARMLESS = 64 << 20  # bytes
ENCRYPTED = 1  # bit of the flags of a file in an archive
# What zipfile raises for a damaged archive, NotImplementedError being for an unknown compression.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)

Found = Tuple[zipfile.ZipFile, str]


def take_model(archive: str, folder: str, member: Optional[str] = None) -> str:
    """Extract the only ONNX file of an archive and the files of its folder; if there is none, look in zips inside it.

    Args:
        archive: path of the zip file.
        folder: existing folder for the files, which lose the folders that they have in the archive.
        member: end of the path of the ONNX file in the archive, such as "rtmdet-nano/end2end.onnx"; None where the
            archive holds a single one.

    Returns:
        The path of the ONNX file.

    Raises:
        DataError: the archive is damaged, encrypted, unsafe or too large, or it does not hold exactly one such file.
    """
    try:
        with contextlib.ExitStack() as stack:
            outer = stack.enter_context(_opened(archive, archive))
            found = _models(outer, member)
            if not found:
                inner = [stack.enter_context(zipped) for zipped in _inner_zips(outer, archive, folder)]
                found = [one for zipped in inner for one in _models(zipped, member)]
            if len(found) != 1:
                raise DataError("%s: expected one %s, got %s" % (archive, member or "ONNX file", _names(found)))
            return _extract(archive, found[0], folder)
    except ZIP_ERRORS as error:
        raise DataError("%s: expected a zip file with a model, got: %s" % (archive, reason_of(error)))
    except OSError as error:
        raise DataError("%s: cannot take the model out: %s" % (archive, error.strerror or error))


def _opened(source: Union[str, IO[bytes]], archive: str) -> zipfile.ZipFile:
    """Open an archive and check it; no file is taken out of an archive that holds a single unsafe one."""
    zipped = zipfile.ZipFile(source)
    entries = zipped.infolist()
    if len(entries) > MOST_FILES:
        raise DataError("%s: expected at most %d files in it, got %d" % (archive, MOST_FILES, len(entries)))
    for entry in entries:
        fault = _fault(entry)
        if fault:
            raise DataError(
                "%s: expected plain files inside the archive, got %s: %r" % (archive, fault, entry.filename)
            )
    return zipped


def _fault(entry: zipfile.ZipInfo) -> str:
    """Say what is unsafe about a file of an archive, "" where nothing is."""
    parts = entry.filename.replace("\\", "/").split("/")
    if not parts[0] or ":" in parts[0] or ".." in parts:
        return "a path that leaves it"
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the archive was not made on Unix
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or device"
    return "an encrypted file" if entry.flag_bits & ENCRYPTED else ""


def _models(zipped: zipfile.ZipFile, member: Optional[str]) -> List[Found]:
    """Find the ONNX files of an archive whose path ends with member."""
    names = [name for name in zipped.namelist() if name.lower().endswith(".onnx")]
    return [(zipped, name) for name in names if not member or ("/" + name).endswith("/" + member)]


def _inner_zips(outer: zipfile.ZipFile, archive: str, folder: str) -> Iterator[zipfile.ZipFile]:
    """Open the archives inside an archive, which are copied to temporary files as zipfile cannot read them in place."""
    entries = [entry for entry in outer.infolist() if entry.filename.lower().endswith(".zip")]
    _check_sizes(entries, archive)
    for entry in entries:
        file = tempfile.TemporaryFile(dir=folder)
        with outer.open(entry) as packed:
            shutil.copyfileobj(packed, file)
        yield _opened(file, archive)


def _check_sizes(entries: List[zipfile.ZipInfo], archive: str) -> None:
    """Check the sizes that the archive tells; zipfile reads no more than these."""
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise DataError("%s: expected at most %d bytes to unpack, got %d" % (archive, MOST_BYTES, size))
    for entry in entries:
        if entry.file_size > max(HARMLESS, MOST_RATIO * entry.compress_size):
            packed = (archive, entry.filename, entry.file_size, entry.compress_size)
            raise DataError("%s: expected a model, got %r, which grows to %d bytes from %d" % packed)


def _extract(archive: str, found: Found, folder: str) -> str:
    """Write an ONNX file and all that lies in its folder of the archive, without other ONNX files."""
    zipped, model = found
    beside = [entry for entry in zipped.infolist() if posixpath.dirname(entry.filename) == posixpath.dirname(model)]
    wanted = [entry for entry in beside if entry.filename == model or not entry.filename.lower().endswith(".onnx")]
    _check_sizes(wanted, archive)
    for entry in wanted:
        with zipped.open(entry) as packed, open(_path(folder, entry.filename), "wb") as file:
            shutil.copyfileobj(packed, file)
    return _path(folder, model)


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, posixpath.basename(name))


def _names(found: List[Found]) -> str:
    """List files for a message."""
    names = sorted(name for _zipped, name in found)
    return ", ".join(names[:5]) + (" and %d more" % (len(names) - 5) if len(names) > 5 else "") if names else "none"
