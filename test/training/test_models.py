"""Counts against the papers: unique parameters, and MACs of convolutions and linear layers / 2^30 at 256x192."""

import pytest
import torch
from torch import nn

from pose_estimation_ros.training.models import POSE_MODELS
from pose_estimation_ros.training.models.layers import GlobalContext


def count_macs(model, height, width):
    total = 0

    def add(module, _inputs, output):
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += output.numel() * module.in_features

    for module in model.modules():
        module.register_forward_hook(add)
    model.eval()(torch.zeros(1, 3, height, width))
    return total / 2**30


@pytest.mark.parametrize(
    "name, parameters, gi",
    [("elpn_v1", 1_108_041, 1.2105), ("elpn_v2", 4_705_468, 1.9899), ("hrnet_w32", 28_536_113, 7.1200)],
)
def test_counts_are_the_papers(name, parameters, gi):
    model = POSE_MODELS[name]()
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert count_macs(model, 256, 192) == pytest.approx(gi, abs=5e-5)


def test_elpn_v1_at_256x256_is_the_papers_1_6_g():
    assert count_macs(POSE_MODELS["elpn_v1"](16), 256, 256) == pytest.approx(1.614, abs=5e-4)


@pytest.mark.parametrize("joints", [17, 16, 14])
@pytest.mark.parametrize("size_wh", [(32, 32), (96, 128)])
def test_output_is_a_quarter_of_the_input(joints, size_wh):
    heatmaps = POSE_MODELS["elpn_v1"](joints).eval()(torch.zeros(2, 3, size_wh[1], size_wh[0]))["heatmaps"]
    assert heatmaps.shape == (2, joints, size_wh[1] // 4, size_wh[0] // 4)


def test_gradient_reaches_every_parameter():
    model = POSE_MODELS["elpn_v1"]()
    model(255 * torch.rand(2, 3, 64, 64))["heatmaps"].square().sum().backward()
    # The attention's bias shifts all logits of a softmax alike: its gradient is 0 but for rounding.
    silent = [n for n, p in model.named_parameters() if p.grad is None]
    assert silent == []


@torch.no_grad()
def test_global_context_is_attention_pooling_added_everywhere():
    torch.manual_seed(0)
    block, x = GlobalContext(32), torch.randn(2, 32, 3, 5)
    for image, out in zip(x, block(x)):
        logits = [
            float(block.mask.weight.flatten() @ image[:, i, j] + block.mask.bias) for i in range(3) for j in range(5)
        ]
        weights = torch.softmax(torch.tensor(logits), 0)
        context = sum(w * image[:, n // 5, n % 5] for n, w in enumerate(weights))
        added = block.excite(torch.relu(block.norm(block.squeeze(context))))
        torch.testing.assert_close(out, image + added[:, None, None], atol=1e-5, rtol=1e-5)


def test_global_context_with_one_hidden_value_is_torchs_layer_norm():
    torch.manual_seed(0)
    block, hidden = GlobalContext(16), torch.randn(4, 1)
    torch.nn.init.normal_(block.norm.bias)
    torch.testing.assert_close(block._normalised(hidden), block.norm(hidden))
