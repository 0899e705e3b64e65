"""Read models/catalogue.yaml, which lists pose models and person detectors that others publish."""

import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from pose_estimation_ros.core.errors import ConfigError, did_you_mean
from pose_estimation_ros.core.fields import NUMBER, TEXT, TRUE_OR_FALSE, Rule, check_fields, one_of, optional
from pose_estimation_ros.core.resources import resource_folders
from pose_estimation_ros.importing.yaml_files import read_yaml

FILE = "catalogue.yaml"
KINDS = ("pose", "one_stage", "detector")
COLUMNS = ("name", "kind", "skeleton", "AP", "AP of", "MB", "licence", "file", "tried")


class Accuracy(NamedTuple):
    """Hold a published accuracy.

    Attributes:
        AP: average precision, percent.
        of: what is measured, such as "keypoints, COCO val2017".
        source: title of the publication.
        page: its address.
    """

    AP: float
    of: str
    source: str
    page: str


class Entry(NamedTuple):
    """Describe a model that others publish.

    Attributes:
        name: name to get it by, and to use it by afterwards.
        title: its name where it is published.
        kind: "pose", in boxes of a detector; "one_stage", which needs none; or "detector", of persons.
        page: address of the page that describes it.
        licence: SPDX identifier, or words.
        accuracy: published accuracy.
        tried: whether this package has run the published file.
        skeleton: name of the skeleton, None for a detector.
        restrictions: what a user must know of the licence before the download, "" where there is nothing.
        url: address of an ONNX file or of a zip with one, None where none is published.
        file: end of the path of the ONNX file in the zip, or path of the file that a user makes; None where the zip
            holds a single one.
        sha256: checksum of the file at url, None where unknown.
        size_mb: approximate size of the ONNX file, MB; None where unknown.
        how: how a user makes the ONNX file; "" where it can be downloaded.
        options: further fields of importing.import_model.ModelImport; in the file its key is "import".
    """

    name: str
    title: str
    kind: str
    page: str
    licence: str
    accuracy: Accuracy
    tried: bool
    skeleton: Optional[str] = None
    restrictions: str = ""
    url: Optional[str] = None
    file: Optional[str] = None
    sha256: Optional[str] = None
    size_mb: Optional[float] = None
    how: str = ""
    options: Mapping[str, Any] = {}


def _matching(expected: str, pattern: str) -> Rule:
    def convert(value: Any) -> str:
        if not re.match("(?:%s)$" % pattern, TEXT.convert(value)):
            raise ValueError
        return str(value)

    return Rule(expected, convert)


def _mapping(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError
    return value


ADDRESS = _matching("an address that begins with https://", r"https://[^\s/]+/\S*")
MAPPING = Rule("a mapping", _mapping)
RULES = {
    "name": _matching("a name of letters, digits and _", "[a-z][a-z0-9_]*"),
    "title": TEXT,
    "kind": one_of(KINDS),
    "page": ADDRESS,
    "licence": TEXT,
    "accuracy": MAPPING,
    "tried": TRUE_OR_FALSE,
    "skeleton": optional(TEXT),
    "restrictions": TEXT,
    "url": optional(ADDRESS),
    "file": optional(TEXT),
    "sha256": optional(_matching("64 hexadecimal digits", "[0-9a-f]{64}")),
    "size_mb": optional(NUMBER),
    "how": TEXT,
    "import": MAPPING,
}
ACCURACY_RULES = {"AP": NUMBER, "of": TEXT, "source": TEXT, "page": ADDRESS}


def read_catalogue(path: Optional[str] = None) -> List[Entry]:
    """Read and check a catalogue.

    Args:
        path: the file, None for the one of the package.

    Returns:
        The entries, in the order of the file.

    Raises:
        ConfigError: the file cannot be read, or an entry is not as it should be.
    """
    path = path or catalogue_file()
    rows = read_yaml(path)
    if not isinstance(rows, list):
        raise ConfigError("%s: expected a list of models, got a %s" % (path, type(rows).__name__))
    entries = [_entry(row, "%s, model %d" % (path, number)) for number, row in enumerate(rows, 1)]
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("%s: expected different names, got %s twice" % (path, name))
    return entries


def catalogue_file() -> str:
    """Return the path of the package's catalogue. Where there is none, it is the path in the source tree."""
    paths = [os.path.join(folder, FILE) for folder in resource_folders("models")]
    return next((path for path in paths if os.path.isfile(path)), paths[0])


def find_entry(entries: Sequence[Entry], name: str) -> Entry:
    """Return the entry with a name.

    Args:
        entries: those of a catalogue.
        name: the user's name of a model.

    Raises:
        ConfigError: there is no such entry.
    """
    named = {entry.name: entry for entry in entries}
    if name not in named:
        near = did_you_mean(name, named) or "; `pose get --list` shows all"
        raise ConfigError("expected a model of the catalogue, got %r%s" % (name, near))
    return named[name]


def rows(entries: Sequence[Entry]) -> List[Sequence[str]]:
    """Return a row of texts for each entry; their meaning is that of COLUMNS."""
    return [_row(entry) for entry in entries]


def table(entries: Sequence[Entry]) -> str:
    """Write the entries as a table for a terminal."""
    lines = [COLUMNS] + [tuple(row) for row in rows(entries)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _row(entry: Entry) -> Sequence[str]:
    size = "?" if entry.size_mb is None else "%.3g" % entry.size_mb
    accuracy = ("%.1f" % entry.accuracy.AP, entry.accuracy.of)
    source = "download" if entry.url else "export"
    licence = entry.licence + ("*" if entry.restrictions else "")
    tried = "yes" if entry.tried else "no"
    return (entry.name, entry.kind, entry.skeleton or "-") + accuracy + (size, licence, source, tried)


def _entry(row: Any, where: str) -> Entry:
    """Check a model of the file; the values of missing fields are those of Entry."""
    fields = _checked(row, RULES, [name for name in Entry._fields if name not in Entry._field_defaults], where)
    accuracy = Accuracy(**_checked(fields.pop("accuracy"), ACCURACY_RULES, Accuracy._fields, where))
    entry = Entry(accuracy=accuracy, options=fields.pop("import", {}), **fields)
    if bool(entry.url) == bool(entry.how):
        raise ConfigError("%s: expected either url or how" % where)
    if (entry.kind == "detector") != (entry.skeleton is None):
        raise ConfigError("%s: expected a skeleton for poses, and none for a detector" % where)
    return entry


def _checked(row: Any, rules: Mapping[str, Rule], required: Sequence[str], where: str) -> Dict[str, Any]:
    """Check the fields of a mapping. Raises ConfigError."""
    try:
        fields = _mapping(row)
    except TypeError:
        raise ConfigError("%s: expected a mapping of fields, got a %s" % (where, type(row).__name__))
    for name in fields:
        if name not in rules:
            raise ConfigError("%s: unknown field %r%s" % (where, name, did_you_mean(name, rules)))
    missing = [name for name in required if name not in fields]
    if missing:
        raise ConfigError("%s: expected the field %s" % (where, missing[0]))
    try:
        return check_fields(fields, {name: rules[name] for name in fields})
    except ConfigError as error:
        raise ConfigError("%s: %s" % (where, error))
