"""Compute the losses of top-down heatmaps, of distillation and of sparsity.

A term is a function (outputs, batch) -> scalar. Heatmaps are (N, K, h, w), batch["weight"] (N, K) is 0 for joints of
which nothing is known, and batch["peak"] (N, K) is the height of the targets. Every term is a mean over all joints of
the batch, where the unknown ones count 0, as in HRNet. So the mean over devices, or over accumulated parts, is the mean
over the batch.
"""

from __future__ import annotations

from typing import Callable, Mapping

from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.loop import Loss, Named
from pose_estimation_ros.training.models.layers import NamAttention
from pose_estimation_ros.training.recipe import LossOptions

Term = Callable[[Named, Named], Tensor]

# Softmax temperature at which a heatmap between 0 and 1 can express a sharp peak: exp(1 / 0.1) = 22026.
TEMPERATURE = 0.1


def masked_mse(heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the mean squared error of the labelled joints; HRNet's JointsMSELoss is half of it.

    Args:
        heatmaps: (N, K, h, w) predicted.
        target: (N, K, h, w).
        weight: (N, K), 0 where a joint is not labelled.
    """
    return ((heatmaps - target).square().mean((2, 3)) * weight).mean()


def over_pixels(error: Tensor, maps: Tensor, options: LossOptions) -> Tensor:
    """Turn an error that is a mean over the pixels of a heatmap into the sum over them, where the options say so.

    Args:
        error: scalar.
        maps: (N, K, h, w), heatmaps of that size.
        options: the recipe's options of the losses.
    """
    return error * (maps.shape[2] * maps.shape[3]) if options.reduction == "sum" else error


def spatial_cross_entropy(heatmaps: Tensor, target: Tensor, weight: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return the cross-entropy between the target, as a distribution over pixels, and the softmax of the heatmap.

    Args:
        heatmaps: (N, K, h, w) predicted.
        target: (N, K, h, w), which is divided by its sum.
        weight: (N, K), 0 where a joint is not labelled.
        temperature: by which the heatmap is divided before the softmax.
    """
    log_p = (heatmaps.flatten(2) / temperature).log_softmax(-1)
    q = target.flatten(2)
    q = q / q.sum(-1, keepdim=True).clamp(min=1e-6)
    return (-(q * log_p).sum(-1) * weight).mean()


def spatial_kl(heatmaps: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return KL(teacher || student) between the softmaxes over each joint's pixels.

    It is equation 2 of "Lightweight and Effective Human Pose Estimation Model Based on Multi-Angle Knowledge
    Distillation" (doi:10.1088/1742-6596/2224/1/012025). The paper takes logarithms of raw heatmaps, which need not be
    positive; the softmax makes them so. The paper gives no temperature.

    Args:
        heatmaps: (N, K, h, w) of the student.
        teacher: (N, K, h, w) of the teacher.
        temperature: by which both are divided before the softmax.
    """
    log_p, log_q = ((maps.flatten(2) / temperature).log_softmax(-1) for maps in (heatmaps, teacher))
    return (log_q.exp() * (log_q - log_p)).sum(-1).mean()


def nam_sparsity(model: nn.Module) -> Tensor:
    """Return the sum of |gamma| and |lambda|, the scales of the batch norms in NAM attention of channels and pixels.

    It is the L1 term of "GoatPose: A Lightweight and Efficient Network with Attention Mechanism" (equation 5); the
    weight in the recipe is its p.
    """
    scales = [m.norm.weight.abs().sum() for m in model.modules() if isinstance(m, NamAttention)]
    if not scales:
        raise ConfigError("loss nam_l1: expected a model with NAM attention, got one without")
    return sum(scales[1:], scales[0])


def teacher_terms(options: LossOptions) -> dict[str, Term]:
    """Return the terms of any student with heatmaps, top-down or bottom-up, by name.

    All joints count, also those that are not labelled, about which the teacher knows more than the labels.
    """

    def mse(outputs: Named, batch: Named) -> Tensor:
        maps = outputs["heatmaps"].float()
        return over_pixels((maps - batch["teacher_heatmaps"]).square().mean(), maps, options)

    def kl(outputs: Named, batch: Named) -> Tensor:
        return spatial_kl(outputs["heatmaps"].float(), batch["teacher_heatmaps"], options.temperature)

    return {"teacher_mse": mse, "teacher_kl": kl}


def heatmap_terms(model: nn.Module, options: LossOptions) -> dict[str, Term]:
    """Return the terms of a top-down model by name.

    Equations 1 to 3 of "Lightweight and Effective Human Pose Estimation Model Based on Multi-Angle Knowledge
    Distillation" (doi:10.1088/1742-6596/2224/1/012025) are the losses {mse: 1 - a - b, teacher_mse: a, teacher_kl: b}
    with a = 0.15, b = 0.075, and the reduction sum, because the squared norm of equation 1 is a sum over pixels.

    Args:
        model: the model, whose weights nam_l1 is about.
        options: the recipe's options of the losses.
    """

    def mse(outputs: Named, batch: Named) -> Tensor:
        maps = outputs["heatmaps"].float()
        return over_pixels(masked_mse(maps, batch["heatmaps"], batch["weight"]), maps, options)

    def cross_entropy(outputs: Named, batch: Named) -> Tensor:
        weight = batch["weight"] * batch["peak"]
        return spatial_cross_entropy(outputs["heatmaps"].float(), batch["heatmaps"], weight)

    terms = {"mse": mse, "cross_entropy": cross_entropy, **teacher_terms(options)}
    return {**terms, "nam_l1": lambda outputs, batch: nam_sparsity(model)}


def weighted(terms: Mapping[str, Term], weights: dict[str, float]) -> Loss:
    """Make the loss of a recipe.

    Args:
        terms: all terms by name.
        weights: the recipe's ``losses``, name -> weight.

    Raises:
        ConfigError: a name is no term.
    """
    for name in weights:
        if name not in terms:
            raise ConfigError(f"expected loss out of {', '.join(terms)}, got {name!r}")
    return lambda outputs, batch: {name: weight * terms[name](outputs, batch) for name, weight in weights.items()}
