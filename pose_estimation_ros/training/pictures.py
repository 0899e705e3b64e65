"""Draw samples of the holdout set with the target and the network's prediction, as pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.training.loop import Named, image_of
from pose_estimation_ros.training.tasks import Task

# Output that is drawn -> function that turns it into values between 0 and 1.
SHOWN: dict[str, Callable[[Tensor], Tensor]] = {"heatmaps": torch.nn.Identity(), "person": torch.sigmoid}
COUNT = 8


@torch.no_grad()
def save_pictures(path: Path, model: nn.Module, task: Task, count: int = COUNT) -> None:
    """Write a PNG with a column per sample, target above, prediction below.

    Args:
        path: path of the PNG file.
        model: set up by fabric.
        task: task whose holdout set is shown.
        count: most samples to show.
    """
    samples = [task.holdout_set[n] for n in range(min(count, len(task.holdout_set)))]
    device = next(model.parameters()).device
    images = torch.stack([torch.as_tensor(sample["image"]) for sample in samples])
    model.eval()
    outputs: Named = model(image_of({"image": images.to(device)}, model))
    name = next(key for key in SHOWN if key in outputs)
    predicted = SHOWN[name](outputs[name].float().cpu())
    columns = [
        np.vstack([overlay(image, torch.as_tensor(sample[name])), overlay(image, maps)])
        for image, sample, maps in zip(images, samples, predicted)
    ]
    picture = np.hstack(columns)
    write_whole(path, cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())


def overlay(image: Tensor, maps: Tensor) -> np.ndarray:
    """Draw the maximum of maps over an image as heat.

    Args:
        image: (3, h, w) float32 RGB 0..255.
        maps: (K, h', w') values 0..1.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    picture = image.numpy().transpose(1, 2, 0)
    heat = maps.amax(0).clamp(0, 1).numpy()
    heat = cv2.resize(heat, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    colors = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_JET)[:, :, ::-1]
    return (picture * (1 - heat) + colors * heat).clip(0, 255).astype(np.uint8)
