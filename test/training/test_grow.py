"""A larger network that begins as a smaller one: the same answers, copies that learn to differ, what cannot be."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.core.errors import ModelError  # noqa: E402
from pose_estimation_ros.training.grow import grow  # noqa: E402
from pose_estimation_ros.training.models import POSE_MODELS  # noqa: E402
from pose_estimation_ros.training.models.elpn import elpn  # noqa: E402
from pose_estimation_ros.training.models.goatpose import goatpose  # noqa: E402
from pose_estimation_ros.training.models.hrnet import HRNet  # noqa: E402
from pose_estimation_ros.training.models.litepose import litepose_xs  # noqa: E402

IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255


def trained(model):
    """A network whose weights and statistics are none of those that it begins with."""
    generator = torch.Generator().manual_seed(1)
    for value in model.state_dict().values():
        if value.is_floating_point():
            spread = torch.rand(value.shape, generator=generator)
            value.copy_(0.5 + spread if value.dim() == 1 else (spread - 0.5) * value[0].numel() ** -0.5 * 4)
    return model.eval()


def answer(model):
    with torch.no_grad():
        return model.eval()(IMAGES)["heatmaps"]


@pytest.mark.parametrize(
    "small, large",
    [
        (lambda: elpn(5, 4, (1, 1, 1)), lambda: elpn(5, 4, (1, 1, 1))),
        (lambda: elpn(5, 4, (1, 1, 1)), lambda: elpn(5, 12, (1, 1, 1))),
        (lambda: elpn(5, 4, (1, 2, 2)), lambda: elpn(5, 4, (2, 4, 3))),
        (
            lambda: elpn(5, 8, (1, 1, 1), gc_ratio=1),
            lambda: elpn(5, 16, (1, 2, 3), gc_ratio=1),
        ),  # the hidden width, too
        (lambda: HRNet(5, 4, (1, 1, 1)), lambda: HRNet(5, 8, (1, 2, 2))),
        (
            lambda: goatpose(5, 4, (1, 1, 1), 1, nam_position="block"),
            lambda: goatpose(5, 4, (1, 2, 2), 1, nam_position="block"),
        ),
        (POSE_MODELS["elpn_v1"], POSE_MODELS["elpn_v2"]),
        (lambda: litepose_xs(5, kernels=(3, 5, 3, 5)), lambda: litepose_xs(5)),
    ],
    ids=["same", "wider", "deeper", "neck", "hrnet", "nam", "elpn_v2", "kernels"],
)
def test_computes_what_the_smaller_one_does(small, large):
    small, large = trained(small()), large()
    expected = answer(small)
    grow(large, small.state_dict())
    assert expected.std() > 1e-3  # something to compare
    torch.testing.assert_close(answer(large), expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())


def test_copies_learn_to_differ():
    small, large = trained(elpn(5, 4, (1, 1, 1))), elpn(5, 8, (1, 1, 1))
    grow(large, small.state_dict())
    width = large.transition1[0][0].weight
    assert torch.equal(width[:4], width[4:])
    large.train()(IMAGES)["heatmaps"].square().sum().backward()
    assert not torch.allclose(width.grad[:4], width.grad[4:], rtol=0.01)


def test_new_units_learn():
    large = elpn(5, 4, (1, 3, 1))
    grow(large, trained(elpn(5, 4, (1, 1, 1))).state_dict())
    optimizer = torch.optim.SGD(large.parameters(), 1e-2)
    for _ in range(2):  # the first step wakes the batch norms that are 0
        optimizer.zero_grad()
        large.train()(IMAGES)["heatmaps"].square().mean().backward()
        optimizer.step()
    new = large.stages[1][0]
    assert all(p.grad.abs().max() > 0 for p in new.branches[0].parameters() if p.dim() == 4)


@pytest.mark.parametrize(
    "small, large, said",
    [
        (elpn(5, 4, (1, 1, 1)), elpn(5, 6, (1, 1, 1)), r"expected a multiple of the smaller network's \(4"),
        (elpn(5, 4, (1, 2, 1)), elpn(5, 4, (1, 1, 1)), "at least the smaller network's exchange units"),
        (HRNet(5, 4, (1, 1, 1), 1), HRNet(5, 4, (1, 1, 1)), "a smaller network of the same kind, got one without"),
        (elpn(5, 4, (1, 1, 1)), elpn(7, 4, (1, 1, 1)), r"head.weight: expected a multiple"),
        (litepose_xs(), litepose_xs(kernels=(7, 7, 7, 5)), r"3.0.body.1.0.weight: expected .*, 7\), got .*, 5\)"),
    ],
)
def test_what_cannot_grow(small, large, said):
    with pytest.raises(ModelError, match=said):
        grow(large, small.state_dict())
