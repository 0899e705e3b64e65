import subprocess
import sys

import numpy as np
import pytest
from small_net import save_small_net

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.importing.tensorrt_operators import refused
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.training.export.convert import PRECISIONS, convert


@pytest.fixture
def source(save_onnx, save_spec):
    path = save_small_net(save_onnx, save_spec)
    save_spec(
        path, name="small", input_size_wh=(8, 16), training={"model": "x"},
        accuracy={"val": {"AP": 50.0}, "score_threshold": 0.4, "score_threshold_from": "holdout"},
    )  # fmt: skip
    return path


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_runtime_opens_what_was_converted(source, dots, tmp_path, precision):
    path = convert(source, precision, tmp_path / "models", calibration=dots, count=5)
    assert path == tmp_path / "models" / f"small_{precision.replace('-', '_')}.onnx"
    batch = np.random.default_rng(0).uniform(0, 255, (3, 3, 16, 8)).astype(np.float32)
    results = []
    for file in (source, str(path)):
        backend, spec = open_model(file, "top_down", threads=1)
        with backend:
            results.append(backend(batch)["heatmaps"])
    assert results[1].dtype == np.float32 and 0 < np.abs(results[1] - results[0]).max() < 0.2 * np.abs(results[0]).max()


def test_the_spec_says_of_what_it_is_and_keeps_the_figures_before(source, dots, tmp_path):
    spec, before = (
        load_model_spec(str(convert(source, "int8-cpu", tmp_path, "short", dots, 2))),
        load_model_spec(source),
    )
    assert spec.name == "short" and spec.input_size_wh == (8, 16)
    assert spec.accuracy == {"score_threshold": 0.4, "score_threshold_from": "holdout", "fp32": {"val": {"AP": 50.0}}}
    assert spec.training == {
        "model": "x",
        "export": {
            "precision": "int8-cpu", "of": "small", "of_sha256": before.sha256,
            "calibration": str(dots), "count": 2, "method": "minmax", "biases": "corrected",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "precision, options, error, message",
    [
        ("fp8", {}, ConfigError, "expected a precision out of fp16, int8-tensorrt, int8-cpu, got 'fp8'"),
        ("int8-cpu", {}, ConfigError, "expected calibration data for int8-cpu"),
        ("int8-cpu", {"calibration": "x", "count": 0}, ConfigError, "expected 1 or more images"),
        ("int8-tensorrt", {"calibration": "nowhere"}, DataError, "nowhere: expected a JSON file"),
    ],
)
def test_faults_leave_nothing_behind(source, tmp_path, precision, options, error, message):
    with pytest.raises(error, match=message):
        convert(source, precision, tmp_path / "models", **options)
    assert not (tmp_path / "models").exists()


def test_a_converted_model_is_not_converted_again(source, dots, tmp_path):
    half = convert(source, "fp16", tmp_path)
    with pytest.raises(ModelError, match="expected a float32 model to convert, got one with fp16"):
        convert(half, "int8-cpu", tmp_path, calibration=dots)


@pytest.mark.parametrize("precision, reasons", [("fp16", set()), ("int8-tensorrt", set()), ("int8-cpu", {"uint8"})])
def test_what_is_converted_for_tensorrt_passes_its_parser(source, dots, tmp_path, precision, reasons):
    path = convert(source, precision, tmp_path / "models", calibration=dots, count=2)
    for version in ("8.2", "8.5.2"):
        assert {refusal.reason.split(":")[0] for refusal in refused(path, version)} >= reasons
        assert reasons or refused(path, version) == []


def test_it_needs_no_torch():
    check = "import sys, pose_estimation_ros.cli.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
