"""HigherHRNet's frame around Lite0-FPN: what it gives, and that it begins as the network it grows from."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from live_models import live, live_parity  # noqa: E402

from pose_estimation_ros.core.errors import ModelError  # noqa: E402
from pose_estimation_ros.importing.tensorrt_operators import refused  # noqa: E402
from pose_estimation_ros.training.export.export import to_onnx  # noqa: E402
from pose_estimation_ros.training.grow import grow  # noqa: E402
from pose_estimation_ros.training.models.counting import count  # noqa: E402
from pose_estimation_ros.training.models.elpn import elpn_v1  # noqa: E402
from pose_estimation_ros.training.models.higher_lite0_fpn import HigherTopDown, higher_lite0_fpn  # noqa: E402
from pose_estimation_ros.training.models.hrnet import HRNet  # noqa: E402
from pose_estimation_ros.training.models.layers import BasicBlock  # noqa: E402
from pose_estimation_ros.training.models.lite0_fpn import Lite0Fpn  # noqa: E402
from pose_estimation_ros.training.tasks import serving_model  # noqa: E402


def small_one(**options):
    return HigherTopDown(HRNet(5, 8, modules=(1, 1, 1)), BasicBlock, **options)


def test_counts_are_those_of_its_docstring():
    with torch.device("meta"):
        counts = count(higher_lite0_fpn(), (256, 256))
    assert (
        f"{counts.parameters / 1e6:.3f}M parameters, {counts.macs / 2**30:.3f} Gi MACs at 256x256"
        in higher_lite0_fpn.__doc__
    )


@pytest.mark.parametrize("joints", [17, 14])
@pytest.mark.parametrize("size_wh", [(64, 64), (128, 96)])
def test_outputs_are_at_a_quarter_and_at_half(joints, size_wh):
    width, height = size_wh
    outputs = higher_lite0_fpn(joints).eval()(torch.zeros(2, 3, height, width))
    assert {name: tuple(maps.shape) for name, maps in outputs.items()} == {
        "heatmaps": (2, joints, height // 4, width // 4),
        "tags": (2, 2 * joints, height // 4, width // 4),
        "heatmaps_2x": (2, joints, height // 2, width // 2),
    }


def test_begins_as_the_network_it_grows_from():
    small, large = live(Lite0Fpn(5)), higher_lite0_fpn(5).eval()
    images = 255 * torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    grow(large, small.state_dict())
    with torch.no_grad():
        expected, found = small(images)["heatmaps"], large(images)["heatmaps"]
    assert expected.std() > 1e-3  # something to compare
    torch.testing.assert_close(found, expected)


def test_tags_begin_as_the_place():
    """So that people in different places differ before anything is learned."""
    with torch.no_grad():
        tags = small_one(tag_unit=4.0).eval()(torch.rand(1, 3, 64, 96))["tags"][0]
    x, y = torch.arange(24).expand(5, 16, 24) / 4, torch.arange(16)[:, None].expand(5, 16, 24) / 4
    torch.testing.assert_close(tags, torch.cat([x, y]), atol=0.05, rtol=0)


def test_served_tags_are_in_reach():
    """The grouping begins another person at a distance of 1; nothing else changes."""
    model, images = live(small_one(tag_reach=4.0)), 255 * torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        learned, served = model(images), serving_model(model)(images)
    assert list(served) == list(learned)
    torch.testing.assert_close(served.pop("tags") * 4, learned.pop("tags"))
    torch.testing.assert_close(served, learned)


def test_what_it_cannot_grow_from():
    with pytest.raises(ModelError, match="at least the smaller network's exchange units"):
        grow(higher_lite0_fpn(), elpn_v1().state_dict())


def test_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    model = live(higher_lite0_fpn()).train()
    sum(maps.square().sum() for maps in model(255 * torch.rand(2, 3, 64, 64)).values()).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_onnx_runtime_agrees():
    model = live(higher_lite0_fpn())
    assert live_parity(model, to_onnx(model, [64, 64]), [64, 64]) <= 1e-4


def test_the_tx2_s_tensorrt_takes_it(tmp_path):
    path = tmp_path / "higher.onnx"
    path.write_bytes(to_onnx(higher_lite0_fpn(), [64, 64]))
    assert refused(path, "8.2") == []
