"""The head by ONNX Runtime, against core.heatmap.decode and a slow obvious version written here."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.training.export import model_export
from pose_estimation_ros.training.export.decode_head import PARITY_PX, add_decode_head, add_to_file, decoding, run


def pass_through(joints=2, height=4, width=5, batch="n", outputs=("heatmaps",)):
    """A network whose heatmaps are its input."""
    shape = [batch, joints, height, width]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("images", *outputs)]
    nodes = [helper.make_node("Identity", ["images"], [name]) for name in outputs]
    model = helper.make_model(helper.make_graph(nodes, "m", infos[:1], infos[1:]))
    model.opset_import[0].version, model.ir_version = 13, 7
    return model


def by_head(heatmaps):
    model = add_decode_head(pass_through(*heatmaps.shape[1:]))
    return run(model, {"images": heatmaps.astype(np.float32)})


def slowly(heatmap):
    """x, y, score of one map: first peak in reading order, a quarter towards the higher neighbour, not at the rim."""
    height, width = heatmap.shape
    best = max(heatmap.flat)
    y, x = next((y, x) for y in range(height) for x in range(width) if heatmap[y, x] == best)
    dx = dy = 0.0
    if 0 < x < width - 1:
        dx = 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 0 < y < height - 1:
        dy = 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return x + dx, y + dy, min(max(best, 0), 1)


def peaks_everywhere(height=4, width=5):
    """A soft peak at each pixel in turn, so that every corner, side and inner place is had."""
    y, x = np.mgrid[:height, :width]
    maps = [np.exp(-((x - i - 0.1) ** 2) - (y - j + 0.1) ** 2) for j in range(height) for i in range(width)]
    return np.array(maps).reshape(-1, 2, height, width)


RANDOM = np.random.RandomState(0)
CASES = {
    "nobody": np.zeros((0, 2, 4, 5)),
    "flat": np.zeros((2, 2, 4, 5)),
    "flat and negative": np.full((1, 2, 4, 5), -0.5),
    "random": RANDOM.normal(size=(7, 17, 64, 48)),
    "ties": RANDOM.randint(0, 3, (20, 2, 4, 5)),
    "peaks everywhere": peaks_everywhere(),
    "over one": 3 * RANDOM.uniform(size=(3, 2, 4, 5)),
    "one column": RANDOM.uniform(size=(3, 2, 4, 1)),
    "one row": RANDOM.uniform(size=(3, 2, 1, 5)),
    "one pixel": RANDOM.uniform(size=(3, 2, 1, 1)),
    "more than 2048 pixels": np.eye(3072).reshape(3072, 64, 48)[None, ::13],
}


@pytest.mark.parametrize("name", CASES)
def test_same_as_on_the_host(name):
    heatmaps = np.asarray(CASES[name], np.float32)
    found = by_head(heatmaps)
    xy, score = decode(heatmaps)
    assert found.shape == heatmaps.shape[:2] + (3,) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.concatenate([xy, score[..., None]], -1), atol=PARITY_PX)


@pytest.mark.parametrize("name", ["flat", "ties", "peaks everywhere", "over one", "one column", "one row", "one pixel"])
def test_same_as_slowly(name):
    heatmaps = np.asarray(CASES[name], np.float32)
    expected = [[slowly(heatmap) for heatmap in maps] for maps in heatmaps]
    np.testing.assert_allclose(by_head(heatmaps), expected, atol=1e-6)


def test_its_operators_are_tensorrt_8_2s_and_counting_is_done_in_integers():
    model = onnx.shape_inference.infer_shapes(add_decode_head(pass_through()))
    operators = {node.op_type for node in model.graph.node if node.name.startswith("decode/")}
    assert operators == {  # onnx-tensorrt, branch 8.2-GA, docs/operators.md
        "Reshape", "ArgMax", "ReduceMax", "Div", "Mul", "Sub", "Min", "Concat", "Add", "GatherElements", "Sign", "Cast",
        "Clip",
    }  # fmt: skip
    kinds = {info.name: info.type.tensor_type.elem_type for info in model.graph.value_info}
    assert {kinds["decode/" + name] for name in ("peak", "y", "x", "row_start", "after")} == {TensorProto.INT64}
    assert model.opset_import[0].version == 13 and model.ir_version == 7


@pytest.mark.parametrize(
    "model, words",
    [
        (pass_through(outputs=("maps",)), r"output 'heatmaps' alone, got \['maps'\]"),
        (pass_through(outputs=("heatmaps", "tags")), r"got \['heatmaps', 'tags'\]"),
        (pass_through(height="h"), "heatmaps of fixed size, got"),
    ],
)
def test_models_that_it_does_not_fit(model, words):
    with pytest.raises(ModelError, match=words):
        add_decode_head(model)


def test_a_head_that_decodes_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr(
        "pose_estimation_ros.training.export.decode_head.decode", lambda maps: (maps[..., :2, 0], maps[..., 0, 0])
    )
    with pytest.raises(ModelError, match="within 0.001 px of the host's, got"):
        decoding(pass_through().SerializeToString())


def test_heatmaps_that_are_decoded_otherwise(color_model, save_spec, tmp_path):
    save_spec(color_model, decoder="dark")
    with pytest.raises(ModelError, match="the decoder 'quarter_offset' for the head, got 'dark'"):
        add_to_file(color_model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_in_the_pipeline_it_finds_the_same_people(color_model, blob, tmp_path):
    frame = np.zeros((300, 300, 3), np.uint8)
    for place, color in zip([(130.0, 120), (180, 150), (140, 200)], [(0, 0, 255), (0, 255, 0), (255, 0, 0)]):
        blob(frame, place, color, sigma=20)
    boxes = np.array([[90.0, 80, 210, 240], [0, 0, 300, 300]])
    decoded = add_to_file(color_model, tmp_path / "out")
    found = []
    for path in (color_model, str(decoded)):
        backend, spec = open_model(path, "top_down", threads=1)
        with backend:
            found.append(TopDown(backend, spec)(frame, boxes))
    assert spec.name == "tiny_decoded" and found[0].score.max() > 0.9
    np.testing.assert_allclose(found[1].xy, found[0].xy, atol=1e-3)
    np.testing.assert_allclose(found[1].score, found[0].score, atol=1e-6)


def test_no_flip_test_without_heatmaps(color_model, tmp_path):
    backend, spec = open_model(str(add_to_file(color_model, tmp_path)), "top_down", threads=1)
    with backend, pytest.raises(Exception, match="tiny_decoded finds keypoints in its graph.*flip test"):
        TopDown(backend, spec, flip_test=True)


def test_figures_of_flip_tests_are_not_its_own(color_model, save_spec, tmp_path):
    save_spec(color_model, accuracy={"a": {"flip": True, "AP": 2}, "b": {"flip": False, "AP": 1}, "threshold": 0.3})
    path = add_to_file(color_model, tmp_path, "other")
    spec = json.loads(path.with_suffix(".json").read_text())
    assert spec["name"] == "other" and spec["accuracy"] == {"b": {"flip": False, "AP": 1}, "threshold": 0.3}


@pytest.mark.parametrize("given, precision", [("checkpoint", "fp32"), ("onnx", "fp32"), ("onnx", "fp16")])
def test_pose_export(color_model, tmp_path, monkeypatch, given, precision):
    out = tmp_path / "out"
    monkeypatch.setattr(model_export, "_export_checkpoint", lambda *_: color_model)
    what = color_model if given == "onnx" else "runs/m/best.ckpt"
    model_export.export_model(model_export.ModelExport(what, str(out), decode_head=True, precision=precision))
    names = ["tiny_decoded"] + (["tiny_decoded_fp16"] if precision == "fp16" else [])
    assert sorted(path.stem for path in out.glob("*.onnx")) == names
    for name in names:
        backend, _ = open_model(str(out / f"{name}.onnx"), "top_down", threads=1)
        with backend:
            assert backend.output_shapes == {"keypoints": (None, 17, 3)}
