"""What the drivers of cameras are given, and where their images are."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.launching import drivers


def camera(kind, namespace="", **given):
    defaults = {argument.name: argument.default for argument in drivers.driver_arguments(kind)}
    return kind.camera(dict(defaults, **given), namespace)


@pytest.mark.parametrize(
    "driver, namespace, given, image, depth, rectified, frame",
    [
        (drivers.REALSENSE, "", {}, "/camera/camera/color/image_raw",
         "/camera/camera/aligned_depth_to_color/image_raw", False, "camera_color_optical_frame"),
        (drivers.REALSENSE, "robot", {"camera_name": "d435", "camera_namespace": ""}, "/robot/d435/color/image_raw",
         "/robot/d435/aligned_depth_to_color/image_raw", False, "d435_color_optical_frame"),
        (drivers.ZED, "", {"camera_model": "zed2i"}, "/zed/zed_node/rgb/color/rect/image",
         "/zed/zed_node/depth/depth_registered", True, "zed_left_camera_frame_optical"),
        (drivers.ZED, "robot", {"camera_model": "zedx"}, "/robot/zed/rgb/color/rect/image",
         "/robot/zed/depth/depth_registered", True, "zed_left_camera_frame_optical"),
        (drivers.ZED, "", {"camera_model": "zedxonegs"}, "/zed/zed_node/rgb/color/rect/image",
         "", True, "zed_camera_frame_optical"),
        (drivers.OAK, "", {}, "/oak/rgb/image_raw", "/oak/stereo/image_raw", False, "oak_rgb_camera_optical_frame"),
        (drivers.OAK, "a/b", {"camera_name": "left"}, "/a/b/left/rgb/image_raw", "/a/b/left/stereo/image_raw", False,
         "left_rgb_camera_optical_frame"),
    ],
)  # fmt: skip
def test_topics_and_frames(driver, namespace, given, image, depth, rectified, frame):
    found = camera(driver, namespace, **given)
    assert found[1:] == (image, depth, rectified, frame)
    defaults = drivers.node_defaults(found)
    assert defaults["image_topics"] == "[%s]" % image and defaults.get("depth_topic", "") == depth


@pytest.mark.parametrize(
    "driver, given, arguments",
    [
        (drivers.REALSENSE, {}, {"camera_name": "camera", "camera_namespace": "robot/camera",
                                 "align_depth.enable": "true"}),
        (drivers.REALSENSE, {"serial_no": "0123"}, {"camera_name": "camera", "camera_namespace": "robot/camera",
                                                    "align_depth.enable": "true", "serial_no": "_0123"}),
        (drivers.ZED, {"camera_model": "zedm", "serial_number": "7"}, {
            "camera_name": "zed", "camera_model": "zedm", "serial_number": "7", "namespace": "robot"}),
        (drivers.OAK, {}, {"name": "oak", "namespace": "robot"}),
        (drivers.OAK, {"camera_model": "OAK-D"}, {"name": "oak", "namespace": "robot", "camera_model": "OAK-D"}),
    ],
)  # fmt: skip
def test_what_the_driver_is_given(driver, given, arguments):
    assert camera(driver, "robot", **given).arguments == arguments


@pytest.mark.parametrize("model", ["", "zed3"])
def test_a_zed_needs_its_model_unless_its_driver_runs(model):
    with pytest.raises(ConfigError, match="^expected camera_model to be one of zed, zedm, .* got %r$" % model):
        camera(drivers.ZED, camera_model=model)
    assert camera(drivers.ZED, driver="false").depth_topic == "/zed/zed_node/depth/depth_registered"


def test_values_for_the_driver_alone():
    configurations = {"publish_tf": "person", "driver": "true", "driver.publish_tf": "false", "ros_remaps": [1]}
    assert drivers.driver_values({}, []) == drivers.driver_values({"driver": "true"}, []) == {}
    assert drivers.driver_values(configurations, ["publish_tf", "name"]) == {"publish_tf": "false"}
    with pytest.raises(ConfigError, match="^unknown argument of the camera's driver 'publish_fr'; did you mean"):
        drivers.driver_values({"driver.publish_fr": "x"}, ["publish_tf", "name"])
