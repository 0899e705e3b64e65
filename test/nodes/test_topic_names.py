"""Check the names of camera_info, depth and detections: remapped, from a parameter, or beside the image."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.topic_names import camera_topics

IMAGE = "image:=/cam/image_raw"


@pytest.fixture
def topics(kept):
    def topics(*remappings, image_topics=("image",), camera_info="camera_info", depth="", detections="", index=0):
        rules = [part for rule in remappings for part in ("-r", rule)]
        node = kept(Node("pose_node", namespace="/ns", cli_args=["--ros-args"] + rules))
        values = dict(image_topics=list(image_topics), camera_info_topic=camera_info, depth_topic=depth)
        return camera_topics(node, image_topics[index], dict(values, detections_topic=detections))

    return topics


@pytest.mark.parametrize(
    "remappings, parameters, expected",
    [
        ([], {}, ("/ns/image", "/ns/camera_info", "", "")),
        ([], dict(camera_info=""), ("/ns/image", "", "", "")),
        ([IMAGE], dict(depth="depth/image"), ("/cam/image_raw", "/cam/camera_info", "/cam/depth/image", "")),
        ([IMAGE], dict(depth="/d", detections="~/d"), ("/cam/image_raw", "/cam/camera_info", "/d", "/ns/pose_node/d")),
        ([IMAGE, "camera_info:=/calib/info"], {}, ("/cam/image_raw", "/calib/info", "", "")),
        (["camera_info:=info"], {}, ("/ns/image", "/ns/info", "", "")),
        ([IMAGE, "camera_info:=/a"], dict(camera_info=""), ("/cam/image_raw", "/a", "", "")),
        ([IMAGE, "camera_info:=/a"], dict(camera_info="/b"), ("/cam/image_raw", "/a", "", "")),
        ([IMAGE, "depth:=/a", "detections:=/b"], {}, ("/cam/image_raw", "/cam/camera_info", "/a", "/b")),
        ([IMAGE, "depth:=/a"], dict(depth="x"), ("/cam/image_raw", "/cam/camera_info", "/a", "")),
        ([IMAGE, "x:=/a"], dict(depth="x"), ("/cam/image_raw", "/cam/camera_info", "/a", "")),
        ([IMAGE, "/d:=/a"], dict(depth="/d"), ("/cam/image_raw", "/cam/camera_info", "/a", "")),
        ([IMAGE, "/cam/camera_info:=/a", "/cam/depth:=/b"], {}, ("/cam/image_raw", "/a", "/b", "")),
    ],
)
def test_one_camera(topics, remappings, parameters, expected):
    assert topics(*remappings, **parameters) == expected


TWO = ("/left/image", "/right/image")


@pytest.mark.parametrize(
    "remappings, parameters, expected",
    [
        ([], {}, ("/left/image", "/left/camera_info", "", "")),
        ([], dict(index=1, depth="d"), ("/right/image", "/right/camera_info", "/right/d", "")),
        (["/left/camera_info:=/a", "/left/depth:=/b"], {}, ("/left/image", "/a", "/b", "")),
        (["/left/camera_info:=/a"], dict(index=1), ("/right/image", "/right/camera_info", "", "")),
    ],
)
def test_several_cameras(topics, remappings, parameters, expected):
    assert topics(*remappings, image_topics=TWO, **parameters) == expected


@pytest.mark.parametrize("name", ["camera_info", "depth", "detections"])
def test_one_remapping_for_several_cameras_is_refused(topics, name):
    with pytest.raises(ConfigError, match="expected a remapping of /left/%s for this camera alone" % name):
        topics("%s:=/a" % name, image_topics=TWO)
