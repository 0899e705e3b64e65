import math

import pytest
import torch

from pose_estimation_ros.training.losses.bottom_up import (
    bottom_up_terms,
    masked_cross_entropy,
    masked_squared_error,
    pull_loss,
    push_loss,
    weighted_squared_error,
)
from pose_estimation_ros.training.recipe import LossOptions

NUM_JOINTS = 3
HEIGHT, WIDTH = 4, 5
TERMS = bottom_up_terms(LossOptions())
OWN_TERMS = ["mse", "weighted_mse", "cross_entropy", "pull", "push"]


def sample(people=4, labelled=0.6, images=2):
    """Random outputs and batch; ``labelled``: share of the joints that have a cell."""
    generator = torch.Generator().manual_seed(7)
    small, large = (images, NUM_JOINTS, HEIGHT, WIDTH), (images, NUM_JOINTS, 2 * HEIGHT, 2 * WIDTH)
    random = lambda shape: torch.rand(shape, generator=generator)  # noqa: E731
    cells = (random((images, people, NUM_JOINTS)) * HEIGHT * WIDTH).long()
    cells[random(cells.shape) >= labelled] = -1
    outputs = {"heatmaps": 2 * random(small) - 0.5, "tags": 4 * random(small), "heatmaps_2x": 2 * random(large) - 0.5}
    batch = {
        "heatmaps": random(small) * (random(small) > 0.5),
        "heatmaps_2x": random(large) * (random(large) > 0.5),
        "mask": (random((images, 1, HEIGHT, WIDTH)) > 0.3).float(),
        "mask_2x": (random((images, 1, 2 * HEIGHT, 2 * WIDTH)) > 0.3).float(),
        "cells": cells,
    }
    return {name: maps.requires_grad_() for name, maps in outputs.items()}, batch


def slow_weighted(found, target, tau):
    positive = 0.0 if target == 0 else math.exp(tau * math.log(target))
    return (abs(found) * (1 - positive) + abs(1 - found) * positive) * (found - target) ** 2


def slow_heatmap_error(outputs, batch, error, is_sum=False):
    """Sum over both scales of the mean over all pixels, or of the sum over a map's pixels; pixel by pixel."""
    total = 0.0
    for maps, mask in (("heatmaps", "mask"), ("heatmaps_2x", "mask_2x")):
        found, target = outputs[maps].tolist(), batch[maps].tolist()
        values = [
            error(value, target[n][k][y][x]) * batch[mask][n, 0, y, x].item()
            for n, joints in enumerate(found)
            for k, rows in enumerate(joints)
            for y, row in enumerate(rows)
            for x, value in enumerate(row)
        ]
        total += sum(values) / (len(found) * NUM_JOINTS if is_sum else len(values))
    return total


def slow_cross_entropy(outputs, batch, temperature=0.1):
    """Sum over both scales of the mean over the maps, pixel by pixel; maps without anybody count 0."""
    total = 0.0
    for maps, mask in (("heatmaps", "mask"), ("heatmaps_2x", "mask_2x")):
        entropies = []
        for found, target, counts in zip(outputs[maps].tolist(), batch[maps].tolist(), batch[mask].tolist()):
            for joint, wanted in zip(found, target):
                places = [(y, x) for y, row in enumerate(counts[0]) for x, value in enumerate(row) if value]
                scores, wishes = [joint[y][x] / temperature for y, x in places], [wanted[y][x] for y, x in places]
                everything = math.log(sum(math.exp(score) for score in scores)) if scores else 0.0
                share = [wish / sum(wishes) for wish in wishes] if sum(wishes) else [0.0] * len(wishes)
                entropies.append(sum(q * (everything - score) for q, score in zip(share, scores)))
        total += sum(entropies) / len(entropies)
    return total


def slow_pull_push(outputs, batch):
    """Per image as the associative embedding's text says it, people one by one."""
    pulls, pushes = [], []
    for tags, people in zip(outputs["tags"].tolist(), batch["cells"].tolist()):
        pull, means = 0.0, []
        for person in people:
            own = [tags[k][cell // WIDTH][cell % WIDTH] for k, cell in enumerate(person) if cell >= 0]
            if own:
                means.append(sum(own) / len(own))
                pull += sum((tag - means[-1]) ** 2 for tag in own) / len(own)
        pairs = [(a, b) for i, a in enumerate(means) for j, b in enumerate(means) if i != j]
        pulls.append(pull / len(means) if means else 0.0)
        pushes.append(sum(0.5 * math.exp(-((a - b) ** 2)) for a, b in pairs) / len(pairs) if pairs else 0.0)
    return sum(pulls) / len(pulls), sum(pushes) / len(pushes)


def test_mse_is_the_slow_one():
    outputs, batch = sample()
    expected = slow_heatmap_error(outputs, batch, lambda found, target: (found - target) ** 2)
    assert TERMS["mse"](outputs, batch).item() == pytest.approx(expected, rel=1e-5)


def test_weighted_mse_is_the_slow_one():
    outputs, batch = sample()
    expected = slow_heatmap_error(outputs, batch, lambda found, target: slow_weighted(found, target, 0.01))
    assert TERMS["weighted_mse"](outputs, batch).item() == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_is_the_slow_one():
    outputs, batch = sample()
    batch["heatmaps"][0, 1] = 0  # nobody shows this joint
    expected = slow_cross_entropy(outputs, batch)
    assert TERMS["cross_entropy"](outputs, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "found, target, expected",
    [
        ([0.0, 0.0, 0.0, 9.0], [0.0, 0.0, 0.0, 1.0], 0),  # the only peak is ignored
        ([0.3, 0.3, 0.3, 9.0], [0.0, 1.0, 0.0, 0.0], math.log(3)),
        ([0.5, 0.5, -9.0, 9.0], [1.0, 1.0, 0.0, 0.0], math.log(2)),  # two people, both found
        ([0.5, -0.5, -9.0, 0.0], [1.0, 1.0, 0.0, 0.0], 5.0),  # one of them missed: (0 + 10) / 2
    ],
)
def test_cross_entropy_by_hand(found, target, expected):
    mask = torch.tensor([[[[1.0, 1.0, 1.0, 0.0]]]])
    value = masked_cross_entropy(torch.tensor([[[found]]]), torch.tensor([[[target]]]), mask).item()
    assert value == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("tau", [1.0, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("found, target", [(0.0, 0.0), (0.5, 0.0), (-0.5, 0.0), (0.5, 1.0), (1.5, 1.0), (0.2, 0.3)])
def test_weight_of_one_pixel(tau, found, target):
    pixel, mask = torch.full((1, 1, 1, 1), found), torch.ones(1, 1, 1, 1)
    for is_live in (False, True):
        value = weighted_squared_error(pixel, torch.full((1, 1, 1, 1), target), mask, tau, is_live).item()
        assert value == pytest.approx(slow_weighted(found, target, tau), rel=1e-4, abs=1e-9)


def weighted_error(predicted, target, mask):
    return weighted_squared_error(predicted, target, mask, 0.01, False)


@pytest.mark.parametrize("error, expected", [(masked_squared_error, 2.5), (weighted_error, 7.0)])
def test_heatmap_errors_by_hand(error, expected):
    found = torch.tensor([[[[1.0, -2.0, 1.0, 5.0]]]])  # errors 1 (W = |1|), 3 (W = |1 + 2|), 0; the last is ignored
    target, mask = torch.tensor([[[[0.0, 1.0, 1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 1.0, 0.0]]]])
    assert error(found, target, mask).item() == pytest.approx(expected)


@pytest.mark.parametrize("start", [-0.5, 0.05, 0.5, 0.8, 0.95, 1.5])
@pytest.mark.parametrize("target", [0.0, 0.1, 0.5, 1.0])
def test_weighted_error_pulls_every_value_towards_the_target(start, target):
    found = torch.full((1, 1, 1, 1), start, requires_grad=True)
    weighted_error(found, torch.full((1, 1, 1, 1), target), torch.ones(1, 1, 1, 1)).backward()
    assert math.copysign(1, found.grad.item()) == math.copysign(1, start - target)


def slow_weighted_slope(found, target, tau, is_live):
    """Derivative of W (P - H)^2 by P, W = |P| (1 - H^tau) + |1 - P| H^tau, by the product rule."""
    positive = 0.0 if target == 0 else math.exp(tau * math.log(target))
    weight = abs(found) * (1 - positive) + abs(1 - found) * positive
    weight_slope = math.copysign(1, found) * (1 - positive) - math.copysign(1, 1 - found) * positive
    return weight * 2 * (found - target) + is_live * weight_slope * (found - target) ** 2


@pytest.mark.parametrize("tau", [1.0, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("is_live", [False, True])
def test_the_gradient_of_the_weighted_loss_is_the_slow_one(tau, is_live):
    """With a live W equation 4 is differentiated as it stands, else W counts as a number."""
    outputs, batch = sample()
    options = LossOptions(tau=tau, live_weights=is_live)
    value = bottom_up_terms(options)["weighted_mse"](outputs, batch)
    value.backward()
    expected = slow_heatmap_error(outputs, batch, lambda found, target: slow_weighted(found, target, tau))
    assert value.item() == pytest.approx(expected, rel=1e-5)
    for maps, mask in (("heatmaps", "mask"), ("heatmaps_2x", "mask_2x")):
        pixels = zip(outputs[maps].flatten().tolist(), batch[maps].flatten().tolist())
        slopes = [slow_weighted_slope(found, target, tau, is_live) for found, target in pixels]
        expected = torch.tensor(slopes).view_as(outputs[maps]) * batch[mask] / len(slopes)
        torch.testing.assert_close(outputs[maps].grad, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("start, drawn_to", [(0.5, 0.1), (0.8, 1.0)])
def test_a_live_weight_draws_what_is_high_on_a_slope_to_one(start, drawn_to):
    found = torch.full((1, 1, 1, 1), start, requires_grad=True)
    weighted_squared_error(found, torch.full_like(found, 0.1), torch.ones(1, 1, 1, 1), 0.01, True).backward()
    assert math.copysign(1, -found.grad.item()) == math.copysign(1, drawn_to - start)


@pytest.mark.parametrize("name", ["mse", "weighted_mse"])
def test_a_sum_over_pixels_is_that_of_each_map(name):
    """At each scale of its own number of pixels; then the mean over joints and images."""
    outputs, batch = sample()
    error = {"mse": lambda found, target: (found - target) ** 2, "weighted_mse": lambda f, t: slow_weighted(f, t, 0.01)}
    expected = slow_heatmap_error(outputs, batch, error[name], is_sum=True)
    found = bottom_up_terms(LossOptions(reduction="sum"))[name](outputs, batch)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_without_options_every_loss_is_what_it_was_bit_for_bit():
    outputs, batch = sample()
    batch["teacher_heatmaps"] = batch["heatmaps"].flip(0)
    p, h, mask = outputs["heatmaps"], batch["heatmaps"], batch["mask"]
    p2, h2, mask2 = outputs["heatmaps_2x"], batch["heatmaps_2x"], batch["mask_2x"]

    def weighted(p, h, mask):
        positive = h.pow(0.01)
        weight = p.detach().abs() * (1 - positive) + (1 - p.detach()).abs() * positive
        return ((p - h).square() * weight * mask).mean()

    expected = {
        "mse": ((p - h).square() * mask).mean() + ((p2 - h2).square() * mask2).mean(),
        "weighted_mse": weighted(p, h, mask) + weighted(p2, h2, mask2),
        "teacher_mse": (p - h.flip(0)).square().mean(),
    }
    assert {name: TERMS[name](outputs, batch).item() for name in expected} == {k: v.item() for k, v in expected.items()}


@pytest.mark.parametrize("people, labelled", [(0, 1.0), (1, 1.0), (2, 0.5), (4, 0.6), (30, 0.1)])
def test_pull_and_push_are_the_slow_ones(people, labelled):
    outputs, batch = sample(people, labelled)
    found = (pull_loss(outputs, batch).item(), push_loss(outputs, batch).item())
    assert found == pytest.approx(slow_pull_push(outputs, batch), rel=1e-5)


def test_two_tags_of_a_joint_are_a_place():
    """The second ones lie behind the first ones of all joints."""
    outputs, batch = sample()
    tags = outputs["tags"]
    for others, scale in ((torch.zeros_like(tags), 1.0), (tags, 2**0.5)):
        for loss in (pull_loss, push_loss):
            expected = loss({"tags": scale * tags}, batch)
            torch.testing.assert_close(loss({"tags": torch.cat([tags, others], 1)}, batch), expected)
            torch.testing.assert_close(loss({"tags": torch.cat([others, tags], 1)}, batch), expected)


def tags_and_cells(cells):
    """One joint, a 1 x 4 map with the tags 0, 1, 3, 3."""
    return {"tags": torch.tensor([[[[0.0, 1.0, 3.0, 3.0]]] * 2]).requires_grad_()}, {"cells": torch.tensor([cells])}


@pytest.mark.parametrize(
    "cells, pull, push",
    [
        ([[-1, -1], [-1, -1]], 0, 0),  # nobody
        ([[0, 1], [-1, -1]], 0.25, 0),  # tags 0 and 1, mean 0.5
        ([[0, -1], [-1, 1]], 0, 0.5 * math.exp(-1)),
        ([[2, 3], [3, 2]], 0, 0.5),  # two people with one tag
        ([[0, 1], [2, 2]], 0.125, 0.5 * math.exp(-6.25)),
        ([[0, 0], [-1, -1], [1, 1], [2, 2]], 0, 0.5 * (math.exp(-1) + math.exp(-9) + math.exp(-4)) / 3),
    ],
)
def test_pull_and_push_by_hand(cells, pull, push):
    outputs, batch = tags_and_cells(cells)
    assert pull_loss(outputs, batch).item() == pytest.approx(pull)
    assert push_loss(outputs, batch).item() == pytest.approx(push)


@pytest.mark.parametrize("name", ["pull", "push"])
@pytest.mark.parametrize("people", [0, 1, 3])
def test_no_labelled_joint_costs_nothing_and_gives_no_gradient(name, people):
    outputs, batch = sample(people, labelled=0.0)
    value = TERMS[name](outputs, batch)
    value.backward()
    assert value.item() == 0 and not outputs["tags"].grad.any()


@pytest.mark.parametrize("name", ["mse", "weighted_mse", "cross_entropy"])
def test_ignored_pixels_cost_nothing_and_get_no_gradient(name):
    outputs, batch = sample()
    batch = {**batch, "mask": torch.zeros_like(batch["mask"]), "mask_2x": torch.zeros_like(batch["mask_2x"])}
    value = TERMS[name](outputs, batch)
    value.backward()
    assert value.item() == 0 and not outputs["heatmaps"].grad.any() and not outputs["heatmaps_2x"].grad.any()


@pytest.mark.parametrize(
    "name, reached", [("mse", 2), ("weighted_mse", 2), ("cross_entropy", 2), ("pull", 1), ("push", 1)]
)
@pytest.mark.parametrize("scale", [1, 1e4])
def test_gradient_is_finite_and_reaches_what_the_term_is_about(name, reached, scale):
    outputs, batch = sample()
    TERMS[name]({key: maps * scale for key, maps in outputs.items()}, batch).backward()
    gradients = [maps.grad for maps in outputs.values() if maps.grad is not None]
    assert len(gradients) == reached and all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", ["pull", "push", "mse", "weighted_mse", "cross_entropy"])
def test_batch_is_the_mean_of_its_images(name):
    outputs, batch = sample(images=3)
    alone = [
        TERMS[name](
            {key: maps[n : n + 1] for key, maps in outputs.items()}, {k: v[n : n + 1] for k, v in batch.items()}
        ).item()
        for n in range(3)
    ]
    assert TERMS[name](outputs, batch).item() == pytest.approx(sum(alone) / 3, rel=1e-5)


@pytest.mark.parametrize("name", OWN_TERMS)
def test_half_precision_outputs_are_computed_in_float32(name):
    outputs, batch = sample()
    half = {key: maps.bfloat16() for key, maps in outputs.items()}
    value = TERMS[name](half, batch)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(TERMS[name](outputs, batch).item(), rel=0.05)
