"""Train a model by a recipe; an interrupted run continues when it is called again with the same recipe.

On one machine the recipe's ``devices`` says how many processes train; on several machines torchrun starts them.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import distributed, nn

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.data.loader import holdout_loader, samples_per_epoch, train_loader
from pose_estimation_ros.training.distill import load_teacher, with_teacher
from pose_estimation_ros.training.fingerprint import fingerprint
from pose_estimation_ros.training.gradients import measured_steps
from pose_estimation_ros.training.grow import grow
from pose_estimation_ros.training.inputs import require_inputs
from pose_estimation_ros.training.loop import (
    Loss,
    TrainingDiverged,
    evaluate,
    require_finite_scores,
    require_finite_weights,
    train_one_epoch,
)
from pose_estimation_ros.training.progress import Interrupt, Progress, print_start
from pose_estimation_ros.training.recipe import Recipe, check_recipe
from pose_estimation_ros.training.run import Run
from pose_estimation_ros.training.tasks import Task, build_model, build_task


def train(recipe: Recipe) -> Path | None:
    """Train to the recipe's last epoch and return the checkpoint that was best on the holdout set.

    It writes <out_dir>/<name>/ as training/run.py says. After Ctrl-C or SIGTERM it ends the step, saves and returns
    None.
    """
    check_recipe(recipe)
    require_inputs(recipe)
    require_own_folder(recipe.run_dir)
    fabric = start(recipe)
    with contextlib.ExitStack() as stack:
        if fabric.is_global_zero:
            require_writable(recipe.run_dir)
            stack.enter_context(only_writer(recipe.run_dir))
        best = go_on(recipe, fabric)
    if distributed.is_initialized():  # its threads would abort a process that exits while they run
        distributed.destroy_process_group()
    return best


def go_on(recipe: Recipe, fabric: Fabric) -> Path | None:
    """Train from the run's last epoch, or from the first; see train.

    Args:
        recipe: the recipe.
        fabric: of this process.
    """
    task = build_task(recipe)
    load_initial_weights(task.model, recipe)
    loss = with_teacher(task.loss, load_teacher(recipe, build_model, fabric)) if recipe.teacher else task.loss
    steps = samples_per_epoch(recipe, task.train_set) // recipe.batch_size
    run = set_up_run(recipe, fabric, task, steps)
    print_start(run, task, steps)
    with Interrupt(fabric) as interrupt:
        while run.epoch < recipe.epochs:
            if not run_epoch(run, task, loss, steps, interrupt):
                return None
    skipped = task.train_set.skipped + task.holdout_set.skipped
    if skipped:
        run.say(f"{skipped} samples were left out, because their images could not be used")
    return recipe.run_dir / "best.ckpt"


def start(recipe: Recipe) -> Fabric:
    """Start Fabric on the recipe's devices, or on those that torchrun gives.

    Raises ConfigError for what so many devices cannot do.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    devices, nodes = device_count(recipe.devices), 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    check_devices(recipe, devices * nodes)
    fabric = Fabric(devices=devices, num_nodes=nodes, precision=recipe.precision)  # type: ignore[arg-type]
    fabric.launch()
    return fabric


def device_count(wanted: int) -> int:
    """Return the number of this machine's GPUs to use, or of processes on the CPU where there are none.

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


def check_devices(recipe: Recipe, devices: int) -> None:
    """Check that so many devices can train by the recipe, before they are started.

    Raises ConfigError for a batch that they cannot share evenly, and for batch statistics shared by processes on CPUs,
    which torch's SyncBatchNorm does not support.

    Args:
        recipe: the recipe.
        devices: number of devices.
    """
    if recipe.batch_size % (devices * recipe.accumulate):
        raise ConfigError(
            f"expected a batch_size that {devices} devices x {recipe.accumulate} accumulated parts share "
            f"evenly, got {recipe.batch_size}"
        )
    if recipe.sync_batch_norm and devices > 1 and not torch.cuda.is_available():
        raise ConfigError(
            f"sync_batch_norm: expected GPUs, got {devices} processes on CPUs, each of which has batch statistics of "
            "its own; set sync_batch_norm=false"
        )


def require_own_folder(folder: Path) -> None:
    """Raise ConfigError for a folder whose best.ckpt is of no run that can go on, because the first epoch replaces it.

    Such a file may be one that `pose import-weights` wrote.
    """
    if (folder / "best.ckpt").exists() and not (folder / "last.ckpt").exists():
        raise ConfigError(
            f"expected last.ckpt beside {folder / 'best.ckpt'}, which a training would replace, got none; choose "
            "another name="
        )


def require_writable(folder: Path) -> None:
    """Make the folder of the results; raise DataError where it cannot be written, before an epoch is lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(f"expected a folder to write to, got {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Raise ConfigError where another training writes into the folder, and keep others out.

    Args:
        folder: folder of the run.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(f"expected a folder into which no other training writes, got {folder}") from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def load_initial_weights(model: nn.Module, recipe: Recipe) -> None:
    """Load the weights of the checkpoint that the recipe starts from, if it names one.

    Raises ModelError for a checkpoint that does not fit.

    Args:
        model: the model, which is changed.
        recipe: the recipe.
    """
    if recipe.init_from:
        load_weights(model, recipe.init_from)
    if recipe.grow_from:
        try:
            grow(model, load_checkpoint(recipe.grow_from, "model")["model"])
        except ModelError as error:
            raise ModelError(f"{recipe.grow_from}: {error}") from error


def set_up_run(recipe: Recipe, fabric: Fabric, task: Task, steps: int) -> Run:
    """Make optimizer and learning-rate schedule, and continue from the run's last checkpoint where there is one.

    Args:
        recipe: recipe of the run.
        fabric: started on the devices.
        task: model with its initial weights, and data.
        steps: optimizer steps per epoch.

    Returns:
        The run.
    """
    optimizer = torch.optim.AdamW(task.model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    model, optimizer = fabric.setup(prepare_model(task.model, recipe, fabric), optimizer)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(recipe, step, steps))
    return Run(recipe, fabric, model, optimizer, schedule, fingerprint(recipe, task))


def prepare_model(model: nn.Module, recipe: Recipe, fabric: Fabric) -> nn.Module:
    """Apply the settings of the recipe for batch norm, memory format and compilation.

    Args:
        model: the model.
        recipe: the recipe.
        fabric: Fabric of the run.
    """
    if recipe.sync_batch_norm and fabric.world_size > 1:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    if recipe.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return torch.compile(model) if recipe.compile else model  # type: ignore[return-value]


def lr_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return the factor on lr at an optimizer step.

    It is a linear warm-up, then lr_decay at each milestone, or without milestones a cosine to 0.

    Args:
        recipe: recipe of the run.
        step: number of the step since the run began, from 0.
        steps_per_epoch: optimizer steps per epoch.
    """
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    if recipe.milestones:
        passed = sum(step >= milestone * steps_per_epoch for milestone in recipe.milestones)
        return float(recipe.lr_decay**passed)
    total = max(recipe.epochs * steps_per_epoch - recipe.warmup_steps, 1)
    return 0.5 * (1 + math.cos(math.pi * min((step - recipe.warmup_steps) / total, 1)))


def run_epoch(run: Run, task: Task, loss: Loss, steps: int, interrupt: Interrupt) -> bool:
    """Train the rest of the running epoch, evaluate and save; if interrupted, save and return False.

    Args:
        run: where it stands.
        task: model, data and metrics.
        loss: loss of the training, with a teacher where there is one.
        steps: optimizer steps per epoch.
        interrupt: says after each step whether to stop.

    Returns:
        Whether the epoch was finished.

    Raises:
        TrainingDiverged: loss, weights or scores are not finite; nothing is saved then.
    """
    fabric, recipe = run.fabric, run.recipe
    progress = Progress(train_loader(fabric, recipe, task.train_set, run.epoch, run.step), run, steps, interrupt)
    measured = recipe.log_gradients and run.step == 0
    batches = measured_steps(progress, fabric, run.model, loss, run.means) if measured else progress
    try:
        train_one_epoch(fabric, run.model, batches, loss, run.optimizer, run.schedule, run.means, recipe.clip_norm)
        require_finite_weights(fabric, run.model)
    except TrainingDiverged as error:
        raise _with_place(error, run, task, steps) from error
    if progress.stopped:
        run.save_last()
        return False
    holdout = holdout_loader(fabric, recipe, task.holdout_set)
    scores = evaluate(run.model, holdout, loss, task.metrics).over_processes(fabric).result()
    require_finite_scores(scores, run.epoch + 1)
    run.finish_epoch(scores, scores[task.best_by], progress.summary(fabric.world_size), task)
    return True


def _with_place(error: TrainingDiverged, run: Run, task: Task, steps: int) -> TrainingDiverged:
    """Return the error with epoch, step and the names of the images."""
    names = [task.train_set.items[index][-1].file_name for index in error.indices]
    of_images = f", of {', '.join(names)}" if names else ""
    message = f"epoch {run.epoch + 1}, step {min(run.step + 1, steps)}: {error}{of_images}"
    return TrainingDiverged(message, error.indices)
