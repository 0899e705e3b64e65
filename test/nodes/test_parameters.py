import os
import re

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node
from rclpy.parameter import Parameter

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS
from pose_estimation_ros.nodes.parameters import ParameterNode, check, declare, follow

CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config")


@pytest.fixture
def make_node(kept):
    def make(*cli, **overrides):
        values = [Parameter(name, value=value) for name, value in overrides.items()]
        return kept(ParameterNode("pose_node", cli_args=["--ros-args"] + list(cli), parameter_overrides=values))

    return make


def test_defaults_are_those_of_the_pipeline_but_a_robot_wants_to_go_on_and_in_time(make_node):
    values = declare(make_node(), POSE_PARAMETERS)
    assert PipelineOptions(*(values[name] for name in PipelineOptions._fields)) == PipelineOptions(
        fallback=True, background_detector=True
    )


@pytest.mark.parametrize("table", [POSE_PARAMETERS, VIDEO_PARAMETERS])
def test_every_parameter_is_described_and_read_only_unless_live(make_node, table):
    node = make_node()
    declare(node, table)
    for parameter in table:
        descriptor = node.describe_parameter(parameter.name)
        assert len(descriptor.description) > 20 and descriptor.read_only != parameter.live
        assert bool(descriptor.integer_range or descriptor.floating_point_range) == (parameter.low is not None)
        numeric = isinstance(parameter.default, (int, float)) and not isinstance(parameter.default, bool)
        assert numeric == (parameter.low is not None or bool(parameter.choices and numeric))


def test_given_values_win(make_node):
    values = declare(make_node("-p", "detect_every_s:=7.0", "-p", 'model:="x"'), POSE_PARAMETERS)
    assert values["detect_every_s"] == 7 and values["model"] == "x"


def test_old_names_are_taken_and_explained(make_node, tmp_path, capfd):
    path = tmp_path / "old.yaml"
    path.write_text("/**:\n  ros__parameters:\n    detect_every: 3\n")
    values = declare(make_node("--params-file", str(path), "-p", "confirm_after:=4"), POSE_PARAMETERS)
    assert (values["detect_every_s"], values["confirm_after_s"]) == pytest.approx((0.1, 0.1))
    stderr = capfd.readouterr().err
    assert "detect_every=3 counts frames; use detect_every_s, in seconds" in stderr and stderr.count("WARN") == 2


def test_old_names_in_a_shared_file_do_not_concern_the_video_node(make_node, capfd):
    declare(make_node(detect_every=0), VIDEO_PARAMETERS)
    assert "detect_every is ignored" in re.sub("'", "", capfd.readouterr().err)


@pytest.mark.parametrize(
    "override, words",
    [
        (dict(detect_every=0), "^expected detect_every in 1..1000, got 0$"),
        (dict(detect_every=5, detect_every_s=0.5), "^expected either detect_every_s or its old name .*, got both$"),
        (dict(treshold=0.5), "unknown parameter 'treshold'; did you mean '.*threshold'"),
        (dict(cpu_engine="openvino"), "unknown parameter 'cpu_engine'; its name is 'device' now"),
        (
            dict(modle="x"),
            "unknown parameter 'modle'; did you mean 'model'. known: auto_activate, background_detector, ",
        ),
        (dict(image_topic="x"), "did you mean 'image_topics'"),
        (dict(max_people=0), "^expected max_people in 1..1000, got 0$"),
        (dict(score_threshold=1.5), "^expected score_threshold in 0.0..1.0, got 1.5$"),
        (dict(score_threshold="high"), "^expected score_threshold to be a number in 0.0..1.0, got 'high'$"),
        (dict(tracking="yes"), "^expected tracking to be true or false, got 'yes'$"),
        (dict(model=3), "^expected model to be a text, got 3$"),
        (dict(threads=2.0), "^expected threads to be a whole number in 0..256, got 2.0$"),
        (dict(image_topics="x"), "^expected image_topics to be a list of texts, got 'x'$"),
        (dict(image_topics=[1]), "^expected image_topics to be a list of texts, got "),
        (dict(image_topics=["a b"]), "^expected image_topics to be the name of a topic, got 'a b': .*must not"),
        (dict(image_topics=[""]), "^expected image_topics to be the name of a topic, got ''"),
        (dict(camera_info_topic="/x/"), "^expected camera_info_topic to be the name of a topic, got '/x/'"),
        (dict(depth_topic="1depth"), "^expected depth_topic to be the name of a topic, got '1depth'"),
        (dict(detections_topic="a//b"), "^expected detections_topic to be the name of a topic, got 'a//b'"),
    ],
)
def test_bad_values(make_node, override, words):
    with pytest.raises(ConfigError, match=words):
        declare(make_node(**override), POSE_PARAMETERS)


@pytest.mark.parametrize("name, text", [("image_topics", "[]"), ("model", "[]"), ("roi_xywh", "[]")])
def test_an_empty_list_is_told(make_node, name, text):
    with pytest.raises(ConfigError, match="^expected %s to be " % name):
        declare(make_node("-p", "%s:=%s" % (name, text)), POSE_PARAMETERS)


@pytest.mark.parametrize("name, value", [("score_threshold", 0), ("smoothing_strength", 1), ("max_age_ms", 500)])
def test_a_whole_number_will_do_for_a_float(make_node, name, value):
    values = declare(make_node(**{name: value}), POSE_PARAMETERS)
    assert values[name] == value and isinstance(values[name], float)


@pytest.mark.parametrize("key", ["robot_name: r2", "fleet: {id: 3}", "waypoints: []", "camera_info_url: file:///x"])
def test_a_key_of_other_nodes_in_a_shared_file_is_a_warning(make_node, tmp_path, capfd, key):
    path = tmp_path / "fleet.yaml"
    path.write_text("/**:\n  ros__parameters:\n    %s\n    threads: 2\n" % key)
    assert declare(make_node("--params-file", str(path)), POSE_PARAMETERS)["threads"] == 2
    stderr = capfd.readouterr().err
    assert "WARN" in stderr and key.split(":")[0] in stderr and "is ignored" in stderr


class NodeOfFoxy(Node):
    """Declare the user's values by another way than declare_parameters of the object."""

    def __init__(self, name, automatically_declare_parameters_from_overrides, parameter_overrides):
        super().__init__(name)
        values = [(parameter.name, parameter.value) for parameter in parameter_overrides]
        Node.declare_parameters(self, "", values)


class OldNode(ParameterNode, NodeOfFoxy):
    pass


@pytest.mark.parametrize("kind", [ParameterNode, OldNode])
def test_a_node_knows_what_the_user_set_and_declares_nothing(kept, kind):
    given = {"model": "x", "threads": 3, "someone.elses": [1.5]}
    node = kept(kind("pose_node", parameter_overrides=[Parameter(name, value=value) for name, value in given.items()]))
    assert {
        name: value if isinstance(value, (str, int)) else list(value) for name, value in node.overrides.items()
    } == given
    assert not any(node.has_parameter(name) for name in given)
    values = declare(node, POSE_PARAMETERS)
    assert (values["model"], values["threads"]) == ("x", 3) and node.get_parameter("threads").value == 3


def test_what_rclpy_declares_itself_is_no_unknown_parameter(make_node):
    declare(make_node(use_sim_time=True), POSE_PARAMETERS)


@pytest.mark.parametrize("platform", ["cpu", "multi_camera", "orin", "tx2"])
@pytest.mark.parametrize("remap", [[], ["-r", "__node:=other", "-r", "__ns:=/robot"]])
def test_platform_files_have_known_parameters(make_node, platform, remap):
    node = make_node("--params-file", os.path.join(CONFIG, platform + ".yaml"), *remap)
    values = declare(node, POSE_PARAMETERS)
    assert values["detector"] == "person_detector"
    assert values["model"] == ("lite0_fpn_coco.engine" if platform in ("orin", "tx2") else "lite0_fpn_coco")


LIVE = [parameter for parameter in POSE_PARAMETERS if parameter.live]


def test_live_parameters_are_followed(make_node):
    node, seen = make_node(), []
    values = declare(node, POSE_PARAMETERS)
    follow(node, POSE_PARAMETERS, values, seen.append)
    (result,) = node.set_parameters([Parameter("score_threshold", value=0.5)])
    assert result.successful and values["score_threshold"] == 0.5 and seen == [{"score_threshold": 0.5}]


@pytest.fixture
def followed(make_node):
    """Return a node, its values and a list of what was applied."""
    node, seen = make_node(), []
    values = declare(node, POSE_PARAMETERS)
    follow(node, POSE_PARAMETERS, values, seen.append)
    if not hasattr(node, "add_pre_set_parameters_callback"):
        pytest.skip("this rclpy cannot rename parameters that are set")
    return node, values, seen


def test_an_old_name_may_be_set_while_the_node_runs(followed, capfd):
    node, values, seen = followed
    results = node.set_parameters([Parameter("detect_every", value=6), Parameter("smoothing_strength", value=1.0)])
    assert all(result.successful for result in results)
    assert seen == [{"detect_every_s": pytest.approx(0.2)}, {"smoothing_strength": 1.0}]
    assert values["detect_every_s"] == node.get_parameter("detect_every_s").value == pytest.approx(0.2)
    assert not node.has_parameter("detect_every") and "use detect_every_s, in seconds" in capfd.readouterr().err


@pytest.mark.parametrize(
    "parameters, words",
    [
        ([("detect_every", 0)], "expected detect_every in 1..1000, got 0"),
        ([("detect_every", 5), ("detect_every_s", 0.5)], "expected either detect_every_s or its old name"),
    ],
)
def test_a_bad_old_name_is_refused_with_the_reason_and_changes_nothing(followed, parameters, words):
    node, values, seen = followed
    result = node.set_parameters_atomically([Parameter(name, value=value) for name, value in parameters])
    assert not result.successful and words in result.reason
    assert seen == [] and values["detect_every_s"] == 0.3 == node.get_parameter("detect_every_s").value
    assert node.set_parameters_atomically([Parameter("detect_every_s", value=0.5)]).successful


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("score_threshold", 1.5, "out of|range|outside|0..1"),
        ("score_threshold", "high", "type|expected"),
        ("max_people", 0, "out of|range|1..1000"),
        ("model", "other", "read-only"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason_and_changes_nothing(make_node, name, value, words):
    node, seen = make_node(), []
    values = declare(node, POSE_PARAMETERS)
    before = dict(values)
    follow(node, POSE_PARAMETERS, values, seen.append)
    (result,) = node.set_parameters([Parameter(name, value=value)])
    assert not result.successful and re.search(words, result.reason), result.reason
    assert values == before == {p.name: _plain(node.get_parameter(p.name).value) for p in POSE_PARAMETERS}


def _plain(value):
    return value if isinstance(value, (str, int, float, bool)) else list(value)


def test_what_the_node_refuses_is_not_set(make_node):
    def refuse(changes):
        raise ConfigError("expected something else, got %s" % changes)

    node = make_node()
    values = declare(node, POSE_PARAMETERS)
    follow(node, POSE_PARAMETERS, values, refuse)
    (result,) = node.set_parameters([Parameter("enabled", value=False)])
    assert not result.successful and result.reason.startswith("expected something else")
    assert values["enabled"] is True and node.get_parameter("enabled").value is True


def test_an_unexpected_error_is_an_answer_too(make_node, capfd):
    def fail(_changes):
        raise ZeroDivisionError

    node = make_node()
    follow(node, POSE_PARAMETERS, declare(node, POSE_PARAMETERS), fail)
    (result,) = node.set_parameters([Parameter("enabled", value=False)])
    assert not result.successful and "unexpected error" in result.reason
    assert "ZeroDivisionError" in capfd.readouterr().err


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 0, 1001])
def test_check_by_hand(value):
    (max_people,) = [parameter for parameter in LIVE if parameter.name == "max_people"]
    check(max_people, 1)
    with pytest.raises(ConfigError, match="^expected max_people (to be a whole number )?in 1..1000, got "):
        check(max_people, value)
