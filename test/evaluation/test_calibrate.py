"""Calibration of a model that finds coloured dots, where some annotations are moved away from them."""

import json
import shutil

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError, PoseError
from pose_estimation_ros.core.model_spec import load_model_spec, spec_path
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation import calibrate as calibration
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.evaluation.calibrate import ScoreCalibration, calibrate, weights
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile

COCO17 = get_skeleton("coco17")
WIDE = Skeleton("wide", COCO17.keypoints, COCO17.links, COCO17.flip_pairs, (0.2,) * 17)  # dots are found to 15 px
IMAGES = 120


@pytest.fixture
def many(dots):
    """A function: a skeleton -> annotations of many images; in every third the wrists are not where they are seen."""

    def make(skeleton):
        path = dots(skeleton)
        content = json.loads(path.read_text())
        images, annotations = content["images"], content["annotations"]
        content["images"] = [{**images[i % 3], "id": i} for i in range(IMAGES)]
        content["annotations"] = [{**annotations[i % 3], "id": i + 1, "image_id": i} for i in range(IMAGES)]
        for annotation in content["annotations"][::3]:
            keypoints = np.reshape(annotation["keypoints"], (-1, 3))
            keypoints[9:11, :2] += 1000
            annotation["keypoints"] = keypoints.ravel().tolist()
        path.write_text(json.dumps(content))
        return path

    return make


def test_scores_become_the_share_that_is_right(many, model):
    data, path = many(WIDE), model(WIDE)
    before = load_model_spec(path)
    done = calibrate(ScoreCalibration(path, data, threads=1))
    spec = load_model_spec(path)
    assert done.path == spec_path(path) and spec.scores == "calibrated" and before.scores == "raw"
    assert spec._replace(calibration={}) == before, "all else stays"
    assert spec.calibration["facts"] == {"data": str(data), "people": 120, "keypoints": 2040, "backgrounds": 0}
    assert done.figures["keypoint"]["calibrated"]["log_loss"] < done.figures["keypoint"]["raw"]["log_loss"]
    benchmark = open_benchmark(data, skeletons=[WIDE])
    _, results = accuracy_of_pose_model(find_model(path), benchmark, threads=1)
    scores = np.array([result["keypoints"][2::3] for result in results])
    assert scores[:, 9:11].mean() == pytest.approx(2 / 3, abs=0.03), "wrists"
    assert scores[:, 11:].mean() > 0.97
    assert benchmark.reliability(results)["keypoint"]["ECE"] < 0.06


@pytest.fixture
def three_boxes(constant_model, save_spec):
    """A detector that finds three people in every image: two surely, and one hardly."""
    boxes = [[24, 24, 136, 216], [20, 20, 140, 220], [10, 20, 150, 230]]
    path = constant_model("three_boxes", {"boxes_xyxy": [boxes], "scores": [[0.9, 0.6, 0.06]]}, (160, 240))
    options = {"decoder": "boxes", "decoder_options": {"nms_iou": None}, "input_size_wh": (160, 240)}
    save_spec(path, task="person_detector", skeleton="", **options)
    return path


def test_people_on_backgrounds_lower_the_score_of_people(tmp_path, capsys, many, model, three_boxes):
    """Whoever is found in the three images of the folder counts as wrong, 15 % of all."""
    data, path = many(WIDE), model(WIDE)
    alone = calibrate(ScoreCalibration(path, data, threads=1))
    before = load_model_spec(path).calibration
    (tmp_path / "images" / "notes.jpg").write_bytes(b"no image")
    done = calibrate(ScoreCalibration(path, data, tmp_path / "images", three_boxes, threads=1))
    assert "1 of 4 images could not be read" in capsys.readouterr().err
    after = load_model_spec(path).calibration
    assert (alone.facts["backgrounds"], done.facts["backgrounds"]) == (0, 9)
    for maps in ("keypoint", "parts"):
        assert before[maps] == after[maps], "a second calibration does not start from the first one's probabilities"
    assert after["person"]["probability"][-1] < before["person"]["probability"][-1]
    assert (
        0 < done.figures["person"]["calibrated"]["background"] < 1
        and "background" not in alone.figures["person"]["raw"]
    )


@pytest.mark.parametrize(
    "background, detector, error, words",
    [
        ("nowhere", "three_boxes", DataError, "nowhere"),
        ("images", "lite0_fpn_coco", ModelError, "expected a model for person_detector"),
    ],
)
def test_backgrounds_that_cannot_be_used(tmp_path, many, model, three_boxes, background, detector, error, words):
    order = ScoreCalibration(
        model(WIDE), many(WIDE), tmp_path / background, detector.replace("three_boxes", three_boxes)
    )
    with pytest.raises(error, match=words):
        calibrate(order)


def test_an_engine_keeps_no_calibration(monkeypatch):
    engine = ModelFile("m.engine", "engine", None, {}, None)
    monkeypatch.setattr(calibration, "find_model", lambda name, device: engine)
    with pytest.raises(ConfigError, match="expected an ONNX model, whose engines get its calibration, got m.engine"):
        calibrate(ScoreCalibration("m.engine", "data"))


def test_too_few_people(dots, model):
    data = dots(WIDE)
    with pytest.raises(DataError, match="expected 30 people or more in each half of the images, got "):
        calibrate(ScoreCalibration(model(WIDE), data, threads=1))


def test_a_model_that_finds_nobody_has_no_calibration(many, model):
    data, path = many(WIDE), model(WIDE)
    for file in (data.parent / "images").iterdir():
        cv2.imwrite(str(file), np.zeros_like(cv2.imread(str(file))))
    with pytest.raises(DataError, match="to find 30 labelled keypoints or more in each half of the images, got 0 and"):
        calibrate(ScoreCalibration(path, data, threads=1))
    assert load_model_spec(path).scores == "raw"


@pytest.mark.parametrize(
    "background, detector, text",
    [
        ("nowhere", "person_detector", "expected background to be a folder of images, got .*nowhere"),
        ("file.jpg", "person_detector", "expected background to be a folder of images, got .*file.jpg"),
        ("empty", "person_detector", "expected images"),
        ("full", "nobody", "got 'nobody'"),
    ],
)
def test_bad_backgrounds_are_noticed_before_the_run_on_people(tmp_path, many, model, background, detector, text):
    data = many(WIDE)
    (tmp_path / "empty").mkdir()
    shutil.move(str(data.parent / "images"), tmp_path / "full")
    shutil.copy(next((tmp_path / "full").iterdir()), tmp_path / "file.jpg")
    with pytest.raises(PoseError, match=text):
        calibrate(ScoreCalibration(model(WIDE), data, tmp_path / background, detector, threads=1))


def test_data_of_another_skeleton(many, model):
    few = Skeleton("few", ("nose", "tail"), ((0, 1),), (), None)
    with pytest.raises(DataError, match="keypoints"):
        calibrate(ScoreCalibration(model(few), many("coco17"), threads=1))


def test_data_of_fewer_keypoints_than_the_model(many, model):
    more = Skeleton("more", (*COCO17.keypoints, "tail"), COCO17.links, COCO17.flip_pairs, None)
    with pytest.raises(DataError, match="expected the keypoints of .*, got nose"):
        calibrate(ScoreCalibration(model(more), many("coco17"), threads=1))


def test_a_model_without_spec(tmp_path, many, model):
    path = model(WIDE)
    (tmp_path / spec_path(path)).unlink()
    with pytest.raises(ModelError, match="has no .json spec beside it"):
        calibrate(ScoreCalibration(path, many(WIDE), threads=1))


def test_mpii(dots, model):
    with pytest.raises(ConfigError, match="expected COCO's or CrowdPose's annotations for a calibration, got "):
        calibrate(ScoreCalibration(model("mpii16"), dots("mpii16"), threads=1))


@pytest.mark.parametrize("people, backgrounds", [(0, 0), (10, 0), (85, 15), (85, 1000), (20, 3)])
def test_backgrounds_have_their_share(people, backgrounds):
    weight = weights(people, backgrounds)
    assert len(weight) == people + backgrounds and (weight[:people] == 1).all()
    if backgrounds:
        assert weight[people:].sum() / weight.sum() == pytest.approx(0.15)


@pytest.mark.parametrize("field, value", [("model", 3), ("data", None), ("background", 1.5), ("threads", -1)])
def test_settings_are_checked(field, value):
    with pytest.raises(ConfigError, match=f"expected {field} "):
        ScoreCalibration(**{"model": "m", "data": "d", field: value})
