"""Check before a training that the files and folders which its recipe names are there.

Otherwise a checkpoint that is missing would be noticed only when the data have been read, which takes minutes.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.training.recipe import Recipe


def require_inputs(recipe: Recipe) -> None:
    """Raise DataError that names all files, folders and globs of a recipe at which nothing is."""
    missing: dict[Path, str] = {}
    for key, path in inputs(recipe):
        if not (path.exists() or glob.glob(str(path))):
            missing.setdefault(path, key)
    if missing:
        named = ", ".join(f"{path} ({key})" for path, key in missing.items())
        hint = "; data_root=FOLDER is where the data are" if {"train", "holdout"} & set(missing.values()) else ""
        raise DataError(f"expected the files of recipe {recipe.name}, got none at {named}{hint}")


def inputs(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """Yield key and path of each file, folder and glob that a recipe names: data, then checkpoints."""
    for key, sources in (("train", recipe.train), ("holdout", recipe.holdout)):
        for source in sources:
            for text in filter(None, (source.annotations, source.images, source.detections, source.others)):
                yield key, recipe.path(text)
    for key in ("teacher", "init_from", "grow_from"):
        if getattr(recipe, key) and not (key == "teacher" and recipe.task == "person_detector"):  # it may be a name
            yield key, Path(getattr(recipe, key))
