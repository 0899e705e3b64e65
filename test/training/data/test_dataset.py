"""The base of the data sets on entries that a tiny subclass makes up."""

from typing import NamedTuple

import pytest

from pose_estimation_ros.training.data.dataset import AnnotatedDataset


class Entry(NamedTuple):
    file_name: str
    size: None = None


class Named(AnnotatedDataset):
    """Two entries of each source."""

    def load_entries(self, source):
        return [Entry("1.png"), Entry("2.png")]


def test_items_are_the_entries_of_all_sources_as_often_as_repeated(recipe):
    recipe.train[0].repeat = 2
    dataset = Named(recipe, recipe.train + recipe.train, augment=False)
    assert len(dataset) == 8 and dataset.skipped == 0 and not dataset.augment
    assert [entry.file_name for _source, _images, entry in dataset.items] == ["1.png", "2.png"] * 4


def test_no_sources_are_an_empty_set(recipe):
    assert len(Named(recipe, [], augment=True)) == 0


def test_a_subclass_says_what_entries_and_samples_are(recipe):
    with pytest.raises(NotImplementedError):
        AnnotatedDataset(recipe, recipe.train, augment=False)
    with pytest.raises(NotImplementedError):
        Named(recipe, recipe.train, augment=False)[0]
