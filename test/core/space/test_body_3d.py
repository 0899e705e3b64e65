import numpy as np
import pytest

from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton
from pose_estimation_ros.core.space.body_3d import people_from_joints
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import FROM_DEPTH, NO_SOURCE

COCO = SKELETONS["coco17"]
NAMES = COCO.keypoints
HIPS = [NAMES.index(side + "_hip") for side in ("left", "right")]
SIGMA_M = 0.02


def body(height_m=1.7, time_s=1.0, walks=False):
    """(17, 3) m of somebody 3 m in front of the camera."""
    return Walker([(0, -1.0, 3.0), (2, 1.0 if walks else -1.0, 3.0)], height_m).joints(time_s)


def joints(*people, hidden=(), only=None, names=NAMES, sigma_m=SIGMA_M):
    """Joints of people; those whose name has one of the words in hidden, or none of those in only, are not valid."""
    position = np.array(people, np.float32)
    keep = [not any(w in name for w in hidden) and (only is None or any(w in name for w in only)) for name in names]
    valid = np.tile(np.array(keep, bool), (len(position), 1))
    covariance = np.tile(sigma_m**2 * np.eye(3, dtype=np.float32), valid.shape + (1, 1))
    return Joints(
        np.where(valid[..., None], position, np.nan), np.where(valid[..., None, None], covariance, np.nan), valid
    )


def places_of(*arguments):
    return people_from_joints(*arguments)[0]


def sigmas_off(people, place, person=0):
    off = people.position[person] - place
    return np.sqrt(off @ np.linalg.solve(people.position_covariance[person], off) / 3)


def test_nobody_and_nothing():
    none = places_of(Joints(np.zeros((0, 17, 3)), np.zeros((0, 17, 3, 3)), np.zeros((0, 17), bool)), COCO)
    assert [values.shape for values in none] == [(0, 3), (0, 3, 3), (0, 3), (0, 3, 3), (0,), (0,)]
    blank = places_of(joints(body(), body(), only=()), COCO)
    assert blank.source.tolist() == [NO_SOURCE] * 2 and all(np.isnan(values).all() for values in blank[:5])


def test_the_place_is_the_middle_of_the_hips_and_nobody_else_moves_it():
    near, far = body(1.6), body(1.9) + [1.5, 0, 2]
    both = joints(near, far)
    both.valid[1, 5:] = False
    people = places_of(both._replace(position=np.where(both.valid[..., None], both.position, np.nan)), COCO)
    np.testing.assert_allclose(people.position[0], near[HIPS].mean(0), atol=1e-6)
    assert people.source.tolist() == [FROM_DEPTH, FROM_DEPTH] and np.isnan(people.velocity).all()
    alone = places_of(joints(near), COCO)
    for values, others in zip(alone, people):
        np.testing.assert_array_equal(values[0], others[0])


@pytest.mark.parametrize("height_m", [1.5, 1.7, 1.95])
@pytest.mark.parametrize(
    "hidden, only, most_m",
    [
        ([], None, 1e-6),
        (["left_hip"], None, 0.03),
        (["right_hip"], None, 0.03),
        (["left_hip", "left_shoulder"], None, 0.11),
        (["hip"], None, 0.08),
        (["hip", "knee", "ankle"], None, 0.10),
        (["hip", "knee", "ankle", "nose", "eye", "ear"], None, 0.08),
        (["hip", "left_shoulder"], None, 0.24),
        ([], ["knee"], 0.08),
        ([], ["nose", "eye", "ear"], 0.15),
        ([], ["wrist", "elbow"], 0.5),
    ],
)
def test_the_place_while_joints_are_hidden(hidden, only, most_m, height_m):
    """The error is small, and within two standard deviations of the covariance."""
    standing = body(height_m)
    people = places_of(joints(standing, hidden=hidden, only=only), COCO)
    place = standing[HIPS].mean(0)
    assert np.linalg.norm(people.position[0] - place) <= most_m
    assert sigmas_off(people, place) < 1.2 and np.linalg.eigvalsh(people.position_covariance[0]).min() > 0


def test_the_covariance_says_which_joints_tell_best():
    order = [[], ["left_hip"], ["hip"], ["hip", "left_shoulder"], ["hip", "shoulder"]]
    sizes = [np.trace(places_of(joints(body(), hidden=hidden), COCO).position_covariance[0]) for hidden in order]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)


@pytest.mark.parametrize("turn, down", [(1, (1, 0, 0)), (2, (0, -1, 0)), (3, (-1, 0, 0))])
def test_a_camera_on_its_side(turn, down):
    rotation = np.linalg.matrix_power(np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]), turn)
    lying = body() @ rotation.T
    people = places_of(joints(lying, only=["shoulder"]), COCO, down)
    np.testing.assert_allclose(people.position[0], lying[HIPS].mean(0), atol=0.05)


@pytest.mark.parametrize("tilt_deg", [-25, 25])
def test_a_camera_that_looks_up_or_down_sees_the_hips_below_the_shoulders(tilt_deg):
    angle = np.radians(tilt_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    tilted = body() @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]).T
    people = places_of(joints(tilted, hidden=["hip"]), COCO)
    assert np.linalg.norm(people.position[0] - tilted[HIPS].mean(0)) < 0.13
    assert sigmas_off(people, tilted[HIPS].mean(0)) < 1.0


@pytest.mark.parametrize("hidden", [[], ["hip"]])
def test_of_somebody_seen_from_the_side_the_hidden_half_counts(hidden):
    """The depth image has the near hip and shoulder in the place of the far ones; the middle is inside the body."""
    standing = body() + [1.0, 0.0, 0.0]  # on the optical axis
    for part, half_m in (("shoulder", 0.17), ("hip", 0.08)):
        pair = [NAMES.index(side + part) for side in ("left_", "right_")]
        standing[pair] = standing[pair].mean(0) - [0.0, 0.0, half_m]
    people = places_of(joints(standing, hidden=hidden), COCO)
    assert abs(people.position[0, 2] - body()[HIPS].mean(0)[2]) < 0.02


@pytest.mark.parametrize("name", ["crowdpose14", "mpii16", "openpose18", "hri18", "halpe26", "wholebody133"])
@pytest.mark.parametrize("hidden", [[], ["hip", "pelvis"]])
def test_other_skeletons_of_people(name, hidden):
    """The joints that COCO has, and the middles of hips and shoulders where a skeleton has these."""
    skeleton, standing = SKELETONS[name], body()
    middles = {"hip": "hip", "pelvis": "hip", "neck": "shoulder", "thorax": "shoulder"}
    position = np.full((1, skeleton.num_keypoints, 3), np.nan)
    for k, joint in enumerate(skeleton.keypoints):
        if joint in NAMES:
            position[0, k] = standing[NAMES.index(joint)]
        elif joint in middles:
            position[0, k] = (sum(standing[NAMES.index(s + middles[joint])] for s in ("left_", "right_"))) / 2
    known = np.isfinite(position[0, :, 0])
    seen = joints(np.nan_to_num(position[0]), hidden=hidden, names=skeleton.keypoints)
    seen.valid[0] &= known
    people = places_of(seen, skeleton)
    np.testing.assert_allclose(people.position[0], standing[HIPS].mean(0), atol=0.09 if hidden else 1e-5)
    assert np.isnan(people.height[0]) if hidden else abs(people.height[0] - 1.7) < 0.05


@pytest.mark.parametrize("name", ["hand21", "ap10k", "own"])
def test_other_bodies_have_their_place_in_the_mean_of_their_joints(name):
    skeleton = SKELETONS.get(name) or Skeleton("own", tuple("k%d" % k for k in range(5)), (), (), None)
    random = np.random.RandomState(0)
    for share in (1.0, 0.6):
        inside = []
        for _ in range(200):
            places = np.array([0, 0, 0.6]) + 0.04 * random.randn(skeleton.num_keypoints, 3)
            seen = joints(places, names=skeleton.keypoints, sigma_m=0.003)
            hidden = random.permutation(skeleton.num_keypoints)[int(round(share * skeleton.num_keypoints)) :]
            seen.valid[0, hidden] = False
            people = places_of(seen, skeleton)
            inside.append(sigmas_off(people, places.mean(0)))
        assert np.isnan(people.height[0]) and np.sqrt(np.mean(np.square(inside))) < (1e-3 if share == 1.0 else 1.6)


def test_one_joint_of_a_hand_says_little():
    one = places_of(joints(np.full((21, 3), 0.5), only=["thumb3"], names=SKELETONS["hand21"].keypoints),
                             SKELETONS["hand21"])  # fmt: skip
    assert one.position_covariance[0, 0, 0] > 0.1**2


def sitting(height_m):
    """The same body with the thighs forward."""
    seated = body(height_m)
    for side in ("left_", "right_"):
        hip, knee, ankle = (NAMES.index(side + part) for part in ("hip", "knee", "ankle"))
        seated[knee] = seated[hip] + [0, 0, -0.245 * height_m]
        seated[ankle] = seated[knee] + [0, 0.246 * height_m, 0]
    return seated


@pytest.mark.parametrize("height_m", [1.2, 1.55, 1.7, 1.95])
@pytest.mark.parametrize("hidden", [[], ["left"], ["ankle"], ["shoulder", "left_knee"]])
@pytest.mark.parametrize("posture", [body, sitting, lambda height_m: body(height_m, 1.1, walks=True)])
def test_the_height_in_any_posture(posture, hidden, height_m):
    people = places_of(joints(posture(height_m), hidden=hidden, sigma_m=0.001), COCO)
    assert people.height[0] == pytest.approx(height_m, rel=0.03)


@pytest.mark.parametrize("only", [["nose", "eye", "ear", "shoulder", "elbow", "wrist"], ["shoulder", "hip"], ["knee"]])
def test_too_few_segments_tell_no_height(only):
    assert np.isnan(places_of(joints(body(), only=only), COCO).height[0])


@pytest.mark.parametrize("factor", [0.2, 2.0, 1e6])
def test_no_height_of_dwarfs_and_giants(factor):
    assert np.isnan(places_of(joints(factor * body()), COCO).height[0])


def test_noise_does_not_make_people_taller():
    random = np.random.RandomState(0)
    noisy = [body() + 0.05 * np.sqrt([0.6, 0.6, 0.6]) * random.randn(17, 3) for _ in range(400)]
    people = places_of(joints(*noisy, sigma_m=0.05), COCO)
    assert np.mean(people.height) == pytest.approx(1.7, abs=0.03) and np.std(people.height) < 0.1
