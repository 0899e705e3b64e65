"""The labelling tool on answers and annotations whose result can be worked out by hand."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the tool belongs to training")


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository / "tools" / "training"))
    import label_persons

    sys.path.pop(0)
    return label_persons


NOBODY = np.zeros((0, 4)), np.zeros(0)


def answer(*rows):
    rows = np.array(rows, float)
    return rows[:, :4], rows[:, 4]


@pytest.mark.parametrize(
    "first, second, expected",
    [
        (NOBODY, NOBODY, []),
        (answer([0, 0, 10, 20, 0.8]), NOBODY, [[0, 0, 10, 20, 0.4]]),
        (NOBODY, answer([0, 0, 10, 20, 0.8]), [[0, 0, 10, 20, 0.4]]),
        (answer([0, 0, 10, 20, 0.8]), answer([2, 0, 12, 20, 0.6]), [[1, 0, 11, 20, 0.7]]),
        (answer([0, 0, 10, 20, 0.8]), answer([8, 0, 18, 20, 0.6]), [[0, 0, 10, 20, 0.4], [8, 0, 18, 20, 0.3]]),
        (  # one match each
            answer([0, 0, 10, 20, 0.8], [1, 0, 11, 20, 0.6]),
            answer([0, 0, 10, 20, 0.4]),
            [[0, 0, 10, 20, 0.6], [1, 0, 11, 20, 0.3]],
        ),
    ],
)
def test_merge(tool, first, second, expected):
    box, score = tool.merge(first, second)
    np.testing.assert_allclose(np.column_stack([box, score]), np.array(expected).reshape(-1, 5))


def test_the_mirror_image_is_mirrored_back(tool):
    def detector(image):
        """The bright pixels, and never anything in the right half."""
        y, x = np.nonzero(image[..., 0][:, : image.shape[1] // 2])
        return answer([x.min(), y.min(), x.max() + 1, y.max() + 1, 0.6]) if len(x) else NOBODY

    image = np.zeros((10, 40, 3), np.uint8)
    image[2:6, 30:35] = 255
    box, score = tool.look(detector, image)
    assert box.tolist() == [[30, 2, 35, 6]] and score.tolist() == [0.3]


@pytest.mark.parametrize("found_by, score", [((), None), ((0,), 0.2), ((1, 2), 0.4), ((0, 1, 2), 0.6)])
def test_several_detectors_have_a_vote_each(tool, found_by, score):
    everywhere = answer([0, 0, 40, 10, 0.6])
    detectors = [lambda image, sees=n in found_by: everywhere if sees else NOBODY for n in range(3)]
    box, scores = tool.look_all(detectors, np.zeros((10, 40, 3), np.uint8))
    assert box.tolist() == ([] if score is None else [[0, 0, 40, 10]])
    np.testing.assert_allclose(scores, [] if score is None else [score])


def test_images_that_show_nobody_stay_empty(tool):
    name, size_wh, box, score = tool.without_boxes(("a.jpg", (100, 50), *answer([1, 0, 11, 20, 0.9])))
    assert (name, size_wh, box.shape, score.shape) == ("a.jpg", (100, 50), (0, 4), (0,))


def test_annotations_keep_the_known_and_add_the_missing(tool, tmp_path):
    known = {"a.jpg": [{"bbox": [0, 0, 10, 20], "iscrowd": 0}]}
    found = answer([1, 0, 11, 20, 0.9], [50, 0, 60, 20, 0.4], [80, 0, 90, 20, 0.01])
    content = tool.to_coco([("a.jpg", (100, 50), *found), ("b.jpg", (8, 8), *NOBODY)], known)
    assert [image["file_name"] for image in content["images"]] == ["a.jpg", "b.jpg"]
    assert [(a["id"], a["bbox"], a.get("score")) for a in content["annotations"]] == [
        (1, [0, 0, 10, 20], None), (2, [50, 0, 10, 20], 0.4)]  # fmt: skip


def test_known_boxes_by_image_name(tool, tmp_path):
    path = tmp_path / "known.json"
    images = [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": [{"image_id": 7, "bbox": [1, 2, 3, 4], "area": 5}]}))
    assert tool.known_boxes(path) == {"a.jpg": [{"bbox": [1, 2, 3, 4]}], "b.jpg": []}


@pytest.mark.parametrize("people", [0, 1])
def test_a_folder_end_to_end(tmp_path, repository, people):
    """With our own detector, twice, as a user calls it, on a frame of the demo's clip."""
    (tmp_path / "images").mkdir()
    _, frame = cv2.VideoCapture(str(repository / "test" / "data" / "pedestrians.mp4")).read()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), frame)
    items = [{"image_id": 1, "bbox": [1, 2, 3, 4]}][:people]
    nobody, out = tmp_path / "nobody.json", tmp_path / "new" / "boxes.json"
    nobody.write_text(json.dumps({"images": [{"id": 1, "file_name": "a.png"}], "annotations": items}))
    model, tool = repository / "models" / "person_detector.onnx", repository / "tools" / "training" / "label_persons.py"
    options = ["--workers", "1", "--nobody", str(nobody)]
    command = [sys.executable, str(tool), f"{model},{model}", str(tmp_path / "images"), str(out), *options]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(repository)})
    content = json.loads(out.read_text())
    height, width = frame.shape[:2]
    assert content["images"] == [{"id": 1, "file_name": "a.png", "width": width, "height": height}]
    assert bool(content["annotations"]) == bool(people)
