"""``pose models``: what each model costs and what its paper says it costs.

Parameters are counted once each. "Gi" are multiply-adds of convolutions and linear layers / 2^30, the "FLOPs" of
HRNet's tool; "lp" is LitePose's tool / 10^9, which adds batch norm and ReLU and overstates transposed convolutions.
Differences are against the printed figure as rounded there; what lies behind the larger ones is said at the builders.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import Any, Callable, NamedTuple, Sequence

import torch

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.counting import CONVENTIONS, count


class Printed(NamedTuple):
    """A row of a paper's table: parameters in millions and MACs in units of the convention, None where not given.

    num_joints: None of a detector, which has none.
    """

    model: str
    input_size_wh: tuple[int, int]
    parameters: float | None
    macs: float | None
    convention: str = "Gi"
    num_joints: int | None = 17


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
    Printed("litepose_xs", (256, 256), 1.7, 1.2, "lp", 14),
    Printed("litepose_s", (448, 448), 2.7, 5.0, "lp", 14),
    Printed("litepose_m", (448, 448), None, 7.8, "lp", 14),
    Printed("litepose_l", (512, 512), None, 13.7, "lp", 14),
    Printed("wlitepose_xs", (256, 256), 2.3, 1.5, "lp"),
    Printed("wlitepose_s", (448, 448), 3.6, 5.8, "lp"),
]

COLUMNS = "{:<14} {:>6} {:>9} {:>10} {:>7} {:>7} {:>8} {:>7} {:>7}  {}"
HEAD = ("model", "joints", "input", "parameters", "paper", "diff", "MACs", "paper", "diff", "unit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to count (default: all)")
    parser.add_argument("--json", action="store_true", help="a JSON list in place of the table")


def main(args: argparse.Namespace) -> int:
    rows = map(measure, rows_of(args.names))
    if args.json:
        print(json.dumps(list(rows), indent=1))
        return 0
    print(COLUMNS.format(*HEAD))
    for row in rows:
        print(to_line(row), flush=True)
    return 0


def rows_of(names: Sequence[str]) -> list[Printed]:
    """The papers' rows of the named models, all without names; a model that no paper lists gets a row of its own."""
    known = POSE_MODELS | BOTTOM_UP_MODELS | DETECTOR_MODELS
    for name in names:
        if name not in known:
            raise ConfigError(f"expected a model out of {', '.join(known)}, got {name!r}")
    return [row for name in names or known for row in printed(name) or [unlisted(name)]]


def printed(name: str) -> list[Printed]:
    return [row for row in PAPERS if row.model == name]


def unlisted(name: str) -> Printed:
    if name in DETECTOR_MODELS:
        return Printed(name, (384, 320), None, None, num_joints=None)
    bottom_up = name in BOTTOM_UP_MODELS
    return Printed(name, (448, 448) if bottom_up else (192, 256), None, None, "lp" if bottom_up else "Gi")


def measure(row: Printed) -> dict[str, Any]:
    """The row with what we count: parameters (as they are), macs (in units of the convention), paper_* (as printed)."""
    with torch.device("meta"):  # shapes without values: neither memory nor time for the weights
        model = builder(row)()
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
    }


def builder(row: Printed) -> Callable[[], torch.nn.Module]:
    if row.model in DETECTOR_MODELS:
        return DETECTOR_MODELS[row.model]
    return partial((POSE_MODELS | BOTTOM_UP_MODELS)[row.model], row.num_joints)


def to_line(row: dict[str, Any]) -> str:
    parameters, printed = row["parameters"], row["paper_parameters"]
    return COLUMNS.format(
        row["model"],
        row["num_joints"] or "-",
        "{1}x{0}".format(*row["input_size_wh"]),  # height first, as the papers
        f"{parameters / 1e6:.4f} M",
        "-" if printed is None else f"{printed / 1e6:g} M",
        difference(parameters, printed),
        f"{row['macs']:.4f}",
        "-" if row["paper_macs"] is None else f"{row['paper_macs']:g}",
        difference(row["macs"], row["paper_macs"]),
        row["convention"],
    )


def difference(ours: float, paper: float | None) -> str:
    return "-" if paper is None else f"{round(ours / paper - 1, 3) + 0.0:+.1%}"  # + 0.0: no "-0.0%"
