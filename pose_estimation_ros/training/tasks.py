"""Build the task of a recipe: a network, its data sets, its loss and its quick metric."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any, Callable, Mapping, NamedTuple, TypeVar

from torch import nn

from pose_estimation_ros.core.errors import ConfigError, reason_of, shortened, shown
from pose_estimation_ros.training.data.bottom_up import BottomUpDataset
from pose_estimation_ros.training.data.boxes import BoxesDataset
from pose_estimation_ros.training.data.dataset import AnnotatedDataset
from pose_estimation_ros.training.data.top_down import TopDownDataset
from pose_estimation_ros.training.loop import Loss, Metrics, Named
from pose_estimation_ros.training.losses.bottom_up import bottom_up_terms
from pose_estimation_ros.training.losses.detector import DETECTION_TERMS
from pose_estimation_ros.training.losses.heatmap import Term, heatmap_terms, weighted
from pose_estimation_ros.training.metrics import bottom_up_metrics, detection_metrics, heatmap_metrics
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.options import check_options, try_out
from pose_estimation_ros.training.recipe import LossOptions, Recipe

Value = TypeVar("Value")


class Task(NamedTuple):
    """Hold the network, data and loss of a run.

    Attributes:
        model: the network.
        train_set: augmented samples.
        holdout_set: samples without augmentation.
        loss: as in training/loop.py.
        metrics: as in training/loop.py.
        best_by: name of the metric by which the best epoch is chosen.
    """

    model: nn.Module
    train_set: AnnotatedDataset[Any]
    holdout_set: AnnotatedDataset[Any]
    loss: Loss
    metrics: Callable[[Named, Named], Metrics]
    best_by: str


class Kind(NamedTuple):
    """Describe a kind of task.

    Attributes:
        models: name -> builder (num_joints, **options).
        dataset: class of the data sets.
        terms: (model, the recipe's options of the losses) -> name -> term of the loss.
        metrics: as in training/loop.py.
        best_by: name of the metric by which the best epoch is chosen.
        stride: input px per px of the coarsest output.
    """

    models: dict[str, Callable[..., nn.Module]]
    dataset: type[AnnotatedDataset[Any]]
    terms: Callable[[nn.Module, LossOptions], dict[str, Term]]
    metrics: Callable[[Named, Named], Metrics]
    best_by: str
    stride: int


TASKS = {
    "top_down": Kind(POSE_MODELS, TopDownDataset, heatmap_terms, heatmap_metrics, "pck", 4),
    "bottom_up": Kind(
        BOTTOM_UP_MODELS,
        BottomUpDataset,
        lambda model, options: bottom_up_terms(options),
        bottom_up_metrics,
        "pck",
        4,
    ),
    "person_detector": Kind(
        DETECTOR_MODELS,
        BoxesDataset,
        lambda model, options: DETECTION_TERMS,
        detection_metrics,
        "recall",
        8,
    ),
}


def one_of(known: Mapping[str, Value], name: str, what: str) -> Value:
    """Return the value of a name.

    Args:
        known: the values by name.
        name: as the recipe has it.
        what: noun for the named thing, for the message.

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in known:
        raise ConfigError(f"expected {what} out of {', '.join(known)}, got {name!r}")
    return known[name]


def build_model(recipe: Recipe) -> nn.Module:
    """Build the recipe's network with random weights; raise ConfigError for unknown names and wrong options.

    A builder whose network has parts of the size of its maps takes the recipe's input size.
    """
    build = one_of(one_of(TASKS, recipe.task, "task").models, recipe.model, "model")
    given: dict[str, Any] = {"num_joints": recipe.require_skeleton().num_keypoints} if recipe.skeleton else {}
    if "input_size_wh" in signature(build).parameters:
        given["input_size_wh"] = recipe.input_size_wh
    options = shown(recipe.model_options)
    try:
        check_options(build, recipe.model_options)
        network = partial(build, **{**given, **recipe.model_options})
        if recipe.model_options:
            try_out(network, recipe.input_size_wh)
        return network()
    except ConfigError as error:
        raise ConfigError(f"model {recipe.model} with model_options {options}: {error}") from error
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError) as error:
        reason = f"expected options that fit each other, got {shortened(reason_of(error), 300)}"
        raise ConfigError(f"model {recipe.model} with model_options {options}: {reason}") from error


def build_task(recipe: Recipe) -> Task:
    """Build the network and read all annotations of the recipe; raise ConfigError and DataError."""
    model, kind = build_model(recipe), TASKS[recipe.task]
    loss = weighted(kind.terms(model, recipe.loss_options), recipe.losses)
    train_set = kind.dataset(recipe, recipe.train, augment=True)
    holdout_set = kind.dataset(recipe, recipe.holdout, augment=False)
    return Task(model, train_set, holdout_set, loss, kind.metrics, kind.best_by)


def serving_model(model: nn.Module) -> nn.Module:
    """Return the network to export: the result of its method ``served()`` if it has one, else the network."""
    return model.served() if hasattr(model, "served") else model  # type: ignore[operator, no-any-return]
