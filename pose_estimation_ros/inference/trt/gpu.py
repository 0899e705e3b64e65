"""Ask once what TensorRT and GPU this machine has."""

from typing import Any, Dict, NamedTuple

from pose_estimation_ros.inference.trt.api import load_tensorrt
from pose_estimation_ros.inference.trt.cuda import Cuda


class Gpu(NamedTuple):
    """TensorRT and the device of this machine.

    trt: the module tensorrt. cuda: the device. machine: what an engine that is built or run here is tied to, by the
    names of trt.cache.MACHINE.
    """

    trt: Any
    cuda: Cuda
    machine: Dict[str, str]


def ask_gpu() -> Gpu:
    """Load TensorRT and ask for the device. Raises ModelError: no TensorRT; CudaError: no driver or device."""
    trt, cuda = load_tensorrt(), Cuda()
    return Gpu(trt, cuda, {
        "tensorrt": trt.__version__, "cuda": cuda.version, "device": cuda.device_name,
        "compute_capability": cuda.compute_capability,
    })  # fmt: skip
