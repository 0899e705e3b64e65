"""Measure what each loss of a recipe weighs: the norm of its gradient, for the readings of the losses' formulas.

Run: python benchmarks/accuracy/loss_balance.py RECIPE [CHECKPOINT ...]. All norms are of one batch, the recipe's first,
for random weights and for those of each checkpoint. docs/measurements/distillation.md has the results of distillation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product

import torch
from lightning_fabric import Fabric

from pose_estimation_ros.training.checkpoint import load_weights
from pose_estimation_ros.training.data.loader import train_loader
from pose_estimation_ros.training.distill import load_teacher, with_teacher
from pose_estimation_ros.training.gradients import gradient_norms
from pose_estimation_ros.training.losses.heatmap import weighted
from pose_estimation_ros.training.recipe import REDUCTIONS, LossOptions, load_recipe
from pose_estimation_ros.training.tasks import TASKS, build_model, build_task

TEMPERATURES = (0.1, 1.0)


def measure(recipe_path: str, overrides: list[str], checkpoints: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield a description of weights and reading, and the norms of the weighted losses by their names.

    Args:
        recipe_path: path of the recipe, whose own loss_options play no part.
        overrides: key=value, as for `pose train`.
        checkpoints: paths of the student's checkpoints.
    """
    recipe = load_recipe(recipe_path, [*overrides, "workers=0"])
    torch.manual_seed(recipe.seed)
    fabric, task = Fabric(accelerator="cpu", devices=1), build_task(recipe)
    model, _ = fabric.setup(task.model, torch.optim.SGD(task.model.parameters(), 0.1))
    batches = next(iter(train_loader(fabric, recipe, task.train_set, 0, 0)))
    teacher = load_teacher(recipe, build_model, fabric) if recipe.teacher else None
    for path in ["", *checkpoints]:
        if path:
            load_weights(task.model, path)
        for reduction, temperature in product(REDUCTIONS, TEMPERATURES):
            options = LossOptions(reduction, temperature)
            loss = weighted(TASKS[recipe.task].terms(task.model, options), recipe.losses)
            name = f"{path or 'random weights'}, {reduction}, temperature {temperature}"
            yield name, gradient_norms(fabric, model, batches, with_teacher(loss, teacher) if teacher else loss)


def main() -> None:
    """Print a line for each student and reading."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", help="recipe, and key=value to change it")
    parser.add_argument("rest", nargs="*", metavar="KEY=VALUE|CHECKPOINT")
    args = parser.parse_args()
    checkpoints = [text for text in args.rest if "=" not in text]
    for name, norms in measure(args.recipe, [text for text in args.rest if "=" in text], checkpoints):
        print(name, *(f"{loss} {norm:.3g}" for loss, norm in norms.items()), sep="  ", flush=True)


if __name__ == "__main__":
    main()
