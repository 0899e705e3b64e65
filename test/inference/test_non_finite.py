"""Networks whose outputs are not finite, through every backend and every way of reading outputs."""

import json

import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.open import open_backend, open_model
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.inference.estimators.bottom_up import BottomUp
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.non_finite import NonFinite, mark_non_finite, total
from pose_estimation_ros.inference.options import PipelineOptions

BAD = [np.nan, np.inf, -np.inf]
FRAME = np.random.RandomState(0).randint(0, 255, (96, 128, 3), dtype=np.uint8)
ONE_BATCH = np.zeros((1, 3, 64, 48), np.float32)


def test_nothing_is_finite():
    for outputs in ({}, {"heatmaps": np.zeros((0, 17, 4, 4), np.float32)}):
        marked, found = mark_non_finite(outputs)
        assert found == NonFinite() == total([]) and found.text() == "" and list(marked) == list(outputs)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("shape, place", [
    ((2, 17, 4, 3), (1, 5)), ((2, 17, 3), (0, 16)), ((1, 9, 4), (0, 3)), ((1, 9), (0, 3)), ((4,), (2,)),
])  # fmt: skip
def test_a_value_is_what_the_first_two_axes_point_to(shape, place, bad):
    output = np.ones(shape, np.float32)
    output[place + (-1,) * (len(shape) - len(place))] = bad
    marked, found = mark_non_finite({"output": output, "other": np.ones((1, 2))})
    assert np.isnan(marked["output"][place]).all() and np.isnan(marked["output"]).sum() == output[place].size
    assert found == NonFinite(1, 1, 0)
    assert (~np.isfinite(output)).sum() == 1  # the network's own array is as it was


@pytest.mark.parametrize("bad", BAD)
def test_one_keypoint_of_one_of_several_people(bad):
    keypoints = np.ones((1, 3, 5, 3), np.float32)
    keypoints[0, 1, 2, 0] = bad
    marked, found = mark_non_finite({"keypoints": keypoints})
    assert np.isnan(marked["keypoints"][0, 1, 2]).all() and np.isnan(marked["keypoints"]).sum() == 3
    assert found == NonFinite(1, 1, 0)


@pytest.mark.parametrize("bad", BAD)
def test_a_batch_is_without_finite_values_where_one_output_is(bad):
    outputs = {"boxes_xyxy": np.ones((1, 3, 4), np.float32), "scores": np.full((1, 3), bad, np.float32)}
    assert mark_non_finite(outputs)[1] == NonFinite(3, 1, 1)


def test_whole_numbers_are_finite():
    assert mark_non_finite({"labels": np.ones((1, 3), np.int64)})[1] == NonFinite()


def test_counts_add_up_and_have_words():
    counted = total([NonFinite(1, 2, 0), NonFinite(10, 20, 1)])
    assert counted == NonFinite(11, 22, 1)
    assert "11 keypoints or boxes in 22 batches, 1 batches without any finite value" in counted.text()


# A top-down model whose heatmap of one joint, or of all, is not finite.


def only(joint, bad):
    return np.where(np.arange(17) == joint, bad, 0)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "tensorrt"])
def test_every_backend_marks_and_counts(broken_model, save_engine, request, engine, bad):
    path = broken_model(only(3, bad))
    if engine == "openvino":
        pytest.importorskip("openvino", reason="openvino is not installed: make test-openvino")
    if engine == "tensorrt":
        request.getfixturevalue("gpu")()
        path = save_engine(path)
    with open_backend(find_model(path), 1, "openvino" if engine == "openvino" else "auto") as backend:
        assert backend.non_finite == NonFinite() and not backend.blind
        heatmaps = backend(np.repeat(ONE_BATCH, 2, 0))["heatmaps"]
        assert np.isnan(heatmaps[:, 3]).all() and np.isfinite(np.delete(heatmaps, 3, 1)).all()
        assert backend.non_finite == NonFinite(2, 1, 0) and not backend.blind
        backend(ONE_BATCH)
        assert backend.non_finite == NonFinite(3, 2, 0)


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("bad", BAD)
def test_one_joint_costs_that_joint(broken_model, color_model, bad, flip_test):
    box = np.array([[10, 10, 90, 80]])
    found = []
    for path in (color_model, broken_model(only(0, bad))):
        backend, spec = open_model(path, "top_down", 1)
        found.append(TopDown(backend, spec, flip_test=flip_test)(FRAME, box))
    assert found[0].score[0, 0] > 0 and found[1].score[0, 0] == 0
    assert np.isfinite(found[1].xy).all() and np.isfinite(found[1].person_score).all()
    others = slice(1, None)
    assert (found[0].xy[0, others] == found[1].xy[0, others]).all()
    assert (found[0].score[0, others] == found[1].score[0, others]).all()


@pytest.mark.parametrize("bad", BAD)
def test_a_pipeline_of_such_a_network_finds_nobody_and_says_why(broken_model, bad):
    options = PipelineOptions(model=broken_model(np.full(17, bad)), detector="full_frame")
    with build_pipeline(options) as pipeline:
        assert not pipeline.blind
        for frame in range(3):
            assert pipeline(FRAME, 0.1 * frame).count == 0
        assert pipeline.blind and pipeline.sibling().blind
        assert pipeline.non_finite == pipeline.sibling().non_finite == NonFinite(51, 3, 3)


@pytest.mark.parametrize("bad, blind", [(np.full(17, np.nan), True), (only(2, np.inf), False)])
def test_predict_warns_once(broken_model, tmp_path, capsys, bad, blind):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), FRAME)
    out = tmp_path / "out"
    arguments = ["predict", str(tmp_path / "a.png"), "--model", broken_model(bad), "--detector", "full_frame"]
    assert main(arguments + ["--out", str(out)]) == 0
    assert capsys.readouterr().err.count("not finite") == 1
    people = json.loads((out / "keypoints.json").read_text())
    assert (people == []) == blind and "NaN" not in (out / "keypoints.json").read_text()


# In place of an engine.


def test_an_engine_that_computes_nothing_finite_is_replaced(gpu, broken_model, color_model, save_engine):
    gpu()
    engine = save_engine(broken_model(np.full(17, np.nan)), onnx_path=color_model, onnx_sha256=file_sha256(color_model))
    backend, _ = open_model(engine, "top_down", 1, fallback=True)
    with backend:
        for _ in range(2):
            assert np.isfinite(backend(ONE_BATCH)["heatmaps"]).all()
        assert backend.fault == "tensorrt computed no finite value"
        assert backend.name == "onnxruntime (after: %s)" % backend.fault
        assert backend.non_finite == NonFinite(17, 1, 1) and not backend.blind


@pytest.mark.parametrize("bias, batches", [(np.full(17, np.nan), (4, 4)), (only(2, np.nan), (3, 0))])
def test_it_takes_over_once_and_not_for_a_single_joint(gpu, broken_model, save_engine, bias, batches):
    gpu()
    backend, _ = open_model(save_engine(broken_model(bias)), "top_down", 1, fallback=True)
    with backend:
        for _ in range(3):
            backend(ONE_BATCH)
        assert (backend.non_finite.batches, backend.non_finite.batches_without_finite) == batches
        assert (backend.fault != "") == backend.blind == bool(batches[1])


# What is decoded in the network.


class Fixed(Backend):
    """Gives the same outputs for every batch."""

    input_shape = (None, 3, 64, 48)

    def __init__(self, **outputs):
        self.outputs = {name: np.asarray(value, np.float32) for name, value in outputs.items()}
        self.output_shapes = {name: value.shape for name, value in self.outputs.items()}

    def run(self, batch):
        return self.outputs

    def close(self):
        pass


@pytest.mark.parametrize("column", range(3))
@pytest.mark.parametrize("bad", BAD + [3e38])
def test_keypoints_decoded_in_the_graph(color_model, column, bad):
    keypoints = np.tile([6, 8, 0.5], (1, 17, 1))  # in the middle of the map
    keypoints[0, 4, column] = bad
    poses = TopDown(Fixed(keypoints=keypoints), load_model_spec(color_model))(FRAME, np.array([[0, 0, 100, 90]]))
    assert poses.score[0, 4] == 0 and (np.delete(poses.score[0], 4) == 0.5).all()
    assert all(np.isfinite(field).all() for field in poses.fields().values()) and poses.score.max() <= 1


@pytest.mark.parametrize("bad", BAD + [3e38, -3e38])
@pytest.mark.parametrize("corner", range(4))
def test_nobody_is_found_in_a_box_that_is_not_finite(color_model, bad, corner):
    backend, spec = open_model(color_model, "top_down", 1)
    boxes = np.array([[10, 10, 90, 80], [10, 10, 90, 80]], np.float64)
    boxes[0, corner] = bad
    with np.errstate(over="ignore"):
        poses = TopDown(backend, spec)(FRAME, boxes)
    assert poses.count == 2 and poses.person_score[0] == 0 and poses.person_score[1] > 0
    assert all(np.isfinite(field).all() for field in poses.fields().values())


# Bottom-up.

BOTTOM_UP_WH = (64, 48)


def bottom_up(**changes):
    """Two people's joints at one place each; changes: {output: (joint, value)}."""
    outputs = {"heatmaps": np.zeros((1, 17, 12, 16)), "heatmaps_2x": np.zeros((1, 17, 24, 32)),
               "tags": np.zeros((1, 17, 12, 16))}  # fmt: skip
    for column, tag in ((3, 0.0), (11, 5.0)):
        outputs["heatmaps"][:, :, 6, column] = 1
        outputs["heatmaps_2x"][:, :, 12, 2 * column] = 1
        outputs["tags"][:, :, 4:8, column - 1 : column + 2] = tag
    for name, (joint, value) in changes.items():
        outputs[name][0, joint, 0, 0] = value
    spec = ModelSpec(
        "fake", "bottom_up", BOTTOM_UP_WH, "rgb", get_skeleton("coco17"), 4, "associative_embedding", 1.0, "", {}, {}
    )
    return Fixed(**outputs), spec


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("output", ["heatmaps", "heatmaps_2x", "tags"])
@pytest.mark.parametrize("bad", BAD + [3e38])
def test_bottom_up(output, bad, flip_test):
    backend, spec = bottom_up(**{output: (5, bad)})
    with np.errstate(all="ignore"):
        poses = BottomUp(backend, spec, flip_test)(np.zeros((48, 64, 3), np.uint8))
    assert all(np.isfinite(field).all() for field in poses.fields().values()) and poses.count >= 2
    if not np.isfinite(bad):
        mirrored = get_skeleton("coco17").flip_index[5]
        lost = {5, mirrored} if flip_test else {5}
        assert (poses.score == 0).all(0).nonzero()[0].tolist() == sorted(lost)
        assert backend.non_finite == NonFinite(1 + flip_test, 1 + flip_test, 0)


@pytest.mark.parametrize("output", ["heatmaps", "heatmaps_2x", "tags"])
def test_bottom_up_of_nothing_finite_finds_nobody(output):
    backend, spec = bottom_up()
    backend.outputs[output][:] = np.nan
    assert BottomUp(backend, spec)(np.zeros((48, 64, 3), np.uint8)).count == 0 and backend.blind


# Detectors.


def detect(path, outputs):
    detector = open_detector(path, threads=1)
    detector.backend.close()
    detector.backend = Fixed(**outputs)
    boxes, scores = detector(FRAME)
    assert np.isfinite(boxes).all() and ((scores >= 0) & (scores <= 1)).all()
    assert scores.dtype == boxes.dtype == np.float32
    return len(boxes), detector.backend.non_finite.values


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("column", range(5))
def test_boxes_of_our_detector(constant_model, save_spec, bad, column):
    rows = np.array([[0, 0, 20, 20, 0.9], [30, 30, 50, 50, 0.8]], np.float32)
    path = constant_model("detector", {"boxes_xyxy": rows[None, :, :4], "scores": rows[None, :, 4]})
    save_spec(path, task="person_detector", decoder="boxes", skeleton="", input_size_wh=(64, 64), stride=8)
    rows[0, column] = bad
    assert detect(path, {"boxes_xyxy": rows[None, :, :4], "scores": rows[None, :, 4]}) == (1, 1)


def test_a_blind_detector_is_told_by_the_pipeline(constant_model, save_spec, color_model):
    path = constant_model("detector", {"boxes_xyxy": np.full((1, 3, 4), np.inf), "scores": np.ones((1, 3))})
    save_spec(path, task="person_detector", decoder="boxes", skeleton="", input_size_wh=(64, 64), stride=8)
    with build_pipeline(PipelineOptions(model=color_model, detector=path)) as pipeline:
        assert pipeline(FRAME, 0.0).count == 0
        assert pipeline.blind and pipeline.non_finite == NonFinite(3, 1, 1)


def test_benchmark_counts_and_warns(broken_model, walking_clip, capsys):
    arguments = ["benchmark", str(walking_clip(7, 2)), "--model", broken_model(only(2, np.nan))]
    assert main(arguments + ["--detector", "full_frame"] + ["--frames", "2", "--batches", "0", "--json", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["non_finite"] == 7  # of two frames, and of five to get warm
    assert printed.err.count("not finite") == 1
