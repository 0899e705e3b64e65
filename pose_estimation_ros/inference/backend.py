"""What every engine offers, and opening the right one for a model file."""

import os
from typing import Callable, Dict, List, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import (
    ENGINE,
    POSE_TASKS,
    ModelSpec,
    load_model_spec,
    read_model,
    require_file,
    shown,
)
from pose_estimation_ros.core.onnx_file import check_onnx
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.non_finite import NonFinite, mark_non_finite, total

CPU_ENGINES = ("onnxruntime", "openvino")  # what runs .onnx files, the default first


class Backend:
    """A network ready to run: a callable ``batch (N, 3, h, w) float32 -> {output name: (N, ...) float32}``.

    Subclasses implement ``run``. A call marks what is not finite in its outputs: a heatmap channel, keypoint or box
    with a NaN or an infinite number is NaN throughout, and has to be taken as not found. non_finite: count of these
    since the network was opened. blind: whether an output of the last batch had no finite value at all.

    name: such as "onnxruntime". precision: of its arithmetic, "fp32", "fp16" or "int8", "" where nobody has told
    (open_model does). input_shape and output_shapes: tuples, None where a dimension is free. fault: why it
    serves in another's place, "" while all is well. copies_ms: {"copy in", "copy out"} of all calls since
    time_copies(), which are part of the calls' time; empty before, and where there is no device to copy to.
    Belongs to the thread that opened it. Use it as a context manager or call ``close()``.
    """

    name = ""
    precision = ""
    input_shape = ()  # type: Tuple
    output_shapes = {}  # type: Dict[str, Tuple]
    fault = ""
    copies_ms = {}  # type: Dict[str, float]
    non_finite = NonFinite()
    blind = False

    def __call__(self, batch):
        # type: (np.ndarray) -> Dict[str, np.ndarray]
        outputs, found = mark_non_finite(self.run(batch))
        self.blind = bool(found.batches_without_finite)
        if found.values:
            self.non_finite = total([self.non_finite, found])
        return outputs

    def run(self, batch):
        # type: (np.ndarray) -> Dict[str, np.ndarray]
        """Compute the outputs of a batch (N, 3, h, w) float32, as the network gives them."""
        raise NotImplementedError

    def time_copies(self):
        # type: () -> None
        """From now on copies_ms tells; for benchmarks, because it may cost a little time."""

    def close(self):
        # type: () -> None
        """Frees the engine; closing twice is no error."""
        raise NotImplementedError

    def __enter__(self):
        # type: () -> Backend
        return self

    def __exit__(self, *_exception):
        # type: (object) -> None
        self.close()


def run_in_parts(run, batch, size):
    # type: (Callable, np.ndarray, Optional[int]) -> Dict[str, np.ndarray]
    """run on parts of ``size`` images, the last one filled up with zeros; on all at once where size is None."""
    size = size or max(len(batch), 1)
    missing = -len(batch) % size or size * (not len(batch))
    if missing:
        batch = np.concatenate([batch, np.zeros((missing,) + batch.shape[1:], batch.dtype)])
    batch = np.ascontiguousarray(batch)
    parts = [run(batch[start : start + size]) for start in range(0, len(batch), size)]
    count = len(batch) - missing
    return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}


def open_backend(model_path, threads=0, cpu_engine=CPU_ENGINES[0]):
    # type: (str, int, str) -> Backend
    """Opens an ``.onnx`` file on ONNX Runtime or OpenVINO, an ``.engine`` on TensorRT.

    threads: of the CPU, 0 = as many as cores. cpu_engine: "onnxruntime" or "openvino".
    Raises ModelError: no such file, corrupt, of an unknown kind, or the engine's library is missing; ConfigError for
    another cpu_engine.
    """
    suffix = os.path.splitext(model_path)[1]
    if suffix not in (".onnx", ENGINE):
        raise ModelError("expected a model file ending in .onnx or .engine, got %s" % model_path)
    require_file(model_path)
    if suffix == ENGINE:
        from pose_estimation_ros.inference.tensorrt_backend import TensorRTBackend

        return TensorRTBackend(model_path)
    if cpu_engine not in CPU_ENGINES:
        raise ConfigError("expected cpu_engine out of %s, got %r" % (", ".join(CPU_ENGINES), cpu_engine))
    check_onnx(read_model(model_path), model_path)
    if cpu_engine == "openvino":
        from pose_estimation_ros.inference.openvino_backend import OpenVinoBackend

        return OpenVinoBackend(model_path, threads)
    from pose_estimation_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(model_path, threads)


def open_model(name_or_path, task, threads=0, fallback=False, cpu_engine=CPU_ENGINES[0]):
    # type: (str, Union[str, Tuple[str, ...]], int, bool, str) -> Tuple[Backend, ModelSpec]
    """Finds a model, reads its spec, opens it, and checks that the three fit together and serve the task.

    task: or a tuple of those that are welcome. fallback: where an engine cannot be opened or fails later, its ONNX
    model serves on the CPU, by cpu_engine, and the backend's ``fault`` says why. cpu_engine: see open_backend.
    """
    if fallback and name_or_path.endswith(ENGINE):
        from pose_estimation_ros.inference.fallback_backend import open_model_or_onnx

        return open_model_or_onnx(name_or_path, task, threads, cpu_engine)
    path = model_path(name_or_path)
    spec = load_model_spec(path)
    if spec.task not in ((task,) if isinstance(task, str) else task):
        raise ModelError("%s: expected a model for %r, got one for %r" % (path, task, spec.task))
    backend = open_backend(path, threads, cpu_engine)
    try:
        check_fit(backend, spec, path)
    except ModelError:
        backend.close()
        raise
    backend.precision = precision_of(path, spec)
    return backend, spec


def precision_of(path, spec):
    # type: (str, ModelSpec) -> str
    """As built, of an engine; as exported, of an ONNX model."""
    if path.endswith(ENGINE):
        from pose_estimation_ros.inference.engine_cache import read_sidecar

        return read_sidecar(path)["precision_built"]
    return spec.training.get("export", {}).get("precision", "fp32")


def check_fit(backend, spec, path):
    # type: (Backend, ModelSpec, str) -> None
    """Raises ModelError where the network's inputs or outputs are not those that the spec promises."""
    width, height = spec.input_size_wh
    outputs = {"boxes_xyxy": (None, None, 4), "scores": (None, None)}  # type: Dict[str, Tuple]
    if spec.task in POSE_TASKS:
        keypoints = get_skeleton(spec.skeleton).num_keypoints
        outputs = {"heatmaps": (None, keypoints, height // spec.stride, width // spec.stride)}
    if spec.task == "top_down" and "keypoints" in backend.output_shapes:  # decoded in the graph
        outputs = {"keypoints": (None, keypoints, 3)}
    if spec.task == "bottom_up":
        outputs["tags"] = outputs["heatmaps"]
        outputs["heatmaps_2x"] = outputs["heatmaps"][:2] + tuple(2 * size for size in outputs["heatmaps"][2:])
    _check_shape(path, "input", (None, 3, height, width), backend.input_shape)
    for name, shape in outputs.items():
        if name not in backend.output_shapes:
            raise ModelError("%s: expected an output %r, got %s" % (path, name, shown(sorted(backend.output_shapes))))
        _check_shape(path, "output %r" % name, shape, backend.output_shapes[name])


def _check_shape(path, what, expected, actual):
    # type: (str, str, Tuple, Tuple) -> None
    fits = len(expected) == len(actual) and all(None in pair or pair[0] == pair[1] for pair in zip(expected, actual))
    if not fits:
        raise ModelError("%s: expected %s of shape %s, got %s" % (path, what, _text(expected), _text(actual)))


def _text(shape):
    # type: (Tuple) -> str
    return "(%s)" % ", ".join("any" if size is None else str(size) for size in shape)


def model_folders():
    # type: () -> List[str]
    """Where models lie: ``models/`` of the source tree, then ``share/pose_estimation_ros/models`` of the installation.

    Installed, this package is below the prefix whose share folder has the models, however deep (colcon, pip, Debian).
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders, above = [os.path.join(os.path.dirname(package), "models")], os.path.dirname(package)
    while above != os.path.dirname(above):
        folders.append(os.path.join(above, "share", "pose_estimation_ros", "models"))
        above = os.path.dirname(above)
    return folders


def model_path(name_or_path):
    # type: (str) -> str
    """Path of a model: itself if it is a file, else a name with or without ".onnx" looked up in model_folders().

    "x.engine" is looked up there, then among the engines built of the model x on this machine.
    Raises ModelError naming the folders searched and the models found there.
    """
    if os.path.isfile(name_or_path) or os.path.dirname(name_or_path):
        return name_or_path
    name = name_or_path if os.path.splitext(name_or_path)[1] in (".onnx", ENGINE) else name_or_path + ".onnx"
    folders = [folder for folder in model_folders() if os.path.isdir(folder)]
    for folder in folders:
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
    if name.endswith(ENGINE):
        from pose_estimation_ros.inference.engine_cache import find_engine

        return find_engine(name)
    known = sorted(file for folder in folders for file in os.listdir(folder) if file.endswith(".onnx"))
    raise ModelError("expected a model file or one out of %s (in %s), got %r" % (known, folders, name_or_path))
