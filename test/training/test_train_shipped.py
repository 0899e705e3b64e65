"""The shipped models' recipes, one after the other as `make train-...` calls them, on a few generated pictures."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.resources import user_models
from pose_estimation_ros.training.checkpoint import load_checkpoint, save_checkpoint
from pose_estimation_ros.training.models.lite0_fpn import Lite0Fpn
from pose_estimation_ros.training.models.person_detector import PersonDetector
from pose_estimation_ros.training.recipe import load_recipe


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository / "tools" / "training"))
    import train_shipped

    sys.path.pop(0)
    return train_shipped


@pytest.fixture
def overrides(dots, tmp_path):
    """For a trial: one step and epoch on the dots."""
    source = {"annotations": "person_keypoints.json", "images": "images"}
    small = {"epochs": 1, "epoch_samples": 2, "batch_size": 2, "workers": 0, "threads": 1, "pictures": 0}
    small["input_size_wh"] = [64, 64]
    place = {"data_root": dots, "out_dir": tmp_path / "runs", "train": f"[{source}]", "holdout": f"[{source}]"}
    return [f"{key}={value}" for key, value in {**small, **place}.items()]


def test_every_shipped_model_has_a_chain_that_ends_with_its_recipe(tool, repository):
    """And each recipe by itself starts where the chain has it start; so does `pose train` without the tool."""
    specs = [load_model_spec(str(path)) for path in (repository / "models").glob("*.onnx")]
    trained = {s.name: s.training for s in specs if "export" not in s.training}
    assert {s.name for s in tool.SHIPPED.values()} == set(trained)
    for shipped in tool.SHIPPED.values():
        chain = recipes(repository, shipped)
        first, *started = [recipe.init_from or recipe.grow_from for recipe in chain]
        assert first == "" or first.removeprefix("./") in shipped.inputs
        assert [Path(file).parent for file in started] == [recipe.run_dir for recipe in chain[:-1]]
        last = dataclasses.asdict(chain[-1])
        differing = {key for key, value in trained[shipped.name].items() if key in last and last[key] != value}
        assert differing == set(), shipped.name


def recipes(repository, shipped):
    return [load_recipe(repository / "config" / "training" / f"{name}.yaml") for name in shipped.recipes]


def test_the_heads_of_recipes_name_teachers_and_their_own_command(tool, repository):
    teachers = [f"--teacher={Path(teacher).name}" for teacher in tool.TEACHERS]
    heads = {}
    for path in (repository / "config" / "training").glob("*.yaml"):
        lines = [line[1:].strip() for line in path.read_text().splitlines() if line.startswith("#")]
        heads[path.stem] = " ".join(lines)
    assert any("TEACHERS" in head for head in heads.values())
    for name, head in heads.items():
        assert "TEACHERS" not in head or f"TEACHERS {' '.join(teachers)}" in head, name
        for command in re.findall(r"make train-(\w+) does", head):
            assert name in tool.SHIPPED[command].recipes, name


def test_what_recipes_read_is_made_first(tool, repository):
    for shipped in tool.SHIPPED.values():
        chain = recipes(repository, shipped)
        sources = [source for recipe in chain for source in recipe.train + recipe.holdout]
        read = [file for source in sources for file in (source.annotations, source.others)]
        read += [file for recipe in chain for file in (recipe.init_from, recipe.grow_from)]
        made, late = list(shipped.inputs), {file for file in read if file.startswith("./")}
        for file in reversed(made):  # those that make others come before them
            assert f"./{file}" in late, file
            late |= {f"./{argument}" for argument in shipped.inputs[file]}
        assert {file for file in late if file.startswith("./runs/")} == {f"./{file}" for file in made}


def test_the_tools_are_called_as_they_can_be(tool, repository, tmp_path, monkeypatch):
    """Each by its module, with arguments that it takes: it then fails at a file that is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    calls = []
    monkeypatch.setattr(tool, "run", calls.append)
    for name in tool.SHIPPED:
        monkeypatch.setattr(sys, "argv", ["train_shipped", name])
        tool.main()
    made = {tuple(call) for call in calls if call[1].startswith("tools.")}
    assert len(made) == len({file for shipped in tool.SHIPPED.values() for file in shipped.inputs})
    for call in made:
        done = subprocess.run([sys.executable, *call, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "usage" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "name, key, before",
    [
        ("elpn_v1", "init_from", "elpn_v1_taught/last"),
        ("lite0_fpn", "init_from", "lite0_fpn_taught_long/last"),
        ("person_detector", "init_from", "person_detector/last"),
        ("higher_lite0_fpn", "grow_from", "lite0_fpn_cpu/best"),
    ],
)
def test_a_tiny_run_of_the_whole_chain(tool, name, key, before, overrides, dots, tmp_path, monkeypatch):
    (tmp_path / "coco_val").symlink_to(dots)
    monkeypatch.setattr(tool, "DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    save_checkpoint(Path("runs/labels/imagenet_start.ckpt"), model=PersonDetector().state_dict())
    save_checkpoint(Path("runs/labels/imagenet_pose_start.ckpt"), model=Lite0Fpn().state_dict())
    teacher = Path(tool.TEACHERS[0].split("=")[1])
    save_teacher(tmp_path / "reference_models" / teacher.name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data_home"))
    for kind in (".onnx", ".json"):
        Path(user_models()).mkdir(parents=True, exist_ok=True)
        shutil.copy(tool.ROOT / "models" / f"person_detector{kind}", Path(user_models(), tool.PICODET + kind))
    shipped = tool.SHIPPED[name]
    steps = tool.commands(shipped, overrides)
    assert [step[0] for step in steps] == ["train"] * len(shipped.recipes) + ["export", "evaluate"]
    for step in steps:
        assert main(step) == 0, step
    spec = load_model_spec(str(tmp_path / "runs" / f"{shipped.name}.onnx"))
    assert spec.training["name"] == shipped.recipes[-1] and spec.training["epochs"] == 1
    evaluated = json.loads((tmp_path / "runs" / "evaluation" / f"{shipped.name}.json").read_text())
    assert evaluated["images"] == 3  # of 6, those to choose by
    started = Path(spec.training[key]).resolve()
    assert started == tmp_path / "runs" / f"{before}.ckpt" and started.is_file()


def save_teacher(path):
    """Save a network that answers images of 64x64 px with heatmaps of 17 keypoints."""
    path.parent.mkdir()
    images = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 64, 64])
    heatmaps = helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["n", 17, 16, 16])
    weight = numpy_helper.from_array(np.full((17, 3, 4, 4), 1e-4, np.float32), "weight")
    node = helper.make_node("Conv", ["image", "weight"], ["heatmaps"], strides=[4, 4])
    graph = helper.make_graph([node], "teacher", [images], [heatmaps], [weight])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def test_called_again_nothing_is_trained_twice(tool, overrides, tmp_path, capsys):
    (first, *_) = tool.commands(tool.SHIPPED["elpn_v1"], overrides)
    last = tmp_path / "runs" / "elpn_v1_cpu_128" / "last.ckpt"
    assert main(first) == 0
    trained = last.read_bytes()
    assert main(first) == 0
    assert last.read_bytes() == trained and "going on from" in capsys.readouterr().out
    assert load_checkpoint(last)["epoch"] == 1
