"""Foreign detectors of every kind, whose outputs are constants, give the boxes that slow loops decode."""

import numpy as np
import onnx
import onnxruntime
import pytest

from pose_estimation_ros.importing.boxes.outputs import grid_cells
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.importing.tensorrt_operators import refused

STRIDES = (8, 16, 32)
SIZE = (96, 64)  # 126 cells of strides 8, 16, 32, and 2 of stride 64


@pytest.fixture
def imported(constant_model, tmp_path):
    """A function that imports a network with these outputs, and returns boxes and scores of the result."""

    def run(outputs, size_wh=SIZE, metadata=(), **options):
        path = constant_model("foreign", outputs, size_wh)
        model = onnx.load(path)
        for key, text in dict(metadata).items():
            model.metadata_props.add(key=key, value=text)
        onnx.save(model, path)
        order = ModelImport(path, str(tmp_path / "out"), "new", detector=True, check=False, force=True, **options)
        new = import_model(order, lambda line: None)
        assert refused(new, "8.2") == []
        session = onnxruntime.InferenceSession(new, providers=["CPUExecutionProvider"])
        batch = np.zeros((1, 3, size_wh[1], size_wh[0]), np.float32)
        boxes, scores = session.run(["boxes_xyxy", "scores"], {"images": batch})
        assert boxes.shape == scores.shape + (4,) and len(boxes) == 1
        return boxes[0], scores[0]

    return run


def cells(strides, size_wh=SIZE):
    """List (x, y, stride) of every cell, the slow way."""
    for stride in strides:
        for y in range(-(-size_wh[1] // stride)):
            for x in range(-(-size_wh[0] // stride)):
                yield x, y, stride


def slow_yolox(rows, person):
    boxes, scores = [], []
    for (x, y, stride), row in zip(cells(STRIDES), rows):
        cx, cy, w, h = (x + row[0]) * stride, (y + row[1]) * stride, np.exp(row[2]) * stride, np.exp(row[3]) * stride
        boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
        scores.append(row[4] * row[5 + person])
    return boxes, scores


def slow_nanodet(scores, distances, strides, offset, bins=8):
    boxes = []
    for (x, y, stride), row in zip(cells(strides), distances):
        left, top, right, bottom = (
            sum(i * np.exp(b[i]) for i in range(bins)) / sum(np.exp(b)) * stride for b in row.reshape(4, bins)
        )
        cx, cy = (x + offset) * stride, (y + offset) * stride
        boxes.append([cx - left, cy - top, cx + right, cy + bottom])
    return boxes, scores


def same(found, expected):
    boxes, scores = (np.asarray(values, np.float32) for values in expected)
    assert np.allclose(found[0], boxes, rtol=1e-4, atol=1e-3) and np.allclose(found[1], scores, atol=1e-6)


@pytest.mark.parametrize("strides, count", [((8,), 96), ((8, 16, 32), 126), ((8, 16, 32, 64), 128)])
def test_cells(strides, count):
    places, cell_strides = grid_cells(SIZE, strides)
    assert len(places) == count
    assert np.c_[places, cell_strides].tolist() == [list(cell) for cell in cells(strides)]
    assert len(grid_cells((72, 40), (32,))[0]) == 6  # sides that are no multiples are rounded up


@pytest.mark.parametrize(
    "classes, options, person", [(80, {}, 0), (1, {}, 0), (7, {"like": "yolox", "person_class": "3"}, 3)]
)
def test_yolox(imported, classes, options, person):
    rows = np.random.RandomState(0).rand(1, 126, 5 + classes)
    same(imported({"output": rows}, **options), slow_yolox(rows[0], person))


def test_the_best_of_many_candidates(imported):
    size_wh = (320, 320)  # 2100 cells
    rows = np.random.RandomState(0).rand(1, 2100, 6)
    boxes, scores = imported({"output": rows}, size_wh)
    assert np.allclose(scores, np.sort(rows[0, :, 4] * rows[0, :, 5])[::-1][:300])
    best = np.argmax(rows[0, :, 4] * rows[0, :, 5])
    x, y, stride = list(cells(STRIDES, size_wh))[best]
    assert np.allclose(boxes[0, ::2].mean(), (x + rows[0, best, 0]) * stride, atol=1e-3)
    assert np.allclose(boxes[0, 1::2].mean(), (y + rows[0, best, 1]) * stride, atol=1e-3)


def test_nanodet_with_outputs_per_stride(imported):
    random, counts = np.random.RandomState(1), (96, 24, 6)
    outputs = {"cls_pred_stride_%d" % stride: random.rand(1, n, 80) for stride, n in zip(STRIDES, counts)}
    outputs.update({"dis_pred_stride_%d" % stride: random.randn(1, n, 32) for stride, n in zip(STRIDES, counts)})
    scores = np.concatenate([outputs["cls_pred_stride_%d" % stride][0, :, 0] for stride in STRIDES])
    distances = np.concatenate([outputs["dis_pred_stride_%d" % stride][0] for stride in STRIDES])
    same(imported(outputs), slow_nanodet(scores, distances, STRIDES, 0.5))


@pytest.mark.parametrize(
    "classes, strides, offset, options",
    [
        (80, STRIDES, 0.5, {}),
        (80, STRIDES + (64,), 0.0, {}),
        (3, STRIDES + (64,), 0.0, {"like": "nanodet-plus", "person_class": "0"}),
    ],
)
def test_nanodet_with_one_table(imported, classes, strides, offset, options):
    count = len(list(cells(strides)))
    table = np.random.RandomState(2).rand(1, count, classes + 32)
    expected = slow_nanodet(table[0, :, 0], table[0, :, classes:], strides, offset)
    same(imported({"output": table}, **options), expected)


TEXTS = {"task": "detect", "names": "{0: 'dog', 1: 'person'}", "stride": "32", "imgsz": "[64, 96]", "args": "{}"}


@pytest.mark.parametrize("metadata, options", [(TEXTS, {}), ({}, {"like": "yolo", "person_class": "1"})])
def test_ultralytics_columns(imported, metadata, options):
    table = np.random.RandomState(3).rand(1, 6, 126)
    expected = [(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2) for cx, cy, w, h in table[0, :4].T]
    same(imported({"output0": table}, metadata=metadata, **options), (expected, table[0, 5]))


def test_ultralytics_rows(imported):
    rows = np.array([[[1, 2, 30, 40, 0.9, 1], [5, 6, 7, 8, 0.8, 0], [9, 9, 20, 30, 0.7, 1]]])
    found = imported({"output0": rows}, metadata=dict(TEXTS, end2end="True"))
    same(found, (rows[0, :, :4], [0.9, 0, 0.7]))


def test_rt_detr(imported):
    table = np.array([[[0.5, 0.5, 0.25, 0.5, 0.1, 0.9], [0.25, 0.5, 0.5, 1, 0.8, 0.2]]])
    expected = [[36, 16, 60, 48], [0, 0, 48, 64]]  # of 96x64 px
    same(imported({"output0": table}, metadata=TEXTS), (expected, [0.9, 0.2]))


def test_mmdeploy(imported):
    dets = np.array([[[1, 2, 30, 40, 0.9], [5, 6, 7, 8, 0.8], [0, 0, 0, 0, 0]]])
    found = imported({"dets": dets, "labels": np.array([[0, 16, -1]])}, like="rtmdet")
    same(found, (dets[0, :, :4], [0.9, 0, 0]))


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 3), (1, 3, 1)])
def test_separate_boxes_and_scores(imported, shape):
    boxes, scores = np.array([[[1, 2, 30, 40], [5, 6, 7, 8], [9, 9, 20, 30]]]), np.array([0.9, 0.8, 0.7])
    same(imported({"scores": scores.reshape(shape), "boxes": boxes}, like="picodet"), (boxes[0], scores))
