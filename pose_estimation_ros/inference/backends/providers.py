"""Choose ONNX Runtime's execution providers for a GPU of NVIDIA, and find out why one does not load.

ONNX Runtime names these reasons on stderr only, and goes on without the provider. Source: ONNX Runtime, "CUDA Execution
Provider" and "TensorRT Execution Provider", https://onnxruntime.ai/docs/execution-providers.
"""

import contextlib
import ctypes
import hashlib
import io
import os
from typing import Any, Dict, List, Sequence

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


def refuse_unloaded(ort: Any, device: str, loaded: Sequence[str]) -> None:
    """Raise CudaError where ONNX Runtime has opened a session without the provider of a device.

    Args:
        ort: the module onnxruntime.
        device: "cuda" or "tensorrt-ep".
        loaded: what the session's get_providers() returns.
    """
    if NAMES[device] not in loaded:
        built_for = getattr(ort, "cuda_version", "")
        version = ort.__version__ + (" (built for CUDA %s)" % built_for if built_for else "")
        raise CudaError("device %s: expected ONNX Runtime %s to load %s, got: %s" % (
            device, version, NAMES[device], _why_not_loaded(ort, device)))  # fmt: skip


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


def _why_not_loaded(ort: Any, device: str) -> str:
    """Return the reason why a provider is missing from an open session; never call it before a session was opened.

    ONNX Runtime must be the first to load the library of a provider, which otherwise does not find its host.
    """
    library = os.path.join(os.path.dirname(ort.__file__), "capi", LIBRARIES[device])
    if not os.path.exists(library):
        return "%s does not exist" % library
    try:
        ctypes.CDLL(library)
        Cuda()
    except (OSError, CudaError) as error:
        return reason_of(error)
    return "no reason that can be seen from Python; its own message is on stderr"
