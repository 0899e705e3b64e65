import json
import os

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import file_sha256, load_model_spec, spec_path


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"network")
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
    with pytest.raises(ModelError, match="there is none") as error:
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
        ({"decoder": "dark"}, "expected decoder 'quarter_offset'.*got 'dark'"),
        ({"color_order": "bgr"}, "expected color_order 'rgb', got 'bgr'"),
        ({"skeleton": "coco"}, "expected a skeleton out of .*coco17.*got 'coco'"),
        ({"skeleton": "mpii16"}, "flip_pairs .* are not those of skeleton mpii16"),
        ({"input_size_wh": [192]}, "expected positive input_size_wh"),
        ({"input_size_wh": [192, 0]}, "expected positive input_size_wh"),
        ({"input_size_wh": 192}, "expected input_size_wh as .*list.*, got 192"),
        ({"input_size_wh": ["a", "b"]}, "invalid literal"),
        ({"stride": 0}, "positive .*stride"),
        ({"stride": "four"}, "expected stride as .*int.*, got 'four'"),
        ({"padding": -1}, "positive .*padding"),
        ({"accuracy": [1]}, "expected accuracy as .*dict.*, got "),
        ({"sha256": "0" * 64}, "expected sha256 0000.* got "),
    ],
)
def test_wrong_fields_say_expected_and_actual(model, save_spec, changes, message):
    save_spec(model)
    change(model, **changes)
    with pytest.raises(ModelError, match=message):
        load_model_spec(model)


def test_another_network_under_the_same_name(model, save_spec):
    save_spec(model)
    with open(model, "ab") as file:
        file.write(b"!")
    with pytest.raises(ModelError, match="expected sha256 .*, got " + file_sha256(model)):
        load_model_spec(model)
