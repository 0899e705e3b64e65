"""A frozen teacher: a checkpoint of any top-down model here, or an ONNX file, whose heatmaps a student learns."""

from __future__ import annotations

from typing import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.loop import Loss, Named
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields

Teacher = Callable[[Tensor], Tensor]  # images (N, 3, h, w) float32 RGB 0..255 -> heatmaps (N, K, h/4, w/4)


def load_teacher(recipe: Recipe, build: Callable[[Recipe], nn.Module], fabric: Fabric) -> Teacher:
    """The recipe's teacher, checked on one image against what the student puts out. Raises ConfigError, ModelError."""
    path = recipe.teacher
    width, height = recipe.input_size_wh
    if path.endswith(".onnx"):
        teacher = onnx_teacher(path, (height, width), recipe.threads)
    else:
        teacher = torch_teacher(path, build, fabric, recipe.channels_last)
    expected = (1, get_skeleton(recipe.skeleton).num_keypoints, height // 4, width // 4)
    found = tuple(teacher(torch.zeros(1, 3, height, width, device=fabric.device)).shape)
    if found != expected:
        raise ConfigError(f"teacher {path}: expected heatmaps {expected} as the student's, got {found}")
    return teacher


def torch_teacher(path: str, build: Callable[[Recipe], nn.Module], fabric: Fabric, channels_last: bool) -> Teacher:
    """In the student's precision and memory format."""
    state = load_checkpoint(path)
    if "recipe" not in state:
        keys = sorted(map(str, state))[:5]
        raise ConfigError(f"teacher {path}: expected a checkpoint of `pose train`, got the keys {keys}")
    recipe = recipe_from_fields(state["recipe"], path)
    if recipe.task == "person_detector":
        raise ConfigError(f"teacher {path}: expected a network with heatmaps, got a {recipe.task}")
    model = build(recipe)
    load_weights(model, path)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model.eval().requires_grad_(False).to(fabric.device, memory_format=layout)  # type: ignore[call-overload]

    def heatmaps(images: Tensor) -> Tensor:
        with fabric.autocast():
            return model(images.to(memory_format=layout))["heatmaps"].float()

    return heatmaps


def onnx_teacher(path: str, size_hw: tuple[int, int], threads: int) -> Teacher:
    """ONNX Runtime on the CPU, whatever device the student is on."""
    backend = open_backend(onnx_file(path), threads)
    if any(found not in (None, wanted) for found, wanted in zip(backend.input_shape[1:], (3, *size_hw))):
        raise ConfigError(f"teacher {path}: expected an input (N, 3, {size_hw}), got {backend.input_shape}")
    return lambda images: torch.from_numpy(backend(images.cpu().numpy())["heatmaps"]).to(images.device)


def taught(loss: Loss, teacher: Teacher) -> Loss:
    """The loss with the teacher's heatmaps in the batch: "teacher_heatmaps"."""

    @torch.no_grad()
    def heatmaps(batch: Named) -> Tensor:
        return teacher(batch["image"])

    return lambda outputs, batch: loss(outputs, {**batch, "teacher_heatmaps": heatmaps(batch)})
