"""Check guesses of positions against people whose places are known."""

import warnings

import numpy as np
import pytest

from benchmarks.tracking.depth_renderer import COCO
from benchmarks.tracking.walkers import CAMERA_HEIGHT_M, Walker
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, convert
from pose_estimation_ros.core.space.body_size import members
from pose_estimation_ros.core.space.metric_guess import DOWN, Ground, GuessOptions, ground_plane, guess_positions
from pose_estimation_ros.core.space.people_3d import FROM_GROUND, FROM_HEIGHT, NO_SOURCE
from pose_estimation_ros.core.space.rigid import Rigid

SIZE_WH = (640, 480)
CAMERA = make_camera([525, 0, 319.5, 0, 525, 239.5, 0, 0, 1], [0.1, -0.2, 0, 0, 0], "plumb_bob", SIZE_WH)
UP = -np.array(DOWN)
GROUND = Ground(UP, CAMERA_HEIGHT_M)
NAMES = {name: k for k, name in enumerate(COCO.keypoints)}
HIPS = [NAMES["left_hip"], NAMES["right_hip"]]
SHOULDERS = [NAMES["left_shoulder"], NAMES["right_shoulder"]]
UPPER = [k for name, k in NAMES.items() if name.split("_")[-1] not in ("hip", "knee", "ankle")]
PLACES = [(0.0, 3.5), (-1.5, 5.0), (1.6, 4.0), (1.0, 7.0)]
BODIES = sorted(name for name, skeleton in SKELETONS.items() if members(skeleton) is not None)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def standing(*places, height_m=1.68):
    """(P, 17, 3) m of people who look into the camera, whose mean body height is that of the prior."""
    return np.array([Walker([(0, x, z), (2, x, z)], height_m).joints(1.0) for x, z in places]).reshape(-1, 17, 3)


def seen(joints, camera=CAMERA):
    """What a perfect network makes of them."""
    xy = camera.project(joints)
    return make_poses(xy, np.ones(xy.shape[:2]), boxes_around(xy, np.ones(xy.shape[:2]), 0), np.ones(len(xy)))


def without(poses, *parts):
    """The same poses without the joints of these parts."""
    score = poses.score.copy()
    score[:, [k for name, k in NAMES.items() if name.split("_")[-1] in parts]] = 0
    return poses.replace(score=score)


def truth(joints):
    return joints[:, HIPS].mean(1)


def distances(found, joints):
    """How far each guess is off, as a share of the distance."""
    return np.linalg.norm(found.position - truth(joints), axis=1) / np.linalg.norm(truth(joints), axis=1)


def test_nobody():
    found = guess_positions(empty_poses(17), CAMERA, COCO, GROUND)
    assert found.position.shape == (0, 3) and found.position_covariance.shape == (0, 3, 3)
    assert found.source.dtype == np.uint8 and found.height.shape == (0,)


@pytest.mark.parametrize("name", sorted(set(SKELETONS) - set(BODIES)))
def test_no_guess_without_a_body(name):
    skeleton = SKELETONS[name]
    xy = np.random.RandomState(0).uniform(100, 300, (2, skeleton.num_keypoints, 2))
    poses = make_poses(xy, np.ones(xy.shape[:2]), boxes_around(xy, np.ones(xy.shape[:2]), 0), np.ones(2))
    found = guess_positions(poses, CAMERA, skeleton, GROUND)
    assert (found.source == NO_SOURCE).all() and np.isnan(found.position).all() and np.isnan(found.height).all()


def test_which_skeletons_have_no_body():
    assert {"hand21", "ap10k", "face68"} & set(SKELETONS) <= set(SKELETONS) - set(BODIES)
    assert {"coco17", "crowdpose14", "mpii16", "openpose18", "hri18"} <= set(BODIES)
    assert members(Skeleton("hand", ("wrist", "thumb"), (), (), None)) is None


def test_by_the_size_in_the_image():
    joints = standing(*PLACES)
    found = guess_positions(seen(joints), CAMERA, COCO)
    assert (found.source == FROM_HEIGHT).all() and distances(found, joints).max() < 0.05
    assert np.isnan(found.height).all() and np.isnan(found.velocity).all()


def test_by_the_feet():
    joints = standing(*PLACES[:3])
    found = guess_positions(seen(joints), CAMERA, COCO, GROUND)
    assert (found.source == FROM_GROUND).all() and distances(found, joints).max() < 0.03


@pytest.mark.parametrize("height_m", [1.2, 1.5, 1.95])
def test_heights_are_told_of_people_who_stand_upright_where_the_tilt_is_known_well(height_m):
    joints, sure = standing(*PLACES[:3], height_m=height_m), GuessOptions(tilt_sigma_rad=0.003)
    found = guess_positions(seen(joints), CAMERA, COCO, GROUND, sure)
    assert (found.source == FROM_GROUND).all() and np.abs(found.height - height_m).max() < 0.05
    by_hand = joints.copy()
    by_hand[:, UPPER, 1] += 0.25  # somebody who stoops
    assert np.isnan(guess_positions(seen(by_hand), CAMERA, COCO, GROUND, sure).height).all()
    unsure = GuessOptions(tilt_sigma_rad=0.05)
    assert np.isnan(guess_positions(seen(joints), CAMERA, COCO, GROUND, unsure).height).all()


def test_the_feet_by_hand():
    """An ankle 0.1 rad below the horizon is at (camera's height - ankle's height) / tan(0.1)."""
    joints = standing((0.0, 4.0))
    pinhole = make_camera([525, 0, 319.5, 0, 525, 239.5, 0, 0, 1], [], "plumb_bob", SIZE_WH)
    poses = seen(joints, pinhole)
    ankles = [NAMES["left_ankle"], NAMES["right_ankle"]]
    poses.xy[0, ankles, 1] = 239.5 + 525 * 0.25
    found = guess_positions(poses, pinhole, COCO, GROUND)
    assert found.source[0] == FROM_GROUND
    assert found.position[0, 2] == pytest.approx((1.2 - 0.039 * 1.68 - 0.02) / 0.25, rel=0.01)


@pytest.mark.parametrize("degrees", [-20, -10, 5])
def test_a_tilted_camera(degrees):
    """The plane comes from the transform of the camera, so the tilt is known."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    tilt = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    joints = standing((0.2, 3.6)) @ tilt.T
    axes = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # of an upright optical frame, in REP-103's x forward, z up
    ground = ground_plane(Rigid(axes @ tilt.T, np.array([0.3, -0.1, CAMERA_HEIGHT_M])))
    np.testing.assert_allclose(ground.up, tilt @ UP, atol=1e-12)
    found = guess_positions(seen(joints), CAMERA, COCO, ground)
    assert found.source[0] == FROM_GROUND and distances(found, joints)[0] < 0.04
    by_size = guess_positions(without(seen(joints), "ankle"), CAMERA, COCO, ground)
    assert by_size.source[0] == FROM_HEIGHT and distances(by_size, joints)[0] < 0.08


@pytest.mark.parametrize("height_m, off", [(1.2, 0.4), (1.95, -0.14)])
def test_feet_do_not_care_for_the_body_height_but_the_size_does(height_m, off):
    joints = standing((0.0, 4.5), height_m=height_m)
    feet, size = (guess_positions(seen(joints), CAMERA, COCO, ground) for ground in (GROUND, None))
    assert feet.source[0] == FROM_GROUND and distances(feet, joints)[0] < 0.06
    assert size.position[0, 2] / 4.5 - 1 == pytest.approx(off, abs=0.05)


@pytest.mark.parametrize("camera_up_m, up", [(0.0, UP), (-1.0, UP), (0.05, UP), (np.nan, UP), (1.2, -UP), (1e6, UP)])
def test_a_ground_that_cannot_be_where_they_stand(camera_up_m, up):
    """Feet above the horizon, a camera in the ground or upside down: then the size tells, or nothing."""
    joints = standing(*PLACES)
    found = guess_positions(seen(joints), CAMERA, COCO, Ground(np.array(up), camera_up_m))
    assert (found.source != FROM_GROUND).all() and np.isnan(found.height).all()
    known = found.source == FROM_HEIGHT
    assert (np.isfinite(found.position).all(1) == known).all() and (distances(found, joints)[known] < 0.1).all()


@pytest.mark.parametrize(
    "parts, told",
    [
        (("ankle",), True),
        (("ankle", "knee"), True),
        (("nose", "eye", "ear"), True),
        (("ankle", "knee", "hip"), True),
        (("shoulder", "hip"), False),
        (("shoulder", "hip", "knee", "ankle", "elbow", "wrist"), False),
        (("nose", "eye", "ear", "elbow", "wrist", "hip", "knee", "ankle"), False),
    ],
)
def test_what_is_not_seen(parts, told):
    """Without hips the shoulders are the place; without a trunk, or with one segment, there is none."""
    joints = standing(*PLACES)
    found = guess_positions(without(seen(joints), *parts), CAMERA, COCO)
    assert (found.source == (FROM_HEIGHT if told else NO_SOURCE)).all()
    assert np.isfinite(found.position).all() == told
    if told:
        expected = joints[:, SHOULDERS].mean(1) if "hip" in parts else truth(joints)
        error = np.linalg.norm(found.position - expected, axis=1) / np.linalg.norm(expected, axis=1)
        assert error.max() < 0.15


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0])
@pytest.mark.parametrize("what", ["xy", "box", "both"])
def test_keypoints_and_boxes_of_no_use(value, what):
    poses = seen(standing(*PLACES))
    if what != "box":
        poses.xy[1] = value
    if what != "xy":
        poses.box_xyxy[1] = value
    for ground in (None, GROUND):
        found = guess_positions(poses, CAMERA, COCO, ground)
        assert (found.source[[0, 2, 3]] != NO_SOURCE).all()
        assert what == "box" or found.source[1] == NO_SOURCE
        told = found.source != NO_SOURCE
        assert (np.isfinite(found.position).all(1) == told).all()
        assert (np.isfinite(found.position_covariance).all((1, 2)) == told).all()


def test_people_who_are_lost_have_no_keypoints_and_no_place():
    poses = seen(standing(*PLACES))
    found = guess_positions(poses.replace(score=np.zeros_like(poses.score)), CAMERA, COCO, GROUND)
    assert (found.source == NO_SOURCE).all()


def test_feet_at_the_border_of_the_image_may_be_outside():
    joints = standing((0.0, 2.0))
    poses = seen(joints)
    outside = poses.xy[..., 1] > SIZE_WH[1] - 1
    assert outside.any()
    poses.xy[outside, 1] = SIZE_WH[1] - 1  # some networks put them there
    found = guess_positions(poses, CAMERA, COCO, GROUND)
    assert found.source[0] == FROM_HEIGHT and distances(found, joints)[0] < 0.08


@pytest.mark.parametrize("joint", COCO.keypoints)
@pytest.mark.parametrize("ground", [None, GROUND])
def test_one_joint_that_is_grossly_wrong(joint, ground):
    """The covariance holds the error, and a limb does not move the person."""
    joints = standing((0.3, 4.0))
    for offset in ((60, 0), (-60, 0), (0, 60), (0, -60)):
        poses = seen(joints)
        poses.xy[0, NAMES[joint]] += offset
        found = guess_positions(poses, CAMERA, COCO, ground)
        error = found.position[0] - truth(joints)[0]
        assert distances(found, joints)[0] < (0.15 if "ankle" in joint and ground else 0.1)
        assert "hip" in joint or error @ np.linalg.solve(found.position_covariance[0], error) < 16


def test_a_low_camera_does_not_tell_far_people_by_feet_at_a_wrong_place():
    """Both ankles are found where those of somebody at half the distance would be."""
    joints, ground = standing((0.0, 5.0)) - [0.0, 0.7, 0.0], Ground(UP, 0.5)
    poses = seen(joints)
    ankles = [NAMES["left_ankle"], NAMES["right_ankle"]]
    poses.xy[0, ankles] = CAMERA.project(joints[0, ankles] * [0.5, 1.0, 0.5])
    found = guess_positions(poses, CAMERA, COCO, ground)
    assert found.source[0] == FROM_HEIGHT and distances(found, joints)[0] < 0.15
    near = standing((0.0, 2.5)) - [0.0, 0.7, 0.0]
    upwards = make_camera([300, 0, 319.5, 0, 300, 239.5, 0, 0, 1], [], "plumb_bob", SIZE_WH)
    assert guess_positions(seen(near, upwards), upwards, COCO, ground).source[0] == FROM_GROUND


def test_the_covariance_is_long_along_the_ray_and_short_across():
    joints = standing(*PLACES)
    for ground in (None, GROUND):
        found = guess_positions(seen(joints), CAMERA, COCO, ground)
        for position, covariance in zip(found.position, found.position_covariance):
            np.testing.assert_allclose(covariance, covariance.T)
            values, vectors = np.linalg.eigh(covariance)
            assert values[0] > 0 and abs(vectors[:, 2] @ position) / np.linalg.norm(position) > 0.99
            assert 0.04 < np.sqrt(values[2]) / np.linalg.norm(position) < 0.25
            assert np.sqrt(values[1]) < 0.1


def test_a_worse_tilt_makes_the_feet_less_certain():
    joints, sigma = standing((0.0, 5.0)), []
    for tilt_sigma_rad in (0.0, 0.01, 0.02):
        found = guess_positions(seen(joints), CAMERA, COCO, GROUND, GuessOptions(tilt_sigma_rad=tilt_sigma_rad))
        assert found.source[0] == FROM_GROUND
        sigma.append(np.sqrt(found.position_covariance[0, 2, 2]))
    # 25 m^2 + 1.1 m^2 over 1.1 m, for each rad
    assert sigma[2] ** 2 - sigma[0] ** 2 == pytest.approx((0.02 * (25 + 1.2) / 1.11) ** 2, rel=0.1)
    assert sigma[0] < sigma[1] < sigma[2]


def test_heights_of_people_that_differ_more_make_the_size_less_certain():
    joints, variance = standing((0.0, 5.0)), []
    for height_sigma_m in (0.0, 0.42):
        found = guess_positions(seen(joints), CAMERA, COCO, None, GuessOptions(height_sigma_m=height_sigma_m))
        variance.append(found.position_covariance[0, 2, 2] / found.position[0, 2] ** 2)
    assert variance[1] - variance[0] == pytest.approx(0.25**2, rel=0.01)


@pytest.mark.parametrize("ground", [None, GROUND])
def test_everybody_is_guessed_alone(ground):
    poses = seen(standing(*PLACES))
    together = guess_positions(poses, CAMERA, COCO, ground)
    for i in range(poses.count):
        alone = guess_positions(poses[[i]], CAMERA, COCO, ground)
        for field, of_all in zip(alone, together):
            np.testing.assert_allclose(field[0], of_all[i], rtol=1e-9)


def test_a_larger_image_and_a_camera_on_its_side_change_nothing():
    joints = standing(*PLACES)
    found = guess_positions(seen(joints), CAMERA, COCO)
    matrix = np.array(CAMERA.matrix)
    matrix[:2] *= 2
    twice = CAMERA._replace(matrix=matrix, size_wh=(1280, 960))
    np.testing.assert_allclose(guess_positions(seen(joints, twice), twice, COCO).position, found.position, rtol=1e-4)
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    square = make_camera([525, 0, 640, 0, 525, 640, 0, 0, 1], [], "plumb_bob", (1280, 1280))
    upright, lying = (guess_positions(seen(at, square), square, COCO).position for at in (joints, joints @ turn.T))
    np.testing.assert_allclose(lying, upright @ turn.T, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", BODIES)
def test_all_skeletons_of_bodies(name):
    skeleton, joints = SKELETONS[name], standing(*PLACES)
    poses = seen(joints)
    xy, score = convert(poses.xy, poses.score, COCO, skeleton)
    found = guess_positions(make_poses(xy, score, poses.box_xyxy, poses.person_score), CAMERA, skeleton)
    assert (found.source == FROM_HEIGHT).all() and distances(found, joints).max() < 0.1
