"""The bottom-up networks' quick metric on a batch, from network outputs."""

from __future__ import annotations

import torch
from torch.nn import functional

from pose_estimation_ros.training.loop import Metrics, Named

PEAK = 0.1  # the grouping's detection threshold


def bottom_up_metrics(outputs: Named, batch: Named, reach: float = 0.03) -> Metrics:
    """The "pck": share of the labelled joints with a peak of their heatmap within ``reach`` times the map's height."""
    maps = outputs["heatmaps"].float()
    peaks = (maps >= functional.max_pool2d(maps, 5, 1, 2)) & (maps > PEAK)
    radius = max(round(reach * maps.shape[2]), 1)
    near = functional.max_pool2d(peaks.float(), 2 * radius + 1, 1, radius).flatten(2)  # (N, K, h w)
    cells = batch["cells"].transpose(1, 2)  # (N, K, 30)
    found = torch.gather(near, 2, cells.clamp(min=0))[cells >= 0]
    return {"pck": (found.mean().item() if len(found) else 0.0, len(found))}
