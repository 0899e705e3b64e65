"""Provide fixtures for several rooms: the shared real data, tiny networks with known outputs, and a fake GPU."""

import functools
import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks are so small that more threads would wait for one another

import numpy as np
import pytest
from tiny_models import paint_blob, write_broken_model, write_color_model, write_engine, write_onnx, write_spec

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared", "data")


@pytest.fixture(scope="session", autouse=True)
def heed_ctrl_c():
    """Let tests and their processes heed SIGINT, which is ignored in what a script runs in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_user(tmp_path_factory):
    """Hide the models that the user imported, and what was measured on this machine, from all tests and processes."""
    names = ("XDG_DATA_HOME", "XDG_CACHE_HOME")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(tmp_path_factory.mktemp(name.lower())) for name in names})
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(autouse=True)
def same_files_on_every_machine(monkeypatch):
    """Take the files that are named, and as many threads as cores, whatever this machine is quickest with."""
    monkeypatch.setattr("pose_estimation_ros.inference.eight_bits.dot_products", lambda: "")
    monkeypatch.setattr("pose_estimation_ros.inference.fastest.thread_numbers", lambda cores: [0])


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder with real data; skip the test if it does not exist."""
    if not os.path.isdir(DATA):
        pytest.skip("no real data at ../shared/data")
    return os.path.abspath(DATA)


@pytest.fixture(scope="session")
def repository():
    """Return the root of the source tree, a pathlib.Path."""
    import pathlib

    return pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture
def save_onnx(tmp_path):
    """Return a function that writes an ONNX file, which ONNX Runtime 1.10 can load, and returns its path."""
    pytest.importorskip("onnx", reason="makes tiny models with onnx")
    return functools.partial(write_onnx, tmp_path)


@pytest.fixture
def save_spec():
    """Return a function that writes the spec beside a model; keywords replace fields."""
    return write_spec


@pytest.fixture
def color_model(tmp_path):
    """Write a top-down model of 48x64 px whose keypoint k is at the reddest, greenest or bluest point (k % 3)."""
    pytest.importorskip("onnx", reason="makes tiny models with onnx")
    return write_color_model(tmp_path)


@pytest.fixture
def broken_model(tmp_path):
    """Return a function that writes the color model with a bias (17,), such as NaN, added to its heatmaps."""
    pytest.importorskip("onnx", reason="makes tiny models with onnx")
    return functools.partial(write_broken_model, tmp_path)


@pytest.fixture
def mean_model(save_onnx):
    """Return a function that writes a network whose output is each image's mean, for a free or fixed batch size."""

    def save(batch):
        nodes = [("ReduceMean", ["images"], ["mean"], {"axes": [1, 2, 3], "keepdims": 0})]
        return save_onnx("mean", nodes, {"images": [batch, 3, 4, 4]}, {"mean": [batch]}, {})

    return save


@pytest.fixture
def constant_model(save_onnx):
    """Return a function that writes a network with a fixed batch of 1 and outputs that do not depend on its input."""

    def save(name, outputs, size_wh=(64, 64)):
        nodes = [("Identity", ["value_" + key], [key], {}) for key in outputs]
        shapes = {key: list(np.shape(value)) for key, value in outputs.items()}
        weights = {"value_" + key: value for key, value in outputs.items()}
        return save_onnx(name, nodes, {"images": [1, 3, size_wh[1], size_wh[0]]}, shapes, weights)

    return save


@pytest.fixture
def blob():
    """Return a function that paints a soft dot into an image."""
    return paint_blob


@pytest.fixture
def walking_clip(tmp_path, blob):
    """Return a function that writes a video of 96x128 px, 10 frames a second, in which a dot moves to the right."""
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
    """Return a function that puts a fake GPU and a fake TensorRT in place of the real ones and returns both.

    Its parameters version and can_be_captured are those of fake_tensorrt.make_module, all others those of FakeCudart.
    After the test the fixture checks that everything allocated on the GPU was freed.
    """
    import sys

    from fake_cudart import FakeCudart
    from fake_tensorrt import make_module

    cudarts = []

    def pretend(version="10.3.0", can_be_captured=True, **cuda):
        cudart = FakeCudart(**cuda)
        trt = make_module(cudart, version, can_be_captured)
        monkeypatch.setattr("pose_estimation_ros.inference.trt.cuda.load_library", lambda: cudart)
        monkeypatch.setitem(sys.modules, "tensorrt", trt)
        cudarts.append(cudart)
        return cudart, trt

    yield pretend
    assert [cudart.live for cudart in cudarts if not cudart.sticky] == [{} for cudart in cudarts if not cudart.sticky]


@pytest.fixture
def ort_gpu(monkeypatch, tmp_path):
    """Return a function that puts a fake GPU into ONNX Runtime and returns it; see fake_onnxruntime.install."""
    pytest.importorskip("onnxruntime", reason="computes what the fake GPU does")
    from fake_onnxruntime import install

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return functools.partial(install, monkeypatch, tmp_path / "onnxruntime")


@pytest.fixture
def save_engine():
    """Return tiny_models.write_engine, which writes an engine as if built on this machine, fake or real."""
    return write_engine
