"""Make data to train and to measure on, check data, and cut parts of them.

`pose data toy FOLDER`: FOLDER/train and FOLDER/holdout each have images/ and person_keypoints.json, in COCO's layout,
and person_detections.json for --boxes; with crowdpose14 a crowdIndex, with mpii16 mpii.json. FOLDER/nobody has images
without people for `pose calibrate --background`, FOLDER/walk the images of a short video with annotations for `pose
make-bag`. The same options write the same files.
"""

import argparse
import json
from pathlib import Path

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.help import describe
from pose_estimation_ros.datasets.subset import Subset, write_subset
from pose_estimation_ros.datasets.toy.write import ToySet, write_toy_set
from pose_estimation_ros.inference.progress import progress
from pose_estimation_ros.training.data.check.files import check_path, images_beside
from pose_estimation_ros.training.data.check.report import json_of, text_of

CHECK = """Say what a file or folder holds, and what is wrong with it.

Annotations of COCO, CrowdPose and MPII with their images, boxes, predictions, recipes and rosbags. The exit code is 1
where something would stop a command or spoil its figures; warnings alone give 0."""
CHECK_EXAMPLES = ("pose data check data/toy/holdout", "pose data check config/training/toy.yaml --json")
SUBSET = "Copy the images whose ids a file lists, and their annotations."
SUBSET_EXAMPLES = (
    "pose data subset data/coco/annotations/person_keypoints_val2017.json --ids docs/measurements/coco-val-97.txt"
    " --out data/coco_val97",
    "pose data subset data/toy/holdout/person_keypoints.json --ids ids.txt --out data/part",
)
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
    images_help = "images to train on, and a fifth as many to measure on (default: %(default)s)"
    toy.add_argument("--images", type=whole(1, 99_999), metavar="N", default=ToySet.images, help=images_help)
    skeleton_help = "skeleton of the keypoints: coco17, mpii16, crowdpose14, halpe26, ... (default: %(default)s)"
    toy.add_argument("--skeleton", metavar="NAME", default=ToySet.skeleton, help=skeleton_help)
    seed_help = "seed of all random choices (default: %(default)s)"
    toy.add_argument("--seed", type=whole(0, MOST_SEED), metavar="N", default=ToySet.seed, help=seed_help)
    toy.set_defaults(run=write_toy)
    _add_subset(actions.add_parser("subset", help="cut a part of a data set by ids"))
    _add_check(actions.add_parser("check", help="say what data hold and what is wrong"))


def _add_subset(subset: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose data subset`."""
    describe(subset, SUBSET, SUBSET_EXAMPLES)
    subset.add_argument("annotations", metavar="FILE", help="annotation file in COCO's layout")
    subset.add_argument("--ids", metavar="FILE", required=True, help="text file with an id of an image in each line")
    subset.add_argument("--out", metavar="FOLDER", required=True, help="folder of the part, which must not exist yet")
    subset.add_argument("--images", metavar="FOLDER", default="", help="folder of the images (default: beside FILE)")
    subset.set_defaults(run=cut_subset)


def _add_check(check: argparse.ArgumentParser) -> None:
    """Add the arguments of `pose data check`."""
    describe(check, CHECK, CHECK_EXAMPLES)
    check.add_argument("path", metavar="PATH", help="annotation file, boxes, predictions, recipe, rosbag, or a folder")
    images_help = "folder of the images, or a pattern of tar files (default: images/ beside the annotations)"
    check.add_argument("--images", metavar="FOLDER", default="", help=images_help)
    annotations_help = "annotations of the images that boxes or predictions are of"
    check.add_argument("--annotations", metavar="FILE", default="", help=annotations_help)
    check.add_argument("--no-images", action="store_true", help="do not open the images, which takes most of the time")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(run=check_data)


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


def cut_subset(args: argparse.Namespace) -> int:
    """Write a part of a data set, print what is in it, and return the exit code."""
    images = args.images or images_beside(Path(args.annotations))
    count, people = write_subset(Subset(args.annotations, images, args.ids, args.out))
    print(f"{args.out}: {count} images of {people} people")
    return 0


def check_data(args: argparse.Namespace) -> int:
    """Check a file or folder, print what is found, and return the exit code: 1 where there are errors."""
    reports = check_path(args.path, args.images, args.annotations, not args.no_images)
    if args.json:
        print(json.dumps([json_of(report) for report in reports], indent=2))
    else:
        print("\n\n".join(map(text_of, reports)))
    return int(any(report.errors for report in reports))
