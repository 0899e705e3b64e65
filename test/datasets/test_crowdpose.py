"""Check crowdpose.py: which files are CrowdPose's, and errors in them."""

import pytest
from crowdpose_people import made_up

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets import crowdpose


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, False),
        ([], False),
        ({}, False),
        ({"images": 3}, False),
        ({"images": [{"id": 1}]}, False),
        ({"images": [{"id": 1, "crowdIndex": 0.5}]}, True),
    ],
)
def test_is_crowdpose(content, expected):
    assert crowdpose.is_crowdpose(content) is expected


@pytest.mark.parametrize(
    "of_images, of_annotations, message",
    [
        ({"crowdIndex": None}, {}, "2 images without a crowdIndex, the first: 0"),
        (
            {},
            {"keypoints": [1, 2, 2] * 17},
            "8 persons without the 42 finite numbers of crowdpose14, the first: annotation 1",
        ),
        ({}, {"num_keypoints": 0, "keypoints": [0] * 42}, "expected persons with keypoints, found none in 8"),
        ({}, {"bbox": [1, 2]}, "8 annotations without a bbox of 4 finite numbers"),
    ],
)
def test_annotation_faults(tmp_path, of_images, of_annotations, message):
    content = made_up([0.5, 0.6])
    content["images"] = [{**image, **of_images} for image in content["images"]]
    content["annotations"] = [{**a, **of_annotations} for a in content["annotations"]]
    with pytest.raises(DataError, match="crowdpose.json: .*" + message):
        crowdpose.load_ground_truth(tmp_path / "crowdpose.json", content)
