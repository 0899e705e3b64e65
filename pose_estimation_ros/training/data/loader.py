"""Load batches: which samples a process sees, in which order and with which random numbers depends on the seed alone.

Every sample of a run has a number. Its random changes come from (seed, number): the same in any worker, in any process,
and after an interruption. So a run that continues, or one on two devices, sees what an unbroken one on one device saw.
"""

from __future__ import annotations

import math
from typing import Any, Iterable, Iterator

import cv2
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.training.data.dataset import AnnotatedDataset
from pose_estimation_ros.training.loop import Named
from pose_estimation_ros.training.recipe import Recipe

HOLDOUT_BATCH = 32


class Numbered(Dataset[dict[str, Any]]):
    """Make samples by (index, number): the data set's item ``index``, changed by the random numbers of ``number``.

    It adds "index" to the sample, by which an error can name it.

    Args:
        dataset: the data set.
        seed: seed of the random numbers.
    """

    def __init__(self, dataset: AnnotatedDataset[Any], seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        index, number = key
        self.dataset.random.start(self.seed, number)
        return {**self.dataset[index], "index": index}


def plain_errors(batches: Iterable[Named]) -> Iterator[Named]:
    """Yield the batches; raise a worker's DataError without the traceback that torch puts around it."""
    try:
        yield from batches
    except DataError as error:
        raise DataError(str(error).strip().splitlines()[-1].split("DataError: ", 1)[-1]) from None


def samples_per_epoch(recipe: Recipe, dataset: AnnotatedDataset[Any]) -> int:
    """Return how many samples an epoch has, a number of whole batches.

    Args:
        recipe: says how many, or 0 for as many as the data set holds.
        dataset: data set of the training.

    Raises:
        DataError: the data set is empty.
    """
    if not len(dataset):
        raise DataError(f"expected training samples, found none in {[source.annotations for source in recipe.train]}")
    wanted = recipe.epoch_samples or len(dataset)
    return max(wanted // recipe.batch_size, 1) * recipe.batch_size


def epoch_samples(recipe: Recipe, dataset: AnnotatedDataset[Any], epoch: int) -> list[tuple[int, int]]:
    """List (index, number) of an epoch's samples in their order, which is random; a long epoch repeats the data.

    Args:
        recipe: recipe of the run.
        dataset: data set of the training.
        epoch: its number, from 0.
    """
    count = samples_per_epoch(recipe, dataset)
    generator = torch.Generator().manual_seed(recipe.seed + epoch)
    rounds = math.ceil(count / len(dataset))
    indices = torch.cat([torch.randperm(len(dataset), generator=generator) for _ in range(rounds)])[:count]
    return list(zip(indices.tolist(), range(epoch * count, (epoch + 1) * count)))


def train_loader(
    fabric: Fabric, recipe: Recipe, dataset: AnnotatedDataset[Any], epoch: int, step: int
) -> Iterator[list[Named]]:
    """Load this process's batches of an epoch, in lists of those that make one optimizer step.

    Args:
        fabric: started on the devices.
        recipe: recipe of the run.
        dataset: data set of the training.
        epoch: its number, from 0.
        step: number of the first optimizer step, from 0.
    """
    samples = epoch_samples(recipe, dataset, epoch)[step * recipe.batch_size :]
    size = recipe.batch_size // (fabric.world_size * recipe.accumulate)
    return in_groups(make_loader(fabric, recipe, dataset, samples, size), recipe.accumulate)


def holdout_loader(fabric: Fabric, recipe: Recipe, dataset: AnnotatedDataset[Any]) -> Iterator[Named]:
    """Load this process's batches of a whole set.

    The batch size is the same on any number of devices, because some metrics are measured batch by batch.

    Args:
        fabric: started on the devices.
        recipe: recipe of the run.
        dataset: data set of the holdout.

    Raises:
        ConfigError: a process would get nothing, and wait for the others for ever.
    """
    if len(dataset) < fabric.world_size:
        raise ConfigError(f"holdout: expected a sample for each of {fabric.world_size} processes, got {len(dataset)}")
    samples = [(index, index) for index in range(len(dataset))]
    return plain_errors(make_loader(fabric, recipe, dataset, samples, min(recipe.batch_size, HOLDOUT_BATCH)))


def make_loader(
    fabric: Fabric, recipe: Recipe, dataset: AnnotatedDataset[Any], samples: list[tuple[int, int]], size: int
) -> Iterable[Named]:
    """Make a loader for a process; samples are dealt out in turn, so that all processes together see them in order.

    Args:
        fabric: started on the devices.
        recipe: says how many worker processes load.
        dataset: data set of the samples.
        samples: (index, number) of all processes' samples.
        size: samples per batch.
    """
    if recipe.workers:
        cv2.setNumThreads(1)  # a forked worker would wait for ever for the threads that OpenCV had here
    plain = DataLoader(
        Numbered(dataset, recipe.seed),
        size,
        sampler=samples[fabric.global_rank :: fabric.world_size],
        num_workers=recipe.workers,
        pin_memory=torch.cuda.is_available(),
    )
    return fabric.setup_dataloaders(plain, use_distributed_sampler=False)  # type: ignore[return-value]


def in_groups(batches: Iterable[Named], size: int) -> Iterator[list[Named]]:
    """Group batches into lists of ``size``, of which the last may be shorter.

    Args:
        batches: the batches.
        size: number of batches in a list.
    """
    group: list[Named] = []
    for batch in plain_errors(batches):
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
