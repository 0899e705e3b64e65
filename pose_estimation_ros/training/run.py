"""The files of a training run: <out_dir>/<name>/ with last.ckpt, best.ckpt, recipe.yaml, log.csv (a row per epoch),
events.* for TensorBoard, pictures/.
"""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import yaml
from lightning_fabric import Fabric
from tensorboardX import SummaryWriter
from torch import nn

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.checkpoint import load_checkpoint, save_checkpoint
from pose_estimation_ros.training.fingerprint import Fingerprint, changes
from pose_estimation_ros.training.loop import Means
from pose_estimation_ros.training.pictures import save_pictures
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields
from pose_estimation_ros.training.tasks import Task

# Keys that may differ when a run goes on: they say where and how fast it runs, or how long.
RESUME_FREELY = {
    "epochs", "out_dir", "data_root", "workers", "threads", "devices", "init_from", "grow_from", "accumulate",
    "compile", "pictures",
}  # fmt: skip


class Run:
    """Where a run stands, kept in last.ckpt: epoch (finished), step (of the running epoch), means (of its losses)."""

    def __init__(
        self, recipe: Recipe, fabric: Fabric, model: nn.Module, optimizer, schedule, data: Fingerprint
    ) -> None:
        self.recipe, self.fabric, self.is_main = recipe, fabric, fabric.is_global_zero
        self.model, self.optimizer, self.schedule = model, optimizer, schedule
        self.epoch, self.step, self.best = 0, 0, -math.inf
        self.means = Means()
        self.fields, self.data = dataclasses.asdict(recipe), data
        self.resume()

    def resume(self) -> None:
        """Continue from last.ckpt where there is one. Raises ConfigError if recipe or data have changed since."""
        last = self.recipe.run_dir / "last.ckpt"
        if not last.exists():
            return
        state = load_checkpoint(last)
        if "means" not in state:
            raise ConfigError(f"{last} is of an earlier version; choose another name=, and init_from={last} to go on")
        before = dataclasses.asdict(recipe_from_fields(state["recipe"], str(last)))
        changed = sorted(k for k, v in before.items() if self.fields[k] != v and k not in RESUME_FREELY)
        if changed:
            raise ConfigError(f"{last} was made with other values of {changed}; choose another name= or remove it")
        other = changes(state.get("data", self.data), self.data)  # an older checkpoint may have no "data"
        if other:
            raise ConfigError(
                f"{last} was made with other data: {', '.join(other)}; bring the data back to go on, or choose another"
                f" name= and init_from={last} to begin a run on these data with its weights"
            )
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.epoch, self.best, self.step = state["epoch"], state["best"], state["step"]
        nothing = {name: (0.0, 0.0) for name in state["means"]}  # for the others, whose part is in these sums
        self.means = Means(state["means"] if self.is_main else nothing)
        if self.is_main:
            print(f"going on from {last}: epoch {self.epoch + 1}, step {self.step}", flush=True)

    def parts(self) -> dict:
        """What has a state: the scaler of 16-mixed precision, too."""
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "precision": self.fabric.strategy.precision,
        }

    def save_last(self) -> None:
        """In all processes: the first writes, the others wait, or it would be ended in the middle of it."""
        self._save("last.ckpt", [*self.parts()])
        self.fabric.barrier()

    def _save(self, name: str, parts: list[str]) -> None:
        means = self.means.over_processes(self.fabric).sums if self.means.sums else {}
        if self.is_main:
            states = {name: part.state_dict() for name, part in self.parts().items() if name in parts}
            place = {"epoch": self.epoch, "step": self.step, "means": means, "best": self.best}
            save_checkpoint(self.recipe.run_dir / name, **states, **place, recipe=self.fields, data=self.data)

    def finish_epoch(self, scores: dict[str, float], score: float, speed: dict[str, float], task: Task) -> None:
        """Saves the state after an epoch with these scores on the holdout set, and writes it into the logs."""
        means = self.means.over_processes(self.fabric).result()
        self.epoch, self.step, self.means = self.epoch + 1, 0, Means()
        is_best = score > self.best  # never of NaN
        self.best = score if is_best else self.best
        if is_best:
            self._save("best.ckpt", ["model"])
        self.save_last()
        if self.is_main:
            row = {"epoch": self.epoch, **speed, "lr": self.schedule.get_last_lr()[0]}
            row |= {f"train_{k}": v for k, v in means.items()} | {f"holdout_{k}": v for k, v in scores.items()}
            self._log(row, task)
        self.fabric.barrier()

    def _log(self, row: dict[str, float], task: Task) -> None:
        folder, every = self.recipe.run_dir, self.recipe.pictures
        write_whole(folder / "recipe.yaml", yaml.safe_dump(self.fields, sort_keys=False).encode())
        append_row(folder / "log.csv", row)
        with SummaryWriter(str(folder), filename_suffix=f".{self.epoch}") as board:
            for name, value in row.items():
                board.add_scalar(name.replace("_", "/", 1), value, self.epoch)
        if every and (self.epoch % every == 0 or self.epoch == self.recipe.epochs):
            save_pictures(folder / "pictures" / f"epoch_{self.epoch:04d}.png", self.model, task)
        print("  ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)


def append_row(path: Path, row: dict[str, float]) -> None:
    """Under the header that the file has: a run that goes on elsewhere may have a column more or less."""
    header = path.read_text().splitlines()[0].split(",") if path.exists() else list(row)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", extrasaction="ignore")
        if not file.tell():
            writer.writeheader()
        writer.writerow(row)
