"""Run the pose node with networks that repeat their answer to the first image. See node_overhead.py.

Environment variables: REPLAY_OUT is the JSON file of times that is written when the node ends. It has network_ms and
detector_ms of real runs before the recording, and for each image take_ms (taking it out of the middleware), callback_ms
(all else) and cpu_ms of both. REPLAY_MS is the time that the pose network pretends to need.
"""

import json
import os
import sys
import time

from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.inference.fastest import Chosen
from pose_estimation_ros.nodes import pose_node
from pose_estimation_ros.nodes.camera.inputs import CameraInputs

TRUE_RUNS = 7
MAX_PEOPLE = 5


class Replay:
    """Stand in for a network or a detector: run it for the first input of each shape, then repeat the result."""

    def __init__(self, real, pretended_s=0.0):
        """Stand in for the real one; each call sleeps for pretended_s."""
        self._real, self._results, self.true_ms, self._pretended_s = real, {}, [], pretended_s

    def __call__(self, batch):
        """Return the real result for the first input of this shape."""
        if batch.shape not in self._results:
            for _ in range(TRUE_RUNS):
                begin_s = time.perf_counter()
                self._results[batch.shape] = self._real(batch)
                self.true_ms.append(1e3 * (time.perf_counter() - begin_s))
        time.sleep(self._pretended_s)
        return self._results[batch.shape]

    def __getattr__(self, name):
        return getattr(self._real, name)


def main():
    """Run the node and write the times; return the exit code."""
    replays, times = [], {"take_ms": [], "callback_ms": [], "cpu_ms": []}
    build = Chosen.build

    def build_replaying(chosen):
        detector = Replay(open_detector(chosen.options.detector, chosen.detector.threads))
        pipeline = build(chosen._replace(options=chosen.options._replace(max_people=MAX_PEOPLE)), detector)
        pretended_s = 1e-3 * float(os.environ.get("REPLAY_MS", 0))
        pipeline._estimator.backend = Replay(pipeline._estimator.backend, pretended_s)
        replays.extend([pipeline._estimator.backend, detector])
        return pipeline

    Chosen.build = build_replaying
    watch(times)
    code = pose_node.main()
    network, detector = replays
    result = dict(times, network_ms=network.true_ms, detector_ms=detector.true_ms)
    with open(os.environ["REPLAY_OUT"], "w") as file:
        json.dump(result, file)
    return code


def watch(times):
    """Time taking an image out of the middleware, which makes the message, and its callback."""
    take, on_image = SingleThreadedExecutor._take_subscription, CameraInputs.on_image

    def timed_take(self, subscription):
        begin_s, begin_cpu_s = time.perf_counter(), time.thread_time()
        taken = take(self, subscription)
        if taken is not None and subscription.msg_type is Image:
            times["take_ms"].append(1e3 * (time.perf_counter() - begin_s))
            times["cpu_ms"].append(1e3 * (time.thread_time() - begin_cpu_s))
        return taken

    def timed_callback(self, *arguments):
        begin_s, begin_cpu_s = time.perf_counter(), time.thread_time()
        on_image(self, *arguments)
        times["callback_ms"].append(1e3 * (time.perf_counter() - begin_s))
        times["cpu_ms"][-1] += 1e3 * (time.thread_time() - begin_cpu_s)

    SingleThreadedExecutor._take_subscription, CameraInputs.on_image = timed_take, timed_callback


if __name__ == "__main__":
    sys.exit(main())
