"""Show the sidecar of an engine, whether it fits machine and model, and its tensors and layers.

The sidecar says what the engine was built from and for, in which precision, and how far its keypoints are from ONNX
Runtime's; it is shown on any machine. The engine's tensors and the precisions of its layers are shown where TensorRT
can open it.
"""

import argparse

from pose_estimation_ros.inference.trt.inspection import inspect_engine

EXAMPLES = (
    "pose inspect-engine models/lite0_fpn_coco.engine",
    "pose inspect-engine models/person_detector.engine",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of the command to its parser."""
    parser.add_argument("engine", metavar="ENGINE", help="path of an .engine file")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    for text in inspect_engine(args.engine):
        print(text)
    return 0
