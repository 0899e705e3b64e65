"""Show live what the pose node sees in a camera or a video: camera, pose node and page as three child processes.

This process only starts, watches and ends them; it does not load ROS.
"""

import contextlib
import importlib.util
import os
import signal
import sys
import time
import webbrowser
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.imaging.video import URL, open_source
from pose_estimation_ros.inference.options import DEFAULTS, PipelineOptions
from pose_estimation_ros.nodes.demo import processes
from pose_estimation_ros.nodes.demo.node_process import NodeProcess, pass_on
from pose_estimation_ros.nodes.demo.page import LOOPBACK, Page, check_page
from pose_estimation_ros.nodes.launching.node_keywords import image_publisher_environment

POLL_S = 0.1
LAST_RESULTS_S = 1.0  # from the end of the source on, so that the page shows its last image
PICTURES_HZ = 30.0  # the page is on this machine
NO_ROS = "needs rclpy: `make setup` brings it into .venv without ROS; with ROS, source /opt/ros/DISTRO/setup.bash first"
NO_MESSAGES = "needs the messages of this package: `make setup` or colcon builds them"
ON_A_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY")


class Live(NamedTuple):
    """Describe what is shown and how.

    Attributes:
        source: Camera, video, folder, image or URL, as for imaging.video.open_source.
        options: Options of the pipeline; those that have their default are left to the pose node.
        host: Address at which the page listens.
        port: Port of the page; 0: any that is free; None: the usual one, or any where that is in use.
        browser: Whether to open a browser; None: on a desktop.
        loop: Whether a video begins again at its end.
    """

    source: str = "0"
    options: PipelineOptions = DEFAULTS
    host: str = LOOPBACK
    port: Optional[int] = None
    browser: Optional[bool] = None
    loop: bool = True


def show_live(live: Live, say: Callable[[str], Any] = print) -> None:
    """Show a source until it ends, where it does not begin again, or until Ctrl-C or SIGTERM, as KeyboardInterrupt.

    Args:
        live: What is shown and how.
        say: Function that gets the lines for the user.

    Raises:
        ConfigError: Something is not installed.
        DataError: The source cannot be read, or one of the processes has ended, with its reason.
    """
    check_installed()
    check_source(live.source)
    processes.isolate()
    children: List[NodeProcess] = []
    with one_interrupt() as ignore_signals:
        try:
            say("starting the camera (%s), the pose node (%s) and the page" % (live.source, live.options.model))
            page = start(live, children)
            watch(page, children, lambda address: announce(address, live.browser, say))
            say("the source has ended")
            time.sleep(LAST_RESULTS_S)
        finally:
            ignore_signals()
            processes.stop([child.process for child in children])


def check_installed() -> None:
    """Raise ConfigError that names what is missing and how to install it."""
    if importlib.util.find_spec("rclpy") is None:
        raise ConfigError("`pose live` " + NO_ROS)
    if importlib.util.find_spec("pose_estimation_ros.msg") is None:
        raise ConfigError("`pose live` " + NO_MESSAGES)
    check_page()


def check_source(source: str) -> None:
    """Raise DataError if the source cannot be opened; a URL is left to the camera node, as some allow one reader only.

    Args:
        source: Name of the source.
    """
    if URL.match(source):
        return
    try:
        open_source(source).close()
    except DataError as error:
        is_camera = source.isdecimal() or source.startswith("/dev/")
        hint = "; to play a video instead: pose live VIDEO" if is_camera else ""
        raise DataError(str(error) + hint)


@contextlib.contextmanager
def one_interrupt() -> Iterator[Callable[[], None]]:
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does.

    Yields:
        A function after whose call neither of both interrupts any more, so that all processes are ended.
    """

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    def ignore() -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(live: Live, children: List[NodeProcess]) -> Page:
    """Start the page, the pose node and the camera; return the page.

    Args:
        live: What is shown and how.
        children: List to which the processes are appended, so that the caller can end them.
    """
    page = Page(live.host, live.port)
    children.append(page)
    children.append(NodeProcess("pose_node", node_parameters(live.options), on_line=pass_on))
    camera = {"source": live.source, "loop": live.loop, "wait_for_subscribers": 1}
    children.append(NodeProcess("video_node", camera, image_publisher_environment(), pass_on))
    return page


def node_parameters(options: PipelineOptions) -> Dict[str, Any]:
    """Return the parameters of the pose node: the options that have not their default.

    Args:
        options: Options of the pipeline.
    """
    chosen = {name: value for name, value in options._asdict().items() if value != getattr(DEFAULTS, name)}
    return dict(chosen, overlay_rate_hz=PICTURES_HZ)


def announce(address: str, browser: Optional[bool], say: Callable[[str], Any]) -> None:
    """Tell the address of the page, and open a browser.

    Args:
        address: The address.
        browser: Whether to open a browser; None: on a desktop.
        say: Function that gets the lines for the user.
    """
    domain = "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=%s" % os.environ.get("ROS_DOMAIN_ID", "0")
    say("watch at %s in a browser; Ctrl-C ends" % address)
    say("the topics are in %s" % domain)
    desktop = any(os.environ.get(name) for name in ON_A_DESKTOP) or sys.platform == "darwin"
    if browser and not desktop:
        say("no desktop here to open a browser on: open the address yourself")
    elif desktop and browser is not False:
        webbrowser.open(address)


def watch(page: Page, children: List[NodeProcess], on_address: Callable[[str], Any]) -> None:
    """Return when the source has ended.

    Args:
        page: The page.
        children: The page, the pose node and the camera; a new page takes the place of one without a port.
        on_address: Function that gets the address of the page when it is known.

    Raises:
        DataError: A process has ended before, with its reason.
    """
    told = False
    while True:
        page = page.renewed()
        children[0] = page
        codes = [child.process.poll() for child in children]
        if codes[-1] == 0:
            return
        for child, code in zip(children, codes):
            if code is not None:
                raise DataError("%s: %s" % (child.name, child.end_reason()))
        if page.address and not told:
            told = True
            on_address(page.address)
        time.sleep(POLL_S)
