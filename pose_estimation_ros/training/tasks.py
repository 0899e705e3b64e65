"""What a recipe's ``task`` stands for: a network, its data, its loss and its quick metric."""

from __future__ import annotations

from typing import Callable, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from pose_estimation_ros.core import heatmap
from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.data.bottom_up import BottomUpDataset
from pose_estimation_ros.training.data.boxes import BoxesDataset
from pose_estimation_ros.training.data.top_down import TopDownDataset
from pose_estimation_ros.training.loop import Loss, Metrics, Named
from pose_estimation_ros.training.losses.bottom_up import BOTTOM_UP_TERMS
from pose_estimation_ros.training.losses.detector import DETECTION_TERMS
from pose_estimation_ros.training.losses.heatmap import TEACHER_TERMS, heatmap_terms, weighted
from pose_estimation_ros.training.metrics_bottom_up import bottom_up_metrics
from pose_estimation_ros.training.metrics_detector import detection_metrics
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.recipe import Recipe


class Task(NamedTuple):
    """model; train and holdout sets; loss and metrics as in engine.py; better: the metric that names the best epoch."""

    model: nn.Module
    train_set: Dataset
    holdout_set: Dataset
    loss: Loss
    metrics: Callable[[Named, Named], Metrics]
    better: str


class Kind(NamedTuple):
    """The parts of a task. terms: of the loss, by name, for a model. stride: input px per px of the coarsest output."""

    models: dict[str, Callable[..., nn.Module]]
    dataset: Callable
    terms: Callable[[nn.Module], dict]
    metrics: Callable[[Named, Named], Metrics]
    better: str
    stride: int


def heatmap_metrics(outputs: Named, batch: dict[str, Tensor], reach: float = 0.05) -> Metrics:
    """The "pck": share of the labelled joints found within ``reach`` times the crop's height."""
    found, _ = heatmap.decode(outputs["heatmaps"].float().cpu().numpy())
    distance = torch.linalg.norm(torch.from_numpy(found) - batch["xy"].cpu(), dim=-1)
    labelled = batch["weight"].cpu() > 0
    hits = distance[labelled] < reach * outputs["heatmaps"].shape[2]
    return {"pck": (hits.float().mean().item() if len(hits) else 0.0, len(hits))}


TASKS = {
    "top_down": Kind(POSE_MODELS, TopDownDataset, heatmap_terms, heatmap_metrics, "pck", 4),
    "bottom_up": Kind(
        BOTTOM_UP_MODELS,
        BottomUpDataset,
        lambda model: {**BOTTOM_UP_TERMS, **TEACHER_TERMS},
        bottom_up_metrics,
        "pck",
        4,
    ),
    "person_detector": Kind(
        DETECTOR_MODELS,
        BoxesDataset,
        lambda model: DETECTION_TERMS,
        detection_metrics,
        "recall",
        8,
    ),
}


def one_of(known: dict, name: str, what: str):
    if name not in known:
        raise ConfigError(f"expected {what} out of {', '.join(known)}, got {name!r}")
    return known[name]


def build_model(recipe: Recipe) -> nn.Module:
    """The recipe's network with fresh weights. Raises ConfigError for unknown names and options."""
    build = one_of(one_of(TASKS, recipe.task, "task").models, recipe.model, "model")
    joints = {"num_joints": get_skeleton(recipe.skeleton).num_keypoints} if recipe.skeleton else {}
    try:
        return build(**joints, **recipe.model_options)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError) as error:
        options = shown(recipe.model_options)
        raise ConfigError(f"model {recipe.model} with model_options {options}: {str(error)[:400]}") from error


def build_task(recipe: Recipe) -> Task:
    """Reads all annotations of the recipe. Raises ConfigError and DataError."""
    model, kind = build_model(recipe), TASKS[recipe.task]
    loss = weighted(kind.terms(model), recipe.losses)
    train_set = kind.dataset(recipe, recipe.train, augment=True)
    holdout_set = kind.dataset(recipe, recipe.holdout, augment=False)
    return Task(model, train_set, holdout_set, loss, kind.metrics, kind.better)


def serving_model(model: nn.Module) -> nn.Module:
    """What is exported: the network, with what belongs into the graph behind it, if it names that by a ``served()``."""
    return model.served() if hasattr(model, "served") else model  # type: ignore[operator]
