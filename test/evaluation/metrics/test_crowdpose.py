"""crowdpose.py: the rules of CrowdPose's tool, against AP written out slowly, on made-up people and on real ones."""

import numpy as np
import pytest
from crowdpose_people import made_up
from slow_ap import jittered, slow_ap

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.crowdpose import SKELETON, load_ground_truth
from pose_estimation_ros.evaluation.metrics import crowdpose

SIGMAS = np.array([0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89, 0.79, 0.79]) / 10
NAMES = (*crowdpose.METRICS, *crowdpose.LEVELS)


def load(tmp_path, content):
    return load_ground_truth(tmp_path / "crowdpose.json", content)


def counted(truth):
    return [a for a in truth.anns.values() if is_counted(a)]


def slow_figures(truth, results):
    def area_of(one):
        return 0.53 * one["bbox"][2] * one["bbox"][3]

    def run(images):
        return slow_ap(images, list(truth.anns.values()), results, SIGMAS, area_of)

    index = {i: image["crowdIndex"] for i, image in truth.imgs.items()}
    ap, recall = run(index)
    easy = [i for i in index if index[i] < 0.2]
    hard = [i for i in index if index[i] >= 0.8]
    levels = [np.mean(run(level)[0]) for level in (easy, set(index) - set(easy) - set(hard), hard)]
    return dict(zip(NAMES, [np.mean(ap), ap[0], ap[5], np.mean(recall), *levels]))


def test_nothing_predicted(tmp_path):
    assert crowdpose.keypoint_ap(load(tmp_path, made_up([0.5])), []) == dict.fromkeys(NAMES, 0.0)


def test_the_levels_begin_where_the_tool_has_them(tmp_path):
    truth = load(tmp_path, made_up([0.0, 0.15, 0.2, 0.5, 0.79, 0.8, 1.0]))
    levels = [crowdpose.images_between(truth, *limits) for limits in crowdpose.LEVELS.values()]
    assert levels == [[0, 1], [2, 3, 4], [5, 6]]


def test_a_level_without_images_is_minus_one(tmp_path, as_results):
    truth = load(tmp_path, made_up([0.1, 0.9]))
    figures = crowdpose.keypoint_ap(truth, as_results(counted(truth)))
    assert figures["AP_medium"] == -1
    assert [figures[name] for name in NAMES if name != "AP_medium"] == pytest.approx([100] * 6)


def test_one_level_found(tmp_path, as_results):
    """All people of the hard image and nobody else: they are half of all."""
    truth = load(tmp_path, made_up([0.1, 0.9]))
    figures = crowdpose.keypoint_ap(truth, as_results([a for a in counted(truth) if a["image_id"] == 1]))
    assert (figures["AP_easy"], figures["AP_hard"]) == pytest.approx((0, 100))
    assert figures["AP"] == pytest.approx(100 * 51 / 101)


def test_the_area_is_of_the_box_whatever_the_file_says(tmp_path):
    content = made_up([0.5])
    content["annotations"][0] |= {"area": 1.0, "bbox": [0, 0, 10, 20]}
    assert load(tmp_path, content).anns[1]["area"] == pytest.approx(106)


def test_sigmas():
    np.testing.assert_allclose(get_skeleton(SKELETON).sigmas, SIGMAS)


@pytest.mark.parametrize("seed", range(3))
def test_jittered_truth_agrees_with_ap_written_out(tmp_path, seed):
    rng = np.random.default_rng(seed)
    truth = load(tmp_path, made_up(rng.choice([0.1, 0.2, 0.5, 0.8, 0.9], 25).tolist()))
    results = jittered(counted(truth), rng, amount=0.03)
    figures = crowdpose.keypoint_ap(truth, results)
    assert 10 < figures["AP"] < 90 and len({*figures.values()}) == 7
    assert figures == pytest.approx(slow_figures(truth, results), abs=1e-6)


def test_official_file(shared_data, as_results):
    """All 2000 images with the truth as prediction, every twentieth with the truth jittered."""
    truth = load_ground_truth(f"{shared_data}/crowdpose/crowdpose_val.json")
    assert len(truth.imgs) == 2000 and len(counted(truth)) == 8527 - 1453
    perfect = crowdpose.keypoint_ap(truth, as_results(counted(truth)))
    assert perfect == pytest.approx(dict.fromkeys(NAMES, 100.0))
    few = set(sorted(truth.imgs)[::20])
    content = {"images": [truth.imgs[i] for i in few], "annotations": [a for i in few for a in truth.imgToAnns[i]]}
    part = load_ground_truth("part.json", content)
    results = jittered(counted(part), np.random.default_rng(0), amount=0.03)
    figures = crowdpose.keypoint_ap(part, results)
    assert 10 < figures["AP"] < 90 and figures == pytest.approx(slow_figures(part, results), abs=1e-6)
