"""Test several cameras on one node, live parameters, and the node's life cycle."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.pipeline import Pipeline, estimate_together
from pose_estimation_ros.nodes.camera import stream
from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.pose_node import output_prefixes


@pytest.fixture
def peer(kept):
    return kept(Node("peer"))


@pytest.fixture
def picture(blob):
    frame = np.zeros((128, 96, 3), np.uint8)
    blob(frame, (30, 40), (255, 255, 255), 12.0)
    return frame


def image(picture, sec, frame_id="camera", number=0):
    return array_to_image(picture, Header(stamp=Time(sec=sec, nanosec=number * 10**8), frame_id=frame_id))


@pytest.mark.parametrize(
    "topics, prefixes",
    [
        (["image"], [""]),
        (["/camera/image_raw"], [""]),
        (["/left/image_raw", "/right/image_raw"], ["/left/", "/right/"]),
        (["left/image", "image"], ["left/", ""]),
    ],
)
def test_output_prefixes(topics, prefixes):
    assert output_prefixes(topics) == prefixes


@pytest.mark.parametrize("topics", [[], [""], ["image", ""], ["a/x", "a/y"], ["x", "y"]])
def test_cameras_that_would_publish_the_same_topics_are_refused(topics):
    with pytest.raises(ConfigError, match="parameter image_topics: expected"):
        output_prefixes(topics)


@pytest.mark.parametrize("topics", [["/x", "x"], ["/left/image", "left/image"], ["/a/b/image", "/a_b/image"]])
def test_two_names_of_the_same_outputs_are_refused(make_pose_node, topics):
    with pytest.raises(ConfigError, match="parameter image_topics: expected a namespace of its own for each camera"):
        make_pose_node(image_topics=topics)


def test_two_cameras_have_their_own_topics_frames_stamps_and_people(make_pose_node, peer, picture, wait_until):
    topics = {"left": "/left/image_raw", "right": "/right/image_raw"}
    node, answers, cameras = make_pose_node(image_topics=sorted(topics.values())), {"left": [], "right": []}, {}
    for name, topic in topics.items():
        peer.create_subscription(PersonArray, "/%s/pose/keypoints" % name, answers[name].append, QoSProfile(depth=10))
        cameras[name] = peer.create_publisher(Image, topic, QoSProfile(depth=10))
    wait_until(lambda: all(c.get_subscription_count() == 1 for c in cameras.values()), node, peer)
    wait_until(lambda: peer.count_publishers("/right/pose/keypoints") == 1, node, peer)
    for number in (1, 2, 3):
        for name, sec in (("left", 100), ("right", 200)):
            cameras[name].publish(image(picture, sec, name, number))
            wait_until(lambda: len(answers[name]) == number, node, peer)  # noqa: B023
    for name, sec in (("left", 100), ("right", 200)):
        headers = [msg.header for msg in answers[name]]
        assert headers == [image(picture, sec, name, number).header for number in (1, 2, 3)]
        assert [[p.track_id for p in m.persons] for m in answers[name]] == [[1]] * 3, "each camera has its own ids"


@pytest.fixture
def runs(monkeypatch):
    """Return the number of cameras of each common run, in a list that grows."""
    seen = []

    def counted(requests):
        seen.append(len(requests))
        return estimate_together(requests)

    monkeypatch.setattr(stream, "estimate_together", counted)
    return seen


SIDES = ["/left/image_raw", "/right/image_raw"]


@pytest.mark.parametrize("together, expected", [("always", [2]), ("never", [1, 1]), ("auto", [1, 1])])
def test_images_that_wait_at_the_same_time_share_a_run(
    make_pose_node, picture, wait_until, monkeypatch, runs, together, expected
):
    """auto: not on a CPU."""
    node, sent = make_pose_node(image_topics=SIDES, cameras_together=together), []
    for camera, sec in zip(node.cameras, (1, 2)):
        monkeypatch.setattr(camera.results.publishers["pose/keypoints"], "publish", sent.append)
        camera.inputs.on_image(image(picture, sec))
    wait_until(lambda: len(sent) == 2, node)
    assert [msg.header.stamp.sec for msg in sent] == [1, 2] and all(msg.persons for msg in sent)
    assert runs == expected


def test_when_the_gpu_fails_cameras_wait_no_more(make_pose_node, picture, wait_until, monkeypatch, runs):
    node = make_pose_node(image_topics=SIDES)
    for on_gpu, expected in ((True, [2]), (False, [2, 1, 1])):
        monkeypatch.setattr(type(node.pipeline.backend), "on_gpu", on_gpu)
        for camera in node.cameras:
            camera.inputs.on_image(image(picture, 1 + len(runs)))
        wait_until(lambda: runs == expected, node)  # noqa: B023


def test_of_images_that_wait_the_newest_of_each_camera_counts(make_pose_node, picture, wait_until, monkeypatch, runs):
    node, sent = make_pose_node(image_topics=SIDES, cameras_together="always"), []
    left, right = node.cameras
    for camera in node.cameras:
        monkeypatch.setattr(camera.results.publishers["pose/keypoints"], "publish", sent.append)
    bad = image(picture, 4)
    bad.encoding = "nonsense"
    for camera, message in ((left, image(picture, 1)), (right, bad), (left, image(picture, 3))):
        camera.inputs.on_image(message)
    wait_until(lambda: sent, node)
    assert [msg.header.stamp.sec for msg in sent] == [3] and runs == [1]
    assert left.inputs.statistics.summary(0.0).dropped_total == {"replaced": 1}
    assert right.inputs.statistics.summary(0.0).bad_total == {"encoding": 1}


def test_what_waits_when_the_node_is_switched_off_is_dropped(make_pose_node, picture, wait_until, monkeypatch, runs):
    node, ticks = make_pose_node(image_topics=SIDES, cameras_together="always"), []
    node.cameras[0].inputs.on_image(image(picture, 1))
    assert node.set_parameters([Parameter("enabled", value=False)])[0].successful
    node.create_timer(0.0, lambda: ticks.append(1))
    wait_until(lambda: len(ticks) > 3, node)
    assert runs == []


def test_a_fault_of_a_shared_run_is_counted_for_each_camera(make_pose_node, picture, wait_until, monkeypatch):
    node = make_pose_node(image_topics=SIDES, cameras_together="always")

    def fail(looks):
        raise ValueError("no room for %d looks" % len(looks))

    monkeypatch.setattr(node.pipeline._estimator, "together", fail)
    for camera in node.cameras:
        camera.inputs.on_image(image(picture, 1))
    totals = [camera.inputs.statistics for camera in node.cameras]
    wait_until(lambda: all(s.summary(0.0).bad_total == {"unexpected": 1} for s in totals), node)


def test_keypoints_of_all_cameras_come_before_anything_else(make_pose_node, picture, wait_until, monkeypatch):
    node, order = make_pose_node(image_topics=SIDES, cameras_together="always"), []
    for name, camera in zip("ab", node.cameras):
        monkeypatch.setattr(camera.results.publishers["pose/keypoints"], "publish", lambda _, n=name: order.append(n))
        monkeypatch.setattr(camera, "_publish", lambda _, n=name: order.append("rest of " + n))
        camera.inputs.on_image(image(picture, 1))
    wait_until(lambda: len(order) == 4, node)
    assert order == ["a", "b", "rest of a", "rest of b"]


def test_images_do_not_wait_where_the_model_shares_no_runs(make_pose_node, picture, monkeypatch, runs):
    monkeypatch.setattr(Pipeline, "shares_runs", False)
    node = make_pose_node(image_topics=SIDES, cameras_together="always")
    for camera in node.cameras:
        camera.inputs.on_image(image(picture, 1))
    assert runs == [1, 1]


def test_what_waits_when_the_node_is_deactivated_is_dropped(make_pose_node, picture, wait_until, monkeypatch, runs):
    node = make_pose_node(image_topics=SIDES, cameras_together="always")
    for camera in node.cameras:
        camera.inputs.on_image(image(picture, 1))
    node.trigger_deactivate()
    ticks = []
    node.create_timer(0.0, lambda: ticks.append(1))
    wait_until(lambda: len(ticks) > 3, node)
    assert runs == []
    node.trigger_cleanup()
    node.trigger_configure()
    node.trigger_activate()
    node.cameras[0].inputs.on_image(image(picture, 1))
    wait_until(lambda: runs == [1], node)


def test_switched_off_it_ignores_images_and_on_again_goes_on(make_pose_node, picture, monkeypatch):
    node, sent = make_pose_node(), []
    monkeypatch.setattr(node.cameras[0].results.publishers["pose/keypoints"], "publish", sent.append)
    for sec, enabled in ((1, True), (2, False), (3, True)):
        assert node.set_parameters([Parameter("enabled", value=enabled)])[0].successful
        node.cameras[0].inputs.on_image(image(picture, sec))
    assert [msg.header.stamp.sec for msg in sent] == [1, 3]


def test_a_threshold_changes_what_is_published_from_the_next_image_on(make_pose_node, picture, monkeypatch):
    node, counts = make_pose_node(person_threshold=0.0), []

    def count(message):
        counts.append(sum(k.score > 0 for p in message.persons for k in p.keypoints))

    monkeypatch.setattr(node.cameras[0].results.publishers["pose/keypoints"], "publish", count)
    for sec, threshold in ((1, 0.2), (2, 1.0), (3, 0.2)):
        assert node.set_parameters([Parameter("score_threshold", value=threshold)])[0].successful
        node.cameras[0].inputs.on_image(image(picture, sec))
    assert counts[0] == counts[2] > counts[1] == 0


def test_the_steps_of_its_life(make_pose_node, peer, picture, wait_until):
    node = make_pose_node(auto_activate=False)
    assert node.cameras == []
    for _ in range(2):
        node.trigger_configure()
        assert peer.count_subscribers("/image") == 0
        node.trigger_activate()
        wait_until(lambda: peer.count_subscribers("/image") == 1, node, peer)
        node.trigger_deactivate()
        wait_until(lambda: peer.count_subscribers("/image") == 0, node, peer)
        node.trigger_cleanup()
        assert node.cameras == []
        wait_until(lambda: peer.count_publishers("/pose/keypoints") == 0, node, peer)


def test_a_model_that_is_missing_leaves_it_unconfigured_and_it_can_be_given_later(
    make_pose_node, tmp_path, color_model
):
    node = make_pose_node(auto_activate=False, model=str(tmp_path / "later.onnx"))
    node.trigger_configure()
    assert node.cameras == []
    for suffix in (".onnx", ".json"):
        (tmp_path / ("later" + suffix)).write_bytes(open(color_model.replace(".onnx", suffix), "rb").read())
    node.trigger_configure()
    assert len(node.cameras) == 1


def test_the_service_enable_sets_the_parameter(make_pose_node, ros, kept, wait_until):
    node, peer = make_pose_node(), kept(ros.create_node("operator"))
    client = peer.create_client(SetBool, "/pose_node/enable")
    wait_until(client.service_is_ready, node, peer)
    for enabled, words in ((False, "ignored"), (False, "ignored"), (True, "processed")):
        answer = client.call_async(SetBool.Request(data=enabled))
        wait_until(answer.done, node, peer)
        assert answer.result().success and words in answer.result().message
        assert node.get_parameter("enabled").value is enabled


def test_outputs_learn_that_no_more_images_come(make_pose_node, monkeypatch):
    node, paused = make_pose_node(), []
    monkeypatch.setattr(node.cameras[0].results, "pause", lambda: paused.append("paused"))
    for enabled, times in [(True, 0), (False, 1), (True, 1), (False, 2)]:
        assert node.set_parameters([Parameter("enabled", value=enabled)])[0].successful
        assert len(paused) == times
    node.deactivate()
    assert len(paused) == 3
