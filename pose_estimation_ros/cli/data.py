"""Make data to train and to measure on.

`pose data toy FOLDER` writes images of drawn people with exact keypoints. FOLDER/train and FOLDER/holdout each have
images/ and person_keypoints.json, in COCO's layout, as `pose train` and `pose evaluate` read it. The same options write
the same files.
"""

import argparse

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.help import describe
from pose_estimation_ros.datasets.toy.write import ToySet, write_toy_set
from pose_estimation_ros.inference.progress import progress

MOST_SEED = 2**32 - 1  # as of a recipe

EXAMPLES = (
    "pose data toy data/toy",
    "pose data toy data/toy_mpii --skeleton mpii16 --images 50",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose data` and its actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    toy = actions.add_parser("toy", help="write a set of drawn people")
    describe(toy, "Write images of drawn people with exact keypoints.", EXAMPLES)
    toy.add_argument("folder", metavar="FOLDER", help="folder of the set; its parts must not exist yet")
    images_help = "images to train on, and a fifth as many to measure on (%(default)s)"
    toy.add_argument("--images", type=whole(1, 99_999), metavar="N", default=ToySet.images, help=images_help)
    skeleton_help = "skeleton of the keypoints: coco17, mpii16, crowdpose14, halpe26, ... (%(default)s)"
    toy.add_argument("--skeleton", metavar="NAME", default=ToySet.skeleton, help=skeleton_help)
    seed_help = "of all choices (%(default)s)"
    toy.add_argument("--seed", type=whole(0, MOST_SEED), metavar="N", default=ToySet.seed, help=seed_help)
    toy.set_defaults(run=write_toy)


def main(args: argparse.Namespace) -> int:
    """Run the action and return its exit code."""
    return int(args.run(args))


def write_toy(args: argparse.Namespace) -> int:
    """Write a toy set, print what is in it, and return the exit code."""
    order = ToySet(args.folder, args.images, args.skeleton, args.seed)
    counts = write_toy_set(order, lambda numbers: progress(numbers, len(numbers), "images"))
    for part, (images, people) in counts.items():
        print(f"{args.folder}/{part}: {images} images of {people} people")
    return 0
