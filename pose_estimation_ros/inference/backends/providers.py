"""Choose ONNX Runtime's execution providers for a GPU of NVIDIA, and find out why one does not load.

ONNX Runtime prints these reasons to stderr, and goes on without the provider. Source: ONNX Runtime, "CUDA Execution
Provider" and "TensorRT Execution Provider", https://onnxruntime.ai/docs/execution-providers.
"""

import contextlib
import ctypes
import hashlib
import io
import os
from typing import Any, Dict, Iterator, List, Sequence

from pose_estimation_ros.core.errors import CudaError, reason_of
from pose_estimation_ros.core.model_spec import read_model
from pose_estimation_ros.inference.backends.onnxruntime import ON_CPU, Provider
from pose_estimation_ros.inference.trt.cache import cache_folder, make_folder, writing
from pose_estimation_ros.inference.trt.cuda import Cuda

NAMES = {"cuda": "CUDAExecutionProvider", "tensorrt-ep": "TensorrtExecutionProvider"}  # {device: provider}
LIBRARIES = {"cuda": "libonnxruntime_providers_cuda.so", "tensorrt-ep": "libonnxruntime_providers_tensorrt.so"}
NEEDS = (
    "device %s needs an ONNX Runtime with %s (pip install onnxruntime-gpu in place of onnxruntime; on a Jetson the "
    "wheel of NVIDIA), got onnxruntime %s with %s"
)
WARNINGS, ONLY_FATAL = 2, 4  # severities; the first is ONNX Runtime's default
TF32_SINCE = (1, 18)  # version of ONNX Runtime that has the option use_tf32


def refuse_missing(ort: Any, device: str) -> None:
    """Raise CudaError where ONNX Runtime was not built for a device.

    Args:
        ort: the module onnxruntime.
        device: "cuda" or "tensorrt-ep".
    """
    offered = ort.get_available_providers()
    if NAMES[device] not in offered:
        raise CudaError(NEEDS % (device, NAMES[device], ort.__version__, ", ".join(offered)))


def refuse_unloaded(ort: Any, device: str, loaded: Sequence[str] = ()) -> None:
    """Raise CudaError, which names the reason where it can be found, if a session lacks the provider of a device.

    Args:
        ort: the module onnxruntime.
        device: "cuda" or "tensorrt-ep".
        loaded: what the session's get_providers() returns.
    """
    if NAMES[device] not in loaded:
        reason = missing_library(ort, device) or _missing_gpu() or "no reason that can be seen from Python"
        built_for = getattr(ort, "cuda_version", "")
        version = ort.__version__ + (" (built for CUDA %s)" % built_for if built_for else "")
        text = "device %s: expected ONNX Runtime %s to load %s, got: %s"
        raise CudaError(text % (device, version, NAMES[device], reason))


def missing_library(ort: Any, device: str) -> str:
    """Return why the library of a provider cannot be loaded, "" where it can.

    ONNX Runtime must be the first to load it, because the library asks for its host at once; so it is left alone until
    ONNX Runtime has named itself as the host.

    Args:
        ort: the module onnxruntime.
        device: "cuda" or "tensorrt-ep".
    """
    folder = os.path.join(os.path.dirname(ort.__file__), "capi")
    try:
        shared = ctypes.CDLL(os.path.join(folder, "libonnxruntime_providers_shared.so"))
        shared.Provider_GetHost.restype = ctypes.c_void_p
        if shared.Provider_GetHost():
            ctypes.CDLL(os.path.join(folder, LIBRARIES[device]))
    except OSError as error:
        return reason_of(error)
    return ""


def _missing_gpu() -> str:
    """Return why CUDA finds no GPU, "" where it does."""
    try:
        Cuda()
    except CudaError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def without_messages(ort: Any) -> Iterator[None]:
    """Keep ONNX Runtime from printing faults of providers to stderr, which come as errors, too.

    Args:
        ort: the module onnxruntime.
    """
    ort.set_default_logger_severity(ONLY_FATAL)
    try:
        yield
    finally:
        ort.set_default_logger_severity(WARNINGS)


def provider_list(ort: Any, device: str, model_path: str) -> List[Provider]:
    """Return ONNX Runtime's providers for a device, and behind them those for the operators that it lacks.

    Args:
        ort: the module onnxruntime.
        device: "cuda" or "tensorrt-ep".
        model_path: path of the ``.onnx`` file.

    Raises:
        ModelError: the folder of engines cannot be written, or other users can write it.
    """
    providers = [(NAMES["cuda"], _cuda_options(ort))] + list(ON_CPU)
    if device == "tensorrt-ep":
        options = {"trt_engine_cache_enable": "True", "trt_engine_cache_path": engine_folder(ort, model_path)}
        providers.insert(0, (NAMES[device], options))
    return providers


def _cuda_options(ort: Any) -> Dict[str, str]:
    """Return options for float32 as on the CPU, and for batch sizes that change from frame to frame.

    The default search times all of cuDNN's algorithms whenever a size is new, which takes seconds.
    """
    options = {"cudnn_conv_algo_search": "HEURISTIC"}
    if tuple(map(int, ort.__version__.split(".")[:2])) >= TF32_SINCE:
        options["use_tf32"] = "0"
    return options


def engine_folder(ort: Any, model_path: str) -> str:
    """Make and return the folder in which ONNX Runtime keeps TensorRT engines of a model.

    Each content of a model has its own: ONNX Runtime tells engines apart by the names in a graph, not by its weights.

    Args:
        ort: the module onnxruntime.
        model_path: path of the ``.onnx`` file.

    Raises:
        ModelError: the folder cannot be written, or other users can write it.
    """
    name = "%s-%s" % (hashlib.sha256(read_model(model_path)).hexdigest()[:16], ort.__version__)
    folder = os.path.join(cache_folder(), "onnxruntime", name)
    with writing(folder):
        make_folder(cache_folder())
        os.makedirs(folder, exist_ok=True)
    return folder


def preload_libraries(ort: Any) -> None:
    """Load CUDA and cuDNN from the packages of pip, which the dynamic loader does not search.

    ONNX Runtime can from 1.21 on. It prints what it cannot load, which is no fault where a system has it elsewhere.

    Args:
        ort: the module onnxruntime.
    """
    preload = getattr(ort, "preload_dlls", None)
    if preload:
        with contextlib.redirect_stdout(io.StringIO()):
            preload()
