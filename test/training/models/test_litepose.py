"""Counts of MODELS.md, section 3, which reproduce the official LitePose's printed ones (14 joints)."""

import pytest
import torch
from live_models import live, live_parity
from torch import nn

from pose_estimation_ros.training.export.export import to_onnx
from pose_estimation_ros.training.models import litepose
from pose_estimation_ros.training.models.counting import count
from pose_estimation_ros.training.models.litepose import litepose_l, litepose_m, litepose_s, litepose_xs


@pytest.fixture
def shallow(monkeypatch):
    """All widths and kinds of blocks, fewer repetitions."""
    monkeypatch.setattr(litepose, "BLOCKS", (2, 1, 1, 2))


@pytest.mark.parametrize(
    "build, side, parameters, official, true",
    [
        (litepose_xs, 256, 1.676, 1.202, 0.883),
        (litepose_s, 448, 2.731, 4.981, 3.614),
        (litepose_m, 448, 3.534, 7.842, 5.264),
        (litepose_l, 512, 5.738, 13.713, 9.962),
    ],
)
def test_counts_are_the_published_ones(build, side, parameters, official, true):
    with torch.device("meta"):
        counts = count(build(14), (side, side))
    found = (counts.parameters / 1e6, counts.litepose / 1e9, counts.macs / 1e9)
    assert found == pytest.approx((parameters, official, true), abs=6e-4)


@pytest.mark.parametrize("joints", [17, 16, 14])
@pytest.mark.parametrize("size_wh", [(64, 64), (128, 64)])
def test_outputs_are_at_a_quarter_and_at_half(joints, size_wh, shallow):
    width, height = size_wh
    outputs = litepose_xs(joints).eval()(torch.zeros(2, 3, height, width))
    assert {name: tuple(maps.shape) for name, maps in outputs.items()} == {
        "heatmaps": (2, joints, height // 4, width // 4),
        "tags": (2, joints, height // 4, width // 4),
        "heatmaps_2x": (2, joints, height // 2, width // 2),
    }


def test_stages_have_the_strides_of_the_configuration(shallow):
    features = litepose_xs().eval().backbone(torch.zeros(1, 3, 64, 64))
    assert [(f.shape[1], 64 // f.shape[2]) for f in features] == [(16, 2), (16, 4), (32, 8), (48, 16), (80, 16)]


def test_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    model = litepose_xs()
    sum(maps.square().sum() for maps in model(255 * torch.rand(2, 3, 64, 64)).values()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_heatmaps_are_the_heads_first_channels_and_tags_the_others(shallow):
    model = litepose_xs(3).eval()
    for head in (model.head.refined, model.head.raw):
        nn.init.zeros_(head[-1].weight[3:])
    outputs = live(model)(255 * torch.rand(1, 3, 64, 64))
    assert outputs["heatmaps"].abs().amax((0, 2, 3)).min() > 0 and outputs["tags"].abs().max() == 0


@pytest.mark.parametrize("inputs, outputs, stride, kept", [(8, 8, 1, True), (8, 8, 2, False), (8, 12, 1, False)])
@torch.no_grad()
def test_identity_is_added_where_it_fits(inputs, outputs, stride, kept):
    block, x = litepose.InvertedResidual(inputs, outputs, stride).eval(), torch.randn(1, inputs, 8, 8)
    for parameter in block.body[-1].parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(x), x if kept else torch.zeros(1, outputs, 8 // stride, 8 // stride))


@pytest.mark.parametrize("build", [litepose_xs, litepose_s, litepose_m, litepose_l])
def test_onnx_runtime_agrees(build, shallow):
    model = live(build())
    assert live_parity(model, to_onnx(model, [64, 64]), [64, 64]) <= 1e-4
