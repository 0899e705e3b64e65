"""Show live, on a page in the browser, who is in the images of a camera or a video.

SOURCE is the index of a camera, a device such as /dev/video0, a video, a folder of images, an image, or a URL such as
rtsp://camera/stream. The camera, the pose node and the page are ROS 2 nodes in processes of their own; no other program
on the network hears them. The page's address is printed; Ctrl-C ends all. A process that fails ends the others, and its
reason is the error.
"""

import argparse

from pose_estimation_ros.cli.common.arguments import whole
from pose_estimation_ros.cli.common.flags import add_pipeline_flags, options_of
from pose_estimation_ros.cli.common.help import group
from pose_estimation_ros.nodes.demo.live import Live, show_live
from pose_estimation_ros.nodes.demo.page import LOOPBACK, PORT

EXAMPLES = (
    "pose live test/data/pedestrians.mp4",
    "pose live test/data/pedestrians.mp4 --once --port 9090 --no-browser",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    source, page = group(parser, "input"), group(parser, "page")
    source.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        default="0",
        help="camera, video, folder, image or URL (default: %(default)s)",
    )
    page.add_argument(
        "--port",
        type=whole(0, 65535),
        metavar="N",
        help="port of the page; 0: any (default: %d, or any if it is in use)" % PORT,
    )
    page.add_argument(
        "--host",
        default=LOOPBACK,
        help="address that the page listens at; 0.0.0.0: the whole network (default: %(default)s)",
    )
    browser = page.add_mutually_exclusive_group()
    browser.add_argument("--browser", action="store_true", default=None, help="open a browser (default: on a desktop)")
    browser.add_argument("--no-browser", dest="browser", action="store_false", help="open no browser")
    loop = source.add_mutually_exclusive_group()
    loop.add_argument(
        "--loop", action="store_true", default=True, help="begin a video again at its end, which is the default"
    )
    loop.add_argument("--once", dest="loop", action="store_false", help="end with the video")
    add_pipeline_flags(parser)


def main(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    live = Live(args.source, options_of(args), args.host, args.port, args.browser, args.loop)
    show_live(live, lambda text: print(text, flush=True))
    return 0
