"""The baselines of the papers: counts, shapes, gradients, export, and the operators of the TX2's TensorRT."""

import pytest
import torch
from live_models import live, live_parity

from pose_estimation_ros.importing.tensorrt_operators import refused
from pose_estimation_ros.training.export.export import PARITY, to_onnx
from pose_estimation_ros.training.models.baselines import BOTTOM_UP_BASELINES, TOP_DOWN_BASELINES
from pose_estimation_ros.training.models.baselines.resnet import resnet
from pose_estimation_ros.training.models.counting import CONVENTIONS, count
from pose_estimation_ros.training.tasks import serving_model

BASELINES = TOP_DOWN_BASELINES | BOTTOM_UP_BASELINES

# Joints, side or (width, height), parameters in millions, multiply-adds and their unit, each as printed with its number
# of digits. The papers' 8.9 and 15.7 Gi of SimpleBaseline are cut, not rounded.
COUNTS = [
    ("simple_baseline_resnet50", 17, (192, 256), "34.0", "8.99", "Gi+"),
    ("simple_baseline_resnet101", 17, (192, 256), "53.0", "12.4", "Gi+"),
    ("simple_baseline_resnet152", 17, (192, 256), "68.6", "15.76", "Gi+"),
    ("simple_baseline_mobilenet_v2", 17, (192, 256), "9.6", "1.59", "mm"),
    ("simple_baseline_mobilenet_v2", 16, 256, "9.6", "2.12", "mm"),
    ("simple_baseline_shufflenet_v2", 17, (192, 256), "7.6", "1.37", "mm"),
    ("simple_baseline_shufflenet_v2", 16, 256, "7.6", "1.83", "mm"),
    # Within 1.1 % of the printed 205.2 and 319.2 M
    ("lite_hrnet_18", 17, (192, 256), "1.1", "0.203", "ts"),
    ("lite_hrnet_30", 17, (192, 256), "1.8", "0.316", "ts"),
    ("higher_hrnet_w16", 14, 512, "7.2", "12.5", "lp"),
    ("higher_hrnet_w24", 14, 512, "16.1", "25.3", "lp"),  # 14.9 M printed
    ("higher_hrnet_w32", 17, 512, "28.6", "47.9", "G+"),
    ("higher_hrnet_w32", 17, 640, "28.6", "74.8", "G+"),
    ("higher_hrnet_w48", 17, 640, "63.8", "154.3", "G+"),
    ("efficient_hrnet_h0", 17, 512, "19.7", "25.6", "G+"),  # the paper counts the backbone's 3.6 M twice
    ("efficient_hrnet_h_1", 17, 480, "13.0", "14.2", "G+"),
    ("efficient_hrnet_h_1", 14, 480, "13.0", "14.2", "lp"),
    ("efficient_hrnet_h_2", 17, 448, "8.3", "7.7", "G+"),
    ("efficient_hrnet_h_3", 17, 416, "5.36", "4.2", "G+"),
    ("efficient_hrnet_h_4", 17, 384, "2.8", "2.1", "G+"),
]


@pytest.mark.parametrize("name, joints, size, parameters, macs, unit", COUNTS)
def test_counts_are_the_published_ones(name, joints, size, parameters, macs, unit):
    with torch.device("meta"):
        counts = count(BASELINES[name](joints), size if isinstance(size, tuple) else (size, size))
    assert digits(counts.parameters / 1e6, parameters) == parameters
    assert digits(CONVENTIONS[unit](counts), macs) == macs


def digits(value, printed):
    """Write a value with as many decimal places as the printed one."""
    return f"{value:.{len(printed.partition('.')[2])}f}"


def test_every_baseline_is_counted():
    assert {name for name, *_ in COUNTS} == set(BASELINES)


# Narrow and short versions of every family: all kinds of parts at a fraction of the cost.
SHORT = {"modules": (1, 1, 1), "blocks": 1}
FAMILIES = [
    ("simple_baseline_resnet50", {"backbone": lambda: (resnet((1, 2, 1, 1)), 2048), "width": 16}),
    ("simple_baseline_mobilenet_v2", {"width": 16}),
    ("simple_baseline_shufflenet_v2", {"width": 16}),
    ("lite_hrnet_18", {"units": (1, 1, 1), "blocks": 1}),
    ("higher_hrnet_w16", SHORT),
    ("higher_hrnet_w32", {**SHORT, "half_blocks": 1}),
    ("efficient_hrnet_h_4", {"blocks": 1}),
]


def build(name, options, joints=5):
    torch.manual_seed(0)
    return BASELINES[name](joints, **options)


@pytest.mark.parametrize("name, options", FAMILIES)
def test_outputs_are_at_a_quarter_and_at_half(name, options):
    for joints, (width, height) in [(17, (32, 64)), (14, (96, 32))]:
        with torch.no_grad():
            outputs = build(name, options, joints).eval()(torch.zeros(2, 3, height, width))
        shapes = {"heatmaps": (2, joints, height // 4, width // 4)}
        if name in BOTTOM_UP_BASELINES:
            shapes |= {"tags": shapes["heatmaps"], "heatmaps_2x": (2, joints, height // 2, width // 2)}
        assert {output: tuple(maps.shape) for output, maps in outputs.items()} == shapes


@pytest.mark.parametrize("name, options", FAMILIES)
def test_onnx_runtime_agrees_with_torch(name, options, tmp_path):
    model = live(serving_model(build(name, options)))
    content = to_onnx(model, [64, 96])
    assert live_parity(model, content, [64, 96]) <= PARITY
    path = tmp_path / "baseline.onnx"
    path.write_bytes(content)
    assert refused(path, "8.2") == []
