"""Time every part of processing a frame, and networks alone at several batch sizes.

The parts, in the order of the work, are FRAME_PARTS: from the bytes of an image message to a message with people.
"""

import os
import time
import warnings
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.atomic_files import FilePath
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.fields import PATH, check_fields, list_of, one_of, optional, whole
from pose_estimation_ros.core.machine import describe_machine
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.timing import percentiles, ratio_of_medians, table, take_turns
from pose_estimation_ros.imaging.encodings import decode_image
from pose_estimation_ros.imaging.video import Source, open_source, warn_of_unreadable
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import DEFAULTS, PIPELINE_OPTIONS, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.predict import warn_of_non_finite

WARM_UP = 5  # frames
MAX_BATCH = 1024
# In the order of the work; the copies only where there is a device.
FRAME_PARTS = (
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

# People, (width, height) of the image and name of the skeleton -> message.
MakeMessage = Callable[[Poses, Tuple[int, int], str], Any]


class Benchmark(NamedTuple):
    """Describe a benchmark.

    Attributes:
        input: Path of a video or a folder of images, or a camera's index; see imaging.video.open_source.
        options: Options of the pipeline.
        frames: Largest number of frames that are timed, after WARM_UP frames that are not.
        batches: Batch sizes of the network alone, empty to leave that out.
        rounds: Number of runs at each batch size.
        against: Another model, whose network is timed in turns with the first one's.
        encoding: Encoding of the image messages, a key of ENCODERS.
    """

    input: FilePath
    options: PipelineOptions = DEFAULTS
    frames: int = 100
    batches: Sequence[int] = (1, 2, 4, 8)
    rounds: int = 20
    against: Optional[str] = None
    encoding: str = "bgr8"


RULES = {
    "input": PATH,
    "options": PIPELINE_OPTIONS,
    "frames": whole(1),
    "batches": list_of(whole(1, MAX_BATCH)),
    "rounds": whole(1),
    "against": optional(PATH),
    "encoding": one_of(sorted(ENCODERS)),
}


def run_benchmark(
    benchmark: Benchmark, make_message: MakeMessage, warn: Callable[[str], Any] = warnings.warn
) -> Dict[str, Any]:
    """Time the frames of a source, then the networks.

    Args:
        benchmark: Settings of the benchmark.
        make_message: Makes the message with people, which is timed as "build message".
        warn: Gets a text for each warning.

    Returns:
        Settings and times, as `pose benchmark --json` writes them.

    Raises:
        ConfigError: A setting or an option has the wrong type or is out of range.
        DataError: The source cannot be read or has too few frames.
        ModelError: A network cannot be opened.
    """
    benchmark = benchmark._replace(**check_fields(benchmark._asdict(), RULES))
    options = benchmark.options
    shared: Dict[str, Any] = {
        "threads": options.threads,
        "fallback": options.fallback,
        "device": options.device,
    }
    if benchmark.against:  # a fault of it is found before the frames are timed
        open_model(benchmark.against, POSE_TASKS, **shared)[0].close()
    with open_source(str(benchmark.input)) as source, build_pipeline(options) as pipeline:
        pipeline.backend.time_copies()
        result = {"model": options.model, "detector": pipeline.detector_name, "threads": options.threads}
        result.update(time_frames(source, pipeline, benchmark, make_message), device=options.device)
        result.update(backend=pipeline.backend_name, precision=pipeline.backend.precision, fault=pipeline.fault)
        result["non_finite"] = pipeline.non_finite.values
        warn_of_non_finite(pipeline, warn)
        warn_of_unreadable(source, warn)
    models = [options.model] + ([benchmark.against] if benchmark.against else [])
    result["network"] = [time_networks(models, size, benchmark.rounds, **shared) for size in benchmark.batches]
    result["machine"] = describe_machine()
    return result


def time_frames(source: Source, pipeline: Pipeline, benchmark: Benchmark, make_message: MakeMessage) -> Dict[str, Any]:
    """Time the parts of processing on the frames of a source.

    Args:
        source: Source of the frames.
        pipeline: The pipeline.
        benchmark: Settings of the benchmark.
        make_message: Function that makes the message of the people.

    Returns:
        {"source", "frames", "people" per frame, "parts": {part: percentiles}}.

    Raises:
        DataError: There are too few frames.
    """
    rows: List[Dict[str, float]] = []
    people: List[int] = []
    for frame in source:
        parts, count = time_frame(pipeline, frame.image, frame.time_s, benchmark.encoding, make_message)
        rows.append(parts)
        people.append(count)
        if len(rows) == WARM_UP + benchmark.frames:
            break
    if len(rows) <= WARM_UP:
        raise DataError("%s: expected more than %d frames, got %d" % (source.name, WARM_UP, len(rows)))
    rows, people = rows[WARM_UP:], people[WARM_UP:]
    # After a fault there may be no device, and so no copies.
    times = {part: percentiles([row.get(part, 0.0) for row in rows]) for part in FRAME_PARTS if part in rows[0]}
    name = os.path.basename(os.path.normpath(source.name))
    return {"source": name, "frames": len(rows), "people": round(float(np.mean(people)), 2), "parts": times}


def time_frame(
    pipeline: Pipeline, image: np.ndarray, stamp_s: float, encoding: str, make_message: MakeMessage
) -> Tuple[Dict[str, float], int]:
    """Time one frame from message to message.

    Args:
        pipeline: The pipeline.
        image: Frame (H, W, 3) uint8 BGR.
        stamp_s: Time of the frame in seconds.
        encoding: Encoding of its message, a key of ENCODERS.
        make_message: Makes the message with people.

    Returns:
        {part of FRAME_PARTS: ms} and the number of people.
    """
    fields = image_fields(image, encoding)
    start_s = time.perf_counter()
    frame = decode_image(**fields)
    decoded_s, copies = time.perf_counter(), dict(pipeline.backend.copies_ms)
    poses = pipeline(frame, stamp_s)
    estimated_s = time.perf_counter()
    make_message(poses, (fields["width"], fields["height"]), pipeline.skeleton.name)
    built_s = time.perf_counter()
    parts = dict(pipeline.parts_ms)
    for part, took_ms in copied_since(copies, pipeline.backend).items():
        parts[part] = took_ms
        parts["network"] -= took_ms
    parts["decode message"] = 1e3 * (decoded_s - start_s)
    parts["build message"] = 1e3 * (built_s - estimated_s)
    parts["total"] = 1e3 * (built_s - start_s)
    return parts, poses.count


def copied_since(before: Dict[str, float], backend: Backend) -> Dict[str, float]:
    """Return ms of copies to and from a device since copies_ms was ``before``, {} where there is no device.

    Args:
        before: Earlier copy of copies_ms.
        backend: The network.
    """
    return {part: sum_ms - before.get(part, 0.0) for part, sum_ms in backend.copies_ms.items()}


def image_fields(image: np.ndarray, encoding: str) -> Dict[str, Any]:
    """Return the fields of a sensor_msgs/Image, which are arguments of decode_image.

    Args:
        image: Frame (H, W, 3) uint8 BGR.
        encoding: A key of ENCODERS.
    """
    code = ENCODERS[encoding]
    pixels = image if code is None else cv2.cvtColor(image, code)
    height, width = image.shape[:2]
    step = pixels.nbytes // height
    return dict(encoding=encoding, height=height, width=width, step=step, is_bigendian=0, data=pixels.tobytes())


def time_networks(models: Sequence[str], batch: int, rounds: int, **options: Any) -> Dict[str, Any]:
    """Time networks on noise, each at the input size of its spec; several take turns.

    Args:
        models: Names or paths of models.
        batch: Number of images per call.
        rounds: Number of calls of each network.
        options: Options of open_model.

    Returns:
        {"batch", "models": [percentiles per call, "model", "backend", and for an engine "copy in" and "copy out",
        median ms per call]}; for two models also "ratio" of their medians, and its bounds "low" and "high".

    Raises:
        ModelError: A network cannot be opened.
    """
    opened = [open_model(model, POSE_TASKS, **options) for model in models]
    copies: List[List[Dict[str, float]]] = [[] for _ in models]
    try:
        calls = [make_call(backend, spec, batch, seen) for (backend, spec), seen in zip(opened, copies)]
        times = take_turns(calls, rounds)
    finally:
        for backend, _spec in opened:
            backend.close()
    names = [backend.name for backend, _spec in opened]  # after the runs, in which a device may have failed
    rows = [network_row(*row) for row in zip(models, names, times.T, copies)]
    result = {"batch": batch, "models": rows}
    return dict(result, **ratio_of_medians(*times.T)._asdict()) if len(models) == 2 else result


def make_call(backend: Backend, spec: ModelSpec, batch: int, copies: List[Dict[str, float]]) -> Callable[[], None]:
    """Make a function that runs a network on noise.

    Args:
        backend: The network.
        spec: Its spec.
        batch: Number of images.
        copies: Each call appends its ms of copies to and from the device.
    """
    shape = (batch, 3) + tuple(spec.input_size_wh[::-1])
    images = np.random.RandomState(0).uniform(0, 255, shape).astype(np.float32)
    backend.time_copies()

    def call() -> None:
        before = dict(backend.copies_ms)
        backend(images)
        copies.append(copied_since(before, backend))

    return call


def network_row(model: str, backend: str, times_ms: Sequence[float], copies: List[Dict[str, float]]) -> Dict[str, Any]:
    """Return the times of one network: percentiles, its name, and medians of its copies.

    Args:
        model: Name of the model.
        backend: Name of what ran it.
        times_ms: Time of each run.
        copies: Times of the copies of each run, by name, in ms.
    """
    counted = copies[-len(times_ms) :]  # the runs before were warm-up
    medians = {part: round(float(np.median([c.get(part, 0.0) for c in counted])), 3) for part in counted[0]}
    return dict(percentiles(times_ms), model=model, backend=backend, **medians)


def to_text(result: Dict[str, Any]) -> str:
    """Return the tables of a result."""
    head = "%(frames)d frames of %(source)s, %(people).1f people each; %(model)s on %(backend)s, detector %(detector)s"
    rows = [[part] + list(times.values()) for part, times in result["parts"].items()]
    texts = [head % result, table(["part", "p50 ms", "p90 ms", "p99 ms"], rows)]
    texts += [network_text(at) for at in result["network"]]
    texts.append("\n".join("%s: %s" % item for item in result["machine"].items()))
    return "\n\n".join(texts)


def network_text(at: Dict[str, Any]) -> str:
    """Return the table of one batch size, as time_networks gives it."""
    title = "network, batch %d" % at["batch"]
    copies = [part for part in FRAME_PARTS if any(part in m for m in at["models"])]
    rows = [
        [m["model"], m["p50_ms"], m["p90_ms"], m["p99_ms"], m["p50_ms"] / at["batch"]] + [m.get(c) for c in copies]
        for m in at["models"]
    ]
    text = table([title, "p50 ms", "p90 ms", "p99 ms", "ms per image"] + [c + " ms" for c in copies], rows)
    if "ratio" not in at:
        return text
    return text + "\nthe first one's time over the other's: %(ratio).3f (95 %% in %(low).3f..%(high).3f)" % at
