"""The detector's metric on outputs made from known boxes."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.metrics_detector import detection_metrics, truth_of  # noqa: E402


def outputs_with(cells, size=12):
    """Score 0.9 in these cells, boxes of 16 px around every cell."""
    person = torch.full((1, 1, size, size), -9.0)
    for row, column in cells:
        person[0, 0, row, column] = math.log(9)
    return {"person": person, "box": torch.zeros(1, 4, size, size)}


def rows(*boxes):
    batch = torch.full((1, 5, 5), -1.0)
    for row, box in zip(batch[0], boxes):
        row[:] = torch.tensor(box)
    return {"boxes": batch}


FIRST, SECOND = [-4.5, -4.5, 11.5, 11.5], [75.5, 75.5, 91.5, 91.5]  # around the cells (0, 0) and (10, 10)


@pytest.mark.parametrize(
    "cells, boxes, recall",
    [
        ([], [], 0.0),
        ([(0, 0)], [[*FIRST, 1]], 1.0),
        ([(0, 0)], [[*FIRST, 1], [*SECOND, 1]], 0.5),
        ([(0, 0)], [[*FIRST, 1], [*SECOND, 0]], 1.0),
        ([(0, 5), (5, 0), (9, 9)], [[*FIRST, 1]], 0.0),
    ],
)
def test_recall(cells, boxes, recall):
    assert detection_metrics(outputs_with(cells), rows(*boxes))["recall"] == (recall, sum(box[4] for box in boxes))


def test_truth_of():
    truth = truth_of(np.array([[1.0, 2, 3, 4, 1], [5, 6, 7, 8, 0], [-1, -1, -1, -1, -1]]))
    assert truth.box_xyxy.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and truth.counted.tolist() == [True, False]
