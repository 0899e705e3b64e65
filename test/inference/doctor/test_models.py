import os
import shutil

import pytest

from pose_estimation_ros.inference.doctor import models
from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, OK


@pytest.fixture
def shipped(tmp_path, repository):
    """Return a folder with a shipped pose model and the person detector."""
    for name in ("elpn_v1_coco_int8_cpu", "person_detector_int8_cpu"):
        for end in (".onnx", ".json"):
            shutil.copy(str(repository / "models" / (name + end)), str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("folders", [[], ["/no/such/folder"]])
def test_no_models(folders):
    found = models.models(folders)
    assert [(it.part, it.state) for it in found] == [(models.POSE_MODELS, MISSING)] and found[0].remedy


def test_models_that_can_be_used(shipped):
    found = models.models([str(shipped)])
    assert [(it.part, it.name, it.state) for it in found] == [
        (models.POSE_MODELS, "elpn_v1_coco_int8_cpu.onnx", OK),
        (models.DETECTORS, "person_detector_int8_cpu.onnx", OK),
    ]
    assert found[0].value == "top_down, 17 keypoints, 192x256 px, in %s" % shipped


def test_models_that_cannot_be_used_do_not_hide_the_others(shipped, monkeypatch):
    (shipped / "cut_off.onnx").write_bytes((shipped / "elpn_v1_coco_int8_cpu.onnx").read_bytes()[:1000])
    shutil.copy(str(shipped / "elpn_v1_coco_int8_cpu.json"), str(shipped / "cut_off.json"))
    shutil.copy(str(shipped / "elpn_v1_coco_int8_cpu.onnx"), str(shipped / "without_spec.onnx"))
    (shipped / "of_nothing.engine").write_bytes(b"")
    (shipped / "a_folder.onnx").mkdir()
    found = {it.name: it for it in models.models([str(shipped)])}
    broken = {name for name, it in found.items() if it.state == BROKEN and it.remedy and it.part == models.OTHERS}
    assert broken == {"cut_off.onnx", "without_spec.onnx", "of_nothing.engine", "a_folder.onnx"}
    assert {name for name, it in found.items() if it.state == OK} == {
        "elpn_v1_coco_int8_cpu.onnx",
        "person_detector_int8_cpu.onnx",
    }


def test_an_unforeseen_fault_of_a_model_does_not_hide_the_others(shipped, monkeypatch):
    checked = models._checked

    def fail(path):
        if "detector" in path:
            raise ZeroDivisionError
        return checked(path)

    monkeypatch.setattr(models, "_checked", fail)
    assert [it.state for it in models.models([str(shipped)])] == [OK, BROKEN]


def test_a_folder_that_cannot_be_read(shipped, monkeypatch, tmp_path):
    closed, listdir = tmp_path / "closed", os.listdir
    closed.mkdir()

    def refuse(path):
        if path == str(closed):
            raise PermissionError(13, "Permission denied", path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    found = models.models([str(closed), str(shipped)])
    assert (found[0].name, found[0].state) == (str(closed), BROKEN) and len(found) == 3
