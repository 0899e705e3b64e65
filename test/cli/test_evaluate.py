"""`pose evaluate` on small folders: the layouts told apart, models and the predictions that they wrote."""

import json
from pathlib import Path

import numpy as np
import pytest
from colored_dots import renumbered, save
from html_pages import parse

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation.benchmarks import (
    CocoBenchmark,
    CrowdPoseBenchmark,
    MpiiBenchmark,
    open_benchmark,
)


@pytest.mark.parametrize(
    "skeleton, of_image, kind, best",
    [
        ("coco17", {}, CocoBenchmark, "AP"),
        ("crowdpose14", {"crowdIndex": 0.5}, CrowdPoseBenchmark, "AP_medium"),
        ("mpii16", {}, MpiiBenchmark, "Mean@0.5"),
    ],
)
def test_a_model_and_the_predictions_it_wrote(tmp_path, dots, model, capsys, skeleton, of_image, kind, best):
    data = dots(skeleton, **of_image)
    assert type(open_benchmark(data)) is kind
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


OF_MODELS = [["--flip"], ["--protocol", "hrnet"], ["--boxes", "b.json"], ["--end-to-end"]]


@pytest.mark.parametrize("option", [*OF_MODELS, ["--save", "name"]])
def test_options_of_models_alone(folder, capsys, option):
    assert main(["evaluate", "--predictions", "r.json", "--data", str(folder), *option]) == 1
    assert f"expected {option[0]} with --model alone" in capsys.readouterr().err


@pytest.mark.parametrize("option", OF_MODELS)
def test_options_of_pose_models_alone(folder, color_model, save_spec, capsys, option):
    save_spec(color_model, task="person_detector", skeleton="", decoder="boxes")
    assert main(["evaluate", "--model", color_model, "--data", str(folder), *option]) == 1
    assert f"expected {option[0]} with pose models alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, words",
    [
        (["--end-to-end", "--boxes", "b.json"], "expected --end-to-end, whose detector finds the boxes, or --boxes"),
        (["--end-to-end", "--protocol", "hrnet"], "whose detector finds the boxes, or --protocol, got both"),
        (["--detector", "x", "--max-people", "3"], "expected --detector, --max-people with --end-to-end or --report"),
        (["--score-threshold", "0.5"], "expected --score-threshold with --end-to-end or --report, got neither"),
    ],
)
def test_options_that_do_not_go_with_end_to_end(folder, capsys, options, words):
    assert main(["evaluate", "--model", "m.onnx", "--data", str(folder), *options]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--end-to-end"], ["--report", "r"]])
@pytest.mark.parametrize("detector, words", [("nobody", "expected a model file or one out of"), ("lite0_fpn_coco", "")])
def test_a_detector_that_is_none_is_refused_before_anything_is_measured(
    folder, color_model, capsys, option, detector, words
):
    """There are no images, which would be noticed later."""
    argv = ["evaluate", "--model", color_model, "--data", str(folder), "--detector", detector, *option]
    assert main(argv) == 1
    error = capsys.readouterr().err
    assert words in error and detector in error and "images" not in error


@pytest.mark.parametrize("first", ["end to end", "in annotated boxes"])
def test_both_ways_in_spec_and_report(tmp_path, dots, model, first):
    """The report has the figure end to end first, and the interval with the one that was asked for."""
    path, data, whole = model("coco17"), dots("coco17"), first == "end to end"
    report = ["--report", str(tmp_path / "r"), "--draws", "5", "--save", "kept"]
    pipeline = ["--detector", "full_frame", "--score-threshold", "0.25", "--max-people", "7"]
    figures = figures_of(tmp_path, path, data, *report, *pipeline, *(["--end-to-end"] if whole else []))
    kept = json.loads(Path(path).with_suffix(".json").read_text())["accuracy"]["kept"]
    settings = {"detector": "full_frame", "score_threshold": 0.25, "max_people": 7}
    expected = {"protocol": "end_to_end", **settings} if whole else {"protocol": "plain", "boxes": "ground truth"}
    assert expected.items() <= kept.items() and expected.items() <= figures.items()
    lead = "".join(parse(tmp_path / "r" / "report.html").text).split("coco17: AP", 1)[1]
    assert lead.index("end to end with full_frame") < lead.index("in annotated boxes")
    after = lead.index("(95 % interval") > lead.index("in annotated boxes")
    assert after != whole


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


def test_missing_images_of_a_detector(tmp_path, folder, color_model, save_spec, capsys):
    save_spec(color_model, task="person_detector", skeleton="", decoder="boxes")
    assert main(["evaluate", "--model", color_model, "--data", str(folder)]) == 1
    assert "2 images that are missing, the first: 1.png" in capsys.readouterr().err


def test_published_mpii_predictions(shared_data, tmp_path, capsys):
    pytest.importorskip("h5py")
    data = f"{shared_data}/mpii"
    argv = ["evaluate", "--predictions", f"{data}/preds_newell_valid.h5", "--data", f"{data}/mpii_valid.h5"]
    assert main([*argv, "--out", str(tmp_path)]) == 0
    assert "persons 2958" in capsys.readouterr().out
    figures = json.loads((tmp_path / "preds_newell_valid_accuracy.json").read_text())
    assert figures["Mean@0.5"] == pytest.approx(88.4, abs=0.1) and figures["Head@0.5"] == 95.94


def test_a_teacher_on_real_images(shared_data, tmp_path):
    """PP-TinyPose 128x96 of PaddleDetection, as it was measured when it was converted: AP 54.7 by HRNet's protocol."""
    model = Path(shared_data, "reference_models", "pp_tinypose23_128x96.onnx")
    if not model.is_file():
        pytest.skip(f"no {model}")
    argv = ["evaluate", "--model", str(model), "--data", f"{shared_data}/coco_val", "--out", str(tmp_path)]
    assert main([*argv, "--protocol", "hrnet"]) == 0
    assert json.loads((tmp_path / f"{model.stem}.json").read_text())["AP"] == pytest.approx(54.7, abs=0.15)


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


@pytest.mark.parametrize("count", [1, 3, 133])
def test_a_skeleton_of_ones_own_on_the_command_line(tmp_path, dots, model, capsys, count):
    """Without links, sides and sigmas: figures and a report for the sigma that is given, which they name."""
    skeleton = Skeleton("toy", tuple(f"point {k}" for k in range(count)), (), (), None)
    arguments = ["evaluate", "--model", model(skeleton), "--data", str(dots(skeleton)), "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert "expected --sigma, such as 0.08" in capsys.readouterr().err
    more = ["--sigma", "0.08", "--groups", "--report", str(tmp_path / "r"), "--draws", "5", "--threads", "1"]
    assert main([*arguments, *more]) == 0
    assert "sigma 0.08" in capsys.readouterr().out
    figures = json.loads((tmp_path / "out" / "toy.json").read_text())
    assert (figures["skeleton"], figures["sigma"]) == ("toy", 0.08) and figures["AP"] > 80
    assert sum(group["people"] for group in figures["by_group"]["labelled"].values()) == 3
    text = (tmp_path / "r" / "report.html").read_text()
    assert "<td>0.08</td>" in text and f"point {count - 1}" in text


@pytest.mark.parametrize("sigma, words", [("0", "expected"), ("x", "expected"), ("11", "expected")])
def test_odd_sigmas(folder, capsys, sigma, words):
    with pytest.raises(SystemExit):
        main(["evaluate", "--predictions", "r.json", "--data", str(folder), "--sigma", sigma])
    assert f"--sigma: {words}" in capsys.readouterr().err


def test_no_sigma_for_mpii(dots, model, capsys):
    data = str(dots("mpii16"))
    assert main(["evaluate", "--model", model("mpii16"), "--data", data, "--sigma", "0.08"]) == 1
    assert "expected --sigma with COCO's or CrowdPose's annotations" in capsys.readouterr().err


def test_predictions_for_a_test_server(tmp_path, dots, model, capsys):
    """Images alone, and boxes; the same options as of figures."""
    data = dots("coco17")
    boxes = [{"image_id": i, "category_id": 1, "bbox": [24, 24, 112, 192], "score": 0.9} for i in range(3)]
    test_set = save(tmp_path / "info.json", {"images": json.loads(data.read_text())["images"]})
    file = tmp_path / "person_keypoints_test-dev2017_dots_results.zip"
    argv = ["evaluate", "--model", model("coco17"), "--data", str(test_set), "--threads", "1"]
    assert main(argv) == 1 and "found none (for a test set there is --submit)" in capsys.readouterr().err
    argv += ["--boxes", str(save(tmp_path / "b.json", boxes)), "--protocol", "hrnet", "--submit", str(file)]
    assert main(argv) == 0
    assert capsys.readouterr().out == f"wrote {file}: 3 people in 3 images\n" and file.is_file()
    assert main([*argv, "--groups"]) == 1
    assert "expected --submit, which measures nothing, or --groups, got both" in capsys.readouterr().err


def test_a_checkpoint_is_not_exported_for_a_name_that_no_server_takes(tmp_path, folder, capsys):
    checkpoint, out = tmp_path / "run" / "best.ckpt", tmp_path / "out"
    argv = ["evaluate", "--model", str(checkpoint), "--data", str(folder), "--out", str(out), "--submit", "r.txt"]
    assert main(argv) == 1 and not out.exists()
    error = capsys.readouterr().err
    assert "expected --submit with a file that ends in" in error and "export" not in error
