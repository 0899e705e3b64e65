"""LitePose's backbone from a larger one of the same blocks: what is kept, and that nothing is lost where all fits."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.models.efficientnet_lite import EfficientNetLite0  # noqa: E402
from pose_estimation_ros.training.models.litepose import InvertedResidual, litepose_xs  # noqa: E402
from tools import litepose_start as tool  # noqa: E402


def random_statistics(module):
    """Batch norms that are not those of an untrained network."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for value in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                value.data.copy_(torch.rand(value.shape) + 0.2)
    return module.eval()


@pytest.fixture(autouse=True)
def same_numbers():
    torch.manual_seed(0)


@pytest.mark.parametrize("kernel, stride, outputs", [(3, 1, 8), (5, 1, 8), (5, 2, 12)])
def test_a_block_of_the_same_widths_computes_the_same(kernel, stride, outputs):
    theirs = random_statistics(InvertedResidual(8, outputs, stride, kernel))
    ours = InvertedResidual(8, outputs, stride, kernel).eval()
    x = torch.randn(4, 8, 16, 16)
    before = tool.Stream(x, x, torch.zeros(8), torch.eye(8))
    with torch.no_grad():
        found = theirs(x)
        mean, basis = (torch.zeros(8), torch.eye(8)) if ours.residual else tool.principal(found, outputs)
        made = tool.shrink_block(theirs, ours, before, tool.Stream(found, found, mean, basis))
    assert tool.explained(made) > 0.999
    ours.body[2].train()  # its batch norm knows these features' statistics
    torch.testing.assert_close(ours(x), made.small, rtol=1e-2, atol=1e-2)


def test_what_does_not_matter_is_left_out_first():
    """Half of the block's outputs are the other half twice over: half of the width is enough."""
    theirs = random_statistics(InvertedResidual(8, 12, 2, 3))
    project, norm = theirs.body[2]
    for value in (project.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var):
        value.data[6:] = 2 * value.data[:6] if value is project.weight else value.data[:6]
    ours, x = InvertedResidual(8, 6, 2, 3).eval(), torch.randn(4, 8, 16, 16)
    before = tool.Stream(x, x, torch.zeros(8), torch.eye(8))
    with torch.no_grad():
        found = theirs(x)
        mean, basis = tool.principal(found, 6)
        made = tool.shrink_block(theirs, ours, before, tool.Stream(found, found, mean, basis))
    assert tool.explained(made) > 0.999


def test_the_whole_backbone_keeps_most_of_what_it_can():
    large, small = random_statistics(EfficientNetLite0()), litepose_xs(kernels=tool.KERNELS).backbone.eval()
    shares = list(tool.shrink(large, small, torch.rand(4, 3, 64, 64) * 255))
    assert len(shares) == 4 and min(shares) > 0.5
    features = small.stages[0][0](small.stem(torch.rand(1, 3, 64, 64) * 255))
    assert torch.equal(small.stages[0][2:](features), features)  # what the larger one does not have is the identity


def test_images_are_letterboxed_rgb(tmp_path):
    import cv2
    import numpy as np

    for index, size in enumerate([(20, 40), (40, 20), (40, 40)]):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((*size, 3), (200, 100, 0), np.uint8))
    images = tool.sample_images(tmp_path, 3)
    assert images.shape == (3, 3, 256, 256)
    assert images[0, :, 60, 100].tolist() == [0, 100, 200] and images[0, :, 200, 100].tolist() == [0, 0, 0]
