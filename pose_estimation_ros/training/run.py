"""Keep the state and the files of a training run.

The folder <out_dir>/<name>/ holds last.ckpt, best.ckpt, recipe.yaml, log.csv (a row per epoch), events.* for
TensorBoard, pictures/, and train.log, which has all lines that a run prints, and when.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric import Fabric
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from torch import nn

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.checkpoint import load_checkpoint, save_checkpoint
from pose_estimation_ros.training.fingerprint import Fingerprint, changes
from pose_estimation_ros.training.gradients import PREFIX
from pose_estimation_ros.training.loop import Means
from pose_estimation_ros.training.pictures import save_pictures
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields
from pose_estimation_ros.training.tasks import Task

LOG = "train.log"
# Keys that may differ when a run continues: they say where, how fast or how long it runs.
RESUME_FREELY = {
    "epochs", "out_dir", "data_root", "workers", "threads", "devices", "init_from", "grow_from", "accumulate",
    "compile", "pictures", "log_gradients",
}  # fmt: skip


class Run:
    """Keep the state of a run, save it in last.ckpt and continue from there.

    Attributes:
        epoch: number of finished epochs.
        step: optimizer steps of the running epoch that are done.
        means: losses of the running epoch.
        best: best score of an epoch on the holdout set.
        is_main: whether this process is the one that writes files.
    """

    def __init__(
        self,
        recipe: Recipe,
        fabric: Fabric,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        data: Fingerprint,
    ) -> None:
        self.recipe, self.fabric, self.is_main = recipe, fabric, fabric.is_global_zero
        self.model, self.optimizer, self.schedule = model, optimizer, schedule
        self.epoch, self.step, self.best = 0, 0, -math.inf
        self.means = Means()
        self.fields, self.data = dataclasses.asdict(recipe), data
        self.resume()

    def resume(self) -> None:
        """Continue from last.ckpt where there is one; raise ConfigError if recipe or data differ from its own."""
        last = self.recipe.run_dir / "last.ckpt"
        if not last.exists():
            return
        state = load_checkpoint(last)
        self._refuse_other_run(state, last)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.epoch, self.best, self.step = state["epoch"], state["best"], state["step"]
        zeros = {name: (0.0, 0.0) for name in state["means"]}  # the saved sums hold those of all processes
        self.means = Means(state["means"] if self.is_main else zeros)
        if self.is_main:
            self.say(f"going on from {last}: epoch {self.epoch + 1}, step {self.step}")

    def say(self, text: str, is_printed: bool = True) -> None:
        """Print a line and append it, with the local time, to train.log; only the main process does.

        Args:
            text: the line.
            is_printed: False for a line of the file alone, where a bar on the terminal shows the same.
        """
        if not self.is_main:
            return
        if is_printed:
            print(text, flush=True)
        with (self.recipe.run_dir / LOG).open("a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def _refuse_other_run(self, state: dict[str, Any], last: Path) -> None:
        """Raise ConfigError for the state of an earlier version, of another recipe or of other data."""
        if "means" not in state:
            raise ConfigError(
                f"{last} was written by an earlier version; choose another name=, and init_from={last} to go on"
            )
        before = dataclasses.asdict(recipe_from_fields(state["recipe"], str(last)))
        changed = sorted(k for k, v in before.items() if self.fields[k] != v and k not in RESUME_FREELY)
        if changed:
            raise ConfigError(f"{last} was made with other values of {changed}; choose another name= or remove it")
        differences = changes(state.get("data", self.data), self.data)  # an older checkpoint may have no "data"
        if differences:
            raise ConfigError(
                f"{last} was made with other data: {', '.join(differences)}; bring the data back to go on, or choose"
                f" another name= and init_from={last} to begin a run on these data with its weights"
            )

    def _parts(self) -> dict[str, Any]:
        """Return the parts that have a state; the precision has one with the scaler of 16-mixed."""
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "precision": self.fabric.strategy.precision,
        }

    def save_last(self) -> None:
        """Write last.ckpt in the first process while the others wait, because the end of one would end them all."""
        self._save("last.ckpt", [*self._parts()])
        self.fabric.barrier()

    def _save(self, name: str, parts: list[str]) -> None:
        means = self.means.over_processes(self.fabric).sums if self.means.sums else {}
        if self.is_main:
            states = {name: part.state_dict() for name, part in self._parts().items() if name in parts}
            place = {"epoch": self.epoch, "step": self.step, "means": means, "best": self.best}
            save_checkpoint(self.recipe.run_dir / name, **states, **place, recipe=self.fields, data=self.data)

    def finish_epoch(self, scores: dict[str, float], score: float, speed: dict[str, float], task: Task) -> None:
        """Save the state at the end of an epoch and write the epoch into the logs.

        Args:
            scores: losses and metrics on the holdout set, by name.
            score: the one of them by which the best epoch is chosen.
            speed: seconds, images per second and the like, by name.
            task: task whose samples the pictures show.
        """
        means = self.means.over_processes(self.fabric).result()
        self.epoch, self.step, self.means = self.epoch + 1, 0, Means()
        is_best = score > self.best  # never for NaN
        self.best = score if is_best else self.best
        if is_best:
            self._save("best.ckpt", ["model"])
        self.save_last()
        if self.is_main:
            row = {"epoch": self.epoch, **speed, "lr": float(self.schedule.get_last_lr()[0])}
            row |= {k if k.startswith(PREFIX) else f"train_{k}": v for k, v in means.items()}
            row |= {f"holdout_{k}": v for k, v in scores.items()}
            self._log(row, task)
        self.fabric.barrier()

    def _log(self, row: dict[str, float], task: Task) -> None:
        folder, every = self.recipe.run_dir, self.recipe.pictures
        write_whole(folder / "recipe.yaml", yaml.safe_dump(self.fields, sort_keys=False).encode())
        append_row(folder / "log.csv", row)
        log_to_tensorboard(folder, row, self.epoch)
        if every and (self.epoch % every == 0 or self.epoch == self.recipe.epochs):
            save_pictures(folder / "pictures" / f"epoch_{self.epoch:04d}.png", self.model, task)
        self.say("  ".join(f"{k} {v:.4g}" for k, v in row.items()))


def append_row(path: Path, row: dict[str, float]) -> None:
    """Append a row under the header that the file has; a run on another machine may have a column more or less.

    Lightning Fabric's CSVLogger cannot do this: it deletes the file of a run that continues.

    Args:
        path: path of the CSV file.
        row: figures by name.
    """
    header = path.read_text().splitlines()[0].split(",") if path.exists() else list(row)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", extrasaction="ignore")
        if not file.tell():
            writer.writeheader()
        writer.writerow(row)


def log_to_tensorboard(folder: Path, row: dict[str, float], epoch: int) -> None:
    """Write an epoch's row into an events file of its own, with names such as train/loss.

    Args:
        folder: folder of the run.
        row: figures by name.
        epoch: number of the epoch.
    """
    logger = TensorBoardLogger(folder, name="", version="", filename_suffix=f".{epoch}")
    logger.log_metrics({name.replace("_", "/", 1): value for name, value in row.items()}, epoch)
    logger.finalize("success")
