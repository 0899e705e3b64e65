"""Each term against loops over joints and pixels."""

import math

import pytest
import torch
from torch import nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.losses.heatmap import (
    heatmap_terms,
    masked_mse,
    nam_sparsity,
    spatial_cross_entropy,
    spatial_kl,
    weighted,
)
from pose_estimation_ros.training.models.layers import NamChannelAttention, NamSpatialAttention
from pose_estimation_ros.training.recipe import LossOptions

JOINTS = [(n, k) for n in range(2) for k in range(3)]


@pytest.fixture
def maps():
    torch.manual_seed(1)
    return torch.randn(2, 3, 4, 5), torch.rand(2, 3, 4, 5), torch.tensor([[1.0, 0, 1], [0, 0, 1]])


def softmax(values, temperature):
    exp = [math.exp(v / temperature) for v in values.flatten().tolist()]
    return [e / sum(exp) for e in exp]


def slow_mse(found, target, weight):
    errors = [(found[n, k] - target[n, k]).flatten().tolist() if weight[n, k] else [0.0] for n, k in JOINTS]
    return sum(sum(e**2 for e in joint) / 20 for joint in errors) / len(JOINTS)


def slow_cross_entropy(found, target, weight, temperature):
    total = 0.0
    for n, k in JOINTS:
        q = target[n, k].flatten().tolist()
        pairs = zip(q, softmax(found[n, k], temperature))
        total -= weight[n, k].item() * sum(t / sum(q) * math.log(p) for t, p in pairs)
    return total / len(JOINTS)


def slow_kl(found, teacher, temperature):
    total = 0.0
    for n, k in JOINTS:
        pairs = zip(softmax(teacher[n, k], temperature), softmax(found[n, k], temperature))
        total += sum(t * math.log(t / s) for t, s in pairs)
    return total / len(JOINTS)


def test_masked_mse(maps):
    assert masked_mse(*maps).item() == pytest.approx(slow_mse(*maps), rel=1e-5)


def test_masked_mse_by_hand():
    found, target = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 2.0]]]])
    assert masked_mse(found, target, torch.ones(1, 1)).item() == 2.5


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_spatial_cross_entropy(maps, temperature):
    expected = slow_cross_entropy(*maps, temperature)
    assert spatial_cross_entropy(*maps, temperature).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_spatial_kl(maps, temperature):
    found, teacher, _ = maps
    assert spatial_kl(found, teacher, temperature).item() == pytest.approx(
        slow_kl(found, teacher, temperature), rel=1e-5
    )
    assert spatial_kl(found, found, temperature).item() == pytest.approx(0, abs=1e-6)


def test_spatial_kl_by_hand():
    found, teacher = torch.zeros(1, 1, 1, 2), torch.tensor([[[[math.log(3), 0.0]]]])
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert spatial_kl(found, teacher, 1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [masked_mse, spatial_cross_entropy])
def test_nothing_labelled_costs_nothing_and_gives_no_gradient(maps, loss):
    found = maps[0].requires_grad_()
    value = loss(found, torch.zeros_like(found), torch.zeros(2, 3))
    value.backward()
    assert value.item() == 0 and found.grad.abs().max() == 0


@pytest.mark.parametrize("loss", [masked_mse, spatial_cross_entropy])
def test_the_mean_of_two_halves_is_the_batch(maps, loss):
    """Or else two devices would not learn what one does."""
    halves = [loss(*(part[n : n + 1] for part in maps)) for n in range(2)]
    assert sum(halves).item() / 2 == pytest.approx(loss(*maps).item(), rel=1e-6)


def test_nam_sparsity_by_hand():
    """Equation 5: gamma of the channels and lambda of the pixels."""
    model = nn.Sequential(NamChannelAttention(3), nn.BatchNorm2d(4), NamSpatialAttention([2, 1]))
    model[0].norm.weight.data = torch.tensor([1.0, -2.0, 0.5])
    model[2].norm.weight.data = torch.tensor([0.25, -4.0])
    loss = nam_sparsity(model)
    loss.backward()
    assert loss.item() == 7.75
    assert [model[n].norm.weight.grad.tolist() for n in (0, 2)] == [[1, -1, 1], [1, -1]]


def test_nam_sparsity_is_equation_5_with_gamma_and_lambda():
    """p sum |gamma| + p sum |lambda| over every scale, one by one; batch norms that are not NAM's cost nothing."""
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.BatchNorm2d(3),
        NamChannelAttention(3),
        NamSpatialAttention((5, 4)),
        nn.Sequential(NamSpatialAttention((2, 1))),
    )
    gammas, *lambdas = (model[1].norm.weight, model[2].norm.weight, model[3][0].norm.weight)
    for scale in model.parameters():
        scale.data = torch.randn_like(scale)
    assert (gammas.numel(), [scale.numel() for scale in lambdas]) == (3, [20, 2])
    expected = 0.0
    for value in gammas.tolist() + lambdas[0].tolist() + lambdas[1].tolist():
        expected += value if value > 0 else -value
    p = 1e-7
    loss = weighted(heatmap_terms(model, LossOptions()), {"nam_l1": p})({}, {})["nam_l1"]
    loss.backward()
    assert loss.item() == pytest.approx(p * expected, rel=1e-5)
    for scale in (gammas, *lambdas):
        assert scale.grad.tolist() == pytest.approx([math.copysign(p, value) for value in scale.tolist()])
    assert all(parameter.grad is None for parameter in model[0].parameters())


def test_nam_sparsity_needs_nam():
    with pytest.raises(ConfigError, match="expected a model with NAM attention"):
        nam_sparsity(nn.BatchNorm2d(3))


def test_mapd_is_three_weighted_terms(maps):
    found, target, weight = maps
    batch = {"heatmaps": target, "weight": weight, "peak": torch.ones(2, 3), "teacher_heatmaps": target / 2}
    loss = weighted(
        heatmap_terms(nn.Identity(), LossOptions()), {"mse": 0.775, "teacher_mse": 0.15, "teacher_kl": 0.075}
    )
    terms = loss({"heatmaps": found}, batch)
    assert {name: value.item() for name, value in terms.items()} == pytest.approx({
        "mse": 0.775 * masked_mse(found, target, weight).item(),
        "teacher_mse": 0.15 * slow_mse(found, target / 2, torch.ones(2, 3)),
        "teacher_kl": 0.075 * spatial_kl(found, target / 2).item(),
    }, rel=1e-5)  # fmt: skip


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_multi_angle_distillation_is_equations_1_to_3(maps, temperature):
    """Equation 1 as printed: a squared norm, so a sum over pixels, and the mean over the K heatmaps of each image.

    Equation 2 is between the softmaxes of the heatmaps. Joints that are not labelled count 0 in L_mse alone.
    """
    found, target, weight = maps
    found.requires_grad_()
    teacher = target.flip(0)
    alpha, beta = 0.15, 0.075
    l_mpd = l_mse = 0.0
    for n, k in JOINTS:
        pixels = list(zip(*(m[n, k].flatten().tolist() for m in (found, teacher, target))))
        l_mpd += sum((student - taught) ** 2 for student, taught, _ in pixels) / len(JOINTS)
        l_mse += sum((student - true) ** 2 for student, _, true in pixels) * weight[n, k].item() / len(JOINTS)
    l_kpd = slow_kl(found.detach(), teacher, temperature)
    terms = heatmap_terms(nn.Identity(), LossOptions(reduction="sum", temperature=temperature))
    loss = weighted(terms, {"mse": 1 - alpha - beta, "teacher_mse": alpha, "teacher_kl": beta})
    parts = loss({"heatmaps": found}, {"heatmaps": target, "weight": weight, "teacher_heatmaps": teacher})
    expected = alpha * l_mpd + beta * l_kpd + (1 - alpha - beta) * l_mse
    assert sum(parts.values()).item() == pytest.approx(expected, rel=1e-5)
    sum(parts.values()).backward()
    slope = 2 * (1 - alpha - beta) * (found - target) * weight[..., None, None] + 2 * alpha * (found - teacher)
    softmaxes = [(m.flatten(2) / temperature).softmax(2).view_as(m) for m in (found, teacher)]
    slope = (slope + beta / temperature * (softmaxes[0] - softmaxes[1])) / len(JOINTS)
    torch.testing.assert_close(found.grad, slope.detach(), rtol=1e-4, atol=1e-6)


def test_without_options_every_loss_is_what_it_was_bit_for_bit(maps):
    found, target, weight = maps
    teacher = target.flip(0)
    batch = {"heatmaps": target, "weight": weight, "peak": torch.ones(2, 3), "teacher_heatmaps": teacher}
    terms = heatmap_terms(nn.Identity(), LossOptions())
    expected = {
        "mse": ((found - target).square().mean((2, 3)) * weight).mean(),
        "cross_entropy": spatial_cross_entropy(found, target, weight, 0.1),
        "teacher_mse": (found - teacher).square().mean(),
        "teacher_kl": spatial_kl(found, teacher, 0.1),
    }
    values = {name: terms[name]({"heatmaps": found}, batch).item() for name in expected}
    assert values == {name: value.item() for name, value in expected.items()}


def test_the_cross_entropy_of_a_joint_counts_as_much_as_its_peak_is_high(maps):
    found, target, weight = maps
    peak = torch.tensor([[0.5, 1.0, 0.25], [1.0, 0.0, 0.5]])
    terms = heatmap_terms(nn.Identity(), LossOptions())
    batch = {"heatmaps": target * peak[..., None, None], "weight": weight, "peak": peak}
    expected = spatial_cross_entropy(found, target, weight * peak, 0.1)
    torch.testing.assert_close(terms["cross_entropy"]({"heatmaps": found}, batch), expected)


def test_unknown_term():
    with pytest.raises(ConfigError, match="expected loss out of mse, .* got 'l1'"):
        weighted(heatmap_terms(nn.Identity(), LossOptions()), {"l1": 1.0})
