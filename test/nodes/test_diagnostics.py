import json
import math
import re
import types

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.serialization import deserialize_message, serialize_message

from pose_estimation_ros.core.machine import describe_heat
from pose_estimation_ros.inference.non_finite import NonFinite
from pose_estimation_ros.nodes.camera.statistics import CameraStatistics, People
from pose_estimation_ros.nodes.diagnostics import (
    CAMERA_KEYS,
    NODE_KEYS,
    CameraFacts,
    NodeFacts,
    camera_status,
    diagnostics,
    full_name,
    model_ap,
    node_status,
    text,
    word,
)

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
COOL = {"power_mode": "0 MAXN", "gpu_mhz": 1300, "temperatures_c": {"GPU-therm": 41.5}, "throttled": []}
ACCURACY = {"val_flip": {"AP": 12.73, "flip": True}, "val": {"AP": 10.42, "flip": False}, "note": "by hand"}
FACTS = NodeFacts(
    "elpn_v1_coco", "coco17", 17, "quarter_offset", ACCURACY, False, "tensorrt", "fp16", "calibrated", "",
    "person_detector", "auto", "0.1.0", "quill",
)  # fmt: skip
CAMERA = CameraFacts("/camera/image_raw", "best_effort")


def values(status):
    by_key = {value.key: value.value for value in status.values}
    assert len(by_key) == len(status.values), "a key twice"
    return by_key


PEOPLE = People(2, 0, 2, 1, 1 / 30, 0.04)


def summary(published=30, bad=0, dropped=0, age_ms=50.0, step=1, work_ms=20.0, people=PEOPLE):
    """Return the summary of one second in which one of ``step`` images reaches the node."""
    statistics = CameraStatistics(0.0)
    for index in range(published + bad + dropped):
        statistics.received(index / 30, 1 + step * index, b"camera")
    for index in range(published):
        statistics.published(index / 30, age_ms, {"decode image": 1.0, "network": work_ms}, people)
    for _ in range(bad):
        statistics.bad_frame(0.5, "step")
    for _ in range(dropped):
        statistics.dropped(0.5, "too_old")
    return statistics.summary(1.0)


def is_documented(key, table):
    return any(re.match(re.sub("<[a-z]+>", "[a-z0-9_]+", name) + "$", key) for name in table)


def test_the_node():
    status = node_status("pose_node", FACTS, COOL)
    assert (status.level, status.name, status.message) == (OK, "pose_node: Pose estimation", "OK")
    assert status.hardware_id == "quill"
    assert values(status) == {
        "model": "elpn_v1_coco", "skeleton": "coco17", "keypoints": "17", "decoder": "quarter_offset",
        "model_ap": "10.42", "model_ap_protocol": "val", "backend": "tensorrt",
        "precision": "fp16", "scores": "calibrated", "fallback": "none", "non_finite": "0",
        "threads": "0", "chosen": "none", "detector_ms": "0.00",
        "detector": "person_detector", "device": "auto", "version": "0.1.0", "board": "quill", "power_mode": "0 MAXN",
        "gpu_clock_mhz": "1300", "throttled": "none",
        "unexpected_errors": "0",
        "temperature_gpu_therm_c": "41.50",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes, heat, level, message",
    [
        ({}, {}, OK, "OK"),
        ({"fault": "no TensorRT"}, {}, WARN, "fallback in use: no TensorRT"),
        ({"unexpected": 3}, {}, OK, "OK"),
        ({"unexpected": 3, "unexpected_now": True}, {}, WARN, "unexpected errors, see the log"),
        ({}, {"throttled": ["cpu", "gpu"]}, WARN, "throttled by heat: cpu, gpu"),
        ({"fault": "a"}, {"throttled": ["gpu"]}, WARN, "fallback in use: a; throttled by heat: gpu"),
        ({"non_finite": NonFinite(3, 2, 0)}, {}, WARN, NonFinite(3, 2, 0).text()),
        ({"non_finite": NonFinite(3, 2, 1), "blind": True}, {}, ERROR, NonFinite(3, 2, 1).text()),
    ],
)
def test_levels_of_the_node(changes, heat, level, message):
    status = node_status("pose_node", FACTS._replace(**changes), dict(COOL, **heat))
    assert (status.level, status.message) == (level, message)


def test_a_machine_without_sensors(tmp_path):
    status = node_status("pose_node", FACTS._replace(accuracy={}, precision=""), describe_heat(str(tmp_path)))
    assert {key for key, value in values(status).items() if value == "unknown"} == {
        "model_ap", "model_ap_protocol", "precision", "power_mode", "gpu_clock_mhz"
    }  # fmt: skip


def test_a_camera():
    status = camera_status("pose_node", CAMERA, summary(step=2, work_ms=30.0))
    assert (status.level, status.message, status.hardware_id) == (OK, "OK", "/camera/image_raw")
    assert status.name == "pose_node: Camera /camera/image_raw"
    assert values(status) == {
        "image_topic": "/camera/image_raw", "qos": "best_effort", "window_s": "10.00", "rate_in_hz": "59.00",
        "rate_received_hz": "30.00", "rate_out_hz": "30.00", "skipped": "29", "age_p50_ms": "50.00",
        "age_p99_ms": "50.00", "max_age_ms": "none", "last_image_age_s": "0.03", "people": "2",
        "people_tentative": "0", "people_confirmed": "2", "people_lost": "1", "interval_ms": "33.33",
        "step_share": "0.04",
        "images_received": "30", "images_published": "30", "decode_image_p50_ms": "1.00",
        "decode_image_mean_ms": "1.00", "network_p50_ms": "30.00", "network_mean_ms": "30.00",
    }  # fmt: skip


@pytest.mark.parametrize(
    "facts, figures, level, message",
    [
        ({}, {}, OK, "OK"),
        ({}, {"bad": 3}, WARN, "not every image can be used: step 3"),
        ({}, {"bad": 3, "published": 0}, ERROR, "no image can be used: step 3"),
        ({"max_age_ms": 100.0}, {}, OK, "OK"),
        ({"max_age_ms": 40.0}, {}, WARN, "images older than 40 ms: 0 dropped, age p99 of the others 50.00 ms"),
        ({"max_age_ms": 100.0}, {"dropped": 4, "published": 0}, WARN,
         "images older than 100 ms: 4 dropped, age p99 of the others unknown ms"),
        ({}, {"age_ms": -8.0}, WARN, "30 stamps ahead of this node's clock"),
        ({"max_age_ms": 40.0}, {"age_ms": math.nan}, OK, "OK"),
        ({"enabled": False}, {"published": 0}, OK, "disabled by its parameter"),
        ({"outage": "no image on /x for 7 s: no publisher"}, {"bad": 2}, ERROR, "no image on /x for 7 s: no publisher"),
    ],
)  # fmt: skip
def test_levels_of_a_camera(facts, figures, level, message):
    status = camera_status("pose_node", CAMERA._replace(**facts), summary(**figures))
    assert (status.level, status.message) == (level, message)


REMEDY = "config/fastdds_shm.xml"


@pytest.mark.parametrize(
    "facts, figures, level, words",
    [
        ({}, {"step": 1}, OK, "OK"),
        ({}, {"step": 2, "work_ms": 10.0}, WARN, "29 of 59 images skipped, age p99 50.00 ms: images are lost or late"),
        ({}, {"step": 2, "work_ms": 10.0}, WARN, REMEDY),
        ({}, {"step": 2, "work_ms": 30.0}, OK, "OK"),  # it works all the time: slower than its camera, by design
        ({}, {"step": 2, "work_ms": 10.0, "published": 5}, OK, "OK"),  # too few to tell
        ({}, {"step": 2, "work_ms": 30.0, "age_ms": 638.0}, WARN, "29 of 59 images skipped, age p99 638.00 ms"),
        ({}, {"age_ms": 638.0}, WARN, "age p99 638.00 ms: images are lost or late on the way (remedy: " + REMEDY),
        ({"max_age_ms": 700.0}, {"age_ms": 638.0}, OK, "OK"),
        ({}, {"age_ms": 3.6e6}, WARN, "stamps are up to 3600 s behind this node's clock: set use_sim_time"),
        ({}, {"age_ms": math.nan}, OK, "OK"),
    ],
)
def test_lost_and_late_images_are_reported_with_the_remedy(facts, figures, level, words):
    status = camera_status("pose_node", CAMERA._replace(**facts), summary(**figures))
    assert status.level == level and words in status.message


@pytest.mark.parametrize(
    "people, seconds, confirm_after_s, level, words",
    [
        (People(0), 5, 0.06, OK, ["OK"]),
        (PEOPLE, 5, 0.06, OK, ["OK"]),
        (PEOPLE._replace(step_share=0.5), 5, 0.06, OK, ["OK"]),
        (PEOPLE._replace(interval_s=0.5, step_share=0.62), 5, 0.06, WARN,
         ["people come 0.62 of their size from one image to the next, so ids may change: 500 ms between images",
          "remedy: more images a second from the camera", "a smaller model"]),
        (People(3, 3, interval_s=0.5), 5, 0.06, WARN,
         ["nobody was confirmed in 4.0 s, although people were seen: 500 ms between images may be too long"]),
        (People(3, 3), 5, 0.06, WARN, ["nobody was confirmed in 4.0 s, although people were seen: unknown between"]),
        (People(3, 3, interval_s=0.5, step_share=0.7), 5, 0.06, WARN,
         ["people come 0.70 of their size", " and nobody was confirmed in 4.0 s"]),
        (People(3, 3, interval_s=0.5), 2, 0.06, OK, ["OK"]),  # too short to tell
        (People(3, 3, interval_s=0.5), 5, 3.0, OK, ["OK"]),  # as the user wishes
    ],
)  # fmt: skip
def test_images_that_come_too_seldom_are_reported_with_the_remedy(people, seconds, confirm_after_s, level, words):
    statistics = CameraStatistics(0.0)
    for now_s in range(seconds):
        statistics.published(now_s, 50.0, {"network": 20.0}, people)
    facts = CAMERA._replace(confirm_after_s=confirm_after_s)
    status = camera_status("pose_node", facts, statistics.summary(float(seconds)))
    assert status.level == level and all(text in status.message for text in words), status.message


@pytest.mark.parametrize("namespace, name", [("/", "pose_node"), ("/robot1", "robot1/pose_node")])
def test_names_of_two_robots_differ(namespace, name):
    node = types.SimpleNamespace(get_namespace=lambda: namespace, get_name=lambda: "pose_node")
    assert full_name(node) == name


@pytest.mark.parametrize("seen", [CameraStatistics(0.0).summary(0.0), CameraStatistics(0.0).summary(7.0)])
def test_a_camera_of_which_nothing_is_known(seen):
    shown = values(camera_status("pose_node", CAMERA, seen))
    assert {"rate_in_hz", "skipped", "age_p50_ms", "age_p99_ms", "last_image_age_s", "people"} <= {
        key for key, value in shown.items() if value == "unknown"
    }
    assert "nan" not in "".join(shown.values())


def test_every_key_is_in_the_table_and_the_table_has_no_others():
    hot = dict(COOL, temperatures_c={"GPU-therm": 90.0, "x86_pkg_temp": 80.0})
    for table, status in (
        (NODE_KEYS, node_status("n", FACTS, hot)),
        (CAMERA_KEYS, camera_status("n", CAMERA, summary(bad=1, dropped=1))),
    ):
        keys = values(status)
        assert [key for key in keys if not is_documented(key, table)] == []
        assert [name for name in table if not any(is_documented(key, [name]) for key in keys)] == []


def test_the_message_travels():
    statuses = [node_status("n", FACTS, COOL), camera_status("n", CAMERA._replace(outage="gone"), summary())]
    message = diagnostics(Time(sec=12, nanosec=34), statuses)
    arrived = deserialize_message(serialize_message(message), DiagnosticArray)
    assert arrived == message
    assert arrived.header.stamp == Time(sec=12, nanosec=34)
    assert [status.level for status in arrived.status] == [OK, ERROR]


@pytest.mark.parametrize(
    "accuracy, flip_test, expected",
    [
        ({}, False, ("unknown", "unknown")),
        ({"score_threshold": 0.45, "val": {"recall": 1}}, False, ("unknown", "unknown")),
        (ACCURACY, True, (12.73, "val_flip")),
        (ACCURACY, False, (10.42, "val")),
        ({"val_flip": {"AP": 12.73, "flip": True}}, False, (12.73, "val_flip")),
        ({"val": {"AP": 10.0}}, False, (10.0, "val")),
        ({**ACCURACY, "whole": {"AP": 8.0, "flip": False, "protocol": "end_to_end"}}, True, (8.0, "whole")),
    ],
)
def test_ap_of_the_model(accuracy, flip_test, expected):
    assert model_ap(accuracy, flip_test) == expected


def test_ap_of_the_shipped_model(repository):
    accuracy = json.loads((repository / "models" / "elpn_v1_coco.json").read_text())["accuracy"]
    ap, protocol = model_ap(accuracy, False)
    assert accuracy[protocol]["AP"] == ap and accuracy[protocol]["flip"] is False


@pytest.mark.parametrize(
    "value, expected",
    [
        (math.nan, "unknown"),
        (-math.inf, "unknown"),
        ("", "unknown"),
        (True, "true"),
        (0, "0"),
        (0.0, "0.00"),
        (-1.239, "-1.24"),
        (1e6, "1000000.00"),
    ],
)
def test_texts(value, expected):
    assert text(value) == expected


def test_words():
    assert [word(name) for name in ("GPU-therm", "x86_pkg_temp", "decode image", "/Tj 0/")] == [
        "gpu_therm", "x86_pkg_temp", "decode_image", "tj_0"
    ]  # fmt: skip
