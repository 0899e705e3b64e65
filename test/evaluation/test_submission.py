"""submission.py: what is written without annotations has the figures of the direct evaluation, or is refused."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from colored_dots import save

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.evaluation import submission
from pose_estimation_ros.evaluation.evaluate import Evaluation, evaluate
from pose_estimation_ros.evaluation.submission import submit
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.options import PipelineOptions

ZIP = "person_keypoints_test-dev2017_dots_results.zip"
FULL_FRAME = PipelineOptions(detector="full_frame", score_threshold=0.25)


def without_truth(data):
    """Write what a test server publishes: images alone, of MPII boxes alone; return its path."""
    content = json.loads(data.read_text())
    if isinstance(content, list):
        kept = [{key: e[key] for key in ("image", "center", "scale")} for e in content]
    else:
        kept = {"images": content["images"], "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}]}
    return save(data.parent / "image_info.json", kept)


def boxes_of(data, per_image=1):
    """Write detections: each annotated box, and copies that are moved ever further and surer ever less."""
    annotations = json.loads(data.read_text())["annotations"]
    shifts = [(a, n, 0.9 - 0.03 * n) for a in annotations for n in range(per_image)]
    entries = [
        {"image_id": a["image_id"], "category_id": 1, "bbox": (np.array(a["bbox"]) + n).tolist(), "score": score}
        for a, n, score in shifts
    ]
    return save(data.parent / "boxes.json", entries)


def numbers(figures):
    return {name: value for name, value in figures.items() if isinstance(value, float)}


def both_ways(tmp_path, data, path, file, **options):
    """Return the figures of a model, and those of what it submits for the same images without annotations."""
    common = {"threads": 1, **options}
    out = {"out": tmp_path / "out"}
    (direct,) = evaluate(Evaluation(data, [path], **common, **out)).evaluated
    submission = submit(Evaluation(without_truth(data), [path], **common), tmp_path / file)
    (again,) = evaluate(Evaluation(data, predictions=[tmp_path / file], **out)).evaluated
    own = numbers(direct.figures)
    return {name: own[name] for name in numbers(again.figures)}, numbers(again.figures), submission


@pytest.mark.parametrize("options, least", [({}, 80), ({"protocol": "hrnet"}, 20), ({"flip": True}, 20)])
def test_coco_in_given_boxes(tmp_path, dots, model, options, least):
    """A flip test lowers the AP here, where left and right keypoints have different colours."""
    data = dots("coco17")
    direct, again, submission = both_ways(tmp_path, data, model("coco17"), "r.json", boxes=boxes_of(data), **options)
    assert direct == again and direct["AP"] > least
    assert submission == (tmp_path / "r.json", 3, 3)


def test_coco_end_to_end(tmp_path, dots, model):
    options = {"end_to_end": True, "pipeline": FULL_FRAME}
    direct, again, submission = both_ways(tmp_path, dots("coco17"), model("coco17"), "r.json", **options)
    assert direct == again and direct["AP"] > 80 and submission.people == 3


def test_mpii(tmp_path, dots, model):
    pytest.importorskip("h5py")
    direct, again, submission = both_ways(tmp_path, dots("mpii16"), model("mpii16"), "r.h5")
    assert direct == again and direct["Mean@0.5"] > 80 and direct["torso_Mean@0.5"] > 80
    assert submission == (tmp_path / "r.h5", 3, 3)


def test_the_best_twenty_of_an_image(tmp_path, dots, model, monkeypatch):
    """More people than COCO's server counts; without OKS-NMS, which would leave one of them."""
    monkeypatch.setattr("pose_estimation_ros.evaluation.run_models.NMS_OKS", 2)
    data = dots("coco17")
    boxes = boxes_of(data, 25)
    direct, again, submission = both_ways(tmp_path, data, model("coco17"), "r.json", boxes=boxes)
    assert direct == again and direct["AP"] > 50 and submission.people == 3 * 20
    assert len(json.loads((tmp_path / "out" / "coco17_results.json").read_text())) == 3 * 25


def test_the_zip_of_cocos_server(tmp_path, dots, model):
    data = dots("coco17")
    evaluation = Evaluation(without_truth(data), [model("coco17")], boxes=boxes_of(data), threads=1)
    submit(evaluation, tmp_path / "r.json")
    submit(evaluation, tmp_path / ZIP)
    with zipfile.ZipFile(tmp_path / ZIP) as archive:
        assert archive.namelist() == [ZIP.replace(".zip", ".json")]
        results = json.loads(archive.read(archive.namelist()[0]))
    assert results == json.loads((tmp_path / "r.json").read_text())
    for result in results:
        assert set(result) == {"image_id", "category_id", "keypoints", "score"} and len(result["keypoints"]) == 51
        assert result["category_id"] == 1 and type(result["image_id"]) is int


@pytest.mark.parametrize("error", [KeyboardInterrupt, DataError])
def test_a_run_that_is_broken_off_leaves_the_old_file(tmp_path, dots, model, monkeypatch, error):
    calls = []

    def broken(estimator, frame, boxes):
        calls.append(frame)
        if len(calls) == 2:
            raise error
        return whole(estimator, frame, boxes)

    whole = TopDown.__call__
    monkeypatch.setattr(TopDown, "__call__", broken)
    data, target = dots("coco17"), tmp_path / "to" / "r.json"
    evaluation = Evaluation(without_truth(data), [model("coco17")], boxes=boxes_of(data), threads=1)
    with pytest.raises(error):
        submit(evaluation, target)
    assert len(calls) == 2 and list(target.parent.iterdir()) == []
    target.write_text("old")
    calls.clear()
    with pytest.raises(error):
        submit(evaluation, target)
    assert target.read_text() == "old" and list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    "fields, file, words",
    [
        ({"models": []}, "r.json", "expected --submit with one --model, got 0"),
        ({"models": ["a", "b"]}, "r.json", "expected --submit with one --model, got 2"),
        ({"half": "choose", "groups": True}, "r.json", "or --half, --groups, got both"),
        ({"predictions": ["p.json"]}, "r.json", "or --predictions, got both"),
        ({"sigma": 0.08, "save": "x", "draws": 5}, "r.json", "or --sigma, --draws, --save, got both"),
        ({"report": "r"}, "r.json", "or --report, got both"),
        ({}, "r.txt", "ends in .zip or .json or .h5, got"),
        ({}, "results.zip", f"like {ZIP.replace('dots', 'NAME')}, got results.zip"),
        ({}, "r.h5", "ends in .zip or .json, got"),
        ({}, "r.json", "expected --boxes or --end-to-end to find the people for"),
        ({}, "image_info.json", "expected --submit with a new file, got"),
        ({"boxes": "boxes.json"}, "boxes.json", "expected --submit with a new file, got"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, dots, model, monkeypatch, fields, file, words):
    monkeypatch.chdir(tmp_path)
    test_set = without_truth(dots("coco17"))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        submit(Evaluation(test_set, **{"models": [model("coco17")], **fields}), tmp_path / file)
    assert not Path(tmp_path / file).exists() or tmp_path / file in before


def test_text_ids_are_refused_before_the_model_runs(tmp_path, dots, model, monkeypatch):
    data = dots("coco17")
    content = json.loads(without_truth(data).read_text())
    content["images"] = [{**image, "id": f"x{image['id']}"} for image in content["images"]]
    monkeypatch.setattr(submission, "predictions", lambda *_: pytest.fail("the model ran"))
    with pytest.raises(DataError, match="image ids that are no whole numbers, the first: x"):
        submit(
            Evaluation(save(tmp_path / "a.json", content), [model("coco17")], boxes=boxes_of(data)), tmp_path / "r.json"
        )


def test_an_output_behind_a_loop_of_links_is_refused(tmp_path, dots, model):
    (tmp_path / "loop").symlink_to("loop")
    data = dots("coco17")
    with pytest.raises(DataError, match="cannot write .*loop.r.json"):
        submit(Evaluation(without_truth(data), [model("coco17")], boxes=boxes_of(data)), tmp_path / "loop" / "r.json")


def test_models_that_do_not_fit(tmp_path, dots, model, color_model, save_spec):
    data = dots("coco17")
    test_set, boxes = without_truth(data), boxes_of(data)
    with pytest.raises(DataError, match="expected a model with the skeleton coco17, got .*mpii16"):
        submit(Evaluation(test_set, [model("mpii16")], boxes=boxes), tmp_path / "r.json")
    save_spec(color_model, task="person_detector", skeleton="", decoder="boxes")
    with pytest.raises(ConfigError, match="expected --submit with a pose model, got the detector"):
        submit(Evaluation(test_set, [color_model]), tmp_path / "r.json")
    with pytest.raises(DataError, match="expected a model with the skeleton mpii16, got .*coco17"):
        submit(Evaluation(without_truth(dots("mpii16")), [model("coco17")]), tmp_path / "r.h5")


@pytest.mark.parametrize("skeleton, file", [("coco17", "r.json"), ("mpii16", "r.h5")])
def test_missing_images(tmp_path, dots, model, skeleton, file):
    data = dots(skeleton)
    (tmp_path / "images" / "1.png").unlink()
    boxes = boxes_of(data) if skeleton == "coco17" else None
    with pytest.raises(DataError, match="1 images that are missing, the first: 1.png"):
        submit(Evaluation(without_truth(data), [model(skeleton)], boxes=boxes), tmp_path / file)
    assert not (tmp_path / file).exists()


@pytest.mark.parametrize("skeleton", ["coco17", "mpii16"])
def test_a_test_set_has_no_figures(tmp_path, dots, model, skeleton):
    with pytest.raises(DataError, match="persons with keypoints, found none .for a test set there is --submit"):
        evaluate(Evaluation(without_truth(dots(skeleton)), [model(skeleton)], out=tmp_path / "out"))
