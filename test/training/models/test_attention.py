"""Each block against its paper's formula, written with loops over pixels; batch norms as they start, in evaluation."""

import pytest
import torch
from torch.nn import functional

from pose_estimation_ros.training.models.attention import CoordinateAttention, SqueezeExcite, dfc_logits


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 16, 6, 4)


@torch.no_grad()
def test_squeeze_excite_gates_channels_by_their_means(x):
    block = SqueezeExcite(16, 4, bias=False)
    down, up = (conv.weight[:, :, 0, 0] for conv in (block.gate[0], block.gate[2]))
    for image, found in zip(x, block(x)):
        means = torch.tensor([channel.mean() for channel in image])
        gate = torch.sigmoid(up @ torch.relu(down @ means))
        torch.testing.assert_close(found, torch.stack([g * channel for g, channel in zip(gate, image)]))


@torch.no_grad()
def test_coordinate_attention_gates_rows_and_columns(x):
    block = CoordinateAttention(16).eval()

    def gates(means, layer):
        hidden = block.shared[0][0].weight[:, :, 0, 0] @ means / (1 + 1e-5) ** 0.5
        hidden = hidden * (hidden + 3).clamp(0, 6) / 6
        return torch.sigmoid(layer.weight[:, :, 0, 0] @ hidden + layer.bias)

    for image, found in zip(x, block(x)):
        for i in range(6):
            for j in range(4):
                row, column = gates(image[:, i].mean(1), block.rows), gates(image[:, :, j].mean(1), block.columns)
                torch.testing.assert_close(found[:, i, j], image[:, i, j] * row * column)


def slow_lines(maps, columns, rows):
    """Depthwise 5x1, then 1x5, zeros outside: (C, h, w)."""
    _, height, width = maps.shape
    down, across = torch.zeros_like(maps), torch.zeros_like(maps)
    for i in range(height):
        for k in range(5):
            if 0 <= i + k - 2 < height:
                down[:, i] += columns[:, k, None] * maps[:, i + k - 2]
    for j in range(width):
        for k in range(5):
            if 0 <= j + k - 2 < width:
                across[:, :, j] += rows[:, k, None] * down[:, :, j + k - 2]
    return across


@pytest.mark.parametrize("shrink, grow", [(1, 1), (2, 1), (2, 2)])
@torch.no_grad()
def test_dfc_is_pooling_1x1_columns_and_rows(x, shrink, grow):
    block = dfc_logits(16, 8, shrink, grow).eval()
    mix, columns, rows = (layer[0].weight for layer in block[shrink > 1 : (shrink > 1) + 3])
    for image, found in zip(x, block(x)):
        pooled = image.reshape(16, 6 // shrink, shrink, 4 // shrink, shrink).mean((2, 4))
        expected = slow_lines(torch.einsum("oc,cij->oij", mix[:, :, 0, 0], pooled), columns[:, 0, :, 0], rows[:, 0, 0])
        if grow > 1:
            expected = functional.interpolate(expected[None], scale_factor=grow, mode="bilinear")[0]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
