"""What opening a model gives, and how often one start looks at its files, the GPU and TensorRT."""

import builtins
import collections
import hashlib
import os
import shutil
import sys

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_backend, open_model


def test_open_model_gives_a_running_network_and_its_spec(color_model):
    backend, spec = open_model(color_model, "top_down")
    with backend:
        assert spec.skeleton.name == "coco17" and backend.name == "onnxruntime"
        assert backend(np.zeros((2, 3, 64, 48), np.float32))["heatmaps"].shape == (2, 17, 16, 12)


def test_what_an_engine_needs_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    path = tmp_path / "m.engine"
    path.write_bytes(b"engine")
    with pytest.raises(ModelError, match="expected TensorRT's Python module"):
        open_backend(ModelFile(str(path), "engine", None, {}, None))
    with pytest.raises(ModelError, match="m.engine.json does not exist"):
        open_model(str(path), "top_down")


@pytest.fixture
def counted(monkeypatch):
    """A function that calls another one and counts meanwhile: hashes and openings of files, imports of TensorRT."""

    def run(call, files):
        contents = {}
        for path in files:
            with open(path, "rb") as file:
                contents[file.read()] = os.path.basename(path)
        counts = collections.Counter()
        sha256, import_module, open_file = hashlib.sha256, builtins.__import__, builtins.open

        def count_hash(content=b""):
            counts["hash " + contents.get(bytes(content), "of another content")] += 1
            return sha256(content)

        def count_import(name, *args, **kwargs):
            counts["import " + name] += name == "tensorrt"
            return import_module(name, *args, **kwargs)

        def count_open(path, *args, **kwargs):
            counts["open " + os.path.basename(str(path))] += 1
            return open_file(path, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(hashlib, "sha256", count_hash)
            patch.setattr(builtins, "__import__", count_import)
            patch.setattr(builtins, "open", count_open)
            return call(), counts

    return run


def moved(engine, path):
    """Move an engine and its sidecar to a path, which is returned."""
    for ending in ("", ".json"):
        shutil.move(engine + ending, str(path) + ending)
    return str(path)


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("changes, serves", [({}, "tensorrt"), ({"device": "another"}, "onnxruntime (after: ")])
def test_one_start_looks_at_everything_once(
    gpu, color_model, save_engine, counted, monkeypatch, tmp_path, by_name, changes, serves
):
    cudart, _ = gpu()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    path = save_engine(color_model, **changes)
    if by_name:
        cache = tmp_path / "cache" / "pose_estimation_ros" / "engines"
        cache.mkdir(parents=True)
        path = moved(path, cache / "0.engine")
        moved(save_engine(color_model, max_batch=1, device="another"), cache / "1.engine")
    asked = "color_model.engine" if by_name else path
    cudart.calls.clear()
    (backend, _spec), counts = counted(lambda: open_model(asked, "top_down", 1, fallback=True), [path, color_model])
    with backend:
        assert backend.name.startswith(serves)
    is_read = int(not by_name or not changes)  # the sidecar alone says that one in the cache is for another machine
    assert counts["hash " + os.path.basename(path)] == counts["open " + os.path.basename(path)] == is_read
    assert counts["open 1.engine"] == 0
    assert counts["hash color_model.onnx"] == counts["import tensorrt"] == 1
    assert cudart.calls.count("cudaGetDeviceProperties") == 1


def test_an_onnx_file_is_hashed_once(color_model, counted):
    (backend, _spec), counts = counted(lambda: open_model(color_model, "top_down", 1), [color_model])
    with backend:
        assert counts["open 1.engine"] == 0
    assert counts["hash color_model.onnx"] == counts["open color_model.onnx"] == 1
