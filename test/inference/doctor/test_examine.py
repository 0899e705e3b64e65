import json

import pytest

from pose_estimation_ros.inference.doctor import examine as examination
from pose_estimation_ros.inference.doctor.examine import CHECKS, examine, obstacle, to_text, to_values
from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, Finding
from pose_estimation_ros.inference.doctor.models import POSE_MODELS

NUMPY, CV2 = Finding("libraries", "numpy", "1.19.4"), Finding("libraries", "cv2", "4.1.1")
RUNTIME, TENSORRT = Finding("libraries", "onnxruntime", "1.10.0"), Finding("libraries", "tensorrt", "8.2.1.8")
MODEL, ENGINE = Finding(POSE_MODELS, "a.onnx", "top_down"), Finding(POSE_MODELS, "a.engine", "top_down")
NO_RUNTIME = RUNTIME._replace(state=MISSING, value="not installed", remedy="pip install onnxruntime")


@pytest.mark.parametrize("findings, expected", [
    ([], "numpy and cv2 cannot be imported"),
    ([NUMPY, CV2._replace(state=BROKEN), RUNTIME, MODEL], "cv2 cannot be imported"),
    ([NUMPY, CV2, RUNTIME], "there is no pose model"),
    ([NUMPY, CV2, RUNTIME, MODEL._replace(state=BROKEN)], "there is no pose model"),
    ([NUMPY, CV2, NO_RUNTIME, MODEL], "there is no library for the models: onnxruntime or openvino"),
    ([NUMPY, CV2, NO_RUNTIME, TENSORRT, MODEL], "there is no library for the models: onnxruntime or openvino"),
    ([NUMPY, CV2, RUNTIME, ENGINE], "there is no library for the models: tensorrt"),
    ([NUMPY, CV2, RUNTIME, MODEL], ""),
    ([NUMPY, CV2, NO_RUNTIME, TENSORRT, MODEL, ENGINE], ""),
])  # fmt: skip
def test_what_a_pose_needs(findings, expected):
    assert obstacle(findings) == expected


def test_a_table_of_nothing():
    assert to_text([]).splitlines() == ["", "no pose can be computed here: numpy and cv2 cannot be imported"]


def test_the_table_has_a_remedy_below_what_is_missing():
    lines = to_text([NUMPY, CV2, NO_RUNTIME, MODEL]).splitlines()
    assert lines[:5] == [
        "libraries",
        "  numpy        1.19.4",
        "  cv2          4.1.1",
        "- onnxruntime  not installed",
        "               to mend it: pip install onnxruntime",
    ]
    assert lines[5:7] == ["", POSE_MODELS]


def test_values_are_json_and_keep_all():
    values = json.loads(json.dumps(to_values([NUMPY, NO_RUNTIME])))
    assert values["obstacle"] == "cv2 cannot be imported"
    assert values["findings"] == {
        "libraries": [
            {"name": "numpy", "value": "1.19.4", "state": "ok", "remedy": ""},
            {"name": "onnxruntime", "value": "not installed", "state": "missing", "remedy": "pip install onnxruntime"},
        ]
    }


def test_no_check_ends_the_others(monkeypatch):
    def fail():
        raise RuntimeError("odd")

    monkeypatch.setattr(examination, "CHECKS", [("first", fail), ("second", lambda: [NUMPY])])
    found = examine()
    assert [(it.part, it.state) for it in found] == [("first", BROKEN), ("libraries", "ok")]


def test_all_parts_are_examined():
    assert [part for part, _check in CHECKS] == [
        "package", "libraries", "extras", "ROS", "devices", "cameras", POSE_MODELS,
    ]  # fmt: skip
