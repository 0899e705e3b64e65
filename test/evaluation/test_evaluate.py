"""`pose evaluate` on small folders: the layouts told apart, models and the predictions that they wrote."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model, accuracy_of_predictions, ground_truth
from pose_estimation_ros.evaluation.evaluate import distinct_names
from pose_estimation_ros.evaluation.metrics import coco, crowdpose

COLORS = np.eye(3) * 255


def save(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def model(save_onnx, save_spec):
    """A function: a skeleton's name -> a model that finds keypoint k where the image is reddest, greenest or bluest."""

    def make(skeleton):
        joints = get_skeleton(skeleton).num_keypoints
        weight = np.zeros((joints, 3, 1, 1))
        weight[np.arange(joints), np.arange(joints) % 3] = 1 / 255.0
        nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
        shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", joints, 16, 12]}
        path = save_onnx(skeleton, nodes, shapes[0], shapes[1], {"weight": weight})
        save_spec(path, skeleton=skeleton)
        return path

    return make


@pytest.fixture
def dots(tmp_path, blob):
    """A function: a skeleton's name -> annotations of 3 images, one person each, keypoints on dots of their colour."""
    (tmp_path / "images").mkdir()
    places = np.random.default_rng(0).uniform([30, 40], [130, 200], (3, 3, 2)).round()
    for i, dots_xy in enumerate(places):
        image = np.zeros((240, 160, 3), np.uint8)
        for xy, color in zip(dots_xy, COLORS[::-1]):
            blob(image, xy, color)
        cv2.imwrite(str(tmp_path / "images" / f"{i}.png"), image)

    def annotate(skeleton, **of_image):
        joints = get_skeleton(skeleton).num_keypoints
        if skeleton == "mpii16":
            fields = {"center": [81, 120 - 15 * 0.96], "scale": 0.96, "joints_vis": [1] * joints}
            content = [
                {"image": f"{i}.png", "joints": (1 + own[np.arange(joints) % 3]).tolist(), **fields}
                for i, own in enumerate(places)
            ]
            return save(tmp_path / "mpii.json", content)
        images = [{"id": i, "file_name": f"{i}.png", **of_image} for i in range(3)]
        fields = {"category_id": 1, "iscrowd": 0, "num_keypoints": joints, "bbox": [24, 24, 112, 192], "area": 15000}
        annotations = [
            {
                "id": i + 1,
                "image_id": i,
                "keypoints": np.insert(own[np.arange(joints) % 3], 2, 2, 1).ravel().tolist(),
                **fields,
            }
            for i, own in enumerate(places)
        ]
        return save(tmp_path / "person_keypoints.json", {"images": images, "annotations": annotations})

    return annotate


@pytest.mark.parametrize(
    "skeleton, of_image, module, best",
    [
        ("coco17", {}, coco, "AP"),
        ("crowdpose14", {"crowdIndex": 0.5}, crowdpose, "AP_medium"),
        ("mpii16", {}, mpii, "Mean@0.5"),
    ],
)
def test_a_model_and_the_predictions_it_wrote(tmp_path, dots, model, capsys, skeleton, of_image, module, best):
    data = dots(skeleton, **of_image)
    assert ground_truth(data)[0] is module
    out = str(tmp_path / "out")
    assert main(["evaluate", "--model", model(skeleton), "--data", str(data), "--out", out, "--threads", "1"]) == 0
    first = json.loads((tmp_path / "out" / f"{skeleton}.json").read_text())
    assert first[best] > 80 and f"{best} {first[best]}" in capsys.readouterr().out
    results = f"{out}/{skeleton}_results.json"
    assert main(["evaluate", "--predictions", results, "--data", str(data), "--out", out]) == 0
    again = json.loads((tmp_path / "out" / f"{skeleton}_results_accuracy.json").read_text())
    assert {name: again[name] for name in first if name in again and type(first[name]) is float} == {
        name: value for name, value in first.items() if type(value) is float
    }


def test_an_annotation_file_beside_others_and_a_folder(tmp_path, dots, model):
    dots("coco17")
    folder, file = (
        accuracy_of_pose_model(model("coco17"), data)[0] for data in (tmp_path, tmp_path / "person_keypoints.json")
    )
    assert folder == file and folder["images"] == 3


def test_images_without_predictions_are_counted(tmp_path, folder, content, as_results):
    results = save(tmp_path / "r.json", as_results(content["annotations"][:1]))
    figures, _ = accuracy_of_predictions(results, folder)
    assert figures["images"] == 2 and figures["images_without_predictions"] == 1 and figures["predictions_in_file"] == 1
    assert figures["AP"] == round(100 * 34 / 101, 2)


def test_a_box_in_the_results_changes_nothing(tmp_path, folder, content, as_results):
    """pycocotools would size the predictions by it, and with that who is out of a size range."""
    results = as_results(content["annotations"][:3])
    plain, _ = accuracy_of_predictions(save(tmp_path / "a.json", results), folder)
    boxed = [{**result, "bbox": [0, 0, 1, 1]} for result in results]
    assert accuracy_of_predictions(save(tmp_path / "b.json", boxed), folder)[0] == plain


@pytest.mark.parametrize("option", [["--flip"], ["--protocol", "hrnet"], ["--boxes", "b.json"], ["--save", "name"]])
def test_options_of_models_alone(folder, capsys, option):
    assert main(["evaluate", "--predictions", "r.json", "--data", str(folder), *option]) == 1
    assert f"expected {option[0]} with --model alone" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--flip"], ["--protocol", "hrnet"], ["--boxes", "b.json"]])
def test_options_of_pose_models_alone(folder, color_model, save_spec, capsys, option):
    save_spec(color_model, task="person_detector", skeleton="", decoder="boxes")
    assert main(["evaluate", "--model", color_model, "--data", str(folder), *option]) == 1
    assert f"expected {option[0]} with pose models alone" in capsys.readouterr().err


def figures_of(tmp_path, model, data, *options):
    out = str(tmp_path / "out")
    assert main(["evaluate", "--model", model, "--data", str(data), "--out", out, "--threads", "1", *options]) == 0
    return json.loads((tmp_path / "out" / "coco17.json").read_text())


def test_the_protocol_is_stated_and_other_options_overrule_it(tmp_path, dots, model, save_spec):
    path, data = model("coco17"), dots("coco17")
    save_spec(path, padding=1.5)
    plain = figures_of(tmp_path, path, data)
    assert {"protocol": "plain", "flip": False, "input": "48x64 px, box x 1.5", "boxes": "ground truth"}.items() <= (
        plain.items()
    )
    hrnet = figures_of(tmp_path, path, data, "--protocol", "hrnet")
    assert {"protocol": "hrnet", "flip": True, "input": "48x64 px, box x 1.25"}.items() <= hrnet.items()
    assert figures_of(tmp_path, path, data, "--protocol", "hrnet", "--no-flip")["flip"] is False
    assert figures_of(tmp_path, path, data, "--flip")["flip"] is True


def test_a_protocol_for_other_models(dots, model, capsys):
    argv = ["evaluate", "--model", model("coco17"), "--data", str(dots("coco17")), "--protocol", "litepose"]
    assert main(argv) == 1
    assert "protocol litepose is for bottom_up models, got tiny for top_down" in capsys.readouterr().err


def test_neither_a_model_nor_predictions(folder, capsys):
    assert main(["evaluate", "--data", str(folder)]) == 1
    assert "expected --model or --predictions, got neither" in capsys.readouterr().err


@pytest.mark.parametrize(
    "paths, names",
    [
        ([], []),
        (["a.onnx"], ["a"]),
        (["runs/a.onnx", "b.json"], ["a", "b"]),
        (["x/keypoints.json", "y/keypoints.json", "a.json"], ["x_keypoints", "y_keypoints", "a"]),
        (["x/a.onnx", "x/a.json"], None),
        (["a.json", "a.json"], None),
    ],
)
def test_names_of_several(paths, names):
    if names is None:
        with pytest.raises(ConfigError, match="expected files of different names, got 2 like"):
            distinct_names([Path(path) for path in paths])
    else:
        assert distinct_names([Path(path) for path in paths]) == names


@pytest.mark.parametrize("skeleton, best", [("coco17", "AP"), ("crowdpose14", "AP_hard"), ("mpii16", "Mean@0.5")])
def test_a_model_and_predictions_in_one_call_with_a_report(tmp_path, dots, model, capsys, skeleton, best):
    data, out = str(dots(skeleton, crowdIndex=0.9) if "crowd" in skeleton else dots(skeleton)), str(tmp_path / "out")
    network = ["--model", model(skeleton), "--data", data, "--out", out, "--threads", "1"]
    assert main(["evaluate", *network]) == 0
    shifted = json.loads((tmp_path / "out" / f"{skeleton}_results.json").read_text())
    for result in shifted:
        result["keypoints"] = [value + 60 for value in result["keypoints"]]
    file = save(tmp_path / "shifted.json", shifted)
    assert main(["evaluate", *network, "--predictions", str(file), "--report", out, "--draws", "20"]) == 0
    figures = [json.loads((tmp_path / "out" / f"{n}.json").read_text())[best] for n in (skeleton, "shifted_accuracy")]
    assert figures[0] > 80 > figures[1]
    printed = capsys.readouterr().out.splitlines()
    assert [str(value) for value in figures] == next(
        line.split()[1:] for line in printed if line.startswith(best + " ")
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(f"<td>{value:.1f}</td>" in page for value in figures) and "Differences" in page


def test_no_report_of_a_detector(tmp_path, folder, color_model, save_spec, capsys):
    save_spec(color_model, task="person_detector", skeleton="", decoder="boxes")
    argv = ["evaluate", "--model", color_model, "--data", str(folder), "--report", str(tmp_path / "r")]
    assert main(argv) == 1 and not (tmp_path / "r").exists()
    assert "expected --report with pose models alone, got a detector" in capsys.readouterr().err


@pytest.mark.parametrize("weight", [np.nan, 0.0])
@pytest.mark.parametrize("skeleton", ["coco17", "mpii16"])
def test_a_network_that_overflows_finds_nobody(tmp_path, dots, save_onnx, save_spec, capsys, skeleton, weight):
    """Heatmaps of NaN: nobody is found, which is said; heatmaps of zeros are as bad, but finite."""
    joints = get_skeleton(skeleton).num_keypoints
    weights = {"weight": np.full((joints, 3, 1, 1), weight)}
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", joints, 16, 12]}
    nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
    path = save_onnx("broken", nodes, *shapes, weights)
    save_spec(path, skeleton=skeleton)
    data = dots(skeleton)
    assert main(["evaluate", "--model", str(path), "--data", str(data), "--out", str(tmp_path / "out")]) == 0
    warning = "broken.onnx: 3 of 3 people have keypoints that are not finite; they count as missed"
    assert (warning in capsys.readouterr().err) == np.isnan(weight)
    figures = json.loads((tmp_path / "out" / "broken.json").read_text())
    assert figures.get("people_not_finite", 0) == (3 if np.isnan(weight) else 0)
    assert figures["AP" if skeleton == "coco17" else "Mean@0.5"] == 0


def test_missing_predictions_file(folder, capsys):
    assert main(["evaluate", "--predictions", "none.json", "--data", str(folder)]) == 1
    assert "none.json: expected a JSON file" in capsys.readouterr().err


@pytest.mark.parametrize("skeleton", ["coco17", "mpii16"])
def test_missing_images(tmp_path, dots, model, skeleton):
    data = dots(skeleton)
    for name in ("1.png", "2.png"):
        (tmp_path / "images" / name).unlink()
    with pytest.raises(DataError, match="images: 2 images that are missing, the first: 1.png"):
        accuracy_of_pose_model(model(skeleton), data)


def test_missing_images_of_a_detector(tmp_path, folder, color_model, save_spec, capsys):
    save_spec(color_model, task="person_detector", skeleton="", decoder="boxes")
    assert main(["evaluate", "--model", color_model, "--data", str(folder)]) == 1
    assert "2 images that are missing, the first: 1.png" in capsys.readouterr().err


def test_a_model_of_another_skeleton(dots, model):
    with pytest.raises(DataError, match="expected a model with the skeleton crowdpose14, got .* with coco17"):
        accuracy_of_pose_model(model("coco17"), dots("crowdpose14", crowdIndex=0.5))


def test_mpii_takes_no_boxes(dots, model):
    with pytest.raises(DataError, match="MPII is judged on its own boxes"):
        accuracy_of_pose_model(model("mpii16"), dots("mpii16"), "boxes.json")


def test_published_mpii_predictions(shared_data, tmp_path, capsys):
    pytest.importorskip("h5py")
    data = f"{shared_data}/mpii"
    argv = ["evaluate", "--predictions", f"{data}/preds_newell_valid.h5", "--data", f"{data}/mpii_valid.h5"]
    assert main([*argv, "--out", str(tmp_path)]) == 0
    assert "persons 2958" in capsys.readouterr().out
    figures = json.loads((tmp_path / "preds_newell_valid_accuracy.json").read_text())
    assert figures["Mean@0.5"] == pytest.approx(88.4, abs=0.1) and figures["Head@0.5"] == 95.94


PARTS = {"report": [3], "choose": [4, 5]}  # ids of images by half


def renumbered(data):
    """The dots' images with ids of both halves."""
    content = json.loads(data.read_text())
    for entry, field in [(i, "id") for i in content["images"]] + [(a, "image_id") for a in content["annotations"]]:
        entry[field] += 3
    return save(data, content)


def test_a_half_is_that_part_of_the_whole(tmp_path, dots, model):
    """Of a model, of boxes and of predictions of all images."""
    data = renumbered(dots("coco17"))
    whole, results = accuracy_of_pose_model(model("coco17"), data)
    assert whole["images"] == 3 and "half" not in whole
    file = save(tmp_path / "all.json", results)
    boxes = [{"image_id": i, "category_id": 1, "bbox": [24, 24, 112, 192], "score": 1.0} for i in (3, 4, 5)]
    boxes_file = str(save(tmp_path / "boxes.json", boxes))
    for half, images in PARTS.items():
        figures, own = accuracy_of_pose_model(model("coco17"), data, boxes_file, half=half)
        expected = [result for result in results if result["image_id"] in images]
        assert own == expected and figures["images"] == len(images) and figures["half"] == half
        predicted, kept = accuracy_of_predictions(file, data, half)
        assert kept == expected and predicted["AP"] == figures["AP"] and predicted["predictions_in_file"] == len(images)


@pytest.mark.parametrize("half", PARTS)
def test_unknown_images_are_refused_whatever_the_half(tmp_path, dots, half):
    result = {"image_id": 77, "category_id": 1, "keypoints": [1.0] * 51, "score": 1.0}
    with pytest.raises(DataError, match="1 predictions of unknown images"):
        accuracy_of_predictions(save(tmp_path / "r.json", [result]), renumbered(dots("coco17")), half)


def test_groups_and_a_half_on_the_command_line(tmp_path, dots, model, capsys):
    path, data = model("coco17"), renumbered(dots("coco17"))
    report = ["--report", str(tmp_path / "r"), "--draws", "5"]
    figures = figures_of(tmp_path, path, data, "--half", "choose", "--groups", "--save", "part", *report)
    everybody = {"people": 2, "AR": pytest.approx(figures["AR"], abs=0.1)}
    assert figures["by_group"]["labelled"] == {"15 to 17": everybody}
    assert sum(figures["kinds_of_errors"].values()) == pytest.approx(100, abs=0.3)
    kept = json.loads(Path(path).with_suffix(".json").read_text())["accuracy"]["part"]
    assert kept["by_group"] == figures["by_group"] and kept["half"] == "choose" and kept["images"] == 2
    assert "<td>choose</td>" in (tmp_path / "r" / "report.html").read_text()
    assert main(["evaluate", "--model", model("mpii16"), "--data", str(dots("mpii16")), "--groups"]) == 1
    assert "expected --groups with COCO's or CrowdPose's annotations" in capsys.readouterr().err


def test_figures_are_not_written_over_the_spec(tmp_path, dots, model, capsys):
    path, data = model("coco17"), dots("coco17")
    spec = Path(path).with_suffix(".json")
    before = spec.read_bytes()
    assert main(["evaluate", "--model", path, "--data", str(data), "--out", str(spec.parent)]) == 1
    assert "expected --out other than the model's folder" in capsys.readouterr().err and spec.read_bytes() == before
