"""Get a model of the catalogue: say whose it is and under which licence, download it, import it, say how to use it."""

import os
import shlex
import tempfile
import urllib.parse
from typing import Any, Dict, List, NamedTuple, Optional

from pose_estimation_ros.core.atomic_files import file_sha256, read_json, write_json
from pose_estimation_ros.core.errors import ConfigError, DataError, PoseError
from pose_estimation_ros.core.resources import user_models
from pose_estimation_ros.importing.archives import take_model
from pose_estimation_ros.importing.catalogue import Entry, find_entry, read_catalogue
from pose_estimation_ros.importing.download import download
from pose_estimation_ros.importing.model_import import Say, check_name, usage

RECORDS = ".downloads.json"  # URL -> what came from there; no name of a model begins with a dot
FLAGS = {"like": "--like", "skeleton": "--skeleton", "detector": "--detector"}  # of `pose import`


class ModelGet(NamedTuple):
    """Describe which model to get, and where to put it.

    Attributes:
        name: a name of the catalogue.
        out: folder for the model, None for the user's.
        save_as: name of the model in that folder, None for that of the catalogue.
        force: whether to replace a model of this name.
        catalogue: path of the catalogue, None for that of the package.
    """

    name: str
    out: Optional[str] = None
    save_as: Optional[str] = None
    force: bool = False
    catalogue: Optional[str] = None


def get_model(order: ModelGet, report: Say) -> Optional[str]:
    """Download a model and import it.

    Args:
        order: which model, and where to put it.
        report: receives lines of text for the user; licence and restrictions come before the download begins.

    Returns:
        The path of the model's ONNX file; None where nobody publishes one, and report has received how to make it.

    Raises:
        ConfigError: the name is unknown, or another model has it.
        DataError: the download fails, or the file is not what it should be.
        ModelError: the file cannot be imported.
    """
    entry = find_entry(read_catalogue(order.catalogue), order.name)
    name = check_name(order.save_as or entry.name)
    for line in about(entry):
        report(line)
    if entry.url is None:
        for line in instructions(entry, name):
            report(line)
        return None
    folder = os.path.abspath(order.out or user_models())
    path = os.path.join(folder, name + ".onnx")
    if os.path.lexists(path) and not order.force:
        _check_same(entry, path)
        report("%s is there already" % path)
    else:
        path = _fetch(entry, folder, order._replace(save_as=name), report)
    role = "detector" if entry.kind == "detector" else "model"
    for line in usage(path, role, order.out is not None):
        report(line)
    return path


def about(entry: Entry) -> List[str]:
    """Return lines that tell whose model it is, how large, how accurate, and what its licence restricts."""
    size = "" if entry.size_mb is None else ", about %.3g MB" % entry.size_mb
    accuracy = "AP %.1f (%s) by %s, %s" % entry.accuracy
    lines = ["%s: %s%s" % (entry.name, entry.title, size), "  page: %s" % entry.page, "  accuracy: %s" % accuracy]
    lines += ["  licence: %s" % entry.licence]
    lines += ["  restrictions: %s" % entry.restrictions] if entry.restrictions else []
    return lines + ([] if entry.tried else ["  not tried: this file has never been run with this package"])


def instructions(entry: Entry, name: str) -> List[str]:
    """Return lines that tell how to make the file of a model that nobody publishes as ONNX, and how to import it.

    Args:
        entry: the model.
        name: name for the imported model.
    """
    return [entry.how, "then: %s" % import_command(entry, name)]


def import_command(entry: Entry, name: str) -> str:
    """Return the command that imports a model whose file the user has.

    Args:
        entry: the model.
        name: name for the imported model.
    """
    words = ["pose", "import", entry.file or "MODEL.onnx", "--name", name]
    for key, value in entry.options.items():
        words += [FLAGS[key]] if value is True else [FLAGS[key], str(value)]
    return " ".join(map(shlex.quote, words))


def _fetch(entry: Entry, folder: str, order: ModelGet, report: Say) -> str:
    """Download, unpack and import a model; the download is removed after the import, and kept where that fails."""
    ending = os.path.splitext(urllib.parse.urlsplit(str(entry.url)).path)[1]
    kept = os.path.join(folder, "downloads", entry.name + ending)
    sha256 = _download(entry, order, folder, kept, report)
    origin = "%s sha256:%s" % (entry.url, sha256)
    place = dict(out=folder, name=order.save_as, force=order.force)
    fields = dict(entry.options, licence=entry.licence, origin=origin, **place)
    try:
        path = _import(kept, entry.file, fields, report)
    except PoseError:
        report("the download is kept: %s" % kept)
        raise
    record = dict(sha256=sha256, licence=entry.licence, page=entry.page, model_sha256=file_sha256(path))
    write_json(os.path.join(folder, RECORDS), dict(_records(folder), **{str(entry.url): record}), indent=2)
    os.remove(kept)
    return path


def _download(entry: Entry, order: ModelGet, folder: str, kept: str, report: Say) -> str:
    """Download the file of a model, unless an earlier download of it was kept, and return its sha256."""
    recorded = _records(folder).get(str(entry.url), {}).get("sha256")
    expected = entry.sha256 or recorded
    if expected and os.path.isfile(kept) and file_sha256(kept) == expected:
        return expected
    report("downloading %s" % entry.url)
    if expected:
        report("  sha256: %s, by %s" % (expected, "the catalogue" if entry.sha256 else os.path.join(folder, RECORDS)))
    else:
        report("  sha256: unknown; that of this download is recorded in %s" % os.path.join(folder, RECORDS))
    try:
        return download(str(entry.url), kept, expected, report)
    except DataError:
        command = import_command(entry, order.save_as or entry.name)
        report("to get it by hand: download it from the page above, and then: %s" % command)
        raise


def _import(kept: str, member: Optional[str], fields: Dict[str, Any], report: Say) -> str:
    from pose_estimation_ros.importing.import_model import ModelImport, import_model  # needs onnx, the rest does not

    with tempfile.TemporaryDirectory(dir=os.path.dirname(kept)) as unpacked:
        source = take_model(kept, unpacked, member) if kept.endswith(".zip") else kept
        return str(import_model(ModelImport(source=source, **fields), report))


def _records(folder: str) -> Dict[str, Dict[str, str]]:
    """Read what came into a folder by downloads, by address."""
    path = os.path.join(folder, RECORDS)
    records = read_json(path) if os.path.exists(path) else {}
    if not isinstance(records, dict) or not all(isinstance(record, dict) for record in records.values()):
        raise DataError("%s: expected a mapping of addresses to records" % path)
    return records


def _check_same(entry: Entry, path: str) -> None:
    """Check that an existing model is the one that would be made again. Raises ConfigError for any other."""
    record = _records(os.path.dirname(path)).get(str(entry.url), {})
    wanted = entry.sha256 or record.get("sha256")
    if not os.path.isfile(path) or record.get("sha256") != wanted or record.get("model_sha256") != file_sha256(path):
        raise ConfigError(
            "%s exists and is another file; --name gives the new one another name, --force replaces it" % path
        )
