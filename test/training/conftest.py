"""A tiny COCO-format data set: coloured dots on grey, so that a network can really learn it."""

import json

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.skeleton import get_skeleton


def draw_person(rng, size=96):
    """An image (size, size, 3) uint8 BGR with one dot per COCO keypoint, and the dots' xy (17, 2)."""
    xy = rng.integers(size // 8, size - size // 8, (get_skeleton("coco17").num_keypoints, 2))
    image = np.full((size, size, 3), 90, np.uint8)
    for k, point in enumerate(xy):
        color = (15 * k, 255 - 15 * k, 255 * (k % 2))
        cv2.circle(image, tuple(int(v) for v in point), 3, color, -1)
    return image, xy


@pytest.fixture(scope="session")
def dots(tmp_path_factory):
    """Folder with images/ and person_keypoints.json: 6 images, one person each, and one crowd that must be ignored."""
    folder = tmp_path_factory.mktemp("dots")
    (folder / "images").mkdir()
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for number in range(1, 7):
        picture, xy = draw_person(rng)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": 96, "height": 96})
        keypoints = np.concatenate([xy, np.full((17, 1), 2)], 1).ravel().tolist()
        person = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "num_keypoints": 17}
        annotations.append({**person, "keypoints": keypoints, "bbox": [8, 8, 80, 80], "area": 6400.0})
    annotations.append({**annotations[0], "id": 99, "iscrowd": 1})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (folder / "person_keypoints.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def recipe_in(dots):
    """A function: folder for the run -> a recipe on the dots that trains a small network in seconds."""
    from pose_estimation_ros.training.recipe import Recipe, Source

    def make(folder):
        source = [Source("person_keypoints.json", "images")]  # of its own: tests change it
        return Recipe(
            name="dots", data_root=str(dots), train=source, holdout=source, input_size_wh=[32, 32], sigma=1.0, epochs=2,
            model_options={"width": 8, "modules": [1, 1, 1]}, batch_size=3, milestones=[], workers=0, lr=2e-3,
            out_dir=str(folder),
        )  # fmt: skip

    return make


@pytest.fixture
def recipe(recipe_in, tmp_path):
    """A recipe on the dots of this test alone."""
    return recipe_in(tmp_path)


@pytest.fixture(scope="session")
def checkpoint(recipe_in, tmp_path_factory):
    """Path of the best.ckpt of that recipe after one epoch, for all tests that only read it."""
    from pose_estimation_ros.training.train import train

    recipe = recipe_in(tmp_path_factory.mktemp("trained"))
    recipe.epochs = 1
    return train(recipe)
