"""ELPN's weights back out of an exported file: the same function, and a network that can be trained on."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.export.export import to_onnx  # noqa: E402
from pose_estimation_ros.training.models.elpn import elpn  # noqa: E402
from tools import onnx_start as tool  # noqa: E402

SIZE_WH = (64, 96)


@pytest.fixture(scope="module")
def small():
    """An ELPN with one exchange unit a stage, as if it were trained: no weight or statistic is that of a new one."""
    torch.manual_seed(0)
    model = elpn(modules=(1, 1, 1))
    for layer in model.modules():
        for value in (*layer.parameters(recurse=False), *layer.buffers(recurse=False)):
            if isinstance(layer, torch.nn.BatchNorm2d) and value.dim():
                value.data.copy_(0.5 + torch.rand(value.shape))
            elif value.requires_grad:
                value.data.normal_(0, 1 / max(value[0].numel(), 1) ** 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(8, 3, *reversed(SIZE_WH), generator=torch.manual_seed(1)) * 255


@pytest.fixture(scope="module")
def recovered(small, images, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "small.onnx"
    path.write_bytes(to_onnx(small, SIZE_WH))
    model = elpn(modules=(1, 1, 1)).eval()
    tool.fill(model, tool.read_layers(path))
    tool.measure(model, images)
    return model


@torch.no_grad()
def test_the_network_computes_what_the_file_does(small, recovered, images):
    expected = small(images)["heatmaps"]
    torch.testing.assert_close(
        recovered(images)["heatmaps"], expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())
    )


@torch.no_grad()
def test_batch_statistics_are_those_of_the_images(recovered, images):
    """So that the first steps of a training do not change what is known: a batch is normalised as all images are."""
    expected = recovered(images)["heatmaps"]
    recovered.train()
    found = recovered(images)["heatmaps"]
    recovered.eval()
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02 * float(expected.abs().max()))


def test_filters_before_a_batch_norm_have_the_scale_at_which_they_learn(recovered):
    rms = recovered.stem[1][0].weight.square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(rms, torch.full_like(rms, tool.FILTER_RMS))


@pytest.mark.parametrize(
    "node, expected",
    [
        ("/model/head/Conv", "head"),
        ("/model/stem/stem.1/stem.1.0/Conv", "stem.1.0"),
        ("/model/stage1/stage1.0/narrow/narrow.1/narrow.1.0/Conv", "stage1.0.narrow.1.0"),
        ("/model/stages.1/stages.1.0/fuse.0.2/fuse.0.2.0/fuse.0.2.0.0/Conv", "stages.1.0.fuse.0.2.0.0"),
    ],
)
def test_scopes_of_the_exporter_become_names_of_modules(node, expected):
    assert tool.place(node) == expected


def test_another_file_is_refused_by_name(repository, tmp_path, monkeypatch):
    for file in ("lite0_fpn_coco.onnx", "elpn_v1_coco_int8_cpu.onnx", "none.onnx"):
        out = tmp_path / "out.ckpt"
        monkeypatch.setattr("sys.argv", ["", "elpn_v1", str(repository / "models" / file), str(tmp_path), str(out)])
        with pytest.raises(SystemExit, match=f"{file}: expected elpn_v1 as `pose export` writes it"):
            tool.main()
        assert not out.exists()
