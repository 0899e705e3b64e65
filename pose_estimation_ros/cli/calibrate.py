"""Measure what the scores of a pose model are worth, and keep it in the model's spec.

From then on its scores are probabilities: a keypoint's that it lies near the joint (OKS of 0.5 or more), a person's
that the pose is right (OKS of 0.5 or more). The people of --data must be others than those that the model was trained
on, and labelled by humans: what another network labelled are the easy ones. --background is a folder of images without
people: things in them that look like people get low scores.
Half of the images are held out to measure the result, and then the maps are fitted to all.
"""

from __future__ import annotations

import argparse

from pose_estimation_ros.cli.common.flags import add_option_flags
from pose_estimation_ros.cli.evaluate import RUNTIME_OPTIONS
from pose_estimation_ros.evaluation.calibrate import Calibrated, ScoreCalibration, calibrate

EXAMPLES = (
    "pose calibrate my_models/toy_pose.onnx --data data/toy/holdout",
    "pose calibrate my_models/toy_pose.onnx --data data/toy/holdout --device cpu --threads 2",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose calibrate`."""
    parser.add_argument("model", metavar="MODEL", help="ONNX file or name of a pose model with a spec")
    parser.add_argument(
        "--data", metavar="DATA", required=True, help="annotation file, or folder with person_keypoints.json"
    )
    parser.add_argument("--background", metavar="FOLDER", help="images without people")
    detector_help = "model that finds boxes on the backgrounds for a top-down model (default: %(default)s)"
    parser.add_argument("--detector", default="person_detector", help=detector_help)
    add_option_flags(parser, RUNTIME_OPTIONS)


def main(args: argparse.Namespace) -> int:
    """Run `pose calibrate`."""
    options = {name: value for name, value in vars(args).items() if name in ScoreCalibration.__dataclass_fields__}
    print_calibrated(calibrate(ScoreCalibration(**options)))
    return 0


def print_calibrated(calibrated: Calibrated) -> None:
    """Print how well raw scores and probabilities are calibrated on held-out images, and the path of the spec."""
    print(f"{'on held-out images':24}{'count':>8}{'ECE':>9}{'log loss':>11}{'on background':>16}")
    for kind, figures in calibrated.figures.items():
        for scores, row in figures.items():
            background = row.get("background", "-")
            print(f"{kind + ', ' + scores:24}{row['count']:8}{row['ECE']:9}{row['log_loss']:11}{background:>16}")
    print(f"wrote {calibrated.path}")
