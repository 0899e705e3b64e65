"""Cause faults of time, subscribers and engines, and send signals. Each function gets a Rig whose node is at work."""

import os
import signal
import subprocess
import sys
import time

from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image

from faults.camera import picture

EXIT_TIMEOUT_S = 20.0
LISTENER = """
import sys, time, rclpy
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
rclpy.init()
node = Node("frozen")
node.create_subscription(Image, "pose/image", lambda message: None, 10)
node.create_subscription(CompressedImage, "pose/image/compressed", lambda message: None, 10)
print("listening", flush=True)
rclpy.spin(node)
"""


def stamps_jump(rig):
    """Send stamps that jump forward and back, stand still, are zero or are tiny; every image must be answered."""
    now_s = rig.now_s
    for stamp_s in (now_s + 3600, now_s, now_s - 3600, now_s - 3600, 0.0, 0.0, 1.5, now_s + 1e6, now_s - 0.5):
        before = dict(rig.answered)
        rig.answered.clear()
        answered = rig.spin(send=lambda: rig.camera.good(stamp_s), until=lambda: any(rig.answered.values()))  # noqa: B023
        assert answered, "an image with stamp %.1f was not answered" % stamp_s
        rig.answered.update(before)


def sim_time_goes_back(rig):
    """Set the simulated time back, as when a bag is played again from its begin."""
    for begin_s in (5000.0, 100.0):
        rig.set_sim_time(begin_s)
        rig.spin(1.5, rig.good)


def sim_time_stands_still(rig):
    """Stop /clock and the images, as a bag player that is paused or killed; diagnostics must report it all the same."""
    rig.sim_runs = False
    reported = rig.spin(until=lambda: rig.level() == "ERROR")
    rig.sim_runs = True
    assert reported, "no diagnostics while time stands still"


def subscriber_never_reads(rig):
    """Subscribe reliably, keep all messages and never take any; the node must go on for the other subscribers."""
    deaf = Node("deaf", context=rig.context)
    everything = QoSProfile(history=HistoryPolicy.KEEP_ALL, depth=1)
    wanted = {"pose/keypoints": PersonArray, "pose/image": Image, "pose/image/compressed": CompressedImage}
    for topic, kind in wanted.items():
        deaf.create_subscription(kind, topic, lambda _msg: None, everything)
    _check_that_it_goes_on(rig, 6.0)
    deaf.destroy_node()


def subscriber_is_frozen(rig):
    """Stop a subscribing process while it gets large images, as a debugger or a sleeping laptop does."""
    listener = subprocess.Popen([sys.executable, "-c", LISTENER], stdout=subprocess.PIPE)
    try:
        listener.stdout.readline()
        rig.spin(1.0, lambda: rig.camera.good(rig.now_s, picture(640, 480)))
        os.kill(listener.pid, signal.SIGSTOP)
        _check_that_it_goes_on(rig, 6.0, picture(640, 480))
    finally:
        listener.kill()
        listener.wait()


def _check_that_it_goes_on(rig, seconds, frame=None):
    """Check that the node answers images in every second."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        before = len(rig.answered)
        rig.spin(1.0, lambda: rig.camera.good(rig.now_s, frame))
        more = rig.spin(10.0, lambda: rig.camera.good(rig.now_s, frame), until=lambda: len(rig.answered) > before)  # noqa: B023
        assert more, "the node stood still"


def engine_fails(rig):
    """Let the fake CUDA of faults.gpu_node report an illegal access from the next call on."""
    rig.process.send_signal(signal.SIGUSR1)
    rig.spin(1.0, rig.good)


def gets_signals(rig, signals, pause_s=0.0):
    """Send signals to the node while it works, and wait for its end.

    Args:
        rig: Rig whose node is at work.
        signals: Numbers of the signals.
        pause_s: Seconds from one signal to the next.
    """
    rig.spin(0.3, rig.good)
    for number in signals:
        if rig.process.poll() is None:
            rig.process.send_signal(number)
            time.sleep(pause_s)
    rig.process.wait(EXIT_TIMEOUT_S)
