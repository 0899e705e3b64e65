import numpy as np
import pytest

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.decoders.people import PeopleInGraph

BOXES = [[10, 10, 20, 30], [11, 10, 21, 30], [40, 10, 60, 50], [0, 0, 0, 0]]


def decoder(nms_iou=None):
    options = {} if nms_iou is None else {"nms_iou": nms_iou}
    spec = ModelSpec("x", "one_stage", (64, 64), "rgb", get_skeleton("coco17"), 1, "people", 1.0, "", {}, {}, options)
    return PeopleInGraph(spec)


def outputs_of(boxes, scores, seed=0):
    count = len(scores)
    keypoints = np.random.RandomState(seed).uniform(0.1, 0.9, (1, count, 17, 3)) * [64, 64, 1]
    arrays = {"boxes_xyxy": np.array(boxes).reshape(1, -1, 4), "scores": np.array([scores]), "keypoints": keypoints}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.mark.parametrize("nms_iou", [None, 0.5])
def test_nobody(nms_iou):
    boxes, scores, xy, score = decoder(nms_iou)(outputs_of([], []))
    assert boxes.shape == (0, 4) and scores.shape == (0,) and xy.shape == (0, 17, 2) and score.shape == (0, 17)


@pytest.mark.parametrize("nms_iou, expected", [(None, [2, 0, 1]), (0.5, [2, 0]), (1.0, [2, 0, 1])])
def test_people_are_sorted_and_suppressed(nms_iou, expected):
    outputs = outputs_of(BOXES, [0.8, 0.7, 0.9, 0.0])
    boxes, scores, xy, score = decoder(nms_iou)(outputs)
    assert boxes.tolist() == [BOXES[i] for i in expected]
    assert np.array_equal(scores, outputs["scores"][0, expected])
    assert np.array_equal(xy, outputs["keypoints"][0, expected, :, :2])
    assert np.array_equal(score, outputs["keypoints"][0, expected, :, 2])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2e6])
def test_what_is_not_finite_or_out_of_reach(bad):
    outputs = outputs_of(BOXES[:3], [0.9, 0.8, 0.7])
    outputs["boxes_xyxy"][0, 0, 2] = bad
    outputs["keypoints"][0, 1, 5, 1] = bad
    boxes, _, xy, score = decoder()(outputs)
    assert len(boxes) == 2 and score[0, 5] == 0 and xy[0, 5].tolist() == [0, 0] and (score > 0).sum() == 33


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1, 0])
def test_candidates_without_a_score_are_nobody(bad):
    assert len(decoder()(outputs_of(BOXES, [bad, bad, 0.5, bad]))[0]) == 1


def test_scores_are_cut_to_one():
    outputs = outputs_of(BOXES[:1], [1.5])
    outputs["keypoints"][..., 2] = 1.5
    _, scores, _, score = decoder()(outputs)
    assert scores.tolist() == [1] and (score == 1).all()
