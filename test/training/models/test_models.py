"""The papers' networks: printed counts, shapes, gradients, export."""

import pytest
import torch
from live_models import live, live_parity
from torch import nn

from pose_estimation_ros.training.export.export import PARITY, to_onnx
from pose_estimation_ros.training.models import POSE_MODELS
from pose_estimation_ros.training.models.baselines import TOP_DOWN_BASELINES
from pose_estimation_ros.training.models.counting import count
from pose_estimation_ros.training.models.hrnet import HRNet
from pose_estimation_ros.training.models.layers import Cbam, NamChannelAttention


def cost(builder, size_wh=(192, 256), **options):
    """Unique parameters, and multiply-adds of convolutions and linear layers / 2^30."""
    with torch.device("meta"):
        counts = count(builder(**options), size_wh)
    return counts.parameters, counts.macs / 2**30


# name, options, parameters (an int where known to the unit, else in millions), Gi at 256x192 and at 384x288
COUNTS = [
    ("hrnet_w32", {}, 28_536_113, 7.1200, 16.0199),
    ("hrnet_w48", {}, 63.5957, 14.6142, 32.8818),
    ("nam_hrnet_w32", {}, 28_536_113 + 4_864, 7.1200, 16.0199),
    ("goatpose_bl", {"hrnet_stem": True, "outer_norm": False}, 15.947, 4.424, 9.955),
    ("goatpose_bl", {"hrnet_stem": True}, 15.986, 4.424, None),
    ("goatpose_bl", {"outer_norm": False}, 15.4715, 3.4823, None),
    ("goatpose_bl", {}, 15.5104, 3.4823, 7.8351),
    ("goatpose_xl", {}, 34.7606, 7.7953, 17.5394),
    ("goatpose_xl", {"outer_norm": False}, 34.7023, 7.7953, None),
    ("goatpose_xl", {"hrnet_stem": True, "outer_norm": False}, 35.202, 8.514, 19.157),
    ("goatpose_xl", {"hrnet_stem": True}, 35.260, 8.514, None),
    ("elpn_v1", {}, 1_108_286, 1.2105, None),
    ("elpn_v2", {}, 4_705_870, 1.9899, None),
    ("el_hrnet_w32", {}, 4.8566, 1.9989, None),
    ("lite0_fpn", {}, 3_162_865, 0.4926, None),  # ours: of no paper
]


@pytest.mark.parametrize("name, options, parameters, gi, large_gi", COUNTS)
def test_counts_are_the_published_ones(name, options, parameters, gi, large_gi):
    ours, macs = cost(POSE_MODELS[name], **options)
    digits = 3 if name.startswith("goatpose") and options.get("hrnet_stem") else 4
    if isinstance(parameters, int):
        assert ours == parameters
    else:
        assert f"{ours / 1e6:.{digits}f}" == f"{parameters:.{digits}f}"
    assert f"{macs:.{digits}f}" == f"{gi:.{digits}f}"
    if large_gi:  # nothing but convolutions, which cost in proportion to the pixels
        assert f"{macs * 2.25:.{digits}f}" == f"{large_gi:.{digits}f}"


def test_every_model_is_counted():
    # BH and XH are BL and XL at a larger input
    counted = {POSE_MODELS[name] for name, *_ in COUNTS}
    assert counted == set(POSE_MODELS.values()) - set(TOP_DOWN_BASELINES.values())
    assert POSE_MODELS["goatpose_bh"] is POSE_MODELS["goatpose_bl"]
    assert POSE_MODELS["goatpose_xh"] is POSE_MODELS["goatpose_xl"]


@pytest.mark.parametrize("name, gi", [("elpn_v1", "1.614"), ("elpn_v2", "2.653"), ("el_hrnet_w32", "2.66499")])
def test_at_mpiis_256x256_with_16_joints(name, gi):
    macs = cost(POSE_MODELS[name], (256, 256), num_joints=16)[1]
    assert f"{macs:.{len(gi) - 2}f}" == gi


# ELPN's Tables 4 and 5: HRNets of other widths and other numbers of exchange units, 256x256, 16 joints
@pytest.mark.parametrize(
    "options, millions, gi",
    [
        ({"width": 8}, 2.139, 1.840),
        ({"width": 16}, 7.446, 3.413),
        ({"width": 64}, 112.625, 33.390),
        ({"modules": (1, 1, 3)}, 23.420, 6.789),
        ({"modules": (1, 4, 3)}, 28.536, 9.493),
        ({"modules": (1, 1, 1), "outputs": 4}, 10.072, 4.424),
        ({"modules": (1, 2, 1), "outputs": 4}, 11.777, 5.325),
        ({"modules": (1, 3, 1), "outputs": 4}, 13.483, 6.227),
        ({"modules": (1, 2, 2), "outputs": 4}, 18.836, 6.562),
    ],
)
def test_elpns_tables_of_channels_and_exchange_units(options, millions, gi):
    parameters, macs = cost(HRNet, (256, 256), num_joints=16, **options)
    assert (f"{parameters / 1e6:.3f}", f"{macs:.3f}") == (f"{millions:.3f}", f"{gi:.3f}")


def test_elpn_takes_channels_and_exchange_units():
    assert cost(POSE_MODELS["elpn_v1"], width=32, modules=(1, 4, 3)) == cost(POSE_MODELS["elpn_v2"])


def test_el_hrnets_printed_5_0m_counts_the_shared_layers_twice():
    with torch.device("meta"):
        model = POSE_MODELS["el_hrnet_w32"]()
    unique = sum(p.numel() for p in model.parameters())
    blocks = [m for m in model.modules() if isinstance(m, Cbam)]
    shared = sum(p.numel() for block in blocks for p in block.mlp.parameters())
    assert len(blocks) == 104 and f"{(unique + shared) / 1e6:.4f}" == "5.0327"


def test_nam_is_on_every_branch_of_every_exchange_unit():
    with torch.device("meta"):
        model = POSE_MODELS["nam_hrnet_w32"]()
    ends = [branch[-1] for stage in model.stages for unit in stage for branch in unit.branches]
    assert len(ends) == 1 * 2 + 4 * 3 + 3 * 4 and all(isinstance(end, NamChannelAttention) for end in ends)
    assert len([m for m in model.modules() if isinstance(m, NamChannelAttention)]) == len(ends)


# Narrow and short versions of every family: all kinds of parts, in an eighth of the published number.
SHORT = {"width": 16, "modules": (1, 1, 2)}
FAMILIES = [
    ("hrnet_w32", {**SHORT, "blocks": 2}),
    ("nam_hrnet_w32", {**SHORT, "blocks": 2}),
    ("goatpose_bl", SHORT),
    ("goatpose_bl", {**SHORT, "hrnet_stem": True, "outer_norm": False}),
    ("elpn_v1", SHORT),
    ("elpn_v2", {"modules": (1, 1, 2)}),
    ("el_hrnet_w32", {**SHORT, "blocks": 2}),
    ("lite0_fpn", {"width": 16}),
]


@pytest.mark.parametrize("name, options", FAMILIES)
def test_output_is_a_quarter_of_the_input(name, options):
    for joints, (width, height) in [(17, (32, 32)), (16, (64, 32)), (14, (96, 128))]:
        model = POSE_MODELS[name](joints, **options).eval()
        with torch.no_grad():
            heatmaps = model(torch.zeros(2, 3, height, width))["heatmaps"]
        assert heatmaps.shape == (2, joints, height // 4, width // 4)


@pytest.mark.parametrize("name, options", FAMILIES)
def test_onnx_runtime_agrees_with_torch(name, options):
    model = POSE_MODELS[name](**options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Open ReLUs: a channel that hardly ever fires in the images of the statistics amplifies rounding in others.
            nn.init.constant_(module.bias, 0.3)
    live(model)
    assert live_parity(model, to_onnx(model, [64, 64]), [64, 64]) <= PARITY
