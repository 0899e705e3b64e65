import io
import json
import tarfile

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.detector import NetworkDetector
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.training.export.calibration import calibration_batches

SPEC = ModelSpec("m", "top_down", (48, 64), "rgb", get_skeleton("coco17"), 4, "quarter_offset", 1.25, "", {}, {})
DETECTOR = SPEC._replace(task="person_detector", skeleton="", decoder="boxes", stride=8)


class Recorder:
    """A backend that keeps what it is given."""

    input_shape = (None, 3, 64, 48)

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch.copy())
        nobody = {"boxes_xyxy": np.zeros((1, 0, 4), np.float32), "scores": np.zeros((1, 0), np.float32)}
        return {"heatmaps": np.zeros((len(batch), 17, 16, 12), np.float32), **nobody}


def served(dots, spec):
    """What the runtime feeds its network with for every image of the data set."""
    recorder = Recorder()
    for number in range(1, 7):
        frame = cv2.imread(str(dots / "images" / f"{number}.png"))
        if spec is SPEC:
            TopDown(recorder, spec)(frame, [[8, 8, 88, 88]])
        else:
            NetworkDetector(recorder, spec)(frame)
    return np.concatenate(recorder.batches)


@pytest.mark.parametrize("spec", [SPEC, DETECTOR])
def test_batches_are_what_the_runtime_feeds_its_network_with(dots, spec):
    batches = list(calibration_batches(spec, dots, 100))
    assert [len(batch) for batch in batches] == [4, 2]
    found, expected = np.concatenate(batches), served(dots, spec)
    assert found.dtype == np.float32
    assert sorted(image.tobytes() for image in found) == sorted(image.tobytes() for image in expected)


def test_the_choice_is_as_many_as_asked_for_and_always_the_same(dots):
    few, again = (np.concatenate(list(calibration_batches(SPEC, dots, 3))) for _ in range(2))
    assert len(few) == 3 and np.array_equal(few, again)


def test_images_in_tar_files_beside_the_annotations(dots, tmp_path):
    (tmp_path / "person_keypoints.json").write_text((dots / "person_keypoints.json").read_text())
    with tarfile.open(tmp_path / "pack.tar", "w") as tar:
        for path in (dots / "images").iterdir():
            info = tarfile.TarInfo("crops/" + path.name)
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    for a, b in zip(calibration_batches(SPEC, tmp_path, 9), calibration_batches(SPEC, dots, 9), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("spec", [SPEC, DETECTOR])
def test_faults(dots, tmp_path, spec):
    with pytest.raises(DataError, match="expected a JSON file"):
        list(calibration_batches(spec, tmp_path, 9))
    content = json.loads((dots / "person_keypoints.json").read_text())
    (tmp_path / "person_keypoints.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="expected an image folder or tar files"):
        list(calibration_batches(spec, tmp_path, 9))
    (tmp_path / "person_keypoints.json").write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(DataError, match="found none"):
        list(calibration_batches(spec, tmp_path, 9))
