"""Run the checks that need a GPU on fakes: they pass if the runtime is correct and fail if it is not."""

import functools
import importlib
import json
import shutil
import sys

import numpy as np
import pytest

from pose_estimation_ros.inference.trt.compiler import Compiled

pytest.importorskip("onnx", reason="makes models with onnx")
if sys.version_info < (3, 10):
    pytest.skip("needs the dependencies of training", allow_module_level=True)


@pytest.fixture
def check(gpu, monkeypatch, repository, tmp_path, save_onnx):
    """Return a function that runs the script on a fake GPU and returns its exit code and results by number."""
    from fake_tensorrt import engine_bytes

    monkeypatch.syspath_prepend(str(repository / "benchmarks" / "gpu"))
    gpu()

    def compile_engine(_trt, path, _size_wh, _precision, max_batch, say):
        return Compiled(engine_bytes(path, max_batch), [], {})

    def run(*only):
        out = tmp_path / "gpu.json"
        monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--out", str(out), "--only", *only])
        code = importlib.import_module("gpu_check").main()
        return code, {row["check"].split()[0]: row for row in json.loads(out.read_text())["checks"]}

    weight = np.random.RandomState(0).normal(0, 1e-3, (17, 3, 1, 1))
    nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
    shapes = {"images": ["n", 3, 256, 192]}, {"heatmaps": ["n", 17, 64, 48]}
    model = save_onnx("m", nodes, shapes[0], shapes[1], {"weight": weight})  # the shipped one takes minutes
    monkeypatch.setattr(importlib.import_module("gpu_check"), "OPENINGS", 2)
    monkeypatch.setattr(importlib.import_module("gpu_check"), "COUNTS", (0, 1, 3, 9))
    copy = functools.partial(shutil.copy, model)
    monkeypatch.setattr(importlib.import_module("gpu_check"), "copy_model", lambda to: copy(to / "elpn_v1_coco.onnx"))
    for name, value in {"RUNS": 1, "WARM_UP": 0, "compile_engine": compile_engine}.items():
        monkeypatch.setattr(importlib.import_module("gpu_speed"), name, value)
    return run


def test_all_checks_pass(check):
    code, rows = check("10", "11", "12", "15")
    assert code == 0 and [row["result"] for row in rows.values()] == ["ok"] * 4, rows
    assert "4 graphs" in rows["11"]["seen"] and "error 0.0e+00 px" in rows["12"]["seen"]
    assert rows["15"]["seen"].startswith("onnxruntime (after: ")


def test_a_wrong_decoder_fails(check, monkeypatch):
    gpu_check = importlib.import_module("gpu_check")
    decode = gpu_check.decode
    monkeypatch.setattr(gpu_check, "decode", lambda maps: (decode(maps)[0] + np.float32(0.01), decode(maps)[1]))
    code, rows = check("12")
    assert code == 1 and rows["12"]["result"] == "FAILED" and "got 0.01" in rows["12"]["seen"]


def test_missing_tensorrt_is_an_error(monkeypatch, repository, capsys):
    monkeypatch.syspath_prepend(str(repository / "benchmarks" / "gpu"))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    assert importlib.import_module("gpu_check").main() == 1
    assert "gpu_check: error: expected TensorRT's Python module" in capsys.readouterr().err
