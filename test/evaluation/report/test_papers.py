"""The papers' rows: consistent with themselves, and found by the names that recipes have."""

import pytest

from pose_estimation_ros.evaluation.report.papers import PAPERS, paper_rows


@pytest.mark.parametrize(
    "builder, skeleton, ap",
    [
        ("", "coco17", []),
        ("elpn_v1", "coco17", [70.5]),
        ("elpn_v1", "mpii16", [87.6]),
        ("elpn_v1", "crowdpose14", []),
        ("hrnet_w32", "coco17", [74.4, 75.8]),
        ("wlitepose_s", "crowdpose14", [59.6]),
        ("None", "coco17", []),
    ],
)
def test_rows(builder, skeleton, ap):
    assert [row.figures.get("AP", row.figures.get("Mean@0.5")) for row in paper_rows(builder, skeleton)] == ap


def test_every_row_is_plausible():
    for row in PAPERS:
        assert all(35 < value < 100 for value in row.figures.values()), row
        if "AP" in row.figures:
            assert row.figures["AP50"] > row.figures["AP75"] > row.figures["AP"] - 1
        assert row.data and row.protocol and row.source


def test_every_builder_is_known(repository):
    models = (repository / "pose_estimation_ros" / "training" / "models" / "__init__.py").read_text()  # without torch
    assert [row.builder for row in PAPERS if f'"{row.builder}": ' not in models] == []
