"""Images of coloured dots with annotations in every layout, and models that find the dots; fixtures for conftest.py."""

import json

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton

COLORS = np.eye(3) * 255


def known(skeleton):
    return skeleton if isinstance(skeleton, Skeleton) else get_skeleton(skeleton)


def name_of(skeleton):
    return skeleton.name if isinstance(skeleton, Skeleton) else skeleton


def save(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def model(save_onnx, save_spec):
    """A function: a skeleton or its name -> a model that finds keypoint k where the image is reddest, greenest, bluest.

    The colours of its keypoints, 0, 1 or 2, may be given, too.
    """

    def make(skeleton, colors=None):
        name, joints = name_of(skeleton), known(skeleton).num_keypoints
        weight = np.zeros((joints, 3, 1, 1))
        weight[np.arange(joints), np.arange(joints) % 3 if colors is None else colors] = 1 / 255.0
        nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
        shapes = {"images": ["n", 3, 64, 48]}, {"heatmaps": ["n", joints, 16, 12]}
        path = save_onnx(name, nodes, shapes[0], shapes[1], {"weight": weight})
        save_spec(path, skeleton=skeleton)
        return path

    return make


@pytest.fixture
def dots(tmp_path, blob):
    """A function: a skeleton or its name -> annotations of 3 images, a person each, keypoints on dots of their colour.

    The category names the keypoints of a skeleton that is given itself.
    """
    (tmp_path / "images").mkdir()
    places = np.random.default_rng(0).uniform([30, 40], [130, 200], (3, 3, 2)).round()
    for i, dots_xy in enumerate(places):
        image = np.zeros((240, 160, 3), np.uint8)
        for xy, color in zip(dots_xy, COLORS[::-1]):
            blob(image, xy, color)
        cv2.imwrite(str(tmp_path / "images" / f"{i}.png"), image)

    def annotate(skeleton, **of_image):
        joints = known(skeleton).num_keypoints
        if skeleton == "mpii16":
            fields = {"center": [81, 120 - 15 * 0.96], "scale": 0.96, "joints_vis": [1] * joints}
            content = [
                {"image": f"{i}.png", "joints": (1 + own[np.arange(joints) % 3]).tolist(), **fields}
                for i, own in enumerate(places)
            ]
            return save(tmp_path / "mpii.json", content)
        images = [{"id": i, "file_name": f"{i}.png", **of_image} for i in range(3)]
        fields = {"category_id": 1, "iscrowd": 0, "num_keypoints": joints, "bbox": [24, 24, 112, 192], "area": 15000}
        annotations = [
            {
                "id": i + 1,
                "image_id": i,
                "keypoints": np.insert(own[np.arange(joints) % 3], 2, 2, 1).ravel().tolist(),
                **fields,
            }
            for i, own in enumerate(places)
        ]
        from pose_estimation_ros.datasets.coco_categories import category_of  # the robot's Python cannot read it

        categories = {"categories": [category_of(skeleton)]} if isinstance(skeleton, Skeleton) else {}
        content = {"images": images, "annotations": annotations, **categories}
        return save(tmp_path / "person_keypoints.json", content)

    return annotate


def renumbered(data):
    """The dots' images with ids of both halves."""
    content = json.loads(data.read_text())
    for entry, field in [(i, "id") for i in content["images"]] + [(a, "image_id") for a in content["annotations"]]:
        entry[field] += 3
    return save(data, content)
