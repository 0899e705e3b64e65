"""Let a student learn from a frozen teacher's answers to every augmented image.

A teacher of poses is a checkpoint of any network here, or an ONNX file with heatmaps. A teacher of person detectors is
any detector that `pose predict --detector` takes.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.inference.detector import NetworkDetector, open_network_detector
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.data.boxes import View, encode_targets, score_to_learn
from pose_estimation_ros.training.loop import Loss, Named
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields

Teacher = Callable[[Tensor], Named]  # images (N, 3, h, w) float32 RGB 0..255 -> targets by name, for the losses
Heatmaps = Callable[[Tensor], Tensor]  # such images -> heatmaps (N, K, h/4, w/4)
LOWEST_SCORE = 0.05  # of a teacher's boxes


def load_teacher(recipe: Recipe, build: Callable[[Recipe], nn.Module], fabric: Fabric) -> Teacher:
    """Load the recipe's teacher; if it is one of poses, check on one image that its heatmaps have the student's shape.

    Args:
        recipe: recipe of the student.
        build: makes the network of a recipe.
        fabric: Fabric whose device and precision the teacher uses.

    Returns:
        The teacher: images -> "teacher_heatmaps", or for a person detector encode_targets' four with the prefix
        "teacher_".

    Raises:
        ConfigError: it is no network with heatmaps of that shape.
        ModelError: it cannot be loaded, or is no detector where the student is one.
    """
    if recipe.task == "person_detector":
        return _detector_teacher(open_network_detector(recipe.teacher, recipe.threads, LOWEST_SCORE, device="cpu"))
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
    return lambda images: {"teacher_heatmaps": teacher(images)}


def _detector_teacher(detector: NetworkDetector) -> Teacher:
    """Return a teacher that answers with the targets that its boxes and scores make, everywhere known."""

    def targets(image: np.ndarray) -> dict[str, np.ndarray]:
        frame = np.ascontiguousarray(image.transpose(1, 2, 0)[:, :, ::-1]).clip(0, 255).astype(np.uint8)
        boxes, scores = detector(frame)
        view = View(frame, boxes, score_to_learn(scores), np.ones(frame.shape[:2], bool))
        return encode_targets(view)

    def answer(images: Tensor) -> Named:
        answers = [targets(image) for image in images.cpu().numpy()]
        return {
            f"teacher_{name}": torch.from_numpy(np.stack([a[name] for a in answers])).to(images.device)
            for name in answers[0]
        }

    return answer


def _torch_teacher(student: Recipe, build: Callable[[Recipe], nn.Module], fabric: Fabric) -> Heatmaps:
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


def _onnx_teacher(path: str, size_hw: tuple[int, int], threads: int) -> Heatmaps:
    """Return a teacher on ONNX Runtime, which runs on the CPU, whatever device the student is on."""
    backend = open_backend(onnx_file(path), threads, "cpu")
    if any(side not in (None, wanted) for side, wanted in zip(backend.input_shape[1:], (3, *size_hw))):
        raise ConfigError(f"teacher {path}: expected an input (N, 3, {size_hw}), got {backend.input_shape}")
    return lambda images: torch.from_numpy(backend(images.cpu().numpy())["heatmaps"]).to(images.device)


def with_teacher(loss: Loss, teacher: Teacher) -> Loss:
    """Return the loss, called with the teacher's targets in the batch.

    Args:
        loss: the student's loss.
        teacher: function that returns targets for a batch of images.
    """

    @torch.no_grad()
    def answers(batch: Named) -> Named:
        return teacher(batch["image"])

    return lambda outputs, batch: loss(outputs, {**batch, **answers(batch)})
