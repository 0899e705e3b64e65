"""Run a camera (30 Hz, 640x480), the pose node and a subscriber for a long time, each as a process: a soak test.

`make soak MINUTES=30`; it is not part of `make test`. The exit code is 1 if the node's own memory or its open files
grow, if an array answers no published image, if the node's diagnostics differ from what the subscriber sees, or if a
process dies.
"""

import argparse
import os
import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.nodes.demo import processes

LIMIT_MB_PER_HOUR = 20.0
LIMIT_FILES = 2  # more at the end than at the begin
MISSED_SHARE = 0.01  # images that this process may miss on a busy machine; a wrong stamp would miss them all
# Share by which images and arrays of diagnostics may differ from those seen. Not less, because diagnostics come right
# after an image was processed, when those that arrived meanwhile are not yet counted: at 2 Hz a twentieth of a window.
DIFFERENCE = 0.1
WARM_UP = 0.25  # share of the time that does not count, because allocators fill their pools
CPU_TICKS = os.sysconf("SC_CLK_TCK")


class Subscriber(Node):
    """Record all images and arrays, and the diagnostics that the node publishes once a second."""

    def __init__(self):
        super().__init__("soak")
        self.images, self.answered, self.publish_ms, self.arrival_ms, self.people = set(), [], [], [], 0
        self.figures, self.levels = [], []
        self.create_subscription(Image, "image", lambda msg: self.images.add(stamp_of(msg)), QoSProfile(depth=100))
        self.create_subscription(PersonArray, "pose/keypoints", self._on_persons, QoSProfile(depth=100))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=10))

    def _on_persons(self, msg):
        self.answered.append(stamp_of(msg))
        self.publish_ms.append(msg.timing.total_ms)
        self.arrival_ms.append(1e3 * (time.time() - msg.header.stamp.sec) - 1e-6 * msg.header.stamp.nanosec)
        self.people += len(msg.persons)

    def _on_diagnostics(self, msg):
        camera = next(status for status in msg.status if ": Camera " in status.name)
        self.levels.append(ord(camera.level))
        time_s = msg.header.stamp.sec + 1e-9 * msg.header.stamp.nanosec
        self.figures.append(dict({pair.key: number(pair.value) for pair in camera.values}, time_s=time_s))


def stamp_of(msg):
    """Return the stamp of a message as a tuple that can be compared."""
    return (msg.header.stamp.sec, msg.header.stamp.nanosec)


def number(text):
    """Return the number in a text, NaN if it has none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def resident_mb(pid):
    """Return the own memory of a process; VmRSS would count pages of the camera's shared memory, too."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1024.0


def open_files(pid):
    """Return the number of open files of a process."""
    return len(os.listdir("/proc/%d/fd" % pid))


def cpu_s(pid):
    """Return the CPU time in seconds that all threads of a process have used."""
    with open("/proc/%d/stat" % pid) as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / CPU_TICKS


def slope_mb_per_hour(times_s, sizes_mb):
    """Return the least-squares slope of the memory after the warm-up."""
    times_s, sizes_mb = np.array(times_s), np.array(sizes_mb)
    counted = times_s >= WARM_UP * times_s[-1]
    return 3600 * np.polyfit(times_s[counted], sizes_mb[counted], 1)[0]


def watch(subscriber, pose_node, camera, seconds):
    """Process messages for some time.

    Args:
        subscriber: Node that records.
        pose_node: Process of the pose node.
        camera: Process of the camera.
        seconds: How long.

    Returns:
        Rows of time in s, memory in MB, open files and CPU time in s, one a second.
    """
    rows, begin_s = [], time.monotonic()
    while time.monotonic() - begin_s < seconds:
        rclpy.spin_once(subscriber, timeout_sec=0.05)
        now_s = time.monotonic() - begin_s
        if now_s >= len(rows) + 1:
            if pose_node.poll() is not None or camera.poll() is not None:
                sys.exit("soak: a node ended too early")
            pid = pose_node.pid
            rows.append((now_s, resident_mb(pid), open_files(pid), cpu_s(pid)))
            if len(rows) % 30 == 0:
                counts = rows[-1][:3] + (len(subscriber.images), len(subscriber.answered))
                print("%5d s  %7.1f MB  %3d files  %d images  %d arrays" % counts, flush=True)
    return np.array(rows)


def main():
    """Run the soak test; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--model", default="elpn_v1_coco")
    parser.add_argument("--detector", default="person_detector")
    args = parser.parse_args()
    processes.isolate()
    rclpy.init()
    children = [processes.start_pose_node({"model": args.model, "detector": args.detector})]
    try:
        subscriber = Subscriber()
        video = {"source": demo_clip(), "rate_hz": 30.0, "width": 640, "height": 480, "wait_for_subscribers": 2}
        children.append(processes.start_video_node(video))
        while not subscriber.answered or not subscriber.figures:
            if any(child.poll() is not None for child in children):
                sys.exit("soak: a node ended too early")
            rclpy.spin_once(subscriber, timeout_sec=0.1)
        rows = watch(subscriber, *children, 60 * args.minutes)
    finally:
        processes.stop(children)
        rclpy.try_shutdown()
    return report(subscriber, rows)


def report(subscriber, rows):
    """Print the table and the problems; return the exit code."""
    seen, reported, table = from_outside(subscriber), by_diagnostics(subscriber.figures), "%-30s %12s %12s"
    print(table % ("%.0f s" % rows[-1, 0], "seen", "diagnostics"))
    for name in seen:
        print(table % (name, text(seen[name]), text(reported.get(name))))
    slope = slope_mb_per_hour(rows[:, 0], rows[:, 1])
    print("memory %.1f MB at the end, slope after warm-up %+.2f MB an hour (limit %.0f)" % (
        rows[-1, 1], slope, LIMIT_MB_PER_HOUR))  # fmt: skip
    print("open files %d at the begin, %d at the end, at most %d" % (rows[0, 2], rows[-1, 2], rows[:, 2].max()))
    print("CPU %.2f cores" % ((rows[-1, 3] - rows[0, 3]) / (rows[-1, 0] - rows[0, 0])))
    problems = {
        "arrays answer images that nobody saw": seen["arrays without image"] > MISSED_SHARE * seen["published"],
        "memory grows": slope > LIMIT_MB_PER_HOUR,
        "open files grow": rows[-1, 2] - rows[0, 2] > LIMIT_FILES,
        "no person": not subscriber.people,
        "diagnostics ERROR": max(subscriber.levels) > 1,
        "diagnostics differ": any(differ(seen[name], reported[name]) for name in ("images of the camera", "published")),
    }
    present = [problem for problem, is_present in problems.items() if is_present]
    print("FAIL: %s" % "; ".join(present) if present else "all well")
    return int(bool(present))


def from_outside(subscriber):
    """Return the figures by what the subscriber saw."""
    images, answered = subscriber.images, subscriber.answered
    first, last = min(images), max(images)
    strangers = [s for s in answered if first <= s <= last and s not in images]
    return {
        "images of the camera": len(images),
        "published": len(answered),
        "published / images": len(answered) / len(images),
        "skipped": len(images) - len(set(answered) & images),
        "age p50 ms": np.percentile(subscriber.publish_ms, 50),
        "age p99 ms": np.percentile(subscriber.publish_ms, 99),
        "age on arrival p50 ms": np.percentile(subscriber.arrival_ms, 50),
        "age on arrival p99 ms": np.percentile(subscriber.arrival_ms, 99),
        "people": subscriber.people,
        "arrays without image": len(strangers),
    }


def by_diagnostics(figures):
    """Return the same figures by the node's diagnostics.

    Ages are the median of p50 and the mean of p99 over windows that do not overlap.
    """
    first, last, windows = figures[0], figures[-1], figures[:: -int(figures[-1]["window_s"])]
    times_s, rates_hz = (np.array([figure[name] for figure in figures]) for name in ("time_s", "rate_in_hz"))
    images = first["images_received"] + np.sum(rates_hz[1:] * np.diff(times_s))
    return {
        "images of the camera": round(images),
        "published": last["images_published"],
        "published / images": last["images_published"] / images,
        "skipped": round(images - last["images_published"]),
        "age p50 ms": np.median([figure["age_p50_ms"] for figure in windows]),
        "age p99 ms": np.mean([figure["age_p99_ms"] for figure in windows]),
    }


def differ(seen, reported):
    """Return whether two counts of images differ by more than the limit and two seconds at 30 Hz."""
    return not abs(seen - reported) <= DIFFERENCE * seen + 60  # the two do not begin and end together


def text(value):
    """Return a figure as a text of few digits, "" for None."""
    return "" if value is None else "%.3f" % value if value < 1 else "%.1f" % value if value % 1 else "%d" % value


if __name__ == "__main__":
    sys.exit(main())
