import os

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node
from rclpy.parameter import Parameter

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.pipeline import PipelineOptions
from pose_estimation_ros.nodes.parameters import POSE_PARAMETERS, VIDEO_PARAMETERS, declare

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config")


@pytest.fixture
def make_node(ros):
    nodes = []

    def make(*cli, **overrides):
        values = [Parameter(name, value=value) for name, value in overrides.items()]
        nodes.append(Node("pose_node", cli_args=["--ros-args"] + list(cli), parameter_overrides=values))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()


def test_defaults_are_those_of_the_pipeline_but_a_robot_goes_on_without_its_engine(make_node):
    values = declare(make_node(), POSE_PARAMETERS)
    assert PipelineOptions(*(values[name] for name in PipelineOptions._fields)) == PipelineOptions(fallback=True)


@pytest.mark.parametrize("table", [POSE_PARAMETERS, VIDEO_PARAMETERS])
def test_every_parameter_is_described_and_read_only(make_node, table):
    node = make_node()
    declare(node, table)
    for parameter in table:
        descriptor = node.describe_parameter(parameter.name)
        assert len(descriptor.description) > 20 and descriptor.read_only
        assert bool(descriptor.integer_range or descriptor.floating_point_range) == (parameter.low is not None)
        numeric = isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool)
        assert numeric == (parameter.low is not None)


def test_given_values_win(make_node):
    values = declare(make_node("-p", "detect_every:=7", "-p", 'model:="x"'), POSE_PARAMETERS)
    assert values["detect_every"] == 7 and values["model"] == "x"


@pytest.mark.parametrize(
    "override, words",
    [
        (dict(treshold=0.5), "unknown parameter 'treshold'; did you mean '.*threshold'"),
        (dict(zzz=1), "unknown parameter 'zzz'; known: cpu_engine, detect_every, "),
        (dict(detect_every=0), "parameter detect_every: expected int in 1..1000, got 0"),
        (dict(score_threshold=1.5), "parameter score_threshold: expected float in 0.0..1.0, got 1.5"),
        (dict(score_threshold="high"), "parameter score_threshold: expected float in 0.0..1.0, got 'high'"),
        (dict(tracking="yes"), "parameter tracking: expected bool, got 'yes'"),
        (dict(model=3), "parameter model: expected str, got 3"),
    ],
)
def test_bad_values(make_node, override, words):
    with pytest.raises(ConfigError, match=words):
        declare(make_node(**override), POSE_PARAMETERS)


def test_what_rclpy_declares_itself_is_no_unknown_parameter(make_node):
    declare(make_node(use_sim_time=True), POSE_PARAMETERS)


@pytest.mark.parametrize("platform", ["cpu", "tx2"])
@pytest.mark.parametrize("remap", [[], ["-r", "__node:=other", "-r", "__ns:=/robot"]])
def test_platform_files_have_known_parameters(make_node, platform, remap):
    node = make_node("--params-file", os.path.join(CONFIG, platform + ".yaml"), *remap)
    values = declare(node, POSE_PARAMETERS)
    assert values["detector"] == "person_detector"
    assert values["model"] == {"cpu": "elpn_v1_coco", "tx2": "elpn_v1_coco.engine"}[platform]
