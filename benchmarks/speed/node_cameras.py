"""Measure the node with 1, 2, 4 and 8 cameras at 30 Hz: its share for each, the age of its results, and its memory.

The node is a real process with as many image topics, and gets the demo's first frame from all cameras in turn. Columns:
"each" is the lowest and the highest rate of results of a camera in Hz, and "all" the sum over the cameras. "age" is the
time from the image's stamp to publishing the result in ms. "memory" is the node's resident memory in MiB, and "cores"
the CPU time of all its threads per second.
Run: PYTHONPATH=. python benchmarks/speed/node_cameras.py [--seconds 20] [--cameras 1 2 4 8] [-p NAME:=VALUE ...]
"""

import argparse
import os
import time

import numpy as np
import rclpy
import yaml

from benchmarks.speed.node_overhead import cpu_s
from benchmarks.speed.node_overload import Cameras
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.launching.node_keywords import image_publisher_environment

RATE_HZ = 30.0
COLUMNS = "%-8s %8s %16s %8s %8s %8s %8s %8s"


def measure(count, parameters, seconds):
    """Play images of some cameras to a node.

    Args:
        count: number of cameras.
        parameters: parameters of the node but the topics.
        seconds: how long to measure.

    Returns:
        Results by camera, the node's memory in MiB and its cores.
    """
    names = [f"camera_{number}" for number in range(count)]
    topics = [f"/{name}/image_raw" for name in names]
    node = processes.start_pose_node({**parameters, "image_topics": topics})
    cameras = Cameras(node, names)
    try:
        cameras.play(names, RATE_HZ, until=lambda: all(cameras.answers.values()))
        cameras.play(names, RATE_HZ, 3)
        cameras.take()
        begin_s, began_s = cpu_s(node.pid), time.monotonic()
        cameras.play(names, RATE_HZ, seconds)
        cores = (cpu_s(node.pid) - begin_s) / (time.monotonic() - began_s)
        return cameras.take(), resident_mib(node.pid), cores
    finally:
        processes.stop([node])
        cameras.destroy_node()


def resident_mib(pid):
    """Return the resident memory of a process in MiB."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main():
    """Measure all numbers of cameras and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("-p", action="append", default=[], metavar="NAME:=VALUE", help="parameter of the node")
    args = parser.parse_args()
    parameters = {name: yaml.safe_load(value) for name, _, value in (text.partition(":=") for text in args.p)}
    processes.isolate()
    os.environ.update(image_publisher_environment())  # without it most images of this size are lost
    rclpy.init()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {args.seconds:g} s each")
    print(COLUMNS % ("cameras", "sent", "each", "all", "age p50", "p99", "memory", "cores"))
    for count in args.cameras:
        taken, memory_mib, cores = measure(count, parameters, args.seconds)
        rates = [len(answers) / args.seconds for _, answers in taken.values()]
        sent = np.mean([len(seen) for seen, _ in taken.values()]) / args.seconds
        ages = [message.timing.total_ms for _, answers in taken.values() for message in answers]
        figures = (f"{sent:.1f}", f"{min(rates):.1f} to {max(rates):.1f}", f"{sum(rates):.1f}")
        row = (*figures, *(f"{value:.0f}" for value in (*np.percentile(ages, [50, 99]), memory_mib)), f"{cores:.2f}")
        print(COLUMNS % (count, *row), flush=True)
    rclpy.shutdown()


if __name__ == "__main__":
    main()
