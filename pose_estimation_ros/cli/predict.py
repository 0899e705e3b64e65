"""Find people in images, a video or a camera, and write annotated pictures and keypoints.json.

It needs no ROS. INPUT is also a pattern such as img_%04d.png (its images, as in a folder), a device such as
/dev/video0, or a URL such as rtsp://camera/stream. Written into the folder given by --out:
  <name>.jpg or <name>.mp4   the input with skeletons drawn
  keypoints.json             a list in COCO results format: image_id, category_id 1, keypoints [x, y, score, ...] in
                             pixels, score; and track_id where people are tracked
image_id is the frame index of a video or camera. For images it is the number in the file's name where every file is
named by a different number (COCO: 000000000139.jpg is 139), else the place in the sorted list, from 0. Images of a
folder that cannot be read are named and left out; the exit code is 1 then. Hidden files are no images.
"""

import argparse
import sys

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.flags import add_pipeline_flags, options_of
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.cli.common.output import warn
from pose_estimation_ros.imaging.draw import COLOR_BY
from pose_estimation_ros.inference.predict import Prediction, predict

EXAMPLES = (
    "pose predict test/data/pedestrians.mp4 --out out/predict",
    "pose predict test/data/pedestrians.mp4 --out out/short --max-frames 30 --model elpn_v1_coco --color-by track",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    source, output = group(parser, "input"), group(parser, "output")
    source.add_argument("input", metavar="INPUT", help="image, folder of images, video, or camera index such as 0")
    frames_help = "stop after N frames (a camera: else by Ctrl-C)"
    source.add_argument("--max-frames", type=whole(1), metavar="N", help=frames_help)
    output.add_argument("--out", required=True, metavar="DIR", help="folder for the results, made if need be")
    output.add_argument("--color-by", choices=COLOR_BY, default="side", help="colour of limbs (default: %(default)s)")
    add_pipeline_flags(parser)


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    prediction = Prediction(args.input, args.out, options_of(args), args.max_frames, args.color_by)
    predicted = predict(prediction, warn)
    if predicted.stopped:
        print("\nstopped after %d frames" % predicted.frames, file=sys.stderr)
    counts = (predicted.frames, predicted.people, predicted.scores)
    print("%d frames, %d people, scores %s; results in %s" % (counts + (args.out,)))
    if predicted.chosen:
        print(predicted.chosen)
    return 1 if predicted.unreadable else 0
