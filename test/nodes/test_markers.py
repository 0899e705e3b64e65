import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.depth import Joints
from pose_estimation_ros.core.poses import LOST, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.messages.markers import BONES, JOINTS, LABEL, SIZE_M, SIZE_PX
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


def lost(people):
    """Those people as Tracker.lost has them, in boxes of 40 x 100 px."""
    boxes = np.tile(np.array([300, 200, 340, 300], np.float32), (people.count, 1))
    state = np.full(people.count, LOST, np.uint8)
    return people._replace(score=np.zeros_like(people.score), state=state, box_xyxy=boxes)


def in_space(position, valid):
    """The joints of one person, position (3,) m where valid."""
    mask = np.isin(np.arange(17), valid)[None]
    places = np.where(mask[..., None], np.array(position, np.float32), np.nan).astype(np.float32)
    return Joints(places, np.full((1, 17, 3, 3), np.nan, np.float32), mask)


CAMERA = make_camera([500, 0, 319.5, 0, 500, 239.5, 0, 0, 1], [], "plumb_bob", (640, 480))


def maker(**options):
    return MarkerMaker(COCO, 0.01, 1.5, **options)


def xyz(point):
    return [point.x, point.y, point.z]


def test_nobody():
    assert maker()(empty_poses(17), HEADER, (640, 480)).markers == []


def test_only_found_keypoints_and_their_bones():
    bones, joints, label = maker()(people([4]), HEADER, (640, 480)).markers
    assert [m.id for m in (bones, joints, label)] == [BONES, JOINTS, LABEL]
    assert all(m.action == Marker.ADD and m.ns == "person_4" and m.header == HEADER for m in (bones, joints, label))
    assert len(bones.points) == 2, "wrist to elbow; the nose has no found neighbour"
    assert len(joints.points) == len(joints.colors) == 3
    assert label.text == "#4 75 %"
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


def test_a_camera_puts_the_plane_on_its_rays():
    bones, joints, label = maker(distance_m=2.0)(people([1], xy=(369.5, 239.5)), HEADER, (640, 480), CAMERA).markers
    np.testing.assert_allclose(xyz(joints.points[0]), (0.2, 0, 2), atol=1e-6)  # 50 px of 500 px focal length, 2 m away
    assert joints.scale.x == pytest.approx(SIZE_PX[JOINTS] * 2 / 500)
    assert xyz(label.pose.position)[1] < 0, "above: the optical frame's y is down"


def test_joints_in_space_are_where_they_are():
    seen, joints = people([1]), in_space((0.3, -0.1, 3), [WRIST, ELBOW])
    bones, balls, label = maker()(seen, HEADER, (640, 480), CAMERA, joints).markers
    assert [len(bones.points), len(balls.points), len(balls.colors)] == [2, 2, 2], "the nose has no depth"
    np.testing.assert_allclose([xyz(point) for point in balls.points], [(0.3, -0.1, 3)] * 2, rtol=1e-6)
    np.testing.assert_allclose(xyz(label.pose.position), (0.3, -0.1 - SIZE_M[LABEL], 3), rtol=1e-6)
    assert [m.scale.x for m in (bones, balls, label)] == list(SIZE_M)


@pytest.mark.parametrize("track_id, expected_z", [(1, 3.0), (-1, 1.0)])
def test_who_loses_their_depth_stays_as_far_away(track_id, expected_z):
    """But for the untracked, of whom nobody knows whether they are the same."""
    make, seen = maker(), people([track_id])
    make(seen, HEADER, (640, 480), CAMERA, in_space((0, 0, 3), [WRIST]))
    joints = make(seen, HEADER, (640, 480), CAMERA, in_space((0, 0, 3), [])).markers[1]
    assert joints.points[0].z == expected_z
    flat = make(seen, HEADER, (640, 480), CAMERA).markers[1]
    assert flat.points[0].z == 1.0, "without depth all are in the one plane"


@pytest.mark.parametrize("joints, expected_z", [(None, 1.0), (in_space((0, 0, 3), []), 3.0)])
def test_of_the_lost_the_label_stays_until_the_track_ends(joints, expected_z):
    make, seen = maker(), people([4])
    make(seen, HEADER, (640, 480), CAMERA, in_space((0, 0, 3), [WRIST]))
    bones, balls, label = make(lost(seen), HEADER, (640, 480), CAMERA, joints).markers
    assert [m.action for m in (bones, balls, label)] == [Marker.DELETE, Marker.DELETE, Marker.ADD]
    assert (label.text, label.pose.position.z) == ("#4 lost", expected_z)
    top = CAMERA.unproject(np.array([320, 200]), expected_z)  # of the box
    np.testing.assert_allclose(xyz(label.pose.position)[:2], top[:2] - [0, label.scale.z], atol=1e-6)
    ended = make(empty_poses(17), HEADER, (640, 480)).markers
    assert [(m.ns, m.id, m.action) for m in ended] == [("person_4", part, Marker.DELETE) for part in range(3)]


def test_what_the_lens_cannot_see_is_left_out():
    fisheye = make_camera([200, 0, 319.5, 0, 200, 239.5, 0, 0, 1], [0.1, 0, 0, 0], "equidistant", (640, 480))
    markers = maker()(people([1], xy=(5000, 0)), HEADER, (640, 480), fisheye).markers
    assert [m.action for m in markers] == [Marker.DELETE] * 3


def test_a_marker_without_content_is_a_deletion():
    bones, joints, label = maker()(people([1], found=[NOSE]), HEADER, (640, 480)).markers
    assert [m.action for m in (bones, joints, label)] == [Marker.DELETE, Marker.ADD, Marker.ADD]


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("where", ["plane", "camera", "space", "score", "box"])
def test_what_is_not_finite_or_too_far_away_is_not_shown(where, bad):
    poses, joints = people([1]), None
    camera = CAMERA if where == "camera" else None
    if where in ("plane", "camera"):
        poses.xy[0, WRIST, 0] = bad
    if where == "space":
        joints = in_space([0, 0, 2], [WRIST, NOSE, ELBOW])
        joints.position[0, WRIST, 1] = bad
    if where == "score":
        poses.person_score[0] = bad
    if where == "box":
        poses = lost(poses)
        poses.box_xyxy[0, 1] = bad
    with np.errstate(all="ignore"):
        markers = maker()(poses, HEADER, (640, 480), camera, joints).markers
    points = [xyz(point) for marker in markers for point in list(marker.points) + [marker.pose.position]]
    assert np.isfinite(points).all() and np.abs(points).max() < 1e6
    if where in ("plane", "camera", "space"):
        bones, dots, label = markers
        assert [m.action for m in markers] == [Marker.DELETE, Marker.ADD, Marker.ADD] and len(dots.points) == 2
