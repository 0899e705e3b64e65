"""Which people of a truth are asked for when tracks are judged, and which of those found count."""

import numpy as np
import pytest
from bag_images import TOPIC

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.metrics.person_tracks import scene_of, tracking


@pytest.fixture
def walkers(content):
    """Evaluation's two images; the persons 1 and 2 of the first, and 3, who is person 1 again, in the second."""
    for image in content["images"]:
        image["stamp_ns"] = 10 - image["id"]  # the second image is the earlier one
    for annotation, track in zip(content["annotations"], (1, 2, 1)):
        annotation["track_id"] = track
    return content


def found(annotations, *tracks):
    fields = ("image_id", "keypoints")
    return [{**{name: a[name] for name in fields}, "track_id": t} for a, t in zip(annotations, tracks)]


def test_as_annotated_is_right(walkers):
    figures = tracking(GroundTruth(walkers, "t", TOPIC), found(walkers["annotations"], 7, 8, 7), {1, 2})
    assert (figures["HOTA"], figures["MOTA"], figures["IDF1"]) == pytest.approx((100, 100, 100))
    assert (figures["images"], figures["true_tracks"], figures["id_switches"]) == (2, 2, 0)


def test_in_the_order_of_stamps(walkers):
    """Image 2 comes first: person 1 is 9 there, then 7."""
    figures = tracking(GroundTruth(walkers, "t", TOPIC), found(walkers["annotations"], 7, 8, 9), {1, 2})
    assert figures["id_switches"] == 1 and figures["MOTA"] == pytest.approx(100 * (1 - 1 / 3))


def test_images_that_were_dropped_do_not_count(walkers):
    figures = tracking(GroundTruth(walkers, "t", TOPIC), found(walkers["annotations"][:2], 7, 8), {1})
    assert figures["MOTA"] == 100 and figures["images"] == 1


def test_not_judged_without_ids_or_people(walkers):
    truth, results = GroundTruth(walkers, "t", TOPIC), found(walkers["annotations"], 7, 8, 7)
    assert tracking(truth, results, set()) is None
    del results[0]["track_id"]
    assert tracking(truth, results, {1, 2}) is None
    del walkers["annotations"][0]["track_id"]
    assert tracking(GroundTruth(walkers, "t", TOPIC), [], {1, 2}) is None


def test_who_stands_in_a_crowd_does_not_count(walkers):
    """Of three people found in image 2 one is annotated, one stands in a crowd, one nowhere."""
    own = walkers["annotations"][2:]
    own[2]["bbox"] = [500, 500, 100, 100]
    places = np.array([[550, 550], [550, 900]])
    more = [{"image_id": 2, "keypoints": np.tile([*xy, 1.0], 17).tolist()} for xy in places]
    judged = scene_of(own, found([own[0], *more], 7, 8, 9), get_skeleton("coco17"))
    assert judged.true_id.tolist() == [1] and judged.predicted_id.tolist() == [7, 9]
    assert judged.similarity == pytest.approx(np.array([[1, 0]]))
