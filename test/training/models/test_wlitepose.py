"""Counts against MODELS.md, section 3: the readings "literal" and W5' (14 joints). None gives the paper's counts."""

import onnx
import pytest
import torch
from live_models import live, live_parity
from torch import nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.export.export import to_onnx
from pose_estimation_ros.training.models import litepose
from pose_estimation_ros.training.models.counting import count
from pose_estimation_ros.training.models.litepose import InvertedResidual
from pose_estimation_ros.training.models.wlitepose import (
    ATTENTIONS,
    DfcBottleneck,
    LightDeconv,
    ShuffleUnit,
    wlitepose,
    wlitepose_s,
    wlitepose_xs,
)

MOVE_UP = {"attention": None, "gelu": False, "few_activations": False, "few_norms": False}
WITH_DFC = {**MOVE_UP, "attention": "dfc"}
WITH_GELU = {**WITH_DFC, "gelu": True}
FEWER_ACTIVATIONS = {**WITH_GELU, "few_activations": True}
TABLE_10 = [MOVE_UP, WITH_DFC, WITH_GELU, FEWER_ACTIVATIONS, {}]


@pytest.fixture
def shallow(monkeypatch):
    """All widths and kinds of blocks, fewer repetitions."""
    monkeypatch.setattr(litepose, "BLOCKS", (2, 1, 1, 2))


@pytest.mark.parametrize(
    "options, parameters, official, true",
    [
        ({"stages": ()}, 2.731, 4.981, 3.614),  # LitePose-S
        (MOVE_UP, 2.240, 4.046, 2.742),
        ({}, 2.406, None, 2.797),  # GELU and pooling are not in the definition of the tool's count: 4.039, not 4.067
        ({"attention": "dfc_hidden"}, 3.373, None, None),  # at stride 2 it leaves open more than parameters tell
    ],
)
def test_blocks_cost_what_models_md_counted(options, parameters, official, true):
    with torch.device("meta"):
        counts = count(wlitepose_s(14, deconv=False, **options), (448, 448))
    found = (counts.parameters / 1e6, counts.litepose / 1e9, counts.macs / 1e9)
    for value, expected in zip(found, (parameters, official, true)):
        assert expected is None or value == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    "build, side, expected",
    [(wlitepose_s, 448, (2_399_382, 3.3982, 2.7683)), (wlitepose_xs, 256, (1_366_270, 0.7877, 0.6484))],
)
def test_own_counts(build, side, expected):
    """14 joints, as the paper's S 3.6M, 5.8 G and XS 2.3M, 1.5 G."""
    with torch.device("meta"):
        counts = count(build(14), (side, side))
    found = (counts.parameters, counts.litepose / 1e9, counts.macs / 1e9)
    assert found == pytest.approx(expected, abs=6e-5)


def test_deconvolution_module_is_the_text_s():
    """66 channels, 4 groups: 0.0078M parameters; MODELS.md's 0.404 lp-G has the last bias and 0.307 G at 448."""

    class Alone(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = LightDeconv(32, 17)

        def forward(self, _image):
            return self.module(torch.zeros(1, 32, 112, 112), torch.zeros(1, 34, 112, 112), None, None)

    with torch.device("meta"):
        counts = count(Alone(), (448, 448))
    assert counts.parameters == 66 * 16 + 66 * 32 + 64 + 4 * (2 * 32 * 8 + 32 * 9 + 3 * 64) + 17 * 33
    assert counts.macs / 1e9 == pytest.approx(0.307, abs=6e-4)
    assert (counts.litepose + 17 * 224 * 224) / 1e9 == pytest.approx(0.404, abs=6e-4)


@pytest.mark.parametrize("joints", [17, 16, 14])
@pytest.mark.parametrize("size_wh", [(64, 64), (128, 64)])
def test_outputs_are_at_a_quarter_and_at_half(joints, size_wh, shallow):
    width, height = size_wh
    outputs = wlitepose_xs(joints).eval()(torch.zeros(2, 3, height, width))
    assert {name: tuple(maps.shape) for name, maps in outputs.items()} == {
        "heatmaps": (2, joints, height // 4, width // 4),
        "tags": (2, joints, height // 4, width // 4),
        "heatmaps_2x": (2, joints, height // 2, width // 2),
    }


@pytest.mark.parametrize("stages", [(), (1,), (2,), (3,), (4,), (1, 2, 3, 4)])
def test_stages_of_table_7(stages):
    with torch.device("meta"):
        model = wlitepose_s(stages=stages)
    kinds = [{type(block) for block in one_stage} for one_stage in model.backbone.stages]
    assert kinds == [{DfcBottleneck if n in stages else InvertedResidual} for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "options, norms, relus, gelus",
    [
        (MOVE_UP, 3, 2, 0),
        ({**WITH_GELU, "attention": None}, 3, 0, 2),
        ({**FEWER_ACTIVATIONS, "attention": None}, 3, 0, 1),
        ({"attention": None}, 1, 0, 1),
    ],
)
def test_steps_of_table_10(options, norms, relus, gelus):
    layers = [type(layer) for layer in DfcBottleneck(8, 8, 1, **options).modules()]
    assert [layers.count(kind) for kind in (nn.BatchNorm2d, nn.ReLU6, nn.GELU)] == [norms, relus, gelus]


@pytest.mark.parametrize("stride, outputs", [(1, 8), (2, 8), (1, 12)])
@pytest.mark.parametrize("attention", ["dfc", "dfc_hidden"])
@torch.no_grad()
def test_block_is_equation_11(attention, stride, outputs):
    block, x = DfcBottleneck(8, outputs, stride, attention).eval(), torch.randn(2, 8, 8, 8)
    narrow, expand, project = (layers[0].weight for layers in (block.spatial, block.expand, block.project))
    v = nn.functional.conv2d(x, narrow, stride=stride, padding=3, groups=8)
    if attention == "dfc":
        v = torch.sigmoid(block.gate(x)) * v
    hidden = nn.functional.gelu(torch.einsum("oc,ncij->noij", expand[:, :, 0, 0], v / (1 + 1e-5) ** 0.5))
    if attention == "dfc_hidden":
        hidden = torch.sigmoid(block.hidden_gate(x)) * hidden
    expected = torch.einsum("oc,ncij->noij", project[:, :, 0, 0], hidden)
    torch.testing.assert_close(block(x), expected + x if (stride, outputs) == (1, 8) else expected)


@torch.no_grad()
def test_channels_are_shuffled_over_the_groups():
    """ShuffleNet: of 4 groups of 3, first the first of each group, then the second of each, then the third."""
    assert ShuffleUnit(12, 4).order.tolist() == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]


@torch.no_grad()
def test_an_input_channel_reaches_every_group_of_the_unit():
    torch.manual_seed(0)
    unit, x = ShuffleUnit(32, 4).eval(), 3 * torch.ones(1, 32, 1, 1)
    unit.mix[0].weight.abs_()  # so that no ReLU stops it
    changed = x.clone()
    changed[0, 5] += 1
    assert (unit(changed) != unit(x)).reshape(4, 8).any(1).all()


@pytest.mark.parametrize("options", [*TABLE_10[:4], *({"attention": name} for name in ATTENTIONS), {"deconv": False}])
def test_gradient_reaches_every_parameter(options, shallow):
    torch.manual_seed(0)
    model = wlitepose_xs(**options)
    sum(maps.square().sum() for maps in model(255 * torch.rand(2, 3, 64, 64)).values()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


# From onnx-tensorrt's docs/operators.md of TensorRT 8.4 (opset 13, too); 8.2's own was not at hand. Mod is not in it.
TENSORRT_8 = set(
    "Add AveragePool BatchNormalization Clip Concat Constant Conv ConvTranspose Div Erf Gather GlobalAveragePool"
    " HardSigmoid Identity MatMul Max MaxPool Mul ReduceMax ReduceMean Relu Reshape Resize Shape Sigmoid Slice Split"
    " Sub Transpose Unsqueeze".split()
)


@pytest.mark.parametrize(
    "build, options",
    [
        (wlitepose_s, {}),
        *((wlitepose_xs, options) for options in TABLE_10),
        *((wlitepose_xs, {"attention": name}) for name in ATTENTIONS if name != "dfc"),
        (wlitepose_xs, {"deconv": False, "stages": [2]}),
    ],
)
def test_onnx_runtime_agrees_and_tensorrt_knows_the_operators(build, options, shallow):
    model = live(build(**options))
    content = to_onnx(model, [64, 64])
    assert live_parity(model, content, [64, 64]) <= 1e-4
    assert {node.op_type for node in onnx.load_from_string(content).graph.node} <= TENSORRT_8


def test_full_depth_onnx_runtime_agrees():
    model = live(wlitepose_xs())
    assert live_parity(model, to_onnx(model, [64, 64]), [64, 64]) <= 1e-4


@pytest.mark.parametrize("options, message", [({"stages": [0, 1]}, "stages"), ({"attention": "eca"}, "attention")])
def test_unknown_options_are_errors(options, message):
    with pytest.raises(ConfigError, match=f"expected {message} out of"):
        wlitepose(17, 16, (16, 32, 48, 80), (16, 24, 24), **options)
