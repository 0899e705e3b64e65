"""Measure what a frame costs with 1, 5, 10, 20 and 40 people, and with 40 people within a budget of time.

A frame of 1280x1200 shows the same person of the demo's clip N times in a grid. The detector knows the boxes, so that
its network does not count. All else is real: crops, pose network, tracker, smoother and the message of plain classes.
The rows take turns. "others" is all but crops and network. "per person" is the total divided by the number of people,
and "ratio" that of the row to the row of 5 people. The last row has a budget: everybody is published in every image.
Run: PYTHONPATH=. python benchmarks/speed/bench_people.py [--frames 60] [--threads 1] [--budget-ms 20]
"""

import argparse
import os
import time
from contextlib import ExitStack

import cv2
import numpy as np

from pose_estimation_ros.cli.benchmark import make_message
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.core.timing import table
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions

COUNTS = (1, 5, 10, 20, 40)
REFERENCE = 5
CELL_WH, GRID_WH = (160, 240), (8, 5)
PERSON = (440, 100, 540, 330)  # box in the clip's first frame, xyxy px
WARM_UP = 10  # frames


def scene(count):
    """Return a frame with so many people and their boxes (N, 4) xyxy px."""
    (width, height), (columns, rows) = CELL_WH, GRID_WH
    left, top, right, bottom = PERSON
    clip = cv2.VideoCapture(demo_clip()).read()[1]
    margin_x, margin_y = (width - (right - left)) // 2, (height - (bottom - top)) // 2
    cell = clip[top - margin_y : top - margin_y + height, left - margin_x : left - margin_x + width]
    frame = np.full((height * rows, width * columns, 3), 128, np.uint8)
    boxes = []
    for place in range(count):
        x, y = place % columns * width, place // columns * height
        frame[y : y + height, x : x + width] = cell
        boxes.append([x + margin_x, y + margin_y, x + margin_x + right - left, y + margin_y + bottom - top])
    return frame, np.array(boxes, np.float32)


def measure(rows, frames):
    """Run the rows in turns.

    Args:
        rows: (pipeline, frame) of each row.
        frames: number of frames that count.

    Returns:
        (frames, rows, 3) ms of crops, network and all; and people found (frames, rows).
    """
    times, people = np.zeros((WARM_UP + frames, len(rows), 3)), np.zeros((WARM_UP + frames, len(rows)), int)
    for number in range(WARM_UP + frames):
        for place in range(len(rows))[:: -1 if number % 2 else 1]:
            pipeline, frame = rows[place]
            start_s = time.perf_counter()
            poses = pipeline(frame, number / 30)
            make_message(poses, frame.shape[1::-1], pipeline.skeleton.name)
            total_ms = 1e3 * (time.perf_counter() - start_s)
            times[number, place] = pipeline.parts_ms["warp"], pipeline.parts_ms["network"], total_ms
            people[number, place] = poses.count
    return times[WARM_UP:], people[WARM_UP:]


def main():
    """Measure all numbers of people and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default=PipelineOptions().model)
    parser.add_argument("--budget-ms", type=float, default=20.0)
    args = parser.parse_args()
    common = PipelineOptions(args.model, "known", 0.3, True, max_people=max(COUNTS), threads=args.threads)
    cases = [(count, 0.0) for count in COUNTS] + [(max(COUNTS), args.budget_ms)]
    with ExitStack() as stack:
        rows = []
        for count, budget_ms in cases:
            frame, boxes = scene(count)
            found = boxes, np.ones(count, np.float32)
            options = common._replace(budget_ms=budget_ms)
            pipeline = build_pipeline(options, lambda _frame, found=found: found)
            rows.append((stack.enter_context(pipeline), frame))
        times, people = measure(rows, args.frames)
    warp, network, total = np.median(times, 0).T
    per_person = total / [count for count, _ in cases]
    reference = per_person[COUNTS.index(REFERENCE)]
    names = [f"{count}, budget {budget_ms:g} ms" if budget_ms else str(count) for count, budget_ms in cases]
    found = [
        f"{low}..{high}" if low < high else str(low) for low, high in zip(people.min(0), people.max(0), strict=True)
    ]
    head = ("people", "found", "crops ms", "network ms", "others ms", "p50 ms", "p99 ms", "per person", "ratio")
    columns = (warp, network, total - warp - network, total, np.percentile(times[:, :, 2], 99, 0), per_person)
    cells = np.column_stack([*columns, per_person / reference]).tolist()
    print(f"{args.model}, {args.threads} threads, {args.frames} frames; load {os.getloadavg()[0]:.1f}")
    print(table(head, [[name, seen, *row] for name, seen, row in zip(names, found, cells, strict=True)], 2))


if __name__ == "__main__":
    main()
