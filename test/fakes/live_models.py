"""Make networks with random weights whose outputs depend on the image, so that a comparison of outputs can fail."""

import torch
from torch import nn

from pose_estimation_ros.training.export.export import parity


@torch.no_grad()
def live(model, side=64):
    """Return a model in evaluation mode whose batch norms have the statistics of noise images of a size.

    With the initial statistics the signal would fade over the many layers, and every comparison of outputs would pass.
    With the statistics of another size it would explode.
    """
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.train()(255 * torch.rand(4, 3, side, side))
    return model.eval()


@torch.no_grad()
def live_parity(model, content, size_wh):
    """Return export.parity after checking that the outputs depend on the image."""
    for maps in model(255 * torch.rand(2, 3, size_wh[1], size_wh[0])).values():
        assert (maps[0] - maps[1]).abs().max() > 1e-2
    return parity(model, content, size_wh)
