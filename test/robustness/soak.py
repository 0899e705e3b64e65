"""Camera (30 Hz, 640x480), pose node, subscriber, each a process, for long: nothing must grow, no figure must lie.

`make soak MINUTES=30`; not part of `make test`. Ends with code 1 if the node's own memory or its open files grow, if an
array answers no published image, if the node's diagnostics and what is seen from outside differ, or a process dies.
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

from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.launching.arguments import demo_clip

LIMIT_MB_PER_HOUR = 20.0
LIMIT_FILES = 2  # more at the end than at the begin
LOST_BY_US = 0.01  # images that this process may miss where the machine is busy; a wrong stamp would miss them all
# Of what diagnostics say from what is seen, of images and arrays. Not less, because they come right after an image was
# worked on, while those that arrived in the meantime are not counted yet: at 2 Hz that is a twentieth of the window.
DIFFERENCE = 0.1
WARM_UP = 0.25  # of the time, not counted: allocators fill their pools
CPU_TICKS = os.sysconf("SC_CLK_TCK")


class Subscriber(Node):
    """All that can be seen from outside, and what the node says of itself once a second."""

    def __init__(self):
        super().__init__("soak")
        self.images, self.answered, self.publish_ms, self.arrival_ms, self.people = set(), [], [], [], 0
        self.figures, self.levels = [], []
        self.create_subscription(Image, "image", lambda msg: self.images.add(stamp(msg)), QoSProfile(depth=100))
        self.create_subscription(PersonArray, "pose/keypoints", self._on_persons, QoSProfile(depth=100))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=10))

    def _on_persons(self, msg):
        self.answered.append(stamp(msg))
        self.publish_ms.append(msg.timing.total_ms)
        self.arrival_ms.append(1e3 * (time.time() - msg.header.stamp.sec) - 1e-6 * msg.header.stamp.nanosec)
        self.people += len(msg.persons)

    def _on_diagnostics(self, msg):
        camera = next(status for status in msg.status if ": Camera " in status.name)
        self.levels.append(ord(camera.level))
        time_s = msg.header.stamp.sec + 1e-9 * msg.header.stamp.nanosec
        self.figures.append(dict({pair.key: number(pair.value) for pair in camera.values}, time_s=time_s))


def stamp(msg):
    return (msg.header.stamp.sec, msg.header.stamp.nanosec)


def number(text):
    try:
        return float(text)
    except ValueError:
        return float("nan")


def resident_mb(pid):
    """The process's own memory. Not VmRSS: that counts pages of the camera's shared memory as they are first read."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1024.0


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def cpu_s(pid):
    """Seconds of CPU that all threads of the process have used."""
    with open("/proc/%d/stat" % pid) as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / CPU_TICKS


def slope_mb_per_hour(times_s, sizes_mb):
    """Least-squares slope of what comes after the warm-up."""
    times_s, sizes_mb = np.array(times_s), np.array(sizes_mb)
    counted = times_s >= WARM_UP * times_s[-1]
    return 3600 * np.polyfit(times_s[counted], sizes_mb[counted], 1)[0]


def watch(subscriber, pose_node, camera, seconds):
    """Spins for that long; returns rows of time s, memory MB, open files, CPU s, one a second."""
    rows, begin_s = [], time.monotonic()
    while time.monotonic() - begin_s < seconds:
        rclpy.spin_once(subscriber, timeout_sec=0.05)
        now_s = time.monotonic() - begin_s
        if now_s >= len(rows) + 1:
            if pose_node.poll() is not None or camera.poll() is not None:
                sys.exit("soak: a node ended before its time")
            pid = pose_node.pid
            rows.append((now_s, resident_mb(pid), open_files(pid), cpu_s(pid)))
            if len(rows) % 30 == 0:
                counts = rows[-1][:3] + (len(subscriber.images), len(subscriber.answered))
                print("%5d s  %7.1f MB  %3d files  %d images  %d arrays" % counts, flush=True)
    return np.array(rows)


def main():
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
                sys.exit("soak: a node ended before its time")
            rclpy.spin_once(subscriber, timeout_sec=0.1)
        rows = watch(subscriber, *children, 60 * args.minutes)
    finally:
        processes.stop(children)
        rclpy.try_shutdown()
    return report(subscriber, rows)


def report(subscriber, rows):
    """Prints the table and what is wrong; returns the exit code."""
    seen, said, table = from_outside(subscriber), by_diagnostics(subscriber.figures), "%-30s %12s %12s"
    print(table % ("%.0f s" % rows[-1, 0], "seen", "diagnostics"))
    for name in seen:
        print(table % (name, text(seen[name]), text(said.get(name))))
    slope = slope_mb_per_hour(rows[:, 0], rows[:, 1])
    print("memory %.1f MB at the end, slope after warm-up %+.2f MB an hour (limit %.0f)" % (
        rows[-1, 1], slope, LIMIT_MB_PER_HOUR))  # fmt: skip
    print("open files %d at the begin, %d at the end, at most %d" % (rows[0, 2], rows[-1, 2], rows[:, 2].max()))
    print("CPU %.2f cores" % ((rows[-1, 3] - rows[0, 3]) / (rows[-1, 0] - rows[0, 0])))
    problems = {
        "arrays answer images that nobody saw": seen["arrays without image"] > LOST_BY_US * seen["published"],
        "memory grows": slope > LIMIT_MB_PER_HOUR,
        "open files grow": rows[-1, 2] - rows[0, 2] > LIMIT_FILES,
        "no person": not subscriber.people,
        "diagnostics ERROR": max(subscriber.levels) > 1,
        "diagnostics differ": any(differ(seen[name], said[name]) for name in ("images of the camera", "published")),
    }
    found = [problem for problem, is_there in problems.items() if is_there]
    print("FAIL: %s" % "; ".join(found) if found else "all well")
    return int(bool(found))


def from_outside(subscriber):
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
    """The same. Ages: the median of the windows' p50, the mean of their p99, one of each window_s."""
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


def differ(seen, said):
    return not abs(seen - said) <= DIFFERENCE * seen + 60  # two seconds: the two do not begin and end together


def text(value):
    return "" if value is None else "%.3f" % value if value < 1 else "%.1f" % value if value % 1 else "%d" % value


if __name__ == "__main__":
    sys.exit(main())
