"""Cause faults of depth images and of the calibration. Each function gets a Rig whose node is at work."""

import numpy as np
from pose_estimation_ros.msg import PersonArray
from rclpy.qos import QoSProfile

from faults.camera import camera_info, depth, image, picture
from faults.environment import EXIT_TIMEOUT_S


def has_other_size(rig):
    """Send depth images that are smaller and larger than the image."""
    for width, height in ((48, 64), (640, 480), (1, 1)):
        _with_depth(rig, lambda stamp_s: depth(stamp_s, width, height))  # noqa: B023


def is_nonsense(rig):
    """Send depth that is zero, not a number, infinite or negative, of wrong encodings and with wrong data."""
    values = np.full((128, 96), np.nan, np.float32)
    for value in (np.nan, np.inf, -1.0, 1e30, 0.0):
        values[:] = value
        _with_depth(rig, lambda stamp_s: image(values, stamp_s, "32FC1"))
    _with_depth(rig, lambda stamp_s: image(picture(), stamp_s, "bgr8"))
    _with_depth(rig, lambda stamp_s: image(values, stamp_s, "32FC1", step=7))
    _with_depth(rig, lambda stamp_s: image(values, stamp_s, "16UC1"))


def _with_depth(rig, make):
    """Send good images with the depth that make(stamp_s) returns."""

    def send():
        stamp_s = rig.now_s
        rig.camera.publish(camera_info=camera_info(stamp_s), depth=make(stamp_s), image=image(picture(), stamp_s))

    rig.spin(0.5, send)


def stalls(rig):
    """Send images without depth; keypoints must go on."""
    goes_on_without_space(rig, lambda: rig.camera.publish(image=image(picture(), rig.now_s)))


def goes_on_without_space(rig, send):
    """Check that the node publishes keypoints of each second while send() is called, which tells nothing of space."""
    heard = []
    subscription = rig.node.create_subscription(PersonArray, "pose/keypoints", heard.append, QoSProfile(depth=10))
    for _ in range(3):
        before = len(heard)
        rig.spin(1.0, send)
        assert rig.spin(send=send, until=lambda: len(heard) > before), "no keypoints"  # noqa: B023
    rig.node.destroy_subscription(subscription)


def calibration_is_late(rig):
    """Restart the node, and send no calibration until it reports that."""
    restart(rig, lambda stamp_s: _send(rig, stamp_s), "WARN no CameraInfo")


def calibration_is_zero(rig):
    """Restart the node, and send a matrix of zeros, as an uncalibrated camera does, until it reports that."""

    def send_info(stamp_s):
        rig.camera.publish(camera_info=camera_info(stamp_s, 0.0))
        _send(rig, stamp_s)

    restart(rig, send_info, "WARN CameraInfo: ")


def _send(rig, stamp_s):
    rig.camera.publish(depth=depth(stamp_s), image=image(picture(), stamp_s))


def restart(rig, send, warning):
    """Restart the node, and call send(stamp_s) until it reports the warning."""
    rig.process.terminate()
    rig.process.wait(EXIT_TIMEOUT_S)
    rig.process = rig.start_node()
    rig.spin(send=lambda: send(rig.now_s), until=lambda: rig.first_match(warning))


def calibration_is_nonsense(rig):
    """Send calibrations with impossible focal lengths, sizes, models and coefficients."""
    for focal_px in (float("nan"), float("inf"), -5.0, 1e-300):
        for size in (0, 2**32 - 1):
            info = camera_info(rig.now_s, focal_px)
            info.width = info.height = info.roi.width = size
            info.distortion_model, info.d = "no_such_lens", [1e300] * 50
            rig.spin(0.1, lambda: rig.camera.publish(camera_info=info))  # noqa: B023
            info.distortion_model, info.d = "plumb_bob", [float("nan")] * 5
            rig.spin(0.1, lambda: rig.camera.publish(camera_info=info))  # noqa: B023
