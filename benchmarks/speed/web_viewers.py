"""Measure what viewers of the page of web_view cost the pose node: 0, 1 and 10 viewers, in turns, in one run.

A camera plays an image with 5 people at 15 Hz. The pose node's networks repeat their first answer (replaying_node.py),
so that the rest of the node is not hidden by them. web_view and the viewers run in processes of their own. Each viewer
asks for updates as the page does; one of the ten reads as slowly as over a bad mobile connection. The turns are
repeated, because the load of the machine changes. The table has their medians, and beside each figure of the pose node
its ratio to that without viewers.
Run: PYTHONPATH=. python benchmarks/speed/web_viewers.py [--seconds 8] [--turns 3] [--rate 15]
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import aiohttp
import cv2
import numpy as np
import rclpy
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node

from benchmarks.speed.node_overhead import cpu_s, spin
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.nodes.demo import processes

VIEWERS = (0, 1, 10)
SIZE_WH = (640, 480)
WARM_UP_S = 7.0  # web_view lets go of the pictures 5 s after the last viewer
VIEWERS_S = 2.0  # until the viewers are connected
SLOW_S = 1.0  # pause of the slow viewer after each update
COLUMNS = "%-8s %16s %16s %16s %20s %14s %14s"


class Subscriber(Node):
    """Record the ages of the results."""

    def __init__(self):
        """Subscribe."""
        super().__init__("bench")
        self.age_ms = []
        self.create_subscription(PersonArray, "pose/keypoints", self._on_people, 50)

    def _on_people(self, message):
        self.age_ms.append(message.timing.total_ms)


async def view(url, pause_s, counts, index):
    """Be one viewer: ask for the next update when the last one is read."""
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url + "live") as socket:
            await socket.receive()
            while True:
                await socket.send_str('{"watch": ["/"]}')
                message = await socket.receive_json()
                for _ in message["pictures"]:
                    await socket.receive()
                    counts[index] += 1
                await asyncio.sleep(pause_s)


async def view_all(url, number):
    """Be so many viewers until standard input is closed; the last of several is slow. Print pictures per second."""
    counts = [0] * number
    pauses_s = [0.0] * (number - 1) + [SLOW_S if number > 1 else 0.0]
    tasks = [asyncio.ensure_future(view(url, pause_s, counts, index)) for index, pause_s in enumerate(pauses_s)]
    await asyncio.sleep(VIEWERS_S)
    begin_s, begin = time.monotonic(), list(counts)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    span_s = time.monotonic() - begin_s
    print(json.dumps([(after - before) / span_s for before, after in zip(begin, counts, strict=True)]))
    for task in tasks:
        task.cancel()


def turn(number, url, subscriber, children, seconds):
    """Measure with so many viewers.

    Args:
        number: Number of viewers.
        url: Address of the page.
        subscriber: Subscriber to the pose node's results.
        children: Processes of the pose node, of web_view and of the camera.
        seconds: How long to measure.

    Returns:
        Rate in Hz, age p50 and p99 in ms, CPU of the pose node per image in ms, CPU of web_view in percent of a core,
        and pictures per second of a fast viewer.
    """
    viewers = None
    if number:
        command = [sys.executable, "-m", "benchmarks.speed.web_viewers", "--view", url, str(number)]
        viewers = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    start_s = time.monotonic()
    spin(subscriber, lambda: time.monotonic() > start_s + WARM_UP_S, children)
    subscriber.age_ms.clear()
    begin_s, before = time.monotonic(), [cpu_s(child.pid) for child in children[:2]]
    spin(subscriber, lambda: time.monotonic() > begin_s + seconds, children)
    span_s = time.monotonic() - begin_s
    node_s, web_s = (cpu_s(child.pid) - cpu for child, cpu in zip(children[:2], before, strict=True))
    pictures_hz = json.loads(viewers.communicate()[0])[0] if viewers else 0.0
    images = len(subscriber.age_ms)
    ages = np.percentile(subscriber.age_ms, [50, 99])
    return [images / span_s, *ages, 1e3 * node_s / images, 100 * web_s / span_s, pictures_hz]


def measure(args, folder):
    """Run all processes and return the median figures by number of viewers."""
    picture, log = os.path.join(folder, "still.bmp"), os.path.join(folder, "web.log")
    cv2.imwrite(picture, cv2.resize(cv2.VideoCapture(demo_clip()).read()[1], SIZE_WH))
    node = processes.start("benchmarks.speed.replaying_node", {}, {"REPLAY_OUT": os.path.join(folder, "times.json")})
    with open(log, "w") as file:
        web = processes.start(processes.NODES + "web_view", {"port": 0}, output=file)
    camera = processes.start_video_node({"source": picture, "rate_hz": args.rate, "wait_for_subscribers": 1})
    subscriber = Subscriber()
    try:
        children = [node, web, camera]
        spin(subscriber, lambda: len(subscriber.age_ms) >= 20 and "http://" in open(log).read(), children)
        url = re.search(r"http://\S+", open(log).read()).group()
        turns = [
            [turn(number, url, subscriber, children, args.seconds) for number in VIEWERS] for _ in range(args.turns)
        ]
    finally:
        processes.stop([camera, web, node])
        subscriber.destroy_node()
    return np.median(turns, axis=0)


def show(figures):
    """Print the table of the median figures."""
    print(
        COLUMNS % ("viewers", "rate Hz", "age p50 ms", "age p99 ms", "node ms per image", "web_view CPU", "pictures/s")
    )
    for number, row in zip(VIEWERS, figures, strict=True):
        cells = [f"{value:.1f} ({value / first:.2f})" for value, first in zip(row[:4], figures[0][:4], strict=True)]
        print(COLUMNS % (number, *cells, f"{row[4]:.0f} %", f"{row[5]:.1f}"), flush=True)


def main():
    """Measure and print the table; with --view, be viewers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate", type=float, default=15.0)
    parser.add_argument("--view", nargs=2, metavar=("URL", "NUMBER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.view:
        asyncio.run(view_all(args.view[0], int(args.view[1])))
        return
    processes.isolate()
    rclpy.init()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; in brackets: ratio to no viewer")
    with tempfile.TemporaryDirectory() as folder:
        show(measure(args, folder))
    rclpy.shutdown()


if __name__ == "__main__":
    main()
