"""The pose node, whose networks answer what they answered to the first image: all else is left. See node_overhead.py.

Environment: REPLAY_OUT, where the times go when the node ends, as JSON: network_ms and detector_ms, of true runs before
the recording; and of each image take_ms (out of the middleware), callback_ms (all else) and cpu_ms of both. REPLAY_MS:
what the pose network pretends to need.
"""

import json
import os
import sys
import time

from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from pose_estimation_ros.nodes import pose_node
from pose_estimation_ros.nodes.camera.inputs import CameraInputs

TRUE_RUNS = 7
MAX_PEOPLE = 5


class Replay:
    """What stands in for a network or a detector: runs it for the first input of each shape, then gives that again."""

    def __init__(self, real, pretended_s=0.0):
        self._real, self._given, self.true_ms, self._pretended_s = real, {}, [], pretended_s

    def __call__(self, batch):
        if batch.shape not in self._given:
            for _ in range(TRUE_RUNS):
                begin_s = time.perf_counter()
                self._given[batch.shape] = self._real(batch)
                self.true_ms.append(1e3 * (time.perf_counter() - begin_s))
        time.sleep(self._pretended_s)
        return self._given[batch.shape]

    def __getattr__(self, name):
        return getattr(self._real, name)


def main():
    replays, times = [], {"take_ms": [], "callback_ms": [], "cpu_ms": []}
    build_pipeline = pose_node.build_pipeline

    def build(options):
        pipeline = build_pipeline(options._replace(max_people=MAX_PEOPLE))
        pretended_s = 1e-3 * float(os.environ.get("REPLAY_MS", 0))
        replays.extend([Replay(pipeline._estimator._backend, pretended_s), Replay(pipeline._detector)])
        pipeline._estimator._backend, pipeline._detector = replays
        return pipeline

    pose_node.build_pipeline = build
    watch(times)
    code = pose_node.main()
    network, detector = replays
    result = dict(times, network_ms=network.true_ms, detector_ms=detector.true_ms)
    with open(os.environ["REPLAY_OUT"], "w") as file:
        json.dump(result, file)
    return code


def watch(times):
    """Times taking an image out of the middleware, which makes the message, and the callback that works on it."""
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
