"""The bootstrap against pycocotools on files in which images are repeated, and against cases with a known answer."""

import copy

import numpy as np
import pytest
from slow_ap import jittered

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_index import index_persons, load_ground_truth
from pose_estimation_ros.evaluation.metrics import pckh
from pose_estimation_ros.evaluation.metrics.bootstrap import (
    average_precision,
    draws,
    interval,
    mean_pckh,
    outcomes,
    resampled,
)
from pose_estimation_ros.evaluation.metrics.coco import (
    judge,
    keypoint_ap,
    load_results,
)

SKELETON = get_skeleton("coco17")


def outcomes_of(truth, results):
    return outcomes(judge(truth, load_results(truth, results), SKELETON))


@pytest.fixture
def real(shared_data):
    """COCO's annotations and results near them, among them equal scores in different images."""
    truth = load_ground_truth(f"{shared_data}/coco_val")
    counted = [a for a in truth.anns.values() if a["num_keypoints"]]
    return truth, jittered(counted, np.random.default_rng(1))


def repeated(truth, results, times):
    """AP by pycocotools of a file in which every image stands so many times, with people and results of its own."""
    images, annotations, copies = [], [], []
    for image_id, count in zip(sorted(truth.imgs), times):
        for _ in range(count):
            new = len(images)
            images.append({**truth.imgs[image_id], "id": new})
            annotations += [{**a, "image_id": new} for a in copy.deepcopy(truth.imgToAnns[image_id])]
            copies += [{**r, "image_id": new} for r in results if r["image_id"] == image_id]
    for number, own in enumerate(annotations):
        own["id"] = number + 1
    return keypoint_ap(index_persons({"images": images, "annotations": annotations}, "f", SKELETON), copies)["AP"]


def test_every_image_once_is_pycocotools_own_ap(real):
    truth, results = real
    own = average_precision(outcomes_of(truth, results), np.ones(len(truth.imgs), int))
    assert own == pytest.approx(keypoint_ap(truth, results)["AP"], abs=1e-12) and 5 < own < 95


def test_a_draw_is_the_ap_of_a_file_with_images_repeated(real):
    truth, results = real
    own = outcomes_of(truth, results)
    for times in draws(len(truth.imgs), 4, seed=5):
        assert average_precision(own, times) == pytest.approx(repeated(truth, results, times), abs=1e-12)


@pytest.mark.parametrize("times", [[1, 0], [0, 1], [3, 1], [0, 5]])
def test_a_draw_of_a_small_folder(folder, content, as_results, times):
    truth = load_ground_truth(folder)
    results = as_results(content["annotations"][:1], 0.3) + as_results(content["annotations"][2:3], 0.8)
    own = average_precision(outcomes_of(truth, results), np.array(times))
    assert own == pytest.approx(repeated(truth, results, times), abs=1e-12)


def test_no_results_and_nobody_drawn(folder):
    own = outcomes_of(load_ground_truth(folder), [])
    assert average_precision(own, np.array([1, 1])) == 0 and np.isnan(average_precision(own, np.array([0, 0])))


def test_draws_are_of_the_seed_and_of_as_many_images_as_there_are():
    first, again, other = (np.array(list(draws(7, 5, seed))) for seed in (1, 1, 2))
    assert first.shape == (5, 7) and (first.sum(1) == 7).all()
    assert (first == again).all() and (first != other).any()


def test_one_image_is_always_itself():
    assert resampled([lambda times: float(times[0])], 1, 6).tolist() == [[1] * 6]


def test_a_source_less_itself_is_0_and_a_better_one_is_above(real):
    truth, worse = real
    people = [a for a in truth.anns.values() if a["num_keypoints"]]
    better = jittered(people, np.random.default_rng(1), amount=0.02)
    own = [outcomes_of(truth, results) for results in (worse, worse, better)]
    values = resampled([lambda times, o=o: average_precision(o, times) for o in own], len(truth.imgs), 200)
    assert interval(values[1] - values[0]) == (0, 0)
    low, high = interval(values[2] - values[0])
    assert 0 < low < high
    alone = interval(values[0])
    assert alone[0] < average_precision(own[0], np.ones(len(truth.imgs), int)) < alone[1]


@pytest.mark.parametrize(
    "values, expected",
    [
        ([], (np.nan, np.nan)),
        ([np.nan], (np.nan, np.nan)),
        ([4.0, np.nan], (4, 4)),
        (np.arange(1001.0), (25, 975)),
    ],
)
def test_interval(values, expected):
    assert interval(np.array(values)) == pytest.approx(expected, nan_ok=True)


def test_mean_pckh_of_drawn_images():
    """Two images; the first has two people. Joints of a person are all right or all wrong."""
    keypoints = np.full((3, 16, 3), 2.0)
    keypoints[2, :8, 2] = 0  # half of the third person is labelled
    persons = mpii.Persons(["b", "b", "a"], np.zeros((3, 4)), keypoints, np.ones(3))
    xy = keypoints[..., :2] + np.array([0, 9, 0])[:, None, None]
    figure, images = mean_pckh(xy, persons)
    assert images == 2
    every = np.ones(2, int)
    assert figure(every) == pytest.approx(pckh.pckh(xy, persons, 0.5)["Mean"], abs=1e-12)
    in_mean = [k for k in range(8, 16) if k in pckh.IN_MEAN]
    a, b = len(in_mean), len(pckh.IN_MEAN)
    assert figure(np.array([2, 1])) == pytest.approx(100 * (2 * a + b) / (2 * a + 2 * b))  # "a" twice, "b" once
    assert figure(np.array([0, 1])) == 50 and np.isnan(figure(np.array([0, 0])))
