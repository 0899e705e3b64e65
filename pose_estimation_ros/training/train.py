"""``pose train RECIPE``: trains by a recipe; an interrupted run goes on when the same command is given again.

On one machine ``devices=2``; on several, ``torchrun --nnodes N ... -m pose_estimation_ros train RECIPE``.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.training.check import check_recipe
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.data.loader import holdout_loader, samples_per_epoch, train_loader
from pose_estimation_ros.training.distill import load_teacher, taught
from pose_estimation_ros.training.fingerprint import fingerprint
from pose_estimation_ros.training.grow import grow
from pose_estimation_ros.training.loop import (
    Loss,
    TrainingDiverged,
    evaluate,
    require_finite_scores,
    require_finite_weights,
    train_one_epoch,
)
from pose_estimation_ros.training.progress import Interrupt, Progress, tell_start
from pose_estimation_ros.training.recipe import Recipe, load_recipe
from pose_estimation_ros.training.run import Run
from pose_estimation_ros.training.sync_batch_norm import synchronise
from pose_estimation_ros.training.tasks import Task, build_model, build_task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="yaml file, for example config/training/elpn_v1_coco.yaml")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="recipe keys to change: epochs=2 losses.mse=1"
    )


def main(args: argparse.Namespace) -> int:
    recipe = load_recipe(args.recipe, args.overrides)
    best = train(recipe)
    print(f"best checkpoint: {best}" if best else f"saved in {recipe.run_dir}; the same command goes on from there")
    return 0 if best else 130


def train(recipe: Recipe) -> Path | None:
    """Trains to the recipe's last epoch and returns the checkpoint that was best on the holdout set.

    Writes <out_dir>/<name>/ as training/run.py says. After Ctrl-C or SIGTERM it ends the step, saves and returns None.
    """
    check_recipe(recipe)
    fabric = start(recipe)
    if fabric.is_global_zero:
        require_writable(recipe.run_dir)
    task = build_task(recipe)
    begin(task.model, recipe)
    loss = taught(task.loss, load_teacher(recipe, build_model, fabric)) if recipe.teacher else task.loss
    optimizer = torch.optim.AdamW(task.model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    model, optimizer = fabric.setup(prepared(task.model, recipe, fabric), optimizer)
    steps = samples_per_epoch(recipe, task.train_set) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(recipe, step, steps))
    run = Run(recipe, fabric, model, optimizer, schedule, fingerprint(recipe, task))
    tell_start(run, task, steps)
    with Interrupt(fabric) as interrupt:
        while run.epoch < recipe.epochs:
            if not finish_epoch(run, task, loss, steps, interrupt):
                return None
    skipped: int = task.train_set.skipped + task.holdout_set.skipped  # type: ignore[attr-defined]
    if skipped and fabric.is_global_zero:
        print(f"{skipped} samples were left out, because their images could not be used")
    return recipe.run_dir / "best.ckpt"


def require_writable(folder: Path) -> None:
    """Make the folder of the results. Raises DataError where it cannot be written, before an epoch is lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(f"expected a folder to write to, got {folder}: {error.strerror or error}") from error


def finish_epoch(run: Run, task: Task, loss: Loss, steps: int, interrupt: Interrupt) -> bool:
    """Train the rest of the running epoch, evaluate and save; False if interrupted, after saving.

    Raises TrainingDiverged, before anything is saved, where loss, weights or scores are not finite.
    """
    fabric, recipe = run.fabric, run.recipe
    progress = Progress(train_loader(fabric, recipe, task.train_set, run.epoch, run.step), run, steps, interrupt)
    try:
        train_one_epoch(fabric, run.model, progress, loss, run.optimizer, run.schedule, run.means, recipe.clip_norm)
        require_finite_weights(fabric, run.model)
    except TrainingDiverged as error:
        names = [task.train_set.items[index][-1].file_name for index in error.indices]  # type: ignore[attr-defined]
        of_images = f", of {', '.join(names)}" if names else ""
        message = f"epoch {run.epoch + 1}, step {min(run.step + 1, steps)}: {error}{of_images}"
        raise TrainingDiverged(message, error.indices) from error
    if progress.stopped:
        run.save_last()
        return False
    holdout = holdout_loader(fabric, recipe, task.holdout_set)
    scores = evaluate(run.model, holdout, loss, task.metrics).over_processes(fabric).result()
    require_finite_scores(scores, run.epoch + 1)
    run.finish_epoch(scores, scores[task.better], progress.summary(fabric.world_size), task)
    return True


def start(recipe: Recipe) -> Fabric:
    """Fabric on the recipe's devices, or on those that torchrun gives. Raises ConfigError for a batch that they cannot
    share evenly."""
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    devices, nodes = device_count(recipe.devices), 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    refuse_uneven(recipe, devices * nodes)
    fabric = Fabric(devices=devices, num_nodes=nodes, precision=recipe.precision)  # type: ignore[arg-type]
    fabric.launch()
    return fabric


def device_count(wanted: int) -> int:
    """Number of this machine's GPUs to use, or of processes on the CPU where there are none.

    Args:
        wanted: the recipe's number; -1 for all GPUs, which is one process without any.

    Raises:
        ConfigError: more than there are.
    """
    gpus = torch.cuda.device_count()
    if wanted == -1:
        return gpus or 1
    most = gpus or max(os.cpu_count() or 1, 2)
    if wanted > most:
        raise ConfigError(f"devices: expected at most the {most} of this machine, got {wanted}")
    return wanted


def refuse_uneven(recipe: Recipe, devices: int) -> None:
    """Raises ConfigError for a batch that so many devices cannot share evenly; before they are started."""
    if recipe.batch_size % (devices * recipe.accumulate):
        raise ConfigError(
            f"expected a batch_size that {devices} devices x {recipe.accumulate} accumulated parts share "
            f"evenly, got {recipe.batch_size}"
        )


def begin(model: nn.Module, recipe: Recipe) -> None:
    """Weights of the checkpoint that the recipe names, if it does. Raises ModelError for one that does not fit."""
    if recipe.init_from:
        load_weights(model, recipe.init_from)
    if recipe.grow_from:
        try:
            grow(model, load_checkpoint(recipe.grow_from, "model")["model"])
        except ModelError as error:
            raise ModelError(f"{recipe.grow_from}: {error}") from error


def prepared(model: nn.Module, recipe: Recipe, fabric: Fabric) -> nn.Module:
    if recipe.sync_batch_norm and fabric.world_size > 1:
        model = synchronise(model, fabric.device)
    if recipe.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return torch.compile(model) if recipe.compile else model  # type: ignore[return-value]


def lr_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Factor on lr: linear warm-up, then lr_decay at each milestone, or a cosine to 0 without milestones."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    if recipe.milestones:
        return recipe.lr_decay ** sum(step >= milestone * steps_per_epoch for milestone in recipe.milestones)
    total = max(recipe.epochs * steps_per_epoch - recipe.warmup_steps, 1)
    return 0.5 * (1 + math.cos(math.pi * min((step - recipe.warmup_steps) / total, 1)))
