"""Building blocks against slow, obvious formulations."""

import math

import pytest
import torch
from torch import nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.el_hrnet import NConv, el_hrnet
from pose_estimation_ros.training.models.elpn import elpn
from pose_estimation_ros.training.models.goatpose import LiteConv, nam_attention
from pose_estimation_ros.training.models.layers import (
    Cbam,
    DepthwiseConv2d,
    GlobalContext,
    NamChannelAttention,
    NamSpatialAttention,
    conv_bn,
)


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


def slow_spatial_nam(x, scale, shift, mean, var, eps):
    """Section 3.3 for a batch (N, C, h, w); the others are (h w,), one value for each pixel."""
    out, total = torch.zeros_like(x), sum(abs(float(value)) for value in scale)
    _, channels, height, width = x.shape
    for n, image in enumerate(x):
        for c in range(channels):
            for i in range(height):
                for j in range(width):
                    pixel = i * width + j
                    normed = (image[c, i, j] - mean[pixel]) / math.sqrt(var[pixel] + eps) * scale[pixel] + shift[pixel]
                    out[n, c, i, j] = image[c, i, j] / (1 + torch.exp(-abs(scale[pixel]) / total * normed))
    return out


@torch.no_grad()
def test_spatial_nam_weighs_pixels_by_their_share_of_lambda():
    block, x = randomise(NamSpatialAttention([4, 3])), torch.randn(2, 5, 3, 4)
    norm = block.norm
    assert norm.weight.shape == (12,)
    expected = slow_spatial_nam(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps)
    torch.testing.assert_close(block(x), expected)


@torch.no_grad()
def test_spatial_nam_learns_the_statistics_of_each_pixel_over_images_and_channels():
    block, x = randomise(NamSpatialAttention([4, 3])).train(), torch.randn(2, 5, 3, 4)
    values = [x[:, :, i, j].flatten() for i in range(3) for j in range(4)]
    mean = torch.tensor([v.mean() for v in values])
    var = torch.tensor([(v - v.mean()).square().mean() for v in values])
    expected = slow_spatial_nam(x, block.norm.weight, block.norm.bias, mean, var, block.norm.eps)
    torch.testing.assert_close(block(x), expected)


def test_spatial_nam_is_of_one_size():
    with pytest.raises(ConfigError, match="expected features of 4x3 px for spatial NAM, got 3x4"):
        NamSpatialAttention([4, 3])(torch.zeros(1, 2, 4, 3))


@pytest.mark.parametrize("branch, size_wh", [(0, [24, 16]), (1, [12, 8]), (2, [6, 4]), (3, [3, 2])])
def test_spatial_nam_has_the_size_of_its_branch(branch, size_wh):
    assert nam_attention("spatial", 8, [96, 64])(8 * 2**branch).size_wh == size_wh


@torch.no_grad()
def test_both_kinds_of_nam_are_channels_then_pixels():
    block, x = randomise(nam_attention("both", 5, [32, 32])(5)), torch.randn(2, 5, 8, 8)
    channel, spatial = block
    assert (type(channel), type(spatial)) == (NamChannelAttention, NamSpatialAttention)
    torch.testing.assert_close(block(x), spatial(channel(x)))


@pytest.mark.parametrize("ratio, hidden", [(16, 2), (4, 8), (64, 1)])
@torch.no_grad()
def test_cbam_gates_channels_then_pixels(ratio, hidden):
    block, x = randomise(Cbam(32, ratio)), torch.randn(2, 32, 4, 5)
    down, up = block.mlp[0].weight[:, :, 0, 0], block.mlp[2].weight[:, :, 0, 0]
    assert down.shape == (hidden, 32)
    for image, out in zip(x, block(x)):
        pooled = torch.stack([image.flatten(1).mean(1), image.flatten(1).max(1).values])
        logits = sum(up @ (down @ vector).clamp(min=0) for vector in pooled)
        image = image / (1 + torch.exp(-logits))[:, None, None]
        summary = torch.stack([image.mean(0), image.max(0).values])
        pixels = slow_conv(summary, block.pixels.weight)
        torch.testing.assert_close(out, image / (1 + torch.exp(-pixels)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("ratio, intrinsic", [(2, 3), (3, 2), (4, 2), (6, 1)])
@torch.no_grad()
def test_lite_conv_makes_cheap_copies_of_intrinsic_maps(ratio, intrinsic):
    """GoatPose's equations 2 and 3 on 6 channels: ceil(6 / s) maps by a convolution, s - 1 depthwise copies of each."""
    block, x = randomise(LiteConv(6, ratio)), torch.randn(2, 6, 4, 3)
    assert block.primary[0].weight.shape == (intrinsic, 6, 3, 3)
    for image, out in zip(x, block(x)):
        maps = slow_norm(slow_conv(image, block.primary[0].weight), block.primary[1]).clamp(min=0)
        kernels = block.cheap[0].weight
        copies = [slow_conv(maps[n // (ratio - 1)][None], kernels[n : n + 1])[0] for n in range(len(kernels))]
        ghosts = slow_norm(torch.stack(copies), block.cheap[1]).clamp(min=0)
        torch.testing.assert_close(out, torch.cat([maps, ghosts])[:6], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("groups, kernels", [(0, (4, 1)), (4, (4, 1)), (2, (4, 2)), (1, (4, 4))])
@torch.no_grad()
def test_nconv_is_pointwise_and_grouped_side_by_side(groups, kernels):
    torch.manual_seed(0)
    block, x = NConv(8, groups), torch.randn(2, 8, 4, 3)
    assert block.cheap.weight.shape == (*kernels, 3, 3)
    for image, out in zip(x, block(x)):
        intrinsic = slow_conv(image, block.primary.weight)
        expected = torch.cat([intrinsic, slow_conv(intrinsic, block.cheap.weight, groups=groups or 4)])
        torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cbam", [False, True])
@torch.no_grad()
def test_el_hrnets_blocks_are_equations_8_to_10(cbam):
    """Y1 = BN(NConv(ReLU(BN(NConv(X))))), Y = ReLU(X + Y1), with CBAM in between where there is attention."""
    model = randomise(el_hrnet(3, 8, (1, 1, 1), blocks=1, cbam=cbam))
    block, x = model.stages[0][0].branches[0][0], torch.randn(2, 8, 4, 3)
    found = block(x)
    convs, norms = ([m for m in block.body if isinstance(m, kind)] for kind in (NConv, nn.BatchNorm2d))
    hidden = torch.stack([slow_norm(image, norms[0]) for image in convs[0](x)]).clamp(min=0)
    y = torch.stack([slow_norm(image, norms[1]) for image in convs[1](hidden)])
    if cbam:
        y = next(m for m in block.body if isinstance(m, Cbam))(y)
    assert len(block.body) == 5 + cbam
    torch.testing.assert_close(found, (x + y).clamp(min=0), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("block", [LiteConv(6), NConv(6)])
def test_light_convolutions_have_half_the_primary_weights(block):
    assert [tuple(p.shape)[:2] for p in block.parameters() if p.dim() == 4] == [(3, 6), (3, 1)]


@torch.no_grad()
def test_global_context_is_attention_pooling_added_everywhere():
    torch.manual_seed(0)
    block, x = GlobalContext(32), torch.randn(2, 32, 3, 5)
    for parameter in block.parameters():
        nn.init.normal_(parameter)  # the last layer begins as 0
    for image, out in zip(x, block(x)):
        logits = [
            float(block.mask.weight.flatten() @ image[:, i, j] + block.mask.bias) for i in range(3) for j in range(5)
        ]
        weights = torch.softmax(torch.tensor(logits), 0)
        context = sum(w * image[:, n // 5, n % 5] for n, w in enumerate(weights))
        added = block.excite(torch.relu(block.norm(block.squeeze(context))))
        torch.testing.assert_close(out, image + added[:, None, None], atol=1e-5, rtol=1e-5)


def test_global_context_begins_as_the_identity_in_a_network_too():
    torch.manual_seed(0)
    neck, x = elpn(3, 16, (1, 1, 1)).neck, torch.randn(2, 16, 3, 5)
    assert torch.equal(neck(x), x)
    assert 0.5 < neck.mask.weight.std() / (2 / 16) ** 0.5 < 2  # Kaiming, not HRNet's 0.001


@pytest.mark.parametrize("width, ratio, least, hidden", [(256, 1 / 16, 8, 16), (16, 1 / 16, 8, 8), (16, 1 / 16, 2, 2)])
def test_hidden_width_of_the_global_context(width, ratio, least, hidden):
    assert GlobalContext(width, ratio, least).norm.normalized_shape == (hidden,)


@pytest.mark.parametrize("kernel, stride", [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2), (9, 1)])
@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)])
def test_depthwise_convolution_in_bf16_has_the_gradients_of_float32(kernel, stride, needs):
    torch.manual_seed(0)
    conv = DepthwiseConv2d(16, 16, kernel, stride, kernel // 2, groups=16, bias=False)
    x = torch.randn(3, 16, 14, 11).bfloat16().float()
    conv.weight.data = conv.weight.data.bfloat16().float()
    upstream = torch.randn_like(conv(x)).bfloat16().float()
    conv.weight.requires_grad_(needs[1])
    gradients = []
    for is_mixed in (False, True):
        inputs = x.clone().requires_grad_(needs[0])
        conv.weight.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            out = conv(inputs)
        assert out.dtype == (torch.bfloat16 if is_mixed else torch.float32)
        (out.float() * upstream).sum().backward()
        gradients.append([out.float().detach(), inputs.grad, conv.weight.grad])
    for wanted, got in zip(*gradients):
        if wanted is None:
            assert got is None
        else:
            assert (got - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_depthwise_convolutions_are_found():
    assert isinstance(conv_bn(8, 8, 3, groups=8)[0], DepthwiseConv2d)
    assert not any(
        isinstance(conv_bn(*sizes)[0], DepthwiseConv2d) for sizes in ((8, 8, 3, 1, 4), (8, 8, 1, 1, 8), (1, 1, 3))
    )
