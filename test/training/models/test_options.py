"""The options of the papers' networks: their counts, their files, and what is refused."""

import pytest
import torch
from live_models import live, live_parity
from network_options import OPTIONS, build, side
from torch import nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.importing.tensorrt_operators import refused
from pose_estimation_ros.training.export.export import PARITY, to_onnx
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS, litepose
from pose_estimation_ros.training.models.counting import count

MODELS = {**POSE_MODELS, **BOTTOM_UP_MODELS}
HRNET_W32 = {"lite_conv": False, "hrnet_stem": True, "nam": "none"}
# NAM of channels has 2 values a channel, NAM of pixels 2 a pixel: those of the four branches, in all exchange units.
CHANNELS = 2 * 32 * sum(sum(2**b for b in range(n)) * units for n, units in [(2, 1), (3, 4), (4, 3)])
PIXELS = 2 * 64 * 48 * sum(sum(4**-b for b in range(n)) * units for n, units in [(2, 1), (3, 4), (4, 3)])


@pytest.mark.parametrize(
    "name, options, parameters, gi",
    [
        ("goatpose_bl", HRNET_W32, "28.536113", "7.1200"),  # HRNet-W32
        ("goatpose_bl", {**HRNET_W32, "nam": "channel"}, "28.540977", "7.1200"),  # NAM-HRNet-W32
        ("goatpose_bl", {"nam": "none"}, f"{15.510401 - CHANNELS / 1e6:.6f}", "3.4823"),
        ("goatpose_bl", {"nam": "spatial"}, f"{15.510401 + (PIXELS - CHANNELS) / 1e6:.6f}", "3.4823"),
        ("goatpose_bl", {"nam": "both"}, f"{15.510401 + PIXELS / 1e6:.6f}", "3.4823"),
        ("goatpose_bl", {"nam_position": "block"}, f"{15.510401 + 3 * CHANNELS / 1e6:.6f}", "3.4823"),  # 4 for each 1
        ("goatpose_bl", {"fusion": "bilinear"}, "15.510401", "3.7207"),  # + 0.238 Gi
        ("goatpose_bl", {"ghost_ratio": 4}, "9.21", "2.13"),
        ("elpn_v1", {"gc_ratio": 1 / 8}, "1.141", "1.211"),
        ("elpn_v2", {"blocks": 4}, "6.241", None),
        ("el_hrnet_w32", {"cbam": False}, "4.670", "1.987"),  # L-Basicblocks
        ("el_hrnet_w32", {"groups": 16}, "5.165", "2.038"),
    ],
)
def test_options_cost_what_their_formulas_say(name, options, parameters, gi):
    """Figures with 3 digits were counted on other networks than these; the longer ones follow from the sums above."""
    with torch.device("meta"):
        counts = count(MODELS[name](**options), (192, 256))

    def rounded(value, like):
        return f"{value:.{len(like.split('.')[1])}f}"

    assert rounded(counts.parameters / 1e6, parameters) == parameters
    assert gi is None or rounded(counts.macs / 2**30, gi) == gi


@pytest.mark.parametrize("name", ["elpn_v1", "elpn_v2"])
def test_elpns_context_has_at_least_8_hidden_values(name):
    with torch.device("meta"):
        model = MODELS[name]()
    widths = [m.normalized_shape[0] for m in model.modules() if isinstance(m, nn.LayerNorm)]
    assert widths == [16, 16, 16, 16, 8]


@pytest.mark.parametrize("name, options", OPTIONS, ids=str)
def test_onnx_runtime_agrees_and_tensorrt_knows_the_operators(name, options, monkeypatch, tmp_path):
    monkeypatch.setattr(litepose, "BLOCKS", (2, 1, 1, 2))
    size = [side(options)] * 2
    model = build(name, options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 0.3)  # open ReLUs
    content = to_onnx(live(model, size[0]), size)
    assert live_parity(model, content, size) <= PARITY
    (tmp_path / "model.onnx").write_bytes(content)
    assert refused(str(tmp_path / "model.onnx"), "8.2") == []


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("hrnet_w32", {"modules": [1, 4]}, r"modules as 3 numbers.*, got \[1, 4\]"),
        ("hrnet_w32", {"modules": [1, 0, 3]}, "modules as a whole number of at least 1, got 0"),
        ("hrnet_w32", {"width": 8.5}, "width as a whole number of at least 1, got 8.5"),
        ("hrnet_w32", {"blocks": True}, "blocks as a whole number of at least 1, got True"),
        ("hrnet_w32", {"outputs": 5}, "outputs out of 1, 2, 3, 4, got 5"),
        ("goatpose_bl", {"new_stream": "both"}, "new_stream out of lowest, all, got 'both'"),
        ("goatpose_bl", {"nam": "pixel"}, "nam out of none, channel, spatial, both, got 'pixel'"),
        ("goatpose_bl", {"nam": None}, "nam out of none, channel, spatial, both, got None"),
        ("goatpose_bl", {"nam_position": "end"}, "nam_position out of branch, block, got 'end'"),
        ("goatpose_bl", {"fusion": "nearest"}, "fusion out of hrnet, bilinear, got 'nearest'"),
        ("goatpose_bl", {"ghost_ratio": 1}, "ghost_ratio as a whole number of at least 2, got 1"),
        (
            "goatpose_bl",
            {"nam": "spatial", "input_size_wh": [192, 250]},
            r"input_size_wh as two .* 32, got \[192, 250\]",
        ),
        ("elpn_v1", {"gc_blocks": ["head"]}, r"gc_blocks out of bottleneck, neck, got \['head'\]"),
        ("elpn_v1", {"gc_blocks": "neck"}, "gc_blocks out of bottleneck, neck, got 'neck'"),
        ("elpn_v1", {"gc_least": 0}, "gc_least as a whole number of at least 1, got 0"),
        ("elpn_v1", {"gc_ratio": 0}, "gc_ratio above 0 and at most 1, got 0"),
        ("el_hrnet_w32", {"cbam_ratio": 0}, "cbam_ratio as a whole number of at least 1, got 0"),
        ("el_hrnet_w32", {"groups": 5}, "groups that divide half the width 32, got 5"),
        ("wlitepose_xs", {"stages": [0, 1]}, r"stages out of 1, 2, 3, 4, got \[0, 1\]"),
        ("wlitepose_xs", {"attention": "eca"}, "attention out of None, dfc, .*, got 'eca'"),
        ("wlitepose_xs", {"backbone_stride": 8}, "backbone_stride out of 16, 32, got 8"),
        ("wlitepose_xs", {"deconv_groups": 3}, "deconv_width as a multiple of deconv_groups 3, got 32"),
        ("wlitepose_xs", {"deconv_groups": 0}, "deconv_groups as a whole number of at least 1, got 0"),
    ],
)
def test_values_that_cannot_be(name, options, message):
    with torch.device("meta"), pytest.raises(ConfigError, match=f"^expected {message}"):
        MODELS[name](**options)
