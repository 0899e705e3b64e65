"""Compile an ONNX model into a TensorRT engine for this machine's GPU, check it, and keep it in the engine cache.

It takes minutes or, on a small Jetson, much longer; the same command again finds the engine and is done at once.
Precision is a property of the file: --precision fp16 or int8 compiles x_fp16.onnx or x_int8_tensorrt.onnx beside
x.onnx, which `pose export --precision` makes; TensorRT 8 makes fp16 from x.onnx itself. After the build the engine's
keypoints are compared with ONNX Runtime's in float32. Where they are off by more than the limit, the next higher
precision is built instead, and the output says so.
"""

import argparse
import functools
import sys

from pose_estimation_ros.cli.common.arguments import number, whole
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.inference.trt.builder import build_engine
from pose_estimation_ros.inference.trt.cache import cache_folder
from pose_estimation_ros.inference.trt.gpu import ask_gpu
from pose_estimation_ros.inference.trt.plan import MAX_ERROR_PX, BuildOptions
from pose_estimation_ros.inference.trt.precision import PRECISIONS

DEFAULTS = BuildOptions()

EXAMPLES = (
    "pose build-engine models/lite0_fpn_coco.onnx --precision fp16 --out models/lite0_fpn_coco.engine",
    "pose build-engine models/person_detector.onnx --max-batch 1 --out models/person_detector.engine",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    model, output = group(parser, "model"), group(parser, "output")
    speed, accuracy = group(parser, "speed"), group(parser, "accuracy")
    model.add_argument("model", metavar="MODEL", help="name of a model, or path of an .onnx file with its .json beside")
    speed.add_argument(
        "--precision",
        choices=PRECISIONS[::-1],
        help="arithmetic of the engine (default: what the file's name says, else fp16)",
    )
    batch_help = "largest batch, that is people per run of the network; it is tuned for this one (default: %(default)s)"
    speed.add_argument("--max-batch", type=whole(1, 1024), default=DEFAULTS.max_batch, metavar="N", help=batch_help)
    workspace_help = "largest scratch memory on the GPU, MB"
    speed.add_argument("--workspace-mb", type=whole(1, 10**6), metavar="N", help=workspace_help)
    cache_help = "file of measured timings to use again (default: one beside the engine)"
    speed.add_argument("--timing-cache", metavar="FILE", help=cache_help)
    output.add_argument("--out", metavar="FILE", help="path of the engine (default: in %s)" % cache_folder())
    output.add_argument("--force", action="store_true", help="build even if the cache has it")
    usual = ", ".join("%s %g" % pair for pair in MAX_ERROR_PX.items())
    error_help = "largest error of keypoints, 99th percentile, px of the network's input (default: %s)" % usual
    accuracy.add_argument("--max-error-px", type=number(0), metavar="X", help=error_help)
    images_help = "folder or video of people to compare on (default: the demo's clip)"
    accuracy.add_argument("--images", metavar="SOURCE", help=images_help)
    accuracy.add_argument("--unchecked", action="store_true", help="do not compare: for models without training")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    options = BuildOptions(**{name: getattr(args, name) for name in BuildOptions._fields})
    gpu = ask_gpu()
    say = functools.partial(print, file=sys.stderr, flush=True)  # the path alone goes to standard output
    print(build_engine(args.model, options, gpu.trt, gpu.machine, say))
    return 0
