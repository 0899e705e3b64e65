"""Import whole files: names, what is written and reported, what is refused before anything is written."""

import hashlib
import json
import os

import numpy as np
import onnx
import pytest
from foreign_networks import write_foreign

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.options import PipelineOptions

SIZE = (1, 3, 64, 48)
PIPELINE = {
    "pipeline": {
        "tasks": [
            {"transforms": [{"type": "Normalize", "mean": [1, 2, 3], "std": [4, 5, 6], "to_rgb": True}]},
            {"module": "mmpose", "component": "SimCCLabelDecode", "params": {}},
        ]
    }
}


@pytest.fixture
def source(tmp_path):
    """Write a network with SimCC outputs and return its path."""
    path = tmp_path / "rtmpose tiny.onnx"
    write_foreign(path, ("input", SIZE), {"simcc_x": (1, 17, 96), "simcc_y": (1, 17, 128)}, metadata={"by": "me"})
    return str(path)


def order_of(source, tmp_path, **changes):
    usual = {"out": str(tmp_path / "out"), "skeleton": "coco17", "check": False}
    return ModelImport(source, **dict(usual, **changes))


def test_what_is_written(source, tmp_path):
    lines = []
    order = order_of(source, tmp_path, licence="mine", origin="a page", padding=1.5, centred=None)
    path = import_model(order, lines.append)
    assert path == str(tmp_path / "out" / "rtmpose_tiny.onnx")
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["rtmpose_tiny.json", "rtmpose_tiny.onnx"]
    spec = load_model_spec(path)
    assert (spec.name, spec.task, spec.decoder, spec.input_size_wh) == ("rtmpose_tiny", "top_down", "simcc", (48, 64))
    assert (spec.padding, spec.stride, spec.skeleton.name, spec.fit) == (1.5, 1, "coco17", {"crop": "half_size"})
    assert spec.accuracy == {"score_threshold": 0.3}
    with open(source, "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    assert spec.training == {
        "imported": {
            "like": "rtmpose", "licence": "mine", "file": "rtmpose tiny.onnx", "sha256": sha256, "origin": "a page",
            "options": {"skeleton": "coco17", "padding": 1.5}, "metadata": {"by": "me"},
        }
    }  # fmt: skip
    onnx.checker.check_model(onnx.load(path))
    assert lines[:6] == [
        "input 48 x 64 px (width x height): the file fixes it",
        "outputs: two outputs of 2 bins per px, x in 'simcc_x', y in 'simcc_y'",
        "RGB, mean 123.675 116.28 103.53, std 58.395 57.12 57.375: family rtmpose, by its outputs",
        "decoder simcc (split_ratio 2.0): family rtmpose, by its outputs",
        "skeleton coco17, 17 keypoints: by --skeleton",
        "licence of the weights: mine",
    ]
    assert lines[6].startswith("the copy computes what the original does; largest differences: 0 on noise")
    assert lines[-1] == "wrote %s and %s" % (path, path[:-4] + "json")


def test_the_runtime_takes_it(source, tmp_path):
    path = import_model(order_of(source, tmp_path), print)
    with open_estimator(PipelineOptions(model=path)) as estimate:
        poses = estimate(np.zeros((64, 48, 3), np.uint8), np.array([[0, 0, 40, 60]], np.float32))
    assert poses.xy.shape == (1, 17, 2)


def test_an_imported_model_is_not_imported_again(source, tmp_path):
    path = import_model(order_of(source, tmp_path), print)
    with pytest.raises(ModelError, match="of another program, got one that `pose import` wrote"):
        import_model(order_of(path, tmp_path, name="again"), print)


def test_names(source, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "rtmpose-m"
    folder.mkdir()
    os.rename(source, str(folder / "end2end.onnx"))
    source = str(folder / "end2end.onnx")
    expected = str(tmp_path / "data" / "pose_estimation_ros" / "models" / "rtmpose-m.onnx")
    assert import_model(order_of(source, tmp_path, out=None), print) == expected
    monkeypatch.chdir(str(folder))
    assert import_model(order_of("end2end.onnx", tmp_path), print) == str(tmp_path / "out" / "rtmpose-m.onnx")
    assert os.path.basename(import_model(order_of(source, tmp_path, name="b"), print)) == "b.onnx"


def test_another_model_is_not_overwritten(source, tmp_path):
    path = import_model(order_of(source, tmp_path), print)
    before = open(path, "rb").read()
    with pytest.raises(ConfigError, match="exists already: give another --name, or --force"):
        import_model(order_of(source, tmp_path, color="bgr"), print)
    assert open(path, "rb").read() == before
    import_model(order_of(source, tmp_path, color="bgr", force=True), print)
    assert open(path, "rb").read() != before
    load_model_spec(path)
    os.remove(path)
    with pytest.raises(ConfigError, match="json exists already"):
        import_model(order_of(source, tmp_path), print)


@pytest.mark.parametrize(
    "name, message", [("lite0_fpn_coco", "a model of this package"), ("a/b", "name"), ("", "name")]
)
def test_names_that_are_refused(source, tmp_path, name, message):
    with pytest.raises(ConfigError, match=message):
        import_model(order_of(source, tmp_path, name=name), print)


def test_the_source_is_not_overwritten(source, tmp_path):
    with pytest.raises(ConfigError, match="another file than the source"):
        import_model(order_of(source, tmp_path, out=str(tmp_path), name="x", force=True)._replace(
            source=os.path.join(str(tmp_path), "x.onnx")), print)  # fmt: skip


def test_a_folder_that_is_a_file(source, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        import_model(order_of(source, tmp_path), print)


def test_a_pipeline_beside(source, tmp_path):
    (tmp_path / "pipeline.json").write_text(json.dumps(PIPELINE))
    lines = []
    spec = load_model_spec(import_model(order_of(source, tmp_path), lines.append))
    assert "RGB, mean 1 2 3, std 4 5 6: pipeline.json" in lines
    assert spec.training["imported"]["like"] == "mmdeploy"


@pytest.mark.parametrize("batch, free", [("n", None), (1, 1), (4, 4)])
def test_batches(tmp_path, batch, free):
    outputs = {"o": ((batch if free else 1, 17, 16, 12), (batch, 17, 16, 12))}
    write_foreign(tmp_path / "x.onnx", ("input", (batch, 3, 64, 48)), outputs)
    path = import_model(order_of(str(tmp_path / "x.onnx"), tmp_path, like="hrnet"), print)
    with open_estimator(PipelineOptions(model=path)) as estimate:
        assert estimate.backend.input_shape == (free, 3, 64, 48)
        assert estimate.backend.output_shapes == {"heatmaps": (free, 17, 16, 12)}
        boxes = np.array([[0, 0, 40, 60]] * 5, np.float32)
        assert len(estimate(np.zeros((64, 48, 3), np.uint8), boxes).xy) == 5


def test_a_batch_that_is_free_on_paper_alone(tmp_path):
    def fix(nodes, weights):
        """Let the outputs have one picture whatever comes in."""
        weights["o_shape"] = np.array([1, 17, 16, -1], np.int64)

    write_foreign(tmp_path / "x.onnx", ("input", ("n", 3, 64, 48)), {"o": (1, 17, 16, 12)}, change=fix)
    path = import_model(order_of(str(tmp_path / "x.onnx"), tmp_path, like="hrnet"), print)
    with open_estimator(PipelineOptions(model=path)) as estimate:
        assert estimate.backend.input_shape == (1, 3, 64, 48)


def test_a_frame_at_a_time(tmp_path):
    write_foreign(tmp_path / "x.onnx", ("input", (2, 3, 64, 48)), {"dets": (2, 9, 5), "keypoints": (2, 9, 17, 3)})
    with pytest.raises(ModelError, match="one frame at a time, got one for 2"):
        import_model(order_of(str(tmp_path / "x.onnx"), tmp_path), print)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"like": "rtmposse"}, "did you mean 'rtmpose'"),
        ({"size_wh": (48, 63)}, "--size as the file fixes it"),
        ({"keypoints": 18}, "--keypoints 17"),
    ],
)
def test_nothing_is_written_before_all_is_known(source, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        import_model(order_of(source, tmp_path, **options), print)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("force", [False, True])
def test_nothing_changes_where_the_runtime_refuses_the_copy(source, tmp_path, monkeypatch, force):
    out = tmp_path / "out"
    before = {}
    if force:
        import_model(order_of(source, tmp_path), print)
        before = {name: (out / name).read_bytes() for name in os.listdir(str(out))}

    def refuse(_path, _task):
        raise ModelError("no")

    monkeypatch.setattr("pose_estimation_ros.importing.import_model.open_model", refuse)
    with pytest.raises(ModelError, match="no"):
        import_model(order_of(source, tmp_path, force=force), print)
    assert {name: (out / name).read_bytes() for name in os.listdir(str(out))} == before


def test_texts_of_the_file_neither_control_the_terminal_nor_fill_the_spec(tmp_path):
    path = str(tmp_path / "x.onnx")
    texts = {"task": "pose", "names": "{0: 'person'}", "kpt_shape": "[17, 3]", "license": "free\x1b[2J\nuse it: x"}
    texts.update({"text %d" % i: "x" * 20000 for i in range(150)})
    write_foreign(path, ("images", (1, 3, 64, 64)), {"output0": (1, 56, 84)}, metadata=texts)
    lines = []
    made = import_model(ModelImport(path, out=str(tmp_path / "out"), check=False), lines.append)
    assert "licence of the weights: free\\x1b[2J\\nuse it: x" in lines
    assert os.path.getsize(made[: -len("onnx")] + "json") < 1.1e6  # 100 texts of 10000 letters


@pytest.mark.parametrize("name", ["x.onnx", "x.engine", "-x"])
def test_names_by_which_no_model_is_found_are_refused(source, tmp_path, name):
    with pytest.raises(ConfigError, match="expected a name of letters"):
        import_model(order_of(source, tmp_path, name=name), print)
