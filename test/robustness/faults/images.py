"""Cause faults of the images and of their publishers. Each function gets a Rig whose node is at work."""

import array
import os
import random

import cv2
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from faults.camera import HEIGHT, WIDTH, Camera, compressed, image, picture
from pose_estimation_ros.nodes.demo.processes import start_video_node, stop

FLOOD_HZ = 200.0
ODD_SIZES = ((1, 1), (2, 2), (7, 5), (640, 480), (16, 1000), (800, 600))
ENCODINGS = {
    "rgb8": cv2.COLOR_BGR2RGB,
    "bgra8": cv2.COLOR_BGR2BGRA,
    "mono8": cv2.COLOR_BGR2GRAY,
}


def stalls(rig):
    """Send nothing; the rig waits until the node reports it."""


def restarts(rig):
    """End the camera driver and start it again, three times within a second."""
    for _ in range(3):
        rig.new_camera()
        rig.spin(0.3, rig.good)


def is_killed(rig):
    """Kill a camera process, so that it cannot leave DDS properly."""
    folder = os.path.join(os.path.dirname(rig.log_path), "pictures")
    os.makedirs(folder, exist_ok=True)
    cv2.imwrite(os.path.join(folder, "0.png"), picture())
    rig.close_camera()
    camera = start_video_node({"source": folder, "rate_hz": 20.0})
    before = len(rig.answered)
    try:
        assert rig.spin(until=lambda: len(rig.answered) > before + 10), "its images were not answered"
        camera.kill()
    finally:
        stop([camera])


def changes_size(rig):
    """Send images of odd sizes; each size must be answered."""
    for width, height in ODD_SIZES + ((WIDTH, HEIGHT),):
        _send_until_answered(rig, lambda: image(picture(width, height), rig.now_s))  # noqa: B023


def changes_encoding(rig):
    """Send images of several encodings; each must be answered."""
    for encoding, code in ENCODINGS.items():
        _send_until_answered(rig, lambda: image(cv2.cvtColor(picture(), code), rig.now_s, encoding))  # noqa: B023


def _send_until_answered(rig, make):
    """Send the images that make() returns until one is answered, whoever is in it."""
    before, last = len(rig.answered), make()
    done = rig.spin(send=lambda: rig.camera.publish(image=make()), until=lambda: len(rig.answered) > before)
    assert done, "no answer to %s of %d x %d" % (last.encoding, last.width, last.height)


def floods(rig):
    """Send good images much faster than the node can answer."""
    frame = picture(320, 240)
    rig.spin(3.0, lambda: rig.camera.good(rig.now_s, frame), FLOOD_HZ)


def garbage(rig):
    """Send every kind of inconsistent image, several times."""
    frame, data = picture(), array.array("B", b"\x80" * 1000)
    kinds = [
        dict(step=1), dict(step=3 * WIDTH - 1), dict(step=2**32 - 1), dict(data=data), dict(data=array.array("B")),
        dict(height=0), dict(width=0), dict(height=2**32 - 1), dict(width=2**32 - 1, step=2**32 - 1),
        dict(height=2**31, width=2**31, step=0), dict(encoding="nonsense"), dict(encoding=""), dict(encoding="16UC1"),
        dict(encoding="nv12"), dict(encoding="mono16"), dict(encoding="bgr8\n\u2603" * 100),
    ]  # fmt: skip
    waiting = [kind for _ in range(5) for kind in kinds]
    rig.spin(send=lambda: rig.camera.publish(image=image(frame, rig.now_s, **waiting.pop())), until=lambda: not waiting)


def compressed_garbage(rig):
    """Send truncated files, other formats, noise, and headers of files that would fill the memory."""
    frame, dice = picture(), random.Random(0)
    noise = [bytes(dice.randrange(256) for _ in range(2000)) for _ in range(10)]
    whole = cv2.imencode(".jpg", frame)[1].tobytes()
    damaged = [whole[:500] + noise[0][:50] + whole[550:], b"\xff\xd8" + noise[1], b"\x89PNG\r\n\x1a\n" + noise[2]]
    bombs = [cv2.imencode(".png", frame)[1].tobytes()]
    bombs = [png[:16] + b"\x00\x00\xff\xff\x00\x00\xff\xff" + png[24:] for png in bombs]
    messages = [compressed(frame, rig.now_s, suffix, keep) for suffix in (".jpg", ".png") for keep in (0.0, 0.1, 0.9)]
    for data in noise + damaged + bombs:
        messages.append(CompressedImage(header=messages[0].header, format="jpeg", data=array.array("B", data)))
    messages.append(CompressedImage(header=messages[0].header, format="16UC1; compressedDepth png"))
    waiting = 4 * messages
    rig.spin(send=lambda: rig.camera.publish(image=waiting.pop()), until=lambda: not waiting)


def wrong_type(rig):
    """Send another type on the image's topic, from another participant, because one has a single type for a topic."""
    context = Context()
    context.init(args=[])
    stranger = Node("stranger", context=context)
    publisher = stranger.create_publisher(CameraInfo, "image", 5)
    rig.spin(1.0, lambda: (rig.good(), publisher.publish(CameraInfo())))
    stranger.destroy_node()
    context.shutdown()


def all_qualities(rig):
    """Send images with each reliability and durability in turn; all must be answered."""
    for reliable in (True, False):
        for latched in (True, False):
            rig.new_camera(reliable=reliable, latched=latched)
            assert rig.recovery_s() is not None, "reliable %s, latched %s: not answered" % (reliable, latched)


def best_effort_only(rig):
    """Send images best effort to a node that requests reliable ones, so that none arrives."""
    rig.new_camera(reliable=False)
    rig.spin(1.0, rig.good)


def two_cameras_on_one_topic(rig):
    """Send images of two drivers, with different sizes and stamps, on the same topic."""
    second = Camera(rig.node)
    rig.spin(2.0, lambda: (rig.good(), second.good(rig.now_s - 5.0, picture(64, 48))))
    second.close()


def many_subscribers_come_and_go(rig):
    """Subscribe to the overlay and unsubscribe, ten times."""
    for _ in range(10):
        subscription = rig.node.create_subscription(Image, "pose/image", lambda _msg: None, QoSProfile(depth=1))
        rig.spin(0.2, rig.good)
        rig.node.destroy_subscription(subscription)
