"""Check that models/README.md explains every key of a spec, every decoder and every option with its default."""

import json
import re

import pytest

from pose_estimation_ros.core.model_spec import CROPS, DECODER_OPTIONS, DECODERS, FIT_OPTIONS, RESIZES, ModelSpec


@pytest.fixture
def table(repository):
    """A function: the cells of the rows of a table on the page."""
    text = (repository / "models" / "README.md").read_text()

    def cells(name):
        rows = text.split("<!-- %s -->" % name)[1].split("<!-- end -->")[0].strip().splitlines()[2:]
        return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]

    return cells


def names_in(cell):
    return re.findall("`([a-z_0-9]+)`", cell)


def test_keys(table):
    assert [names_in(key) for key, _text in table("spec")] == [[name] for name in ModelSpec._fields]


def test_decoders(table):
    rows = table("decoders")
    tasks = {decoder: task for task, decoders in DECODERS.items() for decoder in decoders}
    assert {name.strip("`"): task.strip("`") for name, task, _outputs, _options in rows} == tasks
    for name, _task, _outputs, options in rows:
        defaults = dict(re.findall(r"`([a-z_]+)` \(([^)]*)\)", options))
        known = DECODER_OPTIONS[name.strip("`")]
        assert defaults == {option: json.dumps(default) for option, (default, _rule) in known.items()}


def test_fits(table):
    rows = {name.strip("`"): (names_in(tasks), values) for name, tasks, values in table("fits")}
    for task, options in FIT_OPTIONS.items():
        assert [name for name, (tasks, _values) in rows.items() if task in tasks] == list(options)
    assert tuple(names_in(rows["crop"][1])) == CROPS and tuple(names_in(rows["resize"][1])) == RESIZES
    assert names_in(rows["outside"][1]) == ["image", "black"]
