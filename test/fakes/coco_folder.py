"""Make a small annotation file in COCO's layout, and fixtures of it for the conftest.py of a folder of tests."""

import json

import numpy as np
import pytest


def annotation(number, image_id, keypoints, box, **more):
    fields = {"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0, "num_keypoints": 17}
    return {**fields, "keypoints": keypoints, "bbox": box, "area": box[2] * box[3], **more}


def make_content():
    """Return two images: one with two people; one with a person, a crowd, and a person without keypoints."""
    rng = np.random.default_rng(0)
    keypoints = [
        np.concatenate([rng.uniform(0, 100, (17, 2)), np.full((17, 1), 2)], 1).ravel().tolist() for _ in range(3)
    ]
    images = [{"id": i, "file_name": f"{i}.png", "width": 200, "height": 200} for i in (1, 2)]
    annotations = [
        annotation(1, 1, keypoints[0], [0, 0, 100, 100]),
        annotation(2, 1, keypoints[1], [0, 0, 100, 100]),
        annotation(3, 2, keypoints[2], [0, 0, 60, 60]),
        annotation(4, 2, [0] * 51, [0, 0, 9, 9], num_keypoints=0),
        annotation(5, 2, keypoints[0], [0, 0, 9, 9], iscrowd=1),
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}


@pytest.fixture
def content():
    return make_content()


@pytest.fixture
def folder(tmp_path, content):
    (tmp_path / "person_keypoints.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def as_results():
    """Return a function that turns annotations into equal results."""

    def convert(annotations, score=0.9):
        fields = ("image_id", "category_id", "keypoints")
        return [{**{field: a[field] for field in fields}, "score": score} for a in annotations]

    return convert
