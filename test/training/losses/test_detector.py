"""The detector's losses against the formulas written out cell by cell."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.losses.detector import DETECTION_TERMS, giou_loss, quality_focal_loss  # noqa: E402
from pose_estimation_ros.training.losses.heatmap import weighted  # noqa: E402
from pose_estimation_ros.training.models.person_detector import decode_boxes  # noqa: E402


def slow_focal_loss(logits, target, known):
    total, mass = 0.0, 0.0
    for logit, t, k in zip(logits.flatten().tolist(), target.flatten().tolist(), known.flatten().tolist()):
        p = 1 / (1 + math.exp(-logit))
        total -= k * (t - p) ** 2 * (t * math.log(p) + (1 - t) * math.log(1 - p))
        mass += k * t
    return total / max(mass, 1)


@pytest.mark.parametrize("centres", [0, 1, 3])
def test_quality_focal_loss(centres):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 3, 4, dtype=torch.float64), torch.rand(2, 1, 3, 4, dtype=torch.float64)
    target *= 0.9 if centres else 0.0
    target.view(-1)[:centres] = 1
    known = (torch.rand(2, 1, 3, 4) > 0.3).double()
    known.view(-1)[:centres] = 1
    assert quality_focal_loss(logits, target, known).item() == pytest.approx(slow_focal_loss(logits, target, known))


def test_quality_focal_loss_is_finite_for_sure_mistakes():
    logits = torch.tensor([1e4, -1e4]).view(1, 1, 1, 2).requires_grad_()
    loss = quality_focal_loss(logits, torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.ones(1, 1, 1, 2))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all() and loss.item() == pytest.approx(2e4)


def test_unknown_cells_do_not_learn():
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    known = torch.tensor([[1.0, 0], [1, 0]]).view(1, 1, 2, 2)
    quality_focal_loss(logits, torch.zeros(1, 1, 2, 2), known).backward()
    assert ((logits.grad != 0) == (known != 0)).all()


@pytest.mark.parametrize(
    "box, target, giou",
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1.0),
        ([0, 0, 10, 10], [0, 0, 10, 20], 0.5),
        ([0, 0, 10, 10], [5, 0, 15, 10], 50 / 150),
        ([0, 0, 10, 10], [20, 0, 30, 10], 0 - 100 / 300),
        ([0, 0, 10, 10], [10, 10, 20, 20], 0 - 200 / 400),
    ],
)
def test_giou_loss(box, target, giou):
    box, target = (torch.tensor(b, dtype=torch.float32).view(1, 4, 1, 1) for b in (box, target))
    assert giou_loss(box, target, torch.full((1, 1, 1), 3.0)).item() == pytest.approx(1 - giou)


def test_giou_loss_is_a_weighted_mean():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]]).T.reshape(1, 4, 1, 3)
    target = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 20], [50, 0, 60, 10]]).T.reshape(1, 4, 1, 3)
    assert giou_loss(boxes, target, torch.tensor([[[1.0, 3, 0]]])).item() == pytest.approx(3 * 0.5 / 4)
    assert giou_loss(boxes, target, torch.zeros(1, 1, 3)).item() == 0


def test_detection_losses_are_named_and_weighted():
    torch.manual_seed(0)
    outputs = {"person": torch.randn(1, 1, 2, 2), "box": torch.randn(1, 4, 2, 2)}
    targets = {
        "person": torch.ones(1, 1, 2, 2),
        "known": torch.ones(1, 1, 2, 2),
        "box_xyxy": decode_boxes(outputs["box"]) + 1,
        "box_weight": torch.ones(1, 2, 2),
    }
    once, twice = (weighted(DETECTION_TERMS, {"person": w, "box": 5.0})(outputs, targets) for w in (1.0, 2.0))
    assert set(once) == {"person", "box"}
    assert twice["person"].item() == pytest.approx(2 * once["person"].item())
    assert twice["box"].item() == once["box"].item() > 0
