import os

import pytest

onnx = pytest.importorskip("onnx", reason="makes tiny models with onnx")
import engine_models  # noqa: E402
from fake_tensorrt_builder import GENERATIONS, fake_tensorrt, split  # noqa: E402

from pose_estimation_ros.core.errors import ModelError  # noqa: E402
from pose_estimation_ros.inference.trt.compiler import compile_engine  # noqa: E402

SIZE_WH = (48, 64)


def quiet(_line):
    pass


@pytest.mark.parametrize("version", sorted(GENERATIONS))
def test_every_generation_builds_float32(version, tmp_path):
    compiled = compile_engine(fake_tensorrt(version), engine_models.fp32(tmp_path / "x.onnx"), SIZE_WH, "fp32", 4)
    facts, model = split(compiled.engine)
    assert facts["profile"]["images"] == [[1, 3, 64, 48], [4, 3, 64, 48], [4, 3, 64, 48]] == compiled.shapes
    assert model == (tmp_path / "x.onnx").read_bytes()
    assert facts["layers"] == ["Float"] and compiled.network == {"fp32": 1}


@pytest.mark.parametrize(
    "version, make, precision, word",
    [
        ("8.2.1", engine_models.fp32, "fp16", "Half"),  # by the flag
        ("8.2.1", engine_models.int8, "int8", "Int8"),
        ("10.3.0", engine_models.fp32, "fp16", "Float"),  # strongly typed: by the file
        ("10.3.0", engine_models.fp16, "fp16", "Half"),
        ("11.4.0", engine_models.fp32, "fp16", "Float"),
        ("11.4.0", engine_models.fp16, "fp16", "Half"),
        ("11.4.0", engine_models.int8, "int8", "Int8"),
    ],
)
def test_what_decides_the_precision(version, make, precision, word, tmp_path):
    compiled = compile_engine(fake_tensorrt(version), make(tmp_path / "x.onnx"), SIZE_WH, precision, 1)
    assert split(compiled.engine)[0]["layers"] == [word]
    assert compiled.network == {{"Half": "fp16", "Float": "fp32", "Int8": "int8"}[word]: 1}


@pytest.mark.parametrize(
    "version, workspace_mb, size",
    [("8.2.1", None, 512 << 20), ("8.2.1", 64, 64 << 20), ("10.3.0", None, None), ("11.4.0", 64, 64 << 20)],
)
def test_workspace(version, workspace_mb, size, tmp_path):
    path = engine_models.fp32(tmp_path / "x.onnx")
    compiled = compile_engine(fake_tensorrt(version), path, SIZE_WH, "fp32", 1, workspace_mb)
    assert split(compiled.engine)[0]["workspace"] == size


def test_a_fixed_batch_stays_and_needs_no_profile(tmp_path):
    path = engine_models.fp32(tmp_path / "x.onnx", batch=2)
    compiled = compile_engine(fake_tensorrt("11.4.0"), path, SIZE_WH, "fp32", 8)
    assert compiled.shapes == [[2, 3, 64, 48]] * 3 and not split(compiled.engine)[0]["profile"]


def test_a_free_size_becomes_the_specs(tmp_path):
    model = onnx.load(engine_models.fp32(tmp_path / "x.onnx"))
    for size in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        size.dim_param = "s"
    onnx.save(model, str(tmp_path / "x.onnx"))
    compiled = compile_engine(fake_tensorrt("11.4.0"), str(tmp_path / "x.onnx"), SIZE_WH, "fp32", 8)
    assert compiled.shapes == [[1, 3, 64, 48], [8, 3, 64, 48], [8, 3, 64, 48]]


@pytest.mark.parametrize(
    "version, first, second",
    [
        ("8.2.1", r"node 1 \(Det\): UNSUPPORTED_NODE: No importer", r"node 2 \(Mystery\): UNSUPPORTED_NODE"),
        ("11.4.0", r"node 1 'det_1' \(Det\): UNSUPPORTED_NODE: No importer", r"node 2 'odd_2' \(Mystery\)"),
    ],
)
def test_every_operator_that_is_refused_is_named(version, first, second, tmp_path):
    path = engine_models.unknown_operator(tmp_path / "x.onnx")
    with pytest.raises(ModelError, match=first) as refusal:
        compile_engine(fake_tensorrt(version), path, SIZE_WH, "fp32", 1)
    assert path in str(refusal.value) and version in str(refusal.value)
    refusal.match(second)


def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot parse it: MODEL_DESERIALIZE_FAILED: Failed to parse"):
        compile_engine(fake_tensorrt("8.2.1"), str(tmp_path / "x.onnx"), SIZE_WH, "fp32", 1)


@pytest.mark.parametrize(
    "logged, message",
    [
        ("Requested amount of GPU memory (1 bytes) could not be allocated.", r"could not be .*end other programs"),
        ("Error Code 2: OutOfMemory (no further information)", r"OutOfMemory.*lower --max-batch"),
        ("Could not find any implementation for node x due to insufficient workspace.", "Raise --workspace-mb"),
        ("Internal error: plan is empty", "could not be built: Internal error: plan is empty$"),
    ],
)
def test_a_build_that_fails(logged, message, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_TRT_ERROR", logged)
    with pytest.raises(ModelError, match=message):
        compile_engine(fake_tensorrt("8.2.1"), engine_models.fp32(tmp_path / "x.onnx"), SIZE_WH, "fp32", 1)


def test_a_library_that_makes_no_builder(tmp_path):
    """Without a driver pybind11 raises TypeError for the null pointer."""
    trt = fake_tensorrt("8.2.1")

    def none(_log):
        raise TypeError("pybind11::init(): factory function returned nullptr")

    trt.Builder = none
    with pytest.raises(ModelError, match="could not be built: .*nullptr"):
        compile_engine(trt, engine_models.fp32(tmp_path / "x.onnx"), SIZE_WH, "fp32", 1)


def test_the_timing_cache_is_kept_and_one_of_another_version_is_not_used(tmp_path):
    path, cache, said = engine_models.fp32(tmp_path / "x.onnx"), str(tmp_path / "new" / "timings"), []

    def build(version):
        compile_engine(fake_tensorrt(version), path, SIZE_WH, "fp32", 1, timing_cache=cache, say=said.append)
        with open(cache, "rb") as file:
            return file.read()

    assert build("8.2.1") == b"timings of 8.2.1" and said == []
    written = os.stat(cache).st_mtime_ns
    assert build("8.2.1") == b"timings of 8.2.1" and said == []
    assert os.stat(cache).st_mtime_ns == written
    assert build("11.4.0") == b"timings of 11.4.0"
    assert len(said) == 1 and "made by another GPU or TensorRT" in said[0]
