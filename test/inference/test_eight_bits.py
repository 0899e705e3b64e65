"""eight_bits.py: which files can stand for a model on which CPUs."""

import os
import shutil

import pytest

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.resources import user_models
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.inference import eight_bits
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.eight_bits import candidate_files


@pytest.fixture(autouse=True)
def vnni(monkeypatch):
    monkeypatch.setattr(eight_bits, "dot_products", lambda: "avx512_vnni")


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


def names_of(name, device="auto"):
    """Return the names of the candidates."""
    return [os.path.splitext(os.path.basename(file.path))[0] for file in candidate_files(name, device)]


def test_without_an_8_bit_file_a_name_stands_for_itself(model):
    model()
    assert names_of("toy") == ["toy"]


@pytest.mark.parametrize("name", ["", "no_such_model"])
def test_a_name_of_no_model_is_refused(name):
    with pytest.raises(ModelError, match="expected a model file or one out of"):
        names_of(name)


@pytest.mark.parametrize(
    "export, device, instructions, is_candidate",
    [
        (MADE, "auto", "avx512_vnni", True),
        (MADE, "auto", "asimddp", True),
        (MADE, "auto", "", False),  # sums may saturate
        *((MADE, device, "avx512_vnni", False) for device in DEVICES[1:] if device != "engine"),
        ({"of_sha256": "0" * 64}, "auto", "avx512_vnni", False),  # made of another model of this name
        ({"precision": "int8-tensorrt"}, "auto", "avx512_vnni", False),
    ],
)
def test_a_name_may_stand_for_the_8_bit_file_where_that_is_exact(
    model, monkeypatch, export, device, instructions, is_candidate
):
    model(**export)
    monkeypatch.setattr(eight_bits, "dot_products", lambda: instructions)
    assert names_of("toy", device) == ["toy"] + ["toy_int8_cpu"] * is_candidate


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
    assert names_of("toy") == ["toy"] + ["toy_int8_cpu"] * is_taken


@pytest.mark.parametrize("name", ["lite0_fpn_coco", "person_detector", "elpn_v1_coco"])
def test_the_shipped_pairs(name):
    assert names_of(name) == [name, name + "_int8_cpu"]


def test_files_and_8_bit_names_stand_for_themselves(model):
    path = model(**MADE)
    for name in (path, "toy.onnx", os.path.relpath(path)):
        assert names_of(name) == ["toy"]
    assert names_of("toy_int8_cpu") == ["toy_int8_cpu"]


@pytest.mark.parametrize("damage", ["not a model", "no spec"])
def test_a_damaged_8_bit_file_is_not_taken(model, damage):
    path = model(**MADE).replace("toy.onnx", "toy_int8_cpu.onnx")
    if damage == "no spec":
        os.remove(path.replace(".onnx", ".json"))
    else:
        with open(path, "wb") as file:
            file.write(b"damaged")
    assert names_of("toy") == ["toy"]
