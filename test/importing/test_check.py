import numpy as np
import onnx
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.importing import check
from pose_estimation_ros.importing.check import (
    Neighbour,
    check_conventions,
    neighbours,
    normalisation_of,
    report_scores,
)

IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
RAW = ([0, 0, 0], [1, 1, 1])


def three(*values):
    return np.reshape(values, (1, 3, 1, 1))


@pytest.mark.parametrize(
    "nodes, weights, expected",
    [
        ([], {}, RAW),
        ([("Sub", "m")], {"m": three(1, 2, 3)}, ([1, 2, 3], [1, 1, 1])),
        ([("Div", "d")], {"d": 255}, ([0, 0, 0], [255, 255, 255])),
        ([("Sub", "m"), ("Div", "d")], {"m": three(1, 2, 3), "d": three(4, 5, 6)}, ([1, 2, 3], [4, 5, 6])),
        ([("Sub", "m"), ("Mul", "d")], {"m": 8, "d": three(0.5, 0.25, 1)}, ([8, 8, 8], [2, 4, 1])),
        # x / 2 - 3 is (x - 6) / 2
        ([("Div", "d"), ("Sub", "m")], {"m": 3, "d": 2}, ([6, 6, 6], [2, 2, 2])),
        ([("Sub", "m"), ("Relu", ""), ("Div", "d")], {"m": 1, "d": 2}, ([1, 1, 1], [1, 1, 1])),
    ],
)
def test_the_normalisation_is_read_from_the_graph(save_onnx, nodes, weights, expected):
    made, x = [], "images"
    for number, (operator, constant) in enumerate(nodes):
        made.append((operator, [x, constant] if constant else [x], ["x%d" % number], {}))
        x = "x%d" % number
    made.append(("Neg", [x], ["out"], {}))
    path = save_onnx("net", made, {"images": [1, 3, 4, 4]}, {"out": [1, 3, 4, 4]}, weights)
    mean, std = normalisation_of(onnx.load(path))
    assert np.allclose(mean, expected[0]) and np.allclose(std, expected[1])


def test_exchanged_channels_are_seen(save_onnx):
    nodes = [("Gather", ["images", "order"], ["x"], {"axis": 1}), ("Sub", ["x", "m"], ["y"], {})]
    nodes.append(("Neg", ["y"], ["out"], {}))
    path = save_onnx("net", nodes, {"images": [1, 3, 4, 4]}, {"out": [1, 3, 4, 4]}, {"m": three(3, 2, 1)})
    model = onnx.load(path)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 1, 0]), "order"))
    assert normalisation_of(model) == ([1, 2, 3], [1, 1, 1])


@pytest.mark.parametrize(
    "own, names",
    [
        (RAW, ["values 0..1", "ImageNet's mean and std", "channels exchanged", "padding 1", "padding 1.5"]),
        (IMAGENET, ["values 0..255", "values 0..1", "channels exchanged", "padding 1", "padding 1.5"]),
    ],
)
def test_the_network_gets_the_other_values(color_model, own, names):
    """What the graph makes of a changed batch is what the other convention makes of the batch."""
    found = {other.name: other for other in neighbours(load_model_spec(color_model), own)}
    assert list(found) == names
    batch = np.random.RandomState(0).uniform(0, 255, (2, 3, 4, 4)).astype(np.float32)
    mean, std = (three(*values) for values in own)
    expected = {
        "values 0..255": batch,
        "values 0..1": batch / 255,
        "ImageNet's mean and std": (batch - three(*IMAGENET[0])) / three(*IMAGENET[1]),
    }
    for name in set(expected) & set(found):
        assert np.allclose((found[name].change(batch) - mean) / std, expected[name], atol=1e-3)
    assert np.array_equal(found["channels exchanged"].change(batch)[:, 0], batch[:, 2])
    assert found["padding 1.5"].spec.padding == 1.5


FEW = np.array([0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    "own, other, least_gain, below, warns",
    [
        (FEW, FEW, 0.02, np.inf, False),
        (FEW, FEW * 1.03, 0.02, np.inf, True),
        (FEW, FEW * 1.01, 0.02, np.inf, False),
        (FEW, FEW * 0.5, 0.02, np.inf, False),
        (FEW, FEW + [0.2, -0.01, -0.01, -0.01], 0.02, np.inf, False),  # higher on the average, but of one in four
        (FEW, FEW * 9, 0.5, 0.4, False),
        (FEW * 0.1, FEW * 9, 0.5, 0.4, True),
        (FEW * 0, FEW, 0.5, np.inf, True),
    ],
)
def test_a_clearly_higher_score_is_a_warning(color_model, own, other, least_gain, below, warns):
    lines = []
    neighbour = Neighbour("blue skies", load_model_spec(color_model), np.copy, least_gain, below)
    report_scores(own, [(neighbour, other)], lines.append)
    assert lines[0] == "score on the demo's clip: %.2f as imported; for comparison: blue skies %.2f" % (
        own.mean(),
        other.mean(),
    )
    assert [line.startswith("WARNING: scores are") for line in lines[1:]] == [warns]
    assert ("no other convention is clearly better" in lines) == (not warns)


def test_a_network_that_is_sure_of_nobody_cannot_be_checked(color_model):
    lines = []
    neighbour = Neighbour("another", load_model_spec(color_model), np.copy, 0.02)
    report_scores(FEW * 0.1, [(neighbour, FEW * 0.3)], lines.append)
    assert len(lines) == 2 and "cannot be checked" in lines[1]


def test_without_the_clip_a_line_says_so(color_model, monkeypatch):
    def missing():
        raise DataError("no clip")

    monkeypatch.setattr(check, "open_scenes", missing)
    lines = []
    check_conventions(color_model, lines.append)
    assert lines == ["conventions not checked, which takes the demo's clip and the model person_detector: no clip"]


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_network_that_sees_one_color_best(save_onnx, save_spec, monkeypatch, exchanged):
    """Its heatmaps are the redness of a frame with a red spot alone, or that of one with a blue spot alone."""
    nodes = [
        ("AveragePool", ["images"], ["pooled"], {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ("Conv", ["pooled", "w"], ["heatmaps"], {}),
    ]
    weight = np.zeros((17, 3, 1, 1))
    weight[:, 0] = 1 / 255
    shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", 17, 16, 12]}
    path = save_onnx("red", nodes, *shapes, {"w": weight})
    save_spec(path)
    frame = np.zeros((80, 80, 3), np.uint8)
    frame[35:45, 30:40, 0 if exchanged else 2] = 200
    monkeypatch.setattr(check, "open_scenes", lambda: [(frame, np.array([[20.0, 10, 50, 70]] * 3))])
    lines = []
    check_conventions(path, lines.append)
    warned = [line for line in lines if "channels exchanged (for 100 % of 3)" in line]
    assert len(warned) == exchanged


def test_our_own_detector_is_right(repository):
    lines = []
    check_conventions(str(repository / "models" / "person_detector.onnx"), lines.append)
    assert lines[1].startswith("score on the demo's clip") and lines[2:] == ["no other convention is clearly better"]


@pytest.mark.parametrize("seconds, count", [(0.0, 6), (1.0, 6), (4.0, 3), (100.0, 1)])
def test_a_slow_network_sees_fewer_frames(seconds, count):
    scenes = [(np.zeros((8, 8, 3), np.uint8), np.zeros((0, 4)))] * 6
    assert len(check.affordable(scenes, seconds)) == count and check.affordable([], seconds) == []
