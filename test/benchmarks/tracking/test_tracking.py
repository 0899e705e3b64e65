"""Check the walkers, scenes and figures of benchmarks/tracking/tracking.py."""

import numpy as np
import pytest

from benchmarks.tracking import tracking
from benchmarks.tracking.scenes import LIMB_RADIUS_M, Frame, Scene, all_scenes, frames, project, visible_joints
from benchmarks.tracking.walkers import JOINTS, Walker
from pose_estimation_ros.core.poses import empty_poses, make_poses

ACROSS = Walker([(0, -1.5, 3.5), (3, 1.5, 3.5)])


def bone(joints, start, end):
    return np.linalg.norm(joints[..., JOINTS.index(start), :] - joints[..., JOINTS.index(end), :], axis=-1)


@pytest.mark.parametrize("start, end, part", [("left_hip", "left_knee", 0.245), ("right_elbow", "right_wrist", 0.157)])
def test_limbs_keep_their_lengths(start, end, part):
    joints = np.array([ACROSS.joints(t) for t in np.linspace(0, 3, 31)])
    np.testing.assert_allclose(bone(joints, start, end), 1.7 * part, rtol=1e-9)


def test_the_walk_is_where_its_waypoints_say_at_one_metre_a_second():
    joints = np.array([ACROSS.joints(t) for t in (1.0, 2.0)])
    hips = joints[:, 11:13].mean(1)
    np.testing.assert_allclose(hips[1] - hips[0], [1, 0, 0], atol=0.01)
    assert hips[0, 2] == pytest.approx(3.5) and joints[:, 15:, 1].max() < 1.2  # feet above the ground


def test_legs_swing_against_each_other_while_walking_and_rest_at_rest():
    gap = [ACROSS.joints(t)[15, 0] - ACROSS.joints(t)[16, 0] for t in np.linspace(0.7, 2.3, 30)]
    assert min(gap) < -0.2 and max(gap) > 0.2
    still = Walker([(0, 0, 3), (5, 0, 3)])
    np.testing.assert_allclose(still.joints(1.0), still.joints(4.0), atol=1e-9)


def test_a_person_in_front_hides_the_one_behind():
    pair = np.array([Walker([(0, x, z), (2, x, z)]).joints(1.0) for x, z in ((0, 3), (0.02, 4))])
    visible = visible_joints(pair, ())
    assert visible[0].all() and visible[1].mean() < 0.2
    apart = pair + np.array([0.0, 0.5 + LIMB_RADIUS_M])[:, None, None] * [1, 0, 0] * 2
    assert visible_joints(apart, ()).all()
    assert not visible_joints(apart, ((0, 640, 2.0),)).any() and visible_joints(apart, ((0, 640, 5.0),)).all()


def test_scenes_are_the_same_for_the_same_seed_alone():
    scene = Scene("one", (ACROSS,))
    first, same, different = ([frame.poses.xy for frame in frames(scene, seed=seed)] for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, same))
    assert not any(len(one) and np.array_equal(one, other) for one, other in zip(first, different))
    noiseless = frames(scene, noisy=False)[45]
    np.testing.assert_allclose(noiseless.poses.xy, project(ACROSS.joints(1.5))[None], rtol=1e-5)


def hand_made(ids, sources):
    """Yield a frame for each list of ids: persons 0 and 1 are visible, and those in sources are found with the ids."""
    box, visible = np.array([[0.0, 0, 50, 100], [100, 0, 150, 100]]), np.ones((2, 17), bool)
    for stamp, (track_ids, source) in enumerate(zip(ids, sources)):
        n = len(track_ids)
        poses = make_poses(np.zeros((n, 17, 2)), np.ones((n, 17)), box[source], np.ones(n), track_ids)
        unknown = np.full((n, 1), np.nan)
        frame = Frame(stamp, np.zeros((2, 17, 2)), box, visible, np.arange(2), poses, np.array(source, int), unknown)
        yield frame, (poses, empty_poses(17))


@pytest.mark.parametrize(
    "ids, expected",
    [
        ([[1, 2]] * 4, [0, 0, 0, 100]),
        ([[1, 2], [1, 2], [2, 1], [2, 1]], [2, 0, 2, 50]),  # they exchange ids half way
        ([[1, 2], [1, 2], [1, 3], [1, 3]], [1, 0, 0, 75]),  # one has a new id
    ],
)
def test_figures_by_hand(ids, expected):
    scene_frames, tracked = zip(*hand_made(ids, [[0, 1]] * 4))
    np.testing.assert_allclose(tracking.identity(scene_frames, tracked), expected)


def test_a_gap_by_hand():
    """Missing the second person in two of four frames is one fragment; 6 of 8 are found, all with the right id."""
    scene_frames, tracked = zip(*hand_made([[1, 2], [1], [1], [1, 2]], [[0, 1], [0], [0], [0, 1]]))
    np.testing.assert_allclose(tracking.identity(scene_frames, tracked), [0, 1, 0, 100 * 2 * 6 / (8 + 6)])


@pytest.mark.parametrize("name", ["walking", "crossing", "pillar", "meeting"])
def test_nobody_changes_ids_without_noise(name):
    """The scenes have no noise, to test the logic alone; docs/measurements/tracking.md has figures with noise."""
    scene = next(scene for scene in all_scenes() if scene.name == name)
    scene_frames = frames(scene, rate_hz=10, noisy=False)
    switches, _, stolen, _ = tracking.identity(scene_frames, tracking.track(scene_frames))
    assert (switches, stolen) == (0, 0)
