"""Which samples a process sees, in which order, and with which random numbers: a function of the seed alone.

Every sample of a run has a number. Its random changes come from (seed, number): the same in any worker, in any process,
and after an interruption. So a run that goes on, or one on two devices, sees what an unbroken one on one device saw.
"""

from __future__ import annotations

import math
from typing import Iterable, Iterator

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset

from pose_estimation_ros.training.config import Recipe
from pose_estimation_ros.training.engine import Named


class Numbered(Dataset):
    """Samples by (index, number): the data set's item ``index``, changed by the random numbers of ``number``.

    Adds "index" to the sample, by which an error can name it.
    """

    def __init__(self, dataset, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, key: tuple[int, int]) -> dict:
        index, number = key
        self.dataset.random.start(self.seed, number)
        return {**self.dataset[index], "index": index}


def samples_per_epoch(recipe: Recipe, dataset) -> int:
    """Whole batches: as many as the recipe says, or as the data set holds."""
    wanted = recipe.epoch_samples or len(dataset)
    return max(wanted // recipe.batch_size, 1) * recipe.batch_size


def epoch_samples(recipe: Recipe, dataset, epoch: int) -> list[tuple[int, int]]:
    """(index, number) of an epoch's samples in order, shuffled; over again where the epoch is longer than the data."""
    count = samples_per_epoch(recipe, dataset)
    generator = torch.Generator().manual_seed(recipe.seed + epoch)
    rounds = math.ceil(count / len(dataset))
    indices = torch.cat([torch.randperm(len(dataset), generator=generator) for _ in range(rounds)])[:count]
    return list(zip(indices.tolist(), range(epoch * count, (epoch + 1) * count)))


def share_size(recipe: Recipe, processes: int) -> int:
    """Samples that one process loads at a time; raises no error: a batch smaller than the shares is 1 each."""
    return max(recipe.batch_size // (processes * recipe.accumulate), 1)


def make_loader(fabric: Fabric, recipe: Recipe, dataset, samples: list[tuple[int, int]]) -> DataLoader:
    """This process's batches: the samples are dealt out in turn, so that all processes together see them in order."""
    plain = DataLoader(
        Numbered(dataset, recipe.seed),
        share_size(recipe, fabric.world_size),
        sampler=samples[fabric.global_rank :: fabric.world_size],
        num_workers=recipe.workers,
        pin_memory=torch.cuda.is_available(),
    )
    return fabric.setup_dataloaders(plain, use_distributed_sampler=False)  # type: ignore[return-value]


def in_groups(batches: Iterable[Named], size: int) -> Iterator[list[Named]]:
    """Lists of ``size`` batches, the last may be shorter."""
    group: list[Named] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
