"""Open a model on the device and the library that it is to run on."""

import functools
from typing import Callable, Dict, Tuple, Union

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.backends.base import DEVICES, Backend
from pose_estimation_ros.inference.backends.check_fit import check_fit
from pose_estimation_ros.inference.backends.fallback import FallbackBackend
from pose_estimation_ros.inference.backends.find import Hashes, find_model, find_onnx, names_engine, onnx_file
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from pose_estimation_ros.inference.backends.onnxruntime_gpu import OnnxRuntimeGpuBackend, is_offered
from pose_estimation_ros.inference.backends.openvino import OpenVinoBackend
from pose_estimation_ros.inference.trt.backend import TensorRTBackend

Tasks = Union[str, Tuple[str, ...]]
# {device: opens an .onnx file with a number of threads on it}
OPEN_ONNX: Dict[str, Callable[[str, int], Backend]] = {
    "cpu": OnnxRuntimeBackend,
    "cuda": functools.partial(OnnxRuntimeGpuBackend, device="cuda"),
    "tensorrt-ep": functools.partial(OnnxRuntimeGpuBackend, device="tensorrt-ep"),
    "openvino": OpenVinoBackend,
}


def open_backend(model: ModelFile, threads: int = 0, device: str = DEVICES[0], fallback: bool = False) -> Backend:
    """Open a model on a device.

    "auto" runs an engine on TensorRT, and an ONNX file on ONNX Runtime: on a GPU of NVIDIA where the installed ONNX
    Runtime was built for one, else on the CPU. Where the GPU cannot be used, or fails later, the CPU takes over and the
    backend's ``fault`` says why. "cpu", "cuda", "tensorrt-ep": ONNX Runtime with that provider. "openvino": OpenVINO on
    the CPU. "engine": TensorRT.

    Args:
        model: as find_model() returns it for the same device.
        threads: number of CPU threads, 0 = as many as cores.
        device: one of DEVICES.
        fallback: if the device cannot be used or fails later, run an ONNX file on the CPU, as "auto" does.

    Raises:
        ModelError: the library is missing or refuses the file, or the engine was built for another machine or model.
        CudaError: the GPU, or a library that it needs, is missing or has a fault.
        ConfigError: device has another value or does not run this kind of file, or threads is out of range.
    """
    kind = {"auto": model.kind, "engine": "engine"}.get(check_device(device), "onnx")
    if model.kind != kind:
        raise ConfigError("expected an .%s model for device %s, got %s" % (kind, device, model.path))
    if model.kind == "engine":
        return TensorRTBackend(model)
    if device == "auto":
        device, fallback = ("cuda", True) if is_offered("cuda") else ("cpu", False)
    if device == "cpu" or not fallback:
        return _open_onnx(model, threads, device)
    open_on_cpu = functools.partial(_open_onnx, model, threads, "cpu")
    try:
        return FallbackBackend(_open_onnx(model, threads, device), open_on_cpu)
    except ModelError as error:
        return FallbackBackend(open_on_cpu(), None, str(error))


def check_device(device: str) -> str:
    """Return a device. Raises ConfigError where it is not one of DEVICES."""
    if device not in DEVICES:
        raise ConfigError("expected device to be one of %s, got %r" % (", ".join(DEVICES), device))
    return device


def _open_onnx(model: ModelFile, threads: int, device: str) -> Backend:
    backend = OPEN_ONNX[device](model.path, threads)
    if model.spec:
        backend.precision = model.spec.training.get("export", {}).get("precision", "fp32")
    return backend


def open_model(
    model: Union[str, ModelFile],
    task: Tasks,
    threads: int = 0,
    fallback: bool = False,
    device: str = DEVICES[0],
) -> Tuple[Backend, ModelSpec]:
    """Find and open a model, and check that network and spec fit together and are for the task.

    Args:
        model: name, path, or a result of find_model() for the same device.
        task: the required task, or a tuple of accepted tasks.
        threads: see open_backend.
        fallback: if the device cannot be used or fails later, run the ONNX model on the CPU, for an engine the one that
            it was built from. The backend's ``fault`` says why.
        device: see open_backend.

    Returns:
        The open backend and the spec of the model.

    Raises:
        ConfigError: see open_backend.
        ModelError: see find_model and open_backend; that of the engine if no ONNX model can replace it.
    """
    check_device(device)
    if fallback and isinstance(model, str) and names_engine(model, device):
        return _open_or_replace(model, task, threads, device)
    model = find_model(model, device=device) if isinstance(model, str) else model
    return _open_fitting(model, task, threads, device, fallback)


def _open_or_replace(name_or_path: str, task: Tasks, threads: int, device: str) -> Tuple[Backend, ModelSpec]:
    """Open an engine, or its ONNX model on the CPU if that fails."""
    hashes, onnx_path = Hashes(), find_onnx(name_or_path)
    try:
        model = find_model(name_or_path, hashes, device)
        onnx_path = model.onnx_path
        engine, spec = _open_fitting(model, task, threads)
        # The spec is part of the engine's sidecar, so the ONNX model does not need a spec file of its own.
        open_onnx = functools.partial(_open_replacement, onnx_path, spec, threads) if onnx_path else None
        return FallbackBackend(engine, open_onnx), spec
    except ModelError as error:
        if onnx_path is None:
            raise
        backend, spec = _open_fitting(find_model(onnx_path, hashes), task, threads, "cpu")
        return FallbackBackend(backend, None, str(error)), spec


def _open_replacement(path: str, spec: ModelSpec, threads: int) -> Backend:
    return _open_onnx(onnx_file(path)._replace(spec=spec), threads, "cpu")


def _open_fitting(
    model: ModelFile, task: Tasks, threads: int, device: str = DEVICES[0], fallback: bool = False
) -> Tuple[Backend, ModelSpec]:
    if model.spec is None:
        text = "%s has no .json spec beside it: `pose import`, with --detector for a detector, makes a model with one"
        raise ModelError(text % model.path)
    if model.spec.task not in ((task,) if isinstance(task, str) else task):
        tasks = task if isinstance(task, str) else " or ".join(task)
        raise ModelError("%s: expected a model for %s, got one for %s" % (model.path, tasks, model.spec.task))
    backend = open_backend(model, threads, device, fallback)
    try:
        check_fit(backend, model.spec, model.path)
    except ModelError:
        backend.close()
        raise
    return backend, model.spec
