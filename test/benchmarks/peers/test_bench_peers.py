"""Check the figures of the comparison against numbers computed by hand, and the comparison with tiny programs."""

import sys

import numpy as np
import pytest

from benchmarks.peers import bench_peers
from benchmarks.peers.bench_peers import HEAD, Result, cells, rows, summary
from benchmarks.peers.candidates import Candidate, Folders, Start
from benchmarks.peers.environments import variables
from benchmarks.peers.protocol import LeftOut
from tools.documentation.page_parts import filled

PROGRAM = """
import itertools
from benchmarks.peers.protocol import serve
serve(lambda: {%s}, 1)
"""
WORK = "'%s': itertools.repeat(lambda: %s)"


def turn(ms, people=(1, 1)):
    return {"wall_ms": [ms, ms + 2], "processor_ms": [ms / 2, ms / 2], "people": list(people)}


def test_a_round_counts_by_its_mean():
    result = summary(
        [{"person": turn(1), "frame": turn(10, (4, 5))}, {"person": turn(2), "frame": turn(20, (5, 5))}], "wall_ms"
    )
    assert result.ms["person"].tolist() == [2, 3] and result.ms["frame"].tolist() == [11, 21]
    assert result.people == pytest.approx(4.75)
    assert summary([{"person": turn(8, (0, 1))}], "processor_ms") == ({"person": np.array([4.0])}, 0.5)


def test_ratios_are_those_of_the_same_rounds():
    reference = Result({"frame": np.array([10.0, 20, 40])}, 5)
    result = Result({"frame": np.array([20.0, 20, 160])}, 5)  # ratios 2, 1, 4
    assert cells(result, reference, "frame") == ("20.0", "2.00 (1.20..3.60)")
    assert cells(result, reference, "person") == ("-", "-")


def test_rows_have_a_cell_for_each_column():
    results = {"ours": Result({"frame": np.ones(2), "person": np.ones(2)}, 5), "one": Result({"person": np.ones(2)}, 1)}
    table = rows(results, {"ours": "42.9", "one": "-"})
    assert {len(row) for row in table} == {len(HEAD)}
    assert table[1] == ("one", "-", "1.0", "1.00 (1.00..1.00)", "-", "-", "1.0")


@pytest.fixture
def tiny(monkeypatch):
    """Put programs of a line in the place of the candidates."""

    def start(source):
        return lambda folders: Start([sys.executable, "-c", source], variables())

    def absent(folders):
        raise LeftOut("it is not there")

    both = PROGRAM % ", ".join((WORK % ("frame", 5), WORK % ("person", 1)))
    listed = [
        Candidate("ours", start(both)),
        Candidate("one person", start(PROGRAM % (WORK % ("person", 1)))),
        Candidate("absent", absent),
        Candidate("broken", start("raise SystemExit('no such file')")),
        Candidate("ends", start(PROGRAM % (WORK % ("frame", "1 / 0")))),
    ]
    monkeypatch.setattr(bench_peers, "candidates", lambda models: listed)


def test_what_can_be_had_is_measured_and_the_rest_named(tiny, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- peers -->\nold\n<!-- end -->\n\nrest\n")
    bench_peers.main(["--rounds", "2", "--threads", "1", "--out", str(page), "--environments", str(tmp_path)])
    text = page.read_text()
    assert "old" not in text and text.startswith("# Page") and text.endswith("rest\n")
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| o")] == ["| ours", "| one person"]
    assert "* absent is left out: it is not there" in text
    assert "* broken is left out: it ended with: no such file" in text
    assert "* ends is left out: it ended with: ZeroDivisionError" in text
    assert "2 rounds" in text and "2 rounds" in capsys.readouterr().out


def test_the_folder_of_references_is_that_of_the_data(monkeypatch, tmp_path):
    monkeypatch.setenv("POSE_DATA", str(tmp_path))
    assert bench_peers.arguments([]).references == tmp_path / "reference_models"
    monkeypatch.delenv("POSE_DATA")
    assert bench_peers.arguments([]).references is None
    assert Folders(tmp_path, None).references is None


def test_the_page_has_one_part_for_the_tables(repository):
    filled(repository / "docs" / "measurements" / "speed-of-peers.md", {"peers": ""})
