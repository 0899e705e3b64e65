"""A teacher of detectors answers with targets for the very image that the student sees."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from lightning_fabric import Fabric  # noqa: E402

from pose_estimation_ros.core.errors import ModelError  # noqa: E402
from pose_estimation_ros.core.resources import demo_clip  # noqa: E402
from pose_estimation_ros.inference.detector import open_detector  # noqa: E402
from pose_estimation_ros.training.distill import load_teacher, with_teacher  # noqa: E402
from pose_estimation_ros.training.losses.detector import DETECTION_TERMS  # noqa: E402
from pose_estimation_ros.training.losses.heatmap import weighted  # noqa: E402
from pose_estimation_ros.training.models.person_detector import STRIDE, PersonDetector  # noqa: E402
from pose_estimation_ros.training.recipe import Recipe  # noqa: E402
from pose_estimation_ros.training.tasks import build_model  # noqa: E402


def teacher_of(name):
    recipe = Recipe(task="person_detector", model="person_detector", skeleton="", teacher=name, threads=1)
    return load_teacher(recipe, build_model, Fabric(accelerator="cpu", devices=1))


@pytest.fixture(scope="module")
def frame():
    return cv2.resize(cv2.VideoCapture(demo_clip()).read()[1], (384, 288))


@pytest.fixture(scope="module")
def images(frame):
    rgb = torch.from_numpy(np.ascontiguousarray(frame[:, :, ::-1].transpose(2, 0, 1))).float()
    return torch.stack([rgb, rgb.flip(2), torch.zeros_like(rgb)])


def test_a_teacher_marks_the_people_that_it_finds(frame, images):
    boxes, scores = open_detector("person_detector", 1, 0.6)(frame)
    targets = teacher_of("person_detector")(images)
    assert len(boxes) >= 3 and targets["teacher_person"].shape == (3, 1, 288 // STRIDE, 384 // STRIDE)
    x, y = np.floor((boxes[:, :2] + boxes[:, 2:] + 1) / 2 / STRIDE).astype(int).T
    assert (targets["teacher_person"][0, 0, y, x] == 1).all()
    taught = targets["teacher_box_xyxy"][0, :, y, x].numpy().T
    assert (np.abs(taught - boxes).max(1) < 1).sum() >= 3  # where two people share a cell, the smaller one is taught
    assert targets["teacher_person"][1].flip(2).sub(targets["teacher_person"][0]).abs().mean() < 0.05
    assert not targets["teacher_person"][2].any() and targets["teacher_known"].all()


def test_the_losses_of_a_student_follow_its_teacher(images):
    torch.manual_seed(0)
    student = PersonDetector().eval()
    terms = weighted(DETECTION_TERMS, {"teacher_person": 1.0, "teacher_box": 2.0})
    loss = with_teacher(terms, teacher_of("person_detector"))
    losses = loss(student(images), {"image": images})
    assert losses["teacher_person"] > 0 and losses["teacher_box"] > 0
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in (student.person.weight, student.box.weight))


def test_a_pose_model_is_no_teacher_of_detectors():
    with pytest.raises(ModelError, match="person_detector"):
        teacher_of("lite0_fpn_coco")
