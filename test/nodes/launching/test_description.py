"""The launch files themselves, with a stand-in for `launch` that only remembers."""

import os
import runpy
import sys
import types

import pytest

yaml = pytest.importorskip("yaml", reason="reads the platform files")

from pose_estimation_ros.core.errors import ConfigError

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
DRIVERS = {  # package and launch file of each camera's driver, and arguments that it needs
    "realsense": ("realsense2_camera", "rs_launch.py", {}),
    "zed": ("zed_wrapper", "zed_camera.launch.py", {"camera_model": "zed2i"}),
    "oak": ("depthai_ros_driver", "camera.launch.py", {}),
}


class Remember:
    """Stands for any class of launch: keeps what it was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def get_launch_description(self, _context):
        """Stand for a launch file that declares one argument."""
        return types.SimpleNamespace(get_launch_arguments=lambda: [types.SimpleNamespace(name="camera_nome")])


@pytest.fixture
def launch_stand_in(monkeypatch):
    names = {
        "launch": ["LaunchDescription"],
        "launch.actions": [
            "DeclareLaunchArgument",
            "ExecuteProcess",
            "GroupAction",
            "IncludeLaunchDescription",
            "OpaqueFunction",
            "SetEnvironmentVariable",
            "UnsetLaunchConfiguration",
        ],
        "launch.launch_description_sources": ["PythonLaunchDescriptionSource"],
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
    "multi_camera": ["pose_node"],
    "oak": ["GroupAction", "pose_node"],
    "orin": ["pose_node"],
    "realsense": ["GroupAction", "pose_node"],
    "replay": ["ros2", "pose_node"],
    "tx2": ["pose_node"],
    "webcam": ["video_node", "pose_node"],
    "zed": ["GroupAction", "pose_node"],
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
    del sys.modules["pose_estimation_ros.nodes.launching.description"]  # it holds the stand-ins
    return description


@pytest.fixture(autouse=True)
def installed(monkeypatch, tmp_path):
    """Return a prefix without packages, and a function that adds one."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))

    def add(package, *launch_files):
        for folder in ("ament_index/resource_index/packages", package + "/launch"):
            (tmp_path / "prefix" / "share" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "prefix/share/ament_index/resource_index/packages" / package).touch()
        for name in launch_files:
            (tmp_path / "prefix/share" / package / "launch" / name).touch()

    return add


def start(name, monkeypatch, argv=(), pushed="", **given):
    """Return the actions of a launch file, with its defaults but for what is given."""
    (entities,) = description_of(name, monkeypatch).args
    declared = {entity.args[0]: entity.kwargs for entity in entities[:-1]}
    assert all(kwargs["description"] for kwargs in declared.values()) and set(given) <= set(declared)
    defaults = {key: kwargs["default_value"] for key, kwargs in declared.items()}
    configurations = dict(defaults, **given)
    if pushed:
        configurations["ros_namespace"] = pushed
    configurations.update(word.split(":=") for word in argv)
    context = types.SimpleNamespace(launch_configurations=configurations, argv=list(argv))
    return entities[-1].kwargs["function"](context)


def keywords_of(name, monkeypatch, **given):
    return [action.kwargs for action in start(name, monkeypatch, **given)]


def defaults_of(node):
    """Return the parameters that are weaker than the params_file."""
    return dict(word.split(":=") for word in node["arguments"] if ":=" in word)


@pytest.mark.parametrize("name", sorted(FILES))
def test_launch_files(launch_stand_in, monkeypatch, tmp_path, installed, name):
    given = {"bag": str(tmp_path)} if name == "replay" else {}
    if name in DRIVERS:
        package, file, given = DRIVERS[name]
        installed(package, file)
    actions = start(name, monkeypatch, **given)
    kinds = [a.kwargs.get("executable") or a.kwargs.get("cmd", [type(a).__name__])[0] for a in actions]
    assert kinds == FILES[name]


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_driver_that_is_not_installed_is_named_with_the_remedy(launch_stand_in, monkeypatch, installed, name):
    package, _file, given = DRIVERS[name]
    with pytest.raises(ConfigError, match="expected the driver .*%s, it is not installed: .*driver:=false" % package):
        start(name, monkeypatch, **given)
    installed(package, "other.launch.py")
    with pytest.raises(ConfigError, match="does not exist$"):
        start(name, monkeypatch, **given)
    (node,) = start(name, monkeypatch, driver="false", **given)
    assert node.kwargs["executable"] == "pose_node"


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_driver_is_included_without_our_arguments(launch_stand_in, monkeypatch, installed, name):
    package, file, given = DRIVERS[name]
    installed(package, file)
    group, _node = start(name, monkeypatch, ["driver.camera_nome:=x"], "/robot", model="m", **given)
    *before, include = group.args[0]
    hidden = [action.args[0] for action in before if type(action).__name__ == "UnsetLaunchConfiguration"]
    assert {"params_file", "namespace", "name", "log_level", "use_sim_time", "ros_namespace"} <= set(hidden)
    environment = [action.args for action in before if type(action).__name__ == "SetEnvironmentVariable"]
    assert environment and environment[0][1].endswith("fastdds_shm.xml")
    arguments = dict(include.kwargs["launch_arguments"])
    assert arguments["camera_nome"] == "x", "it is set for the driver alone"
    assert "model" not in arguments and "robot" in "".join(arguments.values()), "the driver is in the pushed namespace"


def test_an_argument_of_the_driver_is_no_misspelling(launch_stand_in, monkeypatch, installed, capsys):
    installed("realsense2_camera", "rs_launch.py")
    start("realsense", monkeypatch, argv=["camera_nome:=x", "camera_nane:=y"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: unknown launch argument 'camera_nane'")


@pytest.mark.parametrize(
    "name, given, frame, topic",
    [
        ("cpu", {}, None, "pose/markers"),
        ("webcam", {}, "camera_optical_frame", "pose/markers"),
        ("webcam", {"frame_id": "front"}, "front", "pose/markers"),
        ("realsense", {"driver": "false"}, "camera_color_optical_frame", "pose/markers"),
        ("realsense", {"driver": "false", "rviz_frame": "map"}, "map", "pose/markers"),
        ("multi_camera", {}, None, "/left/pose/markers"),
        ("multi_camera", {"rviz_topics": "/right/pose/"}, None, "/right/pose/markers"),
    ],
)
def test_rviz_follows_frame_and_topics(launch_stand_in, monkeypatch, installed, name, given, frame, topic):
    installed("rviz2")
    node = keywords_of(name, monkeypatch, rviz="true", namespace="robot", **given)[-1]
    assert node["executable"] == "rviz2" and node["namespace"] == "robot"
    assert node["arguments"][2:] == (["-f", frame] if frame else [])
    assert ("/pose/markers", topic) in node["remappings"]


def test_what_is_special_of_some(launch_stand_in, monkeypatch, tmp_path):
    (cameras,) = keywords_of("multi_camera", monkeypatch)
    assert parameters_of(cameras)["image_topics"] == ["/left/image_raw", "/right/image_raw"]
    assert "input_image_topic" not in arguments_of("multi_camera", monkeypatch)
    play, node = keywords_of("replay", monkeypatch, bag=str(tmp_path), rate="0.5", loop="true")
    assert play["cmd"] == ["ros2", "bag", "play", str(tmp_path), "--clock", "--rate", "0.5", "--loop"]
    assert node["parameters"][1]["use_sim_time"] is True


def test_the_users_params_file_decides_the_topics(launch_stand_in, monkeypatch, tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("/**: {ros__parameters: {image_topics: [/own/image], depth_topic: /own/depth}}")
    (node,) = keywords_of("multi_camera", monkeypatch, params_file=str(file))
    assert parameters_of(node) == {"image_topics": ["/own/image"], "depth_topic": "/own/depth"}


def test_an_image_topic_given_to_launch_is_subscribed_to_whatever_the_driver_says(launch_stand_in, monkeypatch):
    (node,) = keywords_of("realsense", monkeypatch, driver="false", input_image_topic="/own/rgb")
    assert defaults_of(node)["image_topics"] == "[/camera/camera/color/image_raw]"
    assert parameters_of(node)["image_topics"] == ["image"] and node["remappings"] == [("image", "/own/rgb")]


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
