import numpy as np
import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.detector import full_frame, open_detector

WIDE = np.zeros((96, 128, 3), np.uint8)  # letterboxed into 64x64 at half size: 48 rows used


def test_full_frame():
    assert open_detector("full_frame") is full_frame
    boxes, scores = full_frame(np.zeros((480, 640, 3), np.uint8))
    assert boxes.tolist() == [[0, 0, 640, 480]] and scores.tolist() == [1]


@pytest.fixture
def own_detector(constant_model, save_spec):
    """A function that makes a detector of ours that sees these boxes (input px) everywhere."""

    def save(boxes, scores, **changes):
        outputs = {"boxes_xyxy": np.array([boxes], float).reshape(1, -1, 4), "scores": np.array([scores], float)}
        path = constant_model("detector", outputs)
        fields = {"task": "person_detector", "decoder": "boxes", "skeleton": "", "input_size_wh": (64, 64), "stride": 8}
        save_spec(path, **dict(fields, accuracy={"score_threshold": 0.25}, **changes))
        return path

    return save


def test_boxes_come_back_in_image_pixels_best_first(own_detector):
    detect = open_detector(own_detector([[5, 5, 10, 15], [30, 10, 40, 30]], [0.5, 0.9]), threads=1)
    boxes, scores = detect(WIDE)
    assert np.allclose(boxes, [[60.5, 20.5, 80.5, 60.5], [10.5, 10.5, 20.5, 30.5]])
    assert np.allclose(scores, [0.9, 0.5]) and boxes.dtype == scores.dtype == np.float32


def test_boxes_end_at_the_frame(own_detector):
    boxes, _ = open_detector(own_detector([[-10, -10, 70, 70]], [0.9]))(WIDE)
    assert boxes.tolist() == [[0, 0, 128, 96]]


def test_overlapping_boxes_are_one_person(own_detector):
    boxes, scores = open_detector(own_detector([[5, 5, 20, 40], [6, 5, 21, 40], [40, 5, 55, 40]], [0.6, 0.8, 0.7]))(
        WIDE
    )
    assert np.allclose(scores, [0.8, 0.7]) and len(boxes) == 2


@pytest.mark.parametrize("threshold, count", [(None, 2), (0.7, 1), (0.95, 0), (0.1, 3)])
def test_threshold_is_the_specs_unless_given(own_detector, threshold, count):
    path = own_detector([[0, 0, 10, 10], [20, 20, 30, 30], [40, 30, 50, 40]], [0.9, 0.3, 0.2])
    boxes, scores = open_detector(path, score_threshold=threshold)(WIDE)
    assert boxes.shape == (count, 4) and scores.shape == (count,)


def test_a_crowd_of_candidates_is_cut_to_the_best(own_detector):
    corner = np.random.RandomState(0).rand(2000, 2) * 50
    scores = np.linspace(0.3, 0.9, 2000)
    boxes, found = open_detector(own_detector(np.concatenate([corner, corner + 2], 1), scores))(WIDE)
    assert np.isclose(found[0], 0.9) and found.min() >= scores[-300] - 1e-6


@pytest.mark.parametrize("nms_iou, count", [(None, 2), (0.5, 1), (0.9, 2)])
def test_suppression_is_an_option_of_the_spec(own_detector, nms_iou, count):
    path = own_detector([[5, 5, 20, 40], [6, 5, 21, 40]], [0.6, 0.8], decoder_options={"nms_iou": nms_iou})
    assert len(open_detector(path)(WIDE)[0]) == count


@pytest.mark.parametrize(
    "fit, expected",
    [
        ({"resize": "warp_index"}, [10, 20, 40, 60]),
        ({"resize": "rounded", "centred": True, "grey": 114}, [10, 4, 40, 44]),  # 8 rows above the frame
        ({"resize": "stretch"}, [10.5, 15.25, 40.5, 45.25]),
    ],
)
def test_the_frame_is_fitted_as_the_spec_says(own_detector, fit, expected):
    boxes, _ = open_detector(own_detector([[5, 10, 20, 30]], [0.8], fit=fit))(WIDE)
    assert np.allclose(boxes, [expected])


def test_a_detector_of_a_free_size_gets_its_nominal_size(save_onnx, save_spec):
    """Its box is as large as its input."""
    nodes = [
        ("Shape", ["images"], ["shape"], {}),
        ("Gather", ["shape", "height_width"], ["sides"], {}),
        ("Cast", ["sides"], ["sides_f"], {"to": 1}),
        ("Concat", ["zero", "sides_f"], ["box"], {"axis": 0}),
        ("Unsqueeze", ["box", "axes"], ["boxes_xyxy"], {}),
        ("Unsqueeze", ["score", "axis"], ["scores"], {}),
    ]
    whole = {"height_width": [3, 2], "axes": [0, 1], "axis": [0]}
    casts = [("Cast", [name + "_f"], [name], {"to": 7}) for name in whole]
    weights = {name + "_f": value for name, value in whole.items()}
    weights.update(zero=[0.0, 0.0], score=[0.9])
    shapes = {"boxes_xyxy": [1, "m", 4], "scores": [1, "m"]}
    path = save_onnx("free", casts + nodes, {"images": [1, 3, "h", "w"]}, shapes, weights)
    save_spec(path, task="person_detector", decoder="boxes", skeleton="", input_size_wh=(64, 64), stride=8)
    assert open_detector(path)(WIDE)[0].tolist() == [[0.5, 0.5, 128, 96]]


@pytest.mark.parametrize(
    "name, message",
    [
        ("foreign", "foreign.onnx has no .json spec beside it: `pose import`, with --detector"),
        ("none", "model file .*none.onnx does not exist"),
    ],
)
def test_files_that_are_no_detector(constant_model, tmp_path, name, message):
    constant_model("foreign", {"output": np.zeros((1, 84, 85))})
    with pytest.raises(ModelError, match=message):
        open_detector(str(tmp_path / (name + ".onnx")))


def test_a_pose_model_is_no_detector(color_model):
    with pytest.raises(ModelError, match="expected a model for person_detector, got one for top_down"):
        open_detector(color_model)
