"""`pose data toy` writes what its options say."""

import json

import pytest

from pose_estimation_ros.__main__ import main


def test_no_action(capsys):
    with pytest.raises(SystemExit) as error:
        main(["data"])
    assert error.value.code == 2 and "ACTION" in capsys.readouterr().err


def test_a_toy_set(tmp_path, capsys):
    assert main(["data", "toy", str(tmp_path / "toy"), "--images", "2", "--skeleton", "mpii16", "--seed", "5"]) == 0
    content = json.loads((tmp_path / "toy" / "train" / "person_keypoints.json").read_text())
    assert len(content["images"]) == 2 and content["info"]["seed"] == 5
    assert content["categories"][0]["keypoints"][6:8] == ["pelvis", "thorax"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path}/toy/train: 2 images of {len(content['annotations'])} people" and len(lines) == 2


@pytest.mark.parametrize(
    "words, code, message",
    [
        (["--images", "0"], 2, "expected"),
        (["--seed", "-1"], 2, "expected"),
        (["--skeleton", "hand21"], 1, "expected a skeleton out of"),
        (["--imags", "3"], 2, "did you mean '--images'?"),
    ],
)
def test_options_that_do_not_fit(words, code, message, tmp_path, capsys):
    try:
        got = main(["data", "toy", str(tmp_path / "toy"), *words])
    except SystemExit as error:
        got = error.code
    assert got == code and message in capsys.readouterr().err and not (tmp_path / "toy").exists()
