"""A recipe with one number out of range is refused with the key, what was expected and what came."""

import dataclasses

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.check import check_recipe
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source

FINE = Recipe(train=[Source("a.json", "a")], holdout=[Source("a.json", "a")])


def test_a_fine_one():
    check_recipe(FINE)
    check_recipe(dataclasses.replace(FINE, teacher="a.ckpt", losses={"teacher_kl": 1.0}, devices=-1))


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"accumulate": 0}, "accumulate: expected at least 1"),
        ({"workers": -1}, "workers: expected at least 0, got -1"),
        ({"lr": -1.0}, "lr: expected at least 0, got -1.0"),
        ({"lr": float("nan")}, "lr: expected at least 0, got nan"),
        ({"epochs": 10**400}, "epochs: expected at most 1000000, got 1000"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"seed": 2**64}, "seed: expected at most 4294967295, got 18446744073709551616"),
        ({"sigma": 0.0}, "sigma: expected at least 0.1, got 0.0"),
        ({"padding": -1.0}, "padding: expected at least 0.1, got -1.0"),
        ({"warmup_steps": -1}, "warmup_steps: expected at least 0"),
        ({"milestones": [5, 0]}, r"milestones: expected epochs of 1 or more, got \[5, 0\]"),
        ({"losses": {"mse": -1.0}}, "losses: expected no negative weight"),
        ({"input_size_wh": [32, 32 * 10**6]}, "input_size_wh: expected"),
        ({"augmentation": Augmentation(flip=1.5)}, "augmentation.flip: expected at most 1, got 1.5"),
        ({"augmentation": Augmentation(rotation_deg=-1)}, "augmentation.rotation_deg: expected at least 0, got -1"),
        ({"augmentation": Augmentation(scale=1.0)}, "augmentation.scale: expected at most 0.99, got 1.0"),
        ({"devices": 0}, "devices: expected a number of devices"),
        ({"precision": "bf17"}, "precision: expected one of 32-true, .* got 'bf17'"),
        (
            {"input_size_wh": [40, 32]},
            r"input_size_wh: expected \[width, height\], multiples of 32 up to 8192, got \[40, 32\]",
        ),
        ({"input_size_wh": [32]}, "input_size_wh: expected"),
        ({"input_size_wh": [0, 32]}, "input_size_wh: expected"),
        ({"init_from": "a.ckpt", "grow_from": "b.ckpt"}, "grow_from: expected none beside init_from, got 'b.ckpt'"),
        ({"train": []}, "train: expected at least one source"),
        ({"holdout": []}, "holdout: expected at least one source"),
        ({"train": [Source("a", "b", 0)]}, "train: expected repeat of 1 or more"),
        ({"losses": {}}, "losses: expected at least one name: weight"),
        ({"losses": {"mse": 0.0}}, "losses: expected .* with a weight above 0"),
        ({"losses": {"teacher_mse": 1.0}}, "losses .*teacher_mse.* need a teacher="),
        ({"teacher": "a.ckpt"}, "teacher a.ckpt: expected losses teacher_mse or teacher_kl, got .*mse"),
    ]
    + [
        ({"augmentation": Augmentation(zoom=zoom)}, r"augmentation.zoom: expected \[low, high\]")
        for zoom in ([1.5, 0.5], [0.0, 1.0], [1.0], [])
    ],
)
def test_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        check_recipe(dataclasses.replace(FINE, **fields))
