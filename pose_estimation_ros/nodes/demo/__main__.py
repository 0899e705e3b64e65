"""Parse the command line of the demo and run it: ``python -m pose_estimation_ros.nodes.demo``.

A camera process plays a clip and the pose node answers. A page shows it in the browser meanwhile, and a video with
skeletons, keypoints.json and summary.json remain.
"""

import argparse
import sys

from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.nodes.demo.demo import Demo, run_demo


def main() -> int:
    """Run the demo and return its exit code."""
    parser = argparse.ArgumentParser(prog="demo", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--video", default=demo_clip(), help="video, folder of images or image (default: a short clip)")
    parser.add_argument("--out", default="out", help="folder for the results (%(default)s)")
    parser.add_argument("--rate-hz", type=float, default=0.0, help="images per second; 0: as in the video")
    parser.add_argument("--model", default="", help="pose model (the node's default)")
    parser.add_argument("--detector", default="", help="person detector (the node's default)")
    parser.add_argument("--no-page", dest="page", action="store_false", help="no page in the browser")
    return run_demo(Demo(**vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
