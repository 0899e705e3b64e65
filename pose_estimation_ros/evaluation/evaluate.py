"""Accuracy of a model, or of a file of predictions, on annotated images.

--data is an annotation file with images/ beside it, or a folder with images/ and person_keypoints.json. What the file
holds decides how it is judged:
  COCO       AP, AP50, AP75, APM, APL, AR by pycocotools
  CrowdPose  AP, AP50, AP75, AR, and AP of the easy, medium and hard images (those with a crowdIndex are CrowdPose's)
  MPII       PCKh@0.5 and @0.1 by joint group and their mean: HRNet's JSON list or the stacked hourglass's .h5
A top-down model runs on ground-truth boxes or those of a detections file. A person detector gets its recall at 0.2 and
1 false positives per image. --predictions is a JSON list in COCO's results format; for MPII also an .h5 with "preds"
(N, 16, 2), pixels counted from 1; in the JSON image_id is then the person's place in the annotation file, from 0.
-1 stands for a figure for which there is nobody in the annotations. Figures are printed and written as JSON.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.files import write_json
from pose_estimation_ros.core.model_spec import file_sha256, load_model_spec, spec_path
from pose_estimation_ros.evaluation.accuracy import (
    accuracy_of_detector,
    accuracy_of_pose_model,
    accuracy_of_predictions,
)
from pose_estimation_ros.evaluation.checkpoint import exported
from pose_estimation_ros.evaluation.protocols import PROTOCOLS, chosen
from pose_estimation_ros.inference.backend import model_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    judged = parser.add_mutually_exclusive_group(required=True)
    model_help = "ONNX file, engine, checkpoint or name of a model in models/; a YOLOX or NanoDet-m file, too"
    judged.add_argument("--model", help=model_help)
    judged.add_argument("--predictions", metavar="FILE", help="keypoints found by any program, see above")
    parser.add_argument("--data", required=True, help="annotation file, or folder with person_keypoints.json")
    add_protocol_arguments(parser)
    parser.add_argument("--out", default="out/evaluation", help="folder for the JSON files (default: %(default)s)")
    parser.add_argument("--save", metavar="NAME", help="also keep the figures in the model's spec, as accuracy.NAME")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 = as many as cores")


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    about = "; ".join(f"{protocol.name}: {protocol.about}" for protocol in PROTOCOLS.values())
    parser.add_argument("--protocol", choices=PROTOCOLS, help=f"how to test (default: plain). {about}")
    flip_help = "flip test: mean of the image and its mirror image (default: the protocol's)"
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, help=flip_help)
    parser.add_argument("--boxes", help="person boxes in COCO's detections format (default: ground-truth boxes)")


def main(args: argparse.Namespace) -> int:
    return main_of_predictions(args) if args.predictions else main_of_model(args)


def main_of_model(args: argparse.Namespace) -> int:
    path = network_file(args)
    run = evaluate_detector if is_detector(str(path)) else evaluate_pose
    figures, results = run(path, args)
    write_json(Path(args.out, f"{path.stem}_results.json"), results, indent=1)
    if args.save:
        save_accuracy(path, args.save, figures)
    return report(Path(args.out, f"{path.stem}.json"), "model", path, args.data, figures)


def main_of_predictions(args: argparse.Namespace) -> int:
    of_models = [f"--{name}" for name in ("protocol", "flip", "boxes", "save") if getattr(args, name) is not None]
    if of_models:
        raise ConfigError(f"expected {', '.join(of_models)} with --model alone, got --predictions {args.predictions}")
    path = Path(args.predictions)
    figures = accuracy_of_predictions(path, args.data)
    return report(Path(args.out, f"{path.stem}_accuracy.json"), "predictions", path, args.data, figures)


def report(target: Path, kind: str, path: Path, data: str, figures: dict[str, Any]) -> int:
    """Writes and prints the figures of a file."""
    write_json(target, {kind: path.name, "sha256": file_sha256(str(path)), "data": str(data), **figures}, indent=1)
    print("  ".join(f"{name} {value}" for name, value in figures.items() if type(value) in (int, float)))
    print(f"wrote {target}")
    return 0


def save_accuracy(path: Path, name: str, figures: dict[str, Any]) -> None:
    """Keeps the figures in the model's spec, under accuracy[name]."""
    spec = load_model_spec(str(path))
    accuracy = {**spec.accuracy, name: figures}
    write_json(spec_path(str(path)), spec._replace(accuracy=accuracy).to_json(), indent=1)


def is_detector(path: str) -> bool:
    """By the spec; a file without one can only be a detector of another family (inference.detector)."""
    return not os.path.isfile(spec_path(path)) or load_model_spec(path).task == "person_detector"


def network_file(args: argparse.Namespace) -> Path:
    """Of --model; a checkpoint is exported first."""
    if not args.model.endswith(".ckpt"):
        return Path(model_path(args.model))
    if args.save:
        raise ConfigError(f"expected --save with a model that has a spec, got the checkpoint {args.model}")
    return exported(args.model, Path(args.out, "exported"), chosen(args.protocol, args.flip).short_side)


def evaluate_pose(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    return accuracy_of_pose_model(path, args.data, args.boxes, chosen(args.protocol, args.flip), args.threads)


def evaluate_detector(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    of_poses = [f"--{name}" for name in ("protocol", "flip", "boxes") if getattr(args, name) is not None]
    if of_poses:
        raise ConfigError(f"expected {', '.join(of_poses)} with pose models alone, got the detector {args.model}")
    return accuracy_of_detector(path, args.data, args.threads)
