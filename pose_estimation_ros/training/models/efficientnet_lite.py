"""Build EfficientNet-Lite0 without its classifier, the backbone of the shipped networks.

It is the Lite version, of github.com/tensorflow/tpu (2020), of "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks" (Tan and Le 2019, arXiv:1905.11946). It has MobileNetV2's blocks with ReLU6 and without
squeeze-and-excitation, made for integer arithmetic. tools/training/imagenet_start.py loads weights trained on ImageNet.
"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import FrozenStages
from pose_estimation_ros.training.models.litepose import InvertedResidual, mobile_stem, stage

Value = TypeVar("Value")
STEM = 16
STAGES = (  # channels, kernel, stride, blocks
    *((24, 3, 2, 2), (40, 5, 2, 2), (80, 3, 2, 3), (112, 5, 1, 3)),
    *((192, 5, 2, 4), (320, 3, 1, 1)),
)


class EfficientNetLite0(FrozenStages):
    """Make maps at the strides 4, 8, 16 and, with six stages, 32, from an image (N, 3, H, W) RGB 0..255.

    Args:
        stages: how many of STAGES it has.
        frozen_stages: how many of stem and stages are frozen.
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
        """Return the channels of the maps."""
        return self.last_of_each_stride([channels for channels, *_ in self.stages])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute the maps of images (N, 3, H, W), the finest first."""
        stem, *stages = self.parts
        maps = [stem(image)]
        for part in stages:
            maps.append(part(maps[-1]))
        return self.last_of_each_stride(maps[1:])

    def last_of_each_stride(self, values: list[Value]) -> list[Value]:
        """Return the values of the last stage at each stride, from one value for each stage."""
        strides_behind = [*(stride for _, _, stride, _ in self.stages[1:]), 2]
        return [value for value, stride in zip(values, strides_behind) if stride == 2]
