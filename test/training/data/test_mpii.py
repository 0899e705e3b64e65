"""data/mpii.py: MPII's two annotation files, on values worked out by hand and on the real ones, which must agree."""

import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.data.mpii import mpii_h5_persons
from pose_estimation_ros.training.data.persons import load_persons

MPII = get_skeleton("mpii16")
JOINTS = [[10.0 + n, 20.0 + 2 * n] for n in range(16)]


def entry(**changes):
    fields = {"image": "a.jpg", "center": [101.0, 51.0], "scale": 0.5, "joints": JOINTS, "joints_vis": [1] * 16}
    return {**fields, **changes}


def save(folder, *entries):
    path = folder / "mpii.json"
    path.write_text(json.dumps(list(entries)))
    return path


def test_json(tmp_path):
    unlabelled = entry(joints=[[-1.0, -1.0], *JOINTS[1:]], joints_vis=[0] + [1] * 15)
    first, second = load_persons(save(tmp_path, entry(), unlabelled), MPII)
    # centre (101, 51) counted from 1, 7.5 down: (100, 57.5); side 200 * 0.5
    assert first.box_xyxy.tolist() == [50, 7.5, 150, 107.5] and first.file_name == "a.jpg"
    assert first.keypoints[[0, 15]].tolist() == [[9, 19, 2], [24, 49, 2]]
    assert second.annotation == 1 and second.keypoints[:2].tolist() == [[0, 0, 0], [10, 21, 2]]


@pytest.mark.parametrize(
    "entries, message",
    [
        ([], "found none"),
        ([entry(joints_vis=[0] * 16)], "found none"),
        ([3], "1 entries that are not MPII's, the first: entry 0, expected image, center"),
        ([entry(), {"image": "a.jpg"}, {}], "2 entries that are not MPII's, the first: entry 1, expected image"),
        ([entry(joints=JOINTS[:14])], "entry 0, expected joints of shape"),
        ([entry(center=["a", "b"])], "entry 0, expected center of shape"),
        ([entry(center=[1, 2, 3])], "entry 0, expected center of shape"),
        ([entry(scale=-1.0)], "1 persons whose box has no area.*annotation 0"),
        ([entry(joints=[[float("nan"), 0.0], *JOINTS[1:]])], "1 persons with keypoints that are not finite"),
    ],
)
def test_json_faults(tmp_path, entries, message):
    with pytest.raises(DataError, match="mpii.json: .*" + message):
        load_persons(save(tmp_path, *entries), MPII)


def test_other_skeleton_or_detections(tmp_path):
    path = save(tmp_path, entry())
    with pytest.raises(DataError, match="expected the skeleton mpii16 for MPII, got coco17"):
        load_persons(path, get_skeleton("coco17"))
    others = tuple("k%d" % k for k in range(16))
    with pytest.raises(DataError, match="expected the skeleton mpii16 for MPII, got other"):
        load_persons(path, MPII._replace(name="other", keypoints=others))
    with pytest.raises(DataError, match="detections need annotations with image ids"):
        load_persons(path, MPII, "boxes.json")


def save_h5(folder, **changes):
    h5py = pytest.importorskip("h5py")
    part = np.array([JOINTS, JOINTS])
    part[0, :3] = [[0, 0], [0, 5], [-3, -3]]  # unlabelled; labelled on the rim and outside
    columns = {
        "imgname": np.array([b"a.jpg", b"b.jpg"]), "center": np.array([[101.0, 51.0], [201.0, 81.0]]),
        "scale": np.array([0.5, 1.0]), "part": part, "visible": np.array([[0.0] * 4 + [1.0] * 12, [1.0] * 16]),
    }  # fmt: skip
    with h5py.File(folder / "mpii.h5", "w") as file:
        for key, column in {**columns, **changes}.items():
            if column is not None:
                file[key] = column
    return folder / "mpii.h5"


def test_h5_with_the_centres_of_mpii(tmp_path):
    first, second = load_persons(save_h5(tmp_path), MPII)
    assert [first.file_name, second.file_name] == ["a.jpg", "b.jpg"]
    assert first.box_xyxy.tolist() == [50, 7.5, 150, 107.5] and second.box_xyxy.tolist() == [100, -5, 300, 195]
    assert first.keypoints[:5].tolist() == [[0, 0, 0], [-1, 4, 1], [-4, -4, 1], [12, 25, 1], [13, 27, 2]]


def test_h5_with_moved_centres_gives_the_same_boxes(tmp_path):
    plain = load_persons(save_h5(tmp_path), MPII)
    moved = save_h5(tmp_path, center=np.array([[101.0, 58.5], [201.0, 96.0]]), scale=np.array([0.625, 1.25]))
    for a, b in zip(plain, load_persons(moved, MPII)):
        np.testing.assert_allclose(a.box_xyxy, b.box_xyxy)


@pytest.mark.parametrize("changes", [{"part": None}, {"part": np.ones((2, 14, 2))}, {"scale": np.ones(3)}])
def test_h5_faults(tmp_path, changes):
    with pytest.raises(DataError, match="mpii.h5: expected"):
        mpii_h5_persons(save_h5(tmp_path, **changes))


def test_h5_that_is_none(tmp_path):
    pytest.importorskip("h5py")
    (tmp_path / "mpii.h5").write_text("text")
    with pytest.raises(DataError, match="mpii.h5: expected an h5 file"):
        mpii_h5_persons(tmp_path / "mpii.h5")


def test_real_files_agree(shared_data):
    """The h5's centres are moved already, its joints cut to whole pixels; its boxes are the JSON's all the same."""
    pytest.importorskip("h5py")
    listed = load_persons(f"{shared_data}/mpii/test_mpii.json", MPII)
    stored = load_persons(f"{shared_data}/mpii/mpii_valid.h5", MPII)
    assert len(listed) == 5 and len(stored) == 2958
    for own in listed:
        near = min(
            (p for p in stored if p.file_name == own.file_name), key=lambda p: np.abs(p.box_xyxy - own.box_xyxy).max()
        )
        np.testing.assert_allclose(near.box_xyxy, own.box_xyxy, atol=1e-3)
        np.testing.assert_array_equal(near.keypoints[:, 2] > 0, own.keypoints[:, 2] > 0)
        assert np.abs(near.keypoints[:, :2] - own.keypoints[:, :2]).max() < 1
