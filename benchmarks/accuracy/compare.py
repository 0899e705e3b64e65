"""`pose compare` with Google's MoveNets in the same table: what is shipped beside what others ship, in one run.

The models named, with the options of `pose compare`, and the MoveNets of ../shared/data, which are tested as in
benchmarks/accuracy/movenet.py: their own crop of the ground-truth boxes, no flip test, whatever the options say.

Run: make compare, or PYTHONPATH=. python benchmarks/accuracy/compare.py MODEL ... --data DATA [--flip] ...
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
from movenet import MoveNet, predict

from pose_estimation_ros.cli.compare import add_arguments, comparison_of, print_rows
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.evaluation.accuracy import rounded
from pose_estimation_ros.evaluation.comparison import Candidate, compare
from pose_estimation_ros.evaluation.metrics import coco

REFERENCES = Path("../shared/data/reference_models")


def accuracy(movenet, data):
    """Measure the AP of a MoveNet in the annotated boxes."""
    truth, results = predict(movenet, data)
    seen = {"protocol": "movenet", "input": "square, box x 1.1", "flip": False, "boxes": "ground truth"}
    return {**seen, "images": len(truth.imgs), **rounded(coco.keypoint_ap(truth, results))}


def movenet_candidate(path, args):
    """Open a MoveNet for the comparison."""
    movenet = MoveNet(str(path), args.threads)
    image = np.random.default_rng(0).integers(0, 256, (1, *movenet.size_wh[::-1], 3), np.int32)
    return Candidate(path.stem, path, "top_down", image, movenet.run, partial(accuracy, movenet, args.data))


def main(argv):
    """Compare the models of the command line and the MoveNets, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
    movenets = [movenet_candidate(path, args) for path in sorted(REFERENCES.glob("movenet_*.onnx"))]
    compare(comparison_of(args), movenets, print_rows)
    print(f"wrote compare.csv, compare.json and compare.png into {args.out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PoseError as error:
        sys.exit(f"error: {error}")
