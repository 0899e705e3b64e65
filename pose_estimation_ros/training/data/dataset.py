"""Provide the base of the data sets: annotated items from the recipe's sources, and random numbers for each sample."""

from __future__ import annotations

from typing import Generic

import numpy as np
from torch.utils.data import Dataset

from pose_estimation_ros.training.data.augment import Randomness
from pose_estimation_ros.training.data.images import Entry, load_items
from pose_estimation_ros.training.recipe import Recipe, Source

Sample = dict[str, np.ndarray]


class AnnotatedDataset(Dataset[Sample], Generic[Entry]):
    """Read the items of a data set; a subclass reads a source's entries and makes a sample from an item.

    Attributes:
        recipe: recipe of the run.
        augment: whether samples are changed at random.
        items: (source, its images, entry), each as often as the source is repeated.
        skipped: number of entries left out because of their images.
        random: gives the random numbers of the sample at hand.
    """

    def __init__(self, recipe: Recipe, sources: list[Source], augment: bool) -> None:
        self.recipe, self.augment = recipe, augment
        self.items, self.skipped = load_items(recipe, sources, self.load_entries)
        self.random = Randomness()

    def load_entries(self, source: Source) -> list[Entry]:
        """Read the entries of a source's annotation file."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        raise NotImplementedError
