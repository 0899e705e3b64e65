"""Hold the figures that the papers report about their models; the name of a model's builder finds its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pose_estimation_ros.datasets import coco_index, crowdpose, mpii
from pose_estimation_ros.evaluation.metrics import coco, pckh

GOATPOSE = "Sun, Wang and Wu, “GoatPose: A Lightweight and Efficient Network with Attention Mechanism”, EasyChair, 2023"
ELPN = (
    "Li, “Lightweight and Effective Human Pose Estimation Model Based on Multi-Angle Knowledge Distillation”, 2022,"
    " doi:10.1088/1742-6596/2224/1/012025"
)
EL_HRNET = (
    "Li et al., “Human Pose Estimation Based on Efficient and Lightweight High-Resolution Network (EL-HRNet)”, 2024,"
    " doi:10.3390/s24020396"
)
WLITEPOSE = "Wang et al., “Lightweight Human Pose Estimation Based on Heatmap Weighted Loss Function”, 2024"

COCO_VAL, CROWDPOSE_TEST = "all 5000 images of COCO val2017", "all 8000 images of CrowdPose's test set"
MPII_TEST, MPII_VAL = "MPII's test set", "MPII's validation set of 2958 persons"
DETECTED = "persons found by a detector, flip test"
DETECTION_BOX = "persons found by a detector"
UNSAID = "the paper does not say how persons were found"
BOTTOM_UP = "bottom-up, flip test"
MPII_BOXES = "MPII's own boxes"

AP4 = ("AP", "AP50", "AP75", "AR")
AP3 = ("AP", "AP50", "AP75")
PCKH = tuple(f"{group}@0.5" for group in (*pckh.GROUPS, "Mean"))


class PaperRow(NamedTuple):
    """Hold a row of a paper's table.

    builder: as in training["model"] of a model's spec. skeleton: that of the data set, which tells the data sets apart.
    """

    builder: str
    skeleton: str
    label: str
    figures: dict[str, float]
    data: str
    protocol: str
    source: str


def _rows(
    skeleton: str,
    names: Sequence[str],
    data: str,
    protocol: str,
    source: str,
    table: dict[tuple[str, str], list[float]],
) -> list[PaperRow]:
    """Return the rows of a table, given as {(builder, label): figures in the order of the names}."""
    return [
        PaperRow(builder, skeleton, label, dict(zip(names, figures, strict=True)), data, protocol, source)
        for (builder, label), figures in table.items()
    ]


PAPERS = (
    _rows(coco_index.SKELETON, AP4, COCO_VAL, UNSAID, f"{GOATPOSE}, Table 1", {
        ("goatpose_bl", "GoatPose-BL 256x192"): [74.5, 92.6, 82.5, 82.3],
        ("goatpose_bh", "GoatPose-BH 384x288"): [75.6, 92.7, 82.3, 83.5],
        ("goatpose_xl", "GoatPose-XL 256x192"): [76.1, 93.5, 83.5, 83.8],
        ("goatpose_xh", "GoatPose-XH 384x288"): [76.5, 93.7, 83.6, 83.9],
    })
    + _rows(coco_index.SKELETON, AP4, COCO_VAL, DETECTED, f"HRNet as listed in {GOATPOSE}, Table 1", {
        ("hrnet_w32", "HRNet-W32 256x192"): [74.4, 90.5, 81.9, 79.8],
        ("hrnet_w32", "HRNet-W32 384x288"): [75.8, 90.6, 82.7, 81.0],
        ("hrnet_w48", "HRNet-W48 256x192"): [75.1, 90.6, 82.2, 80.4],
        ("hrnet_w48", "HRNet-W48 384x288"): [76.3, 90.8, 82.9, 81.2],
    })
    + _rows(coco_index.SKELETON, coco.METRICS, COCO_VAL, DETECTED, f"{ELPN}, Table 1", {
        ("elpn_v1", "ELPN-V1 256x192"): [70.5, 89.3, 78.0, 67.6, 76.2, 75.7],
        ("elpn_v2", "ELPN-V2 256x192"): [71.8, 91.5, 79.4, 69.3, 75.6, 74.7],
    })
    + _rows(coco_index.SKELETON, coco.METRICS, COCO_VAL, DETECTION_BOX, f"{EL_HRNET}, Table 2", {
        ("el_hrnet_w32", "EL-HRNet-W32 256x192"): [67.1, 86.4, 74.2, 65.3, 72.0, 74.9],
    })
    + _rows(coco_index.SKELETON, AP3, COCO_VAL, BOTTOM_UP, f"{WLITEPOSE}, Table I", {
        ("wlitepose_s", "WLitePose-S 448"): [57.7, 78.2, 63.0],
        ("wlitepose_xs", "WLitePose-XS 256"): [41.1, 62.1, 44.3],
        ("litepose_s", "LitePose-S 448"): [56.4, 77.2, 61.2],
        ("litepose_xs", "LitePose-XS 256"): [40.1, 61.3, 42.8],
    })
    + _rows(crowdpose.SKELETON, AP3, CROWDPOSE_TEST, BOTTOM_UP, f"{WLITEPOSE}, Table III", {
        ("wlitepose_s", "WLitePose-S 448"): [59.6, 82.3, 63.5],
        ("wlitepose_xs", "WLitePose-XS 256"): [50.6, 74.8, 52.8],
        ("litepose_s", "LitePose-S 448"): [58.0, 80.9, 61.6],
        ("litepose_xs", "LitePose-XS 256"): [49.4, 74.1, 51.3],
    })
    + _rows(mpii.SKELETON, PCKH, MPII_TEST, MPII_BOXES, f"{ELPN}, Table 3", {
        ("elpn_v1", "ELPN-V1 256x256"): [96.5, 94.2, 86.9, 83.2, 88.1, 82.3, 79.6, 87.6],
        ("elpn_v2", "ELPN-V2 256x256"): [97.8, 95.3, 90.0, 85.0, 89.2, 85.1, 80.9, 89.5],
    })
    + _rows(mpii.SKELETON, PCKH, MPII_VAL, MPII_BOXES, f"{EL_HRNET}, Table 4", {
        ("el_hrnet_w32", "EL-HRNet-W32 256x256"): [96.7, 94.8, 87.6, 82.2, 88.2, 82.4, 77.9, 87.7],
    })
)  # fmt: skip


def paper_rows(builder: str, skeleton: str) -> list[PaperRow]:
    """Return the rows of a model on data sets with this skeleton; [] where no paper has it.

    Args:
        builder: name of the model's builder.
        skeleton: name of the skeleton.
    """
    return [row for row in PAPERS if (row.builder, row.skeleton) == (builder, skeleton)]
