import io
import json
import os

import pytest

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import NAME, load_model_spec, model_name, spec_path
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x07")  # an ONNX model without anything but the number of its format
    return str(path)


def change(model, **changes):
    with open(spec_path(model)) as file:
        fields = json.load(file)
    fields.update(changes)
    with open(spec_path(model), "w") as file:
        json.dump({key: value for key, value in fields.items() if value is not None}, file)


def test_spec_lies_beside_the_model():
    assert spec_path("models/a.b.onnx") == "models/a.b.json"


def test_sha256_of_an_empty_file(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert file_sha256(str(path)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_round_trip(model, save_spec):
    spec = save_spec(model, accuracy={"AP": 0.3})
    assert load_model_spec(model) == spec
    assert spec.input_size_wh == (48, 64)


MAPS = {"score": [0.2, 0.6], "probability": [0.1, 0.9]}


@pytest.mark.parametrize("calibration, scores", [({}, "raw"), ({"keypoint": MAPS, "person": MAPS}, "calibrated")])
def test_a_calibration_goes_round(model, save_spec, calibration, scores):
    spec = save_spec(model, calibration=calibration)
    assert load_model_spec(model) == spec and spec.scores == scores
    with open(spec_path(model)) as file:
        assert json.load(file).get("calibration", {}) == calibration, "none is left out"


@pytest.mark.parametrize("calibration", [[], "yes", {"keypoint": MAPS}, {"keypoint": MAPS, "person": {"score": [2]}}])
def test_what_is_no_calibration_is_an_error_of_the_spec(model, save_spec, calibration):
    save_spec(model)
    change(model, calibration=calibration)
    with pytest.raises(ModelError, match="expected calibration"):
        load_model_spec(model)


def test_flip_pairs_are_written_for_other_readers(model, save_spec):
    save_spec(model)
    with open(spec_path(model)) as file:
        assert json.load(file)["flip_pairs"][0] == [1, 2]


def test_a_detector_has_no_skeleton(model, save_spec):
    spec = save_spec(model, task="person_detector", decoder="boxes", skeleton="")
    assert load_model_spec(model) == spec


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_either_file_missing_is_named(model, save_spec, suffix):
    save_spec(model)
    missing = os.path.splitext(model)[0] + suffix
    os.remove(missing)
    with pytest.raises(ModelError, match="does not exist") as error:
        load_model_spec(model)
    assert missing in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "\x00\x01", "[1, 2]", '"text"'])
def test_corrupt_json(model, save_spec, text):
    save_spec(model)
    with open(spec_path(model), "w") as file:
        file.write(text)
    with pytest.raises(ModelError, match="expected .*JSON"):
        load_model_spec(model)


def test_json_that_is_not_text(model, save_spec):
    save_spec(model)
    with open(spec_path(model), "wb") as file:
        file.write(b"\xff\xfe\x80")
    with pytest.raises(ModelError, match="expected .*JSON"):
        load_model_spec(model)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"strides": 4}, "keys unknown: .*strides"),
        ({"padding": None}, "keys missing: .*padding"),
        ({"task": "segmentation"}, "expected task out of .*got 'segmentation'"),
        ({"decoder": "boxes"}, "expected decoder 'quarter_offset' or 'dark'.*got 'boxes'"),
        ({"decoder_options": {"kernel": 5}}, "expected decoder_options out of flip_shift, got 'kernel'"),
        *(({"decoder": "dark", "decoder_options": {"kernel": value}}, "kernel to be an odd number in 3..99")
          for value in (0, 4, 1, 101, "11", None, 11.5)),
        ({"decoder_options": []}, "expected decoder_options as an object"),
        ({"fit": {"grey": 0}}, "expected fit out of crop, outside, got 'grey'"),
        ({"fit": {"outside": "white"}}, "expected fit.outside to be one of image, black"),
        ({"skeleton": ""}, "expected a skeleton for top_down, got none"),
        ({"color_order": "bgr"}, "expected color_order 'rgb', got 'bgr'"),
        ({"skeleton": "coco"}, "expected a skeleton out of .*coco17.*got 'coco'"),
        ({"skeleton": "mpii16"}, "flip_pairs .* are not those of skeleton mpii16"),
        *(({"input_size_wh": value}, r"expected input_size_wh \[width, height\] of whole numbers from 1 to 8192, got ")
          for value in ([192], [192, 0], 192, ["192", "256"], [192.7, 256.2], [192.0, 256], [1e400, 1], [True, 256],
                        [192, 8193], [[192], 256], {"0": 192, "1": 256}, [-192, 256], [192, 256, 1])),
        *(({"stride": value}, "expected stride as a whole number from 1 to 256, got ")
          for value in (0, -4, "four", 4.0, True, [4], 1e400, 10**30)),
        *(({"padding": value}, "expected padding as a number from 0.1 to 10, got ")
          for value in (-1, 0, True, 1e26, 1e-30, float("nan"), float("inf"), "1.25", [1])),
        *(({"name": value}, "expected name of up to 100 letters")
          for value in ("", ".", "..", ".hidden", "/etc/evil", "../../x", "a/b", "a b", "a\n", "\u00fc", "a" * 101)),
        ({"name": 5}, "expected name as a string, got 5"),
        ({"sha256": "x"}, "expected sha256 of 64 digits"),
        ({"task": "x" * 10000}, "expected task .* got 'x{30,40}\\.\\.\\.x{30,40}'$"),
        ({"skeleton": "x" * 10000}, "expected a skeleton .*, got 'x{1,80}$"),
        ({"skeleton": {"name": "toy"}}, "expected a skeleton with name, keypoints and links"),
        ({"skeleton": 17}, "expected a skeleton as its name or an object, got 17"),
        ({"accuracy": [1]}, "expected accuracy as an object, got "),
        ({"training": 5}, "expected training as an object, got 5"),
        ({"training": {"export": 5}}, "expected training.export.export as an object, got 5"),
        ({"training": {"export": {"precision": 5}}}, "expected training.export.export.precision as a string, got 5"),
        *(({"accuracy": {"score_threshold": value}}, "expected accuracy.score_threshold as a number from 0 to 1, got ")
          for value in ("x", True, float("nan"), -0.1, 1.1, [0.3])),
        *(({"accuracy": {"val": {"AP": value}}}, "expected accuracy.val.AP as a number, got ")
          for value in ("x", True, float("inf"), [1])),
        ({"sha256": "0" * 64}, "expected sha256 0000.* got "),
    ],
)  # fmt: skip
def test_wrong_fields_say_expected_and_actual(model, save_spec, changes, message):
    save_spec(model)
    change(model, **changes)
    with pytest.raises(ModelError, match=message):
        load_model_spec(model)


def test_a_skeleton_may_stand_in_the_spec_itself(model, save_spec):
    toy = Skeleton("toy", ("a", "left_b", "right_b"), ((0, 1),), ((1, 2),), None)
    spec = save_spec(model, skeleton=toy, decoder="dark", decoder_options={"kernel": 17}, fit={"outside": "black"})
    assert load_model_spec(model) == spec and load_model_spec(model).skeleton == toy
    assert (spec.decoder_option("kernel"), spec.decoder_option("align_corners")) == (17, False)
    assert (spec.fit_option("outside"), spec.fit_option("crop")) == ("black", "centre")


def test_a_changed_skeleton_of_a_known_name_is_written_out(model, save_spec):
    bald = get_skeleton("coco17")._replace(sigmas=None)
    save_spec(model, skeleton=bald)
    assert load_model_spec(model).skeleton == bald


def test_another_network_under_the_same_name(model, save_spec):
    save_spec(model)
    with open(model, "ab") as file:
        file.write(b"\x08\x08")
    with pytest.raises(ModelError, match="expected sha256 .*, got " + file_sha256(model)):
        load_model_spec(model)


@pytest.mark.parametrize("nested", [b"[" * 100000, b'{"a":' * 100000])
def test_json_that_is_nested_deep(model, save_spec, nested):
    save_spec(model)
    with open(spec_path(model), "wb") as file:
        file.write(nested)
    with pytest.raises(ModelError, match="expected a JSON file"):
        load_model_spec(model)


@pytest.mark.parametrize("which", [str, spec_path])
def test_a_folder_in_place_of_a_file(model, save_spec, which):
    save_spec(model)
    os.remove(which(model))
    os.mkdir(which(model))
    with pytest.raises(ModelError, match="got.*(folder|Is a directory)"):
        load_model_spec(model)


@pytest.mark.parametrize("which", [str, spec_path])
def test_a_file_that_may_not_be_read(model, save_spec, which, monkeypatch):
    save_spec(model)

    def refuse(path, *args, **options):
        if path == which(model):
            raise PermissionError(13, "Permission denied")
        return io.open(path, *args, **options)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ModelError, match="Permission denied"):
        load_model_spec(model)


@pytest.mark.parametrize("path, name", [
    ("out/lite0_fpn-1.2.onnx", "lite0_fpn-1.2"), ("mein Modell \u00fc.onnx", "mein_Modell__"), (".onnx", "_onnx"),
    ("x" * 200 + ".onnx", "x" * 100),
])  # fmt: skip
def test_a_name_from_a_path(path, name):
    assert model_name(path) == name and NAME.fullmatch(name)
