"""Choose the file and the number of threads of each network by a short measurement on this CPU.

The result is kept in a file of the user's cache folder, by CPU, library and model, so that only the first start takes
the time. Programs that serve people do so. Those that measure run what is named.
"""

import os
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json, write_json
from pose_estimation_ros.core.errors import DataError, PoseError
from pose_estimation_ros.core.machine import cpu_name, dot_products
from pose_estimation_ros.core.model_spec import WHOLE_FRAME, ModelSpec
from pose_estimation_ros.core.timing import take_turns
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend, load_onnxruntime
from pose_estimation_ros.inference.backends.onnxruntime_gpu import is_offered
from pose_estimation_ros.inference.build import DetectorFile, build_pipeline
from pose_estimation_ros.inference.detector import FULL_FRAME, Detector
from pose_estimation_ros.inference.eight_bits import FOR_CPUS, candidate_files
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.trt.cache import cache_folder

ON_CPU = (DEVICES[0], "cpu")
ROUNDS, LONGEST_S = 7, 1.0  # rounds that count; after this time none begins, so that a slow machine starts soon
NEARLY = 1.05  # times the shortest time: as fast, so that the more accurate file and fewer threads are taken
USUAL_PEOPLE = 4  # images in a batch of a top-down network


class Network(NamedTuple):
    """Hold what was chosen for a network.

    Attributes:
        name: name of the file to open.
        threads: number of threads, 0 = as many as cores.
        reason: what was measured, for people; "" where there was nothing to choose.
        file: the file where it has been read already, so that nothing is read and hashed twice.
    """

    name: str
    threads: int
    reason: str = ""
    file: Optional[ModelFile] = None


class Chosen(NamedTuple):
    """Hold what was chosen for a pipeline.

    Attributes:
        options: the options, with the names of the files and the threads of the pose network.
        model: the pose network.
        detector: the detector.
    """

    options: PipelineOptions
    model: Network
    detector: Network

    @property
    def reason(self) -> str:
        """Return what was measured, for people; "" where there was nothing to choose."""
        return "; ".join(filter(None, [self.model.reason, self.detector.reason]))

    def build(self, own_detector: Optional[Detector] = None) -> Pipeline:
        """Build the pipeline, see build_pipeline; own_detector stands in for the detector of the options."""
        return build_pipeline(
            self.options, own_detector, self.model.file, DetectorFile(self.detector.file, self.detector.threads)
        )


def choose(options: PipelineOptions) -> Chosen:
    """Choose files and threads of a pipeline's networks.

    Args:
        options: those of the user. Only threads=0 leaves the number open, and only device="auto" the file.
    """
    model = choose_network(options.model, options.device, options.threads)
    detector = Network(options.detector, options.threads)
    finds_people = bool(model.file and model.file.spec and model.file.spec.task in WHOLE_FRAME)
    if options.detector != FULL_FRAME and not finds_people:
        threads = options.threads or int(options.background_detector)  # one core is enough, where no image waits
        detector = choose_network(options.detector, options.device, threads)
    used = options._replace(model=model.name, threads=model.threads, detector=detector.name)
    return Chosen(used, model, detector)


def choose_network(name: str, device: str = DEVICES[0], threads: int = 0) -> Network:
    """Choose file and threads of a network.

    Args:
        name: name or path of a model.
        device: one of DEVICES.
        threads: number of threads, 0 where it is open.
    """
    if device not in ON_CPU or (device == DEVICES[0] and is_offered("cuda")) or name.endswith(".engine"):
        return Network(name, threads)
    numbers = [threads] if threads else thread_numbers(len(os.sched_getaffinity(0)))
    try:
        files = candidate_files(name, device)
    except (PoseError, OSError):  # opening the model reports what is wrong with it
        return Network(name, threads)
    specs = [file.spec for file in files if file.spec]
    if len(files) * len(numbers) < 2 or len(specs) < len(files):
        return Network(name, numbers[0] if len(numbers) == 1 else threads, file=files[0])
    try:
        return _quickest(name, files, specs, numbers)
    except PoseError:  # as above
        return Network(name, threads, file=files[0])


def thread_numbers(cores: int) -> List[int]:
    """Return the numbers of threads that are worth a trial on so many cores."""
    return sorted({1, min(2, cores), cores})


def _quickest(name: str, files: Sequence[ModelFile], specs: Sequence[ModelSpec], numbers: Sequence[int]) -> Network:
    """Return the quickest out of all files of a name, each with its spec, on all numbers of threads."""
    names = [name, name + FOR_CPUS]
    variants = [(index, threads) for index in range(len(files)) for threads in numbers]
    width, height = specs[0].input_size_wh
    shape = (USUAL_PEOPLE if specs[0].task == "top_down" else 1, 3, height, width)
    key = _key([str(spec.sha256) for spec in specs], numbers, shape)
    times_ms = known_times(key)
    if len(times_ms) != len(variants):
        calls = [make_call(files[index].path, threads, shape) for index, threads in variants]
        times_ms = measured(calls)
        keep_times(key, times_ms)
    best = min(variant for variant, ms in zip(variants, times_ms) if ms <= NEARLY * min(times_ms))
    index, threads = best
    shown = ", ".join("%s %.1f ms" % (_text(names[i], n), ms) for (i, n), ms in zip(variants, times_ms))
    reason = "%s, the quickest for %d images: %s" % (_text(names[index], threads), shape[0], shown)
    return Network(names[index], threads, reason, files[index])


def _text(name: str, threads: int) -> str:
    return "%s on %d thread%s" % (name, threads, "" if threads == 1 else "s")


def measured(calls: Sequence[Callable[[], object]]) -> List[float]:
    """Return the median time of each call in ms; they take turns, after a first round that does not count."""
    start_s = time.perf_counter()
    rounds: List[np.ndarray] = []
    take_turns(calls, 0, 1, time.perf_counter)
    while not rounds or (len(rounds) < ROUNDS and time.perf_counter() - start_s < LONGEST_S):
        rounds.append(take_turns(calls, 1, 0, time.perf_counter)[0])
    return [float(ms) for ms in np.median(rounds, 0)]


def make_call(path: str, threads: int, shape: Tuple[int, ...]) -> Callable[[], object]:
    """Open a network, and return a function that runs it on noise.

    Args:
        path: path of an .onnx file.
        threads: number of threads.
        shape: (N, 3, h, w).
    """
    backend = OnnxRuntimeBackend(path, threads)
    images = np.random.RandomState(0).uniform(0, 255, shape).astype(np.float32)
    return lambda: backend.run(images)


def times_file() -> str:
    """Return the path of the file that keeps the times; it may not exist."""
    return os.path.join(os.path.dirname(cache_folder()), "network_times.json")


def known_times(key: str) -> List[float]:
    """Return the times that were kept for a key in ms, none where there are no usable ones."""
    times = _kept().get(key, [])
    usable = isinstance(times, list) and all(isinstance(ms, float) and ms > 0 for ms in times)
    return times if usable else []


def keep_times(key: str, times_ms: Sequence[float]) -> None:
    """Keep times for the next start. Where the file cannot be written, the next start measures again."""
    try:
        write_json(times_file(), dict(_kept(), **{key: list(times_ms)}), indent=1)
    except (DataError, OSError):
        pass


def _kept() -> Dict[str, List[float]]:
    try:
        content = read_json(times_file())
    except DataError:
        return {}
    return content if isinstance(content, dict) else {}


def _key(sha256s: Sequence[str], numbers: Sequence[int], shape: Sequence[int]) -> str:
    """Return what times depend on, as one text."""
    library = "onnxruntime %s" % load_onnxruntime("").__version__
    parts = [cpu_name(), dot_products() or "no dot products", library, "x".join(map(str, shape))]
    return "; ".join(parts + ["threads %s" % ",".join(map(str, numbers))] + [sha256[:16] for sha256 in sha256s])
