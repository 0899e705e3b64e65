"""The detector network: size, shapes, decoding, and that it can learn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.training.losses.detector import DETECTION_TERMS  # noqa: E402
from pose_estimation_ros.training.losses.heatmap import weighted  # noqa: E402
from pose_estimation_ros.training.models.person_detector import (  # noqa: E402
    STRIDE,
    DecodedPersonDetector,
    PersonDetector,
    cell_centres,
    decode_boxes,
)


def convolution_macs(model, width, height):
    total = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda m, _, out: total.append(m.weight.numel() * out.shape[2] * out.shape[3]))
    model.eval()(torch.zeros(1, 3, height, width))
    return sum(total)


def test_size():
    model = PersonDetector()
    parameters = sum(p.numel() for p in model.parameters())
    assert 4 * parameters < 4e6  # bytes of the ONNX file
    assert convolution_macs(model, 320, 256) < 0.5e9


@pytest.mark.parametrize("batch, height, width", [(1, 32, 64), (2, 96, 32)])
def test_shapes(batch, height, width):
    outputs = PersonDetector()(torch.rand(batch, 3, height, width) * 255)
    cells = (height // STRIDE, width // STRIDE)
    assert outputs["person"].shape == (batch, 1, *cells)
    assert outputs["box"].shape == (batch, 4, *cells)


def test_cell_centres():
    centre = cell_centres(2, 3)
    assert centre[:, 0, 0].tolist() == [3.5, 3.5]  # of the pixels 0 to 7
    assert centre[:, 1, 2].tolist() == [19.5, 11.5]


def test_decode_boxes():
    distances = torch.tensor([1.0, 2, 3, 4]).log().view(1, 4, 1, 1)
    assert decode_boxes(distances).flatten().tolist() == pytest.approx([3.5 - 8, 3.5 - 16, 3.5 + 24, 3.5 + 32])


def test_decoded_detector_orders_cells_alike():
    model = DecodedPersonDetector(PersonDetector()).eval()
    with torch.no_grad():
        images = torch.rand(2, 3, 64, 96) * 255
        raw, decoded = model.detector(images), model(images)
    boxes = decode_boxes(raw["box"])
    assert decoded["boxes_xyxy"].shape == (2, 96, 4) and decoded["scores"].shape == (2, 96)
    row, column = 5, 7
    np.testing.assert_allclose(decoded["boxes_xyxy"][1, row * 12 + column], boxes[1, :, row, column])
    assert decoded["scores"][1, row * 12 + column] == raw["person"][1, 0, row, column].sigmoid()


def test_learns_one_image():
    torch.manual_seed(0)
    image = torch.zeros(2, 3, 32, 32)
    image[0, :, 8:24, 8:16] = 255  # one white box, one empty image
    person, weight = torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4)
    person[0, 0, 2, 1] = weight[0, 2, 1] = 1
    box = torch.tensor([7.5, 7.5, 15.5, 23.5])
    targets = {"person": person, "known": torch.ones_like(person), "box_weight": weight}
    targets["box_xyxy"] = box.view(1, 4, 1, 1).expand(2, 4, 4, 4)
    model = PersonDetector(neck=16, head_blocks=1)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    loss = weighted(DETECTION_TERMS, {"person": 1.0, "box": 3.0})
    for _ in range(100):
        optimizer.zero_grad()
        sum(loss(model(image), targets).values()).backward()
        optimizer.step()
    with torch.no_grad():
        outputs = model(image)
    assert outputs["person"][0].argmax() == 9 and outputs["person"][0].max() > 0 > outputs["person"][1].max()
    assert (decode_boxes(outputs["box"])[0, :, 2, 1] - box).abs().max() < 2
