"""The page of recordings: all of it there, nothing from elsewhere, and whatever came out of the runs."""

import json
import re
from typing import NamedTuple

import numpy as np
import pytest
from html_pages import parse

from pose_estimation_ros.evaluation.bag.report.write import write_report

HOSTILE = "<script src=http://a.b/c>\"&'x"


class Read(NamedTuple):
    text: str
    pictures: int


def page(tmp_path):
    """After what holds of every report of ours: well-formed, nothing from elsewhere, no script."""
    parsed = parse(tmp_path / "out" / "report.html")
    return Read(re.sub(r"\s+", " ", " ".join(parsed.text)), len(parsed.having("img")))


def test_a_recording(evaluate, save_bag, stamps, tmp_path):
    assert evaluate(save_bag("bag", stamps(12)), "--realtime", "--latency-ms", "100")[0] == 0
    tags = page(tmp_path)
    for words in (
        "5 of 12",
        "People over time",
        "color_model: 1 id",
        "Dropped images",
        "Age of the results",
    ):
        assert words in tags.text.replace("_ ", "_"), words
    assert "pseudo" not in tags.text and "Comparison" not in tags.text


def test_with_a_truth_and_moments(evaluate, save_bag, stamps, tmp_path):
    path = save_bag("bag", stamps(3))
    box = {"bbox": [20, 40, 40, 40], "area": 1600, "category_id": 1, "iscrowd": 0, "num_keypoints": 17, "track_id": 4}
    people = [
        {"id": i + 1, "image_id": i, "keypoints": np.tile([30 + 2 * i, 60, 2], 17).tolist(), **box} for i in range(3)
    ]
    images = [{"id": i, "stamp_ns": stamp} for i, stamp in enumerate(stamps(3))]
    (path / "truth.json").write_text(json.dumps({"images": images, "annotations": people}))
    status, (run,) = evaluate(path)
    assert status == 0 and run["truth"]["tracking"]["true_tracks"] == 1 and run["truth"]["tracking"]["HOTA"] > 50
    assert run["truth"]["keypoints"]["all"]["labelled"] == 51 and run["truth"]["calibration"]["count"] == 51
    tags = page(tmp_path)
    for words in (
        "ground truth: 1 id",
        "Comparison with the ground truth",
        "HOTA",
        "IDF1",
        "calibrated",
        "Worst moments",
        "mean OKS",
    ):
        assert words in tags.text, words
    assert tags.pictures == 6, "of three images the truth and what was found"


def test_what_failed_and_what_is_not_whole(evaluate, save_bag, stamps, tmp_path):
    path = save_bag("whole", stamps(2))
    (path / "metadata.yaml").unlink()
    assert evaluate(tmp_path / "<none>", path)[0] == 1
    text = page(tmp_path).text
    assert "Failed: expected a bag" in text and "<none>" in text
    assert "Partial: whole, color_model: metadata.yaml is missing: the recording was not finished" in text.replace(
        "_ ", "_"
    )


def test_what_comes_from_files_is_escaped(evaluate, save_bag, stamps, tmp_path):
    """Names of a bag, a topic, a model and an option, a reason and an error."""
    assert evaluate(save_bag("bag", stamps(3)))[0] == 0
    (file,) = (tmp_path / "out").glob("bag/*/results.json")
    results = json.loads(file.read_text())
    names = {"bag": HOSTILE, "topic": HOSTILE, "partial": True, "partial_reason": HOSTILE}
    file.write_text(json.dumps({**results, **names, "options": {HOSTILE: HOSTILE}}))
    folder = file.parent.rename(file.parent.parent / "<b>model&")
    write_report(tmp_path / "out", [{"folder": str(folder), "results": names}], {}, [HOSTILE])
    text = page(tmp_path).text
    assert text.count(HOSTILE) >= 10 and "<b>model&" in text, "it is shown as it is"


def test_nothing_at_all(evaluate, tmp_path):
    assert evaluate(tmp_path / "none")[0] == 1
    assert "Recordings: none" in page(tmp_path).text


def test_pseudo_truth_is_called_so(evaluate, save_bag, stamps, color_model, tmp_path):
    assert evaluate(save_bag("bag", stamps(3)), "--pseudo-truth", color_model, "-p", "tracking:=false")[0] == 0
    text = page(tmp_path).text
    assert "Comparison with the pseudo ground truth" in text and "pseudo-AP" in text and "the ground truth" not in text
    assert not re.search(r"(?<!pseudo-)AP50", text)


@pytest.mark.parametrize("count", [1, 2])
def test_few_images(evaluate, save_bag, stamps, tmp_path, count):
    assert evaluate(save_bag("bag", stamps(count)))[0] == 0
    assert f"{count} of {count}" in page(tmp_path).text
