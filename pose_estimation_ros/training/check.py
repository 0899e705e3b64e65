"""What a recipe's numbers must be, said before anything is read."""

from __future__ import annotations

import dataclasses
import math

from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.training.recipe import Augmentation, Recipe

# Lowest and highest value, both included; of what is a float, finite.
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
CHANGES = {  # of augmentation; all others are probabilities
    "rotation_deg": (0, 180),
    "scale": (0, 0.99),
    "shift": (0, 10),
    "translate_px": (0, 10**4),
    "color": (0, 1),
}
MULTIPLE, LARGEST = 32, 8192  # of the input's sides: the coarsest stride of all networks here, and the longest side
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed", "64-true", "16-true", "bf16-true")  # Lightning Fabric's


def check_recipe(recipe: Recipe) -> None:
    """Raises ConfigError that names the key, what was expected and what came."""
    for key, (low, high) in RANGES.items():
        expect_in(low, getattr(recipe, key), high, key)
    expect(all(0 < milestone < 10**6 for milestone in recipe.milestones), recipe, "milestones", "epochs of 1 or more")
    expect(recipe.devices == -1 or 0 < recipe.devices <= 1024, recipe, "devices", "a number of devices, or -1 for all")
    expect(recipe.precision in PRECISIONS, recipe, "precision", f"one of {', '.join(PRECISIONS)}")
    sides = recipe.input_size_wh
    fits = len(sides) == 2 and all(0 < side <= LARGEST and side % MULTIPLE == 0 for side in sides)
    expect(fits, recipe, "input_size_wh", f"[width, height], multiples of {MULTIPLE} up to {LARGEST}")
    expect(bool(recipe.train), recipe, "train", "at least one source")
    expect(bool(recipe.holdout), recipe, "holdout", "at least one source")
    expect(all(0 < s.repeat <= 10**6 for s in recipe.train + recipe.holdout), recipe, "train", "repeat of 1 or more")
    check_augmentation(recipe.augmentation)
    expect(any(recipe.losses.values()), recipe, "losses", "at least one name: weight, with a weight above 0")
    expect(all(weight >= 0 for weight in recipe.losses.values()), recipe, "losses", "no negative weight")
    expect(not (recipe.init_from and recipe.grow_from), recipe, "grow_from", "none beside init_from")
    check_teacher(recipe)


def check_augmentation(augmentation: Augmentation) -> None:
    """Raise ConfigError for a probability or range that makes no sense."""
    for name, value in dataclasses.asdict(augmentation).items():
        low, high = CHANGES.get(name, (0, 1))
        if name != "zoom":
            expect_in(low, value, high, f"augmentation.{name}")
    zoom = augmentation.zoom
    if not (len(zoom) == 2 and 0 < zoom[0] <= zoom[1]):
        raise ConfigError(f"augmentation.zoom: expected [low, high] with 0 < low <= high, got {zoom}")


def expect_in(low: float, value: float, high: float, key: str) -> None:
    """Raise ConfigError for a value that is not in low..high."""
    if not low <= value <= high:
        bound = f"at most {high}" if value > high else f"at least {low}"
        raise ConfigError(f"{key}: expected {bound}, got {shown(value)}")


def check_teacher(recipe: Recipe) -> None:
    """A teacher and losses that ask for it go together."""
    asking = [name for name in recipe.losses if name.startswith("teacher_")]
    if asking and not recipe.teacher:
        raise ConfigError(f"losses {asking} need a teacher=, a checkpoint or an ONNX file; got none")
    if recipe.teacher and not asking:
        raise ConfigError(f"teacher {recipe.teacher}: expected losses teacher_mse or teacher_kl, got {recipe.losses}")


def expect(fine: bool, recipe: Recipe, key: str, wanted: str) -> None:
    if not fine:
        raise ConfigError(f"{key}: expected {wanted}, got {getattr(recipe, key)!r}")
