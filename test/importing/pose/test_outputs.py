"""Import networks of every contract, and compare their new outputs with a slow decode of the old ones."""

import json

import numpy as np
import onnxruntime
import pytest
from foreign_networks import write_foreign

from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.importing.pose.outputs import KINDS
from pose_estimation_ros.importing.tensorrt_operators import refused

W, H = 48, 64
IMAGENET = (np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375]))
PLAIN = (np.zeros(3), np.ones(3))
PER_255 = (np.zeros(3), np.full(3, 255.0))
TEXTS = {"task": "pose", "stride": "32", "names": "{0: 'person'}", "kpt_shape": "[5, 3]", "end2end": "False"}
TWO_CLASSES = dict(TEXTS, names="{0: 'dog', 1: 'person'}", kpt_shape="[5, 2]")
ROWS = dict(TEXTS, end2end="True")
BY_NMS = dict(TWO_CLASSES, args="{'nms': True}")
FIVE = {"name": "five", "keypoints": ["a", "b", "c", "d", "e"], "links": []}


def heatmaps(out):
    return {"heatmaps": out["output"]}


def simcc(out):
    return {"simcc_x": out["1"], "simcc_y": out["0"]}


def decoded(out):
    return {"keypoints": np.concatenate([out["xy"], out["score"][..., None]], 2)}


def associative(out):
    return {"heatmaps": out["a"][:, :5], "tags": out["a"][:, 5:], "heatmaps_2x": out["b"]}


def movenet(out):
    points = [[x * 48 - 0.5, y * 48 - 0.5, score] for y, x, score in out["output_0"][0, 0]]
    return {"keypoints": np.array([points])}


def movenet_multi(out):
    people, boxes, scores = [], [], []
    for row in out["output_0"][0]:
        people.append([[row[3 * k + 1] * W, row[3 * k] * H, row[3 * k + 2]] for k in range(5)])
        y1, x1, y2, x2, score = row[15:]
        boxes.append([x1 * W, y1 * H, x2 * W, y2 * H])
        scores.append(score)
    return {"keypoints": np.array([people]), "boxes_xyxy": np.array([boxes]), "scores": np.array([scores])}


def dets(out):
    return {"boxes_xyxy": out["dets"][..., :4], "scores": out["dets"][..., 4], "keypoints": out["keypoints"]}


def raw_yolo(out, classes=1, person=0, dims=3):
    rows = []
    for column in out["output0"][0].T:
        score = column[4 + person] if column[4 : 4 + classes].argmax() == person else 0
        x, y, w, h = column[:4]
        points = column[4 + classes :].reshape(5, dims)
        points = points if dims == 3 else np.hstack([points, np.full((5, 1), score)])
        rows.append((score, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], points))
    rows.sort(key=lambda row: -row[0])
    rows = rows[:300]
    return {
        "scores": np.array([[row[0] for row in rows]]), "boxes_xyxy": np.array([[row[1] for row in rows]]),
        "keypoints": np.array([[row[2] for row in rows]]),
    }  # fmt: skip


def two_classes(out):
    result = raw_yolo(out, 2, 1, 2)
    count = int((result["scores"] > 0).sum())  # the order of those with score 0 does not matter
    return {name: value[:, :count] for name, value in result.items()}


def rows(out, dims=3, person=None):
    table = out["output0"][0]
    score = table[:, 4] * (1 if person is None else abs(table[:, 5] - person) < 0.5)
    points = table[:, 6:].reshape(-1, 5, dims)
    points = points if dims == 3 else np.dstack([points, np.repeat(score[:, None], 5, 1)])
    return {"boxes_xyxy": table[None, :, :4], "scores": score[None], "keypoints": points[None]}


def flat(out):
    table = out["graph2_flat_predictions"]
    points = table[None, :, 6:].reshape(1, -1, 5, 3)
    return {"boxes_xyxy": table[None, :, 1:5], "scores": table[None, :, 5], "keypoints": points}


def nas_batch(out):
    count = int(np.ceil(out["num_predictions"][0, 0]))
    scores = out["post_nms_scores"].copy()
    scores[:, count:] = 0
    return {"boxes_xyxy": out["post_nms_boxes"], "scores": scores, "keypoints": out["post_nms_joints"]}


# name: (input, outputs, keywords of the network, options, color, mean and std, decode)
ONE = (1, 3, H, W)
CASES = {
    "heatmaps, free batch": (
        ("input", ("n", 3, H, W)), {"output": ((1, 5, 16, 12), ("n", 5, 16, 12))}, {}, {"like": "hrnet"}, "rgb",
        IMAGENET, heatmaps),
    "heatmaps, batch of 3": (
        ("input", (3, 3, H, W)), {"output": (3, 5, 16, 12)}, {}, {"like": "vitpose"}, "rgb", IMAGENET, heatmaps),
    "heatmaps, BGR": (
        ("input", ONE), {"output": (1, 5, 16, 12)}, {}, {"like": "simplebaseline-hrnet"}, "bgr", IMAGENET, heatmaps),
    "heatmaps, family's colours exchanged": (
        ("input", ONE), {"output": (1, 5, 16, 12)}, {}, {"like": "hrnet", "color": "bgr"}, "bgr",
        (IMAGENET[0][::-1], IMAGENET[1][::-1]), heatmaps),
    "heatmaps, 0..1": (
        ("input", ONE), {"output": (1, 5, 16, 12)}, {},
        {"color": "rgb", "value_range": 1, "decoder": "dark"}, "rgb", PER_255, heatmaps),
    "heatmaps, -1..1": (
        ("input", ONE), {"output": (1, 5, 16, 12)}, {},
        {"color": "bgr", "value_range": 1, "mean": (0.5, 0.4, 0.3), "std": (0.5, 0.4, 0.3), "decoder": "dark"}, "bgr",
        (255 * np.array([0.5, 0.4, 0.3]), 255 * np.array([0.5, 0.4, 0.3])), heatmaps),
    "heatmaps and their peaks": (
        ("image", ONE), {"output": (1, 5, 16, 12), "argmax": (1, 5)}, {}, {"like": "pp-tinypose"}, "rgb", IMAGENET,
        heatmaps),
    "heatmaps, float16": (
        ("input", ONE), {"output": (1, 5, 16, 12)}, {"dtype": np.float16}, {"like": "hrnet"}, "rgb", IMAGENET,
        heatmaps),
    "heatmaps of an old file": (
        ("input", ONE), {"output": (1, 5, 16, 12)}, {"opset": 9, "ir_version": 3}, {"like": "hrnet"}, "rgb", IMAGENET,
        heatmaps),
    "simcc, y first": (
        ("input", ("n", 3, H, W)), {"0": ((1, 5, 128), ("n", 5, 128)), "1": ((1, 5, 96), ("n", 5, 96))}, {}, {}, "rgb",
        IMAGENET, simcc),
    "simcc, decoded": (
        ("input", ONE), {"xy": (1, 5, 2), "score": (1, 5)}, {}, {"like": "rtmpose"}, "rgb", IMAGENET, decoded),
    "associative embedding": (
        ("x", ONE), {"b": (1, 5, 32, 24), "a": (1, 10, 16, 12)}, {}, {"like": "litepose"}, "rgb", IMAGENET,
        associative),
    "associative embedding, opset 9": (
        ("x", ONE), {"b": (1, 5, 32, 24), "a": (1, 10, 16, 12)}, {"opset": 9}, {"like": "higherhrnet"}, "rgb", IMAGENET,
        associative),
    "movenet": (
        ("input", (1, 48, 48, 3)), {"output_0": (1, 1, 5, 3)}, {"dtype": np.int32}, {}, "rgb", PLAIN, movenet),
    "movenet of bytes": (
        ("input", (1, 48, 48, 3)), {"output_0": (1, 1, 5, 3)}, {"dtype": np.uint8}, {}, "rgb", PLAIN, movenet),
    "movenet multi": (
        ("input", (1, "height", "width", 3)), {"output_0": (1, 6, 20)}, {"dtype": np.int32}, {"size_wh": (W, H)}, "rgb",
        PLAIN, movenet_multi),
    "dets": (
        ("input", ("n", 3, H, W)),
        {"keypoints": ((1, 7, 5, 3), ("n", "m", 5, 3)), "dets": ((1, 7, 5), ("n", "m", 5))}, {}, {}, "bgr", PLAIN,
        dets),
    "dets of fixed number, RGB": (
        ("input", ONE), {"dets": (1, 7, 5), "keypoints": (1, 7, 5, 3)}, {}, {"like": "yolox-pose", "color": "rgb"},
        "rgb", PLAIN, dets),
    "yolo": (
        ("images", ONE), {"output0": (1, 20, 9)}, {"metadata": TEXTS}, {}, "rgb", PER_255,
        raw_yolo),
    "yolo, 500 candidates, opset 9": (
        ("images", ONE), {"output0": (1, 20, 500)}, {"metadata": TEXTS, "opset": 9}, {}, "rgb",
        PER_255, raw_yolo),
    "yolo, free size": (
        ("images", ("n", 3, "h", "w")), {"output0": ((1, 20, 9), ("n", 20, "m"))},
        {"metadata": dict(TEXTS, imgsz="[64, 48]")}, {}, "rgb", PER_255, raw_yolo),
    "yolo, two classes": (
        ("images", ONE), {"output0": (1, 16, 400)}, {"metadata": TWO_CLASSES}, {}, "rgb",
        PER_255, two_classes),
    "yolo, two classes, opset 18": (
        ("images", ONE), {"output0": (1, 16, 400)}, {"metadata": TWO_CLASSES, "opset": 18, "ir_version": 8}, {}, "rgb",
        PER_255, two_classes),
    "yolo without texts": (
        ("images", ONE), {"output0": (1, 20, 9)}, {}, {"like": "yolo-pose", "keypoints": 5}, "rgb",
        PER_255, raw_yolo),
    "rows": (
        ("images", ONE), {"output0": (1, 9, 21)}, {"metadata": ROWS}, {}, "rgb", PER_255, rows),
    "rows of two classes": (
        ("images", ONE), {"output0": (1, 9, 16)}, {"metadata": BY_NMS}, {}, "rgb", PER_255,
        lambda out: rows(out, 2, 1)),
    "rows without texts": (
        ("images", ONE), {"output0": (1, 9, 21)}, {}, {"like": "yolo-pose", "keypoints": 5}, "rgb",
        PER_255, rows),
    "flat": (
        ("input", ONE), {"graph2_flat_predictions": ((4, 21), ("m", 21))}, {"dtype": np.uint8}, {}, "rgb", PLAIN, flat),
    "batch": (
        ("input", ONE), {
            "num_predictions": (1, 1), "post_nms_boxes": (1, 400, 4), "post_nms_scores": (1, 400),
            "post_nms_joints": (1, 400, 5, 3),
        }, {"dtype": np.uint8}, {}, "rgb", PLAIN, nas_batch),
}  # fmt: skip


def test_every_kind_has_a_case():
    assert set(KINDS) == {
        "heatmaps", "simcc", "decoded", "movenet", "movenet_multi", "dets", "raw_yolo", "rows", "flat", "batch",
        "associative_embedding",
    }  # fmt: skip


def is_too_new(name):
    return "opset 18" in name and onnxruntime.__version__.startswith("1.10")


@pytest.mark.parametrize("name", CASES)
def test_new_outputs_are_the_old_ones_decoded(tmp_path, name):
    if is_too_new(name):
        pytest.skip("ONNX Runtime 1.10 reads opset 15 at most")
    entry, outputs, network, options, color, (mean, std), decode = CASES[name]
    run = write_foreign(tmp_path / "source.onnx", entry, outputs, **network)
    (tmp_path / "five.json").write_text(json.dumps(FIVE))
    options = dict({"skeleton": str(tmp_path / "five.json"), "check": False}, **options)
    path = import_model(ModelImport(str(tmp_path / "source.onnx"), str(tmp_path), "x", **options), lambda line: None)
    spec = load_model_spec(path)
    width, height = spec.input_size_wh
    batch = 3 if entry[1][0] == 3 else 2 if entry[1][0] == "n" and spec.task == "top_down" else 1
    images = np.random.RandomState(1).randint(0, 256, (batch, 3, height, width)).astype(np.float32)
    images *= np.array([1.0, 0.6, 0.3], np.float32).reshape(3, 1, 1)  # the channels differ
    images = images.round()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    actual = dict(zip(names, session.run(None, {"images": images})))

    x = images[:, ::-1] if color == "bgr" else images
    x = (x - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)
    if entry[1][1] != 3:
        x = x.transpose(0, 2, 3, 1)
    expected = decode(run(x))
    assert set(names) == set(expected)
    for key, value in expected.items():
        got = actual[key][:, : value.shape[1]] if "two classes" in name else actual[key]
        assert got.dtype == np.float32 and got.shape == value.shape
        most = 3e-3 if network.get("dtype") == np.float16 else 1e-4
        np.testing.assert_allclose(got, value, rtol=most, atol=most)


@pytest.mark.parametrize("name", CASES)
def test_tensorrt_refuses_nothing_but_what_it_refuses_in_the_original(tmp_path, name):
    if is_too_new(name):
        pytest.skip("ONNX Runtime 1.10 reads opset 15 at most")
    entry, outputs, network, options = CASES[name][:4]
    source = str(tmp_path / "source.onnx")
    write_foreign(source, entry, outputs, **network)
    (tmp_path / "five.json").write_text(json.dumps(FIVE))
    options = dict({"skeleton": str(tmp_path / "five.json"), "check": False}, **options)
    path = import_model(ModelImport(source, str(tmp_path), "x", **options), lambda line: None)
    for version in ("8.2", "8.5"):
        before, after = ({refusal.operator for refusal in refused(file, version)} for file in (source, path))
        assert after <= before


def test_nobody_in_the_picture(tmp_path):
    from onnx import helper

    def cut(nodes, weights):
        """Let no row of either output through."""
        weights.update(zero=np.zeros(1, np.int64), one=np.ones(1, np.int64))
        for name in ("dets", "keypoints"):
            last = next(node for node in nodes if name in node.output)
            last.output[0] = name + "_all"
            nodes.append(helper.make_node("Slice", [name + "_all", "zero", "zero", "one"], [name]))

    outputs = {"dets": ((1, 7, 5), (1, "m", 5)), "keypoints": ((1, 7, 17, 3), (1, "m", 17, 3))}
    write_foreign(tmp_path / "source.onnx", ("input", (1, 3, H, W)), outputs, change=cut)
    order = ModelImport(str(tmp_path / "source.onnx"), str(tmp_path), "x", skeleton="coco17", check=False)
    session = onnxruntime.InferenceSession(import_model(order, print), providers=["CPUExecutionProvider"])
    results = session.run(["boxes_xyxy", "scores", "keypoints"], {"images": np.zeros((1, 3, H, W), np.float32)})
    assert [result.shape for result in results] == [(1, 0, 4), (1, 0), (1, 0, 17, 3)]
