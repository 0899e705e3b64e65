"""Run the demo: a camera process, the pose node and this subscriber, three processes that communicate over DDS.

It plays a clip as a camera would, collects what the pose node publishes, and shows the progress. A page shows it in the
browser meanwhile; the demo goes on without, too. It leaves a video with skeletons, keypoints.json (COCO results;
image_id is the index of the image) and summary.json. The exit code is 1 if no person was published.
"""

import subprocess
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.poses import LOST
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.messages.poses import msg_to_poses
from pose_estimation_ros.msg import PersonArray
from pose_estimation_ros.msg import Skeleton as SkeletonMsg
from pose_estimation_ros.nodes.conversions import image_to_array, msg_to_skeleton
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.demo.page import Page, check_page
from pose_estimation_ros.nodes.demo.recorder import Recorder
from pose_estimation_ros.nodes.qos import LATCHED

START_TIMEOUT_S = 60.0
IDLE_END_S = 3.0  # time without messages after the camera's end
EVERY_MESSAGE = QoSProfile(depth=100)  # reliable: the video needs every image, while the node may skip some

Stamp = Tuple[int, int]  # seconds and nanoseconds


class DemoSubscriber(Node):
    """Subscribe to image, pose/keypoints and pose/skeleton_info, and pass the messages on to a Recorder.

    ``skeleton`` is None until it came. ``newest`` and ``answered`` are the stamps of the newest image and of the newest
    poses, None before the first. ``persons`` is the number of people in the newest poses, ``news_s`` the time of the
    newest message.
    """

    def __init__(self, recorder: Recorder) -> None:
        """Subscribe."""
        super().__init__("demo")
        self.recorder = recorder
        self.skeleton: Optional[Skeleton] = None
        self.newest: Optional[Stamp] = None
        self.answered: Optional[Stamp] = None
        self.persons = 0
        self.news_s = time.monotonic()
        self.create_subscription(SkeletonMsg, "pose/skeleton_info", self._on_skeleton, LATCHED)
        self.create_subscription(PersonArray, "pose/keypoints", self._on_persons, EVERY_MESSAGE)
        self.create_subscription(Image, "image", self._on_image, EVERY_MESSAGE)

    def _on_skeleton(self, msg: SkeletonMsg) -> None:
        self.skeleton = msg_to_skeleton(msg)

    def _on_image(self, msg: Image) -> None:
        self.newest, self.news_s = stamp_of(msg), time.monotonic()
        self.recorder.add_image(self.newest, image_to_array(msg))

    def _on_persons(self, msg: PersonArray) -> None:
        if self.skeleton is None:
            return
        self.answered, self.news_s = stamp_of(msg), time.monotonic()
        poses = msg_to_poses(msg, self.skeleton.num_keypoints)
        self.persons = int((poses.state != LOST).sum())
        self.recorder.add_poses(self.answered, poses, self.skeleton, msg.timing.total_ms, self.news_s)


def stamp_of(msg: Any) -> Stamp:
    """Return the stamp of a message as a tuple that can be compared."""
    return (msg.header.stamp.sec, msg.header.stamp.nanosec)


class Demo(NamedTuple):
    """Describe a run of the demo.

    Attributes:
        video: Video, folder of images or image.
        out: Folder for the results.
        rate_hz: Images per second; 0: as in the video.
        model: Pose model, "" for the node's default.
        detector: Person detector, "" for the node's default.
        page: Whether a page shows it in the browser.
    """

    video: str
    out: str = "out"
    rate_hz: float = 0.0
    model: str = ""
    detector: str = ""
    page: bool = True


def run_demo(demo: Demo) -> int:
    """Run the demo, print its progress and return the exit code."""
    try:
        with open_source(demo.video) as source:
            fps, length = demo.rate_hz or source.fps, source.length
        recorder = Recorder(demo.out, fps)
    except (PoseError, OSError) as error:
        print("demo: error: %s" % error, file=sys.stderr)
        return 1
    processes.isolate()
    rclpy.init()
    children: List["subprocess.Popen[bytes]"] = []
    try:
        code = play(DemoSubscriber(recorder), children, demo, length)
    except (KeyboardInterrupt, ExternalShutdownException):
        print("\nstopped")
        code = 130
    finally:
        processes.stop(children)
        if rclpy.ok():
            rclpy.shutdown()
    return finish(recorder) or code


def play(
    subscriber: DemoSubscriber,
    children: List["subprocess.Popen[bytes]"],
    demo: Demo,
    length: Optional[int],
) -> int:
    """Start the processes and collect messages until the camera has ended and all is answered.

    Args:
        subscriber: Node that collects the messages.
        children: List to which the processes are appended, so that the caller can stop them.
        demo: Settings of the demo.
        length: Number of images, None if unknown.

    Returns:
        The exit code.
    """
    print("1/3 starting the pose node")
    networks = {"model": demo.model, "detector": demo.detector}
    pose_node = processes.start_pose_node({name: value for name, value in networks.items() if value})
    children.append(pose_node)
    page = BesidePage(demo.page, children)
    if not wait_for_skeleton(subscriber, pose_node, page):
        return 1
    print("2/3 a camera process plays %s over DDS, the pose node answers" % demo.video)
    video = {"source": demo.video, "rate_hz": demo.rate_hz, "loop": False, "wait_for_subscribers": 2}
    camera = processes.start_video_node(video)
    children.append(camera)
    progress = Progress(length)
    while not is_over(subscriber, pose_node, camera):
        rclpy.spin_once(subscriber, timeout_sec=0.1)
        progress.show(subscriber.recorder, subscriber.persons)
        page.tell()
    progress.end()
    failed = any(child.poll() for child in (pose_node, camera))
    if failed:
        print("demo: error: a node ended too early", file=sys.stderr)
    return int(failed)


class BesidePage:
    """Serve a page beside the demo, and print its address or why there is none."""

    def __init__(self, wanted: bool, children: List["subprocess.Popen[bytes]"]) -> None:
        """Start the page; without aiohttp there is none.

        Args:
            wanted: Whether the user wants a page.
            children: List to which its process is appended.
        """
        self._page: Optional[Page] = None  # None also after all is told
        self._children = children
        if not wanted:
            return
        try:
            check_page()
        except PoseError as error:
            print("    no page in the browser: %s" % error)
            return
        self._page = Page()
        children.append(self._page.process)

    def tell(self) -> None:
        """Print, once, the address or why the page has ended."""
        page = self._page and self._page.renewed()
        if page is not self._page and page:
            self._page = page
            self._children.append(page.process)
        if page and (page.address or page.process.poll() is not None):
            self._page = None
            text = "watch at " + page.address if page.address else "no page in the browser: " + page.end_reason()
            print(("\r    %s" % text).ljust(79) if sys.stdout.isatty() else "    " + text, flush=True)


def wait_for_skeleton(subscriber: DemoSubscriber, pose_node: "subprocess.Popen[bytes]", page: BesidePage) -> bool:
    """Wait until the pose node has published its skeleton; return whether it did so in time.

    Args:
        subscriber: The subscriber.
        pose_node: Process of the pose node.
        page: The page, whose address may be known before.
    """
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while subscriber.skeleton is None and pose_node.poll() is None and time.monotonic() < deadline_s:
        rclpy.spin_once(subscriber, timeout_sec=0.1)
        page.tell()
    if subscriber.skeleton is None:
        print("demo: error: the pose node did not start", file=sys.stderr)
    return subscriber.skeleton is not None


def is_over(
    subscriber: DemoSubscriber, pose_node: "subprocess.Popen[bytes]", camera: "subprocess.Popen[bytes]"
) -> bool:
    """Return whether the demo has ended.

    It has if the pose node died or the video cannot be written. It also has once the camera ended and either the last
    image is answered or no message has come for some time.

    Args:
        subscriber: The subscriber.
        pose_node: Process of the pose node.
        camera: Process of the camera.
    """
    if pose_node.poll() is not None or subscriber.recorder.fault:
        return True
    if camera.poll() is None:
        return False
    all_answered = subscriber.newest is not None and subscriber.answered == subscriber.newest
    return all_answered or time.monotonic() - subscriber.news_s > IDLE_END_S


class Progress:
    """Print the progress: one line that changes on a terminal, a new line now and then elsewhere."""

    def __init__(self, length: Optional[int]) -> None:
        """Start with the number of images, None if unknown."""
        self._length, self._shown = length, 0
        self._on_terminal = sys.stdout.isatty()

    def show(self, recorder: Recorder, persons: int) -> None:
        """Print how far the recorder is, and the number of people in the newest image.

        Args:
            recorder: The recorder.
            persons: Number of people.
        """
        if recorder.arrays == self._shown or (not self._on_terminal and recorder.arrays % 30):
            return
        self._shown = recorder.arrays
        text = "    image %d/%s  %d people  %.1f ms from capture to publication"
        line = text % (recorder.images, self._length or "?", persons, recorder.latency_ms)
        print("\r" + line.ljust(78) if self._on_terminal else line, end="" if self._on_terminal else "\n", flush=True)

    def end(self) -> None:
        """End the line on a terminal."""
        if self._on_terminal:
            print()


def finish(recorder: Recorder) -> int:
    """Write the files and print the summary; return 1 if nobody was found or a file cannot be written, otherwise 0."""
    try:
        code = report(recorder.close())
    except OSError as error:
        print("demo: error: %s" % error, file=sys.stderr)
        return 1
    if recorder.fault:
        print("demo: error: %s" % recorder.fault, file=sys.stderr)
    return int(code or bool(recorder.fault))


def report(summary: Dict[str, Any]) -> int:
    """Print the summary; return 1 if nobody was found, otherwise 0."""
    latency = summary["capture_to_publish_ms"]
    print("3/3 results")
    print("    images        %d, of which %d answered" % (summary["images"], summary["images_with_poses"]))
    print("    people        %d seen, %d track ids" % (summary["people"], summary["track_ids"]))
    print("    published at  %s Hz" % summary["published_hz"])
    print("    latency       p50 %s ms, p99 %s ms from capture to publication" % (latency["p50"], latency["p99"]))
    for path in summary["files"].values():
        print("    file          %s" % path)
    if not summary["people"]:
        print("demo: error: no person was published", file=sys.stderr)
        return 1
    return 0
