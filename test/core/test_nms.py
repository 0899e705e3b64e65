import numpy as np
import pytest

from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.nms import box_nms, nms


def slow_nms(boxes, scores, threshold):
    left = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if iou(boxes[best : best + 1], boxes[i : i + 1])[0, 0] <= threshold]
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_box_nms_is_the_slow_one(count, threshold):
    random = np.random.RandomState(count)
    corner = random.rand(count, 2) * 30
    boxes, scores = np.concatenate([corner, corner + 5 + random.rand(count, 2) * 30], 1), random.rand(count)
    assert box_nms(boxes, scores, threshold).tolist() == slow_nms(boxes, scores, threshold)


def test_what_a_dropped_one_overlaps_is_kept():
    """b overlaps a and c; b goes because of a, so c stays."""
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], float)
    assert box_nms(boxes, [0.9, 0.8, 0.7], 0.3).tolist() == [0, 2]


def test_equal_scores_keep_their_order():
    assert nms(np.eye(3), [0.5, 0.5, 0.5], 0.5).tolist() == [0, 1, 2]
