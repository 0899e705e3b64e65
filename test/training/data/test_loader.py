"""Order and randomness of samples: functions of seed, epoch and number alone."""

import numpy as np
import pytest
from lightning_fabric import Fabric

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.training.data.augment import Randomness
from pose_estimation_ros.training.data.loader import (
    Numbered,
    epoch_samples,
    holdout_loader,
    in_groups,
    samples_per_epoch,
    train_loader,
)
from pose_estimation_ros.training.recipe import Recipe


class Dice:
    """Ten items; each sample is its index and a random number."""

    def __init__(self):
        self.random = Randomness()

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return {"value": np.float32(index), "dice": self.random().random()}


@pytest.mark.parametrize("wanted, batch, expected", [(0, 5, 10), (0, 4, 8), (0, 32, 32), (25, 4, 24), (3, 1, 3)])
def test_an_epoch_is_whole_batches(wanted, batch, expected):
    recipe = Recipe(epoch_samples=wanted, batch_size=batch)
    samples = epoch_samples(recipe, Dice(), 2)
    assert len(samples) == samples_per_epoch(recipe, Dice()) == expected
    assert [number for _, number in samples] == list(range(2 * expected, 3 * expected))
    seen = [index for index, _ in samples]
    assert max(seen.count(n) for n in range(10)) - min(seen.count(n) for n in range(10)) <= 1


def test_order_depends_on_seed_and_epoch():
    def order(seed, epoch):
        return [index for index, _ in epoch_samples(Recipe(seed=seed, batch_size=10), Dice(), epoch)]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1) and order(1, 0) != order(2, 0)


def test_random_numbers_depend_on_the_number_alone():
    dataset = Numbered(Dice(), 1)
    first = dataset[3, 7]
    assert first["index"] == 3 and dataset[4, 8]["dice"] != first["dice"]
    assert Numbered(Dice(), 1)[5, 7]["dice"] == first["dice"] != Numbered(Dice(), 2)[3, 7]["dice"]


class Rank:
    """Fabric as one of two processes."""

    def __init__(self, rank):
        self.global_rank, self.world_size, self.fabric = rank, 2, Fabric(accelerator="cpu", devices=1)

    def setup_dataloaders(self, loader, **options):
        return self.fabric.setup_dataloaders(loader, **options)


FABRICS = (Fabric(accelerator="cpu", devices=1), Rank(0), Rank(1))


@pytest.mark.parametrize("workers", [0, 2])
def test_two_processes_share_each_batch(workers):
    recipe = Recipe(batch_size=4, workers=workers)
    (whole, _), (first, _), (second, _) = (
        [batch["dice"].tolist() for (batch,) in train_loader(fabric, recipe, Dice(), 0, 0)] for fabric in FABRICS
    )
    assert [len(part) for part in (whole, first, second)] == [4, 2, 2]
    assert first == whole[::2] and second == whole[1::2]


def test_a_step_is_skipped_and_parts_are_grouped():
    recipe = Recipe(batch_size=4, accumulate=2, workers=0)
    (first, second), (rest,) = (list(train_loader(FABRICS[0], recipe, Dice(), 0, step)) for step in (0, 1))
    assert [len(part["dice"]) for part in first] == [2, 2]
    assert [part["dice"].tolist() for part in second] == [part["dice"].tolist() for part in rest]


def test_the_holdout_is_shared_in_batches_of_one_size():
    recipe = Recipe(batch_size=4, accumulate=4, workers=0)
    seen = [[batch["value"].tolist() for batch in holdout_loader(fabric, recipe, Dice())] for fabric in FABRICS]
    assert seen == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]], [[0, 2, 4, 6], [8]], [[1, 3, 5, 7], [9]]]


def test_a_holdout_smaller_than_the_processes_is_refused():
    class One(Dice):
        def __len__(self):
            return 1

    with pytest.raises(ConfigError, match="expected a sample for each of 2 processes, got 1"):
        list(holdout_loader(FABRICS[1], Recipe(), One()))


def test_an_empty_set_is_refused():
    class Empty(Dice):
        def __len__(self):
            return 0

    with pytest.raises(DataError, match="expected training samples, found none"):
        samples_per_epoch(Recipe(), Empty())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_workers_error_comes_out_as_it_went_in(workers):
    class Broken(Dice):
        def __getitem__(self, index):
            raise DataError("image a.jpg does not exist")

    with pytest.raises(DataError, match="^image a.jpg does not exist$"):
        list(train_loader(FABRICS[0], Recipe(batch_size=2, workers=workers), Broken(), 0, 0))


@pytest.mark.parametrize("count, expected", [(0, []), (2, [[0, 1]]), (5, [[0, 1], [2, 3], [4]])])
def test_groups(count, expected):
    assert list(in_groups(iter(range(count)), 2)) == expected
