"""Describe the data of a run for its checkpoint, so that changed data are noticed when the run continues."""

from __future__ import annotations

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.training.recipe import Recipe
from pose_estimation_ros.training.tasks import Task

Fingerprint = dict[str, str]  # what is compared, in words -> its value


def fingerprint(recipe: Recipe, task: Task) -> Fingerprint:
    """Describe the data of a recipe: numbers of samples and of people to be pasted, and sha256 of annotation files.

    Args:
        recipe: names the sources of the train and the holdout set.
        task: the data sets that were made from them.
    """
    described = {}
    for name, dataset, sources in (
        ("train", task.train_set, recipe.train),
        ("holdout", task.holdout_set, recipe.holdout),
    ):
        described[f"number of {name} samples"] = str(len(dataset))
        people = len(getattr(dataset, "people", ()))
        if people:  # without any, the fingerprint is that of runs before there was a count
            described[f"number of {name} people to be pasted"] = str(people)
        for source in sources:
            for file in filter(None, (source.annotations, source.detections, source.others)):
                described[f"content of {file}"] = file_sha256(str(recipe.path(file)))
    return described


def changes(before: Fingerprint, after: Fingerprint) -> list[str]:
    """Describe what differs between the data that a run began with and its data at hand; checksums are cut short.

    Args:
        before: fingerprint of the data at the begin of the run.
        after: fingerprint of the data at hand.
    """
    return [
        f"{name} (was {before.get(name, 'none')[:12]}, is {after.get(name, 'none')[:12]})"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
