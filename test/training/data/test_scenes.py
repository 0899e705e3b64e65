"""Check scenes.py: who is learned, who is masked, and which images are left out."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="training needs pycocotools")

from pycocotools import mask as rle  # noqa: E402

from pose_estimation_ros.core.errors import DataError  # noqa: E402
from pose_estimation_ros.core.skeleton import get_skeleton  # noqa: E402
from pose_estimation_ros.training.data.scenes import load_scenes  # noqa: E402

COCO = get_skeleton("coco17")
PERSON = {"category_id": 1, "iscrowd": 0, "num_keypoints": 17, "keypoints": [15, 30, 2] * 17, "bbox": [10, 20, 20, 40]}


@pytest.fixture
def write(tmp_path):
    """A function that writes annotations of images 1, 2, ... of 100 x 80 px, a list for each; gives the path."""

    def save(*images, name="a.json", **image_fields):
        listed = [
            {"id": n, "file_name": f"{n}.png", "width": 100, "height": 80, **image_fields}
            for n in range(1, len(images) + 1)
        ]
        items = [{**item, "image_id": n} for n, people in enumerate(images, 1) for item in people]
        items = [{**item, "id": n} for n, item in enumerate(items)]
        (tmp_path / name).write_text(json.dumps({"images": listed, "annotations": items}))
        return str(tmp_path / name)

    return save


def found(*box, **fields):
    return {"category_id": 1, "bbox": list(box), **fields}


def test_an_image_of_nobody_is_kept_on_request_alone(write):
    path = write([], [PERSON])
    assert [scene.file_name for scene in load_scenes(path, COCO)] == ["2.png"]
    empty, other = load_scenes(path, COCO, keep_empty=True)
    assert (
        empty.keypoints.shape == (0, 17, 3)
        and empty.corners.shape == (0, 4, 2)
        and empty.unknown.shape == empty.peak.shape == (0, 17)
    )
    assert empty.ignored == {} and len(other.keypoints) == 1
    with pytest.raises(DataError, match="found none"):
        load_scenes(write([]), COCO, keep_empty=True)


@pytest.mark.parametrize(
    "box, fields, is_masked",
    [
        ((50, 30, 30, 40), {}, True),
        ((50, 30, 30, 40), {"score": 0.5}, True),
        ((50, 30, 30, 40), {"score": 0.5, "iscrowd": 1}, True),
        ((50, 30, 30, 40), {"score": 0.1}, False),  # a detector's doubt
        ((10, 20, 20, 40), {}, False),  # the annotated person
        ((12, 22, 22, 44), {"score": 0.9}, False),
        ((10, 20, 20, 12), {"score": 0.9}, True),  # somebody in front of the annotated person
    ],
)
def test_people_whom_only_a_detector_found_are_masked(write, box, fields, is_masked):
    path = write([PERSON])
    (scene,) = load_scenes(path, COCO, write([found(*box, **fields)], name="others.json"))
    expected = np.zeros((80, 100), np.uint8)
    x, y, width, height = box
    expected[y : y + height, x : x + width] = is_masked
    masked = rle.decode(scene.ignored) if scene.ignored else np.zeros((80, 100), np.uint8)
    np.testing.assert_array_equal(masked, expected)
    assert len(scene.keypoints) == 1


OTHER = found(50, 30, 30, 40)


@pytest.mark.parametrize(
    "is_complete, others, expected, warning",
    [
        (True, None, {"1.png": False, "2.png": False}, ""),
        (True, [[OTHER], []], {"1.png": True, "2.png": False}, ""),
        (True, [[OTHER]], {"1.png": True, "2.png": False}, "others.json: lacks 1 of 2 images of .*a.json.*: 2.png;"),
        (False, [[OTHER], []], {"1.png": True, "2.png": False}, ""),  # a detector has looked, and found nobody
        (False, [[OTHER]], {"1.png": True}, "others.json: lacks 1 of 2 images of .*a.json.*: 2.png;"),
    ],
)
def test_a_detector_completes_the_images_it_has_looked_at(write, capsys, is_complete, others, expected, warning):
    """The empty case is no detector at all; expected is which images are kept, and whether somebody is masked there."""
    path = write([PERSON], [PERSON], annotations_complete=is_complete)
    scenes = load_scenes(path, COCO, "" if others is None else write(*others, name="others.json"))
    assert {scene.file_name: bool(scene.ignored) for scene in scenes} == expected
    printed = capsys.readouterr().err
    assert re.search(warning, printed) if warning else "lacks" not in printed


def test_images_with_unlabelled_people_are_left_out_without_a_detector(write):
    with pytest.raises(DataError, match="found none"):
        load_scenes(write([PERSON], annotations_complete=False), COCO)


@pytest.mark.parametrize("is_complete", [True, False])
@pytest.mark.parametrize("names", [[], ["images/1.png", "3.png"]])
def test_detected_people_of_other_images_are_refused(write, tmp_path, is_complete, names):
    path = write([PERSON], [PERSON], annotations_complete=is_complete)
    images = [{"id": n, "file_name": name, "width": 100, "height": 80} for n, name in enumerate(names)]
    others = tmp_path / "others.json"
    others.write_text(json.dumps({"images": images, "annotations": []}))
    with pytest.raises(DataError, match="others.json: expected images of .*a.json, got none of its 2 file names"):
        load_scenes(path, COCO, others)


@pytest.mark.parametrize(
    "fields, unknown, peak",
    [
        ({}, [0, 0, 0], [1, 0, 0]),
        ({"label": "pseudo"}, [0, 1, 1], [1, 0, 0]),
        ({"kind": "gt"}, [0, 1, 1], [1, 0, 0]),
        ({"keypoint_scores": [0.7, 0.2, 0.05]}, [0, 1, 0], [0.7, 0, 0]),
        ({"keypoint_scores": [0.7, 0.2, 0.05], "label": "pseudo"}, [0, 1, 0], [0.7, 0, 0]),
    ],
)
def test_joints_without_a_label_may_be_there_or_not(write, fields, unknown, peak):
    """The first joint is labelled; what is said of the second and third holds for more of the same."""
    seen = {"keypoints": [15, 30, 2] + [0, 0, 0] * 16, "num_keypoints": 1}
    if "keypoint_scores" in fields:
        fields = {**fields, "keypoint_scores": fields["keypoint_scores"] + [0.0] * 14}
    (scene,) = load_scenes(write([{**PERSON, **seen, **fields}]), COCO)
    assert scene.unknown[0, :3].tolist() == [bool(x) for x in unknown]
    np.testing.assert_allclose(scene.peak[0, :3], peak)


@pytest.mark.parametrize("scores", [[0.5] * 16, [0.5] * 16 + [1.5], [0.5] * 16 + [-0.1], "high", [[0.5] * 17]])
def test_scores_that_do_not_fit_the_keypoints(write, scores):
    with pytest.raises(DataError, match="keypoint_scores are not a number from 0 to 1 for each keypoint"):
        load_scenes(write([{**PERSON, "keypoint_scores": scores}]), COCO)


@pytest.mark.parametrize("score", [None, "high", [0.5], float("nan"), float("inf")])
def test_scores_of_detected_people_that_are_none(write, score):
    others = write([found(50, 30, 30, 40, score=score)], name="others.json")
    with pytest.raises(DataError, match="others.json: 1 persons with a score that is not a finite number"):
        load_scenes(write([PERSON]), COCO, others)
