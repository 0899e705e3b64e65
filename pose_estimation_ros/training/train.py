"""``pose train RECIPE``: trains by a recipe; an interrupted run goes on when the same command is given again."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import time
from pathlib import Path

import torch
import yaml
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights, save_checkpoint
from pose_estimation_ros.training.config import Recipe, load_recipe
from pose_estimation_ros.training.engine import evaluate, train_one_epoch
from pose_estimation_ros.training.tasks import Task, build_task

# Keys that may differ when a run goes on: they say where and how fast it runs, or how long.
RESUME_FREELY = {"epochs", "out_dir", "data_root", "workers", "threads", "devices", "init_from"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="yaml file, for example config/training/elpn_v1_coco.yaml")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="recipe keys to change: epochs=2 losses.mse=1"
    )


def main(args: argparse.Namespace) -> int:
    best = train(load_recipe(args.recipe, args.overrides))
    print(f"best checkpoint: {best}")
    return 0


def train(recipe: Recipe) -> Path:
    """Trains to the recipe's last epoch and returns the checkpoint that was best on the holdout set.

    Writes <out_dir>/<name>/: last.ckpt, best.ckpt, recipe.yaml, log.csv (a row per epoch).
    """
    fabric = start(recipe)
    task = build_task(recipe)
    if recipe.init_from:
        load_weights(task.model, recipe.init_from)
    optimizer = torch.optim.AdamW(task.model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    model, optimizer = fabric.setup(to_memory_format(task.model, recipe), optimizer)
    steps = math.ceil(samples_per_epoch(recipe, task) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(recipe, step, steps))
    run = Run(recipe, model, optimizer, schedule)
    run.resume()
    holdout = loader(fabric, recipe, task.holdout_set)
    for epoch in range(run.epoch, recipe.epochs):
        torch.manual_seed(recipe.seed + epoch)  # the same in every process, which then share one random order
        batches = loader(fabric, recipe, task.train_set, epoch_indices(fabric, recipe, task))
        started = time.monotonic()
        shown = tqdm(
            batches, f"epoch {epoch + 1}/{recipe.epochs}", leave=False, disable=None if fabric.is_global_zero else True
        )
        means = train_one_epoch(fabric, model, shown, task.loss, optimizer, schedule, recipe.clip_norm)
        seconds = time.monotonic() - started
        scores = evaluate(model, holdout, task.loss, task.metrics)
        if fabric.is_global_zero:
            run.finish_epoch(means, scores, scores[task.better], seconds)
        fabric.barrier()
    return recipe.run_dir / "best.ckpt"


def start(recipe: Recipe) -> Fabric:
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    fabric = Fabric(devices=recipe.devices, precision=recipe.precision)  # type: ignore[arg-type]
    fabric.launch()
    return fabric


def to_memory_format(model: nn.Module, recipe: Recipe) -> nn.Module:
    wanted = torch.channels_last if recipe.channels_last else torch.contiguous_format
    return model.to(memory_format=wanted)  # type: ignore[call-overload]


def samples_per_epoch(recipe: Recipe, task: Task) -> int:
    return recipe.epoch_samples or len(task.train_set)  # type: ignore[arg-type]


def epoch_indices(fabric: Fabric, recipe: Recipe, task: Task) -> list[int]:
    """This process's share of the epoch's random samples: whole global batches, dealt out in turn."""
    indices = torch.randperm(len(task.train_set))  # type: ignore[arg-type]
    count = samples_per_epoch(recipe, task) // fabric.world_size * fabric.world_size
    return indices.repeat(math.ceil(count / len(indices)))[:count].tolist()[fabric.global_rank :: fabric.world_size]


def loader(fabric: Fabric, recipe: Recipe, dataset, indices: list[int] | None = None) -> DataLoader:
    """Batches of this process: ``batch_size`` is the sum over the processes."""
    size = max(recipe.batch_size // fabric.world_size, 1)
    plain = DataLoader(dataset, size, sampler=indices, num_workers=recipe.workers, pin_memory=torch.cuda.is_available())
    return fabric.setup_dataloaders(plain, use_distributed_sampler=False)  # type: ignore[return-value]


def lr_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Factor on lr: linear warm-up, then tenfold falls at the milestones, or a cosine to 0 without milestones."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    if recipe.milestones:
        return 0.1 ** sum(step >= milestone * steps_per_epoch for milestone in recipe.milestones)
    total = max(recipe.epochs * steps_per_epoch - recipe.warmup_steps, 1)
    return 0.5 * (1 + math.cos(math.pi * min((step - recipe.warmup_steps) / total, 1)))


class Run:
    """The files of one training run."""

    def __init__(self, recipe: Recipe, model: nn.Module, optimizer, schedule) -> None:
        self.recipe, self.model, self.optimizer, self.schedule = recipe, model, optimizer, schedule
        self.epoch, self.best = 0, -math.inf
        self.fields = dataclasses.asdict(recipe)

    def resume(self) -> None:
        """Continues from last.ckpt where there is one. Raises ConfigError if the recipe has changed since."""
        last = self.recipe.run_dir / "last.ckpt"
        if not last.exists():
            return
        state = load_checkpoint(last)
        changed = sorted(k for k, v in state["recipe"].items() if self.fields.get(k) != v and k not in RESUME_FREELY)
        if changed:
            raise ConfigError(f"{last} was made with other values of {changed}; choose another name= or remove it")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.best = state["epoch"], state["best"]

    def finish_epoch(self, means: dict[str, float], scores: dict[str, float], score: float, seconds: float) -> None:
        self.epoch += 1
        is_best, self.best = score > self.best, max(score, self.best)
        state = {"model": self.model.state_dict(), "epoch": self.epoch, "best": self.best, "recipe": self.fields}
        folder = self.recipe.run_dir
        if is_best:
            save_checkpoint(folder / "best.ckpt", **state)
        progress = {"optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict()}
        save_checkpoint(folder / "last.ckpt", **state, **progress)
        (folder / "recipe.yaml").write_text(yaml.safe_dump(self.fields, sort_keys=False))
        row = {"epoch": self.epoch, "seconds": seconds, "lr": self.schedule.get_last_lr()[0]}
        row |= {f"train_{k}": v for k, v in means.items()} | {f"holdout_{k}": v for k, v in scores.items()}
        append_row(folder / "log.csv", row)
        print("  ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)


def append_row(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if new:
            writer.writeheader()
        writer.writerow(row)
