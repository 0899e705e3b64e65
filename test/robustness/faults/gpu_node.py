"""Run the pose node on a fake GPU; after SIGUSR1 CUDA reports an illegal access."""

import signal
import sys

from fake_cudart import ILLEGAL_ADDRESS, FakeCudart
from fake_tensorrt import make_module
from tiny_models import write_color_model, write_engine

from pose_estimation_ros.inference.trt import cuda
from pose_estimation_ros.nodes import pose_node


def main():
    """Run the node with the stand-ins for CUDA and TensorRT."""
    cudart = FakeCudart()
    cuda.load_library = lambda: cudart
    sys.modules["tensorrt"] = make_module(cudart, "10.3.0", True)
    signal.signal(signal.SIGUSR1, lambda *_: cudart.failing.update(cudaEventSynchronize=ILLEGAL_ADDRESS))
    return pose_node.main()


def write_model(folder):
    """Write the colour model and its engine for the fake GPU; return the path of the engine."""
    cudart = FakeCudart()
    sys.modules["tensorrt"] = make_module(cudart, "10.3.0", True)
    load_library, cuda.load_library = cuda.load_library, lambda: cudart
    try:
        return write_engine(write_color_model(folder))
    finally:
        cuda.load_library = load_library
        del sys.modules["tensorrt"]


if __name__ == "__main__":
    sys.exit(main())
