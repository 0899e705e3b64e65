"""Times each stage of the pipeline on a video, a folder of images or a camera, as a robot would run it.

Prints the median and the 99th percentile of each stage in milliseconds, and of all of a frame; reading the source does
not count. The detector's network counts as inference. The first frames, in which memory and caches fill, are left out.
"""

import json
from typing import Any, Dict

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.inference.pipeline import Pipeline, build_pipeline
from pose_estimation_ros.inference.predict import add_pipeline_arguments, pipeline_options
from pose_estimation_ros.inference.stopwatch import Timing
from pose_estimation_ros.inference.video import Source, open_source

WARM_UP = 5  # frames
STAGES = [field[: -len("_ms")] for field in Timing._fields] + ["total"]


def add_arguments(parser):
    # type: (Any) -> None
    parser.add_argument("input", metavar="INPUT", help="video, folder of images, or camera index such as 0")
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="frames to time at most (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    add_pipeline_arguments(parser)


def main(args):
    # type: (Any) -> int
    with open_source(args.input) as source, build_pipeline(pipeline_options(args)) as pipeline:
        result = benchmark(source, pipeline, args.frames)
        if args.json:
            print(json.dumps(result))
        else:
            print("%d frames, %.1f people each, on %s" % (result["frames"], result["people"], pipeline.backend_name))
            print("%-12s %9s %9s" % ("stage", "p50 ms", "p99 ms"))
            for stage in STAGES:
                print("%-12s %9.2f %9.2f" % (stage, result[stage]["p50_ms"], result[stage]["p99_ms"]))
    return 0


def benchmark(source, pipeline, frames):
    # type: (Source, Pipeline, int) -> Dict[str, Any]
    """{"frames", "people" per frame, and per stage {"p50_ms", "p99_ms"}}. Raises DataError for too few frames."""
    times, people = [], []
    for frame in source:
        poses = pipeline(frame.image, frame.time_s)
        times.append(tuple(pipeline.timing) + (sum(pipeline.timing),))
        people.append(poses.count)
        if len(times) == WARM_UP + frames:
            break
    if len(times) <= WARM_UP:
        raise DataError("%s: expected more than %d frames, got %d" % (source.name, WARM_UP, len(times)))
    result = {}  # type: Dict[str, Any]
    result.update(frames=len(times) - WARM_UP, people=round(float(np.mean(people[WARM_UP:])), 2))
    middle, high = np.percentile(times[WARM_UP:], [50, 99], axis=0)
    for stage, p50, p99 in zip(STAGES, middle, high):
        result[stage] = {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}
    return result
