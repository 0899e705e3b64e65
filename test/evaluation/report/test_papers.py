"""The papers' rows: plausible, consistent with each other and with the networks, and found by the names of recipes."""

import collections
import re

import pytest

from pose_estimation_ros.evaluation.report.papers import (
    MEASURED,
    SPEED,
    all_rows,
    label,
    paper_rows,
    rows_of_skeleton,
    tables,
)
from pose_estimation_ros.importing.yaml_files import read_yaml
from pose_estimation_ros.training.model_table import PAPERS
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS

ROWS = {
    "goatpose_table": [19, 19, 3, 2],
    "elpn_table": [15, 15, 14, 4, 6, 4, 10],
    "wlitepose_table": [10, 10, 11, 6, 3, 6, 6, 5, 5, 6],
    "el_hrnet_table": [10, 7, 8],
}
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\+?([MG])")  # ViTPose-L has "70.0+" GFLOPs
MISPRINTED = {  # 19.1 M multiply-adds in place of G; 60 M parameters in place of 68.6 M
    ("EL-HRNet, Table 4", "Stacked Hourglass 256x256"),
    ("GoatPose, Table 2", "Simple Baseline 256x192"),
}
DIFFERENT = {"TransPose-H-A4"}  # AP 74.7 in one table of the paper, 74.4 in another


def amount(text):
    """A printed number of parameters or multiply-adds: its value, and half a unit of its last digit."""
    digits, unit = AMOUNT.fullmatch(text).groups()
    factor = {"M": 1e6, "G": 1e9}[unit]
    decimals = len(digits.partition(".")[2])
    return float(digits) * factor, 0.5 * 10**-decimals * factor


@pytest.mark.parametrize(
    "builder, skeleton, main",
    [
        ("", "coco17", []),
        ("None", "coco17", []),
        ("elpn_v1", "crowdpose14", []),
        ("elpn_v1", "no_such_skeleton", []),
        ("elpn_v1", "coco17", [70.5, 70.2]),
        ("elpn_v1", "mpii16", [87.6, 86.3]),
        ("hrnet_w32", "coco17", [74.4, 75.8, 73.4, 74.4, 74.9]),
        ("nam_hrnet_w32", "coco17", [76.1]),
        ("goatpose_bl", "coco17", [74.5]),
        ("wlitepose_s", "crowdpose14", [59.6]),
    ],
)
def test_rows_of_a_model(builder, skeleton, main):
    assert [row.main for row in paper_rows(builder, skeleton)] == main


def test_every_row_of_every_table_is_here():
    counts = collections.defaultdict(list)
    for table in tables():
        counts[table.name.rstrip("0123456789")].append(len(table.rows))
    assert counts == ROWS


def test_a_measurement_of_a_model_is_there_once_per_paper():
    names = [
        (row.table.paper.name, row.table.data.name, row.builder, row.label) for row in all_rows() if row.builder is None
    ]
    assert len(names) == len(set(names)), "two rows of the same paper cannot be told apart"
    assert len(rows_of_skeleton("crowdpose14")) < sum(
        len(table.rows) for table in tables() if table.data.name == "CrowdPose test"
    ), "a row that two tables repeat"
    assert rows_of_skeleton("") == []


@pytest.mark.parametrize(
    "cells, text",
    [
        ({}, ""),
        ({"method": "A", "backbone": None, "input": None, "AP": 1.0, "ms": 3}, "A"),
        ({"method": "A", "backbone": "A-S", "input": "8x6"}, "A-S 8x6"),
        ({"model": "a", "method": "A", "backbone": "B", "pretrain": "N", "macs": "1G"}, "A (B), pretrain N"),
        ({"method": "A", "experiment": "Exp-1", "light": "yes", "heavy": None, "τ": 0.1}, "A, Exp-1, light, τ 0.1"),
    ],
)
def test_labels(cells, text):
    assert label(cells) == text


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_every_row_is_plausible(table):
    assert table.about and table.protocol and table.paper.citation
    for cells in table.rows:
        figures = {name: value for name, value in cells.items() if name in MEASURED and value is not None}
        assert {"AP", "Mean"} & set(figures), cells
        assert all(30 < value < 100 for value in figures.values()), cells
        if "AP50" in figures:
            assert figures["AP50"] > max(figures["AP"], figures.get("AP75", 0)), cells
            assert figures["AP"] > 0.8 * figures.get("AP75", 0), cells
        for speed in (cells[name] for name in SPEED if cells.get(name) is not None):
            assert table.device and 10 < speed < 300, cells
        if cells.get("parameters") is not None:
            assert 1e6 <= amount(cells["parameters"])[0] < 400e6, cells
        if cells.get("macs") is not None and (table.source, label(cells)) not in MISPRINTED:
            assert 0.1e9 < amount(cells["macs"])[0] < 500e9, cells


def test_what_two_papers_print_of_one_measurement_is_the_same():
    seen = {}
    compared = 0
    for row in [row for row in all_rows() if row.builder]:
        key = row.builder, row.table.data.name, row.cells.get("input"), row.main
        for name, value in row.figures.items():
            first, where = seen.setdefault((*key, name), (value, row.table.source))
            assert value == first, (row.label, name, where, row.table.source)
            compared += where != row.table.source
    assert compared >= 12


def test_tables_of_speed_repeat_the_accuracy_of_the_first_table():
    first, *others = [table for table in tables() if table.paper.name == "GoatPose"]
    figures = {cells["method"]: cells for cells in first.rows}
    for table in [table for table in others if "fps" in table.columns]:
        for cells in table.rows:
            same = [cells[name] == figures[cells["method"]][name] for name in ("AP", "AR", "input") if name in cells]
            assert all(same) == (cells["method"] not in DIFFERENT), cells


def test_every_model_is_one_that_can_be_built():
    names = {str(cells["model"]) for table in tables() for cells in table.rows if cells.get("model")}
    assert names - set(POSE_MODELS | BOTTOM_UP_MODELS) == set()
    papers = {table.paper.name for table in tables()}
    counted = {row.model for row in PAPERS if row.source in papers}
    assert counted | {"elpn_v1", "elpn_v2", "el_hrnet_w32", "wlitepose_s", "wlitepose_xs"} <= names


def test_the_printed_counts_are_those_of_the_table_of_models():
    """`pose models` has the same figures, as far as the digits of a table go; several where sources differ."""
    known = collections.defaultdict(list)
    for row in PAPERS:
        known[row.model, "{1}x{0}".format(*row.input_size_wh)].append({"parameters": row.parameters, "macs": row.macs})
    compared = set()
    for source, cells in ((table.source, cells) for table in tables() for cells in table.rows):
        network = cells.get("model"), cells.get("input")
        for column, unit in (("parameters", 1e6), ("macs", 1e9)):
            values = [row[column] * unit for row in known.get(network, []) if row[column] is not None]
            if values and cells.get(column) is not None and (source, label(cells)) not in MISPRINTED:
                printed, rounding = amount(cells[column])
                assert min(abs(printed - value) for value in values) < 1.001 * rounding, cells
                compared.add((*network, column))
    own = {network for network in known if network[0].startswith(("goatpose", "el", "litepose_x", "wlitepose"))}
    assert compared >= {(*network, column) for network in own for column in ("parameters", "macs")}


def test_rows_have_the_costs_that_another_table_of_the_paper_gives():
    row = next(row for row in all_rows() if row.table.source == "GoatPose, Table 1" and row.builder == "goatpose_xh")
    assert (row.cells["parameters"], row.cells["macs"], row.cells["AP50"]) == ("34.76M", "17.53G", 93.7)


def printed_by(rows):
    """The figures of rows of an ablation, in their order: score, millions of parameters, 10^9 multiply-adds."""
    return [tuple(row.get("printed", {}).get(key) for key in ("score", "parameters_m", "macs")) for row in rows]


def as_in_an_ablation(table):
    """The figures of a paper's table, as `printed_by` has them."""
    figures = []
    for cells in table.rows:
        costs = [amount(cells[name])[0] if cells.get(name) else None for name in ("parameters", "macs")]
        score = cells.get("AP", cells.get("Mean"))
        figures.append((score, costs[0] and costs[0] / 1e6, costs[1] and costs[1] / 1e9))
    return figures


def test_the_figures_of_an_ablation_are_compared():
    (table,) = [table for table in tables() if table.name == "goatpose_table3"]
    rows = [{"printed": {"score": 74.4, "parameters_m": 29, "macs": 7.1}}, {"name": "other"}]
    assert printed_by(rows)[0] == as_in_an_ablation(table)[0] and printed_by(rows)[1] == (None, None, None)
    assert len(as_in_an_ablation(table)) == 3


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_ablations_print_what_the_paper_s_table_prints(table, repository):
    """As far as config/ablations has a file for the table."""
    for path in (repository / "config").glob(f"ablations/{table.name}.yaml"):
        ours, theirs = as_in_an_ablation(table), printed_by(read_yaml(path)["rows"])
        assert len(ours) == len(theirs)
        for own, other in zip(ours, theirs):
            assert all(b is None or b == pytest.approx(a) for a, b in zip(own, other, strict=True)), (own, other)
