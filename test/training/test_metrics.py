"""The quick metrics, on outputs whose peaks and boxes are set by hand."""

import math

import numpy as np
import pytest
import torch

from pose_estimation_ros.training.metrics import bottom_up_metrics, detection_metrics, heatmap_metrics, truth_of


def test_top_down_pck_by_hand():
    heatmaps = torch.zeros(1, 2, 40, 40)
    heatmaps[0, 0, 10, 10] = heatmaps[0, 1, 30, 30] = 1.0
    batch = {"xy": torch.tensor([[[10.0, 11.0], [10.0, 10.0]]]), "weight": torch.ones(1, 2), "peak": torch.ones(1, 2)}
    assert heatmap_metrics({"heatmaps": heatmaps}, batch) == {"pck": (0.5, 2)}
    for name in ("weight", "peak"):
        assert heatmap_metrics({"heatmaps": heatmaps}, {**batch, name: torch.zeros(1, 2)}) == {"pck": (0.0, 0)}


def sample(peak_yx, value, joints):
    """One image, one joint kind on a 40x40 map with one peak; joints: (y, x) of each person's."""
    heatmaps = torch.zeros(1, 1, 40, 40)
    heatmaps[0, 0, peak_yx[0], peak_yx[1]] = value
    cells = torch.full((1, 30, 1), -1)
    for person, (y, x) in enumerate(joints):
        cells[0, person, 0] = 40 * y + x
    return {"heatmaps": heatmaps}, {"cells": cells}


@pytest.mark.parametrize(
    "peak, value, joints, pck, highest",
    [
        ((10, 10), 1.0, [], 0.0, 0.0),  # of none: counts for nothing
        ((10, 10), 1.0, [(10, 10)], 1.0, 1.0),
        ((10, 10), 0.05, [(10, 10)], 0.0, 1.0),  # too weak for a peak
        ((10, 10), 0.0, [(30, 30)], 0.0, 0.0),  # of a constant map, the highest place is a corner
        ((10, 10), 1.0, [(11, 9)], 1.0, 1.0),  # within 3 % of 40
        ((10, 10), 1.0, [(12, 10)], 0.0, 0.0),
        ((10, 10), 1.0, [(10, 10), (30, 30)], 0.5, 0.5),
    ],
)
def test_bottom_up_pck(peak, value, joints, pck, highest):
    found = bottom_up_metrics(*sample(peak, value, joints))
    assert found == {"pck": (pck, len(joints)), "pck_highest": (highest, len(joints))}


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
def test_detection_recall(cells, boxes, recall):
    assert detection_metrics(outputs_with(cells), rows(*boxes))["recall"] == (recall, sum(box[4] for box in boxes))


def test_truth_of():
    truth = truth_of(np.array([[1.0, 2, 3, 4, 1], [5, 6, 7, 8, 0], [-1, -1, -1, -1, -1]]))
    assert truth.box_xyxy.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and truth.counted.tolist() == [True, False]
