"""`pose data toy` writes what its options say."""

import json

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.datasets.subset import chosen_ids


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
    assert lines[0] == f"{tmp_path}/toy/train: 2 images of {len(content['annotations'])} people" and len(lines) == 4


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


def test_a_check_of_sound_data_and_of_data_with_a_fault(tmp_path, capsys):
    assert main(["data", "toy", str(tmp_path / "toy"), "--images", "1"]) == 0
    part = tmp_path / "toy" / "train"
    capsys.readouterr()
    assert main(["data", "check", str(part)]) == 0
    assert "COCO's person keypoints" in capsys.readouterr().out
    (part / "images" / "00001.jpg").unlink()
    assert main(["data", "check", str(part)]) == 1
    assert "error: expected no images that are missing, got 1: 00001.jpg" in capsys.readouterr().out
    assert main(["data", "check", str(part), "--no-images"]) == 0
    capsys.readouterr()
    assert main(["data", "check", str(part / "person_keypoints.json"), "--json"]) == 1
    (report,) = json.loads(capsys.readouterr().out)
    assert report["errors"][0]["count"] == 1 and report["facts"]["images"] == 1


def test_a_check_of_a_warning_alone(tmp_path, capsys):
    assert main(["data", "toy", str(tmp_path / "toy"), "--images", "1"]) == 0
    path = tmp_path / "toy" / "train" / "person_keypoints.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["area"] *= 1000
    path.write_text(json.dumps(content))
    assert main(["data", "check", str(path)]) == 0
    assert "warning: 1 persons have an area that does not fit their box" in capsys.readouterr().out


def test_a_subset(tmp_path, capsys):
    assert main(["data", "toy", str(tmp_path / "toy"), "--images", "3"]) == 0
    (tmp_path / "ids.txt").write_text("1\n3\n")
    annotations, out = str(tmp_path / "toy/train/person_keypoints.json"), str(tmp_path / "part")
    assert main(["data", "subset", annotations, "--ids", str(tmp_path / "ids.txt"), "--out", out]) == 0
    assert f"{out}: 2 images of" in capsys.readouterr().out
    assert main(["data", "check", out]) == 0


def test_the_listed_ids_are_97(repository):
    path = repository / "docs" / "measurements" / "coco-val-97.txt"
    assert len(chosen_ids(str(path), set(range(600_000)))) == 97
