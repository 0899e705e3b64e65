"""Check mpii.py: the two annotation files, and errors in them."""

import math

import numpy as np
import pytest
from mpii_entries import JOINTS, entry, truth_of

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets import mpii


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image": 7}, "expected image to be a name within the folder of images, got 7"),
        ({"image": "/etc/passwd"}, "expected image to be a name within"),
        ({"image": "../a.jpg"}, "expected image to be a name within"),
        ({"center": ["1", "2"]}, r"expected center of shape \(2,\)"),
        ({"scale": [0.8]}, r"expected scale of shape \(\)"),
        ({"scale": {}}, "expected scale of shape"),
        ({"joints": JOINTS[:15]}, "expected joints of shape"),
        ({"joints": [JOINTS[:15], 3]}, "expected joints of shape"),
        ({"joints_vis": None}, "expected joints_vis of shape"),
        ({"scale": float("nan")}, "not finite|no size"),
        ({"center": [float("inf"), 1]}, "1 persons with joints, a centre or a scale that are not finite"),
    ],
)
def test_entries_that_are_none(changes, message):
    with pytest.raises(DataError, match="mpii.json: .*" + message):
        truth_of(entry(), entry(**changes))


GOOD = {"imgname": [b"a.jpg"], "center": [[9, 9]], "scale": [0.8], "part": [JOINTS], "visible": [[1] * 16]}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({}, ""),
        ({"center": [[b"1", b"2"]]}, r"expected numbers in center, scale, part and visible, got \|S1, float64, "),
        (
            {"scale": [0.8, 0.9]},
            r"expected center \(N, 2\), .*, got \(1, 2\), \(2,\), .* and 1 names",
        ),
        ({"part": [JOINTS[:15]]}, r"got \(1, 2\), \(1,\), \(1, 15, 2\)"),
        ({"visible": [1]}, r"\(1,\) and 1 names"),
        ({"imgname": []}, "and 0 names"),
        ({"imgname": [b"../a.jpg"]}, "whose imgname is not a name within the folder"),
    ],
)
def test_columns_of_an_h5(tmp_path, changes, message):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "mpii.h5"
    with h5py.File(path, "w") as file:
        for name, column in {**GOOD, **changes}.items():
            file[name] = np.array(column)
    if not message:
        assert mpii.h5_persons(path).file_name == ["a.jpg"]
        return
    with pytest.raises(DataError, match="mpii.h5: .*" + message):
        mpii.h5_persons(path)


def test_visibilities_may_be_true_and_false():
    truth = truth_of(entry(joints_vis=[True] * 15 + [False]))
    assert (truth.keypoints[0, :, 2] > 0).sum() == 15


@pytest.mark.parametrize("kind", ["nothing", "a loop of links", "a group", "a text", "a huge column"])
def test_h5_files_that_have_no_columns(tmp_path, kind):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "p.h5"
    with h5py.File(path, "w") as file:
        if kind == "a loop of links":
            file["preds"] = h5py.SoftLink("/preds")
        elif kind == "a group":
            file.create_group("preds")
        elif kind == "a text":
            file["preds"] = "text"
        elif kind == "a huge column":
            file.create_dataset("preds", (10**7, 10**5, 2), "f4", chunks=(1, 16, 2), compression="gzip")
    with pytest.raises(DataError, match="p.h5: (expected an h5 file with preds|1 columns of more than)"):
        mpii.read_h5(path, ("preds",))


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "expected persons with labelled joints, found none in 0 entries"),
        ([entry(joints_vis=[0] * 16)], "found none in 1 entries"),
        ("text", "expected MPII's list of persons, got str"),
        ([entry(), entry(scale=0), entry(scale=-1)], "2 persons whose head has no size, the first: person 1"),
        (
            [entry(), entry(joints=[[math.nan, 1.0], *JOINTS[1:]])],
            "1 persons with joints, a centre or a scale that are not finite.* person 1",
        ),
        ([entry(joints=JOINTS[:15])], "1 entries that are not MPII's, the first: entry 0, expected joints of shape"),
    ],
)
def test_annotation_faults(content, message):
    with pytest.raises(DataError, match="mpii.json: .*" + message):
        mpii.load_ground_truth("mpii.json", content)


def test_persons_without_joints():
    """Those of the test set; joints that are there do not matter, all else does."""
    bare = {key: value for key, value in entry().items() if "joints" not in key}
    persons = mpii.load_persons("mpii.json", [bare, entry(), entry(joints="odd")], with_joints=False)
    whole = truth_of(entry())
    assert persons.file_name == ["a.jpg"] * 3 and not persons.keypoints.any()
    assert (persons.box_xyxy == whole.box_xyxy).all() and (persons.head_size == whole.head_size).all()
    with pytest.raises(DataError, match="1 persons whose head has no size, the first: person 1"):
        mpii.load_persons("mpii.json", [bare, {**bare, "scale": 0}], with_joints=False)
    with pytest.raises(DataError, match="1 entries that are not MPII's, the first: entry 1, expected image"):
        mpii.load_persons("mpii.json", [bare, {"image": "a.jpg"}], with_joints=False)
    with pytest.raises(DataError, match="entry 0, expected image"):
        mpii.load_persons("mpii.json", [3], with_joints=False)


def test_an_h5_without_joints(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "test.h5", "w") as file:
        for name in ("imgname", "center", "scale"):
            file[name] = np.array(GOOD[name])
    persons = mpii.load_persons(tmp_path / "test.h5", with_joints=False)
    assert persons.file_name == ["a.jpg"] and persons.keypoints.shape == (1, 16, 3) and not persons.keypoints.any()
    with pytest.raises(DataError, match="expected an h5 file with .*part"):
        mpii.load_persons(tmp_path / "test.h5")
