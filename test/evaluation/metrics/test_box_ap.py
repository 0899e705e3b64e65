"""COCO's box AP on cases small enough to do by hand."""

import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="evaluation needs pycocotools")

from pose_estimation_ros.evaluation.metrics.box_ap import box_ap  # noqa: E402
from pose_estimation_ros.evaluation.metrics.detection import Truth  # noqa: E402

PERSON = [0.0, 0, 10, 100]
SHIFTED = [0.0, 20, 10, 120]  # IoU with PERSON 80 / 120: right at 0.5, 0.55, 0.6 and 0.65
FAR = [50.0, 0, 60, 100]


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    "people, crowd, found, scores, expected",
    [
        ([], [], [], [], (-1, -1)),
        ([PERSON], [0], [], [], (0, 0)),
        ([PERSON], [0], [PERSON], [0.1], (100, 100)),
        ([PERSON], [0], [SHIFTED], [0.9], (40, 100)),
        ([PERSON], [0], [FAR, PERSON], [0.9, 0.8], (50, 50)),
        ([PERSON], [0], [FAR, PERSON], [0.8, 0.9], (100, 100)),
        ([PERSON, FAR], [0, 1], [FAR, PERSON], [0.9, 0.8], (100, 100)),
        ([PERSON, FAR], [0, 0], [PERSON], [0.9], (50.5, 50.5)),  # 51 of 101 recalls are reached
    ],
)
def test_one_image(people, crowd, found, scores, expected):
    truth = Truth("a.jpg", boxes(*people), np.ones(len(people), bool), np.array(crowd, bool))
    figures = box_ap([(boxes(*found), np.array(scores, np.float32))], [truth])
    assert figures == {"box_AP": pytest.approx(expected[0], abs=0.01), "box_AP50": pytest.approx(expected[1], abs=0.01)}


def test_boxes_count_in_their_own_image_only():
    truth = Truth("a.jpg", boxes(PERSON), np.ones(1, bool), np.zeros(1, bool))
    found, nothing = (boxes(PERSON), np.array([0.9])), (boxes(), np.zeros(0))
    assert box_ap([found, nothing], [truth, truth])["box_AP50"] == pytest.approx(50.5, abs=0.01)
    assert box_ap([nothing, found], [truth, truth._replace(box_xyxy=boxes(FAR))])["box_AP50"] == 0
