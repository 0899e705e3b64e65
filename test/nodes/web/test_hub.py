"""Test the state that the page shows, fed by readings and a clock of the test."""

import json
import threading

import pytest
from web_readings import (
    JPEG,
    camera_status,
    diagnostic_status,
    person,
    person_3d,
    person_array,
    person_array_3d,
)

from pose_estimation_ros.nodes.web import hub as module
from pose_estimation_ros.nodes.web.hub import Hub
from pose_estimation_ros.nodes.web.readings import result_reading, space_reading, status_reading


class Clock:
    """Return a time that the test sets."""

    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(clock):
    return Hub("26", clock)


def content(hub):
    return json.loads(hub.state()[1])


def result(*persons, **fields):
    return result_reading(person_array(*persons, **fields))


def test_without_cameras_it_says_how_to_start_one(hub):
    state = content(hub)
    assert state["cameras"] == state["others"] == [] and hub.history() == {} and hub.picture("/") is None
    assert "ros2 run pose_estimation_ros pose_node" in state["notice"] and "26" in state["notice"]


def test_what_comes_for_unknown_cameras_is_ignored(hub):
    hub.put_result("/", result(person()))
    hub.put_space("/", space_reading(person_array_3d()))
    hub.put_picture("/", JPEG % 1)
    hub.watch("viewer", ["/nowhere/"])
    assert content(hub)["cameras"] == [] and hub.picture("/") is None


def test_one_camera(hub, clock):
    hub.set_cameras({"/": "pose_node"})
    for _ in range(11):
        clock.s += 0.1
        hub.put_result("/", result(person(4), person(5, state=3)))
    hub.put_space("/", space_reading(person_array_3d(person_3d(4))))
    (camera,) = content(hub)["cameras"]
    assert (camera["name"], camera["node"], camera["present"], camera["level"]) == ("/", "pose_node", True, "ok")
    assert camera["rate_hz"] == pytest.approx(10.0) and camera["age_ms"] == 40.0 and not camera["stale"]
    assert [row["id"] for row in camera["people"]] == [4, 5] and camera["in_view"] == 1
    assert camera["people"][0]["distance_m"] == 2.0 and camera["space_frame"] == "base"


def test_distances_stay_beside_old_results(hub, clock):
    hub.set_cameras({"/": "pose_node"})
    hub.put_result("/", result(person(4)))
    hub.put_space("/", space_reading(person_array_3d(person_3d(4))))
    clock.s += 9.0
    (camera,) = content(hub)["cameras"]
    assert camera["stale"] and camera["people"][0]["distance_m"] == 2.0


def test_distances_that_no_longer_come_are_not_shown(hub, clock):
    hub.set_cameras({"/": "pose_node"})
    hub.put_space("/", space_reading(person_array_3d(person_3d(4))))
    for expected in (2.0, None):
        hub.put_result("/", result(person(4)))
        (camera,) = content(hub)["cameras"]
        assert camera["people"][0]["distance_m"] == expected and bool(camera["space_frame"]) == bool(expected)
        for _ in range(30):
            clock.s += 0.1
            hub.put_result("/", result(person(4)))


def test_two_cameras_do_not_mix(hub):
    hub.set_cameras({"/left/": "pose_node", "/right/": "pose_node"})
    hub.put_result("/left/", result(person(1)))
    hub.put_result("/right/", result(person(2), person(3)))
    hub.put_statuses([status_reading(camera_status(topic="/right/image", level=b"\1", message="late"))] * 2)
    hub.put_statuses([status_reading(camera_status(topic="/left/image"))])
    left, right = content(hub)["cameras"]
    assert (left["count"], right["count"]) == (1, 2)
    assert (left["level"], right["level"], right["problem"]) == ("ok", "warning", "late")


def test_old_results_are_stale_and_a_node_that_ended_is_told(hub, clock):
    hub.set_cameras({"/": "pose_node"})
    hub.put_result("/", result(person()))
    clock.s += 9.0
    (camera,) = content(hub)["cameras"]
    assert camera["stale"] and camera["result_age_s"] == 9.0 and camera["rate_hz"] is None
    assert (camera["level"], camera["problem"]) == ("error", "No result for 9 s.")
    hub.set_cameras({}, known=["/"])
    (camera,) = content(hub)["cameras"]
    assert not camera["present"] and "ended" in camera["problem"]
    hub.set_cameras({"/": "other_node"}, known=["/"])
    assert content(hub)["cameras"][0]["node"] == "other_node"
    hub.set_cameras({})
    assert content(hub)["cameras"] == []


@pytest.mark.parametrize(
    "interval_s, stale_after_s", [(0.1, module.STALE_S), (1.0, module.STALE_S), (3.0, 6.0), (20.0, 40.0)]
)
def test_a_slow_camera_is_not_stale_between_two_results(hub, clock, interval_s, stale_after_s):
    hub.set_cameras({"/": "pose_node"})
    for _ in range(5):
        clock.s += interval_s
        hub.put_result("/", result(person()))
    clock.s += 0.95 * stale_after_s
    (camera,) = content(hub)["cameras"]
    assert not camera["stale"] and camera["level"] == "ok" and camera["rate_hz"] == pytest.approx(1 / interval_s, 0.01)
    clock.s += max(0.1 * stale_after_s, 2 * module.REFRESH_S)
    (camera,) = content(hub)["cameras"]
    assert camera["stale"] and camera["level"] == "error" and camera["rate_hz"] is None


def test_a_pause_does_not_make_a_fast_camera_a_slow_one(hub, clock):
    hub.set_cameras({"/": "pose_node"})
    for pause_s in (0.1, 0.1, 60.0):
        clock.s += pause_s
        hub.put_result("/", result(person()))
    clock.s += module.STALE_S + 0.1
    assert content(hub)["cameras"][0]["stale"]


def test_the_number_of_the_state_grows_with_changes_and_with_time(hub, clock):
    first, text = hub.state()
    assert hub.state() == (first, text)
    hub.set_cameras({"/": "pose_node"})
    second, _ = hub.state()
    clock.s += module.REFRESH_S
    third, _ = hub.state()
    assert first < second < third


def test_news_are_announced(hub):
    calls = []
    hub.on_news = lambda: calls.append(1)
    hub.set_cameras({})
    assert calls == []
    hub.set_cameras({"/": "pose_node"})
    hub.set_cameras({"/": "pose_node"})
    assert len(calls) == 1
    hub.put_result("/", result())
    hub.put_picture("/", JPEG % 1)
    assert len(calls) == 3


def test_only_the_newest_picture_is_kept_and_numbers_never_repeat(hub):
    hub.set_cameras({"/": "pose_node"})
    numbers = []
    for index in range(3):
        hub.put_picture("/", JPEG % index)
        numbers.append(hub.picture("/").number)
    hub.set_cameras({})
    hub.set_cameras({"/": "pose_node"})
    assert hub.picture("/") is None
    hub.put_picture("/", JPEG % 9)
    assert hub.picture("/").data == JPEG % 9 and len(set(numbers + [hub.picture("/").number])) == 4


@pytest.mark.parametrize("data", [b"", b"x" * (module.LARGEST_PICTURE + 1)])
def test_pictures_of_a_strange_size_are_left_out(hub, data):
    hub.set_cameras({"/": "pose_node"})
    hub.put_picture("/", data)
    assert hub.picture("/") is None


def test_who_watches_what(hub, clock):
    hub.set_cameras({"/a/": "a", "/b/": "b"})
    assert hub.watched() == set() and hub.viewers() == 0
    hub.watch(1, ["/a/"])
    hub.watch(2, ["/a/", "/b/"])
    assert hub.watched() == {"/a/", "/b/"} and hub.viewers() == 2
    hub.watch(2, [])
    assert hub.watched() == {"/a/"} and hub.viewers() == 2
    hub.leave(1)
    hub.leave(1)
    hub.leave(2)
    assert hub.watched() == set() and hub.viewers() == 0


def test_a_missing_picture_is_a_warning_only_while_somebody_looks(hub, clock):
    hub.set_cameras({"/": "pose_node"})
    levels = []
    for watching in (False, True):
        if watching:
            hub.watch(1, ["/"])
        clock.s += 9.0
        hub.put_result("/", result())
        levels.append(content(hub)["cameras"][0]["level"])
    assert levels == ["ok", "warning"]


def test_statuses_of_other_nodes_are_shown_while_they_warn(hub, clock):
    hub.put_statuses(
        [status_reading(diagnostic_status("disk")), status_reading(diagnostic_status("usb", b"\2", "slow"))]
    )
    assert [status["name"] for status in content(hub)["others"]] == ["usb"]
    hub.put_statuses([status_reading(diagnostic_status("usb"))])
    assert content(hub)["others"] == []
    hub.put_statuses([status_reading(diagnostic_status("usb", b"\1", "slow"))])
    clock.s += module.STATUS_S + 1
    assert content(hub)["others"] == []


def test_cameras_that_ended_leave_their_places_to_others(hub):
    known = []
    for index in range(3 * module.MOST_CAMERAS):
        known.append("/camera%02d/" % index)
        hub.set_cameras({known[-1]: "node"}, known)
        hub.put_result(known[-1], result(person(index)))
    cameras = content(hub)["cameras"]
    assert [camera["name"] for camera in cameras] == known[-module.MOST_CAMERAS :] and not content(hub)["notice"]
    assert [camera["present"] for camera in cameras] == [False] * (module.MOST_CAMERAS - 1) + [True]
    assert [camera["people"][0]["id"] for camera in cameras][-2:] == [index - 1, index]


def test_memory_is_bounded(hub, clock):
    hub.set_cameras({"/camera%03d/" % index: "node" for index in range(100)})
    assert len(content(hub)["cameras"]) == module.MOST_CAMERAS
    assert content(hub)["notice"] == "The first 16 of 100 cameras are shown, by their names."
    hub.set_cameras({"/camera%03d/" % (99 - index): "node" for index in range(module.MOST_CAMERAS)})
    assert len(content(hub)["cameras"]) == module.MOST_CAMERAS and content(hub)["notice"] == ""
    hub.set_cameras({"/camera000/": "node"})
    ours = [status_reading(camera_status("node", "/camera000/image", b"\1", "late"))]
    hub.put_statuses(ours + [status_reading(diagnostic_status("n%d" % index, b"\2")) for index in range(5000)])
    assert len(content(hub)["others"]) < module.MOST_STATUSES
    long = {"key%d" % index: "x" * 5000 for index in range(200)}
    hub.put_statuses([status_reading(diagnostic_status("n%d" % index, b"\2", **long)) for index in range(50)])
    assert len(hub.state()[1]) < 100000, "values of other nodes are not shown, so they are not sent"
    hub.put_statuses(ours)
    assert content(hub)["cameras"][0]["statuses"][0]["message"] == "late"
    for _ in range(5000):
        clock.s += 0.1
        hub.put_result("/camera000/", result(person()))
    points = hub.history()["/camera000/"]
    assert len(points) <= module.CHART_S / module.SAMPLE_S and 0 <= points[-1][0] < points[0][0]


def test_threads_may_write_and_read_at_once(hub):
    hub.set_cameras({"/": "pose_node"})
    errors = []

    def repeat(*calls):
        try:
            for index in range(300):
                for call in calls:
                    call(index)
        except Exception as error:
            errors.append(error)

    writers = [
        lambda index: hub.put_result("/", result(person(index))),
        lambda index: hub.set_cameras({"/": "pose_node", "/%d/" % (index % 3): "x"}),
    ]
    readers = [
        lambda index: hub.state(),
        lambda index: hub.history(),
        lambda index: hub.watch(index % 5, ["/"]),
        lambda index: hub.leave(index % 7),
    ]
    threads = [threading.Thread(target=repeat, args=calls) for calls in (writers, readers, readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
