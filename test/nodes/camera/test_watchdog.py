import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from endpoints import info, profile
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from pose_estimation_ros.nodes.camera.watchdog import COMPRESSED, RAW, Watchdog, ask_why, other_images, why_no_image
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE

BEST_EFFORT = ReliabilityPolicy.BEST_EFFORT


def test_quiet_while_images_come():
    dog = Watchdog("/image", 100.0)
    for second in range(101, 130):
        assert dog.check(second - 0.5, lambda _: pytest.fail("asks though all is well")) == ""
        assert dog.image(second) == ""
    assert dog.outage == ""


def test_what_the_first_image_waits_for_is_explained_once_within_two_seconds():
    dog = Watchdog("/image", 100.0)
    lines = [dog.explain_wait(100 + 0.95 * second, lambda _: "no publisher") for second in range(6)]
    assert lines == ["", "waiting for images on /image: no publisher", "", "", "", ""]
    dog = Watchdog("/image", 100.0)
    dog.image(100.5)
    assert dog.explain_wait(110.0, lambda _: pytest.fail("asks though an image came")) == ""


def test_an_outage_is_reported_at_its_begin_and_its_end():
    dog = Watchdog("/image", 100.0)
    dog.image(103.0)
    logged = {second: dog.check(second, lambda _: "stalled") for second in range(104, 116)}
    assert {second: line for second, line in logged.items() if line} == {108: "no image on /image for 5 s: stalled"}
    assert dog.outage == "no image on /image for 12 s: stalled"
    assert dog.image(115.4) == "images again on /image after 12 s"
    assert dog.outage == "" and dog.image(115.5) == ""


def test_a_long_outage_is_reported_now_and_then_and_a_new_reason_at_once():
    dog = Watchdog("/image", 0.0, limit_s=5.0, repeat_s=60.0)
    reasons = ["no publisher"] * 100 + ["stalled"] * 30
    logged = [second for second, reason in enumerate(reasons) if dog.check(second, lambda _, reason=reason: reason)]
    assert logged == [5, 65, 100]


@pytest.mark.parametrize(
    "step_s, silent_s", [(0.1, 5), (2.0, 5), (5.0, 10), (10.0, 20)], ids=["10 Hz", "0.5 Hz", "0.2 Hz", "0.1 Hz"]
)
def test_a_slow_camera_is_no_outage_but_its_end_is(step_s, silent_s):
    dog, logged = Watchdog("/image", 0.0), []
    images = [100.0 + index * step_s for index in range(12)]
    for now_s in sorted(images + [index + 0.5 for index in range(100, int(images[-1]) + 40)]):
        if now_s in images:
            dog.image(now_s)
        elif dog.check(now_s, lambda _: "stalled"):
            logged.append(now_s)
    known = [now_s for now_s in logged if now_s > images[2]]  # the rate, from the third image on
    assert known == [pytest.approx(images[-1] + silent_s, abs=1)]


def test_a_node_that_was_busy_does_not_blame_the_camera():
    """The first run of a network takes seconds; the check then comes before the image that waits."""
    dog = Watchdog("/image", 100.0)
    assert dog.check(101.0, lambda _: "stalled") == "" and dog.image(101.5) == ""
    assert dog.check(109.0, lambda _: pytest.fail("asks")) == "" and dog.outage == ""
    assert dog.image(109.1) == ""
    logged = {second: dog.check(second, lambda _: "stalled") for second in range(110, 117)}
    assert [second for second, line in logged.items() if line] == [115], "a real outage is still reported"


def test_each_outage_is_reported():
    dog = Watchdog("/image", 0.0)
    for start_s in (0.0, 20.0):
        assert not dog.check(start_s + 4, lambda _: "no publisher")
        assert dog.check(start_s + 6, lambda _: "no publisher")
        assert dog.image(start_s + 20).startswith("images again")


def test_the_reason_depends_on_whether_there_were_images():
    dog, heard = Watchdog("/image", 0.0), []
    dog.check(4.0, lambda had_images: heard.append(had_images) or "")
    dog.check(6.0, lambda had_images: heard.append(had_images) or "")
    dog.image(7.0)
    dog.check(11.0, lambda had_images: heard.append(had_images) or "")
    dog.check(13.0, lambda had_images: heard.append(had_images) or "")
    assert heard == [False, True]


OTHER_TOPICS = {
    "/camera/image_raw": RAW,
    "/rear/image_raw": RAW,
    "/map": RAW,
    "/zzz": RAW,
    "/jpg/compressed": COMPRESSED,
}
POOR = info("camera", "/front", reliability=BEST_EFFORT)


@pytest.mark.parametrize(
    "topic, wanted, infos, other_topics, requested, had_images, expected",
    [
        ("/image", RAW, [], {}, NEWEST_IMAGE, False, "no publisher; no other topic has such images"),
        ("/image", RAW, [], {}, NEWEST_IMAGE, True, "its publisher has gone; no other topic has such images"),
        ("/camera/imageraw", RAW, [], OTHER_TOPICS, NEWEST_IMAGE, False,
         "no publisher: did you mean /camera/image_raw or /rear/image_raw or /map?"),
        ("/jpg", RAW, [], OTHER_TOPICS, NEWEST_IMAGE, False,
         "no publisher; /jpg/compressed has images: set image_transport to compressed"),
        ("/map/compressed", COMPRESSED, [], OTHER_TOPICS, NEWEST_IMAGE, False,
         "no publisher; /map has images: set image_transport to raw"),
        ("/image", RAW, [info(topic_type=COMPRESSED)], {}, NEWEST_IMAGE, False,
         "publishers of another type: /camera sends sensor_msgs/msg/CompressedImage, expected sensor_msgs/msg/Image: "
         "set image_transport to compressed"),
        ("/image", COMPRESSED, [info(topic_type=RAW)], {}, NEWEST_IMAGE, True,
         "publishers of another type: /camera sends sensor_msgs/msg/Image, expected sensor_msgs/msg/CompressedImage: "
         "set image_transport to raw"),
        ("/image", RAW, [info(topic_type="std_msgs/msg/String")], {}, NEWEST_IMAGE, False,
         "publishers of another type: /camera sends std_msgs/msg/String, expected sensor_msgs/msg/Image"),
        ("/image", RAW, [POOR], {}, profile(), False,
         "incompatible QoS: /front/camera offers reliability best_effort, this node asks for reliable: set the "
         "parameter qos to best_effort or auto"),
        ("/image", RAW, [POOR, info("b")], {}, profile(), True, "stalled: nothing more from /b, /front/camera"),
        ("/image", RAW, [POOR], {}, NEWEST_IMAGE, True, "stalled: nothing more from /front/camera"),
        ("/image", RAW, [POOR], {}, NEWEST_IMAGE, False,
         "nothing yet from /front/camera, though type and QoS match: it sends none, or all are lost on the way"),
        ("/image", RAW, [info()], {}, NEWEST_IMAGE, False,
         "nothing yet from /camera, though type and QoS match: it sends none, or all are lost on the way (over WiFi "
         "large images are lost easily: try the parameter qos with reliable)"),
        ("/image", RAW, [info()], {}, profile(), False,
         "nothing yet from /camera, though type and QoS match: it sends none, or all are lost on the way"),
    ],
)  # fmt: skip
def test_reasons(topic, wanted, infos, other_topics, requested, had_images, expected):
    assert why_no_image(topic, wanted, infos, other_topics, requested, had_images) == expected


@pytest.fixture
def node(kept):
    node = kept(Node("pose", namespace="/robot"))
    node.create_publisher(Image, "/pose/image", profile())  # the overlay of this node is no camera
    return node


@pytest.fixture
def camera(ros):
    """Return a node in another participant, because in one participant a topic has a single type."""
    context = Context()
    context.init()
    camera = Node("camera", context=context)
    yield camera
    camera.destroy_node()
    context.shutdown()


def test_other_images_are_others_and_published(node, camera, wait_until):
    node.create_subscription(Image, "/nobody/sends", print, NEWEST_IMAGE)
    camera.create_publisher(Image, "/front/image_raw", profile())
    camera.create_publisher(CompressedImage, "/rear/compressed", profile())
    wait_until(lambda: len(other_images(node, "/image")) == 2)
    assert other_images(node, "/front/image_raw") == {"/rear/compressed": COMPRESSED}
    assert other_images(node, "/image") == {"/front/image_raw": RAW, "/rear/compressed": COMPRESSED}


def test_asking_the_middleware(node, camera, wait_until):
    subscription = node.create_subscription(Image, "/image", print, profile())
    assert ask_why(node, subscription, False) == "no publisher; no other topic has such images"
    jpeg = camera.create_publisher(CompressedImage, "/image", profile())
    wait_until(lambda: "set image_transport to compressed" in ask_why(node, subscription, False))
    camera.destroy_publisher(jpeg)
    wait_until(lambda: ask_why(node, subscription, False).startswith("no publisher"))
    camera.create_publisher(Image, "/image", profile(BEST_EFFORT))
    wait_until(lambda: "incompatible QoS: /camera offers reliability" in ask_why(node, subscription, False))
