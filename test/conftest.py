"""Fixtures of several layers: real data where it lies beside the repository, and tiny networks with known answers."""

import json
import os

import numpy as np
import pytest

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared", "data")


@pytest.fixture(scope="session")
def shared_data():
    """The folder with real data; the test is skipped where it is not at hand."""
    if not os.path.isdir(DATA):
        pytest.skip("no real data at ../shared/data")
    return os.path.abspath(DATA)


@pytest.fixture(scope="session")
def repository():
    """The root of the source tree, a pathlib.Path."""
    import pathlib

    return pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture
def save_onnx(tmp_path):
    """A function that writes an ONNX file which ONNX Runtime 1.10 loads too, and returns its path."""
    onnx = pytest.importorskip("onnx", reason="makes tiny models with onnx")
    pytest.importorskip("onnx.helper"), pytest.importorskip("onnx.numpy_helper")

    def save(name, nodes, inputs, outputs, weights):
        def infos(shapes):
            return [onnx.helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, s) for key, s in shapes.items()]

        tensors = [onnx.numpy_helper.from_array(np.asarray(value, np.float32), key) for key, value in weights.items()]
        nodes = [onnx.helper.make_node(op, given, made, **attributes) for op, given, made, attributes in nodes]
        graph = onnx.helper.make_graph(nodes, name, infos(inputs), infos(outputs), tensors)
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
        model.ir_version = 7
        path = str(tmp_path / (name + ".onnx"))
        onnx.save(model, path)
        return path

    return save


@pytest.fixture
def save_spec():
    """A function that writes the .json beside a model; keywords replace fields."""
    from pose_estimation_ros.core.model_spec import ModelSpec, file_sha256, spec_path

    def save(path, **changes):
        fields = {
            "name": "tiny", "task": "top_down", "input_size_wh": (48, 64), "color_order": "rgb", "skeleton": "coco17",
            "stride": 4, "decoder": "quarter_offset", "padding": 1.25, "sha256": file_sha256(path), "accuracy": {},
            "training": {},
        }  # fmt: skip
        spec = ModelSpec(**dict(fields, **changes))
        with open(spec_path(path), "w") as file:
            json.dump(spec.to_json(), file)
        return spec

    return save


@pytest.fixture
def color_model(save_onnx, save_spec):
    """A top-down model of 48x64 px: keypoint k is where the image is reddest, greenest, bluest for k % 3 = 0, 1, 2."""
    weight = np.zeros((17, 3, 1, 1))
    weight[np.arange(17), np.arange(17) % 3] = 1 / 255.0
    nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", 17, 16, 12]}
    path = save_onnx("color_model", nodes, shapes[0], shapes[1], {"weight": weight})
    save_spec(path)
    return path


@pytest.fixture
def mean_model(save_onnx):
    """A function that makes a network whose output is each image's mean, for a free or fixed batch size."""

    def save(batch):
        nodes = [("ReduceMean", ["images"], ["mean"], {"axes": [1, 2, 3], "keepdims": 0})]
        return save_onnx("mean", nodes, {"images": [batch, 3, 4, 4]}, {"mean": [batch]}, {})

    return save


@pytest.fixture
def constant_model(save_onnx):
    """A function that writes a network with one fixed batch of 1 whose outputs do not depend on its input."""

    def save(name, outputs, size_wh=(64, 64)):
        nodes = [("Identity", ["value_" + key], [key], {}) for key in outputs]
        shapes = {key: list(np.shape(value)) for key, value in outputs.items()}
        weights = {"value_" + key: value for key, value in outputs.items()}
        return save_onnx(name, nodes, {"images": [1, 3, size_wh[1], size_wh[0]]}, shapes, weights)

    return save


def paint_blob(image, center_xy, color_bgr, sigma=6.0):
    """Adds a soft dot whose brightest point is at center_xy px; in place."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    dot = np.exp(-((x - center_xy[0]) ** 2 + (y - center_xy[1]) ** 2) / (2 * sigma**2))[..., None]
    image[:] = np.maximum(image, np.round(dot * np.array(color_bgr)).astype(np.uint8))


@pytest.fixture
def blob():
    return paint_blob


@pytest.fixture
def walking_clip(tmp_path, blob):
    """A function that writes a video of 96x128 px, 10 frames a second, in which a dot walks to the right."""
    from pose_estimation_ros.inference.video import VideoWriter

    def save(frames, step_px):
        writer = VideoWriter(str(tmp_path / "walk.mp4"), 10)
        for index in range(frames):
            frame = np.zeros((128, 96, 3), np.uint8)
            blob(frame, (30 + step_px * index, 60), (255, 255, 255))
            writer.write(frame)
        writer.close()
        return tmp_path / "walk.mp4"

    return save


@pytest.fixture
def gpu(monkeypatch):
    """A function that makes this machine one with a GPU and TensorRT, as far as the runtime can see, and returns the
    fakes of both. version, can_be_captured ...: see fake_tensorrt.make_module; devices, major ...: FakeCudart.

    Afterwards all that was taken from the GPU must have been given back.
    """
    import sys

    from fake_cudart import FakeCudart
    from fake_tensorrt import make_module

    made = []

    def pretend(version="10.3.0", can_be_captured=True, **cuda):
        cudart = FakeCudart(**cuda)
        trt = make_module(cudart, version, can_be_captured)
        monkeypatch.setattr("pose_estimation_ros.inference.cuda.load_library", lambda: cudart)
        monkeypatch.setitem(sys.modules, "tensorrt", trt)
        made.append(cudart)
        return cudart, trt

    yield pretend
    assert [cudart.live for cudart in made if not cudart.sticky] == [{} for cudart in made if not cudart.sticky]


@pytest.fixture
def save_engine():
    """A function that writes <model>.engine beside an ONNX file, with its sidecar, as built on this machine, fake or
    not; keywords replace the sidecar's fields."""
    from fake_tensorrt import engine_bytes

    def save(model, max_batch=8, **changes):
        import tensorrt

        from pose_estimation_ros.core.model_spec import file_sha256, load_model_spec
        from pose_estimation_ros.inference.engine_cache import SIDECAR, machine, store

        path, sha256 = model[: -len(".onnx")] + ".engine", file_sha256(model)
        fields = dict(dict.fromkeys(SIDECAR, ""), **machine(tensorrt))
        fields.update(onnx_path=model, onnx_sha256=sha256, source_path=model, source_sha256=sha256)
        fields.update(model_spec=load_model_spec(model).to_json(), max_batch=max_batch)
        store(path, engine_bytes(model, max_batch), dict(fields, **changes))
        return path

    return save
