import re

import pytest

yaml = pytest.importorskip("yaml", reason="reads the catalogue with PyYAML")

from pose_estimation_ros.core.errors import ConfigError  # noqa: E402
from pose_estimation_ros.core.skeleton import SKELETONS  # noqa: E402
from pose_estimation_ros.importing.boxes.detect import FAMILIES as DETECTORS  # noqa: E402
from pose_estimation_ros.importing.catalogue import (  # noqa: E402
    COLUMNS,
    KINDS,
    catalogue_file,
    find_entry,
    read_catalogue,
    rows,
    table,
)
from pose_estimation_ros.importing.model_import import ModelImport, checked  # noqa: E402
from pose_estimation_ros.importing.pose.families import FAMILIES  # noqa: E402
from pose_estimation_ros.importing.pose.outputs import KINDS as KINDS_OF_NETWORKS  # noqa: E402

SPDX = {"Apache-2.0", "MIT", "BSD-3-Clause", "AGPL-3.0", "CC-BY-4.0", "CC-BY-NC-4.0"}  # spdx.org/licenses
IMPORT_OPTIONS = {"like", "skeleton", "detector"}  # what `pose get` can also write as flags of `pose import`
ENTRIES = read_catalogue()
NAMES = set(
    "rtmpose_t rtmpose_s rtmpose_m rtmpose_l rtmw_l rtmo_s vitpose_s vitpose_b movenet_lightning movenet_thunder"
    " hrnet_w32 simplebaseline_res50 pp_tinypose yolo11n_pose yolo11s_pose yolox_nano yolox_tiny rtmdet_nano"
    " picodet_s_pedestrian".split()
)
GOOD = {
    "name": "a",
    "title": "A",
    "kind": "pose",
    "skeleton": "coco17",
    "page": "https://x.org/a",
    "url": "https://x.org/a.onnx",
    "licence": "MIT",
    "accuracy": {"AP": 50, "of": "COCO val", "source": "A paper", "page": "https://x.org/p"},
    "tried": False,
}


@pytest.fixture
def read(tmp_path):
    """Return a function that reads entries, or a text, as a catalogue."""

    def run(content):
        path = tmp_path / "catalogue.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return read_catalogue(str(path))

    return run


def test_an_empty_catalogue(read):
    assert read([]) == [] and table([]) == "  ".join(COLUMNS)


def test_the_shipped_catalogue_is_complete():
    assert {entry.name for entry in ENTRIES} == NAMES and len(ENTRIES) == len(NAMES)
    assert {entry.kind for entry in ENTRIES} == set(KINDS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_shipped_entry(entry):
    assert entry.licence in SPDX
    assert entry.skeleton in set(SKELETONS) | {None}
    assert 0 < entry.accuracy.AP < 100 and entry.accuracy.source and entry.accuracy.of
    assert set(entry.options) <= IMPORT_OPTIONS
    assert entry.options.get("detector", False) == (entry.kind == "detector")
    assert entry.options.get("skeleton", entry.skeleton) == entry.skeleton
    assert entry.url is None or re.search(r"/[^/]+\.(onnx|zip)$", entry.url)
    assert entry.url or (
        entry.file and entry.file.endswith(".onnx") and entry.file.split("/")[0].split(".")[0] in entry.how
    )
    assert entry.licence != "AGPL-3.0" or "AGPL-3.0" in entry.restrictions
    assert not entry.tried  # none was downloaded so far; whoever does says so here


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_options_of_shipped_entries_are_those_of_an_import(entry):
    """The family exists, has networks of the entry's kind, and says what the skeleton is where the entry does not."""
    order = checked(ModelImport("x.onnx", **entry.options))
    if order.detector:
        assert order.like in DETECTORS
        return
    family = FAMILIES[order.like] if order.like else FAMILIES["yolo-pose"]  # which Ultralytics' files name themselves
    task = "one_stage" if entry.kind == "one_stage" else "top_down"
    assert task in {KINDS_OF_NETWORKS[kind].task for kind in family.kinds}
    known = SKELETONS[entry.skeleton]
    names_it = order.like is None or family.skeletons.get(known.num_keypoints) == entry.skeleton
    assert order.skeleton == entry.skeleton or names_it


def test_addresses_differ():
    addresses = [entry.url for entry in ENTRIES if entry.url]
    assert len(set(addresses)) == len(addresses)


def test_fields_and_defaults(read):
    (entry,) = read([GOOD])
    assert entry.name == "a" and entry.accuracy.AP == 50.0 and entry.sha256 is None and entry.options == {}
    (entry,) = read([dict(GOOD, **{"import": {"like": "hrnet"}, "sha256": "0" * 64, "size_mb": 1})])
    assert entry.options == {"like": "hrnet"} and entry.sha256 == "0" * 64 and entry.size_mb == 1.0


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "expected a list of models, got a NoneType"),
        ("a: [", "expected YAML, got: "),
        ("a: 1", "expected a list of models, got a dict"),
        (["x"], "model 1: expected a mapping of fields, got a str"),
        ([GOOD, GOOD], "expected different names, got a twice"),
        ([dict(GOOD, licens="MIT")], "model 1: unknown field 'licens', did you mean 'licence'?"),
        ([{k: v for k, v in GOOD.items() if k != "licence"}], "model 1: expected the field licence"),
        ([dict(GOOD, name="A b")], "expected name to be a name of letters, digits and _, got 'A b'"),
        ([dict(GOOD, kind="box")], "expected kind to be one of pose, one_stage, detector, got 'box'"),
        ([dict(GOOD, url="http://x.org/a.onnx")], "expected url to be an address that begins with https://"),
        ([dict(GOOD, url=None)], "expected either url or how"),
        ([dict(GOOD, how="do it")], "expected either url or how"),
        ([dict(GOOD, sha256="abc")], "expected sha256 to be 64 hexadecimal digits"),
        ([dict(GOOD, skeleton=None)], "expected a skeleton for poses"),
        ([dict(GOOD, kind="detector")], "none for a detector"),
        ([dict(GOOD, tried="yes")], "expected tried to be true or false"),
        ([dict(GOOD, accuracy=50)], "expected accuracy to be a mapping"),
        ([dict(GOOD, accuracy={"AP": 50})], "model 1: expected the field of"),
        ([dict(GOOD, **{"import": ["like"]})], "expected import to be a mapping"),
    ],
)
def test_faults(read, content, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        read(content)


def test_a_missing_catalogue(tmp_path):
    with pytest.raises(ConfigError, match="no.yaml: expected a YAML file"):
        read_catalogue(str(tmp_path / "no.yaml"))


@pytest.mark.parametrize(
    "name, words",
    [("", "`pose get --list` shows all"), ("rtmpose-m", "did you mean 'rtmpose_m'?"), ("zzz", "shows all")],
)
def test_unknown_names(name, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        find_entry(ENTRIES, name)


def test_find_entry():
    assert find_entry(ENTRIES, "rtmpose_m").accuracy.AP == 74.9


def test_the_table_fits_and_has_a_row_for_each(repository):
    lines = table(ENTRIES).splitlines()
    assert max(map(len, lines)) <= 120
    assert [line.split()[0] for line in lines] == ["name"] + [entry.name for entry in ENTRIES]
    assert catalogue_file() == str(repository / "models" / "catalogue.yaml")


def test_the_page_has_the_same_table(repository):
    """`make catalogue` writes it."""
    page = (repository / "docs" / "how-to" / "get-a-model.md").read_text()
    found = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in page.splitlines() if line[:1] == "|"
    ]
    assert found[0] == COLUMNS and set(found[1]) == {"---"}
    assert found[2:] == [tuple(row) for row in rows(ENTRIES)]
