"""mpii.py: PCKh by hand, written out slowly, and on published predictions; the files: test_mpii_persons.py."""

import math

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.predictions import read_mpii

JOINTS = [[10.0 + n, 20.0 + 2 * n] for n in range(16)]
SIDES = {"Shoulder": (12, 13), "Elbow": (11, 14), "Wrist": (10, 15), "Hip": (2, 3), "Knee": (1, 4), "Ankle": (0, 5)}


def entry(**changes):
    fields = {"image": "a.jpg", "center": [101.0, 51.0], "scale": 0.8, "joints": JOINTS, "joints_vis": [1] * 16}
    return {**fields, **changes}


def truth_of(*entries):
    return mpii.load_ground_truth("mpii.json", list(entries))


def test_by_hand():
    """A head of 25 * 0.8 = 20 px: 10 px away is found at 0.5, more is not; 2 px at 0.1."""
    truth = truth_of(entry(), entry(joints_vis=[1] * 9 + [0] + [1] * 6))
    assert truth.head_size.tolist() == [20, 20]
    xy = truth.keypoints[..., :2].copy()
    xy[0, 9] += [6, 8]  # the head: at the limit; the second person's is not labelled
    xy[:, 12] += [0, 10.01]  # both right shoulders
    xy[1, 13] += [1.9, 0]
    xy[0, 6:8] = 1e6  # pelvis and thorax are left out
    xy[1, 8] = 1e6  # the neck is in the mean alone
    figures = mpii.pckh_figures(xy, truth)
    assert figures["Head@0.5"] == 100 and figures["Head@0.1"] == 0
    assert figures["Shoulder@0.5"] == figures["Shoulder@0.1"] == 50
    assert figures["Knee@0.1"] == figures["Ankle@0.5"] == 100
    assert figures["Mean@0.5"] == pytest.approx(100 * 24 / 27) and figures["Mean@0.1"] == pytest.approx(100 * 23 / 27)


def test_nothing_labelled_in_a_group():
    truth = truth_of(entry(joints_vis=[0] * 9 + [1] + [0] * 3 + [1] * 3))
    figures = mpii.pckh(truth.keypoints[..., :2], truth, 0.5)
    assert figures == {**dict.fromkeys(SIDES, -1), **dict.fromkeys(("Head", "Shoulder", "Elbow", "Wrist", "Mean"), 100)}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_missed(value):
    truth = truth_of(entry(), entry())
    xy = truth.keypoints[..., :2].copy()
    xy[0] = value
    figures = mpii.pckh_figures(xy, truth)
    assert set(figures.values()) == {50.0}
    xy[1, 3] = value
    assert mpii.pckh_figures(xy, truth)["Hip@0.5"] == 25


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


def test_predictions_in_shares_of_the_image_are_told(tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    for scale, told in ((1.0, ""), (1e-3, "2 of 2 persons have all joints within 2 px")):
        with h5py.File(tmp_path / f"{scale}.h5", "w") as file:
            file["preds"] = np.array([JOINTS] * 2) * scale
        read_mpii(tmp_path / f"{scale}.h5", 2)
        err = capsys.readouterr().err
        assert told in err and bool(err) == bool(told)


def slow_pckh(xy, part, head_size, limit):
    """From the columns of the h5, pixels counted from 1, joint by joint."""
    rates, right, total = [], 0, 0
    for k in range(16):
        own = [i for i in range(len(xy)) if part[i][k][0] != 0 or part[i][k][1] != 0]
        hits = sum(math.dist(xy[i][k], part[i][k]) <= limit * head_size[i] for i in own)
        rates.append(100 * hits / len(own))
        if k not in (6, 7):
            right, total = right + hits, total + len(own)
    groups = {name: (rates[a] + rates[b]) / 2 for name, (a, b) in SIDES.items()}
    return {**groups, "Head": rates[9], "Mean": 100 * right / total}


@pytest.fixture(scope="module")
def columns(shared_data):
    pytest.importorskip("h5py")
    return mpii.read_h5(f"{shared_data}/mpii/mpii_valid.h5", ("part", "normalize"))


def test_published_predictions(shared_data, columns):
    """Newell et al.'s, of which the source says 88.4; the h5's own head sizes are what scale gives."""
    truth = mpii.load_ground_truth(f"{shared_data}/mpii/mpii_valid.h5")
    part, normalize = columns
    np.testing.assert_allclose(truth.head_size, normalize, rtol=1e-12)
    found = read_mpii(f"{shared_data}/mpii/preds_newell_valid.h5", len(part))
    assert mpii.pckh(found, truth, 0.5)["Mean"] == pytest.approx(88.4, abs=0.1)
    for limit in mpii.THRESHOLDS:
        slow = slow_pckh(found + 1, part, normalize, limit)
        assert mpii.pckh(found, truth, limit) == pytest.approx(slow, abs=1e-6)


def test_jittered_truth(shared_data, columns):
    truth = mpii.load_ground_truth(f"{shared_data}/mpii/mpii_valid.h5")
    part, normalize = columns
    assert set(mpii.pckh_figures(part - 1, truth).values()) == {100.0}
    xy = part + np.random.default_rng(0).normal(0, 12, part.shape)
    for limit in mpii.THRESHOLDS:
        slow = slow_pckh(xy, part, normalize, limit)
        assert 2 < slow["Mean"] < 95 and mpii.pckh(xy - 1, truth, limit) == pytest.approx(slow, abs=1e-6)


def test_json_has_the_head_sizes_of_the_h5(shared_data):
    listed = mpii.load_ground_truth(f"{shared_data}/mpii/test_mpii.json")
    stored = mpii.load_ground_truth(f"{shared_data}/mpii/mpii_valid.h5")
    for name, size in zip(listed.file_name, listed.head_size):
        assert min(abs(stored.head_size[stored.file_name.index(name) :] - size)) < 1e-4
    assert set(mpii.pckh_figures(listed.keypoints[..., :2], listed).values()) == {100.0}


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
