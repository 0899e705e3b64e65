"""The worst moments of runs that are made up, so that each is known."""

import json

import numpy as np
import pytest
from bag_images import TOPIC

from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation.bag.report.moments import true_people, unsteady, worst_moments
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun

COCO = get_skeleton("coco17")
BASE = np.random.default_rng(0).uniform(100, 200, (17, 2))
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, LEFT_ANKLE = (
    COCO.keypoints.index(n) for n in ("left_hip", "right_hip", "left_knee", "left_ankle")
)


def person(xy, track_id=1):
    return make_poses(xy[None], np.ones((1, 17)), [[*xy.min(0), *xy.max(0)]], [1], [track_id])


@pytest.fixture
def saved(tmp_path):
    """A function: poses -> a run with images 10, 11, ... at 10 Hz."""

    def save(poses):
        frames = [{"image_id": 10 + i, "stamp_ns": (10 + i) * 10**8} for i in range(len(poses))]
        return SavedRun("model", tmp_path, {"topic": TOPIC, "skeleton": "coco17"}, frames, poses, {})

    return save


def found(run):
    return [(moment.image_id, moment.why) for moment in worst_moments(run, 9)]


def test_nobody_and_nothing_wrong(saved):
    assert found(saved([])) == []
    assert found(saved([person(BASE)] * 4)) == []


def test_a_skeleton_without_links_and_sides(saved):
    """A far jump of a point is no longer bone, and nothing changes sides; a gap is still one."""
    points = Skeleton("points", tuple(f"point {k}" for k in range(17)), (), (), None).to_json()
    far = BASE.copy()
    far[3] += 500
    nobody = person(BASE).select(np.zeros(0, int))
    run = saved([person(BASE), person(far), nobody, person(BASE)])
    run = run._replace(results={**run.results, "skeleton": points})
    assert found(run) == [(12, "id 1 is missing for 1 image")]


def test_a_gap(saved):
    nobody = person(BASE).select(np.zeros(0, int))
    run = saved([person(BASE), nobody, nobody, person(BASE)])
    assert found(run) == [(11, "id 1 is missing for 2 images")]
    assert worst_moments(run, 9)[0].box_xyxy == pytest.approx([*BASE.min(0), *BASE.max(0)])


def test_a_jump(saved):
    long = BASE.copy()
    long[LEFT_ANKLE] = long[LEFT_KNEE] + 3 * (long[LEFT_ANKLE] - long[LEFT_KNEE])
    whys = dict(found(saved([person(BASE), person(long)])))
    assert list(whys) == [11] and whys[11] in (
        "id 1: left ankle to left knee 3 times as long as one image before",
        "id 1: left knee to left ankle 3 times as long as one image before",
    )


def test_an_exchange(saved):
    crossed = BASE.copy()
    crossed[[LEFT_HIP, RIGHT_HIP]] = crossed[[RIGHT_HIP, LEFT_HIP]]
    (own,) = unsteady(saved([person(BASE), person(crossed)]))[1]
    assert (own.image_id, own.why) == (11, "id 1: left and right exchanged: hip")


def test_kinds_take_turns_and_images_come_once(saved):
    nobody = person(BASE).select(np.zeros(0, int))
    run = saved([person(BASE), nobody] * 5 + [person(BASE)])
    assert [m.image_id for m in worst_moments(run, 3)] == [11, 13, 15]


def test_the_least_alike_where_there_is_a_truth(saved, tmp_path):
    """Image 11 is 20 px off, image 12 is missed."""
    poses = [person(BASE), person(BASE + 20), person(BASE).select(np.zeros(0, int))]
    run = saved(poses)
    area = float(np.prod(np.ptp(BASE, axis=0)))
    keypoints = np.insert(BASE, 2, 2, 1).ravel().tolist()
    fixed = {"category_id": 1, "iscrowd": 0, "num_keypoints": 17, "keypoints": keypoints, "area": area}
    content = {
        "images": [{"id": i, "stamp_ns": f["stamp_ns"]} for i, f in enumerate(run.frames)],
        "annotations": [{"id": i + 1, "image_id": i, "bbox": [100, 100, 100, 100], **fixed} for i in range(3)],
    }
    (tmp_path / "truth_annotations.json").write_text(json.dumps(content))
    results = [r for i, own in enumerate(poses) for r in own.to_coco(i)]
    (tmp_path / "truth_results.json").write_text(json.dumps(results))
    worst = sorted(worst_moments(run, 9), key=lambda m: -m.badness)
    assert [m.image_id for m in worst] == [12, 11, 10] and worst[0].why == "mean OKS 0.00 against the ground truth"
    unlike = np.exp(-800 / (2 * area * (2 * np.array(COCO.sigmas)) ** 2)).mean()
    assert worst[1].badness == pytest.approx(1 - unlike, abs=1e-4)
    np.testing.assert_allclose(true_people(run, 11, "truth").xy[0], BASE, atol=1e-4)
    assert true_people(run, 11, "pseudo_truth") is None
