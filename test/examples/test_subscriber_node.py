import signal
import subprocess
import sys
import time

import pytest
from ros_domains import next_domain

rclpy = pytest.importorskip("rclpy", reason="needs ROS")

TIMEOUT_S = 60
DOMAIN = next_domain()


@pytest.fixture
def publisher():
    """A node of this process, in a domain of its own, with publishers of the two topics."""
    from pose_estimation_ros.msg import PersonArray, Skeleton
    from rclpy.node import Node

    from pose_estimation_ros.nodes.qos import LATCHED, OUTPUT

    context = rclpy.Context()
    rclpy.init(args=[], context=context, domain_id=DOMAIN)
    node = Node("publisher", context=context)
    node.skeletons = node.create_publisher(Skeleton, "pose/skeleton_info", LATCHED)
    node.people = node.create_publisher(PersonArray, "pose/keypoints", OUTPUT)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def array(*found):
    """Two people whose only joint that was found is the one given."""
    from pose_estimation_ros.msg import Keypoint, Person, PersonArray

    persons = []
    for number in (1, 2):
        joints = [Keypoint(x=10.0 * i + number, y=20.0 * i, score=1.0 if i in found else 0.0) for i in range(17)]
        persons.append(Person(track_id=number, keypoints=joints))
    return PersonArray(persons=persons, skeleton="coco17")


@pytest.fixture
def said(repository, environment, publisher, tmp_path):
    """A function: name of a skeleton, messages and words -> what the example has said once it has said the words."""
    from pose_estimation_ros.core.skeleton import get_skeleton
    from pose_estimation_ros.nodes.conversions import skeleton_to_msg

    def say(skeleton, messages, words):
        publisher.skeletons.publish(skeleton_to_msg(get_skeleton(skeleton)))  # before the example: it is latched
        environment.update(ROS_DOMAIN_ID=str(DOMAIN), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
        command = [sys.executable, str(repository / "examples" / "subscriber_node.py")]
        log = tmp_path / "log"
        with log.open("w") as file:
            process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while words not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
                for people in messages:
                    publisher.people.publish(people)
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_S) == 0, log.read_text()
        finally:
            process.kill()
        return log.read_text()

    return say


def test_it_says_where_the_wrists_are(said):
    from pose_estimation_ros.core.skeleton import get_skeleton

    wrist = get_skeleton("coco17").keypoints.index("right_wrist")
    text = said("coco17", [array(wrist)], "person 2")
    assert "person 1: wrist at %d, %d px" % (10 * wrist + 1, 20 * wrist) in text, text
    assert "person 2: wrist at %d, %d px" % (10 * wrist + 2, 20 * wrist) in text and "Traceback" not in text


def test_it_says_that_the_skeleton_has_no_such_joint(said):
    text = said("hand21", [array(1)], "has no right_wrist")
    assert "skeleton hand21 has no right_wrist, only wrist, thumb1, " in text, text
    assert "px" not in text and "Traceback" not in text


def test_people_of_another_model_wait_for_its_skeleton(said):
    """As after pose_node was started again with a model of fewer or other keypoints."""
    from pose_estimation_ros.msg import Person, PersonArray

    from pose_estimation_ros.core.skeleton import get_skeleton

    wrist = get_skeleton("coco17").keypoints.index("right_wrist")
    few = PersonArray(persons=[Person(track_id=3)], skeleton="few")
    other = array(wrist)
    other.skeleton, other.persons = "other", [Person(track_id=4, keypoints=other.persons[0].keypoints)]
    text = said("coco17", [few, other, array(wrist)], "person 2")
    assert "Traceback" not in text and "person 3" not in text and "person 4" not in text
