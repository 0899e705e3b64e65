"""`tx2.launch.py model:=NAME.engine` serves any network: skeleton, decoder and input size come with the model.

The GPU and TensorRT are fakes, the engine is built by `pose build-engine`.
"""

import os

import numpy as np
import pytest

pytest.importorskip("onnx", reason="makes tiny models with onnx")
pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("yaml", reason="reads the platform files")

from fake_tensorrt_builder import add_builder
from launched_nodes import launched_parameters, show
from tiny_models import write_color_model

from pose_estimation_ros.__main__ import main

RED_XY = (30, 40)
PLATFORMS = {"tx2": ("8.2.1", "fp16"), "orin": ("10.3.0", "fp32")}  # TensorRT, and a precision that needs no other file


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Make robot/ the working directory, with paper.onnx in robot/runs and in a models folder; no engine exists."""
    for folder in ("robot/runs", "installed"):
        (tmp_path / folder).mkdir(parents=True)
        path = write_color_model(tmp_path / folder, "mpii16")
        for ending in (".onnx", ".json"):
            os.rename(path[: -len(".onnx")] + ending, str(tmp_path / folder / ("paper" + ending)))
    monkeypatch.chdir(str(tmp_path / "robot"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folders = [str(tmp_path / "installed")]
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: folders)


@pytest.fixture
def ask(kept, wait_until, blob):
    """Return a function that shows a red dot to a node and returns the people and the skeleton that it publishes."""

    def run(node):
        frame = np.zeros((128, 96, 3), np.uint8)
        blob(frame, RED_XY, (0, 0, 255), 12.0)
        return show(node, frame, "image", kept, wait_until)

    return run


@pytest.fixture
def launched(make_node):
    """Return a function that makes the node that a platform's launch file starts with a model."""
    from pose_estimation_ros.nodes.pose_node import PoseNode

    return lambda platform, model: make_node(
        PoseNode, **launched_parameters(platform, model=model, detector="full_frame")
    )


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
@pytest.mark.parametrize(
    "built, model",
    [
        ("paper", "paper.engine"),
        ("paper", "paper"),
        ("runs/paper.onnx", "runs/paper.engine"),
        ("runs/paper.onnx", "./runs/paper.engine"),
        ("runs/paper.onnx", "{here}/runs/paper.engine"),
        ("runs/paper.onnx", "runs/paper.onnx"),
        ("runs/paper.onnx --out runs/own.engine", "runs/own.engine"),
    ],
)
def test_one_argument_serves_a_model_by_its_name_or_path(models, gpu, launched, ask, capfd, platform, built, model):
    version, precision = PLATFORMS[platform]
    add_builder(gpu(version)[1])
    assert main(["build-engine", *built.split(), "--precision", precision, "--unchecked"]) == 0
    node = launched(platform, model.format(here=os.getcwd()))
    messages = []
    node.diagnostics_publisher.publish = messages.append
    node.tick()
    node.tick()
    values = {entry.key: entry.value for entry in messages[-1].status[0].values}
    assert values["backend"].startswith("tensorrt" if model.endswith(".engine") else "onnxruntime")
    people, skeleton = ask(node)
    assert skeleton.name == people.skeleton == "mpii16" and len(people.persons[0].keypoints) == 16
    red = people.persons[0].keypoints[0]
    assert np.hypot(red.x - RED_XY[0], red.y - RED_XY[1]) < 8
    assert "instead of the configured device" not in capfd.readouterr().err


@pytest.mark.parametrize("model", ["paper.engine", "runs/paper.engine"])
def test_before_its_engine_is_built_the_model_serves_from_the_cpu(models, gpu, launched, ask, capfd, model):
    gpu("8.2.1")
    people, skeleton = ask(launched("tx2", model))
    assert len(people.persons) == 1 and skeleton.name == "mpii16"
    error = capfd.readouterr().err
    assert "no engine is built for this machine yet: run `pose build-engine" in error
