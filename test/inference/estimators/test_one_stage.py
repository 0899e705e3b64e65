import json

import cv2
import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, FrameError, ModelError
from pose_estimation_ros.core.model_spec import RESIZES
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.estimators.one_stage import OneStage
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pose_estimator import PoseEstimator, load_model
from pose_estimation_ros.inference.stopwatch import Stopwatch

SIZE_WH = (96, 64)
FRAME = np.zeros((96, 128, 3), np.uint8)  # half its height and two thirds of its width fit: gain 2 / 3
SPEC = {"task": "one_stage", "decoder": "people", "stride": 1, "input_size_wh": SIZE_WH, "padding": 1.0}
KEYPOINTS = np.random.RandomState(0).uniform(0, 60, (17, 2))


@pytest.fixture
def people_model(constant_model, save_spec):
    """A function that writes a model that sees these people everywhere: boxes and scores, keypoints beside the box."""

    def save(boxes, scores, keypoint_scores=0.9, **changes):
        boxes = np.array(boxes, float).reshape(-1, 4)
        xy = boxes[:, None, :2] + KEYPOINTS[None] / 60 * (boxes[:, None, 2:] - boxes[:, None, :2])
        keypoints = np.concatenate([xy, np.broadcast_to(keypoint_scores, xy.shape[:2])[..., None]], 2)
        outputs = {"boxes_xyxy": boxes[None], "scores": np.array([scores], float), "keypoints": keypoints[None]}
        path = constant_model("people", outputs, SIZE_WH)
        save_spec(path, **dict(SPEC, **changes))
        return path, keypoints

    return save


@pytest.fixture
def dot_model(save_onnx, save_spec):
    """A function that writes a one-stage model of one person, all of whose keypoints are at the reddest pixel.

    Argument: options of the fit.
    """

    def save(**fit):
        width, height = SIZE_WH
        nodes = [
            ("Conv", ["images", "red"], ["map"], {}),
            ("Mul", ["map", "rise"], ["risen"], {}),
            ("Reshape", ["risen", "flat"], ["row"], {}),
            ("Softmax", ["row"], ["weights"], {"axis": 1}),
            ("MatMul", ["weights", "xy1"], ["point"], {}),
            ("MatMul", ["point", "all"], ["all_points"], {}),
            ("Reshape", ["all_points", "as_keypoints"], ["keypoints"], {}),
            ("MatMul", ["point", "corners"], ["box"], {}),
            ("Reshape", ["box", "as_boxes"], ["boxes_xyxy"], {}),
            ("Reshape", ["one", "as_scores"], ["scores"], {}),
        ]
        y, x = np.mgrid[:height, :width].reshape(2, -1)
        corners = np.array([[1.0, 0, 1, 0], [0, 1, 0, 1], [-8, -10, 8, 10]])
        weights = {
            "red": np.array([1.0, 0, 0]).reshape(1, 3, 1, 1),
            "rise": [0.5],
            "xy1": np.stack([x, y, 0 * x + 1], 1),
        }
        weights.update({"all": np.tile(np.eye(3), 17), "corners": corners, "one": [0.75]})
        shapes = {"flat": [1, -1], "as_keypoints": [1, 1, 17, 3], "as_boxes": [1, 1, 4], "as_scores": [1, 1]}
        constants = [("Cast", [name + "_f"], [name], {"to": 7}) for name in shapes]
        weights.update({name + "_f": shape for name, shape in shapes.items()})
        outputs = {"boxes_xyxy": [1, 1, 4], "scores": [1, 1], "keypoints": [1, 1, 17, 3]}
        path = save_onnx("dot", constants + nodes, {"images": [1, 3, height, width]}, outputs, weights)
        save_spec(path, **dict(SPEC, fit=fit))
        return path

    return save


def opened(path, **options):
    return OneStage(*open_model(path, "one_stage", 1), **options)


@pytest.mark.parametrize("boxes, scores", [([], []), ([[0, 0, 9, 9]], [0.0])])
def test_nobody(people_model, boxes, scores):
    with opened(people_model(boxes, scores)[0]) as estimator:
        poses = estimator(FRAME)
    assert len(poses) == 0 and poses.xy.shape == (0, 17, 2)


def test_people_come_back_in_frame_pixels_best_first(people_model):
    boxes, scores = [[6, 9, 26, 49], [40, -20, 100, 44], [5, 9, 27, 49]], [0.5, 0.9, 0.4]
    path, keypoints = people_model(boxes, scores, np.linspace(0, 1.5, 17), fit={"resize": "warp_index"})
    watch = Stopwatch()
    with opened(path, watch=watch) as estimator:
        poses = estimator(FRAME)
    assert np.allclose(poses.person_score, [0.9, 0.5, 0.4]) and (poses.track_id == -1).all()
    assert np.allclose(poses.box_xyxy, [[60, 0, 128, 66], [9, 13.5, 39, 73.5], [7.5, 13.5, 40.5, 73.5]])
    for found, number in enumerate([1, 0, 2]):
        assert np.allclose(poses.xy[found, 1:], keypoints[number, 1:, :2] * 1.5, atol=1e-4)
        shown = ((keypoints[number, :, :2] * 1.5 >= 1) & (keypoints[number, :, :2] * 1.5 <= [126, 94])).all(1)
        assert np.allclose(poses.score[found], np.linspace(0, 1.5, 17).clip(0, 1) * shown)
        assert poses.xy[found, 0].tolist() == [0, 0]  # score 0
    assert min(watch.timing) > 0


@pytest.mark.parametrize("nms_iou, count", [(None, 3), (0.5, 2)])
def test_suppression_is_an_option_of_the_spec(people_model, nms_iou, count):
    boxes, scores = [[6, 9, 26, 49], [40, 2, 60, 44], [5, 9, 27, 49]], [0.5, 0.9, 0.4]
    options = {} if nms_iou is None else {"nms_iou": nms_iou}
    with opened(people_model(boxes, scores, decoder_options=options)[0]) as estimator:
        assert len(estimator(FRAME)) == count


@pytest.mark.parametrize("frame_wh", [(192, 128), (200, 90), (60, 110)])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("resize", RESIZES)
def test_a_dot_is_found_where_it_is(dot_model, blob, frame_wh, centred, resize):
    """Programs with "rounded" and "cut" leave out half a pixel, and with "cut" up to one of the input is lost."""
    frame, place = np.zeros(frame_wh[::-1] + (3,), np.uint8), np.array([frame_wh[0] * 0.6, frame_wh[1] * 0.4])
    blob(frame, place, (0, 0, 255), 0.1 * min(frame_wh))
    with opened(dot_model(resize=resize, centred=centred)) as estimator:
        poses = estimator(frame)
    assert len(poses) == 1 and np.abs(poses.xy[0] - place).max() < (1.7 if resize == "cut" else 1.0)
    assert poses.person_score.tolist() == [0.75] and (poses.score > 0.999).all()


def test_the_grey_level_is_what_the_network_sees_beside_the_frame(dot_model):
    """A grey brighter than the frame is the reddest: its middle is the right half of the input."""
    frame = np.full((64, 48, 3), 50, np.uint8)
    with opened(dot_model(grey=255)) as estimator:
        assert np.abs(estimator(frame).xy[0] - [71.5, 31.5]).max() < 1


def test_no_flip_test(people_model):
    path, _ = people_model([[0, 0, 9, 9]], [0.9])
    with pytest.raises(ConfigError, match="people: expected flip_test False, got True, as people of two runs cannot"):
        load_model(path, flip_test=True)


@pytest.mark.parametrize("frame", [None, np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_frame_is_refused(people_model, frame):
    with opened(people_model([], [])[0]) as estimator, pytest.raises(FrameError, match="expected a frame"):
        estimator(frame)


def test_a_pipeline_needs_no_detector_and_keeps_the_networks_person_score(people_model):
    path, _ = people_model([[6, 9, 26, 49], [40, 2, 60, 44], [70, 2, 90, 44]], [0.5, 0.9, 0.1], 0.6)
    options = PipelineOptions(model=path, detector="no such detector", person_threshold=0.3, threads=1)
    with build_pipeline(options) as pipeline:
        poses = [pipeline(FRAME, i / 30.0) for i in range(7)][-1]
        assert pipeline.detector_name == "none" and min(pipeline.timing) > 0
    assert np.allclose(poses.person_score, [0.9, 0.5]) and poses.track_id.tolist() == [1, 2]


def test_pose_estimator_and_predict(people_model, tmp_path):
    path, _ = people_model([[6, 9, 26, 49], [40, 2, 60, 44]], [0.5, 0.9], 0.6)
    with PoseEstimator(path, max_people=1) as estimate:
        assert np.allclose([person.person_score for person in estimate(FRAME)], 0.9)
    cv2.imwrite(str(tmp_path / "7.png"), FRAME)
    assert main(["predict", str(tmp_path / "7.png"), "--out", str(tmp_path / "out"), "--model", path]) == 0
    results = json.loads((tmp_path / "out/keypoints.json").read_text())
    assert [round(result["score"], 3) for result in results] == [0.9, 0.5]


def test_outputs_that_do_not_fit(constant_model, save_spec):
    outputs = {"boxes_xyxy": np.zeros((1, 3, 4)), "scores": np.zeros((1, 3)), "keypoints": np.zeros((1, 3, 17, 2))}
    path = constant_model("m", outputs, SIZE_WH)
    save_spec(path, **SPEC)
    with pytest.raises(
        ModelError, match=r"expected output 'keypoints' of shape \(any, any, 17, 3\), got \(1, 3, 17, 2\)"
    ):
        open_model(path, "one_stage")
    with pytest.raises(ModelError, match="expected a model for top_down, got one for one_stage"):
        open_model(path, "top_down")


def test_a_free_number_of_people(save_onnx, save_spec, blob):
    """As many people as there are pixels in the left column brighter than 0.5."""
    nodes = [
        ("Slice", ["images", "start", "end", "axis"], ["column"], {}),
        ("Greater", ["column", "half"], ["bright"], {}),
        ("NonZero", ["bright"], ["index"], {}),
        ("Cast", ["index"], ["found"], {"to": 1}),
        ("Slice", ["found", "start2", "end2", "axis0"], ["y"], {}),
        ("Unsqueeze", ["y", "last"], ["ys"], {}),
        ("MatMul", ["ys", "ones4"], ["corners"], {}),
        ("Add", ["corners", "box"], ["boxes_xyxy"], {}),
        ("Squeeze", ["ys", "last"], ["zeros"], {}),
        ("Sigmoid", ["zeros"], ["scores"], {}),
        ("MatMul", ["ys", "ones51"], ["flat"], {}),
        ("Reshape", ["flat", "shape"], ["raw"], {}),
        ("Sigmoid", ["raw"], ["keypoints"], {}),
    ]
    whole = {"start": [0, 0], "end": [1, 1], "axis": [1, 3], "start2": [2], "end2": [3], "axis0": [0], "last": [2]}
    whole["shape"] = [1, -1, 17, 3]
    casts = [("Cast", [name + "_f"], [name], {"to": 7}) for name in whole]
    weights = {name + "_f": value for name, value in whole.items()}
    weights.update({"half": [0.5], "ones4": np.ones((1, 4)), "box": [0.0, 0, 9, 9], "ones51": np.ones((1, 51))})
    shapes = {"boxes_xyxy": [1, "m", 4], "scores": [1, "m"], "keypoints": [1, "m", 17, 3]}
    path = save_onnx("free", casts + nodes, {"images": [1, 3, 64, 96]}, shapes, weights)
    save_spec(path, **SPEC)
    with opened(path) as estimator:
        for count in (0, 1, 5):
            frame = np.zeros((64, 96, 3), np.uint8)
            frame[10 : 10 + count, 0] = 255
            assert len(estimator(frame)) == count
