"""Every rewrite against the module that it replaces; the graph's operators and shapes."""

import onnx
import pytest
import torch
from torch import nn

from pose_estimation_ros.training.export.export import to_onnx
from pose_estimation_ros.training.export.rewrite import FIXED_SIZE_REWRITES, REWRITES, channel_max, for_export
from pose_estimation_ros.training.models.elpn import ContextBottleneck, elpn_v1
from pose_estimation_ros.training.models.layers import Cbam, GlobalContext, NamChannelAttention, NamSpatialAttention
from pose_estimation_ros.training.models.litepose import FusionDeconv
from pose_estimation_ros.training.models.wlitepose import DfcBottleneck


def lively(module):
    """In evaluation mode, every parameter and statistic away from the 0 or 1 at which a fault would not show."""
    torch.manual_seed(0)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = 0.3 * torch.randn_like(tensor)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_var.uniform_(0.5, 2)
    return module.eval()


CASES = [
    (lambda: GlobalContext(32), [(32, 6, 8)]),
    (lambda: GlobalContext(16), [(16, 6, 8)]),  # as many hidden values as are the least
    (lambda: ContextBottleneck(24, 16), [(24, 6, 8)]),  # with a shortcut's projection
    (lambda: ContextBottleneck(64, 16), [(64, 6, 8)]),
    (lambda: NamChannelAttention(16), [(16, 3, 5)]),
    (lambda: NamSpatialAttention([5, 3]), [(16, 3, 5)]),
    (lambda: Cbam(32), [(32, 3, 5)]),
    (lambda: Cbam(16), [(16, 40, 40)]),
    (lambda: FusionDeconv(6, 4, 5), [(6, 3, 4), (4, 3, 4)]),
    (lambda: DfcBottleneck(16, 16, 1), [(16, 6, 8)]),
    (lambda: DfcBottleneck(16, 24, 2, few_norms=False), [(16, 6, 8)]),
]


@pytest.mark.parametrize("build, shapes", CASES)
@torch.no_grad()
def test_a_rewrite_computes_the_same_and_leaves_its_module_alone(build, shapes):
    module = nn.Sequential()
    module.add_module("part", lively(build()))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    inputs = [torch.randn(2, *shape) for shape in shapes]
    expected = module.part(*inputs)
    rewritten = for_export(module).part
    assert (expected - expected.mean()).abs().max() > 0.1
    torch.testing.assert_close(rewritten(*inputs), expected, atol=2e-5, rtol=2e-5)
    torch.testing.assert_close(module.part(*inputs), expected, atol=0, rtol=0)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_every_rewrite_has_a_case():
    assert {type(build()) for build, _ in CASES} == set(REWRITES | FIXED_SIZE_REWRITES)


@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (2, 7, 40, 40), (2, 24, 40, 40), (2, 24, 3, 3)])
def test_channel_max(shape):
    x = torch.randn(shape)
    torch.testing.assert_close(channel_max(x), x.amax(1, keepdim=True), atol=0, rtol=0)


def test_the_graph_has_all_shapes_and_computes_none():
    graph = onnx.load_from_string(to_onnx(elpn_v1(17).eval(), [64, 96])).graph
    operators = {node.op_type for node in graph.node}
    assert not operators & {"Shape", "Gather", "If", "Expand", "BatchNormalization", "Identity"}
    assert {node.input[1] for node in graph.node if node.op_type == "Conv"} <= {w.name for w in graph.initializer}
    values = {value.name: value.type.tensor_type.shape.dim for value in [*graph.value_info, *graph.output]}
    made = [name for node in graph.node if node.op_type != "Constant" for name in node.output]
    assert [name for name in made if name not in values] == []
    free = {values[name][0].dim_param for name in made if len(values[name]) > 1}
    assert free == {"batch"}
    assert all(d.dim_value > 0 for name in made for d in values[name][1:])


def test_a_free_size_stays_free():
    deconvs = nn.Sequential()
    deconvs.add_module("part", FusionDeconv(6, 4, 5))
    assert isinstance(for_export(deconvs, free_size=True).part, FusionDeconv)
    assert not isinstance(for_export(deconvs).part, FusionDeconv)
