"""Calibration of a model that finds coloured dots, where some annotations are moved away from them."""

import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.model_spec import load_model_spec, spec_path
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.evaluation.calibrate import ScoreCalibration, calibrate, weights
from pose_estimation_ros.inference.backends.find import find_model

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


def test_a_calibration_is_of_raw_scores(many, model):
    data, path = many(WIDE), model(WIDE)
    fields = [calibrate(ScoreCalibration(path, data, threads=1)) and load_model_spec(path).calibration for _ in "12"]
    assert fields[0] == fields[1], "a second calibration does not start from the first one's probabilities"


def test_too_few_people(dots, model):
    data = dots(WIDE)
    with pytest.raises(DataError, match="expected 30 people or more in each half of the images, got "):
        calibrate(ScoreCalibration(model(WIDE), data, threads=1))


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
