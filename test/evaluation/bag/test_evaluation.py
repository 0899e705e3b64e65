"""Evaluations end to end on small bags: the same numbers as by other ways, and nothing lost on the way."""

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from bag_images import TOPIC, image_message

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton, skeleton_from_json
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.datasets.coco_categories import category_of
from pose_estimation_ros.evaluation.bag.evaluation import BagEvaluation, evaluate_bags
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.report.saved_run import saved_run
from pose_estimation_ros.evaluation.bag.run import jobs
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.run_models import predict
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.options import PipelineOptions

FILES = ["annotated.mp4", "frames.json", "inputs.json", "keypoints.json", "pose_bag", "results.json", "timings.json"]


def content(folder):
    """File -> bytes, of all that must be the same whenever it is made."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "timings.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture
def clip(walking_clip):
    return walking_clip(frames=12, step_px=2)


def test_raw_bags_of_both_kinds_and_predict_agree_to_the_bit(evaluate, clip, color_model, tmp_path):
    for storage in ("sqlite3", "mcap"):
        assert main(["make-bag", str(clip), "--out", str(tmp_path / storage), "--storage", storage]) == 0
    status, runs = evaluate(tmp_path / "sqlite3", tmp_path / "mcap")
    assert status == 0 and [run["frames"]["answered"] for run in runs] == [12, 12]
    options = ["--model", color_model, "--detector", "full_frame", "--threads", "1"]
    assert main(["predict", str(clip), "--out", str(tmp_path / "predicted"), *options]) == 0
    folders = [tmp_path / "out" / name / "color_model" for name in ("sqlite3", "mcap")]
    first, second = map(content, folders)
    assert first["keypoints.json"] == (tmp_path / "predicted" / "keypoints.json").read_bytes()
    assert json.loads(first["keypoints.json"])[5]["track_id"] == 1
    assert first.pop("results.json") == second.pop("results.json").replace(b'"bag": "mcap"', b'"bag": "sqlite3"')
    assert first.pop("inputs.json") != second.pop("inputs.json"), "two bags"
    assert first == second
    assert evaluate(tmp_path / "mcap", out="again")[0] == 0
    assert content(tmp_path / "again" / "mcap") == content(tmp_path / "out" / "mcap")


@pytest.mark.parametrize("workers", [1, 2])
def test_from_python_it_is_the_same_and_nothing_is_printed(
    evaluate, save_bag, stamps, color_model, tmp_path, capsys, workers
):
    bags = [save_bag("bag", stamps(3)), tmp_path / "none", save_bag("other", stamps(2))]
    evaluate(*bags)
    capsys.readouterr()
    options = PipelineOptions(detector="full_frame", threads=1)
    evaluation = BagEvaluation(bags, tmp_path / "python", [color_model], options=options, workers=workers)
    reported, notes = [], []
    outcomes = evaluate_bags(evaluation, reported.append, notes.append)
    assert capsys.readouterr() == ("", "")
    assert sorted(reported, key=outcomes.index) == outcomes and notes == []
    assert [len(outcome.runs) for outcome in outcomes] == [1, 0, 1]
    assert "none, which does not exist" in outcomes[1].error
    runs = [run for outcome in outcomes for run in outcome.runs]
    assert json.loads((tmp_path / "python" / "summary.json").read_text()) == runs
    assert (tmp_path / "python" / "report.html").exists()
    for name in ("bag", "other"):
        assert content(tmp_path / "python" / name) == content(tmp_path / "out" / name)
    assert evaluate_bags(evaluation, reported.append, notes.append) == outcomes
    folders = [str(tmp_path / "python" / name / "color_model") for name in ("bag", "other")]
    assert sorted(notes) == [f"up to date, skipped: {folder}" for folder in folders]


def test_a_ground_truth_is_read_once_for_all_topics(evaluate, save_bag, stamps, monkeypatch):
    more = [("/left", image_message(np.zeros((128, 96, 3), np.uint8), s), s) for s in stamps(2)]
    bag = save_bag("bag", stamps(2), more=more)
    truth = annotated(stamps(2))
    for image in truth["images"]:
        del image["topic"]
    (bag / "truth.json").write_text(json.dumps(truth))
    read, paths = jobs.read_json, []
    monkeypatch.setattr(jobs, "read_json", lambda path: paths.append(path) or read(path))
    status, runs = evaluate(bag, "--topic", TOPIC, "--topic", "/left", "--no-video")
    assert status == 0 and [run["truth"]["judged"] for run in runs] == [2, 2]
    assert paths == [bag / "truth.json"]


def test_a_model_is_hashed_once_for_all_topics(evaluate, save_bag, stamps, color_model, monkeypatch):
    more = [("/left", image_message(np.zeros((128, 96, 3), np.uint8), s), s) for s in stamps(2)]
    bag = save_bag("bag", stamps(2), more=more)
    sha256, names = jobs.model_sha256, []
    monkeypatch.setattr(jobs, "model_sha256", lambda *args: names.append(args) or sha256(*args))
    status, runs = evaluate(bag, "--topic", TOPIC, "--topic", "/left", "--no-video")
    assert status == 0 and len(runs) == 2
    assert names == [(color_model, "auto"), ("full_frame", "auto")]


def test_what_is_written(evaluate, save_bag, stamps, tmp_path):
    path = save_bag("bag", stamps(6, 10))
    assert evaluate(path)[0] == 0
    folder = tmp_path / "out" / "bag" / "color_model"
    assert sorted(p.name for p in folder.iterdir()) == FILES
    with open_source(str(folder / "annotated.mp4")) as video:
        assert len(list(video)) == 6 and video.fps == pytest.approx(10)
    frames = json.loads((folder / "frames.json").read_text())
    assert frames[1] == {"image_id": 1, "stamp_ns": stamps(6, 10)[1], "recorded_ns": stamps(6, 10)[1], "people": 1}
    results = json.loads((folder / "keypoints.json").read_text())
    with Bag(folder / "pose_bag") as bag:
        assert bag.problem == "" and [c.msgcount for c in bag.connections] == [1, 6, 6]
        people = list(bag.read("/pose/keypoints"))
        assert [entry.stamp_ns for entry in people] == [entry.recorded_ns for entry in people] == stamps(6, 10)
        assert people[3].message.header.frame_id == "cam" and people[3].message.skeleton == "coco17"
        written = [value for k in people[3].message.persons[0].keypoints for value in (k.x, k.y, k.score)]
        np.testing.assert_allclose(written, results[3]["keypoints"], atol=1e-4)
    metadata = (folder / "pose_bag" / "metadata.yaml").read_text()
    assert "version: 8" in metadata and "pose_bag.db3" in metadata and "unfinished" not in metadata


@pytest.mark.parametrize(
    "boxes, content", [("detector", b"of another machine"), ("ground-truth", b""), ("detector", None)]
)
def test_a_fallback_is_told_where_it_was_used(dots, color_model, tmp_path, boxes, content):
    bag, found, engine = str(tmp_path / "bag"), [], Path(color_model).with_suffix(".engine")
    if content is not None:
        engine.write_bytes(content)
    files = [str(dots / "images"), "--annotations", str(dots / "person_keypoints.json")]
    assert main(["make-bag", *files, "--out", bag]) == 0
    for model in (str(engine), color_model):
        options = ["--boxes", boxes, "-p", "fallback:=true", "-p", "detector:=full_frame", "-p", "threads:=1"]
        assert main(["evaluate-bag", bag, "--model", model, "--out", str(tmp_path / "out"), "--again", *options]) == 0
        found.append(json.loads((tmp_path / "out" / "bag" / "color_model" / "results.json").read_text()))
    reason = found[0]["fallback_in_use"]
    assert "color_model.engine" in reason or (content is None and "TensorRT" in reason)  # no engine, and none can be
    assert found[1]["fallback_in_use"] == ""
    assert found[0]["truth"] == found[1]["truth"]


@pytest.mark.parametrize("bias", [0.0, np.nan])
def test_a_network_that_overflows_is_said(save_bag, stamps, broken_model, tmp_path, capsys, bias):
    path, model = save_bag("bag", stamps(2)), broken_model(np.full(17, bias))
    options = ["-p", "detector:=full_frame", "-p", "threads:=1", "--no-video"]
    assert main(["evaluate-bag", str(path), "--model", model, "--out", str(tmp_path / "out"), *options]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if "not finite" in line]
    assert len(warnings) == int(np.isnan(bias)) and all(model in line and "34 keypoints" in line for line in warnings)
    results = json.loads((tmp_path / "out" / "bag" / "broken" / "results.json").read_text())
    expected = (34, 2, 2) if np.isnan(bias) else (0, 0, 0)
    assert tuple(results["non_finite"].values()) == expected


def test_again_takes_the_place_of_our_own_results_alone(evaluate, save_bag, stamps, tmp_path, capsys):
    path = save_bag("bag", stamps(2))
    assert evaluate(path)[0] == 0 and evaluate(path, "--again")[0] == 0
    assert sorted(p.name for p in (tmp_path / "out" / "bag").iterdir()) == ["color_model"]
    (tmp_path / "out" / "bag" / "color_model" / "results.json").unlink()
    assert evaluate(path)[0] == 1 and "which would be replaced" in capsys.readouterr().err
    assert (tmp_path / "out" / "bag" / "color_model" / "annotated.mp4").exists()


def test_realtime_at_30_hz_with_100_ms(evaluate, save_bag, stamps, tmp_path):
    """0, 3, 6, 9 are taken as they come and answered 100 ms later; 11, the last, waits from 366.67 to 400 ms."""
    status, (run,) = evaluate(save_bag("bag", stamps(12)), "--realtime", "--latency-ms", "100")
    assert status == 0 and run["clock"] == {"realtime": True, "latency_ms": 100.0}
    assert (run["frames"]["in_bag"], run["frames"]["answered"], run["frames"]["dropped"]) == (12, 5, 7)
    frames = json.loads((tmp_path / "out" / "bag" / "color_model" / "frames.json").read_text())
    assert [frame["image_id"] for frame in frames] == [0, 3, 6, 9, 11]
    np.testing.assert_allclose([frame["age_ms"] for frame in frames], [100, 100, 100, 100, 133.333333], atol=1e-5)
    assert run["age_ms"]["p50"] == pytest.approx(100) and run["age_ms"]["max"] == pytest.approx(133.333333)
    with Bag(tmp_path / "out" / "bag" / "color_model" / "pose_bag") as bag:
        entries = list(bag.read("/pose/keypoints"))
    assert [e.recorded_ns - e.stamp_ns for e in entries] == [10**8] * 4 + [133333333]
    assert entries[0].message.timing.total_ms == pytest.approx(100)


def test_realtime_as_measured(evaluate, save_bag, stamps):
    status, (run,) = evaluate(save_bag("bag", stamps(3, 0.01)), "--realtime")
    assert status == 0 and run["frames"]["answered"] == 3 and run["age_ms"]["min"] > 0


@pytest.fixture
def dots(tmp_path, blob):
    """Three images of three dots, a person's keypoints on those of their colours, in COCO's layout."""
    (tmp_path / "data" / "images").mkdir(parents=True)
    images, annotations = [], []
    places = np.random.default_rng(0).uniform([30, 40], [130, 200], (3, 3, 2)).round()
    for i, dots_xy in enumerate(places):
        image = np.zeros((240, 160, 3), np.uint8)
        for xy, color in zip(dots_xy, np.eye(3)[::-1] * 255):
            blob(image, xy, color)
        cv2.imwrite(str(tmp_path / "data" / "images" / f"{i}.png"), image)
        images.append({"id": 7 - i, "file_name": f"{i}.png"})
        near = dots_xy[np.arange(17) % 3] + np.random.default_rng(i).normal(0, 4, (17, 2))
        own = {"id": i + 1, "image_id": 7 - i, "keypoints": np.insert(near, 2, 2, 1).ravel().tolist()}
        more = {"category_id": 1, "iscrowd": 0, "num_keypoints": 17, "bbox": [24, 24, 112, 192], "area": 15000}
        annotations.append({**own, **more})
    file = tmp_path / "data" / "person_keypoints.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    return tmp_path / "data"


def test_accuracy_is_that_of_pose_evaluate(evaluate, dots, color_model, tmp_path):
    images, file = dots / "images", dots / "person_keypoints.json"
    assert main(["make-bag", str(images), "--annotations", str(file), "--out", str(tmp_path / "bag")]) == 0
    status, (run,) = evaluate(tmp_path / "bag", "--boxes", "ground-truth", "--no-video")
    backend, spec = open_model(color_model, "top_down", 1)
    truth = coco_index.load_ground_truth(dots)
    with backend:
        predicted = list(predict(TopDown(backend, spec), truth, dots, coco_index.ground_truth_boxes(truth)))
    results = [result for image_id, poses in predicted for result in poses.to_coco(image_id)]
    expected = coco.keypoint_ap(truth, results)
    assert status == 0 and 0 < expected["AP"] < 100
    assert {name: run["truth"][name] for name in coco.METRICS} == expected
    folder = tmp_path / "out" / "bag" / "color_model"
    assert json.loads((folder / "truth_results.json").read_text()) == results
    assert not (folder / "annotated.mp4").exists()
    main(["evaluate", "--predictions", str(folder / "truth_results.json"), "--data", str(dots), "--out", str(tmp_path)])
    assert json.loads((tmp_path / "truth_results_accuracy.json").read_text())["AP"] == round(expected["AP"], 2)


@pytest.mark.parametrize("boxes", ["detector", "ground-truth"])
def test_the_models_engine_is_the_one_asked_for(evaluate, dots, tmp_path, monkeypatch, capsys, boxes):
    """By what it says where that engine is not installed."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    images, file = dots / "images", dots / "person_keypoints.json"
    main(["make-bag", str(images), "--annotations", str(file), "--out", str(tmp_path / "bag")])
    status, _ = evaluate(tmp_path / "bag", "--boxes", boxes, "--no-video", "-p", "device:=openvino")
    assert status == 1 and "device openvino needs openvino" in capsys.readouterr().err


def test_the_truth_may_be_a_topic(evaluate, dots, tmp_path):
    images, file = dots / "images", dots / "person_keypoints.json"
    main(["make-bag", str(images), "--annotations", str(file), "--out", str(tmp_path / "bag")])
    options = ["--no-video", "-p", "person_threshold:=0.0", "-p", "tracking:=false"]
    _, (of_file,) = evaluate(tmp_path / "bag", *options)
    _, (of_topic,) = evaluate(tmp_path / "bag", "--truth-topic", "/truth/keypoints", *options)
    assert of_topic["truth"]["source"] == "/truth/keypoints" and of_topic["truth"]["judged"] == 3
    assert 0 <= of_file["truth"]["AP"] <= of_topic["truth"]["AP"], "the box's area is larger, so OKS is kinder"


def test_a_model_agrees_with_itself_as_pseudo_truth(evaluate, save_bag, stamps, color_model, capsys):
    path = save_bag("bag", stamps(3))
    _, (run,) = evaluate(path, "--pseudo-truth", color_model, "-p", "tracking:=false")
    assert run["pseudo_truth"]["AP"] == pytest.approx(100) and "truth" not in run
    assert run["pseudo_truth"]["source"] == "pseudo-truth: poses by color_model, nobody's annotations"
    out = capsys.readouterr().out
    assert "pseudo-AP 100.0" in out and "; AP" not in out


def test_several_topics_and_models_do_not_mix(evaluate, save_bag, stamps, color_model, tmp_path):
    images = [np.zeros((64, 48, 3), np.uint8)] * 2
    more = [("/left", image_message(image, s), s) for image, s in zip(images, stamps(2))]
    path = save_bag("bag", stamps(3), more=more)
    for suffix in (".onnx", ".json"):
        shutil.copy(color_model[:-5] + suffix, tmp_path / ("second" + suffix))
    second = str(tmp_path / "second.onnx")
    status, runs = evaluate(path, "--topic", TOPIC, "--topic", "/left", "--model", second, "--no-video")
    assert status == 0 and [run["frames"]["in_bag"] for run in runs] == [3, 3, 2, 2]
    made = sorted(str(p.parent.relative_to(tmp_path / "out" / "bag")) for p in (tmp_path / "out").rglob("results.json"))
    names = ("camera.image_raw", "left")
    assert made == sorted(f"{topic}/{model}" for topic in names for model in ("color_model", "second"))
    assert [run["people"]["found"] for run in runs] == [3, 3, 0, 0]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--latency-ms", "5"], "--latency-ms above 0 and with --realtime"),
        (["--realtime", "--latency-ms", "0"], "--latency-ms above 0"),
        (["--boxes", "ground-truth"], "expected --truth, --truth-topic or"),
        (["--truth", "none.json"], "none.json: expected a JSON file"),
        (["--model", "color_model.onnx"], "expected models of different names, got color_model.onnx, "),
        (["--config", "none.yaml"], "none.yaml: expected a YAML file"),
        (["-p", "detect_evry_s:=2"], "did you mean 'detect_every_s'"),
        (["--topic", "/none"], "the topics with images are: /camera/image_raw"),
    ],
)
def test_bad_options(evaluate, save_bag, stamps, options, words, capsys):
    assert evaluate(save_bag("bag", stamps(2)), *options)[0] == 1
    assert words in capsys.readouterr().err


def test_a_truth_for_models_of_its_skeleton_alone(evaluate, save_bag, stamps, save_onnx, save_spec, tmp_path, capsys):
    weight = np.full((14, 3, 1, 1), 1 / 765.0)
    nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", 14, 16, 12]}
    other = save_onnx("crowd", nodes, shapes[0], shapes[1], {"weight": weight})
    save_spec(other, skeleton="crowdpose14")
    path = save_bag("bag", stamps(2))
    (path / "truth.json").write_text(json.dumps({"images": [{"id": 1, "stamp_ns": 10**9}], "annotations": []}))
    status, runs = evaluate(path, "--model", other)
    assert status == 1 and "crowdpose14, which lacks 5 of its keypoints: nose, left_eye" in capsys.readouterr().err
    (path / "truth.json").unlink()
    assert evaluate(path, "--model", other)[0] == 0


def annotated(stamps_ns, size=(96, 128), **fields):
    """A truth whose people stand where the dots are."""
    width, height = size
    images = [
        {"id": n, "stamp_ns": stamp_ns, "topic": TOPIC, "width": width, "height": height}
        for n, stamp_ns in enumerate(stamps_ns)
    ]
    person = {"category_id": 1, "bbox": [10, 20, 60, 40], "keypoints": [30, 40, 2] * 17, "area": 800.0, "iscrowd": 0}
    return {"images": images, "annotations": [{"id": n, "image_id": n, **person, **fields} for n in range(len(images))]}


@pytest.mark.parametrize(
    "moved, told",
    [
        (0, ""),
        (1, "1 of 3 annotated images are not among those of the bag, the first: stamp_ns"),
        (3, "3 of 3 annotated images are not among those of the bag"),
    ],
)
def test_the_truth_of_another_bag_is_told(evaluate, save_bag, stamps, capsys, moved, told):
    bag = save_bag("bag", stamps(3))
    stamps_ns = [stamp_ns + 10**12 * (n < moved) for n, stamp_ns in enumerate(stamps(3))]
    (bag / "truth.json").write_text(json.dumps(annotated(stamps_ns)))
    status, _ = evaluate(bag)
    err = capsys.readouterr().err
    assert status == 0 and told in err and ("annotated images" in err) == bool(told)
    assert ("is it of another recording?" in err) == (moved == 3)


def test_images_of_another_size_than_annotated_are_refused(evaluate, save_bag, stamps, capsys):
    bag = save_bag("bag", stamps(2))
    (bag / "truth.json").write_text(json.dumps(annotated(stamps(2), (128, 96))))
    assert evaluate(bag)[0] == 1
    assert "expected the annotated size 128x96, got 96x128" in capsys.readouterr().err


@pytest.mark.parametrize("track_id", ["a", None, 1.5, float("nan"), -1, 2**40, True])
def test_track_ids_that_are_none_do_no_harm(evaluate, save_bag, stamps, tmp_path, track_id):
    bag = save_bag("bag", stamps(2))
    (bag / "truth.json").write_text(json.dumps(annotated(stamps(2), track_id=track_id)))
    assert evaluate(bag)[0] == 0
    assert (tmp_path / "out" / "report.html").exists()


def points_model(save_onnx, save_spec, skeleton):
    """A model whose keypoints all lie at the brightest point."""
    count = skeleton.num_keypoints
    weight = np.full((count, 3, 1, 1), 1 / 765.0)
    nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", count, 16, 12]}
    path = save_onnx("points", nodes, shapes[0], shapes[1], {"weight": weight})
    save_spec(path, skeleton=skeleton)
    return path


def points(count):
    return Skeleton("points", tuple(f"point {k}" for k in range(count)), (), (), None)


def truth_of_dots(stamps_ns, skeleton):
    """The dots of save_bag's images, annotated with all keypoints."""
    box = {"bbox": [20, 40, 40, 40], "area": 1600, "category_id": 1, "iscrowd": 0, "track_id": 4}
    people = [
        {"id": i + 1, "image_id": i, "keypoints": np.tile([30 + 2 * i, 60, 2], skeleton.num_keypoints).tolist(), **box}
        for i in range(len(stamps_ns))
    ]
    images = [{"id": i, "stamp_ns": stamp} for i, stamp in enumerate(stamps_ns)]
    return {"images": images, "annotations": people, "categories": [category_of(skeleton)]}


@pytest.mark.parametrize("count", [1, 2, 133])
def test_any_skeleton(save_bag, stamps, save_onnx, save_spec, tmp_path, count):
    """Without links, sides and sigmas; what depends on the sigmas says which ones they were."""
    skeleton = points(count)
    model, path = points_model(save_onnx, save_spec, skeleton), save_bag("bag", stamps(3))
    (path / "truth.json").write_text(json.dumps(truth_of_dots(stamps(3), skeleton)))
    arguments = ["--model", model, "-p", "detector:=full_frame", "--out", str(tmp_path / "out")]
    assert main(["evaluate-bag", str(path), *arguments]) == 0
    results = json.loads((tmp_path / "out" / "bag" / "points" / "results.json").read_text())
    assert skeleton_from_json(results["skeleton"]) == skeleton
    truth = results["truth"]
    assert (truth["skeleton"], truth["sigma"], truth["tracking"]["true_tracks"]) == ("points", 0.08, 1)
    assert truth["AP"] > 50 and list(truth["keypoints"]) == [*skeleton.keypoints, "all"]
    text = (tmp_path / "out" / "report.html").read_text()
    assert "OKS sigma of all keypoints" in text and "mean OKS" in text


@pytest.mark.parametrize("annotated, model", [("coco17", "halpe26"), ("openpose18", "wholebody133")])
def test_a_truth_of_keypoints_that_the_model_has(
    save_bag, stamps, save_onnx, save_spec, tmp_path, capsys, annotated, model
):
    """They are judged by name: the model finds all of its keypoints in the right place, if it has them."""
    path = save_bag("bag", stamps(3))
    (path / "truth.json").write_text(json.dumps(truth_of_dots(stamps(3), get_skeleton(annotated))))
    network = points_model(save_onnx, save_spec, get_skeleton(model))
    arguments = ["--model", network, "-p", "detector:=full_frame", "--out", str(tmp_path / "out")]
    status = main(["evaluate-bag", str(path), *arguments])
    if annotated == "openpose18":  # its neck is none of the whole body's points
        assert status == 1 and "which lacks 1 of its keypoints: neck" in capsys.readouterr().err
        return
    results = json.loads((tmp_path / "out" / "bag" / "points" / "results.json").read_text())
    assert status == 0 and results["truth"]["AP"] > 50 and "sigma" not in results["truth"]
    assert len(results["truth"]["keypoints"]) == 18
    entries = json.loads((tmp_path / "out" / "bag" / "points" / "truth_results.json").read_text())
    assert [len(entry["keypoints"]) for entry in entries] == [51] * 3


def test_results_of_older_versions_have_the_name_of_the_skeleton(evaluate, save_bag, stamps, tmp_path):
    assert evaluate(save_bag("bag", stamps(2)))[0] == 0
    (file,) = (tmp_path / "out").glob("bag/*/results.json")
    results = json.loads(file.read_text())
    assert skeleton_from_json(results["skeleton"]) == get_skeleton("coco17") == saved_run(file.parent).skeleton
    file.write_text(json.dumps({**results, "skeleton": "coco17"}))
    assert saved_run(file.parent).skeleton == get_skeleton("coco17")
