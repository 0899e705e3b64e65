"""Check that the page for users lists every family as the table has it."""

import re

from pose_estimation_ros.importing.boxes.detect import FAMILIES as DETECTORS
from pose_estimation_ros.importing.pose.families import FAMILIES, IMAGENET_MEAN, NO_MEAN, NO_STD, PER_255, families_of
from pose_estimation_ros.importing.pose.outputs import KINDS

RANGES = {(NO_MEAN, NO_STD): "0..255", (NO_MEAN, PER_255): "0..1"}
WORDS = {
    "heatmaps": "heatmaps", "simcc": "SimCC", "decoded": "keypoints in px", "dets": "people", "raw_yolo": "candidates",
    "rows": "people", "flat": "people", "batch": "people", "movenet": "one person", "movenet_multi": "six people",
    "associative_embedding": "heatmaps and tags",
}  # fmt: skip


def row_of(name):
    """Return the row of a family as the page writes it."""
    family = FAMILIES[name]
    outputs = ", ".join(sorted({WORDS[kind] for kind in family.kinds}))
    values = "ImageNet's mean and std" if family.mean == IMAGENET_MEAN else RANGES[family.mean, family.std]
    decoder = family.decoder + (", UDP" if family.fit.get("crop") == "udp" else "")
    return "| `%s` | %s | %s, %s | %s | %s |" % (
        name, outputs, family.color.upper(), values, decoder or "-", family.licence)  # fmt: skip


def test_the_page_lists_all_families(repository):
    text = (repository / "docs" / "how-to" / "use-your-own-model.md").read_text()
    table = text.split("<!-- families -->")[1].split("<!-- end -->")[0].strip().splitlines()
    assert table[2:] == [row_of(name) for name in FAMILIES]


def test_the_page_says_of_all_families_how_they_were_checked(repository):
    text = (repository / "docs" / "how-to" / "use-your-own-model.md").read_text()
    rows = text.split("<!-- checked -->")[1].split("<!-- end -->")[0].strip().splitlines()[2:]
    names = [name for row in rows for name in re.findall("`([a-z-]+)`", row.split("|")[1])]
    assert sorted(names) == sorted([*FAMILIES, *DETECTORS])


def test_every_kind_has_a_family():
    assert all(families_of(kind) for kind in KINDS)
    assert families_of("movenet") == ("movenet",) and families_of("") == ()
