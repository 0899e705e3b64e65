"""Open a model on the library that runs its kind of file."""

import functools
from typing import Tuple, Union

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import ENGINE, ModelSpec, spec_path
from pose_estimation_ros.inference.backends.base import CPU_ENGINES, Backend
from pose_estimation_ros.inference.backends.check_fit import check_fit
from pose_estimation_ros.inference.backends.fallback import FallbackBackend
from pose_estimation_ros.inference.backends.find import Hashes, find_model, find_onnx, onnx_file
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from pose_estimation_ros.inference.backends.openvino import OpenVinoBackend
from pose_estimation_ros.inference.trt.backend import TensorRTBackend

Tasks = Union[str, Tuple[str, ...]]


def open_backend(model: ModelFile, threads: int = 0, cpu_engine: str = CPU_ENGINES[0]) -> Backend:
    """Open an ONNX file on ONNX Runtime or OpenVINO, an engine on TensorRT.

    Args:
        model: as find_model() returns it.
        threads: number of CPU threads, 0 = as many as cores.
        cpu_engine: "onnxruntime" or "openvino".

    Raises:
        ModelError: the library is missing or refuses the file, or the engine was built for another machine or model.
        ConfigError: cpu_engine has another value, or threads is out of range.
    """
    if model.kind == "engine":
        return TensorRTBackend(model)
    if cpu_engine not in CPU_ENGINES:
        raise ConfigError("expected cpu_engine out of %s, got %r" % (", ".join(CPU_ENGINES), cpu_engine))
    backend = (OpenVinoBackend if cpu_engine == "openvino" else OnnxRuntimeBackend)(model.path, threads)
    if model.spec:
        backend.precision = model.spec.training.get("export", {}).get("precision", "fp32")
    return backend


def open_model(
    model: Union[str, ModelFile],
    task: Tasks,
    threads: int = 0,
    fallback: bool = False,
    cpu_engine: str = CPU_ENGINES[0],
) -> Tuple[Backend, ModelSpec]:
    """Find and open a model, and check that network and spec fit together and are for the task.

    Args:
        model: name, path, or a result of find_model().
        task: the required task, or a tuple of accepted tasks.
        threads: see open_backend.
        fallback: if an engine cannot be opened or fails later, run its ONNX model on the CPU, with cpu_engine. The
            backend's ``fault`` says why.
        cpu_engine: see open_backend.

    Returns:
        The open backend and the spec of the model.

    Raises:
        ModelError: see find_model and open_backend; that of the engine if no ONNX model can replace it.
    """
    if fallback and isinstance(model, str) and model.endswith(ENGINE):
        return _open_or_replace(model, task, threads, cpu_engine)
    model = find_model(model) if isinstance(model, str) else model
    return _open_fitting(model, task, threads, cpu_engine)


def _open_or_replace(name_or_path: str, task: Tasks, threads: int, cpu_engine: str) -> Tuple[Backend, ModelSpec]:
    """Open an engine, or its ONNX model if that fails."""
    hashes, onnx_path = Hashes(), find_onnx(name_or_path)
    try:
        model = find_model(name_or_path, hashes)
        onnx_path = model.onnx_path
        engine, spec = _open_fitting(model, task, threads)
        # The spec is part of the engine's sidecar, so the ONNX model does not need a spec file of its own.
        open_onnx = functools.partial(_open_onnx, onnx_path, spec, threads, cpu_engine) if onnx_path else None
        return FallbackBackend(engine, open_onnx), spec
    except ModelError as error:
        if onnx_path is None:
            raise
        backend, spec = _open_fitting(find_model(onnx_path, hashes), task, threads, cpu_engine)
        return FallbackBackend(backend, None, str(error)), spec


def _open_onnx(path: str, spec: ModelSpec, threads: int, cpu_engine: str) -> Backend:
    return open_backend(onnx_file(path)._replace(spec=spec), threads, cpu_engine)


def _open_fitting(
    model: ModelFile, task: Tasks, threads: int, cpu_engine: str = CPU_ENGINES[0]
) -> Tuple[Backend, ModelSpec]:
    if model.spec is None:
        raise ModelError("model file %s does not exist" % spec_path(model.path))
    if model.spec.task not in ((task,) if isinstance(task, str) else task):
        tasks = task if isinstance(task, str) else " or ".join(task)
        raise ModelError("%s: expected a model for %s, got one for %s" % (model.path, tasks, model.spec.task))
    backend = open_backend(model, threads, cpu_engine)
    try:
        check_fit(backend, model.spec, model.path)
    except ModelError:
        backend.close()
        raise
    return backend, model.spec
