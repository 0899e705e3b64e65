"""A part of a data set has the chosen images alone, as they were."""

import json

import pytest
from coco_folder import make_content

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets.subset import Subset, write_subset


@pytest.fixture
def data(tmp_path):
    content = make_content()
    content["images"][1]["file_name"] = "day/2.png"
    content["info"] = {"year": 2017}
    (tmp_path / "images" / "day").mkdir(parents=True)
    for name in ("1.png", "day/2.png"):
        (tmp_path / "images" / name).write_bytes(name.encode())
    (tmp_path / "all.json").write_text(json.dumps(content))
    return tmp_path, content


def cut(folder, lines, **changes):
    (folder / "ids.txt").write_text(lines)
    fields = {"annotations": "all.json", "images": "images", "ids": "ids.txt", "out": "part", **changes}
    return write_subset(Subset(**{key: str(folder / value) for key, value in fields.items()}))


@pytest.mark.parametrize("ids, images, people", [("1\n", 1, 2), ("# of a day\n\n2\n2\n", 1, 3), ("2\n1", 2, 5)])
def test_a_part(ids, images, people, data):
    folder, content = data
    assert cut(folder, ids) == (images, people)
    part = json.loads((folder / "part" / "person_keypoints.json").read_text())
    chosen = {int(line) for line in ids.split("\n") if line.isdigit()}
    assert part == {
        **content,
        "images": [image for image in content["images"] if image["id"] in chosen],
        "annotations": [a for a in content["annotations"] if a["image_id"] in chosen],
    }
    for image in part["images"]:
        assert (folder / "part" / "images" / image["file_name"]).read_text() == image["file_name"]


@pytest.mark.parametrize(
    "ids, changes, error, message",
    [
        ("", {}, DataError, "expected an id of an image in each line, got none"),
        ("1\n7\nx", {}, DataError, "2 ids of no image of the annotations, the first: 7"),
        ("1", {"ids": "none"}, DataError, "expected a text file of image ids"),
        ("1", {"out": "images"}, ConfigError, "expected a new folder"),
        ("1", {"images": "empty"}, DataError, "1 images that are missing, the first: 1.png"),
        ("1", {"annotations": "none.json"}, DataError, "expected a JSON file"),
    ],
)
def test_what_is_refused_leaves_no_folder(ids, changes, error, message, data):
    with pytest.raises(error, match=message):
        cut(data[0], ids, **changes)
    assert not (data[0] / "part").exists()
