"""Cameras that are too fast for the node: how old its results are, and how it shares its time between two cameras.

The node, a real process with its real networks, is first sent more than it can do, which tells its rate; then one camera
at 4 times that rate, then two such. "age" is from the image's stamp to publishing the result, "work" what the message
says of preprocessing, inference and postprocessing. As the node keeps the newest image only, age should stay below one
period of the camera plus the work; "over" is by how much it does not. The ages of two cameras may be older by the
other's turn. "own" are results with the frame_id of their camera and the stamp of one of its images.
Run: PYTHONPATH=. python benchmarks/node_overload.py [--seconds 20] [--detector full_frame]
"""

import argparse
import os
import time

import cv2
import numpy as np
import rclpy
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_estimation_ros.nodes import processes
from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.launch_arguments import demo_clip

OVERLOAD = 4.0
FASTEST_HZ = 30.0  # to find out what the node can do
WARM_UP_S = 3.0
COLUMNS = "%-16s %9s %9s %9s %9s %9s %9s %9s %9s %9s"


class Cameras(Node):
    """One camera per name, its images on /<name>/image_raw; keeps what the node answers."""

    def __init__(self, names):
        super().__init__("cameras")
        self._image = cv2.VideoCapture(demo_clip()).read()[1]
        self._images = {name: self.create_publisher(Image, f"/{name}/image_raw", 1) for name in names}
        self.sent, self.answers = {name: [] for name in names}, {name: [] for name in names}
        for name in names:
            topic = "/pose/keypoints" if len(names) == 1 else f"/{name}/pose/keypoints"
            self.create_subscription(PersonArray, topic, self.answers[name].append, 100)

    def publish(self, name):
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=name)
        self.sent[name].append((header.stamp.sec, header.stamp.nanosec))
        self._images[name].publish(array_to_image(self._image, header))

    def play(self, rate_hz, seconds=1e9, until=lambda: False):
        """All cameras in turn, each at that rate."""
        begin_s, names, count = time.monotonic(), list(self._images), 0
        while time.monotonic() - begin_s < seconds and not until():
            if time.monotonic() - begin_s >= count / (rate_hz * len(names)):
                self.publish(names[count % len(names)])
                count += 1
            rclpy.spin_once(self, timeout_sec=0.001)

    def forget(self):
        for kept in (*self.sent.values(), *self.answers.values()):
            kept.clear()


def overload(names, parameters, seconds, rate_hz=None):
    """Sends at that rate, or at OVERLOAD times what the node does; returns (the Cameras, that rate)."""
    topics = [f"/{name}/image_raw" for name in names]
    node = processes.start_pose_node(dict(parameters, image_topics=topics))
    cameras = Cameras(names)
    try:
        cameras.play(FASTEST_HZ, until=lambda: all(cameras.answers.values()))
        if rate_hz is None:
            cameras.forget()
            cameras.play(FASTEST_HZ, seconds / 2)
            rate_hz = OVERLOAD * len(cameras.answers[names[0]]) / (seconds / 2)
        cameras.play(rate_hz, WARM_UP_S)
        cameras.forget()
        cameras.play(rate_hz, seconds)
    finally:
        processes.stop([node])
        cameras.destroy_node()
    return cameras, rate_hz


def show(title, cameras, name, rate_hz, seconds):
    """Returns the rate of the results."""
    answers, period_ms = cameras.answers[name], 1e3 / rate_hz
    timings = [message.timing for message in answers]
    age_ms = np.array([timing.total_ms for timing in timings])
    work_ms = np.array([timing.preprocess_ms + timing.inference_ms + timing.postprocess_ms for timing in timings])
    over_ms = age_ms - work_ms - period_ms
    sent = set(cameras.sent[name])
    own = [m.header.frame_id == name and (m.header.stamp.sec, m.header.stamp.nanosec) in sent for m in answers]
    figures = [len(sent) / seconds, len(answers) / seconds, *np.percentile(age_ms, [50, 99])]
    figures += [*np.percentile(work_ms, [50, 99]), period_ms, *np.percentile(over_ms, [50, 99])]
    # An image may have been sent just before the counting began.
    print(COLUMNS % (title, *(f"{value:.1f}" for value in figures)), f"  {sum(own)}/{len(own)}", flush=True)
    return len(answers) / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", default="elpn_v1_coco")
    parser.add_argument("--detector", default="full_frame")
    args = parser.parse_args()
    processes.isolate()
    rclpy.init()
    parameters = {"model": args.model, "detector": args.detector}
    print(f"Hz and ms; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(COLUMNS % ("", "in Hz", "out Hz", "age p50", "p99", "work p50", "p99", "period", "over p50", "p99"), "  own")
    one, rate_hz = overload(["left"], parameters, args.seconds)
    alone_hz = show("one camera", one, "left", rate_hz, args.seconds)
    two, rate_hz = overload(["left", "right"], parameters, args.seconds, rate_hz)
    rates_hz = [show(f"two: {name}", two, name, rate_hz, args.seconds) for name in ("left", "right")]
    shares = " and ".join(f"{100 * hz / alone_hz:.0f} %" for hz in rates_hz)
    print(f"each of two has {shares} of the rate of one alone, together {100 * sum(rates_hz) / alone_hz:.0f} %")
    rclpy.shutdown()


if __name__ == "__main__":
    main()
