import json
import os
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import pytest
from foreign_networks import write_foreign

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.importing.boxes.detect import FAMILIES
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.inference.detector import open_detector

YOLOX = {"output": np.zeros((1, 84, 85))}
DETS = {"dets": np.zeros((1, 3, 5)), "labels": np.zeros((1, 3))}
BOXES = {"boxes": np.zeros((1, 3, 4)), "scores": np.zeros((1, 3))}


def strided(stride, cells):
    return {
        "cls_pred_stride_" + stride: np.zeros((1, cells, 80)),
        "dis_pred_stride_" + stride: np.zeros((1, cells, 32)),
    }


@pytest.fixture
def do_import(tmp_path):
    """A function that imports a file, and returns the path and the lines that were reported."""

    def run(path, **options):
        lines = []
        order = ModelImport(str(path), str(tmp_path / "out"), detector=True, check=False, force=True, **options)
        return import_model(order, lines.append), lines

    return run


@pytest.mark.parametrize(
    "outputs, options, error, message",
    [
        (
            {"logits": np.zeros((1, 1000))},
            {},
            ModelError,
            r"known detector, got logits \(1, 1000\); --like",
        ),
        ({"output": np.zeros((1, 83, 85))}, {}, ModelError, "outputs of a known detector"),
        ({"output": np.zeros((1, 84, 12))}, {}, ModelError, "outputs of a known detector"),
        ({"output": np.zeros((1, 84, 5))}, {"like": "yolox"}, ModelError, "outputs of a known detector"),
        (YOLOX, {"like": "rtmdet"}, ConfigError, "expected --like with a family of kind yolox, got rtmdet"),
        (YOLOX, {"like": "yolxo"}, ConfigError, "family of detectors, got 'yolxo'"),
        (YOLOX, {"skeleton": "coco17"}, ConfigError, "expected no --skeleton for a detector, got 'coco17'"),
        (YOLOX, {"padding": 1.25}, ConfigError, "expected no --padding for a detector, got 1.25"),
        (YOLOX, {"person_class": "80"}, ConfigError, "expected --person-class as a number below 80, got 80"),
        (YOLOX, {"person_class": "person"}, ConfigError, "as a number below 80, got person"),
        ({"output": np.zeros((1, 84, 12))}, {"like": "yolox"}, ConfigError, "person's class: it has 7 classes"),
        (YOLOX, {"person_class": "\u00b2"}, ConfigError, "as a number below 80"),
        (YOLOX, {"person_class": "9" * 5000}, ConfigError, "as a number below 80"),
        (strided("0", 64), {}, ModelError, "outputs of a known detector"),
        (strided("\u00b2", 64), {}, ModelError, "outputs of a known detector"),
        (strided("8", 63), {}, ModelError, "outputs of a known detector"),
        ({"o": np.zeros((1, 9, 3))}, {"like": "rt-detr"}, ModelError, "outputs of a known detector"),
        (dict(DETS, labels=np.zeros((1, 3, 1))), {}, ModelError, "outputs of a known detector"),
        (dict(DETS, labels=np.zeros((1, 2))), {}, ModelError, "outputs of a known detector"),
        (DETS, {}, ConfigError, "expected --like, or --color and --value-range.*possible: rtmdet, mmdet-yolox"),
        (BOXES, {}, ConfigError, "expected --like, or --color and --value-range.*possible: picodet"),
    ],
)
def test_refused(do_import, constant_model, outputs, options, error, message):
    with pytest.raises(error, match=message):
        do_import(constant_model("foreign", outputs), **options)


def test_the_page_names_every_family(repository):
    page = (repository / "docs" / "how-to" / "use-your-own-model.md").read_text()
    rows = page.split("## Person detectors")[1].split("## What")[0].splitlines()
    assert [row.split("`")[1] for row in rows if row.startswith("| `") and "--like" not in row.split("|")[1]] == list(
        FAMILIES
    )


def expected_spec(decoder_options, threshold, **fit):
    return {"decoder_options": decoder_options, "fit": fit, "accuracy": {"score_threshold": threshold}}


@pytest.mark.parametrize(
    "outputs, options, expected",
    [
        (YOLOX, {}, expected_spec({"nms_iou": 0.65}, 0.4, grey=114, resize="cut")),
        (YOLOX, {"nms_iou": 0.5, "score_threshold": 0.2, "grey": 0, "centred": True, "resize": "warp"},
         expected_spec({"nms_iou": 0.5}, 0.2, grey=0, centred=True, resize="warp")),
        (DETS, {"like": "rtmdet"}, expected_spec({"nms_iou": None}, 0.3, grey=114, resize="rounded")),
        (BOXES, {"like": "picodet"}, expected_spec({"nms_iou": 0.6}, 0.4, resize="stretch")),
        (BOXES, {"color": "bgr", "value_range": 1}, expected_spec({"nms_iou": 0.6}, 0.3)),
    ],
)  # fmt: skip
def test_what_the_spec_says(do_import, constant_model, outputs, options, expected):
    path, _lines = do_import(constant_model("foreign", outputs), **options)
    spec = load_model_spec(path)
    assert spec.task == "person_detector" and spec.input_size_wh == (64, 64) and spec.skeleton is None
    assert {name: getattr(spec, name) for name in expected} == expected


def pipeline(to_rgb, keep_ratio):
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "keep_ratio": keep_ratio, "size": [64, 64]},
        {"type": "Pad", "size": [64, 64], "pad_val": {"img": [114, 114, 114]}},
        {"type": "Normalize", "mean": [10, 20, 30], "std": [1, 2, 4], "to_rgb": to_rgb},
    ]
    tasks = [
        {"module": "Transform", "transforms": steps},
        {"module": "mmdet", "component": "ResizeBBox", "params": {"score_thr": 0.4}},
    ]
    return {"pipeline": {"tasks": tasks}}


@pytest.mark.parametrize("to_rgb", [True, False])
@pytest.mark.parametrize("keep_ratio, resize", [(True, "rounded"), (False, "stretch")])
def test_mmdeploys_pipeline_is_read(do_import, constant_model, to_rgb, keep_ratio, resize):
    source = Path(constant_model("foreign", DETS))
    (source.parent / "pipeline.json").write_text(json.dumps(pipeline(to_rgb, keep_ratio)))
    path, lines = do_import(source)
    color = "RGB" if to_rgb else "BGR"
    assert any(line.startswith("%s, mean 10 20 30, std 1 2 4" % color) for line in lines)
    spec = load_model_spec(path)
    assert spec.fit == {"grey": 114, "resize": resize} and spec.accuracy == {"score_threshold": 0.4}


def test_ultralytics_models_for_other_tasks_are_refused(do_import, save_onnx):
    shapes = [{name: [1, 3, 8, 8]} for name in ("images", "out")]
    path = save_onnx("pose", [("Identity", ["images"], ["out"], {})], *shapes, {})
    model = onnx.load(path)
    for key, text in {"task": "pose", "names": "{0: 'person'}", "stride": "32"}.items():
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, path)
    with pytest.raises(ModelError, match="expected a detector, got a model for 'pose'"):
        do_import(path)


def mean_of_input(save_onnx, nodes, weights):
    """Write a detector whose only box has the mean of each channel of what comes in, and of all, as its corners."""
    nodes = nodes + [
        ("ReduceMean", ["x"], ["means"], {"axes": [2, 3], "keepdims": 0}),
        ("ReduceMean", ["means"], ["mean"], {"axes": [1], "keepdims": 1}),
        ("Concat", ["means", "mean"], ["corners"], {"axis": 1}),
        ("Unsqueeze", ["corners", "first"], ["boxes"], {}),
        ("Identity", ["one"], ["scores"], {}),
    ]
    shapes = {"image": [1, 3, 8, 8]}, {"boxes": [1, 1, 4], "scores": [1, 1]}
    path = save_onnx("means", nodes, *shapes, dict(weights, one=[[1.0]]))
    model = onnx.load(path)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "first"))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"color": "rgb", "value_range": 255}, [10, 20, 30]),
        ({"color": "bgr", "value_range": 255}, [30, 20, 10]),
        ({"color": "rgb", "value_range": 1}, [10 / 255, 20 / 255, 30 / 255]),
        ({"color": "bgr", "value_range": 255, "mean": (1, 2, 3), "std": (2, 2, 2)}, [14.5, 9, 3.5]),
        (
            {"color": "rgb", "value_range": 1, "mean": (0.5, 0, 0), "std": (1, 1, 0.1)},
            [10 / 255 - 0.5, 20 / 255, 30 / 25.5],
        ),
        ({"like": "picodet", "color": "bgr"}, [(30 - 103.53) / 57.375, (20 - 116.28) / 57.12, (10 - 123.675) / 58.395]),
        ({"like": "picodet"}, [(10 - 123.675) / 58.395, (20 - 116.28) / 57.12, (30 - 103.53) / 57.375]),
    ],
)
def test_what_the_network_gets(do_import, save_onnx, options, expected):
    path, _lines = do_import(mean_of_input(save_onnx, [("Identity", ["image"], ["x"], {})], {}), **options)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch = np.zeros((1, 3, 8, 8), np.float32) + np.array([10, 20, 30], np.float32)[:, None, None]
    assert np.allclose(session.run(["boxes_xyxy"], {"images": batch})[0][0, 0, :3], expected, atol=1e-4)


def test_a_graph_that_normalises_gets_no_second_mean(do_import, save_onnx):
    nodes = [("Sub", ["image", "m"], ["x"], {})]
    path, lines = do_import(mean_of_input(save_onnx, nodes, {"m": [[[[1]], [[2]], [[3]]]]}), like="picodet")
    assert any("its first nodes normalise" in line for line in lines)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(["boxes_xyxy"], {"images": np.full((1, 3, 8, 8), 9, np.float32)})[0]
    assert np.allclose(found[0, 0, :3], [8, 7, 6])


REFERENCES = [("yolox_nano", 0.9), ("nanodet_m_416", 0.75), ("picodet_s_320_pedestrian", 0.8)]


@pytest.mark.parametrize("name, least", REFERENCES)
def test_reference_detectors_see_what_was_seen_with_them(do_import, shared_data, name, least):
    """Boxes of the published detections (YOLOX-nano, score > 0.5) on ten images are found again."""
    like = "picodet" if name.startswith("picodet") else None
    path, _lines = do_import(os.path.join(shared_data, "reference_models", name + ".onnx"), like=like)
    folder = os.path.join(shared_data, "coco_val")
    with open(os.path.join(folder, "person_detections_yolox_nano.json")) as file:
        detections = [d for d in json.load(file) if d["score"] > 0.5]
    with open(os.path.join(folder, "person_keypoints.json")) as file:
        images = json.load(file)["images"][:10]
    detect = open_detector(path, threads=1)
    found = []
    for image in images:
        boxes, _ = detect(cv2.imread(os.path.join(folder, "images", image["file_name"])))
        expected = xywh_to_xyxy([d["bbox"] for d in detections if d["image_id"] == image["id"]])
        found += (iou(expected, boxes) > 0.6).any(1).tolist()
    assert len(found) >= 10 and np.mean(found) >= least


def test_whole_numbers_are_not_normalised(do_import, tmp_path):
    write_foreign(tmp_path / "x.onnx", ("input", (1, 3, 64, 64)), {"o": (1, 84, 85)}, dtype=np.uint8)
    path, lines = do_import(tmp_path / "x.onnx", like="yolox")
    assert not {"Sub", "Div"}.intersection(node.op_type for node in onnx.load(path).graph.node[:2])
    write_foreign(tmp_path / "y.onnx", ("input", (1, 3, 64, 64)), {"o": (1, 84, 2100)}, dtype=np.uint8)
    path, lines = do_import(tmp_path / "y.onnx", like="yolo")
    assert not {"Sub", "Div"}.intersection(node.op_type for node in onnx.load(path).graph.node[:2])
    assert any("takes whole numbers" in line for line in lines)
    with pytest.raises(ConfigError, match="expected no --value-range for a network that takes whole numbers, got 1"):
        do_import(tmp_path / "y.onnx", like="yolo", value_range=1)


def test_two_frames_at_a_time_are_refused(do_import, tmp_path):
    write_foreign(tmp_path / "x.onnx", ("input", (2, 3, 64, 64)), {"o": (2, 84, 85)})
    with pytest.raises(ModelError, match="takes one frame at a time, got one for 2"):
        do_import(tmp_path / "x.onnx")
