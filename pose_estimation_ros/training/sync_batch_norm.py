"""Batch norm whose statistics are those of all processes, also on CPUs, where torch's own refuses to run."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn


class SumOverProcesses(torch.autograd.Function):
    """The sum of every process' tensor, in all of them; so each one's gradient is the sum of all gradients."""

    @staticmethod
    def forward(_context, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return SumOverProcesses.apply(gradient)


class SyncBatchNorm(nn.BatchNorm2d):
    """As BatchNorm2d on the joined batch of all processes, which must be of equal size (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean = SumOverProcesses.apply(x.float().sum((0, 2, 3))) / count
        variance = SumOverProcesses.apply((x.float() - mean[:, None, None]).square().sum((0, 2, 3))) / count
        self._follow(mean.detach(), variance.detach() * count / max(count - 1, 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
        self.running_var.lerp_(variance, self.momentum)  # type: ignore[union-attr, arg-type]
        self.num_batches_tracked.add_(1)  # type: ignore[union-attr]


def synchronise(model: nn.Module, device: torch.device) -> nn.Module:
    """The model with every BatchNorm2d replaced; weights and names stay. On CUDA torch's own, which is faster."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncBatchNorm  # the same parameters and buffers, another forward
    return model
