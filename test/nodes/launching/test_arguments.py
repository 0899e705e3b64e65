"""What launch files compute, and the launch files themselves with a stand-in for `launch` that only remembers."""

import os
import runpy
import sys
import types

import pytest

yaml = pytest.importorskip("yaml", reason="reads the platform files")

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.launching import arguments as la

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))


def values(arguments, **given):
    return dict({argument.name: argument.default for argument in arguments}, **given)


@pytest.mark.parametrize("platform", ["cpu", "orin", "tx2"])
def test_defaults(platform):
    node = la.pose_node(values(la.pose_arguments(platform)))
    assert (node["package"], node["executable"]) == ("pose_estimation_ros", "pose_node")
    (file,) = node["parameters"]
    assert os.path.samefile(file, os.path.join(ROOT, "config", platform + ".yaml"))


def test_what_is_not_given_overrides_nothing():
    """Neither use_sim_time of a file or SetParameter, nor SetRemap, PushRosNamespace, or the level of the log."""
    node = la.pose_node(values(la.pose_arguments("cpu")))
    assert "namespace" not in node and node["remappings"] == [] and node["arguments"] == []
    assert not any(argument.default for argument in la.pose_arguments("cpu") if argument.name != "params_file")


@pytest.mark.parametrize("text, value", [("true", True), ("False", False)])
def test_use_sim_time_where_it_is_given(text, value):
    assert la.pose_node(values(la.pose_arguments("cpu"), use_sim_time=text))["parameters"][1] == {"use_sim_time": value}


def test_every_argument_arrives_with_its_type():
    given = dict(
        namespace="robot", input_image_topic="/front/image_raw", use_sim_time="True", log_level="debug", model="m",
        detector="full_frame", detect_every_s="0.3", score_threshold="0.5", person_threshold="1", tracking="false",
        threads="2", rotation_deg="90", roi_xywh="0, 10,300,200", person_classes="a,b", auto_activate="false",
    )  # fmt: skip
    node = la.pose_node(values(la.pose_arguments("cpu"), **given))
    assert node["parameters"][1] == dict(
        model="m", detector="full_frame", detect_every_s=0.3, score_threshold=0.5, person_threshold=1.0, tracking=False,
        threads=2, use_sim_time=True, rotation_deg=90, roi_xywh=[0, 10, 300, 200], image_topics=["image"],
        person_classes=["a", "b"], auto_activate=False,
    )  # fmt: skip
    assert isinstance(node["parameters"][1]["person_threshold"], float)
    assert node["remappings"] == [("image", "/front/image_raw")]
    assert node["arguments"] == ["--ros-args", "--log-level", "debug"] and node["namespace"] == "robot"


@pytest.mark.parametrize(
    "words, given",
    [
        ("^expected threads to be a whole number in 0..256, got 'many'$", dict(threads="many")),
        ("^expected score_threshold to be a number in 0.0..1.0, got 'a'$", dict(score_threshold="a")),
        ("^expected tracking to be true or false, got 'yes'$", dict(tracking="yes")),
        ("^expected use_sim_time to be true or false, got 'yes'$", dict(use_sim_time="yes")),
        ("either input_image_topic or image_topics, got both", dict(input_image_topic="/a", image_topics="/b")),
        ("params_file nowhere.yaml does not exist", dict(params_file="nowhere.yaml")),
        ("^expected detect_every_s in 0.0..60.0, got 61.0$", dict(detect_every_s="61")),
        ("^expected qos to be one of auto, best_effort, reliable, got 'best'$", dict(qos="best")),
    ],
)
def test_bad_values(words, given):
    with pytest.raises(ConfigError, match=words):
        la.pose_node(values(la.pose_arguments("cpu"), **given))


def test_the_demo_plays_the_clip_where_the_pose_node_listens():
    given = values(la.demo_arguments(), input_image_topic="cam")
    video, pose = la.video_node(given), la.pose_node(given)
    assert video["remappings"] == pose["remappings"] == [("image", "cam")]
    assert video["parameters"] == [dict(source=la.demo_clip())]
    assert os.path.isfile(la.demo_clip())


@pytest.mark.parametrize(
    "distro, variable", [("humble", "FASTRTPS"), ("jazzy", "FASTRTPS"), ("kilted", "FASTDDS"), (None, "FASTDDS")]
)
def test_the_profile_goes_where_the_distribution_looks(monkeypatch, distro, variable):
    for name in ("ROS_DISTRO",) + la.PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if distro:
        monkeypatch.setenv("ROS_DISTRO", distro)
    assert la.image_publisher_environment() == {variable + "_DEFAULT_PROFILES_FILE": la.config_file("fastdds_shm.xml")}


@pytest.mark.parametrize("variable", la.PROFILE_VARIABLES)
def test_the_users_own_profile_is_kept_and_logged(monkeypatch, capsys, tmp_path, variable):
    monkeypatch.setenv(variable, "/etc/robot/fastdds.xml")
    assert la.image_publisher_environment() == {}
    assert variable in capsys.readouterr().err
    given = values(la.replay_arguments(), bag=str(tmp_path))
    assert la.bag_player(given)["additional_env"] == la.video_node(values(la.demo_arguments()))["additional_env"] == {}


@pytest.mark.parametrize(
    "names, words",
    [
        ([], ""),
        (["model", "bag", "my_robot"], ""),
        (["detect_evry"], "warning: unknown launch argument 'detect_evry'; did you mean 'detect_every_s'? known: "),
        (["image_topic"], "warning: unknown launch argument 'image_topic'; did you mean 'image_topics'? known: "),
    ],
)
def test_a_misspelled_argument_is_a_warning_as_launch_ignores_it(capsys, names, words):
    la.warn_of_misspelled(names, la.pose_arguments("cpu"))
    stderr = capsys.readouterr().err
    assert stderr.startswith(words) and stderr.count("\n") == bool(words)


@pytest.mark.parametrize(
    "given, expected",
    [
        (dict(detect_every="3"), dict(detect_every_s=0.1)),
        (dict(detect_every="1", confirm_after="4"), dict(detect_every_s=0.0, confirm_after_s=0.1)),
    ],
)
def test_old_names_of_parameters_are_taken_and_explained(capsys, given, expected):
    arguments = la.pose_arguments("cpu")
    la.warn_of_misspelled(given, arguments)
    assert la.pose_node(dict(values(arguments), **given))["parameters"][1] == expected
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(expected) and all(line.startswith("warning: ") for line in lines)


@pytest.mark.parametrize(
    "given, words",
    [
        (dict(detect_every="0"), "^expected detect_every in 1..1000, got 0$"),
        (dict(detect_every="3", detect_every_s="0.1"), "^expected either detect_every_s or its old name detect_every"),
    ],
)
def test_bad_values_of_old_names(given, words):
    with pytest.raises(ConfigError, match=words):
        la.pose_node(dict(values(la.pose_arguments("cpu")), **given))


def test_the_old_name_of_an_argument_is_an_error():
    with pytest.raises(ConfigError, match="unknown launch argument 'cpu_engine'; its name is 'device' now"):
        la.warn_of_misspelled(["model", "cpu_engine"], la.pose_arguments("cpu"))


class Remember:
    """Stands for any class of launch: keeps what it was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


@pytest.fixture
def launch_stand_in(monkeypatch):
    names = {
        "launch": ["LaunchDescription"],
        "launch.actions": ["DeclareLaunchArgument", "ExecuteProcess", "OpaqueFunction"],
        "launch_ros": [],
        "launch_ros.actions": ["Node"],
    }
    for name, classes in names.items():
        module = types.ModuleType(name)
        for class_name in classes:
            setattr(module, class_name, type(class_name, (Remember,), {}))
        monkeypatch.setitem(sys.modules, name, module)


FILES = {
    "cpu": ["pose_node"],
    "demo": ["video_node", "pose_node"],
    "depth_camera": ["pose_node"],
    "multi_camera": ["pose_node"],
    "orin": ["pose_node"],
    "replay": ["ros2", "pose_node"],
    "tx2": ["pose_node"],
}


def test_every_launch_file_is_tested():
    found = sorted(name for name in os.listdir(os.path.join(ROOT, "launch")) if not name.startswith("_"))
    assert found == sorted(name + ".launch.py" for name in FILES)


def parameters_of(node):
    """What the node gets: of its file, then what launch adds."""
    path, *added = node["parameters"]
    with open(path) as file:
        found = yaml.safe_load(file)["/**"]["ros__parameters"]
    for more in added:
        found.update(more)
    return found


def arguments_of(name, monkeypatch):
    (entities,) = description_of(name, monkeypatch).args
    return [entity.args[0] for entity in entities[:-1]]


def description_of(name, monkeypatch):
    monkeypatch.delitem(sys.modules, "pose_estimation_ros.nodes.launching.description", raising=False)
    description = runpy.run_path(os.path.join(ROOT, "launch", name + ".launch.py"))["generate_launch_description"]()
    monkeypatch.delitem(sys.modules, "pose_estimation_ros.nodes.launching.description")
    return description


def start(name, monkeypatch, **given):
    """What a launch file starts, with its defaults but for what is given."""
    (entities,) = description_of(name, monkeypatch).args
    declared = {entity.args[0]: entity.kwargs for entity in entities[:-1]}
    assert all(kwargs["description"] for kwargs in declared.values()) and set(given) <= set(declared)
    defaults = {key: kwargs["default_value"] for key, kwargs in declared.items()}
    context = types.SimpleNamespace(launch_configurations=dict(defaults, **given), argv=[])
    return [action.kwargs for action in entities[-1].kwargs["function"](context)]


@pytest.mark.parametrize("name", sorted(FILES))
def test_launch_files(launch_stand_in, monkeypatch, tmp_path, name):
    actions = start(name, monkeypatch, **({"bag": str(tmp_path)} if name == "replay" else {}))
    assert [action.get("executable") or action["cmd"][0] for action in actions] == FILES[name]


def test_what_is_special_of_some(launch_stand_in, monkeypatch, tmp_path):
    (cameras,) = start("multi_camera", monkeypatch)
    assert parameters_of(cameras)["image_topics"] == ["/left/image_raw", "/right/image_raw"]
    assert "input_image_topic" not in arguments_of("multi_camera", monkeypatch)
    (depth,) = start("depth_camera", monkeypatch)
    assert parameters_of(depth)["depth_topic"] == "/camera/camera/aligned_depth_to_color/image_raw"
    assert parameters_of(depth)["image_topics"] == ["/camera/camera/color/image_raw"]
    play, node = start("replay", monkeypatch, bag=str(tmp_path), rate="0.5", loop="true")
    assert play["cmd"] == ["ros2", "bag", "play", str(tmp_path), "--clock", "--rate", "0.5", "--loop"]
    assert node["parameters"][1]["use_sim_time"] is True


@pytest.mark.parametrize("name", ["depth_camera", "multi_camera"])
def test_the_users_params_file_decides_the_topics(launch_stand_in, monkeypatch, tmp_path, name):
    file = tmp_path / "own.yaml"
    file.write_text("/**: {ros__parameters: {image_topics: [/own/image], depth_topic: /own/depth}}")
    (node,) = start(name, monkeypatch, params_file=str(file))
    assert parameters_of(node) == {"image_topics": ["/own/image"], "depth_topic": "/own/depth"}


def test_an_image_topic_given_to_launch_is_subscribed_to_whatever_the_file_says(launch_stand_in, monkeypatch):
    (depth,) = start("depth_camera", monkeypatch, input_image_topic="/zed/rgb")
    assert parameters_of(depth)["image_topics"] == ["image"] and depth["remappings"] == [("image", "/zed/rgb")]


def test_old_names_of_parameters_reach_the_node_under_the_new_ones(launch_stand_in, monkeypatch, capsys):
    (entities,) = description_of("cpu", monkeypatch).args
    values = {entity.args[0]: entity.kwargs["default_value"] for entity in entities[:-1]}
    context = types.SimpleNamespace(launch_configurations=dict(values, detect_every="3"), argv=["detect_every:=3"])
    (node,) = entities[-1].kwargs["function"](context)
    assert parameters_of(node.kwargs)["detect_every_s"] == pytest.approx(0.1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: detect_every=3 counts frames; use detect_every_s, in seconds")


def test_the_words_of_the_command_line_are_looked_at(launch_stand_in, monkeypatch, capsys):
    (entities,) = description_of("cpu", monkeypatch).args
    declared = {entity.args[0]: entity.kwargs["default_value"] for entity in entities[:-1]}
    argv = ["treads:=2", "model:=x"]
    entities[-1].kwargs["function"](types.SimpleNamespace(launch_configurations=declared, argv=argv))
    assert "unknown launch argument 'treads'; did you mean 'threads'?" in capsys.readouterr().err


def test_a_missing_bag_is_told(launch_stand_in, monkeypatch):
    with pytest.raises(ConfigError, match="rosbag2 recording 'nowhere' does not exist"):
        start("replay", monkeypatch, bag="nowhere")
