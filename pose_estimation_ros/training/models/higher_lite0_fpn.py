"""Build HigherHRNet's head on Lite0-FPN, a network of this package for several people at once.

The head is from "HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation" (Cheng et al.,
CVPR 2020, arXiv:1908.10357); the paper's own network is in baselines/higher_hrnet.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pose_estimation_ros.training.models.baselines.higher_hrnet import half_resolution
from pose_estimation_ros.training.models.hrnet import Block, HRNet, init_weights
from pose_estimation_ros.training.models.layers import DepthwiseBlock
from pose_estimation_ros.training.models.lite0_fpn import Lite0Fpn


class HigherTopDown(nn.Module):
    """Predict heatmaps at 1/4 and tags beside them, and from both by a transposed convolution heatmaps at 1/2.

    The tags differ from the paper's: a joint has two, the network's numbers plus the joint's x and y. So people in
    different places differ before anything is learned, and the network has to learn how far a joint lies from the
    middle of its person. Without this, all tags first become equal and need thousands of images to separate.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32. The outputs are "heatmaps" (N, K, H/4, W/4),
    "tags" (N, 2 K, H/4, W/4) and "heatmaps_2x" (N, K, H/2, W/2).

    Args:
        top_down: the network, with ``features`` at 1/4 and a 1x1 convolution ``head`` that makes heatmaps from them;
            in the paper it is HRNet.
        block: builder of the residual blocks at 1/2.
        half_width: channels there.
        half_blocks: how many blocks; 4 in the paper.
        tag_unit: px of the 1/4 map over which tags differ by 1 before training.
        tag_reach: how far a joint's tag may be from its person's, see ``ServedHigherTopDown``.
    """

    def __init__(
        self,
        top_down: HRNet | Lite0Fpn,
        block: Block,
        half_width: int = 32,
        half_blocks: int = 4,
        tag_unit: float = 8.0,
        tag_reach: float = 2.5,
    ) -> None:
        super().__init__()
        self.top_down, self.tag_unit, self.tag_reach = top_down, tag_unit, tag_reach
        width, num_joints = top_down.head.in_channels, top_down.head.out_channels
        self.tags = nn.Conv2d(width, 2 * num_joints, 1)
        self.doubled = half_resolution(width + 3 * num_joints, half_width, [block] * half_blocks, num_joints)
        for added in (self.tags, self.doubled):
            added.apply(init_weights)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps", "tags" and "heatmaps_2x" for images (N, 3, H, W)."""
        features = self.top_down.features(image)
        heatmaps, tags = self.top_down.head(features), self.tags(features)
        doubled = self.doubled(torch.cat([features, heatmaps, tags], 1))
        return {"heatmaps": heatmaps, "tags": tags + self.places(tags), "heatmaps_2x": doubled}

    def places(self, tags: Tensor) -> Tensor:
        """Return (2 K, h, w): x for the first tag of each joint, y for the second, in tag_unit."""
        y, x = (torch.arange(side, device=tags.device) / self.tag_unit for side in tags.shape[2:])
        both = torch.stack(torch.meshgrid(x, y, indexing="xy"))
        joints = tags.shape[1] // 2
        return both[:, None].expand(-1, joints, -1, -1).flatten(0, 1)  # repeat_interleave would become a OneHot in ONNX

    def served(self) -> nn.Module:
        """Return the network as it is exported."""
        return ServedHigherTopDown(self)


class ServedHigherTopDown(nn.Module):
    """Divide the network's tags by tag_reach, as they are exported.

    The grouping takes tags within 1 of each other for one person's. The papers' tags come close to one value for each
    person; these err by several units, above all in large people.
    """

    def __init__(self, model: HigherTopDown) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps", "tags" and "heatmaps_2x" for images (N, 3, H, W)."""
        outputs: dict[str, Tensor] = self.model(image)
        return outputs | {"tags": outputs["tags"] / self.model.tag_reach}


def higher_lite0_fpn(num_joints: int = 17, frozen_stages: int = 0) -> HigherTopDown:
    """Build HigherHRNet on Lite0-FPN, a combination of this package.

    It costs 3.247M parameters, 1.032 Gi MACs at 256x256. At 1/2 it has one residual block, because on a CPU high
    resolution is what costs time.

    Args:
        num_joints: K, heatmaps out.
        frozen_stages: how many of stem and stages of EfficientNet-Lite0 are frozen.
    """
    return HigherTopDown(Lite0Fpn(num_joints, frozen_stages=frozen_stages), DepthwiseBlock, half_blocks=1)
