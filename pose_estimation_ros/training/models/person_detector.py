"""Build the default person detector: one class, anchor-free, one map at stride 8, small enough for one CPU core.

The head follows "Training-Time-Friendly Network for Real-Time Object Detection" (TTFNet, Liu et al., AAAI 2020,
arXiv:1909.00700): a centre heatmap and the distances to the box's sides, both learned on a Gaussian around every
centre, which converges in few passes over little data.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.efficientnet_lite import EfficientNetLite0
from pose_estimation_ros.training.models.layers import DepthwiseBlock, conv_bn
from pose_estimation_ros.training.models.options import require_whole

STRIDE = 8
PRIOR = 0.01  # score of every cell before training
MAX_LOG_DISTANCE = 4.5  # exp of it is 90 cells, 720 px


class PersonDetector(nn.Module):
    """Predict persons by two 1x1 heads on the sum of EfficientNet-Lite0's maps at strides 8 and 16.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32. The outputs are "person" (N, 1, H/8, W/8),
    logits of a person's centre in this cell, and "box" (N, 4, H/8, W/8), log of the distances from the cell's centre to
    the left, top, right and bottom side in cells.

    Args:
        neck: channels of the map at stride 8.
        head_blocks: residual blocks on it.
        frozen_stages: how many of stem and stages of the backbone are frozen.
    """

    def __init__(self, neck: int = 64, head_blocks: int = 2, frozen_stages: int = 0) -> None:
        super().__init__()
        require_whole("neck", neck)
        require_whole("head_blocks", head_blocks, 0)
        self.backbone = EfficientNetLite0(frozen_stages=frozen_stages)
        self.lateral = nn.ModuleList(conv_bn(width, neck, 1) for width in self.backbone.widths[1:])
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Sequential(nn.ReLU(inplace=True), *(DepthwiseBlock(neck) for _ in range(head_blocks)))
        self.person = nn.Conv2d(neck, 1, 1)
        self.box = nn.Conv2d(neck, 4, 1)
        self.person.bias.data.fill_(-math.log((1 - PRIOR) / PRIOR))  # type: ignore[union-attr]
        self.box.bias.data.fill_(math.log(4.0))  # type: ignore[union-attr]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "person" and "box" for images (N, 3, H, W)."""
        eighth, sixteenth = (lateral(x) for lateral, x in zip(self.lateral, self.backbone(image)[1:]))
        features = self.head(eighth + self.up(sixteenth))
        return {"person": self.person(features), "box": self.box(features).clamp(max=MAX_LOG_DISTANCE)}

    def served(self) -> nn.Module:
        """Return the network as it is exported."""
        return DecodedPersonDetector(self)


def cell_centres(height: int, width: int) -> Tensor:
    """Return the centres of a map's cells.

    Args:
        height: height of the map, h.
        width: width of the map, w.

    Returns:
        (2, h, w), x and y in input px, origin at the centre of the first pixel.
    """
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack([x, y]).float() + 0.5) * STRIDE - 0.5


def decode_boxes(log_distances: Tensor) -> Tensor:
    """Return boxes (N, 4, h, w), x1 y1 x2 y2 in input px, from the output "box" (N, 4, h, w)."""
    centre = cell_centres(*log_distances.shape[-2:]).to(log_distances)
    distance = log_distances.exp() * STRIDE
    return torch.cat([centre - distance[:, :2], centre + distance[:, 2:]], 1)


class DecodedPersonDetector(nn.Module):
    """Return "boxes_xyxy" (N, M, 4) input px and "scores" (N, M) in 0..1 for every cell, before NMS, as exported."""

    def __init__(self, detector: PersonDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "boxes_xyxy" and "scores" for images (N, 3, H, W)."""
        outputs = self.detector(image)
        boxes = decode_boxes(outputs["box"]).flatten(2).transpose(1, 2)
        return {"boxes_xyxy": boxes, "scores": outputs["person"].sigmoid().flatten(1)}
