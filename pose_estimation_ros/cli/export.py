"""Write the ONNX file and the spec of a model, in float32 or in a lower precision.

A checkpoint becomes a float32 file first; it is refused if ONNX Runtime and torch do not agree. Precisions:
  fp16           inputs and outputs float32; for TensorRT
  int8-tensorrt  QuantizeLinear and DequantizeLinear, signed and symmetric, for TensorRT and OpenVINO
  int8-cpu       the same, unsigned, for ONNX Runtime on the CPU
int8 is calibrated on real images. --accuracy-data measures what a precision costs and keeps it in the new spec.
"""

from __future__ import annotations

import argparse
import os

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.inference.backends.find import find_path
from pose_estimation_ros.training.export.convert import PRECISIONS
from pose_estimation_ros.training.export.decoders import HEATMAP_DECODERS
from pose_estimation_ros.training.export.model_export import FULL, MAX_COUNT, SIDES_PX, ModelExport, export_model

EXAMPLES = (
    "pose export runs/toy/best.ckpt --out my_models --name toy_pose",
    "pose export models/lite0_fpn_coco.onnx --precision fp16 --out my_models",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    source, output, accuracy = group(parser, "input"), group(parser, "output"), group(parser, "accuracy")
    source_help = "runs/<name>/best.ckpt, or name or path of a float32 ONNX model"
    source.add_argument("source", metavar="CHECKPOINT|MODEL", help=source_help)
    out_help = "folder for <name>.onnx and <name>.json (default: %(default)s)"
    output.add_argument("--out", metavar="DIR", default="models", help=out_help)
    name_help = "name of the model (default: the recipe's or file's, and _PRECISION)"
    output.add_argument("--name", metavar="N", help=name_help)
    output.add_argument(
        "--precision",
        choices=(FULL, *PRECISIONS),
        default=FULL,
        help="arithmetic of the network, see above (default: %(default)s)",
    )
    head_help = "also write <name>_decoded.onnx, which gives keypoints in place of heatmaps; a lower precision is of it"
    output.add_argument("--decode-head", action="store_true", help=head_help)
    tested_help = (
        "also test the file on this, and the float32 one that it is made of, and keep both figures in its spec:"
        " COCO's layout with images/, the annotated boxes; never calibration data"
    )
    accuracy.add_argument("--accuracy-data", metavar="DATA", help=tested_help)
    accuracy.add_argument("--flip", action="store_true", help="with --accuracy-data: by the mean with the mirror image")
    _add_arguments_of_sources(parser)


def _add_arguments_of_sources(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only a checkpoint or only int8 has."""
    of_checkpoint = group(parser, "checkpoints")
    size_help = "input size in px, multiples of 32 (default: the recipe's)"
    of_checkpoint.add_argument("--size-wh", type=whole(*SIDES_PX), nargs=2, metavar=("W", "H"), help=size_help)
    free_help = "bottom-up: height and width stay free, which `pose evaluate --protocol litepose` needs"
    of_checkpoint.add_argument("--free-size", action="store_true", help=free_help)
    decoder_help = (
        "top-down: how the runtime finds keypoints, dark to a fraction of a heatmap's pixel (default: quarter_offset)"
    )
    of_checkpoint.add_argument("--decoder", choices=tuple(HEATMAP_DECODERS), help=decoder_help)
    of_int8 = group(parser, "int8")
    data_help = (
        "annotation file, or folder with person_keypoints.json, and images/ or tar files beside: never test data"
    )
    of_int8.add_argument("--calibration", metavar="DATA", help=data_help)
    count_help = "persons, or images where the model finds people by itself (default: %(default)s)"
    of_int8.add_argument("--count", metavar="N", type=whole(1, MAX_COUNT), default=200, help=count_help)


def main(args: argparse.Namespace) -> int:
    """Export and print what was written."""
    options = {name: value for name, value in vars(args).items() if name in ModelExport.__dataclass_fields__}
    if not os.path.splitext(args.source)[1]:  # a name, whose model is looked up
        options["source"] = find_path(args.source) or args.source
    export_model(ModelExport(**options), report=print)
    return 0
