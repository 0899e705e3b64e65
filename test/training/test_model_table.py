"""The rows of the papers' tables; what `pose models` prints is in test/cli/test_models.py."""

import pytest

from pose_estimation_ros.training import model_table
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS


def test_every_row_is_a_model_and_every_model_has_a_row():
    known = [*POSE_MODELS, *BOTTOM_UP_MODELS, *DETECTOR_MODELS]
    assert [row for row in model_table.PAPERS if row.model not in known] == []
    assert sorted({row.model for row in model_table.rows_of([])}) == sorted(known)
    assert [row.model for row in model_table.rows_of(["elpn_v2", "hrnet_w48"])] == ["elpn_v2", "hrnet_w48", "hrnet_w48"]


@pytest.mark.parametrize(
    "counted, printed, shown",
    [(5, None, "-"), (1.0, 1.0, "+0.0%"), (0.9999, 1.0, "+0.0%"), (1.1, 1.0, "+10.0%"), (0.975, 1.0, "-2.5%")],
)
def test_differences(counted, printed, shown):
    assert model_table.difference(counted, printed) == shown
