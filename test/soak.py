"""Five minutes of camera (30 Hz, 640x480), pose node, subscriber, each a process: memory must not grow.

`make soak`; not part of `make test`. Prints the pose node's own memory as it goes and its slope after warm-up. Ends
with code 1 if that exceeds the limit, if an array answers no published image, or if a process died.
"""

import argparse
import sys
import time

import numpy as np
import rclpy
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from pose_estimation_ros.nodes import processes
from pose_estimation_ros.nodes.launch_arguments import demo_clip

LIMIT_MB_PER_HOUR = 20.0
LOST_BY_US = 0.01  # images that this process may miss where the machine is busy; a wrong stamp would miss them all
WARM_UP = 0.25  # of the time, not counted: allocators fill their pools


class Subscriber(Node):
    def __init__(self):
        super().__init__("soak")
        self.images, self.answered, self.latency_ms, self.people = set(), [], [], 0
        self.create_subscription(Image, "image", lambda msg: self.images.add(stamp(msg)), QoSProfile(depth=100))
        self.create_subscription(PersonArray, "pose/keypoints", self._on_persons, QoSProfile(depth=100))

    def _on_persons(self, msg):
        self.answered.append(stamp(msg))
        self.latency_ms.append(msg.timing.total_ms)
        self.people += len(msg.persons)


def stamp(msg):
    return (msg.header.stamp.sec, msg.header.stamp.nanosec)


def resident_mb(pid):
    """The process's own memory. Not VmRSS: that counts pages of the camera's shared memory as they are first read."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1024.0


def slope_mb_per_hour(times_s, sizes_mb):
    """Least-squares slope of what comes after the warm-up."""
    times_s, sizes_mb = np.array(times_s), np.array(sizes_mb)
    counted = times_s >= WARM_UP * times_s[-1]
    return 3600 * np.polyfit(times_s[counted], sizes_mb[counted], 1)[0]


def watch(subscriber, pose_node, camera, seconds):
    """Spins for that long; returns times and sizes, one a second."""
    times_s, sizes_mb, begin_s = [], [], time.monotonic()
    while time.monotonic() - begin_s < seconds:
        rclpy.spin_once(subscriber, timeout_sec=0.05)
        now_s = time.monotonic() - begin_s
        if now_s >= len(times_s) + 1:
            if pose_node.poll() is not None or camera.poll() is not None:
                sys.exit("soak: a node ended before its time")
            times_s.append(now_s)
            sizes_mb.append(resident_mb(pose_node.pid))
            if len(times_s) % 30 == 0:
                line = "%4d s  %7.1f MB  %d images  %d arrays"
                print(line % (now_s, sizes_mb[-1], len(subscriber.images), len(subscriber.answered)), flush=True)
    return times_s, sizes_mb


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--model", default="elpn_v1_coco")
    parser.add_argument("--detector", default="person_detector")
    args = parser.parse_args()
    processes.isolate()
    rclpy.init()
    children = [processes.start_pose_node({"model": args.model, "detector": args.detector})]
    try:
        subscriber = Subscriber()
        children.append(
            processes.start_video_node(
                {"source": demo_clip(), "rate_hz": 30.0, "width": 640, "height": 480, "wait_for_subscribers": 2}
            )
        )
        while not subscriber.answered:
            if any(child.poll() is not None for child in children):
                sys.exit("soak: a node ended before its time")
            rclpy.spin_once(subscriber, timeout_sec=0.1)
        times_s, sizes_mb = watch(subscriber, *children, args.seconds)
    finally:
        processes.stop(children)
        rclpy.try_shutdown()
    return report(subscriber, times_s, sizes_mb)


def report(subscriber, times_s, sizes_mb):
    slope = slope_mb_per_hour(times_s, sizes_mb)
    first = min(subscriber.images)
    strangers = [
        s for s in subscriber.answered if s >= first and s not in subscriber.images and s <= max(subscriber.images)
    ]
    p50, p99 = np.percentile(subscriber.latency_ms, [50, 99])
    print(
        "images %d, arrays %d (%.1f Hz)"
        % (len(subscriber.images), len(subscriber.answered), len(subscriber.answered) / times_s[-1])
    )
    print("people %d, latency p50 %.1f ms, p99 %.1f ms" % (subscriber.people, p50, p99))
    print("arrays that answer no image seen: %d" % len(strangers))
    print(
        "resident memory %.1f MB at the end, slope %.2f MB an hour (limit %.0f)"
        % (sizes_mb[-1], slope, LIMIT_MB_PER_HOUR)
    )
    return int(
        len(strangers) > LOST_BY_US * len(subscriber.answered) or slope > LIMIT_MB_PER_HOUR or not subscriber.people
    )


if __name__ == "__main__":
    sys.exit(main())
