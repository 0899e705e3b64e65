import json

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.training.export.accuracy_cost import check_data, keep_accuracy, to_text


@pytest.fixture
def finder(constant_model, save_spec):
    """A detector that finds a person at (10, 10, 50, 90) px in every image of 64x96 px."""
    outputs = {"boxes_xyxy": np.float32([[[10, 10, 50, 90]]]), "scores": np.float32([[0.9]])}
    path = constant_model("finder", outputs, (64, 96))
    save_spec(
        path,
        task="person_detector",
        decoder="boxes",
        skeleton="",
        stride=1,
        input_size_wh=(64, 96),
        accuracy={"old": {"x": 1}},
        name="finder",
    )
    return path


@pytest.fixture
def street(tmp_path):
    """Two images, in one of which the person is where the finder looks."""
    (tmp_path / "street" / "images").mkdir(parents=True)
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / "street" / "images" / f"{number}.png"), np.zeros((96, 64, 3), np.uint8))
    boxes = [(1, [10, 10, 40, 80]), (2, [30, 20, 30, 70])]
    annotations = [{"id": i, "image_id": i, "category_id": 1, "iscrowd": 0, "bbox": box} for i, box in boxes]
    images = [{"id": i, "file_name": f"{i}.png"} for i in (1, 2)]
    (tmp_path / "street" / "boxes.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return tmp_path / "street" / "boxes.json"


def test_a_detectors_figures_stand_beside_what_was_there(finder, street):
    shown = keep_accuracy(finder, None, street, False)
    accuracy = load_model_spec(finder).accuracy
    assert accuracy == {"old": {"x": 1}, **shown} and list(shown) == ["boxes"]
    assert shown["boxes"]["recall_at_1_fp"] == 0.5
    assert to_text(shown).startswith("boxes: images 2  recall_at_0.2_fp ")


def test_before_and_after(finder, street):
    shown = keep_accuracy(finder, finder, street, False)
    assert load_model_spec(finder).accuracy["fp32"] == shown["fp32"] == {"boxes": shown["boxes"]}
    assert [line.split(": ")[0] for line in to_text(shown).splitlines()] == ["boxes", "boxes, fp32"]


def test_a_detector_has_no_flip_test(finder, street):
    with pytest.raises(ConfigError, match="expected --flip with pose models alone, got the detector"):
        keep_accuracy(finder, None, street, True)
    assert load_model_spec(finder).accuracy == {"old": {"x": 1}}


def test_data_is_looked_at_before(dots, street, tmp_path):
    check_data(dots, None), check_data(dots, street)
    with pytest.raises(ConfigError, match="expected test data that int8 is not calibrated on"):
        check_data(dots, dots / "person_keypoints.json")
    with pytest.raises(DataError, match="expected a JSON file"):
        check_data(tmp_path, None)
