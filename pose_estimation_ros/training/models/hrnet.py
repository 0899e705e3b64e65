"""HRNet (Sun et al., CVPR 2019): the frame that GoatPose, ELPN and EL-HRNet change block by block."""

from __future__ import annotations

from typing import Callable, Sequence

from torch import Tensor, nn

from pose_estimation_ros.training.models.layers import BasicBlock, Bottleneck, Normalize, conv_bn

Block = Callable[[int], nn.Module]


def fuse_down(width_in: int, width_out: int, steps: int) -> nn.Sequential:
    """A chain of ``steps`` stride-2 3x3 convolutions; only the last changes the width and has no ReLU."""
    same = [conv_bn(width_in, width_in, 3, stride=2, relu=True) for _ in range(steps - 1)]
    return nn.Sequential(*same, conv_bn(width_in, width_out, 3, stride=2))


def fuse_up(width_in: int, width_out: int, steps: int) -> nn.Sequential:
    """1x1 convolution at the low resolution, then nearest upsampling by 2**steps (HRNet's order: it is the cheaper)."""
    return nn.Sequential(conv_bn(width_in, width_out, 1), nn.Upsample(scale_factor=2**steps, mode="nearest"))


def fuse_path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    if source == target:
        return nn.Identity()
    make = fuse_up if source > target else fuse_down
    return make(widths[source], widths[target], abs(source - target))


class ExchangeUnit(nn.Module):
    """Parallel branches of blocks, then every output branch sums all branches ("multi-scale fusion")."""

    def __init__(self, widths: Sequence[int], blocks: int, block: Block, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(block(width) for _ in range(blocks))) for width in widths)
        self.fuse = nn.ModuleList(
            nn.ModuleList(fuse_path(widths, source, target) for source in range(len(widths)))
            for target in range(outputs)
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        features = [branch(x) for branch, x in zip(self.branches, features)]
        return [sum(path(x) for path, x in zip(row, features)).relu() for row in self.fuse]  # type: ignore


class HRNet(nn.Module):
    """Top-down heatmap network on HRNet's frame.

    Args:
        width: channels of the 1/4 branch (32 for W32); branch b has ``width * 2**b``.
        num_joints: K, heatmaps out. modules: exchange units in stages 2, 3, 4. blocks: blocks per branch.
        block: builder of one residual block of a given width. bottleneck: builder (inputs, planes) for stage 1.
        neck: builder of a module on the fused 1/4 map, before the head.

    Input (N, 3, H, W) float32 RGB 0..255, H and W multiples of 32; output ``{"heatmaps": (N, K, H/4, W/4)}``.
    """

    def __init__(
        self,
        width: int = 32,
        num_joints: int = 17,
        modules: Sequence[int] = (1, 4, 3),
        blocks: int = 4,
        block: Block = BasicBlock,
        bottleneck: Callable[[int, int], nn.Module] = Bottleneck,
        neck: Block = lambda width: nn.Identity(),
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(Normalize(), conv_bn(3, 64, 3, 2, relu=True), conv_bn(64, 64, 3, 2, relu=True))
        self.stage1 = nn.Sequential(bottleneck(64, 64), *(bottleneck(256, 64) for _ in range(3)))
        widths = [width * 2**branch for branch in range(4)]
        self.transition1 = nn.ModuleList([conv_bn(256, width, 3, relu=True), conv_bn(256, 2 * width, 3, 2, relu=True)])
        self.transitions = nn.ModuleList(conv_bn(widths[b - 1], widths[b], 3, 2, relu=True) for b in (2, 3))
        self.stages = nn.ModuleList()
        for stage, count in enumerate(modules):
            branches = widths[: stage + 2]
            outputs = [len(branches)] * (count - 1) + [1 if stage == 2 else len(branches)]
            self.stages.append(nn.Sequential(*(ExchangeUnit(branches, blocks, block, n) for n in outputs)))
        self.neck = neck(width)
        self.head = nn.Conv2d(width, num_joints, 1)
        self.apply(init_weights)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.stage1(self.stem(image))
        features = self.stages[0]([transition(x) for transition in self.transition1])
        for transition, stage in zip(self.transitions, list(self.stages)[1:]):
            features = stage([*features, transition(features[-1])])
        return {"heatmaps": self.head(self.neck(features[0]))}


def init_weights(module: nn.Module) -> None:
    """HRNet's initialisation: convolutions from normal(0, 0.001), head bias 0."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.001)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
