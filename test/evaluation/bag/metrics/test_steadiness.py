"""Steadiness of people whose motion is known: every value is worked out by hand."""

import numpy as np
import pytest

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation.bag.metrics.steadiness import reference_free, tracks_of

COCO = get_skeleton("coco17")
BASE = np.random.default_rng(0).uniform(0, 100, (17, 2))
LEFT_HIP, RIGHT_HIP = COCO.keypoints.index("left_hip"), COCO.keypoints.index("right_hip")
LEFT_KNEE, LEFT_ANKLE = COCO.keypoints.index("left_knee"), COCO.keypoints.index("left_ankle")


def person(xy, found=slice(None), track_id=1):
    """In a box of 100 x 100 px: size 100."""
    score = np.zeros(17)
    score[found] = 1
    return make_poses(xy[None], score[None], [[0, 0, 100, 100]], [1], [track_id])


def measured(frames, name):
    return reference_free(frames, COCO)[name]


def test_nobody():
    for frames in ([], [empty_poses(17)] * 3, [person(BASE, track_id=-1)] * 3):
        assert reference_free(frames, COCO) == {
            "tracks": 0,
            "jitter_at_rest": {"samples": 0, "px": None, "of_size": None},
            "bone_length_change": {"samples": 0, "p50": None, "p90": None},
            "left_right_swaps": {"samples": 0, "swaps": 0},
            "detection_gaps": {"frames_spanned": 0, "frames_missing": 0, "gaps": 0, "longest": 0},
        }


@pytest.mark.parametrize("count", [1, 2, 133])
def test_a_skeleton_without_links_and_sides(count):
    """There are no bones and no sides, but jitter is measured."""
    names = tuple(f"point {k}" for k in range(count))
    xy = np.random.default_rng(2).uniform(0, 100, (1, count, 2))
    frames = [make_poses(xy, np.ones((1, count)), [[0, 0, 100, 100]], [1], [1]) for _ in range(3)]
    figures = reference_free(frames, Skeleton("points", names, (), (), None))
    assert figures["bone_length_change"] == {"samples": 0, "p50": None, "p90": None}
    assert figures["left_right_swaps"] == {"samples": 0, "swaps": 0}
    assert figures["jitter_at_rest"] == {"samples": count, "px": 0, "of_size": 0}


def test_tracks_keep_people_apart():
    two = [make_poses([BASE, BASE + 5], np.ones((2, 17)), np.zeros((2, 4)), [1, 1], ids) for ids in ([7, 3], [3, 9])]
    tracks = tracks_of(two)
    assert [track.place.tolist() for track in tracks] == [[0, 1], [0], [1]]  # ids 3, 7, 9
    np.testing.assert_array_equal(tracks[0].xy, np.float32([BASE + 5, BASE]))


@pytest.mark.parametrize("step", [0, 0.5])
def test_steady_motion_is_no_jitter(step):
    jitter = measured([person(BASE + i * step) for i in range(5)], "jitter_at_rest")
    assert jitter["samples"] == 3 * 17 and jitter["px"] == pytest.approx(0, abs=1e-5)


def test_who_walks_is_not_at_rest():
    assert measured([person(BASE + 2 * i) for i in range(5)], "jitter_at_rest")["samples"] == 0


def test_jitter_by_hand():
    """One keypoint, 1 px to the right in the middle: x0 - 2 x1 + x2 = -2, y 0: sqrt((4 + 0) / 2 / 6)."""
    frames = [person(BASE + [i == 1, 0], found=[0]) for i in range(3)]
    jitter = measured(frames, "jitter_at_rest")
    assert jitter == {
        "samples": 1,
        "px": pytest.approx((4 / 12) ** 0.5),
        "of_size": pytest.approx((4 / 12) ** 0.5 / 100),
    }


def test_jitter_is_the_noises_deviation():
    rng = np.random.default_rng(1)
    frames = [person(BASE + rng.normal(0, 0.7, (17, 2))) for _ in range(600)]
    assert measured(frames, "jitter_at_rest")["px"] == pytest.approx(0.7, rel=0.05)


def test_a_keypoint_that_is_lost_or_a_frame_that_is_missing_is_no_sample():
    frames = [person(BASE), person(BASE, found=slice(1, 17)), person(BASE)]
    assert measured(frames, "jitter_at_rest")["samples"] == 16
    assert measured([person(BASE), empty_poses(17), person(BASE), person(BASE)], "jitter_at_rest")["samples"] == 0


def test_bone_length_by_hand():
    """Knee to ankle 10, 20, 20, 10 px: |ln 2|, 0, |ln 2|."""
    frames = []
    for length in (10, 20, 20, 10):
        xy = BASE.copy()
        xy[LEFT_KNEE], xy[LEFT_ANKLE] = (50, 50), (50, 50 + length)
        frames.append(person(xy, found=[LEFT_KNEE, LEFT_ANKLE]))
    change = measured(frames, "bone_length_change")
    assert change == {"samples": 3, "p50": pytest.approx(np.log(2)), "p90": pytest.approx(np.log(2))}


def hips(left, right):
    xy = BASE.copy()
    xy[LEFT_HIP], xy[RIGHT_HIP] = left, right
    return person(xy, found=[LEFT_HIP, RIGHT_HIP])


@pytest.mark.parametrize(
    "after, expected",
    [
        (((30, 50), (70, 50)), {"samples": 1, "swaps": 0}),
        (((70, 50), (30, 50)), {"samples": 1, "swaps": 1}),
        (((69, 52), (33, 50)), {"samples": 1, "swaps": 1}),
        (((50, 45), (50, 55.5)), {"samples": 1, "swaps": 0}),  # half way round: nobody can tell
        (((50, 50), (55, 50)), {"samples": 0, "swaps": 0}),  # seen from the side: nearer than a tenth of the size
    ],
)
def test_left_and_right(after, expected):
    assert measured([hips((30, 50), (70, 50)), hips(*after)], "left_right_swaps") == expected


def test_gaps_by_hand():
    """Person 1 in frames 0, 1, 4, 6; person 2 in frame 3 alone."""
    seen = {0: [1], 1: [1], 3: [2], 4: [1], 6: [1]}
    frames = [person(BASE, track_id=seen[i][0]) if i in seen else empty_poses(17) for i in range(9)]
    gaps = measured(frames, "detection_gaps")
    assert gaps == {"frames_spanned": 8, "frames_missing": 3, "gaps": 2, "longest": 2}
