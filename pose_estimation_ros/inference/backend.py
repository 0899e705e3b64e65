"""What every engine offers, and opening the right one for a model file."""

import os
from typing import Dict, List, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import ENGINE, POSE_TASKS, ModelSpec, load_model_spec
from pose_estimation_ros.core.skeleton import get_skeleton


class Backend:
    """A network ready to run: a callable ``batch (N, 3, h, w) float32 -> {output name: (N, ...) float32}``.

    name: such as "onnxruntime". input_shape and output_shapes: tuples, None where a dimension is free. fault: why it
    serves in another's place, "" while all is well.
    Belongs to the thread that opened it. Use it as a context manager or call ``close()``.
    """

    name = ""
    input_shape = ()  # type: Tuple
    output_shapes = {}  # type: Dict[str, Tuple]
    fault = ""

    def __call__(self, batch):
        # type: (np.ndarray) -> Dict[str, np.ndarray]
        raise NotImplementedError

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


def open_backend(model_path, threads=0):
    # type: (str, int) -> Backend
    """Opens an ``.onnx`` file on ONNX Runtime, an ``.engine`` on TensorRT. threads: of the CPU, 0 = as many as cores.

    Raises ModelError: no such file, corrupt, of an unknown kind, or the engine's library is missing.
    """
    suffix = os.path.splitext(model_path)[1]
    if suffix not in (".onnx", ENGINE):
        raise ModelError("expected a model file ending in .onnx or .engine, got %s" % model_path)
    if not os.path.isfile(model_path):
        raise ModelError("expected a model file %s, there is none" % model_path)
    if suffix == ENGINE:
        from pose_estimation_ros.inference.tensorrt_backend import TensorRTBackend

        return TensorRTBackend(model_path)
    from pose_estimation_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(model_path, threads)


def open_model(name_or_path, task, threads=0, fallback=False):
    # type: (str, Union[str, Tuple[str, ...]], int, bool) -> Tuple[Backend, ModelSpec]
    """Finds a model, reads its spec, opens it, and checks that the three fit together and serve the task.

    task: or a tuple of those that are welcome. fallback: where an engine cannot be opened or fails later, its ONNX
    model serves on the CPU, and the backend's ``fault`` says why.
    """
    if fallback and name_or_path.endswith(ENGINE):
        from pose_estimation_ros.inference.fallback_backend import open_model_or_onnx

        return open_model_or_onnx(name_or_path, task, threads)
    path = model_path(name_or_path)
    spec = load_model_spec(path)
    if spec.task not in ((task,) if isinstance(task, str) else task):
        raise ModelError("%s: expected a model for %r, got one for %r" % (path, task, spec.task))
    backend = open_backend(path, threads)
    try:
        check_fit(backend, spec, path)
    except ModelError:
        backend.close()
        raise
    return backend, spec


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
            raise ModelError("%s: expected an output %r, got %s" % (path, name, sorted(backend.output_shapes)))
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
        from pose_estimation_ros.inference.tensorrt_backend import find_engine

        return find_engine(name)
    known = sorted(file for folder in folders for file in os.listdir(folder) if file.endswith(".onnx"))
    raise ModelError("expected a model file or one out of %s (in %s), got %r" % (known, folders, name_or_path))
