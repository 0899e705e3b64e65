import os

import pytest

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.inference.trt.plan import (
    BuildOptions,
    check_options,
    plain_model,
    source_file,
    timing_cache_name,
)


@pytest.fixture
def folder(tmp_path):
    for name in ("x.onnx", "x_fp16.onnx", "x_int8_tensorrt.onnx", "x_int8_cpu.onnx", "alone_fp16.onnx"):
        producer = bytes([0x12, len(name)]) + name.encode()
        (tmp_path / name).write_bytes(producer)  # an ONNX model without anything else
    return str(tmp_path) + os.sep


@pytest.mark.parametrize(
    "name, precision, plain, meant",
    [
        ("x.onnx", None, "x.onnx", "fp16"),
        ("x.onnx", "fp32", "x.onnx", "fp32"),
        ("x.onnx", "int8", "x.onnx", "int8"),
        ("x_fp16.onnx", None, "x.onnx", "fp16"),
        ("x_fp16.onnx", "fp16", "x.onnx", "fp16"),
        ("x_int8_tensorrt.onnx", None, "x.onnx", "int8"),
    ],
)
def test_the_model_and_precision_meant(folder, name, precision, plain, meant):
    assert plain_model(folder + name, precision) == (folder + plain, meant)


@pytest.mark.parametrize(
    "name, precision, error, message",
    [
        ("x_fp16.onnx", "fp32", ConfigError, "expected --precision fp16 for .*x_fp16.onnx, got fp32"),
        ("x_fp16.onnx", "int8", ConfigError, "expected --precision fp16"),
        (
            "alone_fp16.onnx",
            None,
            ModelError,
            "alone.onnx does not exist: the engine of .*alone_fp16.onnx is",
        ),
        ("x_int8_cpu.onnx", None, ModelError, "for ONNX Runtime on CPUs: TensorRT needs _int8_tensorrt"),
    ],
)
def test_files_that_no_engine_is_made_of(folder, name, precision, error, message):
    with pytest.raises(error, match=message):
        plain_model(folder + name, precision)


@pytest.mark.parametrize(
    "precision, strongly_typed, source",
    [
        ("fp32", False, "x.onnx"),
        ("fp32", True, "x.onnx"),
        ("fp16", False, "x.onnx"),
        ("fp16", True, "x_fp16.onnx"),
        ("int8", False, "x_int8_tensorrt.onnx"),
        ("int8", True, "x_int8_tensorrt.onnx"),
    ],
)
def test_the_file_that_is_compiled(folder, save_spec, precision, strongly_typed, source):
    for name in ("x_fp16.onnx", "x_int8_tensorrt.onnx"):
        save_spec(folder + name)
    assert source_file(folder + "x.onnx", precision, strongly_typed) == folder + source


def test_a_file_yet_to_be_exported_is_named_with_the_command(folder):
    os.remove(folder + "x_int8_tensorrt.onnx")
    with pytest.raises(
        ModelError, match="x_int8_tensorrt.onnx does not exist: .*pose export .*x.onnx --precision int8-tensorrt"
    ):
        source_file(folder + "x.onnx", "int8", True)


def test_a_file_made_of_an_older_model_is_refused(folder, save_spec):
    save_spec(folder + "x_fp16.onnx", training={"export": {"of_sha256": "0" * 64}})
    with pytest.raises(ModelError, match="x_fp16.onnx was made from another version of .*x.onnx: export it again"):
        source_file(folder + "x.onnx", "fp16", True)


@pytest.mark.parametrize("capability", ["6.1", "7.2", "8.7", "11.0"])
def test_int8_where_the_gpu_has_it(capability):
    check_options(BuildOptions(precision="int8"), {"device": "a GPU", "compute_capability": capability})


@pytest.mark.parametrize("capability", ["5.3", "6.2"])  # Nano, TX2
def test_int8_where_it_has_not(capability):
    here = {"device": "a GPU", "compute_capability": capability}
    check_options(BuildOptions(precision="fp16"), here)
    with pytest.raises(ConfigError, match="expected fp16 or fp32 for a GPU: with compute capability " + capability):
        check_options(BuildOptions(precision="int8"), here)


def test_timings_of_each_gpu_and_version_have_a_file_of_their_own():
    here = {"tensorrt": "8.2.1.8", "device": "NVIDIA Tegra/X2 (nvgpu)", "compute_capability": "6.2"}
    assert timing_cache_name(here) == "timings-8.2.1.8-NVIDIA-Tegra-X2-nvgpu-6.2.cache"
    assert timing_cache_name(dict(here, tensorrt="10.3.0")) != timing_cache_name(here)
