"""Count the parameters and multiply-adds of a network, in the conventions of the papers.

The multiply-adds of an exported file are counted in evaluation/onnx_cost.py. This counter needs no export, which takes
seconds for each network and minutes for all, and sees batch norms before they are folded, which LitePose's tool counts.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import torch
from torch import Tensor, nn

# Operations per value in ptflops.
ELEMENTWISE: dict[type[nn.Module], int] = {nn.BatchNorm2d: 2, nn.ReLU: 1, nn.ReLU6: 1}


class Counts(NamedTuple):
    """Hold the cost of one image.

    Attributes:
        parameters: each counted once, however often it is used.
        macs: multiply-adds of convolutions and linear layers.
        by_output: the same by tools that count a transposed convolution by its output pixels, which at stride 2 is four
            times the true figure.
        elementwise: what ptflops and tools that were made of it add: 2 per value for batch norm and 1 for ReLU.
    """

    parameters: int
    macs: int
    by_output: int
    elementwise: int

    @property
    def litepose(self) -> int:
        """Return the "MACs" of LitePose's tool, an older ptflops."""
        return self.by_output + self.elementwise


# "Gi+": HRNet's tool, and all "FLOPs" of SimpleBaseline, HRNet, GoatPose, ELPN, EL-HRNet. It is "Gi" for all but the
# first, because they have no transposed convolutions. "G+": HigherHRNet, EfficientHRNet. "mm", "ts": MMPose's and
# Lite-HRNet's tool, whose figures EL-HRNet has for its baselines. No paper here counts 2 operations per MAC.
CONVENTIONS: dict[str, Callable[[Counts], float]] = {
    "Gi": lambda counts: counts.macs / 2**30,
    "G": lambda counts: counts.macs / 1e9,
    "Gi+": lambda counts: counts.by_output / 2**30,
    "G+": lambda counts: counts.by_output / 1e9,
    "mm": lambda counts: (counts.macs + counts.elementwise) / 1e9,
    "ts": lambda counts: (counts.macs + counts.elementwise) / (1000 * 2**20),
    "lp": lambda counts: counts.litepose / 1e9,
}


def count(model: nn.Module, size_wh: Sequence[int]) -> Counts:
    """Count the cost of one image by running zeros through the model; on the device "meta" only shapes are computed.

    It counts layers that are modules, not functions (``torch.relu``, ``@``), and a shared layer at each of its calls.
    Batch norms pass their input on: they keep its shape, and on "meta" they would take most of the time.

    Args:
        model: on any device.
        size_wh: width and height of the image in px.
    """
    costs = [(0, 0, 0)]

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        elementwise = ELEMENTWISE.get(type(module), 0) * output.numel()
        costs.append((layer_macs(module, inputs[0], output), layer_macs_by_output(module, output), elementwise))

    hooks = [m.register_forward_hook(add) for m in model.modules() if not list(m.children())]
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    device = next((p.device for p in model.parameters()), None)
    training = model.training
    try:
        for norm in norms:
            norm.__dict__["forward"] = _same
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, size_wh[1], size_wh[0], device=device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
        for norm in norms:
            del norm.__dict__["forward"]
    return Counts(sum(p.numel() for p in model.parameters()), *(sum(column) for column in zip(*costs)))


def _same(values: Tensor) -> Tensor:
    return values


def layer_macs(module: nn.Module, inputs: Tensor, outputs: Tensor) -> int:
    """Count a layer's multiply-adds without bias.

    A convolution's kernel acts for each output value, a transposed convolution's for each input value.

    Args:
        module: the layer.
        inputs: its input.
        outputs: its output.
    """
    if isinstance(module, nn.ConvTranspose2d):
        return inputs.numel() * module.weight[0].numel()
    return layer_macs_by_output(module, outputs)


def layer_macs_by_output(module: nn.Module, outputs: Tensor) -> int:
    """Count a layer's multiply-adds without bias as if a transposed convolution were one to its output.

    Args:
        module: the layer.
        outputs: its output.
    """
    if isinstance(module, nn.ConvTranspose2d):
        return outputs[:, 0].numel() * module.weight.numel()
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        return outputs.numel() * module.weight[0].numel()
    return 0
