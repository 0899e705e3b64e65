"""A folder in COCO's layout, small enough to work out by hand."""

import json

import pytest
from coco_folder import make_content


@pytest.fixture
def content():
    return make_content()


@pytest.fixture
def folder(tmp_path, content):
    (tmp_path / "person_keypoints.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def as_results():
    """A function: annotations -> the same as results."""

    def convert(annotations, score=0.9):
        fields = ("image_id", "category_id", "keypoints")
        return [{**{field: a[field] for field in fields}, "score": score} for a in annotations]

    return convert
