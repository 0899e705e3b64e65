"""Costs against counts by hand and multiplication by multiplication."""

from itertools import product

import pytest
import torch
from torch import nn

from pose_estimation_ros.training.models.counting import CONVENTIONS, Counts, count


def multiplications(weight, positions, channels):
    """Counted one at a time: each position applies each weight of each of ``channels`` kernels (padding included)."""
    return sum(1 for _ in product(range(positions), range(channels), weight[0].flatten()))


# By hand, for an image of 4x2 pixels. By output, a transposed convolution costs at 8x4 pixels what it costs at 4x2.
@pytest.mark.parametrize(
    "layers, macs, by_output, elementwise",
    [
        ([], 0, 0, 0),
        ([nn.Upsample(scale_factor=2), nn.Sigmoid()], 0, 0, 0),
        ([nn.Conv2d(3, 5, 1)], 8 * 3 * 5, 8 * 3 * 5, 0),
        ([nn.Conv2d(3, 6, 3, 2, 1, groups=3, bias=False)], 2 * 6 * 9, 2 * 6 * 9, 0),
        ([nn.BatchNorm2d(3), nn.ReLU(), nn.ReLU6()], 0, 0, 24 * (2 + 1 + 1)),
        ([nn.ConvTranspose2d(3, 6, 4, 2, 1)], 8 * 3 * 6 * 16, 32 * 3 * 6 * 16, 0),
        ([nn.ConvTranspose2d(3, 3, 4, 2, 1, groups=3)], 8 * 3 * 16, 32 * 3 * 16, 0),
        ([nn.Flatten(), nn.Linear(24, 7)], 24 * 7, 24 * 7, 0),
    ],
)
def test_layers_by_hand(layers, macs, by_output, elementwise):
    found = count(nn.Sequential(*layers), (4, 2))
    assert found[1:] == (macs, by_output, elementwise)


def test_a_model_whose_layers_do_not_run_costs_nothing():
    model = nn.ModuleDict({"unused": nn.Linear(2, 3)})
    model.forward = lambda image: image
    assert count(model, (4, 2)) == Counts(9, 0, 0, 0)


def test_a_network_multiplication_by_multiplication():
    first, depthwise = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 5, 1, 2, groups=8)
    up, head = nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.Linear(16, 5)
    model = nn.Sequential(first, nn.Sequential(nn.BatchNorm2d(8), depthwise), up, head)
    expected = multiplications(first.weight, 8 * 6, 8) + multiplications(depthwise.weight, 8 * 6, 8)
    expected += multiplications(up.weight, 8 * 6, 8)  # a transposed convolution spreads every value that it is given
    expected += multiplications(head.weight, 4 * 12, 5)
    assert count(model, (16, 12)).macs == expected


def test_a_shared_layer_costs_each_time_but_has_its_parameters_once():
    layer = nn.Conv2d(3, 3, 1)
    assert count(nn.Sequential(layer, layer), (4, 2)) == Counts(12, 2 * 72, 2 * 72, 0)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training):
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert count(model, (4, 4)) == count(model, (4, 4))
    assert model.training == model[1].training == training and not model[0]._forward_hooks
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert "forward" not in vars(model[1])
    with pytest.raises(RuntimeError):
        count(nn.Sequential(model, nn.Conv2d(5, 1, 1)).train(training), (4, 4))
    assert model.training == training and not model[0]._forward_hooks


def test_meta_tensors_give_the_same():
    build = lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())  # noqa: E731
    with torch.device("meta"):
        meta = build()
    assert count(meta, (9, 7)) == count(build(), (9, 7)) == Counts(120, 35 * 108, 35 * 108, 35 * 4 * 3)


def test_conventions():
    counts = Counts(1, 2**30, 2**31, 3 * 2**20)
    assert {name: of(counts) for name, of in CONVENTIONS.items()} == pytest.approx(
        {"Gi": 1, "G": 1.0737, "Gi+": 2, "G+": 2.1475, "mm": 1.0769, "ts": 1.027, "lp": 2.1506}, abs=5e-5
    )
