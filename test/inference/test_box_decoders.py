import numpy as np
import pytest

from pose_estimation_ros.inference.box_decoders import (
    decode_nanodet,
    decode_plain,
    decode_yolox,
    is_yolox,
    nanodet_strides,
)


def test_plain():
    boxes, scores = np.random.rand(1, 5, 4), np.random.rand(1, 5)
    got = decode_plain({"boxes_xyxy": boxes, "scores": scores}, (64, 64))
    assert (got[0] == boxes[0]).all() and (got[1] == scores[0]).all()


def slow_yolox(rows, size_wh):
    boxes, scores, row = [], [], 0
    for stride in (8, 16, 32):
        for y in range(size_wh[1] // stride):
            for x in range(size_wh[0] // stride):
                dx, dy, log_w, log_h, objectness, person = rows[row][:6]
                cx, cy, w, h = (x + dx) * stride, (y + dy) * stride, np.exp(log_w) * stride, np.exp(log_h) * stride
                boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
                scores.append(objectness * person)
                row += 1
    assert row == len(rows)
    return boxes, scores


@pytest.mark.parametrize("size_wh, cells", [((64, 64), 84), ((96, 64), 126)])
def test_yolox_is_the_slow_one(size_wh, cells):
    rows = np.random.RandomState(0).rand(1, cells, 85)
    boxes, scores = decode_yolox({"output": rows}, size_wh)
    expected = slow_yolox(rows[0], size_wh)
    assert np.allclose(boxes, expected[0], rtol=1e-5) and np.allclose(scores, expected[1])


def slow_nanodet(outputs, size_wh):
    boxes, scores = [], []
    for stride in (8, 16, 32):
        row = 0
        for y in range(-(-size_wh[1] // stride)):
            for x in range(-(-size_wh[0] // stride)):
                bins = outputs["dis_pred_stride_%d" % stride][0, row].reshape(4, 8)
                sides = [sum(i * np.exp(b[i]) for i in range(8)) / sum(np.exp(b)) * stride for b in bins]
                cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                boxes.append([cx - sides[0], cy - sides[1], cx + sides[2], cy + sides[3]])
                scores.append(outputs["cls_pred_stride_%d" % stride][0, row, 0])
                row += 1
    return boxes, scores


def nanodet_outputs(cells=(64, 16, 4)):
    random = np.random.RandomState(1)
    outputs = {"cls_pred_stride_%d" % s: random.rand(1, n, 80) for s, n in zip((8, 16, 32), cells)}
    outputs.update({"dis_pred_stride_%d" % s: random.randn(1, n, 32) for s, n in zip((8, 16, 32), cells)})
    return outputs


@pytest.mark.parametrize("size_wh, cells", [((64, 64), (64, 16, 4)), ((72, 40), (45, 15, 6))])
def test_nanodet_is_the_slow_one(size_wh, cells):
    outputs = nanodet_outputs(cells)
    boxes, scores = decode_nanodet(outputs, size_wh)
    expected = slow_nanodet(outputs, size_wh)
    assert np.allclose(boxes, expected[0], rtol=1e-5) and np.allclose(scores, expected[1])


@pytest.mark.parametrize(
    "names, strides",
    [
        ([], []),
        (["output"], []),
        (sorted(nanodet_outputs()), [8, 16, 32]),
        (["cls_pred_stride_8", "dis_pred_stride_8", "other"], []),
        (["cls_pred_stride_8", "dis_pred_stride_16"], []),
    ],
)
def test_nanodet_is_known_by_its_names(names, strides):
    assert nanodet_strides(names) == strides


@pytest.mark.parametrize(
    "shapes, expected",
    [
        ({"output": (1, 84, 85)}, True),
        ({"output": (1, 84, 6)}, True),
        ({"output": (1, 84, 5)}, False),
        ({"output": (1, 83, 85)}, False),
        ({"output": (1, 84)}, False),
        ({"output": (None, None, None)}, False),
        ({"a": (1, 84, 85), "b": (1, 84, 85)}, False),
        ({}, False),
    ],
)
def test_yolox_is_known_by_its_shape(shapes, expected):
    assert is_yolox(shapes, (64, 64)) is expected
