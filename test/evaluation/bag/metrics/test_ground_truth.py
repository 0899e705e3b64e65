"""Truths of a file and of a topic, and how results are judged by them."""

import numpy as np
import pytest
from bag_images import TOPIC
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.evaluation.bag.files.message_types import header, messages
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import (
    GroundTruth,
    annotations_of,
    people_of_topic,
    skeleton_of_topic,
)
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.messages.poses import poses_to_msg, skeleton_to_msg

HAND = get_skeleton("hand21")


@pytest.fixture
def stamped(content):
    """The two images of evaluation's conftest at 1 s and 2 s."""
    for image in content["images"]:
        image["stamp_ns"] = image["id"] * 10**9
        del image["file_name"]
    return content


def test_stamps_and_boxes(stamped):
    truth = GroundTruth(stamped, "t", TOPIC)
    assert truth.image_id == {10**9: 1, 2 * 10**9: 2}
    assert {image_id: len(boxes) for image_id, (boxes, _) in truth.boxes().items()} == {1: 2, 2: 1}


def test_what_was_not_seen_is_not_judged(stamped, as_results):
    """Image 2 was dropped: only image 1 counts, and there all is right."""
    truth = GroundTruth(stamped, "t", TOPIC)
    results = as_results(stamped["annotations"][:2])
    assert truth.judge(results, {1})["AP"] == pytest.approx(100)
    assert truth.judge(results, {1}) | {"source": "t", "images": 2, "judged": 1} == truth.judge(results, {1})
    assert 0 < truth.judge(results, {1, 2})["AP"] < 100
    assert truth.judge([], {1, 2})["AP"] == 0
    assert truth.judge([], set())["AP"] == -1


def test_judged_as_coco_does(folder, stamped, as_results):
    """The same figures as of the folder in COCO's layout, which ``stamped`` came from, to the last bit."""
    results = as_results(stamped["annotations"][:3])
    expected = coco.keypoint_ap(coco_index.load_ground_truth(folder), results)
    assert {name: GroundTruth(stamped, "t", TOPIC).judge(results, {1, 2})[name] for name in coco.METRICS} == expected


def test_images_of_other_topics_are_left_out(stamped):
    stamped["images"][0]["topic"] = "/left"
    assert GroundTruth(stamped, "t", "/left").image_id == {10**9: 1, 2 * 10**9: 2}
    assert GroundTruth(stamped, "t", "/right").image_id == {2 * 10**9: 2}
    stamped["images"][1]["topic"] = "/left"
    with pytest.raises(DataError, match="expected images of /right, got none"):
        GroundTruth(stamped, "t", "/right")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda c: c["images"][0].pop("stamp_ns"), "1 images without a whole number as stamp_ns"),
        (lambda c: c["images"][0].update(stamp_ns=1.5), "without a whole number"),
        (lambda c: c["images"][0].update(stamp_ns=2 * 10**9), "one image per stamp, got 2 with 1"),
        (lambda c: c["annotations"][0].update(keypoints=[1]), "without the 51 finite numbers"),
        (lambda c: c.pop("images"), "lists 'images' and 'annotations'"),
    ],
)
def test_bad_files(stamped, change, words):
    change(stamped)
    with pytest.raises(DataError, match=words):
        GroundTruth(stamped, "t", TOPIC)


def test_nobody_in_the_truth_is_a_truth():
    truth = GroundTruth(annotations_of([(5, empty_poses(17))], TOPIC), "t", TOPIC)
    assert truth.boxes() == {} and truth.judge([], {0})["AP"] == -1


def person(score):
    xy = np.arange(34.0).reshape(1, 17, 2)
    return make_poses(xy, [score], [[10, 20, 30, 60]], [0.9])


def test_annotations_by_hand():
    score = np.zeros(17)
    score[[0, 2]] = 0.3, 1
    content = annotations_of([(5, person(score)), (9, person(np.zeros(17)))], TOPIC)
    assert [image["stamp_ns"] for image in content["images"]] == [5, 9]
    (own,) = content["annotations"]
    assert own["keypoints"][:9] == [0, 1, 2, 0, 0, 0, 4, 5, 2] and own["keypoints"][9:] == [0] * 42
    assert (own["id"], own["image_id"], own["num_keypoints"], own["iscrowd"]) == (1, 0, 2, 0)
    assert (own["bbox"], own["area"]) == ([10, 20, 20, 40], 800)


def truth_of_topic(bag, name):
    return GroundTruth(annotations_of(people_of_topic(bag, name), TOPIC, skeleton_of_topic(bag, name)), name, TOPIC)


def people_message(skeleton, count):
    keypoints = np.arange(2.0 * count).reshape(1, count, 2)
    poses = make_poses(keypoints, np.ones((1, count)), [[0, 0, 9, 9]], [1])
    return poses_to_msg(messages(), poses, header(5, "cam"), (640, 480), skeleton)


def test_a_topic(save_bag):
    more = [("/truth", people_message("coco17", 17), 7), ("/odd", people_message("coco17", 1), 8)]
    more.append(("/unknown", people_message("one", 1), 9))
    with Bag(save_bag("bag", [], [], more=more)) as bag:
        truth = truth_of_topic(bag, "/truth")
        assert truth.image_id == {5: 0} and len(truth.content["annotations"]) == 1
        with pytest.raises(DataError, match="on /none, got it on: /odd, /truth, /unknown"):
            people_of_topic(bag, "/none")
        with pytest.raises(DataError, match="/odd: expected 17 keypoints per person, got .1."):
            people_of_topic(bag, "/odd")
        with pytest.raises(DataError, match="expected a .*Skeleton message of the skeleton one of /unknown, got none"):
            people_of_topic(bag, "/unknown")


@pytest.mark.parametrize("skeleton", [Skeleton("two", ("tip", "base"), ((0, 1),), (), (0.05, 0.1)), HAND])
def test_a_topic_of_another_skeleton(save_bag, skeleton):
    """It is known by its name, or described by a message beside it."""
    more = [("/truth", people_message(skeleton.name, skeleton.num_keypoints), 7)]
    more += [(f"/{s.name}", skeleton_to_msg(messages(), s), 7) for s in (get_skeleton("mpii16"), skeleton)]
    with Bag(save_bag("bag", [], [], more=more if skeleton.name == "two" else more[:1])) as bag:
        truth = truth_of_topic(bag, "/truth")
    assert truth.skeleton._replace(sigmas=None) == skeleton._replace(sigmas=None)
    assert truth.skeleton.sigmas == pytest.approx(skeleton.sigmas)
    assert truth.content["annotations"][0]["num_keypoints"] == skeleton.num_keypoints


# As they were before people had a state and keypoints a velocity.
OLD = {
    "Keypoint": "float32 x\nfloat32 y\nfloat32 score",
    "Person": "int32 track_id\nfloat32 score\nfloat32[4] box_xyxy\nKeypoint[] keypoints",
    "Timing": "float32 capture_to_receive_ms\nfloat32 preprocess_ms\nfloat32 inference_ms\nfloat32 postprocess_ms\n"
    "float32 total_ms",
    "PersonArray": "std_msgs/Header header\nuint32 image_width\nuint32 image_height\nstring skeleton\nTiming timing\n"
    "Person[] persons",
}


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_topic_of_older_messages(tmp_path, storage):
    """The bag's own definitions count, which have no state and velocity."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    for name, text in OLD.items():
        store.register(get_types_from_msg(text, f"pose_estimation_ros/msg/{name}"))
    types = {name: store.types[f"pose_estimation_ros/msg/{name}"] for name in OLD}
    keypoints = [types["Keypoint"](x=2.0 * k, y=2.0 * k + 1, score=1.0) for k in range(17)]
    box = np.array([10, 20, 30, 60], np.float32)
    persons = [types["Person"](track_id=3, score=0.9, box_xyxy=box, keypoints=keypoints)]
    fields = {"header": header(5, "cam"), "image_width": 640, "image_height": 480, "skeleton": "coco17"}
    msg = types["PersonArray"](**fields, timing=types["Timing"](0.0, 0.0, 0.0, 0.0, 0.0), persons=persons)
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        connection = writer.add_connection("/truth", msg.__msgtype__, typestore=store)
        writer.write(connection, 7, store.serialize_cdr(msg, msg.__msgtype__))
    with Bag(tmp_path / "bag") as bag:
        truth = truth_of_topic(bag, "/truth")
    expected = annotations_of([(5, person(np.ones(17)))], TOPIC)
    assert truth.content["annotations"] == [{**a, "track_id": 3} for a in expected["annotations"]]


def test_people_with_and_without_tracks(stamped):
    """Whoever is not asked for needs no id."""
    assert not GroundTruth(stamped, "t", TOPIC).has_tracks
    for annotation in stamped["annotations"][:3]:
        annotation["track_id"] = 5
    stamped["annotations"][1]["track_id"] = 6
    assert GroundTruth(stamped, "t", TOPIC).has_tracks
    stamped["annotations"][1]["track_id"] = 5
    with pytest.raises(DataError, match="t: 1 track_ids that two persons of an image have, the first: track_id 5 in"):
        GroundTruth(stamped, "t", TOPIC)
    del stamped["annotations"][1]["track_id"]
    assert not GroundTruth(stamped, "t", TOPIC).has_tracks


@pytest.mark.parametrize("odd", [[float("nan")] * 51, [9.0, 9.0, 0.0] * 17])
def test_people_who_are_not_finite_are_missed_and_told(stamped, as_results, capsys, odd):
    """NaN from a network, or the score 0 that a backend gives instead."""
    results = as_results(stamped["annotations"][:3])
    results[2]["keypoints"] = odd
    judged = GroundTruth(stamped, f"t{odd[0]}", TOPIC).judge(results, {1, 2}, overflow=True)
    plain = GroundTruth(stamped, "t", TOPIC).judge(results[:2], {1, 2}, overflow=True)
    assert judged["people_not_finite"] == 1 and "people_not_finite" not in plain
    assert [judged[name] for name in coco.METRICS] == [plain[name] for name in coco.METRICS]
    assert "1 of 3 people have keypoints that are not finite; they count as missed" in capsys.readouterr().err


def test_people_of_score_0_without_an_overflow_are_judged(stamped, as_results, capsys):
    """As `pose evaluate` does it: a network may give a place and the score 0."""
    results = as_results(stamped["annotations"][:3])
    for result in results:
        result["keypoints"] = [0.0 if place % 3 == 2 else value for place, value in enumerate(result["keypoints"])]
    judged = GroundTruth(stamped, "scores of 0", TOPIC).judge(results, {1, 2})
    assert "people_not_finite" not in judged and judged["AP"] == pytest.approx(100)
    assert capsys.readouterr().err == ""
