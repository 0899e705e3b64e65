"""No part of a network is dead: each answers to its input, and each parameter gets a gradient.

A part of which this is not true costs time and says nothing, and no count or shape shows it.
"""

import pytest
import torch

from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS, litepose
from pose_estimation_ros.training.models.wlitepose import ATTENTIONS

MODELS = {**POSE_MODELS, **BOTTOM_UP_MODELS, **DETECTOR_MODELS}
STARTS = 4  # A ReLU may shut off the few hidden values of CBAM for one start; a dead part is dead for all of them.

# Options that make the networks small but leave all kinds of parts in; a name that is missing is built at full size.
HRNET = {"width": 16, "modules": (1, 1, 1)}
SMALL = {name: {**HRNET, "blocks": 1} for name in POSE_MODELS if name.startswith(("hrnet", "nam_hrnet", "goat", "el"))}
SMALL |= {name: {"modules": (1, 1, 1), "blocks": 1} for name in BOTTOM_UP_MODELS if name.startswith("higher_hrnet")}
SMALL |= {name: {"blocks": 1} for name in BOTTOM_UP_MODELS if name.startswith("efficient_hrnet")}
SMALL |= {name: {"units": (1, 1, 1)} for name in POSE_MODELS if name.startswith("lite_hrnet")}

GOATPOSE = [
    {"hrnet_stem": True},
    {"outer_norm": False},
    {"lite_conv": False},
    {"ghost_ratio": 3},
    {"ghost_ratio": 4},
    {"nam": "none"},
    {"nam": "spatial", "input_size_wh": (64, 64)},
    {"nam": "both", "input_size_wh": (64, 64)},
    {"nam_position": "block"},
    {"nam_position": "block", "nam": "both", "input_size_wh": (64, 64)},
    {"fusion": "bilinear"},
    {"new_stream": "all"},
]
ELPN = [{"gc_ratio": 0.125}, {"gc_least": 4}, {"gc_blocks": []}, {"gc_blocks": ["neck"]}, {"gc_blocks": ["bottleneck"]}]
EL_HRNET = [{"cbam": False}, {"cbam_ratio": 4}, {"groups": 1}, {"groups": 4}]
MOVE_UP = {"attention": None, "gelu": False, "few_activations": False, "few_norms": False}
WLITEPOSE = [
    *({"attention": attention} for attention in ATTENTIONS),
    MOVE_UP,
    {**MOVE_UP, "attention": "dfc"},
    {**MOVE_UP, "attention": "dfc", "gelu": True},
    {"few_norms": False},
    {"stages": [2]},
    {"deconv": False},
    {"deconv_width": 33, "deconv_groups": 3},
    {"backbone_stride": 32},
    {"backbone_stride": 32, "deconv": False},
]
CASES = [
    *((name, {}) for name in MODELS),
    *(("goatpose_bl", options) for options in GOATPOSE),
    *(("elpn_v1", options) for options in ELPN),
    *(("el_hrnet_w32", options) for options in EL_HRNET),
    *(("wlitepose_xs", options) for options in WLITEPOSE),
]


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


def dead_parts(build, side=64):
    """Return the leaves without an answer and the parameters without a gradient, in all starts.

    Blocks may begin as the identity: their inner parts get a gradient only behind the first step of an optimiser. So
    the second step counts.
    """
    dead = None
    for start in range(STARTS):
        torch.manual_seed(start)
        model, images = build().train(), 255 * torch.rand(2, 3, side, side)
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
    # A map of one pixel says nothing of convolutions along columns and rows.
    side = 128 if options.get("backbone_stride") == 32 else 64
    assert dead_parts(lambda: MODELS[name](**{**SMALL.get(name, {}), **options}), side) == set()
