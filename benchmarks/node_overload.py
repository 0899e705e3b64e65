"""Cameras that are too fast for the node: how old its results are, and how it shares its time between two cameras.

The node, a real process with two image topics, is first sent more than it can do, which tells its rate; then, at 4
times that rate, one camera and both in turn, so that whatever else runs here slows both alike. "age" is from the
image's stamp to publishing the result; "wait" the part of it until the node took the image, "work" what the message
says of preprocessing, inference and postprocessing. As the node keeps the newest image only, the wait should stay below
one period of the camera and, with two, the other's turn; "over" is by how much age exceeds period, work and turn. "own"
are results with the frame_id of their camera and the stamp of one of its images. First with a network that sleeps
100 ms in place of computing, which a busy machine does not bend; then the real one.
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

from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.launching.arguments import demo_clip, image_publisher_environment

OVERLOAD = 4.0
FASTEST_HZ = 30.0  # to find out what the node can do
NETWORK_MS = 100.0
ROUNDS = 3
NAMES = ("left", "right")
COLUMNS = "%-12s %6s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s"
HEADINGS = ("", "sent", "results", "age p50", "p99", "wait p50", "p99", "work p50", "p99", "period", "over p50", "p99")


class Cameras(Node):
    """Publishes /left/image_raw and /right/image_raw; keeps what it sent, and what the node answers, by name."""

    def __init__(self):
        super().__init__("cameras")
        self._image = cv2.VideoCapture(demo_clip()).read()[1]
        self._images, self.sent, self.answers, self.stamps = {}, {}, {}, {name: set() for name in NAMES}
        for name in NAMES:
            self._images[name], self.sent[name] = self.create_publisher(Image, f"/{name}/image_raw", 1), []
            self.answers[name] = []
            self.create_subscription(PersonArray, f"/{name}/pose/keypoints", self.answers[name].append, 100)

    def play(self, names, rate_hz, seconds=1e9, until=lambda: False):
        """Those cameras in turn, each at that rate."""
        begin_s, count = time.monotonic(), 0
        while time.monotonic() - begin_s < seconds and not until():
            if time.monotonic() - begin_s >= count / (rate_hz * len(names)):
                self._publish(names[count % len(names)])
                count += 1
            rclpy.spin_once(self, timeout_sec=0.001)

    def _publish(self, name):
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=name)
        self.sent[name].append(stamp(header))
        self.stamps[name].add(stamp(header))
        self._images[name].publish(array_to_image(self._image, header))

    def take(self):
        """What was sent and answered since the last time."""
        taken = {name: (list(self.sent[name]), list(self.answers[name])) for name in NAMES}
        for kept in (*self.sent.values(), *self.answers.values()):
            kept.clear()
        return taken


def stamp(header):
    return header.stamp.sec, header.stamp.nanosec


def overload(cameras, seconds):
    """Returns the rate in Hz and what one and two cameras brought: {1, 2: {name: [(sent, answers) of a round]}}."""
    cameras.play(NAMES, FASTEST_HZ, until=lambda: all(cameras.answers.values()))
    cameras.take()
    cameras.play(NAMES[:1], FASTEST_HZ, seconds / 2)
    rate_hz = OVERLOAD * len(cameras.take()["left"][1]) / (seconds / 2)
    found = {1: {name: [] for name in NAMES}, 2: {name: [] for name in NAMES}}
    for _ in range(ROUNDS):
        for count in (1, 2):
            cameras.play(NAMES[:count], rate_hz, seconds / ROUNDS)
            for name, taken in cameras.take().items():
                found[count][name].append(taken)
    return rate_hz, found


def show(title, rounds, rate_hz, name, known, other_ms=0.0):
    """A line of the table for one camera; known: stamps of its images. Returns (number of results, median work ms)."""
    sent = [seen for sent, _answers in rounds for seen in sent]
    answers = [message for _sent, answers in rounds for message in answers]
    timings = [message.timing for message in answers]
    age_ms = np.array([timing.total_ms for timing in timings])
    work_ms = np.array([timing.preprocess_ms + timing.inference_ms + timing.postprocess_ms for timing in timings])
    over_ms = age_ms - work_ms - 1e3 / rate_hz - other_ms
    own = [message.header.frame_id == name and stamp(message.header) in known for message in answers]
    wait_ms = [timing.capture_to_receive_ms for timing in timings]
    figures = [value for values in (age_ms, wait_ms, work_ms) for value in np.percentile(values, [50, 99])]
    row = [f"{value:.1f}" for value in (*figures, 1e3 / rate_hz, *np.percentile(over_ms, [50, 99]))]
    print(COLUMNS % (title, len(sent), len(answers), *row), f"  {sum(own)}/{len(own)}", flush=True)
    return len(answers), np.median(work_ms)


def run(title, module, parameters, environment, seconds):
    node, cameras = processes.start(module, parameters, environment), Cameras()
    try:
        rate_hz, found = overload(cameras, seconds)
    finally:
        processes.stop([node])
        cameras.destroy_node()
    print(f"{title}: cameras at {rate_hz:.1f} Hz, 4 times what the node does")
    print(COLUMNS % HEADINGS, "  own")
    alone, work_ms = show("one camera", found[1]["left"], rate_hz, "left", cameras.stamps["left"])
    both = [show("two: " + name, found[2][name], rate_hz, name, cameras.stamps[name], work_ms)[0] for name in NAMES]
    shares = " and ".join(f"{100 * count / alone:.0f} %" for count in both)
    print(f"each of two has {shares} of the results of one alone, together {100 * sum(both) / alone:.0f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", default="elpn_v1_coco")
    parser.add_argument("--detector", default="full_frame")
    parser.add_argument("--networks", nargs="+", default=["sleeping", "real"], choices=["sleeping", "real"])
    args = parser.parse_args()
    processes.isolate()
    os.environ.update(image_publisher_environment())  # else most images of this size are lost on the way
    rclpy.init()
    parameters = {"model": args.model, "detector": args.detector}
    parameters["image_topics"] = [f"/{name}/image_raw" for name in NAMES]
    print(f"ms; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    replay = {"REPLAY_MS": str(NETWORK_MS), "REPLAY_OUT": os.devnull}
    if "sleeping" in args.networks:
        title = f"a network that sleeps {NETWORK_MS:g} ms"
        run(title, "benchmarks.replaying_node", parameters, replay, args.seconds)
    if "real" in args.networks:
        run("the real network", processes.NODES + "pose_node", parameters, {}, args.seconds)
    rclpy.shutdown()


if __name__ == "__main__":
    main()
