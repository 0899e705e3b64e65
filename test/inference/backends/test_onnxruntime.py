import sys

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("fixed", ["n", 1, 3])
def test_any_number_of_images_through_any_batch_size(mean_model, fixed, count):
    batch = np.random.RandomState(0).rand(count, 3, 4, 4).astype(np.float32)
    with OnnxRuntimeBackend(mean_model(fixed), threads=1) as backend:
        result = backend(batch)["mean"]
    assert result.shape == (count,) and np.allclose(result, batch.mean((1, 2, 3)))


def test_a_view_is_as_good_as_a_copy(mean_model):
    batch = np.random.RandomState(1).rand(2, 3, 4, 8).astype(np.float32)[..., ::-2]
    with OnnxRuntimeBackend(mean_model("n")) as backend:
        assert np.allclose(backend(batch)["mean"], batch.mean((1, 2, 3)))


def test_shapes_have_none_where_free(mean_model):
    with OnnxRuntimeBackend(mean_model("n")) as backend:
        assert backend.input_shape == (None, 3, 4, 4) and backend.output_shapes == {"mean": (None,)}


def test_closing_twice_is_no_error(mean_model):
    backend = OnnxRuntimeBackend(mean_model("n"))
    backend.close()
    backend.close()


def test_a_closed_network_is_refused(mean_model):
    backend = OnnxRuntimeBackend(mean_model("n"))
    backend.close()
    with pytest.raises(ModelError, match="mean.onnx is closed"):
        backend(np.zeros((1, 3, 4, 4), np.float32))


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x07" * 50])
def test_a_corrupt_file(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx: expected an ONNX model that ONNX Runtime .* loads, got"):
        OnnxRuntimeBackend(str(path))


def test_a_file_cut_short(mean_model):
    path = mean_model("n")
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    with pytest.raises(ModelError, match="expected an ONNX model"):
        OnnxRuntimeBackend(path)


def test_two_inputs(save_onnx):
    shapes = {"a": ["n", 3, 4, 4], "b": ["n", 3, 4, 4]}
    path = save_onnx("sum", [("Add", ["a", "b"], ["c"], {})], shapes, {"c": ["n", 3, 4, 4]}, {})
    with pytest.raises(ModelError, match=r"expected one input, got \['a', 'b'\]"):
        OnnxRuntimeBackend(path)


def test_without_onnxruntime_the_remedy_is_named(mean_model, monkeypatch):
    path = mean_model("n")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="pip install onnxruntime"):
        OnnxRuntimeBackend(path)


def test_what_cannot_be_computed_is_one_line(save_onnx):
    """Two Reshapes that do not fit the sizes: ONNX Runtime finds out when it runs."""
    import onnx
    import onnx.helper

    path = save_onnx(
        "odd", [("Reshape", ["images", "shape"], ["out"], {})], {"images": ["n", 3, 4, 4]}, {"out": []}, {}
    )
    model = onnx.load(path)
    model.graph.initializer.append(onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [1], [7]))
    model.graph.output[0].type.tensor_type.shape.ClearField("dim")
    model.graph.output[0].type.tensor_type.shape.dim.add()
    onnx.save(model, path)
    with OnnxRuntimeBackend(path, 1) as backend:
        with pytest.raises(ModelError, match=r"^\S*odd.onnx: expected an ONNX model .* runs, got: [^\n]+$"):
            backend(np.zeros((1, 3, 4, 4), np.float32))


@pytest.mark.parametrize("shape", [(1, 3, 5, 5), (1, 4, 4)])
def test_a_batch_of_another_shape_is_one_line(mean_model, shape):
    with OnnxRuntimeBackend(mean_model("n"), 1) as backend:
        with pytest.raises(ModelError, match="mean.onnx: expected an ONNX model .* runs, got: "):
            backend(np.zeros(shape, np.float32))


def test_an_input_of_another_type(save_onnx):
    import onnx

    path = save_onnx("bytes", [("Identity", ["images"], ["out"], {})], {"images": ["n"]}, {"out": ["n"]}, {})
    model = onnx.load(path)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"expected an input of float32, .*, got tensor\(uint8\)"):
        OnnxRuntimeBackend(path)


@pytest.mark.parametrize("threads", [10**6, 5000, 257, -1, 1.5, "2", None, True])
def test_threads_out_of_range_are_refused(mean_model, threads):
    with pytest.raises(ConfigError, match="expected threads to be a whole number in 0..256, got "):
        OnnxRuntimeBackend(mean_model("n"), threads=threads)
