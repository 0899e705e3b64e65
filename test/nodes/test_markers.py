import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.markers import BONES, JOINTS, LABEL
from pose_estimation_ros.nodes.markers import MarkerMaker

COCO = get_skeleton("coco17")
HEADER = Header(frame_id="camera")
WRIST, ELBOW, NOSE = (COCO.keypoints.index(name) for name in ("left_wrist", "left_elbow", "nose"))


def people(track_ids, found=(WRIST, ELBOW, NOSE), xy=(320, 240)):
    """People whose found keypoints all lie at xy."""
    count = len(track_ids)
    score = np.zeros((count, 17))
    score[:, list(found)] = 0.8
    points = np.broadcast_to(np.array(xy, float), (count, 17, 2))
    return make_poses(points, score, np.zeros((count, 4)), np.full(count, 0.75), track_ids)


def maker():
    return MarkerMaker(COCO, 0.01, 1.5)


def test_nobody():
    assert maker()(empty_poses(17), HEADER, (640, 480)).markers == []


def test_only_found_keypoints_and_their_bones():
    bones, joints, label = maker()(people([4]), HEADER, (640, 480)).markers
    assert [m.id for m in (bones, joints, label)] == [BONES, JOINTS, LABEL]
    assert all(m.action == Marker.ADD and m.ns == "person_4" and m.header == HEADER for m in (bones, joints, label))
    assert len(bones.points) == 2, "wrist to elbow; the nose has no found neighbour"
    assert len(joints.points) == len(joints.colors) == 3
    assert label.text == "4"
    assert bones.lifetime.sec == 1 and bones.lifetime.nanosec == 500000000
    assert all(0 <= channel <= 1 for color in joints.colors for channel in (color.r, color.g, color.b, color.a))


@pytest.mark.parametrize(
    "xy, expected", [((319.5, 239.5), (0, 0)), ((0, 239.5), (-3.195, 0)), ((319.5, 479), (0, 2.395))]
)
def test_points_lie_in_the_optical_frame(xy, expected):
    joints = maker()(people([1], xy=xy), HEADER, (640, 480)).markers[1]
    np.testing.assert_allclose(
        [joints.points[0].x, joints.points[0].y, joints.points[0].z], expected + (1.0,), atol=1e-6
    )


def test_those_who_left_are_deleted_once():
    make = maker()
    make(people([1, 2]), HEADER, (640, 480))
    second = make(people([2, 3]), HEADER, (640, 480)).markers
    assert [(m.ns, m.id) for m in second if m.action == Marker.DELETE] == [("person_1", i) for i in range(3)]
    third = make(people([2, 3]), HEADER, (640, 480)).markers
    assert all(m.action == Marker.ADD for m in third)


def test_two_untracked_people_do_not_share_markers():
    markers = maker()(people([-1, -1]), HEADER, (640, 480)).markers
    assert len({(m.ns, m.id) for m in markers}) == 6
    assert markers[2].text == "75 %"


def test_a_person_without_keypoints_has_only_deletions():
    markers = maker()(people([1], found=()), HEADER, (640, 480)).markers
    assert [m.action for m in markers] == [Marker.DELETE] * 3
