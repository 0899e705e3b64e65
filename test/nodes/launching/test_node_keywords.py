"""Keywords of nodes, as launch files compute them."""

import os

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.launching import arguments as la
from pose_estimation_ros.nodes.launching import node_keywords as nk

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))


def values(arguments, **given):
    return dict({argument.name: argument.default for argument in arguments}, **given)


@pytest.mark.parametrize("platform", ["cpu", "orin", "tx2"])
def test_defaults(platform):
    node = nk.pose_node(values(la.pose_arguments(platform)))
    assert (node["package"], node["executable"]) == ("pose_estimation_ros", "pose_node")
    (file,) = node["parameters"]
    assert os.path.samefile(file, os.path.join(ROOT, "config", platform + ".yaml"))


def test_what_is_not_given_overrides_nothing():
    """Neither use_sim_time of a file or SetParameter, nor SetRemap, PushRosNamespace, or the level of the log."""
    node = nk.pose_node(values(la.pose_arguments("cpu")))
    assert "namespace" not in node and node["remappings"] == [] and node["arguments"] == []
    assert "respawn" not in node and node["name"] == "pose_node"


@pytest.mark.parametrize("text, value", [("true", True), ("False", False)])
def test_use_sim_time_where_it_is_given(text, value):
    assert nk.pose_node(values(la.pose_arguments("cpu"), use_sim_time=text))["parameters"][1] == {"use_sim_time": value}


def test_every_argument_arrives_with_its_type():
    given = dict(
        namespace="robot", input_image_topic="/front/image_raw", use_sim_time="True", log_level="debug", model="m",
        detector="full_frame", detect_every_s="0.3", score_threshold="0.5", person_threshold="1", tracking="false",
        threads="2", rotation_deg="90", roi_xywh="0, 10,300,200", person_classes="a,b", auto_activate="false",
    )  # fmt: skip
    node = nk.pose_node(values(la.pose_arguments("cpu"), **given))
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
        nk.pose_node(values(la.pose_arguments("cpu"), **given))


def test_the_demo_plays_the_clip_where_the_pose_node_listens():
    given = values(la.demo_arguments(), input_image_topic="cam")
    video, pose = nk.demo_video_node(given), nk.pose_node(given)
    assert video["remappings"] == pose["remappings"] == [("image", "cam")]
    assert video["parameters"] == [dict(source=nk.demo_clip())]
    assert os.path.isfile(nk.demo_clip())


@pytest.mark.parametrize(
    "distro, variable", [("humble", "FASTRTPS"), ("jazzy", "FASTRTPS"), ("kilted", "FASTDDS"), (None, "FASTDDS")]
)
def test_the_profile_goes_where_the_distribution_looks(monkeypatch, distro, variable):
    for name in ("ROS_DISTRO",) + nk.PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if distro:
        monkeypatch.setenv("ROS_DISTRO", distro)
    assert nk.image_publisher_environment() == {variable + "_DEFAULT_PROFILES_FILE": nk.config_file("fastdds_shm.xml")}


@pytest.mark.parametrize("variable", nk.PROFILE_VARIABLES)
def test_the_users_own_profile_is_kept_and_logged(monkeypatch, capsys, tmp_path, variable):
    monkeypatch.setenv(variable, "/etc/robot/fastdds.xml")
    assert nk.image_publisher_environment() == {}
    assert variable in capsys.readouterr().err
    given = values(la.replay_arguments(), bag=str(tmp_path))
    assert (
        nk.bag_player(given)["additional_env"]
        == nk.demo_video_node(values(la.demo_arguments()))["additional_env"]
        == {}
    )


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
    assert nk.pose_node(dict(values(arguments), **given))["parameters"][1] == expected
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
        nk.pose_node(dict(values(la.pose_arguments("cpu")), **given))


def test_name_and_respawn():
    node = nk.pose_node(values(la.pose_arguments("cpu"), name="people", respawn="true"))
    assert (node["name"], node["respawn"], node["respawn_delay"]) == ("people", True, 2.0)
    video = nk.demo_video_node(values(la.demo_arguments(), name="people", respawn="true"))
    assert (video["name"], video["respawn"]) == ("video_node", True), "two nodes of one name"


@pytest.mark.parametrize("name", ["cpu", "orin", "tx2"])
def test_a_shipped_params_file_is_known_by_its_name(name):
    (path,) = nk.pose_node(values(la.pose_arguments("cpu"), params_file=name))["parameters"]
    assert os.path.samefile(path, os.path.join(ROOT, "config", name + ".yaml"))


def test_defaults_of_a_camera_are_weaker_than_the_params_file():
    """They come first on the command line; of equal names the last one counts."""
    node = nk.pose_node(
        values(la.pose_arguments("cpu"), log_level="warn"), {"depth_topic": "/d", "image_topics": "[/i]"}
    )
    words = ["--ros-args", "-p", "depth_topic:=/d", "-p", "image_topics:=[/i]", "--log-level", "warn"]
    assert node["arguments"] == words and len(node["parameters"]) == 1


@pytest.mark.parametrize(
    "given, source, topic",
    [
        ({}, {}, []),
        ({"source": "1", "frame_id": "front"}, {"source": "1", "frame_id": "front"}, []),
        ({"driver": "false"}, None, [("image", "image_raw")]),
        ({"driver": "false", "input_image_topic": "/usb/image"}, None, [("image", "/usb/image")]),
    ],
)
def test_a_webcam_is_opened_by_video_node_or_by_another_driver(given, source, topic):
    texts = values(la.webcam_arguments(), **given)
    video = nk.webcam_video_node(texts)
    assert (video and video["parameters"]) == (source if source is None else [source] if source else [])
    assert nk.webcam_pose_node(texts)["remappings"] == topic


@pytest.mark.parametrize(
    "remap, words",
    [("", []), ("/a:=/b", ["--remap", "/a:=/b"]), ("/a:=/b, c:=d,", ["--remap", "/a:=/b", "c:=d"])],
)
def test_topics_of_a_recording_get_other_names(tmp_path, remap, words):
    command = nk.bag_player(values(la.replay_arguments(), bag=str(tmp_path), remap=remap))["cmd"]
    assert command[:7] == ["ros2", "bag", "play", str(tmp_path), "--clock", "--rate", "1.0"] and command[7:] == words


@pytest.mark.parametrize("remap", ["/a", "/a=/b", ":=/b", "/a:="])
def test_a_bad_name_for_a_topic_of_a_recording(tmp_path, remap):
    with pytest.raises(ConfigError, match="^expected remap to be /old:=/new, several separated by commas, got"):
        nk.bag_player(values(la.replay_arguments(), bag=str(tmp_path), remap=remap))


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "x"])
def test_a_bad_rate_of_a_recording(tmp_path, rate):
    with pytest.raises(ConfigError, match="^expected rate "):
        nk.bag_player(values(la.replay_arguments(), bag=str(tmp_path), rate=rate))
