"""Detections in every layout that vision_msgs had, read and written, through rosbags' classes and bytes on the wire."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from vision_messages import DISTRIBUTIONS, vision_messages

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import (
    CONFIRMED,
    LOST,
    NO_STATE,
    TENTATIVE,
    UNTRACKED,
    empty_poses,
    make_poses,
)
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import FROM_DEPTH, unknown_people
from pose_estimation_ros.messages.detections import (
    CLASSES,
    decode_detections,
    people_to_detections,
    poses_to_detections,
)

WITH_COVARIANCE = "geometry_msgs/PoseWithCovariance pose\n"
SHARED = {
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
    "BoundingBox2D": "geometry_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\n" + WITH_COVARIANCE,
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\n",
}
# vision_msgs 2 (Foxy), 3 (Galactic) and 4 (Humble and newer), without the comments.
LAYOUTS = {
    "foxy": {
        "ObjectHypothesisWithPose": "string id\nfloat64 score\n" + WITH_COVARIANCE,
        "Detection2D": SHARED["Detection2D"] + "sensor_msgs/Image source_img\nbool is_tracking\nstring tracking_id\n",
    },
    "galactic": {"Detection2D": SHARED["Detection2D"] + "string id\n"},
    "humble": {
        "Detection2D": SHARED["Detection2D"] + "string id\n",
        "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
        "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
        "Point2D": "float64 x\nfloat64 y\n",
    },
}
PERSON = ([("person", 0.75)], (100.0, 50.0, 0.0), (40.0, 80.0))
SURE = ([("person", 0.9)], (10.0, 20.0, 0.0), (4.0, 8.0))
DOG = ([("dog", 0.9), ("person", 0.1)], (30.0, 30.0, 0.0), (10.0, 10.0))
NUMBERED = ([("dog", 0.2), ("0", 0.5)], (7.0, 8.0, 0.0), (2.0, 2.0))
NAMELESS = ([], (5.0, 5.0, 0.0), (10.0, 10.0))


def plain(layout, detections):
    """Objects with the fields that are read."""
    out = []
    for results, (x, y, theta), (width, height) in detections:
        hypotheses = [SimpleNamespace(**{"id" if layout == "foxy" else "class_id": i, "score": s}) for i, s in results]
        if layout != "foxy":
            hypotheses = [SimpleNamespace(hypothesis=hypothesis, pose=None) for hypothesis in hypotheses]
        center = SimpleNamespace(x=x, y=y, theta=theta)
        if layout == "humble":
            center = SimpleNamespace(position=SimpleNamespace(x=x, y=y), theta=theta)
        bbox = SimpleNamespace(center=center, size_x=width, size_y=height)
        out.append(SimpleNamespace(results=hypotheses, bbox=bbox, id=""))
    return SimpleNamespace(detections=out)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize(
    "detections, classes, boxes, scores",
    [
        ([], (), [], []),
        ([], ("person",), [], []),
        ([PERSON, SURE], (), [(8, 16, 12, 24), (80, 10, 120, 90)], [0.9, 0.75]),
        ([PERSON, DOG], ("person",), [(80, 10, 120, 90)], [0.75]),
        ([NUMBERED, DOG], ("person", "0"), [(6, 7, 8, 9)], [0.5]),
        ([DOG], ("person",), [], []),
        ([DOG], (), [(25, 25, 35, 35)], [0.9]),
        ([NAMELESS], (), [(0, 0, 10, 10)], [1.0]),
        ([NAMELESS], ("person",), [], []),
        ([([("person", 87.0)],) + PERSON[1:]], (), [(80, 10, 120, 90)], [1.0]),
    ],
)
def test_boxes(layout, detections, classes, boxes, scores):
    found = decode_detections(plain(layout, detections), classes)
    assert found.boxes_xyxy.dtype == found.score.dtype == np.float32 and found.malformed == 0
    assert found.boxes_xyxy.tolist() == [list(box) for box in boxes] and found.boxes_xyxy.shape[1:] == (4,)
    assert found.score.tolist() == pytest.approx(scores)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_over_the_wire(layout):
    typesys = pytest.importorskip("rosbags.typesys", reason="makes message classes with rosbags")
    store = typesys.get_typestore(typesys.Stores.ROS2_FOXY)
    for name, text in dict(SHARED, **LAYOUTS[layout]).items():
        store.register(typesys.get_types_from_msg(text, "vision_msgs/msg/" + name))
    message = filled(store, "vision_msgs/msg/Detection2DArray", plain(layout, [DOG, PERSON, SURE]))
    data = store.serialize_cdr(message, message.__msgtype__)
    received = store.deserialize_cdr(data, message.__msgtype__)
    found = decode_detections(received, ["person"])
    assert found.boxes_xyxy.tolist() == [[8, 16, 12, 24], [80, 10, 120, 90]]
    assert found.score.tolist() == pytest.approx([0.9, 0.75])


def filled(store, name, values):
    """rosbags' message with the fields of the object, where that has them, else zero or empty."""
    types, (_constants, fields) = store.types, store.fielddefs[name]
    given = {}
    for key, (kind, detail) in fields:
        value = getattr(values, key, None)
        if kind.name == "NAME":
            given[key] = filled(store, detail, value)
        elif kind.name == "BASE":
            given[key] = value if value is not None else ("" if detail[0] == "string" else 0)
        elif detail[0][0].name == "NAME":
            given[key] = [filled(store, detail[0][1], element) for element in value or []]
        else:
            given[key] = np.zeros(detail[1], detail[0][1][0])
    return types[name](**given)


@pytest.mark.parametrize("theta", [0.0, 0.3, -1.2, math.pi / 2, 3.0, 100.0])
def test_a_turned_box_is_enclosed(theta):
    found = decode_detections(plain("humble", [([("person", 0.5)], (50.0, 60.0, theta), (20.0, 8.0))]))
    corners = [complex(sx * 10, sy * 4) * complex(math.cos(theta), math.sin(theta)) for sx in (-1, 1) for sy in (-1, 1)]
    x, y = [50 + c.real for c in corners], [60 + c.imag for c in corners]
    np.testing.assert_allclose(found.boxes_xyxy, [[min(x), min(y), max(x), max(y)]], rtol=1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        ([("person", 0.5)], (math.nan, 0.0, 0.0), (1.0, 1.0)),
        ([("person", 0.5)], (0.0, math.inf, 0.0), (1.0, 1.0)),
        ([("person", 0.5)], (0.0, 0.0, math.nan), (1.0, 1.0)),
        ([("person", 0.5)], (0.0, 0.0, math.inf), (1.0, 1.0)),
        ([("person", 0.5)], (0.0, 0.0, 0.0), (math.nan, 1.0)),
        ([("person", 0.5)], (0.0, 0.0, 0.0), (-5.0, 1.0)),
        ([("person", 0.5)], (0.0, 0.0, 0.0), (5.0, 0.0)),
        ([("person", 0.5)], (0.0, 0.0, 0.0), (1e300, 1.0)),
        ([("person", 0.5)], (0.0, 0.0, 0.0), (3e38, 3e38)),
        ([("person", 0.5)], (-3e6, 0.0, 0.0), (5.0, 5.0)),
        ([("person", math.nan)], (0.0, 0.0, 0.0), (5.0, 5.0)),
    ],
)
def test_numbers_that_are_none(bad):
    found = decode_detections(plain("humble", [PERSON, bad, SURE, bad]), ("person",))
    assert found.malformed == 2 and found.score.tolist() == pytest.approx([0.9, 0.75])


@pytest.mark.parametrize("results", [[("x", math.nan), ("person", 0.5)], [("person", 0.5), ("x", math.nan)]])
def test_one_bad_hypothesis_does_not_hide_another(results):
    found = decode_detections(plain("humble", [(results,) + PERSON[1:]]), ("person",))
    assert found.score.tolist() == [0.5] and found.malformed == 0


@pytest.mark.parametrize(
    "message, words",
    [
        (SimpleNamespace(boxes=[]), "got SimpleNamespace: .*detections"),
        (SimpleNamespace(detections=None), "NoneType"),
        (SimpleNamespace(detections=[SimpleNamespace(results=[])]), "bbox"),
        (SimpleNamespace(detections=[SimpleNamespace(results=[SimpleNamespace(score=1.0)])]), "id"),
        (plain("humble", [([("person", "high")],) + PERSON[1:]]), "high"),
    ],
)
def test_other_messages(message, words):
    with pytest.raises(FrameError, match="expected a vision_msgs/Detection2DArray.*" + words) as caught:
        decode_detections(message)
    assert caught.value.kind == "detections"


def people(*states, boxes=((10, 20, 50, 100),), ids=(4, 5, 6, 7, 8)):
    count = len(states)
    poses = make_poses(
        np.zeros((count, 17, 2)), np.ones((count, 17)), np.resize(boxes, (count, 4)), np.linspace(0.5, 0.9, count),
        np.array(ids[:count]),
    )  # fmt: skip
    return poses.replace(state=np.array(states, np.uint8))


def own_id(detection):
    """Return the id of a detection in any layout."""
    if hasattr(detection, "tracking_id"):
        assert detection.is_tracking == bool(detection.tracking_id)
        return detection.tracking_id
    return detection.id


@pytest.mark.parametrize("layout", DISTRIBUTIONS)
def test_nobody_is_an_empty_array(layout):
    messages = vision_messages(layout)
    assert set(vars(messages)) == set(CLASSES)
    nobody, joints = empty_poses(17), Joints(np.zeros((0, 17, 3)), np.zeros((0, 17, 3, 3)), np.zeros((0, 17), bool))
    in_the_image = poses_to_detections(messages, nobody, "header")
    in_space = people_to_detections(messages, nobody, joints, unknown_people(0), "header", 2)
    for array in (in_the_image, in_space):
        assert (array.header, array.detections) == ("header", [])


@pytest.mark.parametrize("layout", DISTRIBUTIONS)
def test_what_is_written_is_read_again(layout):
    boxes = [(10, 20, 50, 100), (-5.5, 0, 3, 4.25), (0, 0, 1, 1), (600, 400, 700, 500)]
    poses = people(TENTATIVE, CONFIRMED, LOST, NO_STATE, boxes=boxes, ids=(4, 5, 6, UNTRACKED))
    array = poses_to_detections(vision_messages(layout), poses, "header")
    assert [own_id(detection) for detection in array.detections] == ["4", "5", ""]
    assert [detection.header for detection in array.detections] == ["header"] * 3
    found = decode_detections(array, ["person"])
    best_first = [3, 1, 0]
    np.testing.assert_allclose(found.boxes_xyxy, poses.box_xyxy[best_first], rtol=1e-6)
    np.testing.assert_allclose(found.score, poses.person_score[best_first], rtol=1e-6)
    assert found.malformed == 0 and len(decode_detections(array, ["dog"]).score) == 0


@pytest.mark.parametrize("layout", DISTRIBUTIONS)
def test_what_is_written_is_read_again_over_the_wire(layout):
    typesys = pytest.importorskip("rosbags.typesys", reason="makes message classes with rosbags")
    store = typesys.get_typestore(typesys.Stores.ROS2_FOXY)
    for name, text in dict(SHARED, **LAYOUTS[layout]).items():
        store.register(typesys.get_types_from_msg(text, "vision_msgs/msg/" + name))
    poses = people(CONFIRMED, TENTATIVE)
    array = poses_to_detections(vision_messages(layout), poses, None)
    data = store.serialize_cdr(
        filled(store, "vision_msgs/msg/Detection2DArray", array), "vision_msgs/msg/Detection2DArray"
    )
    received = store.deserialize_cdr(data, "vision_msgs/msg/Detection2DArray")
    assert [own_id(detection) for detection in received.detections] == ["4", "5"]
    np.testing.assert_allclose(decode_detections(received, ["person"]).boxes_xyxy, poses.box_xyxy, rtol=1e-6)


@pytest.mark.parametrize(
    "box", [(np.nan, 0, 1, 1), (0, 0, np.inf, 1), (0, 0, 1e12, 1), (5, 5, 5, 9), (5, 5, 9, 5), (9, 5, 5, 9)]
)
def test_boxes_without_a_place_or_size_are_not_written(box):
    poses = people(CONFIRMED, CONFIRMED, boxes=[box, (10, 20, 50, 100)])
    assert [own.id for own in poses_to_detections(vision_messages("humble"), poses, None).detections] == ["5"]


def in_space(states, positions, height=np.nan, joints=()):
    """Write people, who have these joints, with z up; return the detections."""
    count = len(states)
    place = np.array(positions, float).reshape(count, 3)
    covariance = np.tile(np.diag([0.01, 0.02, 0.03]), (count, 1, 1))
    where = unknown_people(count)._replace(
        position=place, position_covariance=covariance, height=np.full(count, height),
        source=np.full(count, FROM_DEPTH, np.uint8),
    )  # fmt: skip
    spots = np.full((count, 17, 3), np.nan, np.float32)
    spots[:, : len(joints)] = np.reshape(joints, (-1, 3))
    valid = np.isfinite(spots).all(-1)
    everything = Joints(spots, np.full((count, 17, 3, 3), np.nan, np.float32), valid)
    return people_to_detections(vision_messages("humble"), people(*states), everything, where, "header", 2).detections


def xyz(vector):
    return [vector.x, vector.y, vector.z]


def test_who_is_seen_and_has_a_position_is_written_in_space():
    nowhere, here = [np.nan] * 3, [1.0, 2.0, 3.0]
    states = [CONFIRMED, TENTATIVE, LOST, NO_STATE, CONFIRMED]
    detections = in_space(states, [here, here, here, here, nowhere])
    assert [own_id(detection) for detection in detections] == ["4", "5", "7"]
    for detection, score in zip(detections, [0.5, 0.6, 0.8]):
        (result,) = detection.results
        assert (result.hypothesis.class_id, result.hypothesis.score) == ("person", pytest.approx(score))
        assert xyz(result.pose.pose.position) == here
        orientation = result.pose.pose.orientation
        assert (orientation.x, orientation.y, orientation.z, orientation.w) == (0, 0, 0, 1)
        any_angle = math.pi**2 / 3
        whole = np.reshape(result.pose.covariance, (6, 6))
        np.testing.assert_allclose(whole, np.diag([0.01, 0.02, 0.03, any_angle, any_angle, any_angle]))


@pytest.mark.parametrize("height, size", [(1.9, 1.9), (np.nan, 1.7)])
def test_without_joints_the_box_stands_for_the_height(height, size):
    (detection,) = in_space([CONFIRMED], [[1.0, 2.0, 3.0]], height)
    assert xyz(detection.bbox.center.position) == [1, 2, 3]
    assert xyz(detection.bbox.size) == [0.6, 0.6, size]


@pytest.mark.parametrize(
    "joints, middle, size",
    [
        ([(1, 2, 3)], (1, 2, 3), (0.3, 0.3, 0.3)),
        ([(1.5, 2, 3.9), (1, 1.9, 2.1)], (1.25, 1.95, 3.0), (0.7, 0.3, 2.0)),
        ([(2, 3, 4), (3, 4, 5)], (2, 3, 4), (2.2, 2.2, 2.2)),  # the position belongs to the box
    ],
)
def test_a_box_holds_the_joints_and_what_goes_on_beyond_them(joints, middle, size):
    (detection,) = in_space([CONFIRMED], [[1.0, 2.0, 3.0]], 1.9, joints)
    np.testing.assert_allclose(xyz(detection.bbox.center.position), middle, rtol=1e-6)
    np.testing.assert_allclose(xyz(detection.bbox.size), size, rtol=1e-6)
    assert detection.bbox.center.orientation.w == 1


def test_no_nan_is_written_in_space():
    (detection,) = in_space([CONFIRMED], [[1.0, 2.0, 3.0]], joints=[(1, 2, np.nan), (1, 2, 3.5)])
    numbers = xyz(detection.bbox.center.position) + xyz(detection.bbox.size)
    assert np.isfinite(numbers).all()
    where = unknown_people(1)._replace(position=np.ones((1, 3)))  # of a known position and an unknown covariance
    joints = Joints(np.full((1, 17, 3), np.nan), np.full((1, 17, 3, 3), np.nan), np.zeros((1, 17), bool))
    array = people_to_detections(vision_messages("humble"), people(CONFIRMED), joints, where, None, 1)
    covariance = np.reshape(array.detections[0].results[0].pose.covariance, (6, 6))
    assert np.isfinite(covariance).all() and not covariance[:3, :3].any()
