"""Measure the node with cameras that are too fast for it: how old its results are, and how two cameras share it.

The node is a real process with two image topics. It first gets more images than it can process, which shows its rate.
Then, at 4 times that rate, one camera and both cameras send alternately, so that other load on the machine slows both
alike. Columns: "age" is the time from the image's stamp to publishing the result; "wait" is the part of it before the
node took the image; "work" is the sum of preprocessing, inference and postprocessing. As the node keeps the newest
image only, the wait should stay below one period of the camera and, with two cameras, the other's turn; "over" is by
how much the age exceeds period, work and turn. "own" counts the results with the frame_id of their camera and the stamp
of one of its images. The first network sleeps 100 ms instead of computing, which does not depend on the load; the
second is the real one.
Run: PYTHONPATH=. python benchmarks/speed/node_overload.py [--seconds 20] [--detector full_frame]
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

from benchmarks.speed.children import require_running
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.launching.node_keywords import image_publisher_environment

OVERLOAD = 4.0
FASTEST_HZ = 30.0  # to find out the rate of the node
NETWORK_MS = 100.0
ROUNDS = 3
NAMES = ("left", "right")
COLUMNS = "%-12s %6s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s"
HEADINGS = ("", "sent", "results", "age p50", "p99", "wait p50", "p99", "work p50", "p99", "period", "over p50", "p99")


class Cameras(Node):
    """Publish /NAME/image_raw of each camera; keep by name what was sent and what the node answered."""

    def __init__(self, node, names=NAMES):
        """Create the publishers and subscriptions of the cameras with these names, for the process of the pose node."""
        super().__init__("cameras")
        self._node = node
        self._image = cv2.VideoCapture(demo_clip()).read()[1]
        self._images, self.sent, self.answers, self.stamps = {}, {}, {}, {name: set() for name in names}
        for name in names:
            self._images[name], self.sent[name] = self.create_publisher(Image, f"/{name}/image_raw", 1), []
            self.answers[name] = []
            prefix = f"/{name}" if len(names) > 1 else ""  # of the results of one camera there is none
            self.create_subscription(PersonArray, f"{prefix}/pose/keypoints", self.answers[name].append, 100)

    def play(self, names, rate_hz, seconds=1e9, until=lambda: False):
        """Let cameras publish in turn; raise SystemExit if the pose node ends.

        Args:
            names: Names of the cameras.
            rate_hz: Rate of each camera.
            seconds: Longest time.
            until: Condition at which to end earlier.
        """
        begin_s, count = time.monotonic(), 0
        while time.monotonic() - begin_s < seconds and not until():
            if time.monotonic() - begin_s >= count / (rate_hz * len(names)):
                self._publish(names[count % len(names)])
                count += 1
            require_running([self._node])
            rclpy.spin_once(self, timeout_sec=0.001)

    def _publish(self, name):
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=name)
        self.sent[name].append(stamp(header))
        self.stamps[name].add(stamp(header))
        self._images[name].publish(array_to_image(self._image, header))

    def take(self):
        """Return what was sent and answered since the last call, by name."""
        taken = {name: (list(self.sent[name]), list(self.answers[name])) for name in self.sent}
        for kept in (*self.sent.values(), *self.answers.values()):
            kept.clear()
        return taken


def stamp(header):
    """Return the stamp of a header as a tuple that can be compared."""
    return header.stamp.sec, header.stamp.nanosec


def overload(cameras, seconds):
    """Return the rate in Hz, and the results of 1 and 2 cameras: {1 or 2: {name: [(sent, answers) of a round]}}."""
    cameras.play(NAMES, FASTEST_HZ, until=lambda: all(cameras.answers.values()))
    cameras.take()
    cameras.play(NAMES[:1], FASTEST_HZ, seconds / 2)
    rate_hz = OVERLOAD * len(cameras.take()["left"][1]) / (seconds / 2)
    results = {1: {name: [] for name in NAMES}, 2: {name: [] for name in NAMES}}
    for _ in range(ROUNDS):
        for count in (1, 2):
            cameras.play(NAMES[:count], rate_hz, seconds / ROUNDS)
            for name, taken in cameras.take().items():
                results[count][name].append(taken)
    return rate_hz, results


def show(title, rounds, rate_hz, name, known, other_ms=0.0):
    """Print a line of the table for one camera.

    Args:
        title: First column.
        rounds: (sent, answers) of each round.
        rate_hz: Rate of the camera.
        name: Name of the camera.
        known: Stamps of its images.
        other_ms: Turn of the other camera.

    Returns:
        Number of results, and median of the work in ms.
    """
    sent = [seen for sent, _answers in rounds for seen in sent]
    answers = [message for _sent, answers in rounds for message in answers]
    timings = [message.timing for message in answers]
    age_ms = np.array([timing.total_ms for timing in timings])
    work_ms = np.array([timing.preprocess_ms + timing.inference_ms + timing.postprocess_ms for timing in timings])
    over_ms = age_ms - work_ms - 1e3 / rate_hz - other_ms
    is_own = [message.header.frame_id == name and stamp(message.header) in known for message in answers]
    wait_ms = [timing.capture_to_receive_ms for timing in timings]
    figures = [value for values in (age_ms, wait_ms, work_ms) for value in np.percentile(values, [50, 99])]
    row = [f"{value:.1f}" for value in (*figures, 1e3 / rate_hz, *np.percentile(over_ms, [50, 99]))]
    print(COLUMNS % (title, len(sent), len(answers), *row), f"  {sum(is_own)}/{len(is_own)}", flush=True)
    return len(answers), np.median(work_ms)


def run(title, module, parameters, environment, seconds):
    """Measure one network and print its table."""
    node = processes.start(module, parameters, environment)
    cameras = Cameras(node)
    try:
        rate_hz, results = overload(cameras, seconds)
    finally:
        processes.stop([node])
        cameras.destroy_node()
    print(f"{title}: cameras at {rate_hz:.1f} Hz, 4 times what the node does")
    print(COLUMNS % HEADINGS, "  own")
    alone, work_ms = show("one camera", results[1]["left"], rate_hz, "left", cameras.stamps["left"])
    both = [show("two: " + name, results[2][name], rate_hz, name, cameras.stamps[name], work_ms)[0] for name in NAMES]
    shares = " and ".join(f"{100 * count / alone:.0f} %" for count in both)
    print(f"each of two has {shares} of the results of one alone, together {100 * sum(both) / alone:.0f} %")


def main():
    """Measure the networks of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", default="elpn_v1_coco")
    parser.add_argument("--detector", default="full_frame")
    parser.add_argument("--networks", nargs="+", default=["sleeping", "real"], choices=["sleeping", "real"])
    args = parser.parse_args()
    processes.isolate()
    os.environ.update(image_publisher_environment())  # without it most images of this size are lost
    rclpy.init()
    parameters = {"model": args.model, "detector": args.detector}
    parameters["image_topics"] = [f"/{name}/image_raw" for name in NAMES]
    print(f"ms; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    replay = {"REPLAY_MS": str(NETWORK_MS), "REPLAY_OUT": os.devnull}
    if "sleeping" in args.networks:
        title = f"a network that sleeps {NETWORK_MS:g} ms"
        run(title, "benchmarks.speed.replaying_node", parameters, replay, args.seconds)
    if "real" in args.networks:
        run("the real network", processes.NODES + "pose_node", parameters, {}, args.seconds)
    rclpy.shutdown()


if __name__ == "__main__":
    main()
