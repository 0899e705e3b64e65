"""OpenVINO is no part of `make test` (62 MB): `make test-openvino` installs it and runs this."""

import json
import sys

import cv2
import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from pose_estimation_ros.inference.backends.open import open_backend, open_model
from pose_estimation_ros.inference.backends.openvino import OpenVinoBackend


@pytest.fixture
def openvino():
    return pytest.importorskip("openvino", reason="openvino is not installed: make test-openvino")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("fixed", ["n", 1, 3])
def test_any_number_of_images_through_any_batch_size(openvino, mean_model, fixed, count):
    batch = np.random.RandomState(0).rand(count, 3, 4, 4).astype(np.float32)
    with open_backend(onnx_file(mean_model(fixed)), 1, "openvino") as backend:
        first, again = backend(batch)["mean"], backend(batch + 1)["mean"]
    assert backend.name == "openvino" and first.shape == (count,)
    assert np.allclose(first, batch.mean((1, 2, 3))) and np.allclose(again, first + 1)


def test_shapes_and_a_view(openvino, mean_model):
    batch = np.random.RandomState(1).rand(2, 3, 4, 8).astype(np.float32)[..., ::-2]
    with open_backend(onnx_file(mean_model("n")), 1, "openvino") as backend:
        assert backend.input_shape == (None, 3, 4, 4) and backend.output_shapes == {"mean": (None,)}
        assert np.allclose(backend(batch)["mean"], batch.mean((1, 2, 3)))


@pytest.mark.parametrize(
    "name, task", [("elpn_v1_coco", "top_down"), ("lite0_fpn_coco", "top_down"), ("person_detector", "person_detector")]
)
def test_shipped_models_answer_as_on_onnx_runtime(openvino, repository, name, task):
    """To 1e-3 of outputs of 0..1; boxes are px."""
    path = str(repository / "models" / (name + ".onnx"))
    backend, spec = open_model(path, task, 1, device="openvino")
    width, height = spec.input_size_wh
    batch = np.random.RandomState(2).uniform(0, 255, (2, 3, height, width)).astype(np.float32)
    with backend, OnnxRuntimeBackend(path, 1) as reference:
        found, expected = backend(batch), reference(batch)
    assert set(found) == set(expected)
    for output in found:
        np.testing.assert_allclose(found[output], expected[output], atol=1e-3 * max(1, np.abs(expected[output]).max()))


@pytest.fixture
def opened(monkeypatch):
    """What each model was opened on, in turn."""
    from pose_estimation_ros.inference.backends import open as module

    engines = []
    for name in ("OnnxRuntimeBackend", "OpenVinoBackend"):
        backend = getattr(module, name)
        spy = lambda *args, backend=backend: (engines.append(backend.name), backend(*args))[1]  # noqa: E731
        monkeypatch.setattr(module, name, spy)
    return engines


@pytest.mark.parametrize(
    "command",
    [
        ["benchmark", "--frames", "2", "--batches", "1", "--rounds", "2", "--against", "elpn_v1_coco", "--json", "-"],
        ["compare", "elpn_v1_coco", "person_detector", "--data", "{data}", "--rounds", "1", "--out", "{out}"],
        ["evaluate", "--model", "elpn_v1_coco", "person_detector", "--data", "{data}", "--out", "{out}"],
    ],
    ids=lambda command: command[0],
)
def test_commands_run_all_their_networks_on_it(openvino, opened, tmp_path, command):
    image = np.random.RandomState(0).randint(0, 256, (96, 128, 3)).astype(np.uint8)
    (tmp_path / "data" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "data" / "images" / "1.png"), image)
    person = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [9, 9, 60, 80], "area": 3000}
    person.update(num_keypoints=17, keypoints=[40, 40, 2] * 17)
    content = {"images": [{"id": 1, "file_name": "1.png"}], "annotations": [person]}
    (tmp_path / "data" / "person_keypoints.json").write_text(json.dumps(content))
    places = {"data": tmp_path / "data", "out": tmp_path / "out"}
    argv = [word.format(**places) for word in command] + ["--device", "openvino", "--threads", "1"]
    assert main(argv) == 0
    counted = 2 * (command[0] == "compare")  # it counts multiply-adds by a run on ONNX Runtime
    assert opened.count("onnxruntime") == counted and opened.count("openvino") >= 2


@pytest.mark.parametrize("content", [b"\x08\x07", b"\x0a\x03abc"])  # messages of protobuf without a graph
def test_what_is_no_network(openvino, tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="bad.onnx: expected an ONNX model that OpenVINO .* loads"):
        open_backend(onnx_file(str(path)), 1, "openvino")


def test_two_inputs_are_refused(openvino, save_onnx):
    path = save_onnx("two", [("Add", ["a", "b"], ["c"], {})], {"a": [1, 2], "b": [1, 2]}, {"c": [1, 2]}, {})
    with pytest.raises(ModelError, match="expected one input, got 2"):
        open_backend(onnx_file(path), 1, "openvino")


def test_closing_twice_is_no_error(openvino, mean_model):
    backend = open_backend(onnx_file(mean_model("n")), 1, "openvino")
    backend.close()
    backend.close()


def test_a_closed_network_is_refused(openvino, mean_model):
    backend = open_backend(onnx_file(mean_model("n")), 1, "openvino")
    backend.close()
    with pytest.raises(ModelError, match="mean.onnx: is closed"):
        backend(np.zeros((1, 3, 4, 4), np.float32))


def test_without_openvino_the_message_says_what_to_install(mean_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match="pip install openvino"):
        open_backend(onnx_file(mean_model("n")), 1, "openvino")


def test_an_unknown_engine(mean_model):
    with pytest.raises(
        ConfigError, match="expected device to be one of auto, cpu, cuda, tensorrt-ep, openvino, engine, got 'tvm'"
    ):
        open_backend(onnx_file(mean_model("n")), 1, "tvm")


@pytest.mark.parametrize("threads", [10**6, 5000, 257, -1, 1.5, "2", None, True])
def test_threads_out_of_range_are_refused(mean_model, threads):
    with pytest.raises(ConfigError, match="expected threads to be a whole number in 0..256, got "):
        OpenVinoBackend(mean_model("n"), threads=threads)
