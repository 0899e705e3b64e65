"""The default person detector: one class, anchor-free, one map at stride 8, small enough for a robot's spare CPU core.

The head follows TTFNet (Liu et al., AAAI 2020): a centre heatmap and the distances to the box's sides, both learned on
a Gaussian around every centre, which converges in few passes over little data.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import Normalize, conv_bn

STRIDE = 8
PRIOR = 0.01  # score of every cell before training
MAX_LOG_DISTANCE = 4.5  # exp of it is 90 cells, 720 px


class DepthwiseBlock(nn.Module):
    """Residual depthwise 3x3 - 1x1 to twice the width - 1x1 back: the depthwise part, slow on CPUs, stays narrow."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(width, width, 3, groups=width),
            conv_bn(width, 2 * width, 1, relu=True),
            conv_bn(2 * width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    """Halves the resolution (depthwise 3x3, then 1x1 to the new width), then residual blocks."""
    halve = (conv_bn(inputs, inputs, 3, stride=2, groups=inputs), conv_bn(inputs, outputs, 1, relu=True))
    return nn.Sequential(*halve, *(DepthwiseBlock(outputs) for _ in range(blocks)))


class PersonDetector(nn.Module):
    """Backbone at strides 4 to 32, summed top-down to one map at stride 8, two 1x1 heads.

    Args:
        widths: channels at strides 2, 4, 8, 16, 32. blocks: residual blocks at strides 4, 8, 16, 32.
        neck: channels of the stride 8 map. head_blocks: residual blocks on it.

    Input (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32. Output: "person" (N, 1, H/8, W/8), logits of a
    person's centre in this cell, and "box" (N, 4, H/8, W/8), log of the distances from the cell's centre to the left,
    top, right and bottom side in cells.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (16, 32, 48, 96, 128),
        blocks: tuple[int, ...] = (1, 2, 4, 2),
        neck: int = 64,
        head_blocks: int = 2,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(Normalize(), conv_bn(3, widths[0], 3, 2, relu=True))
        self.stage4 = nn.Sequential(
            conv_bn(widths[0], widths[1], 3, 2, relu=True), *(DepthwiseBlock(widths[1]) for _ in range(blocks[0]))
        )
        self.stages = nn.ModuleList(stage(*sizes) for sizes in zip(widths[1:], widths[2:], blocks[1:]))
        self.lateral = nn.ModuleList(conv_bn(width, neck, 1) for width in widths[2:])
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Sequential(nn.ReLU(inplace=True), *(DepthwiseBlock(neck) for _ in range(head_blocks)))
        self.person = nn.Conv2d(neck, 1, 1)
        self.box = nn.Conv2d(neck, 4, 1)
        self.person.bias.data.fill_(-math.log((1 - PRIOR) / PRIOR))  # type: ignore[union-attr]
        self.box.bias.data.fill_(math.log(4.0))  # type: ignore[union-attr]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.stage4(self.stem(image))
        merged = []
        for one_stage, lateral in zip(self.stages, self.lateral):
            x = one_stage(x)
            merged.append(lateral(x))
        top = merged[2]
        for lower in (merged[1], merged[0]):
            top = lower + self.up(top)
        features = self.head(top)
        return {"person": self.person(features), "box": self.box(features).clamp(max=MAX_LOG_DISTANCE)}


def cell_centres(height: int, width: int) -> Tensor:
    """Centres of the cells of a map in input px, origin at the centre of the first pixel: (2, h, w), x and y."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack([x, y]).float() + 0.5) * STRIDE - 0.5


def decode_boxes(log_distances: Tensor) -> Tensor:
    """ "box" output (N, 4, h, w) -> boxes (N, 4, h, w), x1 y1 x2 y2 in input px."""
    centre = cell_centres(*log_distances.shape[-2:]).to(log_distances)
    distance = log_distances.exp() * STRIDE
    return torch.cat([centre - distance[:, :2], centre + distance[:, 2:]], 1)


class DecodedPersonDetector(nn.Module):
    """What is exported: "boxes_xyxy" (N, M, 4) input px and "scores" (N, M) in 0..1 for every cell, before NMS."""

    def __init__(self, detector: PersonDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        outputs = self.detector(image)
        boxes = decode_boxes(outputs["box"]).flatten(2).transpose(1, 2)
        return {"boxes_xyxy": boxes, "scores": outputs["person"].sigmoid().flatten(1)}
