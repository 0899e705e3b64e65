"""The pose node as a process of its own, a camera before it, and ears for all that it says."""

import contextlib
import os
import re
import time

from diagnostic_msgs.msg import DiagnosticArray
from pose_estimation_ros.msg import Person3DArray, PersonArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock as ClockMsg
from soak import resident_mb
from tiny_models import write_color_model

from faults.camera import Camera, header
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.launching.arguments import image_publisher_environment

TIMEOUT_S = 30.0  # for what must come; long, as the machine may be busy
RATE_HZ = 20.0  # of good images
LEVELS = ("OK", "WARN", "ERROR", "STALE")
SIM_BEGIN_S = 1000.0
NODE = processes.NODES + "pose_node"


class Rig:
    """parameters: of the node, beside the model's. camera: keywords of the Camera. folder: for the model and the log.

    With use_sim_time the rig publishes /clock as long as ``sim_runs``; ``now_s`` is what a good camera stamps with.
    """

    def __init__(self, folder, parameters=None, camera=None, module=NODE):
        self._folder, self._camera_options, self._module = str(folder), camera or {}, module
        self.parameters = dict(dict(model=write_color_model(folder), detector="full_frame"), **(parameters or {}))
        self._context = Context()
        self._context.init(args=[])
        with image_publisher():
            self.node = Node("rig", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.process, self.camera, self.sim_runs = None, None, bool(self.parameters.get("use_sim_time"))
        self._sim_zero_s, self._clock = (
            time.monotonic() - SIM_BEGIN_S,
            self.node.create_publisher(ClockMsg, "/clock", 1),
        )
        self.answered, self._statuses, self._log_begin = {}, [], 0
        topic = "pose/skeletons" if "depth_topic" in self.parameters else "pose/keypoints"
        kind = Person3DArray if "depth_topic" in self.parameters else PersonArray
        self.node.create_subscription(kind, topic, self._on_people, QoSProfile(depth=10))
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=10))

    def start(self):
        """The node, if it does not run, and the camera; returns when one answers the other."""
        if self.process is None or self.process.poll() is not None:
            self.process = self._start_node()
        self.new_camera()
        assert self.recovery_s() is not None, "the node does not answer:\n%s" % self.log()

    def _start_node(self):
        with open(self.log_path, "a") as log:
            return processes.start(self._module, self.parameters, output=log)

    def new_camera(self, **options):
        self.close_camera()
        self.camera = Camera(self.node, **dict(self._camera_options, **options))

    def close_camera(self):
        if self.camera:
            self.camera.close()
        self.camera = None

    @property
    def log_path(self):
        return os.path.join(self._folder, "node.log")

    def log(self):
        """What the node printed since mark()."""
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as file:
            file.seek(self._log_begin)
            return file.read()

    def mark(self):
        """From here on counts what the node says."""
        self._statuses, self._log_begin = [], os.path.getsize(self.log_path)

    def said(self):
        """All that was said since mark(): the log, and diagnostics as lines of "LEVEL message" and "key=value"."""
        lines = self.log().splitlines()
        for status in self._statuses:
            lines.append("%s %s" % (LEVELS[level_of(status)], status.message))
            lines += ["%s=%s" % (pair.key, pair.value) for pair in status.values]
        return lines

    def heard(self, pattern):
        """The first part of what was said that fits the pattern, or None."""
        found = [re.search(pattern, line) for line in self.said()]
        return next((match.group() for match in found if match), None)

    def level(self):
        """Of the camera, by the newest diagnostics."""
        cameras = [status for status in self._statuses if ": Camera " in status.name]
        return LEVELS[level_of(cameras[-1])] if cameras else ""

    @property
    def now_s(self):
        if not self.parameters.get("use_sim_time"):
            return time.time()
        return self._sim_s()

    def _sim_s(self):
        return time.monotonic() - self._sim_zero_s

    def set_sim_time(self, to_s):
        self._sim_zero_s = time.monotonic() - to_s

    def spin(self, seconds=TIMEOUT_S, send=lambda: None, hz=RATE_HZ, until=lambda: False):
        """Lets all go on, and sends so many a second, until it holds (returns True) or the time is over."""
        begin_s = next_s = time.monotonic()
        while not until():
            now_s = time.monotonic()
            if now_s - begin_s > seconds or self.process.poll() is not None:
                return False
            if now_s >= next_s:
                send()
                next_s = max(next_s + 1.0 / hz, now_s - 1.0 / hz)
                if self.sim_runs:
                    self._clock.publish(ClockMsg(clock=header(self._sim_s()).stamp))
            self._executor.spin_once(timeout_sec=0.005)
        return True

    def good(self):
        """A good image now. Returns its stamp as answered will have it."""
        stamp_s = self.now_s
        self.camera.good(stamp_s)
        return key(header(stamp_s))

    def recovery_s(self):
        """Sends good images until one of them is answered with a person: the seconds since the first; None: never."""
        sent, begin_s = set(), time.monotonic()
        done = self.spin(send=lambda: sent.add(self.good()), until=lambda: any(self.answered.get(s) for s in sent))
        return time.monotonic() - begin_s if done else None

    def _on_people(self, message):
        if isinstance(message, Person3DArray):
            people = sum(any(k.valid for k in person.keypoints) for person in message.persons)
        else:
            people = len(message.persons)
        self.answered[key(message.header)] = people

    def _on_diagnostics(self, message):
        self._statuses += message.status

    def resident_mb(self):
        return resident_mb(self.process.pid)

    def stop(self):
        self.close_camera()
        if self.process:
            processes.stop([self.process])
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.shutdown()


@contextlib.contextmanager
def image_publisher():
    """What makes a participant here gets the buffers of a good camera, else large images are lost on the way; the first
    of a process decides for all."""
    before = dict(os.environ)
    os.environ.update(image_publisher_environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def level_of(status):
    return ord(status.level)


def key(header):
    return (header.stamp.sec, header.stamp.nanosec)
