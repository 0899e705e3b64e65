"""Build SimpleBaseline: a network that was made for classification, and three transposed convolutions.

It is from "Simple Baselines for Human Pose Estimation and Tracking" (Xiao, Wu and Wei, ECCV 2018, arXiv:1804.06208).
"""

from __future__ import annotations

from functools import partial
from typing import Callable

from torch import Tensor, nn

from pose_estimation_ros.training.models.baselines.mobilenet_v2 import mobilenet_v2
from pose_estimation_ros.training.models.baselines.resnet import resnet
from pose_estimation_ros.training.models.baselines.shufflenet_v2 import shufflenet_v2
from pose_estimation_ros.training.models.hrnet import init_weights
from pose_estimation_ros.training.models.layers import deconv_bn
from pose_estimation_ros.training.models.options import require_whole

DECONVS = 3


class SimpleBaseline(nn.Module):
    """Predict top-down heatmaps from the last map of a backbone, whose resolution is doubled three times.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32; the output ``{"heatmaps": (N, K, H/4,
    W/4)}``.

    Args:
        num_joints: K, heatmaps out.
        backbone: builder of the network up to 1/32, and the number of channels that it gives.
        width: channels of the transposed convolutions.
        bgr: whether the backbone gets the channels in the order BGR, as the authors' published weights expect it.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self,
        num_joints: int = 17,
        *,
        backbone: Callable[[], tuple[nn.Module, int]],
        width: int = 256,
        bgr: bool = False,
    ) -> None:
        super().__init__()
        require_whole("width", width)
        self.bgr = bgr
        self.backbone, features = backbone()
        self.backbone.apply(init_backbone)
        self.deconvs = nn.Sequential(*(deconv_bn(width if index else features, width) for index in range(DECONVS)))
        self.head = nn.Conv2d(width, num_joints, 1)
        for added in (self.deconvs, self.head):
            added.apply(init_with_deconvs)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps" for images (N, 3, H, W)."""
        image = image[:, [2, 1, 0]] if self.bgr else image
        return {"heatmaps": self.head(self.deconvs(self.backbone(image)))}


def init_with_deconvs(module: nn.Module) -> None:
    """Initialise as ``init_weights`` does, and transposed convolutions from normal(0, 0.001), as in SimpleBaseline."""
    init_weights(module)
    if isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.001)


def init_backbone(module: nn.Module) -> None:
    """Initialise as for ImageNet, He's way, because the paper begins with weights that were trained there."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


# The paper counts the transposed convolutions by their output pixels: 8.991, 12.378 and 15.765 Gi MACs at 256x192.
simple_baseline_resnet50 = partial(SimpleBaseline, backbone=lambda: (resnet((3, 4, 6, 3)), 2048))
simple_baseline_resnet101 = partial(SimpleBaseline, backbone=lambda: (resnet((3, 4, 23, 3)), 2048))
simple_baseline_resnet152 = partial(SimpleBaseline, backbone=lambda: (resnet((3, 8, 36, 3)), 2048))

# The same head on smaller networks, which EL-HRNet is compared with. They are of github.com/open-mmlab/mmpose.
simple_baseline_mobilenet_v2 = partial(SimpleBaseline, backbone=lambda: (mobilenet_v2(), 1280))
simple_baseline_shufflenet_v2 = partial(SimpleBaseline, backbone=lambda: (shufflenet_v2(), 1024))
