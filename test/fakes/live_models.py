"""Networks with random weights whose outputs depend on the image, so that comparing outputs can fail."""

import torch
from torch import nn

from pose_estimation_ros.training.export.export import parity


@torch.no_grad()
def live(model, side=64):
    """The model in evaluation mode, its batch norms with the statistics of noise images of this size.

    With those it starts from, the signal fades out over the many layers, and every comparison of outputs passes; with
    those of another size it explodes.
    """
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.train()(255 * torch.rand(4, 3, side, side))
    return model.eval()


@torch.no_grad()
def live_parity(model, content, size_wh):
    """export.parity, after a look whether the outputs depend on the image."""
    for maps in model(255 * torch.rand(2, 3, size_wh[1], size_wh[0])).values():
        assert (maps[0] - maps[1]).abs().max() > 1e-2
    return parity(model, content, size_wh)
