"""Define the recipe of a training run, read it from a YAML file and check its values.

A recipe is a dataclass with defaults. A YAML file holds only what differs from them; an unknown key is an error.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, skeleton_from_json
from pose_estimation_ros.importing.skeleton_files import read_skeleton
from pose_estimation_ros.importing.yaml_files import parse_yaml, read_yaml
from pose_estimation_ros.training.filled import fill

# Lowest and highest value, both included; floats must be finite.
RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 10**6),
    "batch_size": (1, 10**6),
    "accumulate": (1, 10**6),
    "epoch_samples": (0, 10**12),
    "workers": (0, 1024),
    "threads": (0, 1024),
    "pictures": (0, 10**6),
    "warmup_steps": (0, 10**12),
    "seed": (0, 2**32 - 1),
    "sigma": (0.1, 100),
    "padding": (0.1, 10),
    "lr": (0, math.inf),
    "weight_decay": (0, math.inf),
    "clip_norm": (0, math.inf),
    "lr_decay": (0, math.inf),
}
# The augmentation keys that are no probabilities.
AUGMENTATION_RANGES: dict[str, tuple[float, float]] = {
    "rotation_deg": (0, 180),
    "scale": (0, 0.99),
    "shift": (0, 10),
    "translate_px": (0, 10**4),
    "color": (0, 1),
    "pasted": (0, 100),
}
# The keys, of sources and of the augmentation, that some tasks alone use, and those tasks; elsewhere they stay unset.
SOURCE_TASKS: dict[str, tuple[str, ...]] = {
    "detections": ("top_down",),
    "others": ("bottom_up",),
    "empty": ("bottom_up",),
    "pasted": ("bottom_up",),
}
AUGMENTATION_TASKS: dict[str, tuple[str, ...]] = {
    "cut_off": ("top_down",),
    "covered": ("top_down",),
    "far_away": ("top_down",),
    "surroundings": ("top_down",),
    "neighbour": ("top_down",),
    "neighbour_behind": ("top_down",),
    "mosaic": ("bottom_up", "person_detector"),
    "pasted": ("bottom_up", "person_detector"),
}
LOSS_OPTION_RANGES: dict[str, tuple[float, float]] = {"temperature": (1e-3, 1e3), "tau": (0, 1e3)}
REDUCTIONS = ("mean", "sum")
FROM_ANNOTATIONS = "from_annotations"
AUGMENTATION_CHOICES: dict[str, tuple[str, ...]] = {
    "distribution": ("uniform", "normal"),
    "zoom_reference": ("fitted", "short_side"),
    "zoom_uniform_in": ("log", "size", "view"),
}
# The input's sides in px: multiples of the coarsest stride of all networks here, up to the longest side.
SIDE_MULTIPLE, LONGEST_SIDE = 32, 8192
# What is expected of a key that has no range, in words.
EXPECTED = {
    "milestones": "epochs of 1 or more",
    "devices": "a number of devices, or -1 for all",
    "input_size_wh": f"[width, height], multiples of {SIDE_MULTIPLE} up to {LONGEST_SIDE}",
    "train": "at least one source",
    "holdout": "at least one source",
    "losses": "at least one name: weight, with a weight above 0",
}
MOST_DEVICES, MOST_REPEATS = 1024, 10**6
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed", "64-true", "16-true", "bf16-true")  # Lightning Fabric's


@dataclass
class Source:
    """Name one annotation file and its images.

    Relative paths start at the recipe's ``data_root``, those with ./ in front at the working directory.

    Attributes:
        annotations: the annotation file.
        images: a folder of images, or a pattern that names tar files.
        repeat: how often an epoch contains each sample.
        detections: a file of person boxes in HRNet's format, which take the place of the annotated ones.
        names: pattern for the names of the images that are taken, such as ``stanford40_*``; with ! in front, of those
            that are left out.
        others: a file with boxes of all people in the images, in COCO's layout, as ``tools/training/label_persons.py``
            writes it. Who has no annotation, and a score of 0.2 or more, is masked.
        empty: whether images without any annotation are samples, too, as images of nobody.
        pasted: whether the images give no samples, but people whom ``augmentation.pasted`` puts in front of samples:
            those who are alone in an image and have at least 8 labelled keypoints.
    """

    annotations: str = ""
    images: str = ""
    repeat: int = 1
    detections: str = ""
    names: str = "*"
    others: str = ""
    empty: bool = False
    pasted: bool = False


@dataclass
class Augmentation:
    """Hold the ranges of random changes. The papers' values are in the recipes.

    Attributes:
        distribution: how rotation, scale and half bodies are drawn; normal as in HRNet's code. Not for detectors.
        flip: probability that the image is mirrored.
        rotation_deg: largest rotation in degrees, to both sides; a normal distribution has it as its standard deviation
            and is cut at twice that. Not for person detectors.
        rotation_probability: probability that the image is rotated at all. Not for person detectors.
        scale: largest relative change of the box's size, both ways. Top-down.
        shift: largest shift of the box along each axis, both ways, as a part of its size. Top-down.
        translate_px: largest shift of the image along each axis, both ways, in px of the network's input. Bottom-up.
        half_body: probability that the crop shows the upper or the lower half of a person who has more than 8 visible
            keypoints. Top-down.
        cut_off: probability that the photograph ends within the person.
        covered: probability that a rectangle covers a part of the crop.
        far_away: probability that the person has fewer pixels, as if further away.
        surroundings: probability that another image of the data is seen where the crop exceeds the photograph, in place
            of black.
        neighbour: probability that another person of the data is cut out and put in front of the crop, to the left or
            right; keypoints behind are unknown.
        neighbour_behind: probability that such a person is put behind the person of the crop.
        color: largest relative change of brightness and contrast, both ways.
        mosaic: probability that four images make one, 2 by 2.
        pasted: largest number that is pasted on a sample. Bottom-up: people of the sources with ``pasted: true``.
            Person detector: further images, small.
        pasted_px: smallest and largest length in px of the longer side of the box of who is pasted on. Bottom-up.
        zoom: smallest and largest size of the whole image; at 1 it fits into the input. Bottom-up and person detector.
        zoom_reference: what the size 1 is: the whole image fits into the input (fitted), or its short side does
            (short_side). Bottom-up.
        zoom_uniform_in: what is uniformly distributed: the size's logarithm (log), the size, or the view, which is
            1 / size. Bottom-up.
    """

    distribution: str = "uniform"
    flip: float = 0.5
    rotation_deg: float = 40.0
    rotation_probability: float = 0.6
    scale: float = 0.3
    shift: float = 0.05
    translate_px: float = 40.0
    half_body: float = 0.3
    cut_off: float = 0.0
    covered: float = 0.0
    far_away: float = 0.0
    surroundings: float = 0.0
    neighbour: float = 0.0
    neighbour_behind: float = 0.0
    color: float = 0.2
    mosaic: float = 0.0
    pasted: int = 0
    pasted_px: list[float] = field(default_factory=lambda: [32, 256])
    zoom: list[float] = field(default_factory=lambda: [0.5, 1.5])
    zoom_reference: str = "fitted"
    zoom_uniform_in: str = "log"


@dataclass
class LossOptions:
    """Choose between the readings of the losses' formulas.

    Attributes:
        reduction: whether the squared errors are the mean or the sum over the pixels of a heatmap.
        temperature: by which heatmaps are divided before the softmax.
        tau: exponent of the target H in the weight W = abs(P) (1 - H^tau) + abs(1 - P) H^tau of a prediction P.
        live_weights: whether the weight W carries a gradient.
    """

    reduction: str = "mean"
    temperature: float = 0.1
    tau: float = 0.01
    live_weights: bool = False


@dataclass
class Recipe:
    """Hold everything that decides a training run, with sizes in px and angles in degrees.

    Attributes:
        name: name of the run and of its folder in ``out_dir``; without it, that of the recipe's file.
        task: what the network does.
        model: name of the network; the task's are below.
        model_options: options of the network; each model's are below.
        teacher: checkpoint or ONNX file of another model, whose answers to every augmented image are the targets of the
            losses ``teacher_mse`` and ``teacher_kl``, of a detector ``teacher_person`` and ``teacher_box``.
        skeleton: names of the keypoints: a known skeleton, a file, an object, or ``from_annotations`` for that of the
            first training source; "" for a detector.
        input_size_wh: width and height of the network's input in px.
        padding: factor on a person's box before it is cut out. Top-down.
        sigma: standard deviation of the target's peaks, px of the heatmap.
        data_root: folder at which relative paths start; without it, the one that the environment variable ``POSE_DATA``
            names.
        train: the training data.
        holdout: data that the run measures itself on after each epoch.
        augmentation: random changes of the training samples.
        losses: name and weight of each loss.
        loss_options: readings of the losses' formulas.
        log_gradients: whether log.csv has, once an epoch, the norm of the gradient of each weighted loss.
        epochs: number of epochs.
        epoch_samples: random samples between two checkpoints and validations; 0: all samples.
        batch_size: samples of an optimizer step, over all devices and accumulated parts.
        accumulate: number of parts of a batch whose gradients are added, for batches larger than the memory.
        lr: learning rate of AdamW.
        weight_decay: weight decay of AdamW.
        milestones: epochs after which lr falls; an empty list lets it fall to 0 as a cosine does.
        lr_decay: factor on lr at each milestone.
        warmup_steps: steps at the start in which lr rises to its value.
        clip_norm: largest norm of the gradient; 0: any.
        skip_bad: whether images that cannot be read are left out; without it they stop the run.
        init_from: checkpoint whose weights start this run.
        grow_from: checkpoint of a smaller network of the same kind, whose function this one starts with.
        out_dir: folder of the runs.
        seed: seed of all random numbers.
        precision: arithmetic, by the names of Lightning Fabric.
        channels_last: whether tensors are in the order of channels that some devices are faster with.
        compile: whether torch.compile compiles the network: minutes at the start, faster steps on GPUs.
        sync_batch_norm: whether batch statistics are those of all GPUs; in the papers each has its own. GPUs only.
        pictures: epochs between two PNG files that show samples with target and prediction; 0: none.
        devices: number of devices of this machine; -1: all.
        workers: processes that load samples for each device; 0: none of their own.
        threads: CPU threads of torch; 0: as many as cores.
    """

    name: str = ""
    task: str = "top_down"
    model: str = "elpn_v1"
    model_options: dict[str, Any] = field(default_factory=dict)
    teacher: str = ""
    skeleton: str | dict[str, Any] = "coco17"
    input_size_wh: list[int] = field(default_factory=lambda: [192, 256])
    padding: float = 1.25
    sigma: float = 2.0
    data_root: str = field(default_factory=lambda: os.environ.get("POSE_DATA", "data"))
    train: list[Source] = field(default_factory=list)
    holdout: list[Source] = field(default_factory=list)
    augmentation: Augmentation = field(default_factory=Augmentation)
    losses: dict[str, float] = field(default_factory=lambda: {"mse": 1.0})
    loss_options: LossOptions = field(default_factory=LossOptions)
    log_gradients: bool = False
    epochs: int = 210
    epoch_samples: int = 0
    batch_size: int = 32
    accumulate: int = 1
    lr: float = 1e-3
    weight_decay: float = 0.0
    milestones: list[int] = field(default_factory=lambda: [170, 200])
    lr_decay: float = 0.1
    warmup_steps: int = 0
    clip_norm: float = 0.0
    skip_bad: bool = False
    init_from: str = ""
    grow_from: str = ""
    out_dir: str = "runs"
    seed: int = 1
    precision: str = "32-true"
    channels_last: bool = False
    compile: bool = False
    sync_batch_norm: bool = False
    pictures: int = 10
    devices: int = 1
    workers: int = 1
    threads: int = 0

    @property
    def run_dir(self) -> Path:
        """Return the folder of the run's files."""
        return Path(self.out_dir, self.name)

    def require_skeleton(self) -> Skeleton:
        """Return the skeleton. Raises ConfigError for none or an unknown one, or a file, which load_recipe reads."""
        return skeleton_from_json(self.skeleton)

    def path(self, text: str) -> Path:
        """Return the path of a file that the recipe names."""
        return Path(text) if text.startswith("./") else Path(self.data_root, text)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe from a YAML file.

    Args:
        path: the YAML file; an empty one is a recipe of defaults only if it holds ``{}``.
        overrides: ``key=value``, such as ``augmentation.flip=0``; values in YAML syntax.

    Returns:
        The recipe, whose keys are known and whose values have the right types; numbers are finite. The content of a
        skeleton's file stands in it instead of the file's name.

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
    recipe = recipe_from_fields(fields, str(path))
    if recipe.name in ("", ".", "..") or "/" in recipe.name or "\0" in recipe.name:
        raise ConfigError(f"{path}: name: expected the name of a folder, got {shown(recipe.name)}")
    return recipe


def recipe_from_fields(fields: dict[str, Any], origin: str) -> Recipe:
    """Make a recipe of its keys and values, such as those that a checkpoint holds.

    Where the skeleton has no flip pairs, images are mirrored only if the fields say so: a mirrored image would teach
    left for right if the pairs were merely not known.

    Args:
        fields: the recipe as a dict.
        origin: path of the file, for messages.

    Returns:
        The recipe.

    Raises:
        ConfigError: a key or value does not fit.
    """
    recipe = fill(Recipe, fields, origin)
    if recipe.skeleton == "":  # that of a detector
        return recipe
    try:
        skeleton = _read_skeleton(recipe)
    except ConfigError as error:
        raise ConfigError(f"{origin}: skeleton: {error}") from error
    recipe.skeleton = skeleton.name if SKELETONS.get(skeleton.name) == skeleton else skeleton.to_json()
    if not skeleton.flip_pairs and "flip" not in fields.get("augmentation", {}):
        recipe.augmentation.flip = 0.0
    return recipe


def _read_skeleton(recipe: Recipe) -> Skeleton:
    """Return the skeleton of a name, of a file whose path starts as that of a source, of an object or of a source."""
    value = recipe.skeleton
    if value == FROM_ANNOTATIONS:
        if not recipe.train:
            raise ConfigError(f"{FROM_ANNOTATIONS}: expected train with at least one source, got none")
        return read_skeleton(recipe.path(recipe.train[0].annotations))
    if isinstance(value, str):
        return read_skeleton(recipe.path(value) if Path(value).suffix else value)
    return skeleton_from_json(value)


def _override(fields: dict[str, Any], override: str) -> None:
    """Change the fields by an override ``key=value``, whose key may have dots."""
    key, equals, value = override.partition("=")
    if not equals:
        raise ConfigError(f"expected key=value, got {shown(override)}")
    *parents, last = key.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise ConfigError(f"{shown(override)}: {parent} has no keys")
    fields[last] = parse_yaml(value, f"{shown(override)}, after the =") if value else ""


def check_recipe(recipe: Recipe) -> None:
    """Raise ConfigError for a value out of its range; the message names the key, what was expected and what came."""
    for key, (low, high) in RANGES.items():
        _expect_in(low, getattr(recipe, key), high, key)
    losses, sides = recipe.losses, recipe.input_size_wh
    _expect(all(0 < milestone < 10**6 for milestone in recipe.milestones), recipe, "milestones")
    _expect(recipe.devices == -1 or 0 < recipe.devices <= MOST_DEVICES, recipe, "devices")
    _expect_one_of(PRECISIONS, recipe.precision, "precision")
    fits = len(sides) == 2 and all(0 < side <= LONGEST_SIDE and side % SIDE_MULTIPLE == 0 for side in sides)
    _expect(fits, recipe, "input_size_wh")
    _expect(bool(recipe.train), recipe, "train")
    _expect(bool(recipe.holdout), recipe, "holdout")
    repeats = [source.repeat for source in recipe.train + recipe.holdout]
    _expect(all(0 < repeat <= MOST_REPEATS for repeat in repeats), recipe, "train", "repeat of 1 or more")
    _check_augmentation(recipe.augmentation)
    _check_task_keys(recipe)
    _check_pasted(recipe)
    _check_loss_options(recipe.loss_options)
    _expect(any(losses.values()), recipe, "losses")
    _expect(all(weight >= 0 for weight in losses.values()), recipe, "losses", "no negative weight")
    _expect(not (recipe.init_from and recipe.grow_from), recipe, "grow_from", "none beside init_from")
    _check_teacher(recipe)


def _check_augmentation(augmentation: Augmentation) -> None:
    """Raise ConfigError for a probability, range or choice that makes no sense."""
    for name, value in dataclasses.asdict(augmentation).items():
        if name in AUGMENTATION_CHOICES:
            _expect_one_of(AUGMENTATION_CHOICES[name], value, f"augmentation.{name}")
        elif not isinstance(value, list):
            low, high = AUGMENTATION_RANGES.get(name, (0, 1))
            _expect_in(low, value, high, f"augmentation.{name}")
        elif not (len(value) == 2 and 0 < value[0] <= value[1]):
            raise ConfigError(f"augmentation.{name}: expected [low, high] with 0 < low <= high, got {value}")


def _check_task_keys(recipe: Recipe) -> None:
    """Raise ConfigError for a key of a source or of the augmentation that the recipe's task does not use."""
    given = [(key, source, SOURCE_TASKS) for key in ("train", "holdout") for source in getattr(recipe, key)]
    for place, fields, tasks_of in [*given, ("augmentation", recipe.augmentation, AUGMENTATION_TASKS)]:
        for name, tasks in tasks_of.items():
            if getattr(fields, name) and recipe.task not in tasks:
                got = f"{shown(getattr(fields, name))} with task {shown(recipe.task)}"
                raise ConfigError(f"{place}: {name}: expected only with task {' or '.join(tasks)}, got {got}")


def _check_pasted(recipe: Recipe) -> None:
    """Raise ConfigError for sources of people to be pasted who would never be."""
    if any(source.pasted for source in recipe.holdout):
        raise ConfigError("holdout: pasted: expected false, because holdout images are not changed, got true")
    if any(source.pasted for source in recipe.train) and not recipe.augmentation.pasted:
        raise ConfigError("augmentation.pasted: expected at least 1 with sources with pasted: true, got 0")


def _check_loss_options(options: LossOptions) -> None:
    """Raise ConfigError for an unknown reduction or a number out of its range."""
    _expect_one_of(REDUCTIONS, options.reduction, "loss_options.reduction")
    for key, (low, high) in LOSS_OPTION_RANGES.items():
        _expect_in(low, getattr(options, key), high, f"loss_options.{key}")


def _check_teacher(recipe: Recipe) -> None:
    """Raise ConfigError for a teacher without losses that use it, or for such losses without a teacher."""
    teacher_losses = [name for name in recipe.losses if name.startswith("teacher_")]
    if teacher_losses and not recipe.teacher:
        raise ConfigError(f"losses {teacher_losses} need a teacher=, a checkpoint or an ONNX file; got none")
    if recipe.teacher and not teacher_losses:
        raise ConfigError(f"teacher {recipe.teacher}: expected losses teacher_..., got {recipe.losses}")


def _expect_in(low: float, value: float, high: float, key: str) -> None:
    """Raise ConfigError for a value that is not in low..high."""
    if not low <= value <= high:
        bound = f"at most {high}" if value > high else f"at least {low}"
        raise ConfigError(f"{key}: expected {bound}, got {shown(value)}")


def _expect_one_of(known: Sequence[str], value: str, key: str) -> None:
    """Raise ConfigError for a value that is not among the known ones."""
    if value not in known:
        raise ConfigError(f"{key}: expected one of {', '.join(known)}, got {shown(value)}")


def _expect(is_fine: bool, recipe: Recipe, key: str, wanted: str = "") -> None:
    """Raise ConfigError that names a key, what was expected and the recipe's value, unless that is fine.

    Args:
        is_fine: whether the value is one that is expected.
        recipe: the recipe.
        key: the key.
        wanted: what is expected; by default what EXPECTED says.
    """
    if not is_fine:
        raise ConfigError(f"{key}: expected {wanted or EXPECTED[key]}, got {getattr(recipe, key)!r}")
