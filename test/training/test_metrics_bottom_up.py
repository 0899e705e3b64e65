"""The quick metric, on maps whose peaks are set by hand."""

import pytest
import torch

from pose_estimation_ros.training.metrics_bottom_up import bottom_up_metrics


def sample(peak_yx, value, joints):
    """One image, one joint kind on a 40x40 map with one peak; joints: (y, x) of each person's."""
    heatmaps = torch.zeros(1, 1, 40, 40)
    heatmaps[0, 0, peak_yx[0], peak_yx[1]] = value
    cells = torch.full((1, 30, 1), -1)
    for person, (y, x) in enumerate(joints):
        cells[0, person, 0] = 40 * y + x
    return {"heatmaps": heatmaps}, {"cells": cells}


@pytest.mark.parametrize(
    "peak, value, joints, expected",
    [
        ((10, 10), 1.0, [], (0.0, 0)),  # of none: counts for nothing
        ((10, 10), 1.0, [(10, 10)], (1.0, 1)),
        ((10, 10), 0.05, [(10, 10)], (0.0, 1)),  # too weak
        ((10, 10), 1.0, [(11, 9)], (1.0, 1)),  # within 3 % of 40
        ((10, 10), 1.0, [(12, 10)], (0.0, 1)),
        ((10, 10), 1.0, [(10, 10), (30, 30)], (0.5, 2)),
    ],
)
def test_pck(peak, value, joints, expected):
    assert bottom_up_metrics(*sample(peak, value, joints)) == {"pck": expected}
