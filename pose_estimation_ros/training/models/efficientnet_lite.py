"""EfficientNet-Lite0 (Tan and Le 2019; Lite: tensorflow/tpu, 2020) up to stride 16: MobileNetV2's blocks with ReLU6 and
without squeeze-and-excitation, made for integer arithmetic. ImageNet's weights for it: tools/imagenet_start.py.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import FrozenStages
from pose_estimation_ros.training.models.litepose import InvertedResidual, mobile_stem, stage

STEM = 16
STAGES = ((24, 3, 2, 2), (40, 5, 2, 2), (80, 3, 2, 3), (112, 5, 1, 3))  # channels, kernel, stride, blocks


class EfficientNetLite0(FrozenStages):
    """Image (N, 3, H, W) RGB 0..255 -> maps at strides 8 and 16 with 40 and 112 channels.

    Args:
        frozen_stages: how many of stem and stages are frozen.
    """

    widths = (STAGES[1][0], STAGES[3][0])

    def __init__(self, frozen_stages: int = 0) -> None:
        super().__init__()
        inputs = (STEM, *(channels for channels, *_ in STAGES))
        stages = [
            stage(partial(InvertedResidual, kernel=kernel), width, channels, blocks, stride)
            for width, (channels, kernel, stride, blocks) in zip(inputs, STAGES)
        ]
        self.parts = nn.ModuleList([mobile_stem(STEM), *stages])
        self.freeze(list(self.parts)[:frozen_stages])

    def forward(self, image: Tensor) -> list[Tensor]:
        stem, quarter, at8, at16, top = self.parts
        eighth = at8(quarter(stem(image)))
        return [eighth, top(at16(eighth))]
