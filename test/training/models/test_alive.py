"""No part of a network is dead: each answers to its input, and each parameter gets a gradient.

A part of which this is not true costs time and says nothing, and no count or shape shows it.
"""

from functools import partial

import pytest
import torch
from network_options import MODELS, OPTIONS, build, side, sizes_once

from pose_estimation_ros.training.models import litepose
from pose_estimation_ros.training.models.hrnet import HRNet
from pose_estimation_ros.training.models.layers import GlobalContext

STARTS = 4  # A ReLU may shut off the few hidden values of CBAM for one start; a dead part is dead for all of them.

CASES = [*((name, {}) for name in sizes_once(MODELS)), *OPTIONS]


def constant_leaves(model, images):
    """Run the model; return the names of the leaf modules with parameters whose output is the same for all images."""
    constant = set()

    def look(name):
        def hook(_module, _inputs, output):
            if (output - output[:1]).abs().max() <= 1e-6 * output.abs().max():
                constant.add(name)

        return hook

    leaves = [(n, m) for n, m in model.named_modules() if list(m.parameters()) and not list(m.children())]
    hooks = [module.register_forward_hook(look(name)) for name, module in leaves]
    outputs = model(images)
    for hook in hooks:
        hook.remove()
    return constant, outputs


def dead_parts(name, options):
    """Return the leaves without an answer and the parameters without a gradient, in all starts.

    Blocks may begin as the identity: their inner parts get a gradient only behind the first step of an optimiser. So
    the second step counts.
    """
    dead = None
    for start in range(STARTS):
        torch.manual_seed(start)
        model, images = build(name, options).train(), 255 * torch.rand(2, 3, side(options), side(options))
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(2):
            optimizer.zero_grad()
            constant, outputs = constant_leaves(model, images)
            sum((maps * torch.randn_like(maps)).sum() for maps in outputs.values()).backward()
            silent = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
            optimizer.step()
        dead = constant | silent if dead is None else dead & (constant | silent)
        if not dead:
            break
    return dead


@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_every_part_answers_and_learns(name, options, monkeypatch):
    monkeypatch.setattr(litepose, "BLOCKS", (2, 1, 1, 2))
    assert dead_parts(name, options) == set()


def test_a_dead_part_is_found(monkeypatch):
    """A layer norm over one value, as ELPN-V1's block would have behind stage 4 by the ratio of GCNet alone."""
    old = partial(HRNet, width=16, modules=(1, 1, 1), blocks=1, neck=partial(GlobalContext, least=1))
    monkeypatch.setitem(MODELS, "old", old)
    parts = {name.split(".")[1] for name in dead_parts("old", {})}
    assert {"squeeze", "norm", "excite"} <= parts
