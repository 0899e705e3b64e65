"""Make an ONNX model of another program one of this package.

NAME.onnx and NAME.json are written. What the file tells is found in it and printed, each conclusion with its reason.
What it does not tell has to be said: the family by --like, or its conventions one by one, and the skeleton. The new
file takes float32 pictures, RGB 0..255, and gives outputs with this package's names; it is compared with the original
before it is written.
"""

import argparse
import functools
import re
from typing import Tuple

from pose_estimation_ros.cli.common.arguments import Kind, number, whole
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.core.model_spec import CROPS, LARGEST_SIDE, PADDING, RESIZES
from pose_estimation_ros.core.resources import user_models
from pose_estimation_ros.core.skeleton import MAX_KEYPOINTS, SKELETONS
from pose_estimation_ros.importing.boxes.detect import FAMILIES as DETECTORS
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.importing.model_import import COLORS, HEATMAP_DECODERS, usage
from pose_estimation_ros.importing.pose.families import FAMILIES

EXAMPLES = (
    "pose import yolo11n-pose.onnx --out my_models",
    "pose import yolox_nano.onnx --detector --name yolox_nano --licence Apache-2.0",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    source, output = group(parser, "input"), group(parser, "output")
    source.add_argument("source", metavar="MODEL.onnx", help="the file; pipeline.json of MMDeploy may lie beside it")
    like_help = "family: %s; of a detector: %s" % (", ".join(FAMILIES), ", ".join(DETECTORS))
    source.add_argument("--like", metavar="FAMILY", help=like_help)
    skeleton_help = "what the keypoints are: %s, or a file that describes them" % ", ".join(sorted(SKELETONS))
    source.add_argument("--skeleton", metavar="NAME|FILE", help=skeleton_help)
    size_help = "size of the input in px, for a file that leaves it free"
    source.add_argument("--size", dest="size_wh", type=SIZE, metavar="WxH", help=size_help)
    source.add_argument("--keypoints", type=whole(1, MAX_KEYPOINTS), metavar="K", help="number of keypoints")
    source.add_argument("--detector", action="store_true", help="the model finds people's boxes, and no keypoints")
    output.add_argument("--name", metavar="N", help="name of the new model (default: that of the file)")
    output.add_argument("--out", metavar="FOLDER", help="folder for the new model (default: %s)" % user_models())
    output.add_argument("--force", action="store_true", help="replace a model of the same name")
    output.add_argument("--no-check", dest="check", action="store_false", help="do not try it on the demo's clip")
    output.add_argument("--licence", metavar="TEXT", help="licence of the weights, for the spec")
    output.add_argument("--origin", metavar="TEXT", help="where the file comes from, for the spec")
    _add_conventions(parser)


def _add_conventions(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for what a family or the file usually tells."""
    conventions = group(parser, "conventions, where the family's or the file's are others")
    conventions.add_argument("--color", choices=COLORS, help="order of the network's channels")
    range_help = "largest value of a pixel, before mean and std"
    conventions.add_argument("--value-range", type=int, choices=(1, 255), help=range_help)
    of_channels = "of the network's channels, in its order and --value-range"
    conventions.add_argument("--mean", type=number(-1e6, 1e6), nargs=3, metavar="X", help="mean " + of_channels)
    conventions.add_argument(
        "--std", type=number(1e-6, 1e6), nargs=3, metavar="X", help="standard deviation " + of_channels
    )
    conventions.add_argument("--decoder", choices=HEATMAP_DECODERS, help="decoder of heatmaps")
    conventions.add_argument("--person-class", metavar="C", help="name or number of the class that is wanted")
    conventions.add_argument("--padding", type=number(*PADDING), metavar="X", help="factor on a person's box")
    conventions.add_argument("--crop", choices=CROPS, help="where the centre of a box lies in its crop")
    conventions.add_argument("--outside", choices=("image", "black"), help="what is outside of a person's box")
    conventions.add_argument("--grey", type=whole(0, 255), metavar="N", help="value of what the frame does not cover")
    conventions.add_argument("--centred", type=YES_OR_NO, metavar="yes|no", help="whether the frame lies in the middle")
    conventions.add_argument("--resize", choices=RESIZES, help="how the frame is resized")
    nms_help = "overlap from which of two people the less sure one is dropped"
    conventions.add_argument("--nms-iou", type=number(0, 1), metavar="X", help=nms_help)
    score_help = "score from which a keypoint counts as found; noted in the spec"
    conventions.add_argument("--score-threshold", type=number(0, 1), metavar="X", help=score_help)


def _size(text: str) -> Tuple[int, int]:
    match = re.match(r"(\d{1,5})[xX](\d{1,5})$", text)
    size_wh = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    if not 8 <= min(size_wh) <= max(size_wh) <= LARGEST_SIDE:
        expected = "expected WIDTHxHEIGHT in px, such as 192x256, each from 8 to %d, got %.40r"
        raise argparse.ArgumentTypeError(expected % (LARGEST_SIDE, text))
    return size_wh


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError("expected yes or no, got %.40r" % text)
    return text == "yes"


SIZE = Kind("WIDTHxHEIGHT in px, such as 192x256, each from 8 to %d" % LARGEST_SIDE, _size)
YES_OR_NO = Kind("yes or no", _yes_or_no)


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    order = ModelImport(**{name: getattr(args, name) for name in ModelImport._fields})
    path = import_model(order, functools.partial(print, flush=True))
    for line in usage(path, "detector" if order.detector else "model", order.out is not None):
        print(line)
    return 0
