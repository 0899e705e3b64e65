"""``pose export CHECKPOINT|MODEL.onnx``: ONNX file and model spec, in float32 or of lower precision.

A checkpoint becomes float32 first, refused unless ONNX Runtime agrees with torch. Precisions:
  fp16           inputs and outputs float32; for TensorRT
  int8-tensorrt  QuantizeLinear and DequantizeLinear, signed and symmetric, for TensorRT and OpenVINO
  int8-cpu       the same, unsigned, for ONNX Runtime on the CPU
int8 is calibrated on real images. What a precision costs, --accuracy-data measures and the new spec keeps.
"""

from __future__ import annotations

import argparse

from pose_estimation_ros.core.arguments import whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import spec_path
from pose_estimation_ros.training.export.accuracy_cost import check_data, keep_accuracy, to_text
from pose_estimation_ros.training.export.convert import PRECISIONS, check_options, convert
from pose_estimation_ros.training.export.decode_head import add_to_file
from pose_estimation_ros.training.export.ranges import METHODS

FULL = "fp32"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="CHECKPOINT|MODEL.onnx", help="runs/<name>/best.ckpt, or a float32 ONNX file")
    parser.add_argument("--out", default="models", help="folder for <name>.onnx and <name>.json (default: %(default)s)")
    parser.add_argument("--name", help="name of the model (default: the recipe's or file's, with _<precision>)")
    parser.add_argument("--precision", choices=(FULL, *PRECISIONS), default=FULL, help="(default: %(default)s)")
    head_help = "also write <name>_decoded.onnx, which gives keypoints in place of heatmaps; a lower precision is of it"
    parser.add_argument("--decode-head", action="store_true", help=head_help)
    tested_help = (
        "also test the file on this, and the float32 one that it is made of, and keep both figures in its spec:"
        " COCO's layout with images/, the annotated boxes; never calibration data"
    )
    parser.add_argument("--accuracy-data", metavar="DATA", help=tested_help)
    parser.add_argument("--flip", action="store_true", help="with --accuracy-data: by the mean with the mirror image")
    of_checkpoint = parser.add_argument_group("of a checkpoint")
    size_help = "input size in px, multiples of 32 (default: the recipe's)"
    of_checkpoint.add_argument("--size-wh", type=whole(32, 8192), nargs=2, metavar=("W", "H"), help=size_help)
    free_help = "bottom-up: height and width stay free, which `pose evaluate --protocol litepose` needs"
    of_checkpoint.add_argument("--free-size", action="store_true", help=free_help)
    of_int8 = parser.add_argument_group("of int8")
    data_help = (
        "annotation file, or folder with person_keypoints.json, and images/ or tar files beside: never test data"
    )
    of_int8.add_argument("--calibration", metavar="DATA", help=data_help)
    method_help = (
        "how far int8 reaches: all that was seen, 99.99 %% of it, or what keeps most information (%(default)s)"
    )
    of_int8.add_argument("--method", choices=METHODS, default="minmax", help=method_help)
    count_help = "persons, or images where the model finds people by itself (%(default)s)"
    of_int8.add_argument("--count", type=whole(1, 10**6), default=200, help=count_help)


def main(args: argparse.Namespace) -> int:
    lower = args.precision != FULL
    check(args, lower)
    full = args.source
    if not full.endswith(".onnx"):
        full = export_checkpoint(args, None if lower else args.name)
    if args.decode_head:
        full = str(add_to_file(full, args.out))
        print(f"wrote {full} and {spec_path(full)}: it finds the keypoints in its graph")
    made = full
    if lower:
        made = str(convert(full, args.precision, args.out, args.name, args.calibration, args.method, args.count))
        print(f"wrote {made} and {spec_path(made)}")
    if args.accuracy_data:
        print(to_text(keep_accuracy(made, full if lower else None, args.accuracy_data, args.flip)))
    return 0


def check(args: argparse.Namespace, lower: bool) -> None:
    """Raises ConfigError and DataError, before anything takes long."""
    if lower:
        check_options(args.precision, args.calibration, args.method, args.count)
    if args.source.endswith(".onnx") and (not (lower or args.decode_head) or args.size_wh or args.free_size):
        wanted = ", ".join(PRECISIONS)
        raise ConfigError(f"expected one of {wanted} as --precision, or --decode-head, and no size, for {args.source}")
    if args.flip and (args.decode_head or not args.accuracy_data):
        raise ConfigError("expected --flip with --accuracy-data and without --decode-head: it takes heatmaps")
    if args.accuracy_data:
        check_data(args.accuracy_data, args.calibration)


def export_checkpoint(args: argparse.Namespace, name: str | None) -> str:
    """Path of the float32 file."""
    from pose_estimation_ros.training.export.export import export  # torch, which an ONNX file does not need

    path, difference = export(args.source, args.out, name, args.size_wh, args.free_size)
    print(f"wrote {path} and {spec_path(str(path))}; largest difference torch - ONNX Runtime {difference:.2e}")
    return str(path)
