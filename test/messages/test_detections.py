"""Detection2DArray in every layout that vision_msgs had, through rosbags' classes and the bytes on the wire."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.messages.detections import decode_detections

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
