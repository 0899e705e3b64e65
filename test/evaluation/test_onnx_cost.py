"""onnx_cost.py: layers counted by hand, and every family of networks counted as torch's layers are."""

from itertools import pairwise

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from pose_estimation_ros.core.errors import ModelError  # noqa: E402
from pose_estimation_ros.evaluation.onnx_cost import onnx_cost  # noqa: E402

# name: (node without names, its weights' shapes, shapes of input and output, MACs by hand)
LAYERS = {
    "1x1": ("Conv", {}, [(5, 3, 1, 1)], (1, 3, 8, 6), ["n", 5, 8, 6], 5 * 3 * 48),
    "3x3, stride 2, bias": (
        "Conv", {"strides": [2, 2], "pads": [1] * 4}, [(4, 3, 3, 3), (4,)], (1, 3, 8, 6), ["n", 4, 4, 3], 4 * 27 * 12,
    ),
    "depthwise": (
        "Conv", {"group": 3, "pads": [1] * 4}, [(3, 1, 3, 3)], (1, 3, 8, 6), ["n", 3, 8, 6], 9 * 3 * 48,
    ),
    "transposed": (
        "ConvTranspose", {"strides": [2, 2], "pads": [1] * 4}, [(3, 7, 4, 4)], (1, 3, 8, 6), ["n", 7, 16, 12],
        3 * 48 * 7 * 16,
    ),
    "transposed, depthwise": (
        "ConvTranspose", {"strides": [2, 2], "pads": [1] * 4, "group": 3}, [(3, 1, 4, 4)], (1, 3, 8, 6),
        ["n", 3, 16, 12], 3 * 48 * 16,
    ),
    "linear on the last axis": ("MatMul", {}, [(6, 9)], (1, 3, 8, 6), ["n", 3, 8, 9], 3 * 8 * 6 * 9),
    "batch norm": ("BatchNormalization", {}, [(3,)] * 4, (1, 3, 8, 6), ["n", 3, 8, 6], 0),
    "sum": ("Add", {}, [(3, 1, 1)], (1, 3, 8, 6), ["n", 3, 8, 6], 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_by_hand(save_onnx, name):
    op, attributes, shapes, given, made, macs = LAYERS[name]
    weights = {f"w{i}": np.ones(shape) for i, shape in enumerate(shapes)}
    nodes = [(op, ["images", *weights], ["out"], attributes)]
    path = save_onnx("layer", nodes, {"images": ["n", *given[1:]]}, {"out": made}, weights)
    learned = shapes[:2] if op == "BatchNormalization" else shapes  # its mean and variance are not
    assert onnx_cost(path, given) == (sum(int(np.prod(shape)) for shape in learned), macs)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_linear_layer(save_onnx, transposed):
    nodes = [("Flatten", ["images"], ["flat"], {}), ("Gemm", ["flat", "w", "b"], ["out"], {"transB": transposed})]
    weights = {"w": np.ones((5, 12) if transposed else (12, 5)), "b": np.ones(5)}
    path = save_onnx("linear", nodes, {"images": ["n", 3, 2, 2]}, {"out": ["n", 5]}, weights)
    assert onnx_cost(path, (1, 3, 2, 2)) == (65, 60)


def test_products_of_activations_are_no_layers(save_onnx):
    nodes = [("MatMul", ["images", "images"], ["out"], {})]
    path = save_onnx("attention", nodes, {"images": ["n", 3, 4, 4]}, {"out": ["n", 3, 4, 4]}, {})
    assert onnx_cost(path, (1, 3, 4, 4)) == (0, 0)


def test_the_free_size_is_the_one_asked_for(save_onnx):
    nodes = [("Conv", ["images", "w"], ["out"], {})]
    path = save_onnx(
        "free", nodes, {"images": ["n", 3, "h", "w"]}, {"out": ["n", 1, "h", "w"]}, {"w": np.ones((1, 3, 1, 1))}
    )
    assert [onnx_cost(path, (1, 3, side, 2 * side)).macs for side in (4, 8)] == [3 * 32, 3 * 128]


def test_weights_that_are_cast(save_onnx):
    nodes = [("Cast", ["w"], ["cast"], {"to": 1}), ("Conv", ["images", "cast"], ["out"], {})]
    path = save_onnx("cast", nodes, {"images": ["n", 3, 4, 4]}, {"out": ["n", 2, 4, 4]}, {"w": np.ones((2, 3, 1, 1))})
    assert onnx_cost(path, (1, 3, 4, 4)) == (6, 6 * 16)


def test_an_input_of_whole_numbers(save_onnx):
    nodes = [("Cast", ["images"], ["float"], {"to": 1}), ("Conv", ["float", "w"], ["out"], {})]
    path = save_onnx("whole", nodes, {"images": ["n", 3, 4, 4]}, {"out": ["n", 2, 4, 4]}, {"w": np.ones((2, 3, 1, 1))})
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT32
    onnx.save(model, path)
    assert onnx_cost(path, (1, 3, 4, 4)) == (6, 6 * 16)


def test_what_is_no_onnx_file(tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="x.onnx: expected an ONNX file"):
        onnx_cost(path, (1, 3, 4, 4))


FAMILIES = (
    *("hrnet", "elpn", "el_hrnet", "goatpose", "litepose", "wlitepose", "person_detector"),
    *("simple_baseline", "lite_hrnet", "higher_hrnet", "efficient_hrnet"),
)


def network_of(family):
    """Few layers of each kind, in evaluation mode. Equal weights, as all biases are at first, would share one place in
    the file, so they are random."""
    import torch

    from pose_estimation_ros.training.models import (
        baselines,
        el_hrnet,
        elpn,
        goatpose,
        hrnet,
        litepose,
        person_detector,
        wlitepose,
    )

    network = {
        "hrnet": lambda: hrnet.HRNet(17, 8, (1, 1, 1), blocks=1),
        "elpn": lambda: elpn.elpn(17, 16, (1, 1, 1)),
        "el_hrnet": lambda: el_hrnet.el_hrnet_w32(17, 16, (1, 1, 1), blocks=1),
        "goatpose": lambda: goatpose.goatpose(17, 8, (1, 1, 1)),
        "litepose": lambda: litepose.litepose_xs(17),
        "wlitepose": lambda: wlitepose.wlitepose_xs(17),
        "simple_baseline": lambda: baselines.simple_baseline_shufflenet_v2(17, width=16),
        "lite_hrnet": lambda: baselines.lite_hrnet_18(17, (1, 1, 1)),
        "higher_hrnet": lambda: baselines.higher_hrnet_w16(17, modules=(1, 1, 1), blocks=1),
        "efficient_hrnet": lambda: baselines.efficient_hrnet_h_4(17, blocks=1),
        "person_detector": lambda: person_detector.DecodedPersonDetector(person_detector.PersonDetector()),
    }[family]()
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 1)
    return network.eval()


def count_in_torch(network, size_wh):
    """Parameters and MACs, and how many parameters are left out where batch norms become part of convolutions."""
    from torch.nn import BatchNorm2d, Conv2d, Sequential

    from pose_estimation_ros.training.models.counting import count

    counts = count(network, size_wh)
    norms = sum(m.num_features for m in network.modules() if isinstance(m, BatchNorm2d))
    pairs = [pair for m in network.modules() if isinstance(m, Sequential) for pair in pairwise(m)]
    convs = [conv for conv, norm in pairs if isinstance(conv, Conv2d) and isinstance(norm, BatchNorm2d)]
    biases = sum(conv.bias.numel() for conv in convs if conv.bias is not None)
    return counts.parameters, counts.macs, norms + biases


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_as_torch_counts_it(tmp_path, monkeypatch, family):
    """MACs are the same; a batch norm that became part of a convolution has a parameter per channel in place of two.

    The network as it is: what `pose export` rewrites for speed is not the same sum.
    """
    torch = pytest.importorskip("torch")
    from pose_estimation_ros.training.export.export import NamedOutputs
    from pose_estimation_ros.training.models import litepose

    monkeypatch.setattr(litepose, "BLOCKS", (1, 1, 1, 1))
    network, path = network_of(family), tmp_path / "network.onnx"
    image = torch.zeros(1, 3, 128, 64)
    torch.onnx.export(NamedOutputs(network).eval(), (image,), str(path), opset_version=13, dynamo=False)
    parameters, macs, norms = count_in_torch(network, (64, 128))
    found = onnx_cost(path, image.shape)
    assert found.macs == macs > 0
    assert 0 < parameters - found.parameters <= norms + 16  # single numbers stand in the graph's nodes


@pytest.mark.parametrize(
    "name, size_wh",
    [("elpn_v1_coco", (192, 256)), ("lite0_fpn_coco", (192, 256)), ("person_detector", (384, 320))],
)
def test_shipped_models(repository, name, size_wh):
    """Parameters within 1.5 %, products up to 4 % more: `pose export` gives ELPN's global context to convolutions."""
    torch = pytest.importorskip("torch")
    from pose_estimation_ros.training.models import DETECTOR_MODELS, POSE_MODELS

    with torch.device("meta"):  # shapes alone
        network = {**POSE_MODELS, **DETECTOR_MODELS}[name.removesuffix("_coco")]()
    parameters, macs, norms = count_in_torch(network, size_wh)
    found = onnx_cost(repository / "models" / f"{name}.onnx", (1, 3, *size_wh[::-1]))
    assert macs <= found.macs <= 1.04 * macs
    assert found.parameters == pytest.approx(parameters - norms, rel=0.015)
