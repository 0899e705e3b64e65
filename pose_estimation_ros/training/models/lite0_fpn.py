"""A top-down network of no paper, for little data: EfficientNet-Lite0, which knows photographs from ImageNet, and a
feature pyramid (Lin et al., CVPR 2017) from stride 32 up to heatmaps at stride 4.
"""

from __future__ import annotations

from torch import Tensor, nn

from pose_estimation_ros.training.models.efficientnet_lite import STAGES, EfficientNetLite0
from pose_estimation_ros.training.models.hrnet import init_weights
from pose_estimation_ros.training.models.layers import DepthwiseBlock, conv_bn


class Lite0Fpn(nn.Module):
    """Top-down heatmaps from EfficientNet-Lite0's maps at strides 4 to 32, summed from the coarsest to the finest.

    Args:
        num_joints: K, heatmaps out. width: channels of the pyramid. frozen_stages: of the backbone.

    3.163M parameters, 0.493 Gi MACs at 256x192.

    Input (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32; output ``{"heatmaps": (N, K, H/4, W/4)}``.
    """

    def __init__(self, num_joints: int = 17, width: int = 96, frozen_stages: int = 0) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0(len(STAGES), frozen_stages)
        self.lateral = nn.ModuleList(conv_bn(channels, width, 1) for channels in self.backbone.widths)
        self.blocks = nn.ModuleList(DepthwiseBlock(width) for _ in self.backbone.widths)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(width, num_joints, 1)
        for added in (self.lateral, self.blocks, self.head):
            added.apply(init_weights)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"heatmaps": self.head(self.features(image))}

    def features(self, image: Tensor) -> Tensor:
        """(N, width, H/4, W/4): what the head reads."""
        x, *finer = [lateral(x) for lateral, x in zip(self.lateral, self.backbone(image))][::-1]
        x = self.blocks[0](x)
        for block, lateral in zip(list(self.blocks)[1:], finer):
            x = block(lateral + self.up(x))
        return x
