"""Measure what the node costs beside its networks: 5 people at 30 Hz, with networks that repeat their first answer.

All else is real and in three processes: a camera, the node (decoding, warping 5 crops, decoding 5 x 17 heatmaps,
tracking, smoothing, messages, publishing) and this subscriber. Columns: "overhead" is the time from taking an image out
of the middleware to the end of its callback, median and p99. "CPU of it" is the same in CPU time of that thread, 10th
percentile and median, which depends less on the load of the machine. "process" is the CPU time of all threads of the
node per image. "age" is the time from the camera's stamp to publishing. The networks' time is measured in the same run,
before their answers are recorded.
Run: PYTHONPATH=. python benchmarks/speed/node_overhead.py [--seconds 20] [--rate 30]
"""

import argparse
import json
import os
import tempfile
import time

import cv2
import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from benchmarks.speed.children import require_running
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.nodes.demo import processes

CASES = [((640, 480), False), ((1280, 720), False), ((640, 480), True)]
WARM_UP = 20  # images
PARTS = ("decode_image", "warp", "decode", "track", "publish")
COLUMNS = "%-24s %9s %9s %10s %10s %9s %9s %9s %9s %8s"


class Subscriber(Node):
    """Record people, ages and diagnostics."""

    def __init__(self, with_pictures):
        """Subscribe; with_pictures adds markers and the overlay, as RViz does."""
        super().__init__("bench")
        self.people, self.age_ms, self.figures = [], [], {}
        self.create_subscription(PersonArray, "pose/keypoints", self._on_people, 10)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        if with_pictures:
            self.create_subscription(MarkerArray, "pose/markers", lambda _msg: None, 10)
            self.create_subscription(Image, "pose/image", lambda _msg: None, 10)

    def _on_people(self, message):
        self.people.append(len(message.persons))
        self.age_ms.append(message.timing.total_ms)

    def _on_diagnostics(self, message):
        camera = next(status for status in message.status if ": Camera " in status.name)
        self.figures = {pair.key: pair.value for pair in camera.values}


def measure(size_wh, with_pictures, seconds, rate_hz, folder):
    """Play one still image with 5 people.

    Args:
        size_wh: Size of the images in pixels.
        with_pictures: Whether somebody subscribes to markers and the overlay.
        seconds: How long to measure.
        rate_hz: Rate of the camera.
        folder: Folder for the image and the times.

    Returns:
        The node's times, the subscriber, and the CPU time of the node's process per image in ms.
    """
    picture, out = os.path.join(folder, "still.bmp"), os.path.join(folder, "times.json")
    cv2.imwrite(picture, cv2.resize(cv2.VideoCapture(demo_clip()).read()[1], size_wh))
    node = processes.start("benchmarks.speed.replaying_node", {}, {"REPLAY_OUT": out})
    camera = processes.start_video_node({"source": picture, "rate_hz": rate_hz, "wait_for_subscribers": 1})
    subscriber = Subscriber(with_pictures)
    try:
        spin(subscriber, lambda: len(subscriber.people) >= WARM_UP, [camera, node])
        begin_s, begin_images = cpu_s(node.pid), len(subscriber.people)
        end_s = time.monotonic() + seconds
        spin(subscriber, lambda: time.monotonic() > end_s, [camera, node])
        cpu_ms = 1e3 * (cpu_s(node.pid) - begin_s) / (len(subscriber.people) - begin_images)
    finally:
        processes.stop([camera, node])
        subscriber.destroy_node()
    with open(out) as file:
        return json.load(file), subscriber, cpu_ms


def spin(subscriber, until, children):
    """Process messages until the condition holds; raise SystemExit if one of these processes ends before."""
    while not until():
        require_running(children)
        rclpy.spin_once(subscriber, timeout_sec=0.05)


def cpu_s(pid):
    """Return the CPU time in seconds that all threads of a process have used."""
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def show(size_wh, with_pictures, times, subscriber, cpu_ms, rate_hz):
    """Print the lines of a case, with the results of measure()."""
    whole = len(times["callback_ms"])  # the callback of the last image may be missing
    take_ms, callback_ms, thread_ms = (
        np.array(times[name][WARM_UP:whole]) for name in ("take_ms", "callback_ms", "cpu_ms")
    )
    network_ms, detector_ms = np.median(times["network_ms"]), np.median(times["detector_ms"])
    values = [*np.percentile(take_ms + callback_ms, [50, 99]), *np.percentile(thread_ms, [10, 50]), cpu_ms]
    case = "{}x{}{}".format(*size_wh, ", markers, overlay" if with_pictures else "")
    row = [f"{value:.2f}" for value in values] + [f"{np.median(subscriber.age_ms[WARM_UP:]):.1f}"]
    row += [f"{network_ms:.1f}", f"{detector_ms:.1f}", f"{100 * values[0] / network_ms:.1f} %"]
    print(COLUMNS % (case, *row))
    parts = ", ".join(f"{part} {subscriber.figures[part + '_p50_ms']}" for part in PARTS)
    print(
        f"    {len(take_ms)} images, {np.median(subscriber.people):g} people each; {0.1 * cpu_ms * rate_hz:.0f} % of a"
    )
    print(f"    core at {rate_hz:g} Hz; median ms: take {np.median(take_ms):.2f}, {parts}", flush=True)


def main():
    """Measure all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=30.0)
    args = parser.parse_args()
    processes.isolate()
    rclpy.init()
    print(f"ms; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(COLUMNS % ("", "overhead", "", "CPU of it", "", "process", "age", "network", "detector", "overhead"))
    print(COLUMNS % ("", "median", "p99", "p10", "median", "mean", "median", "5 people", "", "/network"))
    for size_wh, with_pictures in CASES:
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(size_wh, with_pictures, args.seconds, args.rate, folder)
        show(size_wh, with_pictures, *measured, args.rate)
    rclpy.shutdown()


if __name__ == "__main__":
    main()
