"""What a record comes to in the files of a run."""

import numpy as np
import pytest
from bag_images import TOPIC

from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.files.reader import Recorded
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth, annotations_of
from pose_estimation_ros.evaluation.bag.run.results import judged
from pose_estimation_ros.evaluation.bag.run.runner import Answer, Record
from pose_estimation_ros.inference.non_finite import NonFinite


def person(score):
    return make_poses(np.arange(34.0).reshape(1, 17, 2), np.full((1, 17), score), [[0, 0, 40, 40]], [0.9])


@pytest.mark.parametrize("values, missed, ap", [(0, None, 100), (17, 1, 0)])
def test_scores_of_0_count_as_missed_where_a_network_overflowed(values, missed, ap):
    truth = GroundTruth(annotations_of([(5, person(1.0))], TOPIC), f"truth {values}", TOPIC)
    record = Record([Answer(Recorded(TOPIC, 0, 5, 5, None), person(0.0), 1.0, None)], non_finite=NonFinite(values))
    results, figures = judged(record, truth, get_skeleton("coco17"))
    assert len(results) == 1 and figures.get("people_not_finite") == missed
    assert figures["AP"] == pytest.approx(ap)
