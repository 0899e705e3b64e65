"""What a network costs, in the conventions of the papers."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch import Tensor, nn

ELEMENTWISE = {nn.BatchNorm2d: 2, nn.ReLU: 1, nn.ReLU6: 1}  # operations per value in LitePose's tool


class Counts(NamedTuple):
    """Of one image. parameters: each once, however often used. macs: multiply-adds of convolutions and linear layers.

    litepose: the "MACs" of LitePose's tool (an older ptflops), which adds 2 per value for batch norm and 1 for ReLU,
    and takes a transposed convolution's output pixels for a convolution's: at stride 2 four times the true figure.
    """

    parameters: int
    macs: int
    litepose: int


# "Gi": HRNet's tool and all "FLOPs" of HRNet, GoatPose, ELPN, EL-HRNet. No paper here counts 2 operations per MAC.
CONVENTIONS = {
    "Gi": lambda counts: counts.macs / 2**30,
    "G": lambda counts: counts.macs / 1e9,
    "lp": lambda counts: counts.litepose / 1e9,
}


def count(model: nn.Module, size_wh: Sequence[int]) -> Counts:
    """Runs one image of zeros through the model, on its device: on "meta", only shapes are computed.

    Sees layers that are modules, not functions (``torch.relu``, ``@``), and a shared layer at each of its calls.
    """
    macs, litepose = [], []

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        macs.append(layer_macs(module, inputs[0], output))
        litepose.append(layer_litepose(module, inputs[0], output))

    hooks = [m.register_forward_hook(add) for m in model.modules() if not list(m.children())]
    device = next((p.device for p in model.parameters()), None)
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, size_wh[1], size_wh[0], device=device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return Counts(sum(p.numel() for p in model.parameters()), sum(macs), sum(litepose))


def layer_macs(module: nn.Module, given: Tensor, made: Tensor) -> int:
    """Multiply-adds without bias. A convolution's kernel acts per output value, a transposed one's per input value."""
    if isinstance(module, nn.ConvTranspose2d):
        return given.numel() * module.weight[0].numel()
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        return made.numel() * module.weight[0].numel()
    return 0


def layer_litepose(module: nn.Module, given: Tensor, made: Tensor) -> int:
    if isinstance(module, nn.ConvTranspose2d):
        return made[:, 0].numel() * module.weight.numel()
    return layer_macs(module, given, made) + ELEMENTWISE.get(type(module), 0) * made.numel()
