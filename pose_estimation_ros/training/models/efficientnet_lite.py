"""EfficientNet-Lite0 (Tan and Le 2019; Lite: tensorflow/tpu, 2020) without its classifier: MobileNetV2's blocks with
ReLU6 and without squeeze-and-excitation, made for integer arithmetic. ImageNet's weights: tools/imagenet_start.py.
"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import FrozenStages
from pose_estimation_ros.training.models.litepose import InvertedResidual, mobile_stem, stage

T = TypeVar("T")
STEM = 16
STAGES = (  # channels, kernel, stride, blocks
    *((24, 3, 2, 2), (40, 5, 2, 2), (80, 3, 2, 3), (112, 5, 1, 3)),
    *((192, 5, 2, 4), (320, 3, 1, 1)),
)


class EfficientNetLite0(FrozenStages):
    """Image (N, 3, H, W) RGB 0..255 -> the last map at each of the strides 4, 8, 16 and, with six stages, 32.

    Args:
        stages: how many of STAGES. frozen_stages: how many of stem and stages are frozen.
    """

    def __init__(self, stages: int = 4, frozen_stages: int = 0) -> None:
        super().__init__()
        self.stages = STAGES[:stages]
        inputs = (STEM, *(channels for channels, *_ in self.stages))
        built = [
            stage(partial(InvertedResidual, kernel=kernel), width, channels, blocks, stride)
            for width, (channels, kernel, stride, blocks) in zip(inputs, self.stages)
        ]
        self.parts = nn.ModuleList([mobile_stem(STEM), *built])
        self.freeze(list(self.parts)[:frozen_stages])

    @property
    def widths(self) -> list[int]:
        """Channels of the maps."""
        return self.last_of_each_stride([channels for channels, *_ in self.stages])

    def forward(self, image: Tensor) -> list[Tensor]:
        stem, *stages = self.parts
        maps = [stem(image)]
        for part in stages:
            maps.append(part(maps[-1]))
        return self.last_of_each_stride(maps[1:])

    def last_of_each_stride(self, values: list[T]) -> list[T]:
        """Of a value for each stage those of the stages behind which the stride grows, and of the last."""
        strides_behind = [*(stride for _, _, stride, _ in self.stages[1:]), 2]
        return [value for value, stride in zip(values, strides_behind) if stride == 2]
