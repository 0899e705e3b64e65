"""HigherHRNet's head, one output after the other, from the features."""

import torch
from torch.nn import functional

from pose_estimation_ros.training.models.baselines.higher_hrnet import HigherHRNet, scaled_front
from pose_estimation_ros.training.models.hrnet import hrnet_front


@torch.no_grad()
def test_one_convolution_makes_heatmaps_and_tags_and_the_doubled_map_reads_both():
    torch.manual_seed(0)
    model = HigherHRNet(5, 8, modules=(1, 1, 1), blocks=1, half_width=6, half_blocks=0).eval()
    for parameter in model.top_down.head.parameters():
        torch.nn.init.normal_(parameter)
    images = 255 * torch.rand(2, 3, 64, 96)
    features, outputs = model.top_down.features(images), model(images)
    maps = functional.conv2d(features, model.top_down.head.weight, model.top_down.head.bias)
    torch.testing.assert_close(torch.cat([outputs["heatmaps"], outputs["tags"]], 1), maps)
    up, norm, _, head = model.doubled
    doubled = functional.conv_transpose2d(torch.cat([features, maps], 1), up.weight, stride=2, padding=1)
    torch.testing.assert_close(outputs["heatmaps_2x"], head(norm(doubled).relu()))


def test_the_scaled_front_is_hrnet_s_at_32_channels():
    shapes = [
        [parameter.shape for part in front(32) for parameter in part.parameters()]
        for front in (scaled_front, hrnet_front)
    ]
    assert shapes[0] == shapes[1] and shapes[0]
