"""Build WLitePose: LitePose with DFC-bottleneck blocks and a light deconvolution module.

It is from "Lightweight Human Pose Estimation Based on Heatmap Weighted Loss Function" (Wang, Li, Chen and Wen). The
paper's counts (S 3.6M, 5.8 G; XS 2.3M, 1.5 G) do not follow from its text, and no reading was found that gives them:
moving the 7x7 convolution before the expansion takes away more than a DFC branch on the narrow features adds. Here it
is built as the text says. With 14 joints it has 2.399M and 1.366M parameters, 2.768 and 0.648 G MACs, 3.398 and 0.788
by LitePose's tool. What the text leaves open is chosen as follows:

* The BN "in front of the 1x1" stands behind the product of the branches, straight before the 1x1.
* In blocks of stride 2 the 7x7 has the stride. The pooled DFC branch then has the output's size and is not upsampled.
* The deconvolution module takes "66 channels" = 32 features + 17 heatmaps + 17 tags at 1/4. LitePose has 24 features
  there, and is at 1/4 after two deconvs. So the second gets 32 channels and the module replaces the third. The text
  also says that the backbone ends at 1/32, which LitePose's code does not and the printed counts of its baseline
  exclude; ``backbone_stride`` 32 builds that, with a third deconv below the two, and the module to 1/2 all the same.
* 1x1 convolutions in "3 groups" on 32 channels are impossible, so there are 4 groups; ``deconv_width`` 33 with
  ``deconv_groups`` 3 keeps the 3. Residual blocks are ShuffleNet's units with both of their grouped 1x1, because Fig. 3
  is not in the text.
* SE, CBAM and CA refine the output of the 7x7, because each multiplies its input; only DFC runs in parallel. SE and
  CBAM reduce by 4, as in MobileNetV3: their usual 16 would leave the 16 narrow channels one hidden value, which may
  always be 0.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Sequence

import torch
from torch import Tensor, nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models.attention import CoordinateAttention, SqueezeExcite, dfc_logits
from pose_estimation_ros.training.models.layers import Cbam, ChannelShuffle, conv_bn
from pose_estimation_ros.training.models.litepose import EXPANSION, KERNEL, InvertedResidual, LitePose
from pose_estimation_ros.training.models.options import require_one_of, require_subset, require_whole, require_wholes

REFINERS: dict[str, Callable[[int], nn.Module]] = {
    "se": lambda width: SqueezeExcite(width, max(width // 4, 1), bias=False),
    "cbam": partial(Cbam, ratio=4),
    "ca": CoordinateAttention,
}
ATTENTIONS = (None, "dfc", "dfc_hidden", *REFINERS)


class DfcBottleneck(nn.Module):
    """Compute a gated depthwise 7x7 on the narrow features, 1x1 to six times the width, GELU and 1x1.

    The identity is added where it fits. The arguments are the rows of Tables IX and X: with no attention and all three
    flags off it is "move up 7x7".

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: 1 or 2.
        attention: "dfc" gates the narrow features, as the text says (eq. 11). With "dfc_hidden" a full-resolution
            branch gates the expanded features behind their activation, as in GhostNetV2; of all readings this is
            nearest to the printed counts. Others are "se", "cbam", "ca" and None.
        gelu: whether activations are GELU instead of ReLU6.
        few_activations: whether there is only the one between the 1x1 convolutions.
        few_norms: whether there is only the batch norm in front of the first 1x1, beside those inside the attention.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        attention: str | None = "dfc",
        gelu: bool = True,
        few_activations: bool = True,
        few_norms: bool = True,
    ) -> None:
        super().__init__()
        hidden = inputs * EXPANSION
        activation = nn.GELU if gelu else partial(nn.ReLU6, inplace=True)
        early = [] if few_activations else [activation()]
        norms = [nn.Identity() if few_norms else nn.BatchNorm2d(width) for width in (inputs, hidden, outputs)]
        depthwise = nn.Conv2d(inputs, inputs, KERNEL, stride, KERNEL // 2, groups=inputs, bias=False)
        refine = [REFINERS[attention](inputs)] if attention in REFINERS else []
        self.spatial = nn.Sequential(depthwise, norms[0], *early, *refine)
        # It works at half the input's resolution and is brought back to it where the 7x7 keeps it.
        self.gate = dfc_logits(inputs, inputs, 2, 2 // stride) if attention == "dfc" else None
        self.norm = nn.BatchNorm2d(inputs) if few_norms else nn.Identity()
        self.expand = nn.Sequential(nn.Conv2d(inputs, hidden, 1, bias=False), norms[1], activation())
        self.hidden_gate = dfc_logits(inputs, hidden, stride, 1) if attention == "dfc_hidden" else None
        self.project = nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), norms[2])
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        narrow = _gated(self.spatial(x), self.gate, x)
        hidden = _gated(self.expand(self.norm(narrow)), self.hidden_gate, x)
        y: Tensor = self.project(hidden)
        return x + y if self.residual else y


def _gated(features: Tensor, gate: nn.Module | None, x: Tensor) -> Tensor:
    if gate is None:
        return features
    logits: Tensor = gate(x)
    return features * logits.sigmoid()


class ShuffleUnit(nn.Module):
    """Add grouped 1x1, a shuffle of the channels over the groups, depthwise 3x3 and grouped 1x1 to the identity.

    It is the unit of "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices"
    (arXiv:1707.01083).

    Args:
        width: channels of input and output.
        groups: groups of the 1x1 convolutions.
    """

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.mix = conv_bn(width, width, 1, groups=groups, relu=True)
        self.shuffle = ChannelShuffle(width, groups)
        self.body = nn.Sequential(conv_bn(width, width, 3, groups=width), conv_bn(width, width, 1, groups=groups))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output for features (N, C, h, w)."""
        y: Tensor = self.relu(x + self.body(self.shuffle(self.mix(x))))
        return y


class LightDeconv(nn.Module):
    """Make heatmaps at 1/2 from features, heatmaps and tags at 1/4: the light deconvolution module (Section III.B).

    It is depthwise transposed 4x4, 1x1, BN, ReLU, four ShuffleUnits, and a 1x1 with bias as HigherHRNet's last layer.

    Args:
        features: channels of the features.
        num_joints: K.
        width: channels of the module.
        groups: number of groups of the 1x1 convolutions.
    """

    def __init__(self, features: int, num_joints: int, width: int = 32, groups: int = 4) -> None:
        super().__init__()
        inputs = features + 2 * num_joints
        self.up = nn.Sequential(
            nn.ConvTranspose2d(inputs, inputs, 4, 2, 1, groups=inputs, bias=False),
            conv_bn(inputs, width, 1, relu=True),
        )
        self.refine = nn.Sequential(*(ShuffleUnit(width, groups) for _ in range(4)))
        self.head = nn.Conv2d(width, num_joints, 1)

    def forward(self, refined: Tensor, maps: Tensor, _quarter: Tensor, _half: Tensor) -> Tensor:
        """Predict heatmaps at 1/2 from the refined features and the maps at 1/4."""
        heatmaps: Tensor = self.head(self.refine(self.up(torch.cat([refined, maps], 1))))
        return heatmaps


FEATURES = 32  # channels at 1/4 in front of the deconvolution module


def wlitepose(
    num_joints: int = 17,
    stem: int = 16,
    widths: Sequence[int] = (16, 32, 48, 80),
    deconvs: Sequence[int] = (16, 24, 24),
    stages: Sequence[int] = (1, 2, 3, 4),
    deconv: bool = True,
    deconv_width: int = 32,
    deconv_groups: int = 4,
    backbone_stride: int = 16,
    attention: str | None = "dfc",
    gelu: bool = True,
    few_activations: bool = True,
    few_norms: bool = True,
) -> LitePose:
    """Build a LitePose with the paper's changes, each of which can be left out.

    Args:
        num_joints: K.
        stem: channels at 1/2.
        widths: channels of the four stages.
        deconvs: channels of LitePose's three fusion deconvs.
        stages: those with DFC-bottleneck blocks (Table VII).
        deconv: whether the light deconvolution module (Table VI) takes the place of the last fusion deconv, to 1/2.
        deconv_width: channels of that module; a multiple of the groups.
        deconv_groups: groups of its 1x1 convolutions.
        backbone_stride: 16, where LitePose's code ends, or 32, where the text ends: then one more deconv leads to 1/16.
        attention: "dfc", "dfc_hidden", "se", "cbam", "ca" or None; "dfc_hidden" gates the expanded features.
        gelu: whether activations are GELU instead of ReLU6.
        few_activations: whether a block has only the one between its 1x1 convolutions.
        few_norms: whether a block has only the batch norm in front of its first 1x1, beside those in the attention.

    Raises:
        ConfigError: a value is unknown or out of range.
    """
    require_whole("stem", stem)
    require_wholes("widths", widths, 4)
    require_wholes("deconvs", deconvs, 3)
    require_subset("stages", stages, (1, 2, 3, 4))
    require_one_of("attention", attention, ATTENTIONS)
    require_one_of("backbone_stride", backbone_stride, (16, 32))
    require_whole("deconv_width", deconv_width)
    require_whole("deconv_groups", deconv_groups)
    if deconv_width % deconv_groups:
        raise ConfigError(f"expected deconv_width as a multiple of deconv_groups {deconv_groups}, got {deconv_width}")
    options = {"attention": attention, "gelu": gelu, "few_activations": few_activations, "few_norms": few_norms}
    block = partial(DfcBottleneck, **options)  # type: ignore[arg-type]
    blocks = [block if stage in stages else InvertedResidual for stage in (1, 2, 3, 4)]
    half, lift = deconvs[-1], None
    if backbone_stride == 32:
        lift, *deconvs = deconvs
    if deconv:
        module = LightDeconv(FEATURES, num_joints, deconv_width, deconv_groups)
        return LitePose(num_joints, stem, widths, (deconvs[0], FEATURES), blocks, module, lift=lift)
    return LitePose(num_joints, stem, widths, (*deconvs[:2], half), blocks, lift=lift)


wlitepose_xs = wlitepose  # on LitePose-XS, for 256x256
wlitepose_s = partial(wlitepose, widths=(16, 32, 48, 120), deconvs=(32, 24, 32))  # on LitePose-S, for 448x448
