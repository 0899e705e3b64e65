"""eight_bits.py: which CPUs and which names take the 8-bit file of a model."""

import os
import shutil

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.resources import user_models
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.inference import eight_bits
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.eight_bits import faster_file, replaced_text, with_faster_files
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pose_estimator import PoseEstimator, load_model
from pose_estimation_ros.inference.predict import Prediction, predict


@pytest.fixture(autouse=True)
def vnni(monkeypatch):
    monkeypatch.setattr(eight_bits, "dot_products", lambda: "avx512_vnni")
    monkeypatch.setattr(eight_bits, "is_offered", lambda device: False)


@pytest.fixture
def model(color_model, save_spec, tmp_path, monkeypatch):
    """A function that puts the model "toy" among the user's models, with its 8-bit file unless there is no export."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def put(**export):
        os.makedirs(user_models(), exist_ok=True)
        paths = [os.path.join(user_models(), name + ".onnx") for name in ("toy", "toy_int8_cpu")[: 1 + bool(export)]]
        for path in paths:
            shutil.copy(color_model, path)
            made_of = {"precision": "int8-cpu", "of_sha256": file_sha256(color_model)}
            name = os.path.splitext(os.path.basename(path))[0]
            save_spec(path, name=name, training={"export": dict(made_of, **export)} if path != paths[0] else {})
        return paths[0]

    return put


MADE = {"method": "minmax"}


@pytest.mark.parametrize("name", ["", "full_frame", "no_such_model", "toy"])
def test_without_an_8_bit_file_a_name_stays(model, name):
    model()
    assert faster_file(name) == name


@pytest.mark.parametrize(
    "export, device, instructions, gpu, expected",
    [
        (MADE, "auto", "avx512_vnni", False, "toy_int8_cpu"),
        (MADE, "auto", "asimddp", False, "toy_int8_cpu"),
        (MADE, "auto", "", False, "toy"),  # sums may saturate
        (MADE, "auto", "avx512_vnni", True, "toy"),
        *((MADE, device, "avx512_vnni", False, "toy") for device in DEVICES[1:]),
        ({"of_sha256": "0" * 64}, "auto", "avx512_vnni", False, "toy"),  # made of another model of this name
        ({"precision": "int8-tensorrt"}, "auto", "avx512_vnni", False, "toy"),
    ],
)
def test_a_name_stands_for_the_8_bit_file_where_that_is_exact_and_faster(
    model, monkeypatch, export, device, instructions, gpu, expected
):
    model(**export)
    monkeypatch.setattr(eight_bits, "dot_products", lambda: instructions)
    monkeypatch.setattr(eight_bits, "is_offered", lambda device: gpu)
    assert faster_file("toy", device) == expected


MAP = {"score": [0.1, 0.9], "probability": [0.05, 0.95]}
MAPS = {"keypoint": MAP, "person": MAP}
OTHER_NAMES = Skeleton("mine", tuple("k%d" % index for index in range(17)), (), (), None)


@pytest.mark.parametrize(
    "full, small, is_taken",
    [
        ({}, {}, True),
        ({"calibration": MAPS}, {"calibration": MAPS}, True),
        ({}, {"calibration": MAPS}, True),
        ({"calibration": MAPS}, {}, False),  # calibrated after the export: the 8-bit file has raw scores
        ({"input_size_wh": (96, 64)}, {}, False),
        ({"skeleton": OTHER_NAMES}, {}, False),
        ({"stride": 8}, {}, False),
        ({"decoder": "dark"}, {}, False),
        ({"decoder_options": {"flip_shift": 1.0}}, {}, False),
        ({"padding": 1.5}, {}, False),
        ({"fit": {"outside": "black"}}, {}, False),
        ({"accuracy": {"score_threshold": 0.2}}, {}, True),  # figures may differ
    ],
)
def test_a_file_that_is_used_otherwise_is_not_taken(model, save_spec, full, small, is_taken):
    path = model(**MADE)
    small_path = path.replace("toy.onnx", "toy_int8_cpu.onnx")
    save_spec(path, name="toy", **full)
    export = {"precision": "int8-cpu", "of_sha256": file_sha256(path)}
    save_spec(small_path, name="toy_int8_cpu", training={"export": export}, **small)
    load_model_spec(path), load_model_spec(small_path)
    assert faster_file("toy") == ("toy_int8_cpu" if is_taken else "toy")


@pytest.mark.parametrize("name", ["lite0_fpn_coco", "person_detector", "elpn_v1_coco"])
def test_the_shipped_pairs(name):
    assert faster_file(name) == name + "_int8_cpu"


def test_files_and_8_bit_names_stay(model):
    path = model(**MADE)
    for name in (path, "toy.onnx", "toy.engine", "toy_int8_cpu", os.path.relpath(path)):
        assert faster_file(name) == name


@pytest.mark.parametrize("damage", ["not a model", "no spec"])
def test_a_damaged_8_bit_file_is_not_taken(model, damage):
    path = model(**MADE).replace("toy.onnx", "toy_int8_cpu.onnx")
    if damage == "no spec":
        os.remove(path.replace(".onnx", ".json"))
    else:
        with open(path, "wb") as file:
            file.write(b"damaged")
    assert faster_file("toy") == "toy"


def test_both_networks_of_a_pipeline_and_what_is_said():
    named = PipelineOptions()
    used = with_faster_files(named)
    assert (used.model, used.detector) == ("lite0_fpn_coco_int8_cpu", "person_detector_int8_cpu")
    text = replaced_text(named, used)
    assert "lite0_fpn_coco_int8_cpu in place of lite0_fpn_coco, person_detector_int8_cpu in place of" in text
    assert "avx512_vnni" in text and replaced_text(named, named) == ""
    assert with_faster_files(named._replace(device="cpu")) == named._replace(device="cpu")


def test_programs_that_serve_people_take_it(model, tmp_path):
    model(**MADE)
    cv2.imwrite(str(tmp_path / "image.png"), np.full((64, 48, 3), 99, np.uint8))
    with PoseEstimator("toy", "full_frame") as estimator, load_model("toy") as alone:
        assert estimator.pipeline.spec.name == alone.spec.name == "toy_int8_cpu"
    with PoseEstimator("toy", "full_frame", device="cpu") as estimator, load_model("toy.onnx") as alone:
        assert estimator.pipeline.spec.name == alone.spec.name == "toy"
    order = Prediction(str(tmp_path / "image.png"), str(tmp_path / "out"), PipelineOptions("toy", "full_frame"))
    assert "toy_int8_cpu in place of toy" in predict(order).replaced
    assert predict(order._replace(options=PipelineOptions("toy", "full_frame", device="cpu"))).replaced == ""
