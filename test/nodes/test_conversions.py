import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from pose_estimation_ros.msg import Person, Person3D, PersonArray, PersonArray3D
from pose_estimation_ros.msg import Skeleton as SkeletonMsg
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from pose_estimation_ros.core import poses as states
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.poses import LOST, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.core.space.depth import SURFACE_M, Joints, joints_in_space
from pose_estimation_ros.core.space.people_3d import (
    FROM_DEPTH,
    FROM_GROUND,
    FROM_HEIGHT,
    NO_SOURCE,
    PREDICTED,
    People3D,
    unknown_people,
)
from pose_estimation_ros.messages.markers import BONES, JOINTS, LABEL, SIZE_M, SIZE_PX
from pose_estimation_ros.messages.poses import camera_from_info, msg_to_joints, msg_to_people, msg_to_poses, stamp_to_s
from pose_estimation_ros.nodes.conversions import (
    MarkerMaker,
    array_to_image,
    depth_to_array,
    image_to_array,
    msg_to_skeleton,
    optional_messages,
    people_to_msg,
    poses_to_msg,
    skeleton_to_msg,
)

HEADER = Header(stamp=Time(sec=12, nanosec=500000000), frame_id="camera_3")


def random_poses(count, keypoints=17):
    rng = np.random.RandomState(0)
    xy = rng.uniform(-50, 700, (count, keypoints, 2))
    score, boxes = rng.uniform(0, 1, (count, keypoints)), rng.uniform(0, 600, (count, 4))
    poses = make_poses(xy, score, boxes, rng.uniform(0, 1, count), np.arange(count) * 7 - 1)
    velocity = rng.uniform(-90, 90, (count, keypoints, 2)).astype(np.float32)
    return poses.replace(state=np.arange(count, dtype=np.uint8) % 4, velocity=velocity)


@pytest.mark.parametrize("count, keypoints", [(0, 17), (1, 17), (3, 14), (2, 1), (2, 2), (2, 5), (2, 21), (20, 133)])
def test_poses_round_trip_over_the_wire(count, keypoints):
    poses = random_poses(count, keypoints) if count else empty_poses(keypoints)
    msg = poses_to_msg(poses, HEADER, (640, 480), "coco17")
    sent = serialize_message(msg)
    assert len(sent) <= 100 + count * (40 + 20 * keypoints), "five float32 for each keypoint: 55 kB for 20 x 133"
    back = deserialize_message(sent, PersonArray)
    assert (back.header, back.skeleton, back.image_width, back.image_height) == (HEADER, "coco17", 640, 480)
    for expected, actual in zip(poses.fields().values(), msg_to_poses(back, keypoints).fields().values()):
        assert expected.dtype == actual.dtype
        np.testing.assert_array_equal(expected, actual)


def test_persons_that_are_filled_again_are_as_new_ones():
    spare = []
    for count in (2, 0, 5, 1, 3):
        poses = random_poses(5).select(slice(5 - count, 5))
        again = poses_to_msg(poses, HEADER, (640, 480), "coco17", spare)
        assert again == poses_to_msg(poses, HEADER, (640, 480), "coco17") and len(again.persons) == count
    assert len(spare) == 5, "no more than the most people of an image"


def test_a_person_with_other_keypoints_is_refused():
    msg = poses_to_msg(random_poses(2, 14), HEADER, (640, 480), "crowdpose14")
    with pytest.raises(FrameError, match="expected 17 keypoints per person, got .14."):
        msg_to_poses(msg, 17)


@pytest.mark.parametrize("name", ["NO_STATE", "TENTATIVE", "CONFIRMED", "LOST"])
def test_states_have_the_messages_numbers(name):
    assert getattr(Person, "STATE_" + {"NO_STATE": "NONE"}.get(name, name)) == getattr(states, name)


def test_the_lost_have_a_box_and_no_keypoints():
    visible = random_poses(1)
    gone = random_poses(1).replace(score=np.zeros((1, 17), np.float32), state=np.array([states.LOST], np.uint8))
    first, second = poses_to_msg(states.joined(visible, gone), HEADER, (640, 480), "coco17").persons
    assert (first.state, second.state) == (Person.STATE_NONE, Person.STATE_LOST)
    assert [k.score for k in second.keypoints] == [0.0] * 17
    assert second.box_xyxy.tolist() == gone.box_xyxy[0].tolist()


def random_joints(count):
    """Return joints, a third of which are not valid."""
    rng = np.random.RandomState(1)
    valid = rng.uniform(0, 1, (count, 17)) > 0.3
    position = np.where(valid[..., None], rng.uniform(-2, 5, (count, 17, 3)), np.nan)
    covariance = np.where(valid[..., None, None], rng.uniform(0, 1, (count, 17, 3, 3)), np.nan)
    return Joints(position.astype(np.float32), covariance.astype(np.float32), valid)


def random_people(count):
    """Return places of people, of whom the last one is not known; numbers that a float32 holds exactly."""
    rng = np.random.RandomState(2)
    fields = [
        rng.uniform(-5, 5, (count,) + shape).astype(np.float32).astype(float) for shape in 2 * [(3,), (3, 3)] + [()]
    ]
    people = People3D(*fields, np.arange(count, dtype=np.uint8) % 5)
    for field, nothing in zip(people, unknown_people(1)):
        field[max(count - 1, 0) :] = nothing[:count]
    return people


@pytest.mark.parametrize("name, source", [
    ("NONE", NO_SOURCE), ("DEPTH", FROM_DEPTH), ("GROUND", FROM_GROUND), ("HEIGHT", FROM_HEIGHT),
    ("PREDICTED", PREDICTED),
])  # fmt: skip
def test_sources_have_the_messages_numbers(name, source):
    assert getattr(Person3D, "SOURCE_" + name) == source


def test_constants_name_the_keypoints_of_coco17():
    names = [name.upper() for name in SKELETONS["coco17"].keypoints]
    assert [getattr(SkeletonMsg, "COCO17_" + name) for name in names] == list(range(17))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_people_in_space_round_trip_over_the_wire(count):
    poses, joints, people = random_poses(count), random_joints(count), random_people(count)
    msg = people_to_msg(poses, joints, people, HEADER, "coco17")
    back = deserialize_message(serialize_message(msg), PersonArray3D)
    assert (back.header, back.skeleton) == (HEADER, "coco17")
    for expected, actual in zip(joints + people, msg_to_joints(back, 17) + msg_to_people(back)):
        assert expected.dtype == actual.dtype
        np.testing.assert_array_equal(expected, actual)
    for person, msg in enumerate(back.persons):
        assert (msg.track_id, msg.state) == (poses.track_id[person], poses.state[person])
        assert msg.score == poses.person_score[person]
        assert [k.score for k in msg.keypoints] == poses.score[person].tolist()


def test_covariance_is_row_by_row():
    joints = Joints(np.zeros((1, 17, 3)), np.tile(np.arange(9.0).reshape(3, 3), (1, 17, 1, 1)), np.ones((1, 17), bool))
    joints = joints._replace(covariance=joints.covariance.astype("f4"))
    msg = people_to_msg(random_poses(1), joints, unknown_people(1), HEADER, "coco17")
    assert msg.persons[0].keypoints[16].covariance.tolist() == list(range(9))


def info(**fields):
    k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    p = [450.0, 0.0, 300.0, 0.0, 0.0, 450.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    d = [0.1, -0.2, 0.0, 0.0, 0.0]
    return CameraInfo(**dict(dict(k=k, p=p, d=d, width=640, height=480, distortion_model="plumb_bob"), **fields))


@pytest.mark.parametrize(
    "fields, rectified, matrix, size_wh",
    [
        (dict(), False, (500, 510, 320, 240), (640, 480)),
        (dict(binning_x=2, binning_y=2), False, (250, 255, 160, 120), (320, 240)),
        (
            dict(roi=RegionOfInterest(x_offset=100, y_offset=40, width=200, height=300)),
            False,
            (500, 510, 220, 200),
            (200, 300),
        ),
        (dict(), True, (450, 450, 300, 230), (640, 480)),
    ],
)
def test_a_camera_from_its_info(fields, rectified, matrix, size_wh):
    camera = camera_from_info(info(**fields), rectified)
    (fx, _, cx), (_, fy, cy), _ = camera.matrix
    assert (fx, fy, cx, cy) == matrix
    assert camera.size_wh == size_wh
    assert camera.lens.coefficients[:2] == ((0.0, 0.0) if rectified else (0.1, -0.2))


@pytest.mark.parametrize("fields", [dict(k=[0.0] * 9), dict(width=0), dict(distortion_model="mei")])
def test_an_info_that_does_not_calibrate(fields):
    with pytest.raises(FrameError) as caught:
        camera_from_info(info(**fields))
    assert caught.value.kind == "camera_info"


def test_depth_as_realsense_sends_it():
    """RealSense sends millimetres in 16UC1, is_bigendian 0, without padding: here of a person 2.5 m away."""
    data = np.full((480, 640), 2500, "<u2").tobytes()
    msg = Image(height=480, width=640, encoding="16UC1", is_bigendian=0, step=1280, data=data)
    depth, encoding = depth_to_array(msg)
    assert (depth.shape, depth.dtype, encoding) == ((480, 640), np.uint16, "16UC1")
    poses = make_poses(np.full((1, 17, 2), 320), np.ones((1, 17)), np.array([[280, 100, 360, 380]]), np.ones(1))
    joints = joints_in_space(poses, depth, encoding, camera_from_info(info(d=[])), SKELETONS["coco17"])
    assert joints.valid.all()
    flesh_m = joints.position[0, :, 2] - 2.5
    assert (flesh_m > 0).all() and (flesh_m <= max(SURFACE_M.values())).all()


BARE = Skeleton("bare", ("a", "b", "c"), (), (), None)
LARGEST = Skeleton("largest", tuple(map(str, range(255))), ((0, 254),), ((253, 254),), (0.05,) * 255)


@pytest.mark.parametrize("skeleton", [BARE, LARGEST, *SKELETONS.values()], ids=lambda skeleton: skeleton.name)
def test_skeleton_round_trip_over_the_wire(skeleton):
    msg = deserialize_message(serialize_message(skeleton_to_msg(skeleton)), SkeletonMsg)
    assert msg_to_skeleton(msg) == skeleton
    assert list(zip(msg.flip_pairs[::2], msg.flip_pairs[1::2])) == list(skeleton.flip_pairs)
    np.testing.assert_allclose(msg.oks_sigmas, skeleton.sigmas or [0.08] * skeleton.num_keypoints, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 3), (480, 640, 3)])
def test_image_round_trip(shape):
    frame = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    msg = array_to_image(frame[:, ::-1], HEADER)
    assert msg.header == HEADER and msg.step * msg.height == len(msg.data)
    np.testing.assert_array_equal(image_to_array(msg), frame[:, ::-1])


def test_a_rare_encoding_without_cv_bridge(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    msg = array_to_image(np.zeros((2, 2, 3), np.uint8), HEADER)
    msg.encoding = "bgr32"
    with pytest.raises(FrameError, match="got 'bgr32'; others need cv_bridge, which is not installed") as caught:
        image_to_array(msg)
    assert caught.value.kind == "encoding"


def test_stamp():
    assert stamp_to_s(HEADER.stamp) == 12.5


def test_classes_of_an_installed_package(monkeypatch):
    module = SimpleNamespace(IdsList=int, Skeleton2D=float)
    monkeypatch.setitem(sys.modules, "hri_msgs", SimpleNamespace(msg=module))
    monkeypatch.setitem(sys.modules, "hri_msgs.msg", module)
    assert optional_messages("hri_msgs", ["IdsList"]).IdsList is int
    with pytest.raises(ConfigError, match="a hri_msgs with Gaze, got one without"):
        optional_messages("hri_msgs", ["IdsList", "Gaze"])


def test_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "foxglove_msgs", None)
    with pytest.raises(ConfigError, match="expected foxglove_msgs, install ros-.ROS_DISTRO-foxglove-msgs"):
        optional_messages("foxglove_msgs", ["Color"])


COCO = get_skeleton("coco17")
WRIST, ELBOW, NOSE = (COCO.keypoints.index(name) for name in ("left_wrist", "left_elbow", "nose"))


def people(track_ids, visible=(WRIST, ELBOW, NOSE), xy=(320, 240)):
    """Return people whose visible keypoints all lie at xy."""
    count = len(track_ids)
    score = np.zeros((count, 17))
    score[:, list(visible)] = 0.8
    points = np.broadcast_to(np.array(xy, float), (count, 17, 2))
    return make_poses(points, score, np.zeros((count, 4)), np.full(count, 0.75), track_ids)


def lost(people):
    """Return those people as Tracker.lost has them, in boxes of 40 x 100 px."""
    boxes = np.tile(np.array([300, 200, 340, 300], np.float32), (people.count, 1))
    state = np.full(people.count, LOST, np.uint8)
    return people.replace(score=np.zeros_like(people.score), state=state, box_xyxy=boxes)


def in_space(position, valid):
    """Return the joints of one person, all valid ones at a position (3,) in m."""
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


def test_only_visible_keypoints_and_their_bones():
    bones, joints, label = maker()(people([4]), HEADER, (640, 480)).markers
    assert [m.id for m in (bones, joints, label)] == [BONES, JOINTS, LABEL]
    assert all(m.action == Marker.ADD and m.ns == "person_4" and m.header == HEADER for m in (bones, joints, label))
    assert len(bones.points) == 2, "wrist to elbow; the nose has no visible neighbour"
    assert len(joints.points) == len(joints.colors) == 3
    assert label.text == "#4 75 %"
    assert bones.lifetime.sec == 1 and bones.lifetime.nanosec == 500000000
    assert all(0 <= channel <= 1 for color in joints.colors for channel in (color.r, color.g, color.b, color.a))


@pytest.mark.parametrize(
    "lifetime_s, step_s, expected_s",
    [(1.5, 0.1, 1.5), (1.5, 0.5, 1.5), (1.5, 2.0, 4.0), (1.5, 5.0, 10.0), (1.5, 0.0, 1.5), (0.0, 2.0, 0.0)],
)
def test_markers_stay_until_the_next_image_at_any_rate(lifetime_s, step_s, expected_s):
    make_markers = MarkerMaker(COCO, 0.01, lifetime_s)
    for stamp_s in 100 + step_s * np.arange(3):
        stamp = Time(sec=int(stamp_s), nanosec=round(stamp_s % 1 * 1e9))
        header = Header(stamp=stamp, frame_id="camera")
        bones = make_markers(people([4]), header, (640, 480)).markers[0]
    assert bones.lifetime.sec + 1e-9 * bones.lifetime.nanosec == pytest.approx(expected_s)


@pytest.mark.parametrize(
    "xy, expected", [((319.5, 239.5), (0, 0)), ((0, 239.5), (-3.195, 0)), ((319.5, 479), (0, 2.395))]
)
def test_points_lie_in_the_optical_frame(xy, expected):
    joints = maker()(people([1], xy=xy), HEADER, (640, 480)).markers[1]
    np.testing.assert_allclose(
        [joints.points[0].x, joints.points[0].y, joints.points[0].z], expected + (1.0,), atol=1e-6
    )


def test_a_camera_puts_the_plane_on_its_rays():
    seen = people([1], visible=[WRIST, ELBOW], xy=(369.5, 239.5))
    bones, joints, label = maker(distance_m=2.0)(seen, HEADER, (640, 480), CAMERA).markers
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


@pytest.mark.parametrize(
    "frame, above", [("map", (0, 0, 1)), ("base_link", (0, 0, 1)), ("other_optical_frame", (0, -1, 0))]
)
def test_in_another_frame_all_that_is_shown_is_there(frame, above):
    make, both = maker(), people([1, 2])
    joints = in_space((3, 0.3, 1), [WRIST, ELBOW])
    joints = Joints(*(np.concatenate([part, part]) for part in joints))
    markers = make(both, HEADER, (640, 480), CAMERA, joints, Header(frame_id=frame)).markers
    assert len(markers) == 6 and all(m.header.frame_id == frame for m in markers)
    np.testing.assert_allclose(xyz(markers[2].pose.position), (3, 0.3, 1) + SIZE_M[LABEL] * np.array(above), rtol=1e-6)


@pytest.mark.parametrize("depth_m, expected_z", [(4.0, 4.0), (np.nan, 1.0), (None, 1.0)])
def test_people_without_joints_stand_on_the_cameras_rays_whatever_the_frame_of_the_others(depth_m, expected_z):
    make, both = maker(), people([1, 2])
    joints = Joints(*(np.concatenate([part, part]) for part in in_space((3, 0.3, 1), [WRIST, ELBOW])))
    joints.valid[0] = False
    depths_m = None if depth_m is None else np.array([depth_m, 2.0])
    for _ in range(2):
        markers = make(both, HEADER, (640, 480), CAMERA, joints, Header(frame_id="map"), depths_m).markers
        assert [m.header.frame_id for m in markers] == [HEADER.frame_id] * 3 + ["map"] * 3
        assert markers[1].points[0].z == pytest.approx(expected_z)


@pytest.mark.parametrize("track_id, expected_z", [(1, 3.0), (-1, 1.0)])
def test_who_loses_their_depth_stays_as_far_away(track_id, expected_z):
    """Untracked people are an exception, because they may be others in the next image."""
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
    bones, joints, label = maker()(people([1], visible=[NOSE]), HEADER, (640, 480)).markers
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
    markers = maker()(people([1], visible=()), HEADER, (640, 480)).markers
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


def grid(keypoints, step):
    """Return places (K, 3) on a square grid in a plane."""
    side = int(np.ceil(np.sqrt(keypoints)))
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side), 1), -1).reshape(-1, 3)[:keypoints]
    return (places * [step, step, 1]).astype(np.float32)


@pytest.mark.parametrize("keypoints", [1, 2, 5, 21, 133, 255])
def test_markers_of_any_skeleton(keypoints):
    names = tuple("k%d" % k for k in range(keypoints))
    skeleton = Skeleton("own", names, tuple((k, k + 1) for k in range(keypoints - 1)), (), None)
    xy = grid(keypoints, 30)[None, :, :2]
    seen = make_poses(xy, np.ones((1, keypoints)), np.array([[0, 0, 400, 400]]), np.ones(1), np.array([4]))
    bones, joints, label = MarkerMaker(skeleton, 0.01, 1.5)(seen, HEADER, (640, 480)).markers
    assert len(bones.points) == 2 * (keypoints - 1) and len(joints.points) == len(joints.colors) == keypoints
    assert joints.scale.x == pytest.approx(0.01 * SIZE_PX[JOINTS]) and label.text == "#4 100 %"
    assert bones.action == (Marker.DELETE if keypoints == 1 else Marker.ADD)


@pytest.mark.parametrize("step_m, shrunk", [(0.5, 1.0), (0.02, 0.7 * 0.02 / SIZE_M[JOINTS]), (1e-5, 0.1)])
def test_joints_of_a_face_or_hand_do_not_hide_each_other(step_m, shrunk):
    hand, places = get_skeleton("hand21"), grid(21, step_m)[None]
    joints = Joints(places, np.zeros((1, 21, 3, 3), np.float32), np.ones((1, 21), bool))
    seen = make_poses(places[..., :2], np.ones((1, 21)), np.ones((1, 4)), np.ones(1))
    markers = MarkerMaker(hand, 0.01, 1.5)(seen, HEADER, (640, 480), CAMERA, joints).markers
    assert [marker.scale.x / size for marker, size in zip(markers, SIZE_M)] == pytest.approx([shrunk, shrunk, 1], 1e-3)
