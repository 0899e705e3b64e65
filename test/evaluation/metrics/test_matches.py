"""Matches on a small folder and on real images: what they sum up to must be pycocotools' own figures."""

import numpy as np
import pytest
from slow_ap import jittered

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_index import load_ground_truth
from pose_estimation_ros.evaluation.metrics.coco import keypoint_ap
from pose_estimation_ros.evaluation.metrics.matches import crowding_of, match, people_of

SKELETON = get_skeleton("coco17")


def box(number, xywh, iscrowd=0):
    return {"id": number, "bbox": xywh, "iscrowd": iscrowd}


@pytest.mark.parametrize(
    "annotations, expected",
    [
        ([], {}),
        ([box(1, [0, 0, 10, 10])], {1: 0}),
        ([box(1, [0, 0, 10, 10]), box(2, [5, 0, 10, 10]), box(3, [50, 0, 10, 10])], {1: 1 / 3, 2: 1 / 3, 3: 0}),
        ([box(1, [0, 0, 10, 10]), box(2, [0, 0, 10, 10], iscrowd=1)], {1: 0}),
    ],
)
def test_crowding(annotations, expected):
    assert crowding_of(annotations) == pytest.approx(expected)


def test_who_is_asked_for(folder):
    people = people_of(load_ground_truth(folder))
    assert people.annotation_id.tolist() == [1, 2, 3] and people.image_id.tolist() == [1, 1, 2]
    assert people.crowding == pytest.approx([1, 1, 81 / 3600])  # who has no keypoints is somebody, too
    assert people.labelled.all() and people.area.tolist() == [1e4, 1e4, 3600]


def test_nobody_found(folder):
    truth = load_ground_truth(folder)
    evaluation, matches = match(truth, people_of(truth), [], SKELETON)
    assert matches.predicted_id.tolist() == [0, 0, 0] and matches.oks.sum() == matches.recall.sum() == 0
    assert np.isnan(matches.predicted_xy).all() and evaluation.eval["precision"].max() == 0


def test_recall_is_coco_s_and_oks_is_pycocotools_own(shared_data):
    truth = load_ground_truth(f"{shared_data}/coco_val")
    results = jittered([a for a in truth.anns.values() if a["num_keypoints"]], np.random.default_rng(3))
    before = [dict(result) for result in results]
    people = people_of(truth)
    evaluation, matches = match(truth, people, results, SKELETON)
    assert results == before, "results are left as they came"
    assert 100 * matches.recall.mean() == pytest.approx(keypoint_ap(truth, results)["AR"], abs=1e-9)
    for person in np.flatnonzero(matches.predicted_id):
        image = people.image_id[person]
        row = np.argsort([-d["score"] for d in evaluation._dts[image, 1]], kind="mergesort")
        found = [evaluation._dts[image, 1][i]["id"] for i in row].index(matches.predicted_id[person])
        own = [a["id"] for a in evaluation._gts[image, 1]].index(people.annotation_id[person])
        assert matches.oks[person] == pytest.approx(evaluation.ious[image, 1][found, own], abs=1e-9)
