"""Open files of other programs, of other kinds, and damaged ones."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import onnx
import pytest
from foreign_networks import write_foreign
from onnx import helper

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.importing.network.foreign_file import normalises, open_foreign

INPUT = ("input", (1, 3, 8, 8))


def zipped(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return content.getvalue()


def with_json(form, values):
    text = json.dumps(values).encode()
    return struct.pack(form, len(text)) + text + b"rest"


OTHER_KINDS = [
    ("x.onnx", b"", "an empty file"),
    ("x.onnx", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ("x.onnx", b"\xff" * 100, "not one"),
    ("yolo.engine", with_json("<I", {"task": "pose", "names": {}}), "Ultralytics made.*give the ONNX file"),
    ("yolo.onnx", with_json("<I", {"task": "pose", "names": {}}), "Ultralytics made"),
    ("x.engine", b"whatever", "a TensorRT engine.*give the ONNX file"),
    ("x.bin", b"ptrt" + bytes(100), "a TensorRT engine"),
    ("x.pt", zipped("best/data.pkl", "best/data/0"), "a checkpoint of PyTorch.*export it to ONNX"),
    ("x.pth", pickle.dumps({"a": 1}, 2), "a checkpoint of PyTorch"),
    ("x.zip", zipped("a/end2end.onnx", "a/pipeline.json"), "a zip file.*unpack it and give 'a/end2end.onnx'"),
    ("x.zip", zipped("a.txt"), "no ONNX file"),
    ("x.zip", b"PK\x03\x04" + bytes(10), "damaged zip file"),
    ("x.safetensors", with_json("<Q", {"weight": {}}), "safetensors"),
    ("x.tflite", bytes(4) + b"TFL3" + bytes(100), "TensorFlow Lite.*tf2onnx"),
    ("x.h5", b"\x89HDF\r\n", "Keras"),
    ("x.pdmodel", b"\x0a\x00", "paddle2onnx"),
    ("x.xml", b"<?xml version='1.0'?><net/>", "markup"),
    ("x.onnx", b"\n<!DOCTYPE html><html>", "web page"),
]
WRONG_INPUTS = [
    (("input", (1, 1, 8, 8)), {}, "input of pictures"),
    (("input", (1, 3, 8)), {}, "input of pictures"),
    (("input", (1, 3, 8, 8)), {"dtype": np.int64}, "float32, float16, uint8, int32, got int64"),
    (("input", (1, 3, 8, 8)), {"dtype": np.float64}, "got double"),
]


@pytest.mark.parametrize("name, content, message", OTHER_KINDS)
def test_other_kinds_of_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        open_foreign(str(path))
    assert "\n" not in str(caught.value) and name in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_no_file(tmp_path, make):
    make(tmp_path / "x.onnx")
    with pytest.raises(ModelError, match="x.onnx"):
        open_foreign(str(tmp_path / "x.onnx"))


def test_what_is_read(tmp_path):
    outputs = {"a": ((1, 2, 3), (1, "m", 3)), "b": (1, 2)}
    metadata = {"task": "pose"}
    write_foreign(tmp_path / "x.onnx", ("input", ("n", 3, "h", 8)), outputs, ir_version=3, metadata=metadata)
    foreign = open_foreign(str(tmp_path / "x.onnx"))
    assert foreign.input == ("input", onnx.TensorProto.FLOAT, (None, 3, None, 8))
    assert [(tensor.name, tensor.shape) for tensor in foreign.outputs] == [("a", (1, None, 3)), ("b", (1, 2))]
    assert foreign.metadata == metadata


@pytest.mark.parametrize("entry, keywords, message", WRONG_INPUTS)
def test_inputs_that_are_no_pictures(tmp_path, entry, keywords, message):
    outputs = {"o": (1, 2)}
    with pytest.raises(ModelError, match=message):
        write_foreign(tmp_path / "x.onnx", entry, outputs, **keywords)
        open_foreign(str(tmp_path / "x.onnx"))


def changed(tmp_path, change):
    """Write a network, change it, and return its path."""
    path = str(tmp_path / "x.onnx")
    write_foreign(path, INPUT, {"o": (1, 2)})
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)
    return path


def test_several_inputs(tmp_path):
    def add(model):
        model.graph.input.append(helper.make_tensor_value_info("dataset_index", onnx.TensorProto.INT64, [1]))

    with pytest.raises(ModelError, match=r"one input, the picture, got input \(1, 3, 8, 8\), dataset_index \(1\)"):
        open_foreign(changed(tmp_path, add))


def test_operators_of_plugins(tmp_path):
    def add(model):
        model.graph.node.append(helper.make_node("TRTBatchedNMS", ["o"], ["p"], domain="mmdeploy"))

    with pytest.raises(ModelError, match="mmdeploy.TRTBatchedNMS.*export the model for onnxruntime"):
        open_foreign(changed(tmp_path, add))


def test_operators_of_plugins_in_a_branch(tmp_path):
    def add(model):
        inner = helper.make_graph([helper.make_node("Nms", ["o"], ["q"], domain="x")], "then", [], [])
        model.graph.node.append(helper.make_node("If", ["c"], ["p"], then_branch=inner, else_branch=inner))

    with pytest.raises(ModelError, match="x.Nms"):
        open_foreign(changed(tmp_path, add))


def test_weights_in_another_file(tmp_path):
    path = str(tmp_path / "x.onnx")
    write_foreign(path, INPUT, {"o": (1, 2)})
    onnx.save(onnx.load(path), path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(ModelError, match="external data"):
        open_foreign(path)


def test_no_operators(tmp_path):
    onnx.save(onnx.ModelProto(ir_version=7), str(tmp_path / "x.onnx"))
    with pytest.raises(ModelError, match="without operators"):
        open_foreign(str(tmp_path / "x.onnx"))


def test_names_that_are_no_text(tmp_path):
    path = str(tmp_path / "x.onnx")
    write_foreign(path, INPUT, {"abcdef": (1, 2)}, metadata={"key": "ghijkl"})
    content = open(path, "rb").read()
    for name in (b"abcdef", b"ghijkl"):
        with open(path, "wb") as file:
            file.write(content.replace(name, b"\xff" * 6))
        with pytest.raises(ModelError, match="x.onnx"):
            open_foreign(path)


def test_an_unknown_type_of_input_is_refused(tmp_path):
    write_foreign(tmp_path / "x.onnx", INPUT, {"o": (1, 2)})
    model = onnx.load(tmp_path / "x.onnx")
    model.graph.input[0].type.tensor_type.elem_type = 99
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="int32, got the unknown type 99"):
        open_foreign(str(tmp_path / "x.onnx"))


@pytest.mark.parametrize(
    "operator, number, expected",
    [
        ("Identity", None, False),
        ("Sub", [123.675, 116.28, 103.53], True),
        ("Sub", [0.0, 0.0, 0.0], False),
        ("Add", [-0.485, -0.456, -0.406], True),
        ("Mul", [1 / 255], True),
        ("Div", [255.0], True),
        ("Div", [0.229, 0.224, 0.225], False),
        ("Mul", [0.229, 0.224, 0.225], False),  # undoes a normalisation
        ("Mul", [58.395, 57.12, 57.375], False),
        ("Add", [123.675, 116.28, 103.53], False),
        ("Mul", [0.001] * 8, False),  # no number for each channel
    ],
)
def test_a_network_that_normalises(save_onnx, operator, number, expected):
    weights = {} if number is None else {"n": number if len(number) == 8 else np.reshape(number, (1, -1, 1, 1))}
    sides = {"input": (1, 3, 8, 8)}
    path = save_onnx("x", [(operator, ["input", *weights], ["y"], {})], sides, {"y": (1, 3, 8, 8)}, weights)
    assert normalises(open_foreign(path)) == expected
