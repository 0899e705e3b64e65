"""Check where files of others are looked for, what is said when they are not there, and whose AP is shown."""

import json
import shutil

import pytest

from benchmarks.peers import candidates, environments
from benchmarks.peers.candidates import Folders, movenet, own_model, published_ap
from benchmarks.peers.protocol import LeftOut

pytest.importorskip("onnx", reason="imports models")


def test_the_first_candidate_is_the_default_model_and_further_models_come_last():
    titles = [candidate.title for candidate in candidates.candidates(["mine.onnx"])]
    assert titles[0] == "`lite0_fpn_coco`, `person_detector`" and titles[-1] == "`mine.onnx`"
    assert len(set(titles)) == len(titles)


def test_the_ap_of_a_shipped_model_is_that_of_its_spec(repository, tmp_path):
    spec = json.loads((repository / "models" / "lite0_fpn_coco.json").read_text())
    start = own_model("lite0_fpn_coco", "person_detector", Folders(tmp_path, None))
    assert float(start.ap) == pytest.approx(spec["accuracy"]["coco_val97_gt_boxes_flip"]["AP"], abs=0.05)
    assert start.command[-2:] == [str(repository / "models" / "lite0_fpn_coco.onnx"), "person_detector"]


def test_a_model_without_measured_accuracy_has_no_ap(color_model, tmp_path):
    assert own_model(str(color_model), "full_frame", Folders(tmp_path, None)).ap == "-"


@pytest.mark.parametrize(
    "name, ap", [("MoveNet Thunder", "52.3"), ("MoveNet Lightning", "43.0"), ("MoveNet", "43.0"), ("No", "-")]
)
def test_the_ap_of_imported_models_is_read_from_their_page(monkeypatch, tmp_path, name, ap):
    page = tmp_path / "page.md"
    page.write_text(
        "| model | AP | AP with flip test |\n| --- | --- | --- |\n"
        "| MoveNet Lightning, `--outside black` | 41.4 | 43.0 |\n"
        "| MoveNet Thunder | 50.6 | 52.3 |\n"
    )
    monkeypatch.setattr(candidates, "AP_PAGE", page)
    assert published_ap(name) == ap


def test_the_page_has_the_ap_of_both_movenets():
    assert all(float(published_ap("MoveNet " + name)) > 30 for name in ("Lightning", "Thunder"))


def test_files_that_are_not_there_are_left_out(tmp_path):
    with pytest.raises(LeftOut, match="POSE_DATA"):
        movenet("Thunder", Folders(tmp_path, None))
    with pytest.raises(LeftOut, match="movenet_thunder.onnx"):
        movenet("Thunder", Folders(tmp_path, tmp_path))
    with pytest.raises(LeftOut, match="pose get"):
        own_model("rtmpose_m", "person_detector", Folders(tmp_path, None))


def test_a_damaged_file_is_left_out(tmp_path):
    (tmp_path / "movenet_thunder.onnx").write_bytes(b"no network")
    (tmp_path / "movenet_thunder.json").write_text("{")
    with pytest.raises(LeftOut):
        movenet("Thunder", Folders(tmp_path / "out", tmp_path))
    with pytest.raises(LeftOut, match="movenet_thunder"):
        own_model(str(tmp_path / "movenet_thunder.onnx"), "person_detector", Folders(tmp_path, None))


def test_the_export_is_made_once(monkeypatch, tmp_path, color_model):
    made = []

    def export(command, home):
        made.append(command[-1])
        shutil.copy(str(color_model), command[-1])

    monkeypatch.setattr(candidates, "installed", lambda environment, folder: folder / "python")
    monkeypatch.setattr(candidates, "succeed", export)
    monkeypatch.setattr(candidates, "imported", lambda order, folders: "imported.onnx")
    (tmp_path / environments.ULTRALYTICS.name).mkdir()
    for _again in range(2):
        assert candidates.yolo(Folders(tmp_path, None)).command[-2:] == ["imported.onnx", "person_detector"]
    assert len(made) == 1
