import numpy as np
import pytest

from benchmarks.tracking.depth_renderer import COCO, render, sensor
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.lens import PerspectiveLens
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, convert
from pose_estimation_ros.core.space.depth import (
    OTHER_SURFACE_M,
    SURFACE_M,
    DepthOptions,
    check_depth,
    joints_in_space,
)

CAMERA = make_camera([131.25, 0, 79.5, 0, 131.25, 59.5, 0, 0, 1], [0.1, -0.2, 0, 0, 0], "plumb_bob", (160, 120))
NAMES = {name: k for k, name in enumerate(COCO.keypoints)}
LEGS = [NAMES[side + part] for side in ("left_", "right_") for part in ("knee", "ankle")]
UPPER = [k for name, k in NAMES.items() if name.split("_")[-1] in ("nose", "eye", "ear", "shoulder", "elbow")]


def standing(*places):
    """(P, 17, 3) m of people who look into the camera."""
    return np.array([Walker([(0, x, z), (2, x, z)]).joints(1.0) for x, z in places]).reshape(-1, 17, 3)


def seen(joints):
    """What a perfect network makes of them."""
    xy = CAMERA.project(joints)
    return make_poses(xy, np.ones(xy.shape[:2]), boxes_around(xy, np.ones(xy.shape[:2]), 0), np.ones(len(xy)))


TWO = standing((-0.5, 2.5), (0.6, 3.5))
DEPTH = render(TWO, CAMERA)


def find(depth, encoding="32FC1", joints=TWO, **options):
    return joints_in_space(seen(joints), depth, encoding, CAMERA, COCO, DepthOptions(**options))


def errors_mm(found, joints=TWO):
    return 1000 * np.linalg.norm(found.position - joints, axis=-1)


def test_nobody():
    found = joints_in_space(empty_poses(17), DEPTH, "32FC1", CAMERA, COCO)
    assert [field.shape for field in found] == [(0, 17, 3), (0, 17, 3, 3), (0, 17)]
    assert [field.dtype for field in found] == [np.float32, np.float32, bool]


def test_a_wall_by_hand():
    """Everything 2 m away: each joint lies on its ray, behind the wall by its flesh."""
    wall = np.full((120, 160), 2.0, np.float32)
    flat = make_poses(np.full((1, 17, 2), [79.5, 59.5]), np.ones((1, 17)), np.array([[60.0, 10, 100, 110]]), np.ones(1))
    flat.xy[0, NAMES["left_hip"]] = [79.5 + 13.125, 59.5]
    found = joints_in_space(flat, wall, "32FC1", CAMERA._replace(lens=PerspectiveLens(())), COCO)
    assert found.valid.all()
    np.testing.assert_allclose(found.position[0, NAMES["nose"], :2], 0, atol=0.02)  # the axis is between pixels
    assert found.position[0, NAMES["nose"], 2] == pytest.approx(2 + OTHER_SURFACE_M, abs=1e-3)
    ray = np.array([0.1, 0, 1])
    expected = 2 * ray + SURFACE_M["hip"] * ray / np.linalg.norm(ray)
    np.testing.assert_allclose(found.position[0, NAMES["left_hip"]], expected, atol=2e-3)


@pytest.mark.parametrize("encoding", ["32FC1", "16UC1"])
def test_joints_of_rendered_people(encoding):
    depth = DEPTH if encoding == "32FC1" else np.rint(1000 * DEPTH).astype(np.uint16)
    found = find(depth, encoding)
    assert found.valid.mean() > 0.9
    assert np.median(errors_mm(found)[found.valid]) < 40 and errors_mm(found)[found.valid].max() < 150


def test_with_the_sensors_noise_and_holes():
    found = find(sensor(DEPTH, np.random.RandomState(0)), "16UC1")
    assert found.valid.mean() > 0.8 and np.median(errors_mm(found)[found.valid]) < 50


@pytest.mark.parametrize("factor", [0.5, 2])
def test_depth_of_another_size(factor):
    other = CAMERA._replace(size_wh=(int(160 * factor), int(120 * factor)))
    matrix = np.array(CAMERA.matrix)
    matrix[:2] *= factor
    matrix[:2, 2] += (factor - 1) / 2
    found = find(render(TWO, other._replace(matrix=matrix)))
    assert found.valid.mean() > 0.9 and np.median(errors_mm(found)[found.valid]) < 40


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -np.inf, -1.0, 50.0, 0.05])
def test_an_image_without_depth_finds_nobody_and_says_so(value):
    """Marked, and never zero, which is the camera's own place."""
    found = find(np.full((120, 160), value, np.float32))
    assert not found.valid.any()
    assert np.isnan(found.position).all() and np.isnan(found.covariance).all()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_pixels_without_depth_are_left_out(value):
    holed = DEPTH.copy()
    holed[np.random.RandomState(1).rand(*holed.shape) < 0.3] = value
    found = find(holed)
    assert found.valid.mean() > 0.85 and np.median(errors_mm(found)[found.valid]) < 40


@pytest.mark.parametrize(
    "place", [(-5.0, 20.0), (300.0, 20.0), (20.0, -1.0), (np.nan, np.nan), (np.inf, 3.0), (1e30, 0)]
)
def test_a_joint_outside_the_image(place):
    poses = seen(TWO)
    poses.xy[0, 3] = place
    found = joints_in_space(poses, DEPTH, "32FC1", CAMERA, COCO)
    assert not found.valid[0, 3] and np.isnan(found.position[0, 3]).all()
    assert (np.delete(found.valid, 3, 1) == np.delete(find(DEPTH).valid, 3, 1)).all()


def test_a_joint_that_was_not_found_in_the_image():
    poses = seen(TWO)
    poses.score[1, 7] = 0
    assert not joints_in_space(poses, DEPTH, "32FC1", CAMERA, COCO).valid[1, 7]


def test_a_box_before_the_legs_is_not_taken_for_them():
    found = find(render(TWO, CAMERA, [((-1, 0.2, 1.2), (1, 1.2, 1.4))]))
    assert not found.valid[:, LEGS].any() and found.valid[:, UPPER].all()


def test_joints_behind_somebody_else_are_not_taken_for_theirs():
    """The one behind looks past the other's left: near enough for arms to reach, so reach does not tell."""
    pair = standing((0.0, 2.5), (0.2, 3.0))
    depth = render(pair, CAMERA)
    x, y = np.moveaxis(np.rint(CAMERA.project(pair[1])).astype(int), -1, 0)
    hidden = depth[y, x] < 2.6
    found = find(depth, joints=pair)
    assert 4 <= hidden.sum() <= 13 and not found.valid[1, hidden].any()
    assert found.valid[0].mean() > 0.9 and found.valid[1, ~hidden].mean() > 0.5


def test_a_thin_forearm_before_a_wall_is_found():
    """The wrist is pointed at 3 px beside the limb, most of the window sees the wall."""
    poses, wrist = seen(TWO), NAMES["left_wrist"]
    poses.xy[0, wrist, 0] += 3
    found = joints_in_space(poses, DEPTH, "32FC1", CAMERA, COCO, DepthOptions(window=0.05))
    assert found.valid[0, wrist] and abs(found.position[0, wrist, 2] - TWO[0, wrist, 2]) < 0.1


def test_a_limb_longer_than_peoples_is_none():
    """An elbow 0.42 m behind the shoulder and 0.3 m below: near enough to the body, but no upper arm is so long."""
    depth, elbow, knee = DEPTH.copy(), NAMES["left_elbow"], NAMES["left_knee"]
    x, y = np.rint(seen(TWO).xy[0, elbow]).astype(int)
    depth[y - 4 : y + 5, x - 4 : x + 5] = TWO[0, elbow, 2] + 0.42
    found = find(depth)
    assert find(DEPTH).valid[0, elbow] and not found.valid[0, elbow] and found.valid[0, knee]


@pytest.mark.parametrize("pixel_px, a, b", [(1.0, 0.0, 0.0), (0.0, 0.02, 0.0), (2.0, 0.01, 0.005)])
def test_the_covariance_is_that_of_many_noisy_pixels(pixel_px, a, b):
    """Against points thrown by hand: the pixel off by its noise, the depth along the ray by its own."""
    random = np.random.RandomState(0)
    poses, straight = seen(TWO[:1]), CAMERA._replace(lens=PerspectiveLens(()))
    height = poses.box_xyxy[0, 3] - poses.box_xyxy[0, 1]
    options = DepthOptions(pixel_sigma=pixel_px / height, depth_sigma=(a, b))
    found = joints_in_space(poses, DEPTH, "32FC1", straight, COCO, options)
    for joint in np.flatnonzero(found.valid[0])[::4]:
        z = float(found.position[0, joint, 2])
        xy = poses.xy[0, joint] + pixel_px * random.randn(20000, 2)
        depth_m = np.hypot(a + b * z * z, options.band_m / 4)
        thrown = straight.unproject(xy, z) + straight.unproject(poses.xy[0, joint]) * depth_m * random.randn(20000, 1)
        np.testing.assert_allclose(found.covariance[0, joint], np.cov(thrown.T), atol=0.04 * np.cov(thrown.T).max())


def test_the_order_of_people_and_who_stands_aside_change_nothing():
    alone = joints_in_space(seen(TWO).select(np.array([1])), DEPTH, "32FC1", CAMERA, COCO)
    turned = joints_in_space(seen(TWO).select(np.array([1, 0])), DEPTH, "32FC1", CAMERA, COCO)
    for one, both, other in zip(alone, find(DEPTH), turned):
        np.testing.assert_array_equal(one[0], both[1])
        np.testing.assert_array_equal(both, other[::-1])


@pytest.mark.parametrize(
    "depth, encoding, kind, message",
    [
        (DEPTH, "mono16", "depth_encoding", "32FC1 .* or 16UC1 .*, got 'mono16' with float32"),
        (DEPTH, "16UC1", "depth_encoding", "got '16UC1' with float32"),
        (DEPTH[..., None], "32FC1", "depth_encoding", r"\(120, 160, 1\)"),
        (DEPTH[:90], "32FC1", "depth_size", "160x120 or scaled, got 160x90"),
        (DEPTH[:0], "32FC1", "depth_size", "got 160x0"),
    ],
)
def test_images_that_are_no_aligned_depth(depth, encoding, kind, message):
    with pytest.raises(FrameError, match=message) as error:
        check_depth(depth, encoding, CAMERA)
    assert error.value.kind == kind


def test_a_pixel_of_rounding_is_no_other_shape():
    check_depth(np.zeros((180, 321), np.float32), "32FC1", CAMERA._replace(size_wh=(1280, 720)))


@pytest.mark.parametrize("name", ["openpose18", "hri18", "halpe26", "wholebody133"])
def test_joints_of_larger_skeletons_are_those_of_coco(name):
    """The same people with the keypoints that COCO has; all others are not found, and change nothing."""
    skeleton, poses = SKELETONS[name], seen(TWO)
    common = [joint for joint in COCO.keypoints if joint in skeleton.keypoints]
    bare = COCO._replace(keypoints=tuple(k if k in common else "other_%d" % i for i, k in enumerate(COCO.keypoints)))
    xy, score = convert(poses.xy, poses.score, bare, skeleton._replace(keypoints=tuple(
        k if k in common else "other_" + k for k in skeleton.keypoints
    )))  # fmt: skip
    larger = make_poses(xy, score, poses.box_xyxy, poses.person_score)
    found = joints_in_space(larger, DEPTH, "32FC1", CAMERA, skeleton)
    index = [skeleton.keypoints.index(joint) for joint in common]
    assert len(common) == 17 and found.valid.sum() == found.valid[:, index].sum()
    for values, expected in zip(found, find(DEPTH)):
        np.testing.assert_array_equal(values[:, index], expected)


FLAT = make_camera([525, 0, 119.5, 0, 525, 119.5, 0, 0, 1], [], "plumb_bob", (240, 240))
NARROW = make_camera([6000, 0, 119.5, 0, 6000, 119.5, 0, 0, 1], [], "plumb_bob", (240, 240))
HANDS = ["wrist", "hand_root", "thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger"]


def patchwork(skeleton, camera, usual_m, places_m, hidden=()):
    """Give each keypoint a square of 20 px with a depth of its own, that of the last of places_m that its name has."""
    cell = np.stack([np.arange(skeleton.num_keypoints) % 12, np.arange(skeleton.num_keypoints) // 12], -1)
    depth = np.full((12, 12), 4.0 * usual_m, np.float32)
    own_m = np.full(skeleton.num_keypoints, float(usual_m))
    for part, place_m in places_m.items():
        own_m[[part in name for name in skeleton.keypoints]] = place_m
    depth[cell[:, 1], cell[:, 0]] = own_m
    score = np.array([[not any(part in name for part in hidden) for name in skeleton.keypoints]], float)
    poses = make_poses(cell[None] * 20 + 9.5, score, np.array([[0, 0, 239, 239]]), np.ones(1))
    options = DepthOptions(farthest_m=20.0)
    return own_m, joints_in_space(poses, np.kron(depth, np.ones((20, 20), "f4")), "32FC1", camera, skeleton, options)


@pytest.mark.parametrize(
    "name, camera, usual_m, places_m, wrong",
    [
        ("coco17", NARROW, 2, {}, []),
        ("coco17", NARROW, 2, {"left_elbow": 1.7, "left_wrist": 1.4}, []),
        ("coco17", NARROW, 2, {"left_wrist": 1.4}, ["left_wrist"]),
        ("halpe26", NARROW, 2, {"toe": 2.3, "heel": 2.1, "hip": 2.3}, []),
        ("halpe26", NARROW, 2, {"toe": 2.5, "heel": 2.3}, ["toe", "heel"]),
        ("mpii16", NARROW, 2, {"pelvis": 2.6, "head_top": 2.3}, ["pelvis"]),
        ("wholebody133", NARROW, 2, {"face": 1.9, "left_elbow": 1.7, **{"left_" + part: 1.35 for part in HANDS}}, []),
        ("wholebody133", NARROW, 2, {"face-30": 2.3, "right_forefinger4": 2.3}, ["face-30", "right_forefinger4"]),
        ("hand21", FLAT, 0.5, {"finger4": 0.65}, []),
        ("hand21", FLAT, 0.5, {"thumb4": 0.75}, ["thumb4"]),
        ("hand21", NARROW, 0.5, {"thumb4": 0.65}, ["thumb4"]),
        ("ap10k", FLAT, 6, {"tail": 7.5, "Nose": 4.5}, []),
        ("ap10k", FLAT, 6, {"B_Paw": 9.0}, ["B_Paw"]),
        ("ap10k", NARROW, 2, {"R_Elbow": 2.5}, ["R_Elbow"]),
    ],
)
def test_limits_of_any_skeleton(name, camera, usual_m, places_m, wrong):
    """Hands and animals reach as far as their keypoints do across: 220 px of 525 at 0.5 m are 0.21 m, at 6 m 2.5 m."""
    skeleton = SKELETONS[name]
    own_m, found = patchwork(skeleton, camera, usual_m, places_m)
    assert found.valid[0].tolist() == [not any(part in joint for part in wrong) for joint in skeleton.keypoints]
    behind_m = (found.position[0, :, 2] - own_m)[found.valid[0]]
    assert (behind_m > -1e-6).all() and (behind_m <= 0.1).all(), "the flesh"


def test_two_hands_before_the_body_do_not_tell_where_it_is():
    """40 keypoints of the hands 0.7 m in front, and 25 of the body; the face is not found."""
    skeleton = SKELETONS["wholebody133"]
    places_m = {"elbow": 1.65, **dict.fromkeys(HANDS, 1.3)}
    assert patchwork(skeleton, NARROW, 2.0, places_m, hidden=["face"])[1].valid.sum() == 65


def test_a_face_alone_is_found_without_its_body():
    skeleton = SKELETONS["wholebody133"]
    hidden = [name for name in skeleton.keypoints if "face" not in name]
    assert patchwork(skeleton, NARROW, 2.0, {}, hidden)[1].valid.sum() == 68


@pytest.mark.parametrize("keypoints", [1, 2, 5])
def test_few_keypoints_whose_names_tell_nothing(keypoints):
    skeleton = Skeleton("own", tuple("k%d" % k for k in range(keypoints)), (), (), None)
    assert patchwork(skeleton, FLAT, 2.0, {})[1].valid.all()
    assert not patchwork(skeleton, FLAT, 2.0, {}, hidden=["k"])[1].valid.any()
