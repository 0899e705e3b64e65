"""What a recipe's ``task`` stands for: a network, its data, its loss and its quick metric."""

from __future__ import annotations

from functools import partial
from typing import Callable, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from pose_estimation_ros.core import heatmap
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.config import Recipe
from pose_estimation_ros.training.data.boxes import BoxesDataset
from pose_estimation_ros.training.data.top_down import TopDownDataset
from pose_estimation_ros.training.engine import Loss, Named
from pose_estimation_ros.training.losses import HEATMAP_LOSSES, heatmap_losses
from pose_estimation_ros.training.losses_detector import DETECTION_LOSSES, detection_losses
from pose_estimation_ros.training.metrics_detector import detection_metrics
from pose_estimation_ros.training.models import DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.person_detector import DecodedPersonDetector


class Task(NamedTuple):
    """model; train and holdout sets; loss and metrics as in engine.py; better: the metric that names the best epoch."""

    model: nn.Module
    train_set: Dataset
    holdout_set: Dataset
    loss: Loss
    metrics: Callable[[Named, Named], dict[str, float]]
    better: str


def one_of(known: dict, name: str, what: str):
    if name not in known:
        raise ConfigError(f"expected {what} out of {', '.join(known)}, got {name!r}")
    return known[name]


def build_model(recipe: Recipe) -> nn.Module:
    """The recipe's network with fresh weights."""
    return one_of(MODELS, recipe.task, "task")(recipe)


def build_task(recipe: Recipe) -> Task:
    """Reads all annotations of the recipe. Raises ConfigError and DataError."""
    return one_of(TASKS, recipe.task, "task")(recipe)


def serving_model(recipe: Recipe, model: nn.Module) -> nn.Module:
    """What is exported: the network, with the decoding that belongs into the graph behind it."""
    return SERVING[recipe.task](model)


def pose_model(recipe: Recipe) -> nn.Module:
    return one_of(POSE_MODELS, recipe.model, "model")(get_skeleton(recipe.skeleton).num_keypoints)


def top_down_task(recipe: Recipe) -> Task:
    for name in recipe.losses:
        one_of(HEATMAP_LOSSES, name, "loss")
    return Task(
        pose_model(recipe),
        TopDownDataset(recipe, recipe.train, augment=True),
        TopDownDataset(recipe, recipe.holdout, augment=False),
        partial(heatmap_losses, recipe.losses),
        heatmap_metrics,
        "pck",
    )


def heatmap_metrics(outputs: Named, batch: dict[str, Tensor], reach: float = 0.05) -> dict[str, float]:
    """The "pck": share of the labelled joints found within ``reach`` times the crop's height."""
    found, _ = heatmap.decode(outputs["heatmaps"].float().cpu().numpy())
    distance = torch.linalg.norm(torch.from_numpy(found) - batch["xy"].cpu(), dim=-1)
    labelled = batch["weight"].cpu() > 0
    hits = distance[labelled] < reach * outputs["heatmaps"].shape[2]
    return {"pck": hits.float().mean().item() if len(hits) else 0.0}


def detector_model(recipe: Recipe) -> nn.Module:
    return one_of(DETECTOR_MODELS, recipe.model, "model")()


def person_detector_task(recipe: Recipe) -> Task:
    for name in recipe.losses:
        one_of(DETECTION_LOSSES, name, "loss")
    return Task(
        detector_model(recipe),
        BoxesDataset(recipe, recipe.train, augment=True),
        BoxesDataset(recipe, recipe.holdout, augment=False),
        partial(detection_losses, recipe.losses),
        detection_metrics,
        "recall",
    )


MODELS = {"top_down": pose_model, "person_detector": detector_model}
SERVING: dict[str, Callable[..., nn.Module]] = {
    "top_down": lambda model: model,
    "person_detector": DecodedPersonDetector,
}
TASKS = {"top_down": top_down_task, "person_detector": person_detector_task}
