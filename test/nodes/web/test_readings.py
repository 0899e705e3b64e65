"""Test that messages become dicts that JSON can hold, whatever they contain."""

import json
import math

import pytest
from web_readings import camera_status, diagnostic_status, person, person_3d, person_array, person_array_3d

from pose_estimation_ros.nodes.web import readings
from pose_estimation_ros.nodes.web.readings import merged, result_reading, space_reading, status_reading, statuses_of

NAN, INF = math.nan, math.inf
HUGE = 1e300  # its square is not finite


def test_nobody():
    reading = result_reading(person_array())
    assert reading["people"] == [] and reading["count"] == reading["in_view"] == 0
    assert reading["image_wh"] == [640, 480] and reading["age_ms"] == 40.0 and reading["frame_id"] == "camera"
    assert merged(reading, None) == [] == merged(reading, space_reading(person_array_3d()))


@pytest.mark.parametrize(
    "state, word, in_view",
    [(0, "untracked", 1), (1, "tentative", 1), (2, "confirmed", 1), (3, "lost", 0), (9, "unknown", 1)],
)
def test_states(state, word, in_view):
    reading = result_reading(person_array(person(7, state)))
    assert reading["people"][0]["state"] == word and reading["in_view"] == in_view and reading["count"] == 1


def test_the_colour_is_that_of_the_overlay():
    from pose_estimation_ros.core.colors import track_color

    for track_id in (-1, 0, 3, 12):
        blue, green, red = track_color(track_id)
        assert readings.color_of(track_id) == "#%02x%02x%02x" % (red, green, blue)


@pytest.mark.parametrize("value", [NAN, INF, -INF, HUGE, -HUGE])
def test_what_is_not_finite_is_unknown(value):
    number = value if math.isfinite(value) else None
    flat = result_reading(person_array(person(score=value), age_ms=value))
    space = space_reading(person_array_3d(person_3d(position=(value, 0.0, 1.0), velocity=(0.0, value, 0.0))))
    assert flat["age_ms"] == number and flat["people"][0]["score"] == number
    assert space["people"][0]["distance_m"] is None and space["people"][0]["speed_mps"] is None
    json.dumps([flat, space, merged(flat, space)], allow_nan=False)


def test_places_belong_to_people_by_id():
    flat = result_reading(person_array(person(1), person(2), person(3, state=3), stamp_s=9))
    space = space_reading(
        person_array_3d(person_3d(2, (0.0, 3.0, 4.0), (0.0, 0.6, 0.8), source=2), person_3d(1, source=4))
    )
    first, second, third = merged(flat, space)
    assert (first["distance_m"], first["speed_mps"], first["source"]) == (2.0, 0.5, "predicted")
    assert (second["distance_m"], second["speed_mps"], second["source"]) == (5.0, 1.0, "guessed")
    assert third["distance_m"] is None and third["source"] is None


@pytest.mark.parametrize("stamp_s, places, expected", [(1, 2, [1.0, 2.0]), (2, 2, [None, None]), (1, 1, [None, None])])
def test_people_without_id_are_matched_within_one_image_only(stamp_s, places, expected):
    flat = result_reading(person_array(person(-1, 0), person(-1, 0), stamp_s=1))
    people = [person_3d(-1, (0.0, 0.0, 1.0 + index)) for index in range(places)]
    space = space_reading(person_array_3d(*people, stamp_s=stamp_s))
    assert [row["distance_m"] for row in merged(flat, space)] == expected


def test_long_messages_are_cut():
    flat = result_reading(person_array(*[person(index) for index in range(1000)]))
    assert len(flat["people"]) == readings.MOST_PEOPLE and flat["count"] == flat["in_view"] == 1000
    values = {"key%d" % index: "x" * 10**5 for index in range(1000)}
    status = status_reading(diagnostic_status("n" * 10**5, message="m" * 10**5, **values))
    assert len(json.dumps(status)) < 2 * readings.MOST_VALUES * readings.LONGEST_TEXT
    assert len(status["name"]) == len(status["message"]) == readings.LONGEST_TEXT


@pytest.mark.parametrize(
    "level, word",
    [(b"\0", "ok"), (b"\1", "warning"), (b"\2", "error"), (b"\3", "stale"), (0, "ok"), (2, "error"), (9, "error")],
)
def test_levels(level, word):
    assert status_reading(diagnostic_status("a", level))["level"] == word


NODE = diagnostic_status("robot/pose_node: Pose estimation", model="m", skeleton="s", backend="b")


@pytest.mark.parametrize(
    "statuses, node, prefix, expected",
    [
        ([], "pose_node", "/", []),
        ([camera_status()], "pose_node", "/", ["pose_node: Camera /image"]),
        ([camera_status()], "pose_node2", "/", []),
        ([camera_status()], "node", "/", []),
        ([NODE, camera_status("robot/pose_node", "/far/image")], "robot/pose_node", "/robot/",
         ["robot/pose_node: Camera /far/image", "robot/pose_node: Pose estimation"]),
        ([camera_status(topic="/left/image"), camera_status(topic="/right/image")], "pose_node", "/right/",
         ["pose_node: Camera /right/image"]),
        ([diagnostic_status("other")], "pose_node", "/", []),
        ([diagnostic_status("/pose_node: extra")], "pose_node", "/", ["/pose_node: extra"]),
    ],
)  # fmt: skip
def test_statuses_of_a_camera(statuses, node, prefix, expected):
    chosen = statuses_of([status_reading(status) for status in statuses], node, prefix)
    assert [status["name"] for status in chosen] == expected
