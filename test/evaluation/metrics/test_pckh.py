"""pckh.py: PCKh and PCK by the torso, by hand, written out slowly, and on published predictions."""

import math

import numpy as np
import pytest
from mpii_entries import JOINTS, entry, truth_of

from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.predictions import read_mpii
from pose_estimation_ros.evaluation.metrics import pckh

SIDES = {"Shoulder": (12, 13), "Elbow": (11, 14), "Wrist": (10, 15), "Hip": (2, 3), "Knee": (1, 4), "Ankle": (0, 5)}


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
    figures = pckh.pckh_figures(xy, truth)
    assert figures["Head@0.5"] == 100 and figures["Head@0.1"] == 0
    assert figures["Shoulder@0.5"] == figures["Shoulder@0.1"] == 50
    assert figures["Knee@0.1"] == figures["Ankle@0.5"] == 100
    assert figures["Mean@0.5"] == pytest.approx(100 * 24 / 27) and figures["Mean@0.1"] == pytest.approx(100 * 23 / 27)


def test_nothing_labelled_in_a_group():
    truth = truth_of(entry(joints_vis=[0] * 9 + [1] + [0] * 3 + [1] * 3))
    figures = pckh.pckh(truth.keypoints[..., :2], truth, 0.5)
    assert figures == {**dict.fromkeys(SIDES, -1), **dict.fromkeys(("Head", "Shoulder", "Elbow", "Wrist", "Mean"), 100)}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_missed(value):
    truth = truth_of(entry(), entry())
    xy = truth.keypoints[..., :2].copy()
    xy[0] = value
    figures = pckh.pckh_figures(xy, truth)
    assert set(figures.values()) == {50.0}
    xy[1, 3] = value
    assert pckh.pckh_figures(xy, truth)["Hip@0.5"] == 25


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
    assert pckh.pckh(found, truth, 0.5)["Mean"] == pytest.approx(88.4, abs=0.1)
    for limit in pckh.THRESHOLDS:
        slow = slow_pckh(found + 1, part, normalize, limit)
        assert pckh.pckh(found, truth, limit) == pytest.approx(slow, abs=1e-6)


def test_jittered_truth(shared_data, columns):
    truth = mpii.load_ground_truth(f"{shared_data}/mpii/mpii_valid.h5")
    part, normalize = columns
    assert set(pckh.pckh_figures(part - 1, truth).values()) == {100.0}
    xy = part + np.random.default_rng(0).normal(0, 12, part.shape)
    for limit in pckh.THRESHOLDS:
        slow = slow_pckh(xy, part, normalize, limit)
        assert 2 < slow["Mean"] < 95 and pckh.pckh(xy - 1, truth, limit) == pytest.approx(slow, abs=1e-6)


def test_json_has_the_head_sizes_of_the_h5(shared_data):
    listed = mpii.load_ground_truth(f"{shared_data}/mpii/test_mpii.json")
    stored = mpii.load_ground_truth(f"{shared_data}/mpii/mpii_valid.h5")
    for name, size in zip(listed.file_name, listed.head_size):
        assert min(abs(stored.head_size[stored.file_name.index(name) :] - size)) < 1e-4
    assert set(pckh.pckh_figures(listed.keypoints[..., :2], listed).values()) == {100.0}


RIGHT_HIP, LEFT_SHOULDER = 2, 13  # places of MPII's joints
ALL = [1] * 16


def with_torso(hip, shoulder, **changes):
    joints = [list(xy) for xy in JOINTS]
    joints[RIGHT_HIP], joints[LEFT_SHOULDER] = list(hip), list(shoulder)
    return entry(joints=joints, **changes)


@pytest.mark.parametrize(
    "labels, hip, shoulder, size",
    [
        (ALL, (10, 20), (40, 60), 50),
        (ALL, (10, 20), (10, 20), None),
        ([1] * 2 + [0] + [1] * 13, (10, 20), (40, 60), None),
        ([1] * 13 + [0] + [1] * 2, (10, 20), (40, 60), None),
    ],
)
def test_size_of_the_torso(labels, hip, shoulder, size):
    (measured,) = mpii.torso_size(truth_of(with_torso(hip, shoulder, joints_vis=labels)))
    assert np.isnan(measured) if size is None else measured == size


def test_torso_by_hand():
    """A torso of 50 px: 25 px away is found, more is not; who has no torso is left out, not missed."""
    labels = [1] * 2 + [0] + [1] * 13
    truth = truth_of(with_torso((10, 20), (40, 60)), with_torso((10, 20), (40, 60), joints_vis=labels))
    xy = truth.keypoints[..., :2].copy()
    xy[0, 9] += [15, 20]  # the head: at the limit
    xy[0, 12] += [25.01, 0]  # the right shoulder
    xy[0, 6:8] = np.nan  # pelvis and thorax are not in the mean
    xy[0, 0] = np.nan  # the right ankle is missed
    xy[1] = 1e6
    figures = pckh.torso_pck(xy, truth)
    assert figures["torso_Head@0.5"] == figures["torso_Knee@0.5"] == 100
    assert figures["torso_Shoulder@0.5"] == figures["torso_Ankle@0.5"] == 50
    assert figures["torso_Mean@0.5"] == pytest.approx(100 * 12 / 14) and figures["persons_without_torso"] == 1


def test_nobody_has_a_torso():
    truth = truth_of(entry(joints_vis=[0] * 9 + [1] + [0] * 6))
    figures = pckh.torso_pck(truth.keypoints[..., :2], truth)
    assert figures == {**dict.fromkeys(pckh.TORSO_FIGURES, -1), "persons_without_torso": 1}


def test_torso_of_published_predictions(shared_data, columns):
    """ELPN's equation 5, written out joint by joint."""
    truth = mpii.load_ground_truth(f"{shared_data}/mpii/mpii_valid.h5")
    part, _ = columns
    found = read_mpii(f"{shared_data}/mpii/preds_newell_valid.h5", len(part))
    ends = [(person[RIGHT_HIP], person[LEFT_SHOULDER]) for person in part]
    torsos = [(i, math.dist(a, b)) for i, (a, b) in enumerate(ends) if a.any() and b.any() and math.dist(a, b) > 0]
    own = [i for i, _ in torsos]
    slow = slow_pckh((found + 1)[own], part[own], [size for _, size in torsos], 0.5)
    figures = pckh.torso_pck(found, truth)
    assert figures.pop("persons_without_torso") == len(part) - len(own) > 0
    assert figures == pytest.approx({f"torso_{name}@0.5": value for name, value in slow.items()}, abs=1e-6)
    assert slow["Mean"] > pckh.pckh(found, truth, 0.5)["Mean"], "a torso is longer than a head"
