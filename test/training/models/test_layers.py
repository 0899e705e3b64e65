"""Building blocks against slow, obvious formulations."""

import math

import pytest
import torch
from torch import nn

from pose_estimation_ros.training.models.el_hrnet import NConv
from pose_estimation_ros.training.models.goatpose import LiteConv
from pose_estimation_ros.training.models.layers import Cbam, GlobalContext, NamChannelAttention


def slow_conv(x, weight, groups=1):
    """ "Same" convolution of one image (C, h, w), value by value."""
    outputs, inputs, kernel, _ = weight.shape
    _, height, width = x.shape
    made, half = torch.zeros(outputs, height, width), kernel // 2
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        for y in range(height):
            for c in range(width):
                for i in range(kernel):
                    for j in range(kernel):
                        row, column = y + i - half, c + j - half
                        if 0 <= row < height and 0 <= column < width:
                            made[o, y, c] += weight[o, :, i, j] @ x[first : first + inputs, row, column]
    return made


def slow_norm(x, norm):
    """Batch norm in evaluation mode of one image (C, h, w)."""
    parts = zip(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return torch.stack([(c - m) / math.sqrt(v + norm.eps) * g + b for c, m, v, g, b in parts])


def randomise(module):
    """Evaluation mode with statistics and weights that are not 0 and 1."""
    torch.manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
                tensor.normal_()
            norm.running_var.uniform_(0.5, 2)
    return module.eval()


@torch.no_grad()
def test_nam_weighs_channels_by_their_share_of_gamma():
    block, x = randomise(NamChannelAttention(5)), torch.randn(2, 5, 3, 4)
    for image, out in zip(x, block(x)):
        normed, total = slow_norm(image, block.norm), sum(abs(float(g)) for g in block.norm.weight)
        for c, gamma in enumerate(block.norm.weight):
            gate = 1 / (1 + torch.exp(-abs(gamma) / total * normed[c]))
            torch.testing.assert_close(out[c], image[c] * gate)


def test_nams_channel_weights_take_no_gradient():
    block, x = randomise(NamChannelAttention(3)), torch.randn(1, 3, 2, 2)
    block(x).sum().backward()
    gamma, norm = block.norm.weight.detach(), block.norm
    share = (gamma.abs() / gamma.abs().sum())[:, None, None]
    plain = (x[0] - norm.running_mean[:, None, None]) / (norm.running_var + norm.eps).sqrt()[:, None, None]
    gate = (share * slow_norm(x[0], norm)).sigmoid()
    expected = (x[0] * gate * (1 - gate) * share * plain).sum((1, 2))  # of gamma in the batch norm alone
    torch.testing.assert_close(block.norm.weight.grad, expected.detach())


@torch.no_grad()
def test_cbam_gates_channels_then_pixels():
    block, x = randomise(Cbam(32)), torch.randn(2, 32, 4, 5)
    down, up = block.mlp[0].weight[:, :, 0, 0], block.mlp[2].weight[:, :, 0, 0]
    assert down.shape == (2, 32)
    for image, out in zip(x, block(x)):
        pooled = torch.stack([image.flatten(1).mean(1), image.flatten(1).max(1).values])
        logits = sum(up @ (down @ vector).clamp(min=0) for vector in pooled)
        image = image / (1 + torch.exp(-logits))[:, None, None]
        summary = torch.stack([image.mean(0), image.max(0).values])
        pixels = slow_conv(summary, block.pixels.weight)
        torch.testing.assert_close(out, image / (1 + torch.exp(-pixels)), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_lite_conv_is_half_convolution_half_cheap_copies():
    block, x = randomise(LiteConv(6)), torch.randn(2, 6, 4, 3)
    for image, out in zip(x, block(x)):
        intrinsic = slow_norm(slow_conv(image, block.primary[0].weight), block.primary[1]).clamp(min=0)
        ghosts = slow_norm(slow_conv(intrinsic, block.cheap[0].weight, groups=3), block.cheap[1]).clamp(min=0)
        torch.testing.assert_close(out, torch.cat([intrinsic, ghosts]), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_nconv_is_pointwise_and_depthwise_side_by_side():
    torch.manual_seed(0)
    block, x = NConv(6), torch.randn(2, 6, 4, 3)
    for image, out in zip(x, block(x)):
        intrinsic = slow_conv(image, block.primary.weight)
        expected = torch.cat([intrinsic, slow_conv(intrinsic, block.cheap.weight, groups=3)])
        torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("block", [LiteConv(6), NConv(6)])
def test_light_convolutions_have_half_the_primary_weights(block):
    assert [tuple(p.shape)[:2] for p in block.parameters() if p.dim() == 4] == [(3, 6), (3, 1)]


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
