"""A recipe is a dataclass with defaults; a yaml file holds only what differs; an unknown key is an error."""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.datasets.yaml_files import parse_yaml, read_yaml


@dataclass
class Source:
    """One annotation file and its images.

    Relative paths start at the recipe's ``data_root``, those with ./ in front at the working directory.
    """

    annotations: str = ""
    images: str = ""  # a folder or a glob of tar files
    repeat: int = 1  # how often an epoch sees it
    detections: str = ""  # top-down: person boxes in HRNet's format instead of the annotated ones
    names: str = "*"  # only images whose file name matches, such as stanford40_*


@dataclass
class Augmentation:
    """Ranges of random changes (uniform unless said). The papers' values are in the recipes."""

    flip: float = 0.5  # probability
    rotation_deg: float = 40.0  # +-
    rotation_probability: float = 0.6
    scale: float = 0.3  # factor 1 +- scale on the box
    shift: float = 0.05  # +-, of the box size
    translate_px: float = 40.0  # bottom-up: +-, px of the network's input
    half_body: float = 0.3  # probability, persons with more than 8 visible joints
    cut_off: float = 0.0  # probability that the photograph ends within the person, top-down
    covered: float = 0.0  # probability of a rectangle over part of the crop, top-down
    far_away: float = 0.0  # probability of fewer pixels on the person, top-down
    color: float = 0.2  # +-, brightness and contrast
    mosaic: float = 0.0  # whole images: probability of a 2 x 2 mosaic
    zoom: list[float] = field(default_factory=lambda: [0.5, 1.5])  # whole images: range, log-uniform, 1 = fitted


@dataclass
class Recipe:
    """Everything that decides a training run. Sizes in px, angles in degrees."""

    name: str = ""
    task: str = "top_down"  # bottom_up or person_detector
    model: str = "elpn_v1"
    model_options: dict[str, Any] = field(default_factory=dict)  # further arguments of the model's builder
    teacher: str = ""  # checkpoint or ONNX file whose heatmaps the losses teacher_* ask for
    skeleton: str = "coco17"
    input_size_wh: list[int] = field(default_factory=lambda: [192, 256])
    padding: float = 1.25
    sigma: float = 2.0  # of the target, heatmap px
    data_root: str = "../shared/data"
    train: list[Source] = field(default_factory=list)
    holdout: list[Source] = field(default_factory=list)
    augmentation: Augmentation = field(default_factory=Augmentation)
    losses: dict[str, float] = field(default_factory=lambda: {"mse": 1.0})  # name -> weight
    epochs: int = 210
    epoch_samples: int = 0  # random samples per epoch, the unit of checkpoints and validation; 0 = all
    batch_size: int = 32  # of an optimizer step: the sum over all devices and accumulated parts
    accumulate: int = 1  # parts of a batch whose gradients are added up, where memory does not hold it whole
    lr: float = 1e-3
    weight_decay: float = 0.0
    milestones: list[int] = field(default_factory=lambda: [170, 200])  # epochs where lr falls; [] = cosine to 0
    lr_decay: float = 0.1  # factor on lr at each milestone
    warmup_steps: int = 0
    clip_norm: float = 0.0  # 0 = off
    skip_bad: bool = False  # leave out images that cannot be read instead of stopping
    init_from: str = ""  # checkpoint whose weights start this run
    grow_from: str = ""  # checkpoint of a smaller network of the same kind, as which this one starts (training/grow.py)
    out_dir: str = "runs"
    seed: int = 1
    precision: str = "32-true"  # Lightning Fabric's names: bf16-mixed, ...
    channels_last: bool = False
    compile: bool = False  # torch.compile: minutes at the start, faster steps on GPUs
    sync_batch_norm: bool = False  # batch statistics over all devices; the papers' are each device's own
    pictures: int = 10  # every so many epochs, samples with target and prediction as PNG; 0 = none
    devices: int = 1
    workers: int = 1
    threads: int = 0  # torch CPU threads, 0 = all

    @property
    def run_dir(self) -> Path:
        return Path(self.out_dir, self.name)

    def path(self, text: str) -> Path:
        """Where a source's path leads."""
        return Path(text) if text.startswith("./") else Path(self.data_root, text)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: the YAML file; an empty one is a recipe of defaults only if it holds ``{}``.
        overrides: ``key=value``, such as ``augmentation.flip=0``; values in YAML syntax.

    Returns:
        The recipe, whose keys are known and whose values have the right types; numbers are finite.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit.
    """
    fields = read_yaml(path)
    if not isinstance(fields, dict):
        got = "an empty file" if fields is None else type(fields).__name__
        raise ConfigError(f"{path}: expected a yaml mapping, got {got}")
    fields.setdefault("name", Path(path).stem)
    for override in overrides:
        _override(fields, override)
    recipe: Recipe = _fill(Recipe, fields, str(path))
    if recipe.name in ("", ".", "..") or "/" in recipe.name or "\0" in recipe.name:
        raise ConfigError(f"{path}: name: expected the name of a folder, got {shown(recipe.name)}")
    return recipe


def recipe_from_fields(fields: dict[str, Any], where: str) -> Recipe:
    """The recipe kept in a checkpoint."""
    return _fill(Recipe, fields, where)


def _override(fields: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise ConfigError(f"expected key=value, got {shown(override)}")
    *parents, last = key.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise ConfigError(f"{shown(override)}: {parent} has no keys")
    fields[last] = parse_yaml(value, f"{shown(override)}, after the =") if value else ""


def _fill(kind: type, values: Any, where: str) -> Any:
    """An instance of a recipe dataclass from plain yaml values, checked key by key."""
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected keys and values, got {shown(values)}")
    defaults = kind()
    known = {f.name for f in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in known:
            nearest = difflib.get_close_matches(str(key), known, 1)
            raise ConfigError(
                f"{where}: unknown key {shown(key)}" + (f", did you mean {nearest[0]!r}?" if nearest else "")
            )
        setattr(defaults, key, _convert(getattr(defaults, key), value, f"{where}: {key}", key in ("train", "holdout")))
    return defaults


def _convert(default: Any, value: Any, where: str, sources: bool) -> Any:
    if sources:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list of annotations/images, got {shown(value)}")
        return [_fill(Source, item, where) for item in value]
    if dataclasses.is_dataclass(default):
        return _fill(type(default), value, where)
    if isinstance(default, float):
        return _number(value, where)
    if type(value) is not type(default):
        raise ConfigError(f"{where}: expected {type(default).__name__}, got {shown(value)}")
    if isinstance(default, list):
        return [_convert(default[0], item, where, False) for item in value]  # all lists are of numbers
    if where.endswith(": losses"):
        return {name: _number(weight, f"{where}: {name}") for name, weight in value.items()}
    return value


def _number(value: Any, where: str) -> float:
    """Return a finite number, also of what YAML 1.1 takes for a text: 1e-3, without a point."""
    try:
        if not isinstance(value, bool) and math.isfinite(float(value)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ConfigError(f"{where}: expected float, got {shown(value)}")
