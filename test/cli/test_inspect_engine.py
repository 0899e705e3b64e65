import json
import os
import sys

import pytest

pytest.importorskip("onnx", reason="makes tiny models with onnx")
import engine_models  # noqa: E402
from fake_tensorrt_builder import add_builder  # noqa: E402

from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.core.atomic_files import file_sha256  # noqa: E402
from pose_estimation_ros.core.model_spec import load_model_spec, spec_path  # noqa: E402


@pytest.fixture
def engine(gpu, color_model, tmp_path, capsys):
    add_builder(gpu("10.3.0")[1])
    out = str(tmp_path / "x.engine")
    assert command.main(["build-engine", color_model, "--out", out, "--unchecked", "--precision", "fp32"]) == 0
    capsys.readouterr()
    return out


def test_sidecar_tensors_and_layers(engine, capsys):
    assert command.main(["inspect-engine", engine]) == 0
    rows = {line[:20].strip(): line[21:] for line in capsys.readouterr().out.splitlines()}
    assert rows["precision_built"] == "fp32" and rows["tensorrt"] == "10.3.0" and rows["model_spec"] == "tiny"
    assert rows["input"] == "images ('N', 3, 64, 48)" and rows["output"] == "heatmaps ('N', 17, 16, 12)"
    assert rows["layers"] == '{"fp32": 1}' and rows["layers inside"] == "fp32 in 1 layers"


def test_the_sidecar_is_told_without_tensorrt(engine, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert command.main(["inspect-engine", engine]) == 0
    text = capsys.readouterr().out
    assert "compute_capability   8.7" in text and "not opened here: expected TensorRT's Python module" in text


def test_an_engine_of_another_gpu_is_told_and_refused(engine, gpu, capsys):
    gpu("10.3.0", major=7, minor=2)
    assert command.main(["inspect-engine", engine]) == 1
    text, error = capsys.readouterr()
    assert "precision_built" in text and "compute_capability '8.7', here '7.2'" in error


def test_a_damaged_engine(engine, capsys):
    with open(engine, "ab") as file:
        file.truncate(10)
    assert command.main(["inspect-engine", engine]) == 1
    assert "half written or replaced" in capsys.readouterr().err


def test_an_engine_of_a_model_that_changed_since_is_told_and_refused(engine, color_model, capsys):
    with open(color_model, "ab") as file:
        file.write(b"\0")
    assert command.main(["inspect-engine", engine]) == 1
    text, error = capsys.readouterr()
    assert "precision_built" in text and "built for something else: onnx_sha256 '" in error
    os.remove(color_model)
    assert command.main(["inspect-engine", engine]) == 0


def test_an_engine_of_a_file_of_lower_precision_that_was_exported_anew(gpu, color_model, tmp_path, capsys):
    add_builder(gpu("10.3.0")[1])
    half, out = color_model.replace(".onnx", "_fp16.onnx"), str(tmp_path / "half.engine")
    engine_models.fp16(half)
    with open(spec_path(half), "w") as file:
        json.dump(load_model_spec(color_model)._replace(sha256=file_sha256(half)).to_json(), file)
    assert command.main(["build-engine", color_model, "--out", out, "--unchecked", "--precision", "fp16"]) == 0
    assert command.main(["inspect-engine", out]) == 0
    engine_models.fp16(half, (2, 1, 0))
    assert command.main(["inspect-engine", out]) == 1
    error = capsys.readouterr().err
    assert "built for something else: source_sha256 '" in error and "onnx_sha256" not in error
