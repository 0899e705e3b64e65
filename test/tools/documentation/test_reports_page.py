"""docs/reference/reports-and-bags.md names the files and keys that the commands write, no more and no fewer."""

import csv
import json
import re

import pytest
import yaml

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.evaluation.metrics.pckh import GROUPS

# Keys that the small runs here do not bring about.
RARE = {"half", "keypoints_of", "skeleton", "sigma", "sigmas", "people_not_finite", "boxes_not_finite", "gpu_gib"}
SEVERAL = {"non_finite", "clock", "frames", "age_ms", "people", "reference_free"}  # objects whose keys have rows


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "reference" / "reports-and-bags.md").read_text()


@pytest.fixture
def documented(page):
    """A function: heading -> the names in the first column of the tables right under it."""

    def names(heading):
        (part,) = re.findall(r"^##+ %s\n(.*?)(?=^##|\Z)" % re.escape(heading), page, re.M | re.S)
        first = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| `")]
        return {name for cell in first for name in re.findall(r"`([^`]+)`", cell)}

    return names


def read(path):
    return json.loads(path.read_text())


def dotted(content):
    """Keys of an object, with those of the objects in SEVERAL behind a dot."""
    nested = {f"{key}.{name}" for key in SEVERAL & set(content) for name in content[key]}
    return nested | (set(content) - SEVERAL)


def general(name):
    """A key or column of MPII or of a loss without the name of the group or loss."""
    name = re.sub(r"(%s|Mean)@" % "|".join(GROUPS), "GROUP@", name)
    return re.sub(r"(?<=_)mse$", "LOSS", name)


def files_in(folder):
    return {path.name for path in folder.iterdir()}


def evaluate(*words):
    assert main(["evaluate", *map(str, words), "--threads", "1"]) == 0


def test_predict(documented, walking_clip, color_model, tmp_path):
    options = ["--detector", "full_frame", "--model", color_model, "--threads", "1"]
    assert main(["predict", str(walking_clip(4, 2)), "--out", str(tmp_path / "out"), *options]) == 0
    keys = {key for person in read(tmp_path / "out" / "keypoints.json") for key in person}
    assert keys == documented("Entries of keypoints.json")
    assert files_in(tmp_path / "out") == {"keypoints.json", "walk.mp4"}


def test_evaluate(documented, dots, model, tmp_path):
    out, seen = tmp_path / "out", set()
    for skeleton, options, more in [
        ("coco17", ["--groups"], {}),
        ("coco17", ["--end-to-end", "--detector", "full_frame"], {}),
        ("crowdpose14", [], {"crowdIndex": 0.5}),
        ("mpii16", [], {}),
    ]:
        data = dots(skeleton, **more)
        evaluate("--model", model(skeleton), "--data", data, "--out", out, *options)
        seen |= set(read(out / f"{skeleton}.json"))
    evaluate("--predictions", out / "coco17_results.json", "--data", dots("coco17"), "--out", out)
    evaluate("--model", "person_detector", "--data", dots("coco17"), "--out", out)
    seen |= set(read(out / "coco17_results_accuracy.json")) | set(read(out / "person_detector.json"))
    assert {general(key) for key in seen} == documented("Keys of NAME.json and NAME_accuracy.json") - RARE
    people, boxes = read(out / "coco17_results.json"), read(out / "person_detector_results.json")
    assert {key for person in people for key in person} == documented("Entries of keypoints.json") - {"track_id"}
    assert boxes and set(boxes[0]) == documented("Entries of NAME_results.json")


def test_compare(documented, dots, model, tmp_path):
    pytest.importorskip("matplotlib")
    data, out = str(dots("coco17")), tmp_path / "out"
    options = ["--detector", "full_frame", "--rounds", "1", "--threads", "1", "--out", str(out)]
    assert main(["compare", model("coco17"), "--data", data, *options]) == 0
    assert files_in(out) == documented("pose compare")
    assert set(read(out / "compare.json")) == documented("Keys of compare.json")
    with (out / "compare.csv").open() as file:
        columns = set(csv.DictReader(file).fieldnames)
    own, figures = documented("Columns of compare.csv"), documented("Keys of NAME.json and NAME_accuracy.json")
    assert own <= columns and columns - own <= figures
    assert set(read(out / "compare.json")["models"][0]) == columns


def test_train(documented, dots, tmp_path):
    pytest.importorskip("torch")
    source = [{"annotations": dots("coco17").name, "images": "images"}]
    recipe = {
        "data_root": str(tmp_path), "train": source, "holdout": source, "input_size_wh": [32, 32], "epochs": 1,
        "model_options": {"width": 8, "modules": [1, 1, 1]}, "batch_size": 3, "workers": 0, "threads": 1,
        "out_dir": str(tmp_path / "runs"), "log_gradients": True,
    }  # fmt: skip
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["train", str(tmp_path / "small.yaml")]) == 0
    run = tmp_path / "runs" / "small"
    columns = (run / "log.csv").read_text().splitlines()[0].split(",")
    assert {general(name) for name in columns} == documented("Columns of log.csv") - RARE - {"holdout_recall"}
    files = {re.sub(r"tfevents.*", "tfevents.*", name) for name in files_in(run) - {"pictures"}}
    assert files | {"pictures/epoch_NNNN.png"} == documented("pose train")
    assert files_in(run / "pictures") == {"epoch_0001.png"}


@pytest.fixture
def bag(walking_clip, tmp_path):
    """A bag of four images of a dot, with the annotation of one tracked person in each."""
    pytest.importorskip("rosbags")
    size, person = {"width": 96, "height": 128}, {"category_id": 1, "iscrowd": 0, "num_keypoints": 17, "track_id": 1}
    keypoints = [[value for _ in range(17) for value in (30 + 2 * i, 60, 2)] for i in range(4)]
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", **size} for i in range(4)],
        "annotations": [
            {"id": i + 1, "image_id": i, "keypoints": keypoints[i], "bbox": [10, 20, 70, 80], "area": 5600, **person}
            for i in range(4)
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    words = [str(walking_clip(4, 2)), "--annotations", str(tmp_path / "a.json"), "--out", str(tmp_path / "bag")]
    assert main(["make-bag", *words]) == 0
    return tmp_path / "bag"


def test_make_bag(documented, bag, page):
    from rosbags.highlevel import AnyReader

    with AnyReader([bag]) as reader:
        types = {connection.topic: connection.msgtype for connection in reader.connections}
    assert set(types) <= documented("Topics of the bag")
    assert all(f"| `{topic}` | {kind} |" in page for topic, kind in types.items())
    assert {"stamp_ns", "topic"} <= set(read(bag / "truth.json")["images"][0])


def test_evaluate_bag(documented, bag, color_model, tmp_path):
    fixed = ["--model", color_model, "--pseudo-truth", color_model, "-p", "detector:=full_frame", "-p", "threads:=1"]
    options = ["--realtime", "--latency-ms", "1", "--out", str(tmp_path / "out"), *fixed]
    assert main(["evaluate-bag", str(bag), *options]) == 0
    folder = tmp_path / "out" / "bag" / "color_model"
    files = files_in(folder) | {"report.html", "summary.json"}
    assert {name.replace("pose_bag", "pose_bag/") for name in files} == documented("pose evaluate-bag")
    results = read(folder / "results.json")
    assert dotted(results) == documented("Keys of results.json")
    truth, tracking = results["truth"], results["truth"].pop("tracking")
    assert set(truth) - {"keypoints"} == documented("Keys of a truth") - RARE - {"keypoints.NAME", "tracking"}
    assert set(tracking) == documented("Keys of tracking")
    assert set(read(folder / "frames.json")[0]) == documented("Entries of frames.json")
    timings = {re.sub(r"\..*", "", name) for name in documented("Keys of timings.json")}
    assert set(read(folder / "timings.json")) == timings
