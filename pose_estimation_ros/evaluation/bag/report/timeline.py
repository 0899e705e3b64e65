"""Who was there when: a row for each id, over the time of the recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.evaluation.report.charts import COLORS, word
from pose_estimation_ros.evaluation.report.html import Html, element, note

WIDTH, LEFT, RIGHT, ROW, BOTTOM = 960, 64, 10, 14, 30
MOST_ROWS = 30
APART = 1.5  # times the usual time between images: longer than that is a gap


class Presence(NamedTuple):
    """An id and where it was seen: seconds (N,), rising."""

    name: str
    seconds: np.ndarray


def presences(ids: Sequence[Sequence[int]], seconds: np.ndarray) -> list[Presence]:
    """Of the ids in each image, in the order in which they came."""
    seen: dict[int, list[float]] = {}
    for own, at in zip(ids, seconds):
        for name in own:
            seen.setdefault(name, []).append(float(at))
    return [Presence(f"id {name}", np.sort(at)) for name, at in seen.items()]


def timeline(title: str, rows: Sequence[Presence], period_s: float, length_s: float) -> Html:
    """A bar wherever somebody was seen in image after image; of more than MOST_ROWS those who were seen longest."""
    longest = sorted(range(len(rows)), key=lambda i: -len(rows[i].seconds))[:MOST_ROWS]
    shown = [rows[i] for i in sorted(longest)]
    bottom = ROW * max(len(shown), 1)
    bars = [part for place, row in enumerate(shown) for part in drawn(row, place, period_s, length_s)]
    svg = element(
        "svg", *time_axis(length_s, bottom), *bars, viewBox=f"0 0 {WIDTH} {bottom + BOTTOM}", role="img",
        aria_label=title,
    )  # fmt: skip
    caption = element("figcaption", f"{title}: {len(rows)} {'id' if len(rows) == 1 else 'ids'}")
    left_out = len(rows) - len(shown)
    more = [note(f"{left_out} more ids, each seen in fewer images than these, are left out.")] if left_out else []
    return element("figure", caption, element("div", svg, class_="scroll"), *more, class_="timeline")


def drawn(row: Presence, place: int, period_s: float, length_s: float) -> list[Html]:
    top = ROW * place
    color = COLORS[place % len(COLORS)]
    bars = [
        element(
            "rect", x=f"{x_of(begin, length_s):.1f}", y=top + 2, height=ROW - 4, fill=color,
            width=f"{max(x_of(end + period_s, length_s) - x_of(begin, length_s), 1.5):.1f}",
        )
        for begin, end in stretches(row.seconds, period_s)
    ]  # fmt: skip
    return [word(row.name, LEFT - 6, top + ROW - 3, "end"), *bars]


def stretches(seconds: np.ndarray, period_s: float) -> list[tuple[float, float]]:
    """(first, last) of each stretch without a gap."""
    breaks = np.flatnonzero(np.diff(seconds) > APART * period_s)
    first, last = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(seconds) - 1]])
    return list(zip(seconds[first].tolist(), seconds[last].tolist()))


def x_of(at_s: float, length_s: float) -> float:
    return LEFT + min(at_s / length_s, 1.0) * (WIDTH - LEFT - RIGHT)


def time_axis(length_s: float, bottom: int) -> list[Html]:
    """Lines and seconds at round times."""
    step = round_up(length_s / 10)
    marks = []
    for at in np.arange(0, length_s * (1 + 1e-9), step).tolist():
        x = x_of(at, length_s)
        marks.append(element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=0, y2=bottom, stroke="#dde3e8"))
        marks.append(word(f"{at:.4g}", x, bottom + 13, "middle"))
    return [*marks, word("s", WIDTH - RIGHT, bottom + 26, "end")]


def round_up(value: float) -> float:
    """The next of ..., 1, 2, 5, 10, 20, ...; 1 of nothing."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(step for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))
