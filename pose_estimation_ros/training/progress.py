"""Show the progress of a training run on the terminal, and notice when it shall stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from types import FrameType
from typing import Iterator

import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from pose_estimation_ros.training.loop import Named
from pose_estimation_ros.training.run import Run
from pose_estimation_ros.training.tasks import Task

LINE_INTERVAL_S = 10.0  # from one line to the next in train.log, and where stderr is no terminal, which shows a bar


def print_start(run: Run, task: Task, steps: int) -> None:
    """Tell what is trained, on which data and devices.

    Args:
        run: at its start.
        task: model and data.
        steps: optimizer steps per epoch.
    """
    recipe, fabric = run.recipe, run.fabric
    millions = sum(parameter.numel() for parameter in task.model.parameters()) / 1e6
    samples = f"{len(task.train_set)} training and {len(task.holdout_set)} holdout samples"
    pace = f"{recipe.epochs} epochs of {steps} steps of {recipe.batch_size} samples"
    where = f"{fabric.world_size} x {fabric.device.type}, {recipe.precision}"
    run.say(f"{recipe.name}: {recipe.model}, {millions:.2f} M parameters; {samples}; {pace}; on {where}")
    for title, data in (("training", task.train_set), ("holdout", task.holdout_set)):
        counts = Counter(source.annotations for source, *_ in data.items)
        run.say(f"{title} data: " + ", ".join(f"{name} ({count})" for name, count in counts.items()))
    if recipe.skeleton and not recipe.require_skeleton().flip_pairs:
        mirrored = "mirrored, and no keypoints are exchanged" if recipe.augmentation.flip else "not mirrored"
        run.say(f"the skeleton has no flip pairs: images are {mirrored} (augmentation.flip)")


class Interrupt:
    """Notice Ctrl-C or SIGTERM in all processes at the same step; a second Ctrl-C ends the process at once.

    A second SIGTERM does not: torchrun under a scheduler sends two.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric, self.requested, self.process = fabric, False, os.getpid()

    def __enter__(self) -> Interrupt:
        self.before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _request(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self.process:  # a data worker has inherited this: the terminal's Ctrl-C is not for it
            if number == signal.SIGTERM:
                os._exit(1)
            return
        if not self.requested:
            print("\nending this step, then saving; Ctrl-C once more ends at once", flush=True)
        self.requested = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which also ends a process that waits for another

    def __call__(self) -> bool:
        """Tell whether any process shall stop; all processes must call this at the same step."""
        flag = torch.tensor(float(self.requested), device=self.fabric.device)
        stop: bool = self.fabric.all_reduce(flag, reduce_op="max").item() > 0  # type: ignore[union-attr]
        return stop


class Progress:
    """Iterate over an epoch's steps and show how they go, until the end or an interrupt.

    A terminal gets a bar with the loss terms, images/s, the share of time spent waiting for data and the time left of
    the run. The run's train.log gets a line with the same now and then, and so does what is no terminal.

    Attributes:
        stopped: whether an interrupt ended the epoch early.
    """

    def __init__(self, steps: Iterator[list[Named]], run: Run, total: int, interrupt: Interrupt) -> None:
        self.steps, self.run, self.total, self.interrupt = steps, run, total, interrupt
        self.stopped = False
        self.images, self.seconds, self.waited_s, self.said_s = 0, 0.0, 0.0, 0.0

    def __iter__(self) -> Iterator[list[Named]]:
        title, disable = f"epoch {self.run.epoch + 1}/{self.run.recipe.epochs}", None if self.run.is_main else True
        bar = tqdm(total=self.total, initial=self.run.step, desc=title, leave=False, disable=disable)
        start_s = time.monotonic()
        with bar:
            for batches in self._timed_steps():
                yield batches
                self.run.step += 1
                self.images += sum(len(batch["image"]) for batch in batches)
                self.seconds = time.monotonic() - start_s
                bar.set_postfix_str(self.text(), refresh=False)
                bar.update()
                self._say_line(title)
                self.stopped = self.interrupt()
                if self.stopped:
                    break

    def _timed_steps(self) -> Iterator[list[Named]]:
        """Yield the steps and add up how long each had to be waited for."""
        steps = iter(self.steps)
        while True:
            start_s = time.monotonic()
            batches = next(steps, None)
            self.waited_s += time.monotonic() - start_s
            if batches is None:
                break
            yield batches

    def _say_line(self, title: str) -> None:
        """Tell how the steps go where the last line is long ago; it is printed where there is no bar."""
        if self.seconds - self.said_s >= LINE_INTERVAL_S:
            self.said_s = self.seconds
            line = f"{title}, step {self.run.step}/{self.total}: {self.text()}"
            self.run.say(line, is_printed=not sys.stderr.isatty())

    def text(self) -> str:
        """Describe loss terms, speed, share of time spent waiting for data, and time left of the run."""
        terms = " ".join(f"{name} {value:.4g}" for name, value in self.run.means.result().items())
        speed = self.images / max(self.seconds, 1e-9) * self.run.fabric.world_size
        steps_left = (self.run.recipe.epochs - self.run.epoch) * self.total - self.run.step
        left_s = steps_left * self.run.recipe.batch_size / max(speed, 1e-9)
        waiting = self.waited_s / max(self.seconds, 1e-9)
        return f"{terms}, {speed:.1f} images/s, data wait {waiting:.0%}, run ends in {tqdm.format_interval(left_s)}"

    def summary(self, processes: int) -> dict[str, float]:
        """Return the epoch's seconds, images/s over all processes, share of waiting for data and peak GPU memory."""
        seconds = max(self.seconds, 1e-9)
        memory = {"gpu_gib": torch.cuda.max_memory_allocated() / 2**30} if torch.cuda.is_available() else {}
        return memory | {
            "seconds": seconds,
            "images_per_second": self.images * processes / seconds,
            "data_wait": self.waited_s / seconds,
        }
