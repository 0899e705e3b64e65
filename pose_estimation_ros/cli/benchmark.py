"""Times every part of a frame's way on a video, a folder of images or a camera, as a robot would run it, and the pose
network alone at several batch sizes; with --against, two models in turns.

parts of a frame's way:
  decode message   the bytes of a sensor_msgs/Image -> frame; reading the source does not count
  detect           the person detector with all that belongs to it, on the frames where it runs
  warp             crops out of the frame
  copy in, copy out  to and from a device, where the backend has one (TensorRT); then network is without them
  network          of the poses
  decode           heatmaps -> keypoints, or people
  track            thresholds, duplicates, tracking, smoothing
  build message    people -> PersonArray, of plain classes: rclpy's own, which check each field, need ROS

p50, p90 and p99 are over frames. The first frames, in which memory and caches fill, are left out. Of the network alone
the copies, a part of its time, are medians over the runs.
"""

import json
import os
import time
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Sequence

import cv2
import numpy as np

from pose_estimation_ros.cli.arguments import whole
from pose_estimation_ros.cli.flags import add_option_flags, options_of
from pose_estimation_ros.cli.output import warn
from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.machine import describe_machine
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec
from pose_estimation_ros.core.timing import percentiles, ratio_of_medians, table, take_turns
from pose_estimation_ros.imaging.encodings import decode_image
from pose_estimation_ros.imaging.video import Source, open_source
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.pipeline import Pipeline, build_pipeline
from pose_estimation_ros.inference.predict import tell_unreadable, warn_of_non_finite
from pose_estimation_ros.messages.poses import poses_to_msg

WARM_UP = 5  # frames
BATCHES = (1, 2, 4, 8)
# In the order of the way; the copies only where there is a device.
WAY = (
    "decode message",
    "detect",
    "warp",
    "copy in",
    "network",
    "copy out",
    "decode",
    "track",
    "build message",
    "total",
)
ENCODERS = {"bgr8": None, "rgb8": cv2.COLOR_BGR2RGB, "bgra8": cv2.COLOR_BGR2BGRA, "mono8": cv2.COLOR_BGR2GRAY}
PLAIN = SimpleNamespace(Keypoint=SimpleNamespace, Person=SimpleNamespace, PersonArray=SimpleNamespace)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIP = os.path.join(ROOT, "test", "data", "pedestrians.mp4")


def add_arguments(parser: Any) -> None:
    input_help = "video, folder of images, or camera index such as 0 (default: the source tree's test clip)"
    parser.add_argument("input", metavar="INPUT", nargs="?", help=input_help)
    parser.add_argument(
        "--frames", type=whole(1), default=100, metavar="N", help="frames to time at most (%(default)s)"
    )
    batch_help = "batch sizes of the network alone (default: 1 2 4 8); 0: leave that out"
    parser.add_argument("--batches", type=whole(0, 1024), nargs="+", default=BATCHES, metavar="N", help=batch_help)
    parser.add_argument(
        "--rounds", type=whole(1), default=20, metavar="N", help="runs at each batch size (%(default)s)"
    )
    against_help = "another model, timed in turns with this one, network against network"
    parser.add_argument("--against", metavar="OTHER", help=against_help)
    encoding_help = "of the image messages (%(default)s, a view on the message; others are converted)"
    parser.add_argument("--encoding", choices=sorted(ENCODERS), default="bgr8", help=encoding_help)
    parser.add_argument(
        "--json", metavar="FILE", help="write all as JSON; - writes it to stdout in place of the tables"
    )
    add_option_flags(parser.add_argument_group("pipeline (default in brackets)"))


def main(args: Any) -> int:
    result = benchmark(args)
    if args.json == "-":
        print(json.dumps(result))
        return 0
    if args.json:
        write_json(args.json, result, indent=1)
    print(to_text(result))
    return 0


def benchmark(args: Any) -> Dict[str, Any]:
    """Return all that the command reports. Raises DataError for too few frames."""
    batches = [size for size in args.batches if size]
    options = options_of(args)
    with open_source(args.input or default_input()) as source, build_pipeline(options) as pipeline:
        pipeline.backend.time_copies()
        result = {"model": options.model, "detector": pipeline.detector_name, "threads": options.threads}
        result.update(time_frames(source, pipeline, args.frames, args.encoding), backend=pipeline.backend_name)
        result["non_finite"] = pipeline.non_finite.values
        warn_of_non_finite(pipeline, warn)
        tell_unreadable(source)
    models = [options.model] + ([args.against] if args.against else [])
    shared: Any = dict(threads=options.threads, fallback=options.fallback, cpu_engine=options.cpu_engine)
    result["network"] = [time_networks(models, size, args.rounds, **shared) for size in batches]
    result["machine"] = describe_machine()
    return result


def default_input() -> str:
    if not os.path.isfile(CLIP):
        raise ConfigError("expected an INPUT: the source tree's clip is not at %s" % CLIP)
    return CLIP


def time_frames(source: Source, pipeline: Pipeline, frames: int, encoding: str = "bgr8") -> Dict[str, Any]:
    """{"source", "frames", "people" per frame, "parts": {part: percentiles, "total"}}. Raises DataError for too few."""
    rows: List[Dict[str, float]] = []
    people: List[int] = []
    for frame in source:
        parts, count = time_frame(pipeline, frame.image, frame.time_s, encoding)
        rows.append(parts)
        people.append(count)
        if len(rows) == WARM_UP + frames:
            break
    if len(rows) <= WARM_UP:
        raise DataError("%s: expected more than %d frames, got %d" % (source.name, WARM_UP, len(rows)))
    rows, people = rows[WARM_UP:], people[WARM_UP:]
    # After a fault there may be no device any more, and so no copies.
    parts = {part: percentiles([row.get(part, 0.0) for row in rows]) for part in WAY if part in rows[0]}
    name = os.path.basename(os.path.normpath(source.name))
    return {"source": name, "frames": len(rows), "people": round(float(np.mean(people)), 2), "parts": parts}


def time_frame(pipeline: Pipeline, image: np.ndarray, stamp_s: float, encoding: str) -> tuple:
    """({part of WAY: ms}, people) of one frame from message to message."""
    fields = image_fields(image, encoding)
    start_s = time.perf_counter()
    frame = decode_image(**fields)
    decoded_s, copies = time.perf_counter(), dict(pipeline.backend.copies_ms)
    poses = pipeline(frame, stamp_s)
    found_s = time.perf_counter()
    poses_to_msg(PLAIN, poses, None, (fields["width"], fields["height"]), pipeline.skeleton.name)
    built_s = time.perf_counter()
    parts = dict(pipeline.parts_ms)
    for part, took_ms in copied_since(copies, pipeline.backend).items():
        parts[part] = took_ms
        parts["network"] -= took_ms
    parts["decode message"] = 1e3 * (decoded_s - start_s)
    parts["build message"] = 1e3 * (built_s - found_s)
    parts["total"] = 1e3 * (built_s - start_s)
    return parts, poses.count


def copied_since(before: Dict[str, float], backend: Backend) -> Dict[str, float]:
    """Milliseconds of copies to and from a device since copies_ms was ``before``; nothing where there is none."""
    return {part: sum_ms - before.get(part, 0.0) for part, sum_ms in backend.copies_ms.items()}


def image_fields(image: np.ndarray, encoding: str) -> Dict[str, Any]:
    """Frame (H, W, 3) uint8 BGR -> the fields of a sensor_msgs/Image, arguments of decode_image."""
    code = ENCODERS[encoding]
    pixels = image if code is None else cv2.cvtColor(image, code)
    height, width = image.shape[:2]
    step = pixels.nbytes // height
    return dict(encoding=encoding, height=height, width=width, step=step, is_bigendian=0, data=pixels.tobytes())


def time_networks(models: Sequence[str], batch: int, rounds: int, **options: Any) -> Dict[str, Any]:
    """{"batch", "models": [percentiles per call, "model"]}, and of two models the "ratio" of medians, "low", "high".

    Of a model on a device also {"copy in", "copy out"}: median ms per call. On noise, each at the input size of its
    spec. options: of open_model. Raises ModelError.
    """
    opened = [open_model(model, POSE_TASKS, **options) for model in models]
    copies: List[List[Dict[str, float]]] = [[] for _ in models]
    try:
        calls = [a_call(backend, spec, batch, seen) for (backend, spec), seen in zip(opened, copies)]
        times = take_turns(calls, rounds)
    finally:
        for backend, _spec in opened:
            backend.close()
    rows = [network_row(*of_one) for of_one in zip(models, times.T, copies)]
    result = {"batch": batch, "models": rows}
    return dict(result, **ratio_of_medians(*times.T)._asdict()) if len(models) == 2 else result


def a_call(backend: Backend, spec: ModelSpec, batch: int, copies: List[Dict[str, float]]) -> Callable[[], None]:
    """Runs the network on noise; each call adds to copies what went to and from its device."""
    shape = (batch, 3) + tuple(spec.input_size_wh[::-1])
    images = np.random.RandomState(0).uniform(0, 255, shape).astype(np.float32)
    backend.time_copies()

    def call() -> None:
        before = dict(backend.copies_ms)
        backend(images)
        copies.append(copied_since(before, backend))

    return call


def network_row(model: str, times_ms: Sequence[float], copies: List[Dict[str, float]]) -> Dict[str, Any]:
    counted = copies[-len(times_ms) :]  # the others were to get warm
    medians = {part: round(float(np.median([c.get(part, 0.0) for c in counted])), 3) for part in counted[0]}
    return dict(percentiles(times_ms), model=model, **medians)


def to_text(result: Dict[str, Any]) -> str:
    head = "%(frames)d frames of %(source)s, %(people).1f people each; %(model)s on %(backend)s, detector %(detector)s"
    rows = [[part] + list(times.values()) for part, times in result["parts"].items()]
    texts = [head % result, table(["part", "p50 ms", "p90 ms", "p99 ms"], rows)]
    texts += [network_text(at) for at in result["network"]]
    texts.append("\n".join("%s: %s" % item for item in result["machine"].items()))
    return "\n\n".join(texts)


def network_text(at: Dict[str, Any]) -> str:
    """Of one batch size, as time_networks gives it."""
    title = "network, batch %d" % at["batch"]
    copies = [part for part in WAY if any(part in m for m in at["models"])]
    rows = [
        [m["model"], m["p50_ms"], m["p90_ms"], m["p99_ms"], m["p50_ms"] / at["batch"]] + [m.get(c) for c in copies]
        for m in at["models"]
    ]
    text = table([title, "p50 ms", "p90 ms", "p99 ms", "ms per image"] + [c + " ms" for c in copies], rows)
    if "ratio" not in at:
        return text
    return text + "\nthe first one's time over the other's: %(ratio).3f (95 %% in %(low).3f..%(high).3f)" % at
