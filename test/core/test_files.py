import json

import pytest

from pose_estimation_ros.core.files import write_json, write_whole


def test_empty_content_and_missing_folders(tmp_path):
    path = tmp_path / "a" / "b.bin"
    write_whole(path, b"")
    assert path.read_bytes() == b""


def test_replaces_and_leaves_nothing_else_behind(tmp_path):
    path = str(tmp_path / "x.json")
    for data in ([1], {"a": [2, None]}):
        write_json(path, data)
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [2, None]}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, [1])
    with pytest.raises(TypeError):
        write_json(path, object())
    assert json.loads(path.read_text()) == [1]
