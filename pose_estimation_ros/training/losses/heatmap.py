"""Losses on named outputs: what a recipe's ``losses`` names, for top-down heatmaps, distillation and sparsity.

A term is a function (outputs, batch) -> scalar. Heatmaps are (N, K, h, w), batch["weight"] (N, K) is 0 for joints that
are not labelled. Every term is a mean over all joints of the batch, the unlabelled ones counting 0 as in HRNet: so the
mean over devices, or over accumulated parts, is the mean over the batch.
"""

from __future__ import annotations

from typing import Callable, Mapping

from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.loop import Loss, Named
from pose_estimation_ros.training.models.layers import NamChannelAttention

Term = Callable[[Named, Named], Tensor]

# Softmax temperature at which a heatmap between 0 and 1 can express a sharp peak: exp(1 / 0.1) = 22026.
TEMPERATURE = 0.1


def masked_mse(heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error of the labelled joints; HRNet's JointsMSELoss is half of it."""
    return ((heatmaps - target).square().mean((2, 3)) * weight).mean()


def spatial_cross_entropy(heatmaps: Tensor, target: Tensor, weight: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Cross-entropy between the target, normalised to a distribution over pixels, and the softmax of the heatmap."""
    log_p = (heatmaps.flatten(2) / temperature).log_softmax(-1)
    q = target.flatten(2)
    q = q / q.sum(-1, keepdim=True).clamp(min=1e-6)
    return (-(q * log_p).sum(-1) * weight).mean()


def spatial_kl(heatmaps: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """KL(teacher || student) between the softmaxes over each joint's pixels: MAPD's angle (paper 002, eq. 2).

    The paper takes logarithms of raw heatmaps, which need not be positive: hence the softmax, whose temperature it does
    not give.
    """
    log_p, log_q = ((maps.flatten(2) / temperature).log_softmax(-1) for maps in (heatmaps, teacher))
    return (log_q.exp() * (log_q - log_p)).sum(-1).mean()


def nam_sparsity(model: nn.Module) -> Tensor:
    """Sum of |gamma| of NAM's batch norms (paper 000, the L1 term; the recipe's weight is its p)."""
    gammas = [m.norm.weight.abs().sum() for m in model.modules() if isinstance(m, NamChannelAttention)]
    if not gammas:
        raise ConfigError("loss nam_l1: expected a model with NAM attention, this one has none")
    return sum(gammas[1:], gammas[0])


# Of any student with heatmaps, top-down or bottom-up. All joints count, also unlabelled ones, of which the teacher
# knows more than the labels.
TEACHER_TERMS: dict[str, Term] = {
    "teacher_mse": lambda out, batch: (out["heatmaps"].float() - batch["teacher_heatmaps"]).square().mean(),
    "teacher_kl": lambda out, batch: spatial_kl(out["heatmaps"].float(), batch["teacher_heatmaps"]),
}


def heatmap_terms(model: nn.Module) -> dict[str, Term]:
    """The terms by name. MAPD is {mse: 1 - a - b, teacher_mse: a, teacher_kl: b}, a = 0.15, b = 0.075 (eq. 3)."""
    return {
        "mse": lambda out, batch: masked_mse(out["heatmaps"].float(), batch["heatmaps"], batch["weight"]),
        "cross_entropy": lambda out, batch: spatial_cross_entropy(
            out["heatmaps"].float(), batch["heatmaps"], batch["weight"]
        ),
        **TEACHER_TERMS,
        "nam_l1": lambda out, batch: nam_sparsity(model),
    }


def weighted(terms: Mapping[str, Term], weights: dict[str, float]) -> Loss:
    """The loss of a recipe's ``losses``, name -> weight. Raises ConfigError for a name that is no term."""
    for name in weights:
        if name not in terms:
            raise ConfigError(f"expected loss out of {', '.join(terms)}, got {name!r}")
    return lambda outputs, batch: {name: weight * terms[name](outputs, batch) for name, weight in weights.items()}
