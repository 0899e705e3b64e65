"""Faults of what comes beside the images: time, depth, calibration, subscribers, engines, signals."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile
from sensor_msgs.msg import Image

from faults.camera import camera_info, depth, image, picture

EXIT_TIMEOUT_S = 20.0
LISTENER = """
import sys, time, rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image
rclpy.init()
node = Node("frozen")
node.create_subscription(Image, "pose/image", lambda message: None, 10)
print("listening", flush=True)
rclpy.spin(node)
"""


def stamps_jump(rig):
    """Forward, back, standing still, none at all, before 1970's end; every image is to be answered."""
    now_s = rig.now_s
    for stamp_s in (now_s + 3600, now_s, now_s - 3600, now_s - 3600, 0.0, 0.0, 1.5, now_s + 1e6, now_s - 0.5):
        before = dict(rig.answered)
        rig.answered.clear()
        found = rig.spin(send=lambda: rig.camera.good(stamp_s), until=lambda: any(rig.answered.values()))  # noqa: B023
        assert found, "an image with stamp %.1f was not answered" % stamp_s
        rig.answered.update(before)


def sim_time_goes_back(rig):
    """As when a bag is played again from its begin."""
    for begin_s in (5000.0, 100.0):
        rig.set_sim_time(begin_s)
        rig.spin(1.5, rig.good)


def sim_time_stands_still(rig):
    """The player is paused or was killed: no /clock, no images; that must be told all the same."""
    rig.sim_runs = False
    told = rig.spin(until=lambda: rig.level() == "ERROR")
    rig.sim_runs = True
    assert told, "no diagnostics while time stands still"


def depth_of_another_size(rig):
    for width, height in ((48, 64), (640, 480), (1, 1)):
        _with_depth(rig, lambda stamp_s: depth(stamp_s, width, height))  # noqa: B023


def depth_of_no_sense(rig):
    """Nothing measured, not a number, infinite, other encodings, wrong data."""
    values = np.full((128, 96), np.nan, np.float32)
    for value in (np.nan, np.inf, -1.0, 1e30, 0.0):
        values[:] = value
        _with_depth(rig, lambda stamp_s: image(values, stamp_s, "32FC1"))
    _with_depth(rig, lambda stamp_s: image(picture(), stamp_s, "bgr8"))
    _with_depth(rig, lambda stamp_s: image(values, stamp_s, "32FC1", step=7))
    _with_depth(rig, lambda stamp_s: image(values, stamp_s, "16UC1"))


def _with_depth(rig, make):
    def send():
        stamp_s = rig.now_s
        rig.camera.publish(camera_info=camera_info(stamp_s), depth=make(stamp_s), image=image(picture(), stamp_s))

    rig.spin(0.5, send)


def depth_stalls(rig):
    """Keypoints must go on without."""
    heard = []
    subscription = rig.node.create_subscription(PersonArray, "pose/keypoints", heard.append, QoSProfile(depth=10))
    rig.spin(3.0, lambda: rig.camera.publish(image=image(picture(), rig.now_s)))
    rig.node.destroy_subscription(subscription)
    assert heard, "no keypoints without depth"


def _restart_without_calibration(rig, send_info, told):
    """A node that never had any; depth and images come until that is told."""
    rig.process.terminate()
    rig.process.wait(EXIT_TIMEOUT_S)
    rig.process = rig._start_node()

    def send():
        stamp_s = rig.now_s
        send_info(stamp_s)
        rig.camera.publish(depth=depth(stamp_s), image=image(picture(), stamp_s))

    rig.spin(send=send, until=lambda: rig.heard(told))


def calibration_is_late(rig):
    _restart_without_calibration(rig, lambda stamp_s: None, "WARN no CameraInfo")


def calibration_is_none(rig):
    """k is all zeros, as of a camera that nobody calibrated."""

    def send_info(stamp_s):
        rig.camera.publish(camera_info=camera_info(stamp_s, 0.0))

    _restart_without_calibration(rig, send_info, "WARN CameraInfo: ")


def calibration_of_no_sense(rig):
    for focal_px in (float("nan"), float("inf"), -5.0, 1e-300):
        for size in (0, 2**32 - 1):
            info = camera_info(rig.now_s, focal_px)
            info.width = info.height = info.roi.width = size
            info.distortion_model, info.d = "no_such_lens", [1e300] * 50
            rig.spin(0.1, lambda: rig.camera.publish(camera_info=info))  # noqa: B023
            info.distortion_model, info.d = "plumb_bob", [float("nan")] * 5
            rig.spin(0.1, lambda: rig.camera.publish(camera_info=info))  # noqa: B023


def subscriber_never_reads(rig):
    """Reliable, keeps all, and nobody takes anything out of its queue; the node must go on for the others."""
    deaf = Node("deaf", context=rig._context)
    everything = QoSProfile(history=HistoryPolicy.KEEP_ALL, depth=1)
    for kind, topic in ((PersonArray, "pose/keypoints"), (Image, "pose/image")):
        deaf.create_subscription(kind, topic, lambda _msg: None, everything)
    _goes_on(rig, 6.0)
    deaf.destroy_node()


def subscriber_is_frozen(rig):
    """A whole process that is stopped, as by a debugger or a laptop that sleeps, while large images go to it."""
    listener = subprocess.Popen([sys.executable, "-c", LISTENER], stdout=subprocess.PIPE)
    try:
        listener.stdout.readline()
        rig.spin(1.0, lambda: rig.camera.good(rig.now_s, picture(640, 480)))
        os.kill(listener.pid, signal.SIGSTOP)
        _goes_on(rig, 6.0, picture(640, 480))
    finally:
        listener.kill()
        listener.wait()


def _goes_on(rig, seconds, frame=None):
    """Every second has answers."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        before = len(rig.answered)
        rig.spin(1.0, lambda: rig.camera.good(rig.now_s, frame))
        more = rig.spin(10.0, lambda: rig.camera.good(rig.now_s, frame), until=lambda: len(rig.answered) > before)  # noqa: B023
        assert more, "the node stood still"


def engine_fails(rig):
    """The fake CUDA of faults.gpu_node reports an illegal access from the next call on."""
    rig.process.send_signal(signal.SIGUSR1)
    rig.spin(1.0, rig.good)


def is_told(rig, signals, pause_s=0.0):
    """Signals while it works; then waits for its end."""
    rig.spin(0.3, rig.good)
    for number in signals:
        if rig.process.poll() is None:
            rig.process.send_signal(number)
            time.sleep(pause_s)
    rig.process.wait(EXIT_TIMEOUT_S)
