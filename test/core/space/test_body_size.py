"""Check the sizes of people in the image against people whose depth is known."""

import numpy as np
import pytest

from benchmarks.tracking.depth_renderer import COCO
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.core.space.body_size import LANDMARKS, SIZES, landmarks, measure, members

UP = np.array([0.0, -1.0, 0.0])
NAMES = {name: k for k, name in enumerate(COCO.keypoints)}


def rays_of(*people):
    """Return x / z and y / z (N, 17, 2) of people (17, 3) m."""
    joints = np.array(people).reshape(-1, 17, 3)
    return joints[..., :2] / joints[..., 2:]


def standing(z, height_m=1.7):
    return Walker([(0.0, 0.0, z), (2.0, 0.0, z)], height_m).joints(1.0)


def sizes_of(rays, found=None, noise=0.01):
    found = np.ones(rays.shape[:2], bool) if found is None else found
    body = landmarks(rays, found, COCO)
    reach = np.full(len(rays), np.ptp(rays[..., 1]) if rays.size else 1.0)
    return measure(body, noise * reach, reach, UP)


def test_nobody():
    body = landmarks(np.zeros((0, 17, 2)), np.zeros((0, 17), bool), COCO)
    assert body.xy.shape == (0, len(LANDMARKS), 2)
    size = measure(body, np.zeros(0), np.zeros(0), UP)
    assert size.log.shape == size.sigma.shape == (0,)


def test_landmarks_by_hand():
    rays = np.zeros((1, 17, 2))
    rays[0, NAMES["left_hip"]], rays[0, NAMES["right_hip"]] = (0.2, 0.1), (0.4, 0.3)
    rays[0, NAMES["left_eye"]] = (0.3, -0.6)
    found = np.zeros((1, 17), bool)
    found[0, [NAMES["left_hip"], NAMES["right_hip"], NAMES["left_eye"]]] = True
    body = landmarks(rays, found, COCO)
    np.testing.assert_allclose(body.at("hips"), [[0.3, 0.2]])
    np.testing.assert_allclose(body.at("right hip"), [[0.4, 0.3]])
    np.testing.assert_allclose(body.at("head"), [[0.3, -0.6]])
    assert (body.numbers("hips"), body.numbers("head"), body.numbers("ankles")) == (2, 1, 0)
    assert body.head_up == 0.94 and np.isnan(body.at("shoulders")).all()


def test_members_go_by_names():
    of = members(SKELETONS["halpe26"])
    names = np.array(SKELETONS["halpe26"].keypoints)
    assert set(names[of[LANDMARKS.index("ankles")]]) == {"left_ankle", "right_ankle"}
    assert set(names[of[LANDMARKS.index("left knee")]]) == {"left_knee"}
    assert members(SKELETONS["hand21"]) is None
    with pytest.raises(ValueError, match="expected a skeleton of a human body, got hand21"):
        landmarks(np.zeros((1, 21, 2)), np.ones((1, 21), bool), SKELETONS["hand21"])


@pytest.mark.parametrize("z", [1.5, 3.0, 8.0, 30.0])
@pytest.mark.parametrize("height_m", [1.0, 1.7, 2.1])
def test_people_who_stand(z, height_m):
    size = sizes_of(rays_of(standing(z, height_m)))
    assert np.exp(size.log[0]) == pytest.approx(height_m / z, rel=0.04)
    assert 0.01 < size.sigma[0] < 0.15


@pytest.mark.parametrize("part", ["nose", "eye", "ear"])
def test_a_face_tells_as_much_as_the_top_of_the_head(part):
    """The same person has the same size, whichever point of the head the skeleton has."""
    person, mpii = standing(3.0), SKELETONS["mpii16"]
    of_face = np.array([[name.split("_")[-1] in (part, "shoulder", "ankle") for name in COCO.keypoints]])
    of_top = np.array([[name == "head_top" or name.split("_")[-1] in ("shoulder", "ankle") for name in mpii.keypoints]])
    top = np.array([0.0, 1.2 - 1.7, 3.0])  # the camera is 1.2 m above the ground
    joints = np.array([person[NAMES[name]] if name in NAMES else top for name in mpii.keypoints])
    reach = np.array([1.7 / 3.0])
    sizes = [
        measure(landmarks(at[None, :, :2] / at[None, :, 2:], found, skeleton), 0.002 * reach, reach, UP).log[0]
        for at, found, skeleton in ((person, of_face, COCO), (joints, of_top, mpii))
    ]
    assert sizes[0] == pytest.approx(sizes[1], abs=0.04)


def test_less_is_less_certain():
    """With every part of the body that is hidden, and with more noise, the spread grows."""
    rays, sigma = rays_of(standing(3.0)), []
    for hidden in ((), ("ankle",), ("ankle", "knee"), ("ankle", "knee", "hip")):
        found = np.array([[name.split("_")[-1] not in hidden for name in COCO.keypoints]])
        sigma.append(sizes_of(rays, found).sigma[0])
    assert sigma == sorted(sigma)
    noisy = [sizes_of(rays, noise=noise).sigma[0] for noise in (0.005, 0.02, 0.05)]
    assert noisy == sorted(noisy)


def test_a_limb_that_points_at_the_camera_does_not_make_a_person_small():
    person = standing(3.0)
    for side in ("left_", "right_"):
        person[NAMES[side + "knee"]] = person[NAMES[side + "hip"]] + [0.0, 0.0, -0.42]
        person[NAMES[side + "ankle"]] = person[NAMES[side + "knee"]] + [0.0, 0.42, 0.0]
    size = sizes_of(rays_of(person))
    assert np.exp(size.log[0]) == pytest.approx(1.7 / 3.0, rel=0.1)


def test_one_segment_tells_nothing():
    found = np.zeros((1, 17), bool)
    found[0, [NAMES["left_hip"], NAMES["left_knee"]]] = True
    size = sizes_of(rays_of(standing(3.0)), found)
    assert np.isnan(size.log[0]) and np.isnan(size.sigma[0])


def test_the_candidates_are_dense_enough():
    """Their steps are shorter than the smallest spread that keypoints with real noise have."""
    steps = np.diff(np.log(SIZES))
    size = sizes_of(rays_of(standing(3.0)), noise=0.02)
    assert steps.max() < size.sigma[0]
