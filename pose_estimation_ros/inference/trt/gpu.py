"""Find out which TensorRT and GPU this machine has."""

from typing import Dict, NamedTuple

from pose_estimation_ros.inference.trt.api import TensorRT, load_tensorrt
from pose_estimation_ros.inference.trt.cuda import Cuda


class Gpu(NamedTuple):
    """Hold TensorRT and the device of this machine.

    Attributes:
        trt: the module tensorrt.
        cuda: the device.
        machine: versions and names to which an engine is tied, by the keys trt.cache.MACHINE.
    """

    trt: TensorRT
    cuda: Cuda
    machine: Dict[str, str]


def ask_gpu() -> Gpu:
    """Load TensorRT and open the device. Raises ModelError without TensorRT, CudaError without driver or device."""
    trt, cuda = load_tensorrt(), Cuda()
    return Gpu(trt, cuda, {
        "tensorrt": trt.__version__, "cuda": cuda.version, "device": cuda.device_name,
        "compute_capability": cuda.compute_capability,
    })  # fmt: skip
