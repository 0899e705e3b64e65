"""Let a student learn from the heatmaps of a frozen teacher: a checkpoint of any network here, or an ONNX file."""

from __future__ import annotations

from typing import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.loop import Loss, Named
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields

Teacher = Callable[[Tensor], Tensor]  # images (N, 3, h, w) float32 RGB 0..255 -> heatmaps (N, K, h/4, w/4)


def load_teacher(recipe: Recipe, build: Callable[[Recipe], nn.Module], fabric: Fabric) -> Teacher:
    """Load the recipe's teacher and check on one image that its heatmaps have the student's shape.

    Args:
        recipe: recipe of the student.
        build: makes the network of a recipe.
        fabric: Fabric whose device and precision the teacher uses.

    Returns:
        The teacher.

    Raises:
        ConfigError: it is no network with heatmaps of that shape.
        ModelError: it cannot be loaded.
    """
    path = recipe.teacher
    width, height = recipe.input_size_wh
    if path.endswith(".onnx"):
        teacher = _onnx_teacher(path, (height, width), recipe.threads)
    else:
        teacher = _torch_teacher(recipe, build, fabric)
    expected = (1, recipe.require_skeleton().num_keypoints, height // 4, width // 4)
    shape = tuple(teacher(torch.zeros(1, 3, height, width, device=fabric.device)).shape)
    if shape != expected:
        raise ConfigError(f"teacher {path}: expected heatmaps {expected} as the student's, got {shape}")
    return teacher


def _torch_teacher(student: Recipe, build: Callable[[Recipe], nn.Module], fabric: Fabric) -> Teacher:
    """Return a teacher from a checkpoint, in the student's precision and memory format."""
    path, skeleton = student.teacher, student.require_skeleton()
    state = load_checkpoint(path)
    if "recipe" not in state:
        keys = sorted(map(str, state))[:5]
        raise ConfigError(f"teacher {path}: expected a checkpoint of `pose train`, got the keys {keys}")
    recipe = recipe_from_fields(state["recipe"], path)
    if recipe.task == "person_detector":
        raise ConfigError(f"teacher {path}: expected a network with heatmaps, got a {recipe.task}")
    taught = recipe.require_skeleton()
    if taught.keypoints != skeleton.keypoints:
        raise ConfigError(f"teacher {path}: expected the keypoints of {skeleton.name}, got those of {taught.name}")
    model = build(recipe)
    load_weights(model, path)
    layout = torch.channels_last if student.channels_last else torch.contiguous_format
    model.eval().requires_grad_(False).to(fabric.device, memory_format=layout)  # type: ignore[call-overload]

    def heatmaps(images: Tensor) -> Tensor:
        with fabric.autocast():
            maps: Tensor = model(images.to(memory_format=layout))["heatmaps"]
            return maps.float()

    return heatmaps


def _onnx_teacher(path: str, size_hw: tuple[int, int], threads: int) -> Teacher:
    """Return a teacher on ONNX Runtime, which runs on the CPU, whatever device the student is on."""
    backend = open_backend(onnx_file(path), threads, "cpu")
    if any(side not in (None, wanted) for side, wanted in zip(backend.input_shape[1:], (3, *size_hw))):
        raise ConfigError(f"teacher {path}: expected an input (N, 3, {size_hw}), got {backend.input_shape}")
    return lambda images: torch.from_numpy(backend(images.cpu().numpy())["heatmaps"]).to(images.device)


def with_teacher(loss: Loss, teacher: Teacher) -> Loss:
    """Return the loss, called with the teacher's heatmaps in the batch as "teacher_heatmaps".

    Args:
        loss: the student's loss.
        teacher: function that returns heatmaps for a batch of images.
    """

    @torch.no_grad()
    def heatmaps(batch: Named) -> Tensor:
        return teacher(batch["image"])

    return lambda outputs, batch: loss(outputs, {**batch, "teacher_heatmaps": heatmaps(batch)})
