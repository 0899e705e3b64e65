"""Fixtures of several layers: real data where it lies beside the repository, and tiny networks with known answers."""

import functools
import os

import numpy as np
import pytest
from tiny_models import paint_blob, write_broken_model, write_color_model, write_engine, write_onnx, write_spec

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
    pytest.importorskip("onnx", reason="makes tiny models with onnx")
    return functools.partial(write_onnx, tmp_path)


@pytest.fixture
def save_spec():
    """A function that writes the .json beside a model; keywords replace fields."""
    return write_spec


@pytest.fixture
def color_model(tmp_path):
    """A top-down model of 48x64 px: keypoint k is where the image is reddest, greenest, bluest for k % 3 = 0, 1, 2."""
    pytest.importorskip("onnx", reason="makes tiny models with onnx")
    return write_color_model(tmp_path)


@pytest.fixture
def broken_model(tmp_path):
    """A function that writes the color model with a bias (17,) for its heatmaps, such as NaN."""
    pytest.importorskip("onnx", reason="makes tiny models with onnx")
    return functools.partial(write_broken_model, tmp_path)


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


@pytest.fixture
def blob():
    return paint_blob


@pytest.fixture
def walking_clip(tmp_path, blob):
    """A function that writes a video of 96x128 px, 10 frames a second, in which a dot walks to the right."""
    from pose_estimation_ros.imaging.video import VideoWriter

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
        monkeypatch.setattr("pose_estimation_ros.inference.trt.cuda.load_library", lambda: cudart)
        monkeypatch.setitem(sys.modules, "tensorrt", trt)
        made.append(cudart)
        return cudart, trt

    yield pretend
    assert [cudart.live for cudart in made if not cudart.sticky] == [{} for cudart in made if not cudart.sticky]


@pytest.fixture
def save_engine():
    """tiny_models.write_engine; as built on this machine, fake or not."""
    return write_engine
