"""Build Lite0-FPN, a top-down network of this package for little data.

It is EfficientNet-Lite0, trained on ImageNet's photographs, and a feature pyramid from stride 32 up to heatmaps at
stride 4, as in "Feature Pyramid Networks for Object Detection" (Lin et al., CVPR 2017, arXiv:1612.03144).
"""

from __future__ import annotations

from torch import Tensor, nn

from pose_estimation_ros.training.models.efficientnet_lite import STAGES, EfficientNetLite0
from pose_estimation_ros.training.models.hrnet import init_weights
from pose_estimation_ros.training.models.layers import DepthwiseBlock, conv_bn
from pose_estimation_ros.training.models.options import require_whole


class Lite0Fpn(nn.Module):
    """Predict top-down heatmaps from EfficientNet-Lite0's maps at strides 4 to 32, summed from coarse to fine.

    It has 3.163M parameters and 0.493 Gi MACs at 256x192. The input is (N, 3, H, W) float32 RGB 0..255, H and W
    multiples of 32; the output ``{"heatmaps": (N, K, H/4, W/4)}``.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the pyramid.
        frozen_stages: how many of stem and stages of the backbone are frozen.
    """

    def __init__(self, num_joints: int = 17, width: int = 96, frozen_stages: int = 0) -> None:
        super().__init__()
        require_whole("width", width)
        self.backbone = EfficientNetLite0(len(STAGES), frozen_stages)
        self.lateral = nn.ModuleList(conv_bn(channels, width, 1) for channels in self.backbone.widths)
        self.blocks = nn.ModuleList(DepthwiseBlock(width) for _ in self.backbone.widths)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(width, num_joints, 1)
        for added in (self.lateral, self.blocks, self.head):
            added.apply(init_weights)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps" for images (N, 3, H, W)."""
        return {"heatmaps": self.head(self.features(image))}

    def features(self, image: Tensor) -> Tensor:
        """Return the features (N, width, H/4, W/4) that the head reads."""
        coarsest, *finer = [lateral(x) for lateral, x in zip(self.lateral, self.backbone(image))][::-1]
        x: Tensor = self.blocks[0](coarsest)
        for block, lateral in zip(list(self.blocks)[1:], finer):
            x = block(lateral + self.up(x))
        return x
