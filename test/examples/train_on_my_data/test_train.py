import json
import re

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="trains")


@pytest.fixture
def my_data(tmp_path):
    """train/ and val/ with two images of one person each, as the recipe says."""
    random = np.random.RandomState(0)
    for part in ("train", "val"):
        (tmp_path / "my_data" / part / "images").mkdir(parents=True)
        images, annotations = [], []
        for number in (1, 2):
            image = random.randint(0, 256, (96, 96, 3)).astype(np.uint8)
            cv2.imwrite(str(tmp_path / "my_data" / part / "images" / ("%d.png" % number)), image)
            images.append({"id": number, "file_name": "%d.png" % number, "width": 96, "height": 96})
            keypoints = np.concatenate([random.randint(10, 86, (17, 2)), np.full((17, 1), 2)], 1).ravel().tolist()
            person = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "num_keypoints": 17}
            annotations.append({**person, "keypoints": keypoints, "bbox": [8, 8, 80, 80], "area": 6400.0})
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        (tmp_path / "my_data" / part / "person_keypoints.json").write_text(json.dumps(content))
    return tmp_path / "my_data"


def test_a_tiny_epoch(run_example, my_data, picture, tmp_path):
    changes = ["epochs=1", "batch_size=2", "input_size_wh=[64,64]", "workers=0", "pictures=0", "threads=1"]
    lines = run_example("train_on_my_data/train.py", my_data, picture, *changes).splitlines()
    assert re.search(r"my_model\.onnx: ONNX Runtime differs from torch by \S+ at most", lines[-2])
    assert re.match(r"Poses\(\d+ (people|person), 17 keypoints coco17", lines[-1])
    assert (tmp_path / "runs" / "my_model" / "my_model.json").is_file()


def test_data_that_are_not_there(run_example, picture):
    assert "none" in run_example("train_on_my_data/train.py", "none", picture, status=1).splitlines()[-1]
