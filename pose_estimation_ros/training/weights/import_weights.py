"""Write a published or an exported file as a checkpoint of this package, as a training writes it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.errors import ConfigError, ModelError, shown
from pose_estimation_ros.training.checkpoint import save_checkpoint
from pose_estimation_ros.training.data.loader import Numbered, epoch_samples
from pose_estimation_ros.training.inputs import require_inputs
from pose_estimation_ros.training.recipe import Recipe
from pose_estimation_ros.training.tasks import TASKS, build_model
from pose_estimation_ros.training.weights.exported_file import load_exported
from pose_estimation_ros.training.weights.known_files import checksums, origin
from pose_estimation_ros.training.weights.layouts import Layout, layout_of
from pose_estimation_ros.training.weights.match import Match, match
from pose_estimation_ros.training.weights.published_file import read_published

WHOLE, START = "best.ckpt", "start.ckpt"
STATISTICS_IMAGES = 64


class Imported(NamedTuple):
    """Hold the result of an import.

    Attributes:
        path: the checkpoint.
        is_whole: whether the file gave all weights; if not, the head is random and has to be trained.
    """

    path: Path
    is_whole: bool


def import_weights(source: str | Path, recipe: Recipe, report: Callable[[str], None] = lambda line: None) -> Imported:
    """Write the weights of a published file, or of one that `pose export` wrote, into the folder of a recipe's run.

    The file is best.ckpt, as a training's. Where the head is random, because the published file has none or one for
    another number of joints, it is start.ckpt, which only init_from should read.

    Args:
        source: the published file, or an exported one, .onnx, whose batch statistics are measured on the recipe's
            training data.
        recipe: names the network, its joints and input, and the folder.
        report: is called with a line of text about each finding.

    Returns:
        The checkpoint.

    Raises:
        ConfigError: the recipe names no network with published weights, or the folder has the file or a training's.
        DataError: the file, or the training data, cannot be read.
        ModelError: the file does not fit the network.
    """
    if str(source).endswith(".onnx"):
        return _import_exported(source, recipe, report)
    layout = layout_of(recipe.model)
    torch.manual_seed(recipe.seed)  # of a random head
    model = build_model(recipe)
    own = model.state_dict()
    published = read_published(source, sum(value.numel() * value.element_size() for value in own.values()))
    sums = checksums(source)
    report(f"{source}: sha256 {sums[0]}, {origin(Path(source).name, sums)}")
    _require_bgr(source, published, layout, recipe)
    try:
        matched = match(own, published, layout)
    except ModelError as error:
        raise ModelError(f"{source} does not fit {recipe.model}: {error}") from error
    for line in _findings(matched, model, recipe):
        report(line)
    path = _write(recipe, START if matched.random else WHOLE, matched.weights, source)
    report(f"wrote {path}")
    return Imported(path, not matched.random)


def _import_exported(source: str | Path, recipe: Recipe, report: Callable[[str], None]) -> Imported:
    """Write the weights of an exported file; see import_weights.

    Args:
        source: the ONNX file.
        recipe: the recipe.
        report: is called with a line of text about each finding.
    """
    for name in (WHOLE, START):
        _refuse_to_replace(recipe.run_dir / name)
    require_inputs(dataclasses.replace(recipe, teacher="", init_from="", grow_from=""))
    torch.manual_seed(recipe.seed)  # of a random head
    model, images = build_model(recipe), training_images(recipe, STATISTICS_IMAGES)
    random = load_exported(model, source, images)
    what = f"its weights but the head's, {', '.join(random)}, which stay random" if random else "all its weights"
    report(f"{recipe.model} got {what}; statistics of the batch norms are of {len(images)} training images")
    path = _write(recipe, START if random else WHOLE, model.state_dict(), source)
    report(f"wrote {path}")
    return Imported(path, not random)


def training_images(recipe: Recipe, count: int) -> Tensor:
    """Return images (N, 3, H, W) float32 RGB 0..255 as the training by a recipe sees them.

    Args:
        recipe: the recipe.
        count: how many; fewer where the data set is smaller.
    """
    dataset = TASKS[recipe.task].dataset(recipe, recipe.train, augment=True)
    numbered = Numbered(dataset, recipe.seed)
    keys = epoch_samples(recipe, dataset, 0)[:count]
    return torch.stack([torch.as_tensor(numbered[key]["image"]) for key in keys]).float()


def _write(recipe: Recipe, name: str, weights: dict[str, Tensor], source: str | Path) -> Path:
    """Write a checkpoint into the folder of the recipe's run and return its path.

    Args:
        recipe: the recipe.
        name: name of the file.
        weights: state dict of the network.
        source: the file that they are from.
    """
    path = recipe.run_dir / name
    _refuse_to_replace(path)
    fields = dataclasses.asdict(recipe) | {"init_from": str(source)}
    state = {"epoch": 0, "step": 0, "means": {}, "best": 0.0, "data": {f"content of {source}": file_sha256(source)}}
    save_checkpoint(path, model=weights, recipe=fields, **state)
    return path


def _require_bgr(source: str | Path, published: Mapping[str, Tensor], layout: Layout, recipe: Recipe) -> None:
    """Raise ConfigError where a network learned from BGR pictures and the recipe's gets RGB.

    Args:
        source: the published file.
        published: its tensors by name.
        layout: of the file.
        recipe: the recipe.
    """
    if any(re.match(layout.bgr, name) for name in published) and not recipe.model_options.get("bgr"):
        options = shown(recipe.model_options)
        raise ConfigError(f"{source}: expected model_options bgr: true, because it learned from BGR, got {options}")


def _refuse_to_replace(path: Path) -> None:
    """Raise ConfigError where the folder has the checkpoint already, or that of a training."""
    for file in (path, path.with_name("last.ckpt")):
        if file.exists():
            raise ConfigError(f"expected a folder without {file.name} (another name= makes one), got {path.parent}")


def _findings(matched: Match, model: nn.Module, recipe: Recipe) -> list[str]:
    """Say what the file gave, and what was left on both sides.

    Args:
        matched: what the file gave.
        model: the network.
        recipe: names it.
    """
    weights, found, random, left_out = matched
    parameters = {name: value.numel() for name, value in model.named_parameters()}
    taken = sum(parameters.get(name, 0) for name in found)
    counts = f"{len(found)} of {len(weights)} tensors, {taken / 1e6:.3f} M of {sum(parameters.values()) / 1e6:.3f} M"
    lines = [f"{recipe.model} got {counts} parameters"]
    if random:
        joints = recipe.require_skeleton().num_keypoints
        lines.append(f"random are {len(random)} tensors of the head: the file has none for {joints} joints")
    if left_out:
        parts = sorted({name.split(".")[0] for name in left_out})
        lines.append(f"left out {len(left_out)} tensors of the file, in {', '.join(parts)}")
    return lines
