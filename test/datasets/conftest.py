"""A folder in COCO's layout, small enough to work out by hand."""

import pytest
from coco_folder import make_content


@pytest.fixture
def content():
    return make_content()
