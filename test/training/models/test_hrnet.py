"""The fusion of the branches, and the streams that later stages add, against their formulas."""

import pytest
import torch
from torch.nn import functional

from pose_estimation_ros.training.models.goatpose import goatpose
from pose_estimation_ros.training.models.hrnet import ExchangeUnit, HRNet, fuse_up, fuse_up_bilinear, identity


def normed(layers, x):
    """Convolution and batch norm as it starts, in evaluation mode, and the ReLU if there is one."""
    conv, norm = layers[0], layers[1]
    x = functional.conv2d(x, conv.weight, None, conv.stride, conv.padding) / (1 + norm.eps) ** 0.5
    return x.relu() if len(layers) > 2 else x


def slow_bilinear(image, factor):
    """Enlarge (C, h, w) pixel by pixel: a pixel's centre lies between the centres of four, or beyond the border."""
    channels, height, width = image.shape
    out = torch.zeros(channels, height * factor, width * factor)
    for i in range(height * factor):
        for j in range(width * factor):
            row, column = ((k + 0.5) / factor - 0.5 for k in (i, j))
            row, column = max(row, 0.0), max(column, 0.0)
            top, left = int(row), int(column)
            for y, below in ((top, 1 - (row - top)), (top + 1, row - top)):
                for x, beside in ((left, 1 - (column - left)), (left + 1, column - left)):
                    out[:, i, j] += below * beside * image[:, min(y, height - 1), min(x, width - 1)]
    return out


def features(branches):
    torch.manual_seed(0)
    return [torch.randn(2, 4 * 2**b, 16 // 2**b, 8 // 2**b) for b in range(branches)]


@pytest.mark.parametrize("steps", [1, 2])
@torch.no_grad()
def test_bilinear_fusion_enlarges_before_the_1x1(steps):
    path, x = fuse_up_bilinear(6, 3, steps).eval(), torch.randn(2, 6, 3, 4)
    weight, norm = path[1][0].weight[:, :, 0, 0], path[1][1]
    for image, found in zip(x, path(x)):
        large = slow_bilinear(image, 2**steps)
        expected = torch.einsum("oc,cij->oij", weight, large) / (1 + norm.eps) ** 0.5
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def slow_path(path, x, source, target, bilinear):
    """f_xr: down by a chain of 3x3 of stride 2, up by one 1x1, before the nearest or behind the bilinear pixels."""
    factor = 2 ** (source - target)
    if source == target:
        return x
    if source < target:
        for layers in path:
            x = normed(layers, x)
        return x
    if bilinear:
        return normed(path[1], torch.stack([slow_bilinear(image, factor) for image in x]))
    return normed(path[0], x).repeat_interleave(factor, 2).repeat_interleave(factor, 3)


@pytest.mark.parametrize("up", [fuse_up, fuse_up_bilinear])
@torch.no_grad()
def test_every_output_is_the_sum_of_what_all_branches_give(up):
    unit, maps = ExchangeUnit([4, 8, 16], 0, identity, identity, 3, up).eval(), features(3)
    for target, found in enumerate(unit(maps)):
        parts = [slow_path(unit.fuse[target][b], maps[b], b, target, up is fuse_up_bilinear) for b in range(3)]
        torch.testing.assert_close(found, (parts[0] + parts[1] + parts[2]).relu(), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_new_stream_of_all_maps_is_the_last_fusion_of_the_stage_before():
    """R3 = f13(R1) + f23(R2): of the maps in front of the fusion, by two and by one 3x3 convolution of stride 2."""
    model, maps = HRNet(3, 4, (1, 1, 1), blocks=1, new_stream="all").eval(), features(2)
    unit = model.stages[0][0]
    first, second = (branch(x) for branch, x in zip(unit.branches, maps))
    (half, quarter), direct = unit.fuse[2][0], unit.fuse[2][1][0]
    expected = normed(direct, second) + normed(quarter, normed(half, first))
    assert len(model.transitions) == 0 and expected.shape[1:] == (16, 4, 2)
    torch.testing.assert_close(unit(maps)[2], expected.relu())


def test_number_of_maps_of_each_stage_with_new_streams_of_all():
    model = HRNet(3, 4, (1, 2, 2), blocks=1, new_stream="all")
    assert [[len(unit.fuse) for unit in stage] for stage in model.stages] == [[3], [3, 4], [4, 1]]


@pytest.mark.parametrize("options", [{}, {"fusion": "bilinear"}, {"new_stream": "all"}])
def test_goatposes_options_reach_the_frame(options):
    with torch.device("meta"):
        model = goatpose(3, 8, (1, 1, 1), 1, **options)
    first = type(model.stages[0][0].fuse[0][1][0]).__name__
    assert first == ("Upsample" if "fusion" in options else "Sequential")
    assert len(model.transitions) == (0 if "new_stream" in options else 2)
