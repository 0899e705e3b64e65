"""EfficientNet's scaling and padding."""

import pytest
import torch
from torch.nn import functional

from pose_estimation_ros.training.models.baselines.efficientnet import EfficientNet, conv_bn_swish, scaled_width


@pytest.mark.parametrize(
    "channels, factor, expected",
    [
        (0, 1.0, 8),
        (32, 1.0, 32),
        (24, 0.909, 24),  # 21.8: the next multiple
        (24, 0.684, 16),  # 16.4
        (16, 0.751, 16),  # 12.0: half of the way goes up
        (40, 0.684, 32),  # 27.4: 24 would be less than 90 %
    ],
)
def test_widths_are_multiples_of_eight(channels, factor, expected):
    assert scaled_width(channels, factor) == expected


@torch.no_grad()
@pytest.mark.parametrize("kernel, before, behind", [(3, 0, 1), (5, 1, 2)])
def test_at_stride_two_there_is_less_padding_before(kernel, before, behind):
    layer = conv_bn_swish(4, 6, kernel, 2).eval()
    x = torch.randn(1, 4, 8, 12)
    conv = functional.conv2d(functional.pad(x, (before, behind) * 2), layer[1].weight, stride=2)
    torch.testing.assert_close(layer(x), functional.silu(conv / (1 + 1e-5) ** 0.5))


def test_maps_are_at_a_quarter_to_a_thirty_second():
    backbone = EfficientNet(0.684, 0.483).eval()
    with torch.no_grad():
        maps = backbone(torch.zeros(1, 3, 64, 96))
    assert [tuple(x.shape[1:]) for x in maps] == [
        (width, 16 >> step, 24 >> step) for step, width in enumerate(backbone.widths)
    ]
