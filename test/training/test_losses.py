import math

import pytest
import torch

from pose_estimation_ros.training.losses import heatmap_losses, masked_mse, spatial_cross_entropy


@pytest.fixture
def maps():
    torch.manual_seed(1)
    return torch.randn(2, 3, 4, 5), torch.rand(2, 3, 4, 5), torch.tensor([[1.0, 0, 1], [0, 0, 1]])


def slow_mse(found, target, weight):
    values = [
        sum((found[n, k, i, j] - target[n, k, i, j]).item() ** 2 for i in range(4) for j in range(5)) / 20
        for n in range(2)
        for k in range(3)
        if weight[n, k]
    ]
    return sum(values) / len(values)


def slow_cross_entropy(found, target, weight, temperature):
    values = []
    for n in range(2):
        for k in range(3):
            if weight[n, k]:
                p = [math.exp(v / temperature) for v in found[n, k].flatten().tolist()]
                q = target[n, k].flatten().tolist()
                values.append(-sum(t / sum(q) * math.log(v / sum(p)) for t, v in zip(q, p)))
    return sum(values) / len(values)


def test_masked_mse(maps):
    assert masked_mse(*maps).item() == pytest.approx(slow_mse(*maps), rel=1e-5)


def test_masked_mse_by_hand():
    found, target = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 2.0]]]])
    assert masked_mse(found, target, torch.ones(1, 1)).item() == 2.5


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_spatial_cross_entropy(maps, temperature):
    expected = slow_cross_entropy(*maps, temperature)
    assert spatial_cross_entropy(*maps, temperature).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [masked_mse, spatial_cross_entropy])
def test_nothing_labelled_costs_nothing_and_gives_no_gradient(maps, loss):
    found = maps[0].requires_grad_()
    value = loss(found, torch.zeros_like(found), torch.zeros(2, 3))
    value.backward()
    assert value.item() == 0 and found.grad.abs().max() == 0


def test_recipe_weights_and_names(maps):
    found, target, weight = maps
    terms = heatmap_losses({"mse": 2.0}, {"heatmaps": found}, {"heatmaps": target, "weight": weight})
    assert list(terms) == ["mse"]
    assert terms["mse"].item() == pytest.approx(2 * masked_mse(found, target, weight).item())
