"""Which annotations belong to which image file, also where names occur twice."""

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.metrics.image_annotations import entries_of_files, poses_of


def matched(tmp_path, there, sources, names, annotations="data/truth.json"):
    """Base folder with files; the source's paths; names in the annotations -> the names matched to the sources."""
    for name in {*there, *sources}:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    entries = [{"id": place, "file_name": name} for place, name in enumerate(names)]
    paths = [str(tmp_path / name) for name in sources]
    found = entries_of_files(entries, paths, str(tmp_path / annotations))
    return [found[path]["file_name"] if path in found else None for path in paths]


DAYS = ["data/images/day1/1.jpg", "data/images/day2/1.jpg"]
BOTH = ["day1/1.jpg", "day2/1.jpg"]


def test_nobody():
    assert poses_of([], 17).count == 0


@pytest.mark.parametrize(
    "there, sources, names, expected",
    [
        ([], [], [], []),
        ([], ["data/images/1.jpg"], [], [None]),
        ([], ["data/images/1.jpg"], ["2.jpg"], [None]),
        ([], ["data/images/1.jpg"], ["1.jpg"], ["1.jpg"]),
        (DAYS, DAYS[:1], BOTH, ["day1/1.jpg"]),
        (DAYS, DAYS[1:], BOTH, ["day2/1.jpg"]),
        (DAYS, DAYS[1:], BOTH[:1], [None]),
        ([], ["elsewhere/day1/1.jpg"], BOTH, ["day1/1.jpg"]),
        (["elsewhere/day2/1.jpg"], ["elsewhere/day1/1.jpg"], BOTH[1:], [None]),
        ([], ["elsewhere/1.jpg"], BOTH[:1], ["day1/1.jpg"]),
        (DAYS, ["elsewhere/1.jpg"], BOTH[:1], ["day1/1.jpg"]),
        ([], ["data/images/1.jpg"], ["1.jpg", *BOTH], ["1.jpg"]),
        (DAYS, ["data/images/day1/1.jpg"], ["1.jpg", *BOTH], ["day1/1.jpg"]),
        ([], ["data/1.jpg"], ["1.jpg"], ["1.jpg"]),
        ([], ["data/images/1.jpg"], [1], [None]),
    ],
)
def test_files_and_entries(tmp_path, there, sources, names, expected):
    assert matched(tmp_path, there, sources, names) == expected


@pytest.mark.parametrize(
    "source, names",
    [("elsewhere/1.jpg", BOTH), ("elsewhere/1.jpg", ["1.jpg", "day1/1.jpg"]), ("data/images/1.jpg", ["1.jpg"] * 2)],
)
def test_two_that_may_be_meant(tmp_path, source, names):
    first, second = names
    with pytest.raises(DataError, match=rf"{source}: .* got 2: {first} \(id 0\) and {second} \(id 1\)"):
        matched(tmp_path, [], [source], names)
