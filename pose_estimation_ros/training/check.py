"""What a recipe's numbers must be, said before anything is read."""

from __future__ import annotations

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.config import Recipe

AT_LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "accumulate": 1,
    "epoch_samples": 0,
    "workers": 0,
    "threads": 0,
    "pictures": 0,
}
NOT_NEGATIVE = ("lr", "weight_decay", "clip_norm", "lr_decay")
MULTIPLE = 32  # of the input's sides: the coarsest stride of all networks here
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed", "64-true", "16-true", "bf16-true")  # Lightning Fabric's


def check_recipe(recipe: Recipe) -> None:
    """Raises ConfigError that names the key, what was expected and what came."""
    for key, least in AT_LEAST.items():
        expect(getattr(recipe, key) >= least, recipe, key, f"at least {least}")
    for key in NOT_NEGATIVE:
        expect(getattr(recipe, key) >= 0, recipe, key, "no negative number")
    expect(recipe.devices == -1 or recipe.devices > 0, recipe, "devices", "a number of devices, or -1 for all")
    expect(recipe.precision in PRECISIONS, recipe, "precision", f"one of {', '.join(PRECISIONS)}")
    sides = recipe.input_size_wh
    fits = len(sides) == 2 and all(side > 0 and side % MULTIPLE == 0 for side in sides)
    expect(fits, recipe, "input_size_wh", f"[width, height], multiples of {MULTIPLE}")
    expect(bool(recipe.train), recipe, "train", "at least one source")
    expect(bool(recipe.holdout), recipe, "holdout", "at least one source")
    expect(all(s.repeat > 0 for s in recipe.train + recipe.holdout), recipe, "train", "repeat of 1 or more")
    zoom = recipe.augmentation.zoom
    if not (len(zoom) == 2 and 0 < zoom[0] <= zoom[1]):
        raise ConfigError(f"augmentation.zoom: expected [low, high] with 0 < low <= high, got {zoom}")
    expect(bool(recipe.losses), recipe, "losses", "at least one name: weight")
    expect(not (recipe.init_from and recipe.grow_from), recipe, "grow_from", "none beside init_from")
    check_teacher(recipe)


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
