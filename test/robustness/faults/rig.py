"""Run the pose node as a process, with a camera that feeds it, and record all that it reports."""

import contextlib
import os
import re
import time

from diagnostic_msgs.msg import DiagnosticArray
from pose_estimation_ros.msg import Person3D, PersonArray, PersonArray3D
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from soak import resident_mb, stamp_of
from tiny_models import write_color_model

from faults.camera import Camera, header
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.launching.node_keywords import image_publisher_environment

TIMEOUT_S = 30.0  # for what must come; long, because the machine may be busy
RATE_HZ = 20.0  # of good images
LEVELS = ("OK", "WARN", "ERROR", "STALE")
SIM_BEGIN_S = 1000.0
NODE = processes.NODES + "pose_node"


class Rig:
    """Hold the node's process, its camera, and what the node published.

    With use_sim_time the rig publishes /clock as long as ``sim_runs`` is true. ``answered`` has the number of people
    in each answer by its stamp.
    """

    def __init__(self, folder, parameters=None, camera=None, module=NODE):
        """Create the subscriptions; start() starts the node.

        Args:
            folder: Folder for the model and the log.
            parameters: Parameters of the node beside those of the model.
            camera: Keyword arguments of Camera.
            module: Module that runs the node.
        """
        self._folder, self._camera_options, self._module = str(folder), camera or {}, module
        self.parameters = dict(dict(model=write_color_model(folder), detector="full_frame"), **(parameters or {}))
        self.context = Context()
        self.context.init(args=[])
        with image_publisher():
            self.node = Node("rig", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.process, self.camera, self.sim_runs = None, None, bool(self.parameters.get("use_sim_time"))
        self._sim_zero_s = time.monotonic() - SIM_BEGIN_S
        self.clock = self.node.create_publisher(Clock, "/clock", 1)
        self.answered, self._statuses, self._log_begin = {}, [], 0
        in_space = any(self.parameters.get(name) for name in ("depth_topic", "position_without_depth"))
        kind, topic = (PersonArray3D, "pose/keypoints_3d") if in_space else (PersonArray, "pose/keypoints")
        self.node.create_subscription(kind, topic, self._on_people, QoSProfile(depth=10))
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=10))

    def start(self):
        """Start the node, if it does not run, and a new camera; return when the node answers the camera."""
        if self.process is None or self.process.poll() is not None:
            self.process = self.start_node()
        self.new_camera()
        assert self.recovery_s() is not None, "the node does not answer:\n%s" % self.log()

    def start_node(self):
        """Start a node whose output is appended to the log; return the process."""
        with open(self.log_path, "a") as log:
            return processes.start(self._module, self.parameters, output=log)

    def new_camera(self, **options):
        """Replace the camera by a new one; options are keyword arguments of Camera."""
        self.close_camera()
        self.camera = Camera(self.node, **dict(self._camera_options, **options))

    def close_camera(self):
        """Close the camera if there is one."""
        if self.camera:
            self.camera.close()
        self.camera = None

    @property
    def log_path(self):
        """Return the path of the file with the node's output."""
        return os.path.join(self._folder, "node.log")

    def log(self):
        """Return what the node printed since mark()."""
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as file:
            file.seek(self._log_begin)
            return file.read()

    def mark(self):
        """Forget all that the node reported so far."""
        self._statuses, self._log_begin = [], os.path.getsize(self.log_path)

    def reports(self):
        """Return all reports since mark(): the log, and diagnostics as lines of "LEVEL message" and "key=value"."""
        lines = self.log().splitlines()
        for status in self._statuses:
            lines.append("%s %s" % (level_of(status), status.message))
            lines += ["%s=%s" % (pair.key, pair.value) for pair in status.values]
        return lines

    def first_match(self, pattern):
        """Return the first part of a report that matches the pattern, or None."""
        matches = [re.search(pattern, line) for line in self.reports()]
        return next((match.group() for match in matches if match), None)

    def level(self):
        """Return the level of the camera in the newest diagnostics, "" if there were none."""
        cameras = [status for status in self._statuses if ": Camera " in status.name]
        return level_of(cameras[-1]) if cameras else ""

    @property
    def now_s(self):
        """Return the time with which a good camera stamps its images."""
        return self._sim_s() if self.parameters.get("use_sim_time") else time.time()

    def _sim_s(self):
        return time.monotonic() - self._sim_zero_s

    def set_sim_time(self, to_s):
        """Set the simulated time."""
        self._sim_zero_s = time.monotonic() - to_s

    def spin(self, seconds=TIMEOUT_S, send=lambda: None, hz=RATE_HZ, until=lambda: False):
        """Process messages until a condition holds, the time is over or the node has ended.

        Args:
            seconds: Longest time.
            send: Function that is called at the rate hz.
            hz: Rate of the calls.
            until: Condition.

        Returns:
            Whether the condition holds.
        """
        begin_s = next_s = time.monotonic()
        while not until():
            now_s = time.monotonic()
            if now_s - begin_s > seconds or self.process.poll() is not None:
                return False
            if now_s >= next_s:
                send()
                next_s = max(next_s + 1.0 / hz, now_s - 1.0 / hz)
                if self.sim_runs:
                    self.clock.publish(Clock(clock=header(self._sim_s()).stamp))
            self._executor.spin_once(timeout_sec=0.005)
        return True

    def good(self):
        """Publish a good image with the present time; return its stamp as a key of ``answered``."""
        stamp_s = self.now_s
        self.camera.good(stamp_s)
        stamp = header(stamp_s).stamp
        return stamp.sec, stamp.nanosec

    def recovery_s(self):
        """Send good images until one is answered with a person; return the seconds this took, None if it never was."""
        sent, begin_s = set(), time.monotonic()
        done = self.spin(send=lambda: sent.add(self.good()), until=lambda: any(self.answered.get(s) for s in sent))
        return time.monotonic() - begin_s if done else None

    def _on_people(self, message):
        if isinstance(message, PersonArray3D):
            people = sum(is_in_space(person) for person in message.persons)
        else:
            people = len(message.persons)
        self.answered[stamp_of(message)] = people

    def _on_diagnostics(self, message):
        self._statuses += message.status

    def resident_mb(self):
        """Return the memory of the node's process in MB."""
        return resident_mb(self.process.pid)

    def stop(self):
        """End the node and destroy everything."""
        self.close_camera()
        if self.process:
            processes.stop([self.process])
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.shutdown()


@contextlib.contextmanager
def image_publisher():
    """Give a participant that is made here the buffers of a good camera, without which large images are lost.

    The first participant of a process decides for all of them.
    """
    before = dict(os.environ)
    os.environ.update(image_publisher_environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def traceback_in(text):
    """Return the error of the first traceback in what a process printed, None without one."""
    match = re.search(r"Traceback.*\n?(?:[ \t].*\n?)*(.*)", text)
    return match and "a traceback: %s" % match.group(1)[:200]


def is_in_space(person):
    """Return whether this image tells where a Person3D is; images before it do not count."""
    sources = Person3D.SOURCE_NONE, Person3D.SOURCE_PREDICTED
    return any(keypoint.valid for keypoint in person.keypoints) or person.position_source not in sources


def level_of(status):
    """Return the level of a status as a word."""
    return LEVELS[ord(status.level)]
