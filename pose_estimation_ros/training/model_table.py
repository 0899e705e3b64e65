"""Count the cost of each model and compare it with the figures of the papers' tables.

Every row is one line of a paper's table; a model that no paper lists has a row without printed figures.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Mapping, NamedTuple, Sequence

import torch
from torch import nn

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.counting import CONVENTIONS, count

LITEPOSE_UNIT = "lp"
_DECONV = "the multiply-adds of a transposed convolution of stride 2 four times"
_ELEMENTWISE = "2 per value for batch norm and 1 for ReLU"
NOTES = {  # convention -> what it counts
    "Gi+": f"Gi+: as counted by HRNet's tool, / 2^30: with {_DECONV}",
    "G+": f"G+: as counted by HigherHRNet's authors, / 10^9: with {_DECONV}",
    "mm": f"mm: as counted by MMPose's tool, / 10^9: with {_ELEMENTWISE}",
    "ts": f"ts: as counted by Lite-HRNet's tool, / 1000 / 2^20: with {_ELEMENTWISE}",
    LITEPOSE_UNIT: f"lp: as counted by LitePose's tool, / 10^9: with {_ELEMENTWISE},\n    and {_DECONV}",
}


class Printed(NamedTuple):
    """Hold a row of a paper's table; figures that the paper does not give are None.

    Attributes:
        model: name of the model here.
        input_size_wh: width and height of the input in px.
        parameters: printed number of parameters, in millions.
        macs: printed multiply-adds, in units of the convention.
        convention: a key of CONVENTIONS.
        num_joints: number of keypoints; None for a detector.
        source: the paper that prints the row, where it is not the model's own.
    """

    model: str
    input_size_wh: tuple[int, int]
    parameters: float | None
    macs: float | None
    convention: str = "Gi"
    num_joints: int | None = 17
    source: str = ""


PAPERS = [
    Printed("hrnet_w32", (192, 256), 28.5, 7.1),
    Printed("hrnet_w32", (288, 384), 28.5, 16.0),
    Printed("hrnet_w48", (192, 256), 63.6, 14.6),
    Printed("hrnet_w48", (288, 384), 63.6, 32.9),
    Printed("nam_hrnet_w32", (192, 256), 35, 7.8),  # GoatPose-XL's figures, put into the wrong row of the paper
    Printed("goatpose_bl", (192, 256), 15.51, 3.48),
    Printed("goatpose_bh", (288, 384), 15.51, 7.84),
    Printed("goatpose_xl", (192, 256), 34.76, 7.81),
    Printed("goatpose_xh", (288, 384), 34.76, 17.53),
    Printed("elpn_v1", (192, 256), 1.1, 1.2),
    Printed("elpn_v1", (256, 256), 1.1, 1.6, num_joints=16),
    Printed("elpn_v2", (192, 256), 4.7, 2.0),
    Printed("el_hrnet_w32", (192, 256), 5.0, 2.00),  # 5.0 counts the shared layers of CBAM twice
    Printed("el_hrnet_w32", (256, 256), 5.0, 2.66, num_joints=16),
    Printed("litepose_xs", (256, 256), 1.7, 1.2, LITEPOSE_UNIT, 14),
    Printed("litepose_s", (448, 448), 2.7, 5.0, LITEPOSE_UNIT, 14),
    Printed("litepose_m", (448, 448), None, 7.8, LITEPOSE_UNIT, 14),
    Printed("litepose_l", (512, 512), None, 13.7, LITEPOSE_UNIT, 14),
    Printed("wlitepose_xs", (256, 256), 2.3, 1.5, LITEPOSE_UNIT),
    Printed("wlitepose_s", (448, 448), 3.6, 5.8, LITEPOSE_UNIT),
    Printed("simple_baseline_resnet50", (192, 256), 34.0, 8.9, "Gi+"),
    Printed("simple_baseline_resnet101", (192, 256), 53.0, 12.4, "Gi+"),
    Printed("simple_baseline_resnet152", (192, 256), 68.6, 15.7, "Gi+"),
    Printed("simple_baseline_resnet152", (288, 384), 68.6, 35.6, "Gi+"),
    Printed("simple_baseline_mobilenet_v2", (192, 256), 9.6, 1.59, "mm", source="EL-HRNet"),
    Printed("simple_baseline_mobilenet_v2", (256, 256), 9.6, 2.12, "mm", 16, "EL-HRNet"),
    Printed("simple_baseline_shufflenet_v2", (192, 256), 7.6, 1.37, "mm", source="EL-HRNet"),
    Printed("simple_baseline_shufflenet_v2", (256, 256), 7.6, 1.83, "mm", 16, "EL-HRNet"),
    Printed("lite_hrnet_18", (192, 256), 1.1, 0.2052, "ts"),
    Printed("lite_hrnet_18", (288, 384), 1.1, 0.4616, "ts"),
    Printed("lite_hrnet_18", (256, 256), 1.1, 0.2734, "ts", 16),
    Printed("lite_hrnet_18", (192, 256), 1.1, 0.20, "ts", source="EL-HRNet"),
    Printed("lite_hrnet_18", (256, 256), 1.1, 0.27, "ts", 16, "EL-HRNet"),
    Printed("lite_hrnet_30", (192, 256), 1.8, 0.3192, "ts"),
    Printed("lite_hrnet_30", (288, 384), 1.8, 0.7178, "ts"),
    Printed("lite_hrnet_30", (256, 256), 1.8, 0.4253, "ts", 16),
    Printed("lite_hrnet_30", (192, 256), 1.8, 0.31, "ts", source="EL-HRNet"),
    Printed("lite_hrnet_30", (256, 256), 1.8, 0.42, "ts", 16, "EL-HRNet"),
    Printed("lite_hrnet_30", (256, 256), 1.8, 2.4, LITEPOSE_UNIT, source="WLitePose"),
    Printed("lite_hrnet_30", (448, 448), 1.8, 7.2, LITEPOSE_UNIT, 14, "WLitePose"),
    Printed("higher_hrnet_w32", (512, 512), 28.6, 47.9, "G+"),
    Printed("higher_hrnet_w48", (640, 640), 63.8, 154.3, "G+"),
    Printed("higher_hrnet_w48", (640, 640), 63.8, 155.1, LITEPOSE_UNIT, source="WLitePose"),
    Printed("higher_hrnet_w48", (640, 640), 63.8, 154.6, LITEPOSE_UNIT, 14, "WLitePose"),
    Printed("higher_hrnet_w24", (512, 512), 14.9, 25.3, LITEPOSE_UNIT, 14, "WLitePose"),
    Printed("higher_hrnet_w16", (512, 512), 7.2, 12.5, LITEPOSE_UNIT, 14, "WLitePose"),
    Printed("efficient_hrnet_h0", (512, 512), 23.3, 25.6, "G+"),
    Printed("efficient_hrnet_h_1", (480, 480), 16, 14.2, "G+"),
    Printed("efficient_hrnet_h_1", (480, 480), 13.0, 14.2, LITEPOSE_UNIT, 14, "WLitePose"),
    Printed("efficient_hrnet_h_2", (448, 448), 10.3, 7.7, "G+"),
    Printed("efficient_hrnet_h_2", (448, 448), 8.3, 7.9, LITEPOSE_UNIT, source="WLitePose"),
    Printed("efficient_hrnet_h_3", (416, 416), 6.9, 4.2, "G+"),
    Printed("efficient_hrnet_h_3", (416, 416), 5.3, 4.3, LITEPOSE_UNIT, 14, "WLitePose"),
    Printed("efficient_hrnet_h_4", (384, 384), 3.7, 2.1, "G+"),
    Printed("efficient_hrnet_h_4", (384, 384), 2.8, 2.2, LITEPOSE_UNIT, source="WLitePose"),
]

COLUMNS = "{:<29} {:>6} {:>9} {:>10} {:>7} {:>7} {:>8} {:>7} {:>7}  {:<4} {}"
HEAD = ("model", "joints", "input", "parameters", "paper", "diff", "MACs", "paper", "diff", "unit", "source")


def header() -> str:
    """Return the table's first line."""
    return COLUMNS.format(*HEAD)


def notes(rows: Sequence[Printed]) -> list[str]:
    """Return the lines that explain the units of these rows."""
    used = {row.convention for row in rows}
    return [note for convention, note in NOTES.items() if convention in used]


def rows_of(names: Sequence[str]) -> list[Printed]:
    """Return the papers' rows of the named models, or of all models without names.

    Args:
        names: names of models.

    Returns:
        The rows; a model that no paper lists has a row of its own.

    Raises:
        ConfigError: a name is unknown.
    """
    known = POSE_MODELS | BOTTOM_UP_MODELS | DETECTOR_MODELS
    for name in names:
        if name not in known:
            raise ConfigError(f"expected a model out of {', '.join(known)}, got {name!r}")
    return [row for name in names or known for row in _printed(name) or [_unlisted(name)]]


def _printed(name: str) -> list[Printed]:
    return [row for row in PAPERS if row.model == name]


def _unlisted(name: str) -> Printed:
    if name in DETECTOR_MODELS:
        return Printed(name, (384, 320), None, None, num_joints=None)
    if name in BOTTOM_UP_MODELS:
        return Printed(name, (448, 448), None, None, LITEPOSE_UNIT)
    return Printed(name, (192, 256), None, None)


def measure(row: Printed, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Count a model and return a row of `pose models --json`.

    It holds the fields of the row and what is counted here: parameters, a number, and macs, in units of the
    convention. The printed figures are paper_parameters, a number, and paper_macs.

    Args:
        row: a row of a paper's table.
        options: options of the model's builder, none for its defaults.
    """
    with torch.device("meta"):  # shapes without values: neither memory nor time for the weights
        model = _builder(row)(**(options or {}))
    counts = count(model, row.input_size_wh)
    return {
        "model": row.model,
        "num_joints": row.num_joints,
        "input_size_wh": row.input_size_wh,
        "convention": row.convention,
        "parameters": counts.parameters,
        "macs": CONVENTIONS[row.convention](counts),
        "paper_parameters": row.parameters and round(row.parameters * 1e6),
        "paper_macs": row.macs,
        "source": row.source,
    }


def _builder(row: Printed) -> Callable[..., nn.Module]:
    if row.model in DETECTOR_MODELS:
        return DETECTOR_MODELS[row.model]
    return partial((POSE_MODELS | BOTTOM_UP_MODELS)[row.model], row.num_joints)


def to_line(row: dict[str, Any]) -> str:
    """Write a row of ``measure`` as a line of the table."""
    parameters, paper_parameters = row["parameters"], row["paper_parameters"]
    return COLUMNS.format(
        row["model"],
        row["num_joints"] or "-",
        "{1}x{0}".format(*row["input_size_wh"]),  # height first, as in the papers
        f"{parameters / 1e6:.4f} M",
        "-" if paper_parameters is None else f"{paper_parameters / 1e6:g} M",
        difference(parameters, paper_parameters),
        f"{row['macs']:.4f}",
        "-" if row["paper_macs"] is None else f"{row['paper_macs']:g}",
        difference(row["macs"], row["paper_macs"]),
        row["convention"],
        row["source"],
    ).rstrip()


def difference(counted: float, printed: float | None) -> str:
    """Write by how many percent a counted figure differs from the printed one; "-" where none is printed.

    Args:
        counted: the counted figure.
        printed: the printed figure, None where there is none.
    """
    return "-" if printed is None else f"{round(counted / printed - 1, 3) + 0.0:+.1%}"  # + 0.0: no "-0.0%"
