"""Convert a video or images, with or without COCO annotations, to a rosbag2 that the tools of ROS can play.

Topics: /camera/image_raw (bgr8), or /camera/image_raw/compressed; /camera/camera_info, uncalibrated. With --compressed
a JPEG or PNG file is copied unchanged where its message decodes to the picture that `pose predict` sees. Any other
image file becomes a new PNG, for example one with an EXIF orientation; a frame of a video becomes a JPEG.
With --annotations
the bag has /truth/keypoints (PersonArray), too, and its folder truth.json: the annotations with "stamp_ns" and "topic"
in the images, which `pose evaluate-bag` looks for. Images are found by their "file_name", those of a video by their
"id", the number of the frame from 0. Stamps begin at 1 s; frames of a video keep the times of its file, unless --rate
is given.
"""

import argparse

from pose_estimation_ros.cli.common.arguments import number, whole
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.cli.common.output import warn
from pose_estimation_ros.evaluation.bag.files.writer import STORAGES
from pose_estimation_ros.evaluation.bag.make_bag import RATES_HZ, BagConversion, make_bag

EXAMPLES = (
    "pose make-bag test/data/pedestrians.mp4 --out out/clip",
    "pose make-bag data/toy/holdout/images --annotations data/toy/holdout/person_keypoints.json --out out/toy_bag",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    source, output = group(parser, "input"), group(parser, "output")
    source.add_argument("input", metavar="INPUT", help="video, folder of images, or image")
    output.add_argument("--out", required=True, metavar="BAG", help="folder of the bag, which must not exist yet")
    output.add_argument(
        "--storage", choices=STORAGES, default="sqlite3", help="format of the bag's files (default: %(default)s)"
    )
    output.add_argument("--compressed", action="store_true", help="write CompressedImage messages in place of Image")
    rate_help = "images per second (default: those of the video; of a folder 30)"
    output.add_argument("--rate", type=number(*RATES_HZ), metavar="HZ", help=rate_help)
    source.add_argument("--annotations", metavar="FILE", help="COCO's person keypoints of the images")
    source.add_argument("--max-frames", type=whole(1), metavar="N", help="only the first N images")


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code: 1 where images could not be read, else 0."""
    conversion = BagConversion(
        args.input, args.out, args.storage, args.compressed, args.rate, args.annotations, args.max_frames
    )
    made = make_bag(conversion, warn)
    annotated = "" if made.annotated is None else f"; {made.annotated} with annotations"
    print(f"{made.images} images in {made.path}{annotated}")
    return 1 if made.unreadable else 0
