"""Entries of MPII's annotation file, in the format of HRNet's JSON."""

from pose_estimation_ros.datasets import mpii

JOINTS = [[10.0 + n, 20.0 + 2 * n] for n in range(16)]


def entry(**changes):
    fields = {"image": "a.jpg", "center": [101.0, 51.0], "scale": 0.8, "joints": JOINTS, "joints_vis": [1] * 16}
    return {**fields, **changes}


def truth_of(*entries):
    return mpii.load_ground_truth("mpii.json", list(entries))
