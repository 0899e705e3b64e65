"""Build HRNet, the frame that GoatPose, ELPN and EL-HRNet change block by block.

It is from "Deep High-Resolution Representation Learning for Human Pose Estimation" (Sun et al., CVPR 2019,
arXiv:1902.09212).
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Sequence

from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import (
    BasicBlock,
    Bottleneck,
    GlobalContext,
    NamChannelAttention,
    Normalize,
    conv_bn,
)
from pose_estimation_ros.training.models.options import require_one_of, require_whole, require_wholes

Block = Callable[[int], nn.Module]  # width -> module that keeps it
Resample = Callable[[int, int, int], nn.Module]  # channels in, channels out, factor as a power of 2
Front = tuple[nn.Module, nn.Module, nn.ModuleList]  # stem, stage 1, one transition per branch of stage 2

NEW_STREAMS = ("lowest", "all")


def identity(_width: int) -> nn.Module:
    """Build a module that changes nothing."""
    return nn.Identity()


def hrnet_front(width: int, bottleneck: Callable[[int, int], nn.Module] = Bottleneck) -> Front:
    """Build a stem to 1/4, four bottlenecks and 3x3 transitions, with 64 and 256 channels at any width.

    Args:
        width: channels of the 1/4 branch in stage 2.
        bottleneck: builder of a block from channels in and planes.
    """
    stem = nn.Sequential(Normalize(), conv_bn(3, 64, 3, 2, relu=True), conv_bn(64, 64, 3, 2, relu=True))
    stage1 = nn.Sequential(bottleneck(64, 64), *(bottleneck(256, 64) for _ in range(3)))
    transitions = [conv_bn(256, width, 3, relu=True), conv_bn(256, 2 * width, 3, 2, relu=True)]
    return stem, stage1, nn.ModuleList(transitions)


def fuse_down(width_in: int, width_out: int, steps: int) -> nn.Sequential:
    """Build a chain of stride-2 3x3 convolutions, of which only the last changes the width and has no ReLU.

    Args:
        width_in: channels in.
        width_out: channels out.
        steps: how many convolutions.
    """
    same = [conv_bn(width_in, width_in, 3, stride=2, relu=True) for _ in range(steps - 1)]
    return nn.Sequential(*same, conv_bn(width_in, width_out, 3, stride=2))


def fuse_up(width_in: int, width_out: int, steps: int) -> nn.Sequential:
    """Build a 1x1 convolution at the low resolution, then nearest upsampling: HRNet's order, which is the cheaper one.

    Args:
        width_in: channels in.
        width_out: channels out.
        steps: the upsampling is by 2**steps.
    """
    return nn.Sequential(conv_bn(width_in, width_out, 1), nn.Upsample(scale_factor=2**steps, mode="nearest"))


def fuse_up_bilinear(width_in: int, width_out: int, steps: int) -> nn.Sequential:
    """Build bilinear upsampling, then a 1x1 convolution at the high resolution: the order of GoatPose's Section 3.1.

    Args:
        width_in: channels in.
        width_out: channels out.
        steps: the upsampling is by 2**steps.
    """
    upsample = nn.Upsample(scale_factor=2**steps, mode="bilinear", align_corners=False)
    return nn.Sequential(upsample, conv_bn(width_in, width_out, 1))


def fuse_path(
    widths: Sequence[int], source: int, target: int, up: Resample = fuse_up, down: Resample = fuse_down
) -> nn.Module:
    """Build what leads from one branch to another.

    Args:
        widths: channels of the branches.
        source: index of the branch that is read.
        target: index of the branch that it is added to.
        up: builder of a path to a finer branch.
        down: builder of a path to a coarser branch.
    """
    if source == target:
        return nn.Identity()
    make = up if source > target else down
    return make(widths[source], widths[target], abs(source - target))


class ExchangeUnit(nn.Module):
    """Run parallel branches of blocks, then sum all branches for every output branch ("multi-scale fusion").

    Args:
        widths: channels of the branches.
        blocks: blocks in each branch.
        block: builder of a block from its channels.
        branch_end: builder of the module behind each branch.
        outputs: number of output branches; one more than there are branches makes a new one of half the resolution.
        up: builder of the paths to finer branches.
    """

    def __init__(
        self,
        widths: Sequence[int],
        blocks: int,
        block: Block,
        branch_end: Block,
        outputs: int,
        up: Resample = fuse_up,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(block(width) for _ in range(blocks)), branch_end(width)) for width in widths
        )
        targets = [*widths, 2 * widths[-1]]
        self.fuse = nn.ModuleList(
            nn.ModuleList(fuse_path(targets, source, target, up) for source in range(len(widths)))
            for target in range(outputs)
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Compute the maps of the output branches from those of all branches, the finest first."""
        features = [branch(x) for branch, x in zip(self.branches, features)]
        return [sum(path(x) for path, x in zip(row, features)).relu() for row in self.fuse]  # type: ignore


class HRNet(nn.Module):
    """Predict top-down heatmaps on HRNet's frame.

    The input is (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32; the output ``{"heatmaps": (N, K, H/4,
    W/4)}``.

    Args:
        num_joints: K, heatmaps out.
        width: channels of the 1/4 branch (32 for W32); branch b has ``width * 2**b``.
        modules: exchange units in stages 2, 3, 4.
        blocks: blocks per branch of each exchange unit.
        outputs: branches that the last exchange unit fuses. Only the first is used, so it is 1. With 4, the unused ones
            stay in; so do the printed counts of the networks in ELPN's Table 5 whose stage 4 has not 3 exchange units.
        block: builder of one residual block of a given width.
        branch_end: builder of a module behind the blocks of each branch, before the fusion.
        neck: builder of a module on the fused 1/4 map, before the head.
        front: builder of all up to the two branches of stage 2, see ``hrnet_front``.
        up: builder of the fusion's paths to finer branches.
        new_stream: what the stream that stages 3 and 4 add is made of. "lowest" is HRNet's 3x3 convolution of the
            coarsest map. With "all" the last fusion of the stage before makes it of all maps: R3 = f13(R1) + f23(R2).

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self,
        num_joints: int = 17,
        width: int = 32,
        modules: Sequence[int] = (1, 4, 3),
        blocks: int = 4,
        outputs: int = 1,
        block: Block = BasicBlock,
        branch_end: Block = identity,
        neck: Block = identity,
        front: Callable[[int], Front] = hrnet_front,
        up: Resample = fuse_up,
        new_stream: str = "lowest",
    ) -> None:
        super().__init__()
        _check_size(width, modules, blocks, outputs, new_stream)
        self.stem, self.stage1, self.transition1 = front(width)
        widths = [width * 2**branch for branch in range(4)]
        from_lowest = new_stream == "lowest"
        new = (2, 3) if from_lowest else ()
        self.transitions = nn.ModuleList(conv_bn(widths[b - 1], widths[b], 3, 2, relu=True) for b in new)
        self.stages = nn.ModuleList()
        for branches, count, last in zip((2, 3, 4), modules, (2, 3, outputs) if from_lowest else (3, 4, outputs)):
            fused = [branches] * (count - 1) + [last]
            units = (ExchangeUnit(widths[:branches], blocks, block, branch_end, n, up) for n in fused)
            self.stages.append(nn.Sequential(*units))
        self.neck = neck(width)
        self.head = nn.Conv2d(width, num_joints, 1)
        self.apply(init_weights)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Predict "heatmaps" for images (N, 3, H, W)."""
        return {"heatmaps": self.head(self.features(image))}

    def features(self, image: Tensor) -> Tensor:
        """Return the features (N, width, H/4, W/4) that the head reads."""
        x = self.stage1(self.stem(image))
        features = self.stages[0]([transition(x) for transition in self.transition1])
        for index, stage in enumerate(list(self.stages)[1:]):
            new = [self.transitions[index](features[-1])] if self.transitions else []
            features = stage([*features, *new])
        fused: Tensor = self.neck(features[0])
        return fused


def _check_size(width: int, modules: Sequence[int], blocks: int, outputs: int, new_stream: str) -> None:
    require_whole("width", width)
    require_whole("blocks", blocks)
    require_one_of("outputs", outputs, (1, 2, 3, 4))
    require_one_of("new_stream", new_stream, NEW_STREAMS)
    require_wholes("modules", modules, 3)


def init_weights(module: nn.Module) -> None:
    """Initialise as HRNet's code does: convolutions from normal(0, 0.001), bias 0; global context as GCNet's does."""
    if isinstance(module, GlobalContext):
        module.reset_parameters()  # its convolution was visited before
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.001)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


hrnet_w32 = HRNet  # 28.536M parameters, 7.1200 Gi MACs at 256x192
hrnet_w48 = partial(HRNet, width=48)  # 63.596M, 14.6142 Gi

# GoatPose's ablation: HRNet with the attention alone. 28.541M and 7.1200 Gi; the 35M and 7.8 G that its Table 3 prints
# are those of GoatPose-XL, as is the AP beside them, so that row has the wrong label.
nam_hrnet_w32 = partial(HRNet, branch_end=NamChannelAttention)
