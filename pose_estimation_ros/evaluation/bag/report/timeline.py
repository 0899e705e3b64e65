"""Make the timeline of a recording: a row for each track id, with a bar wherever it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

WIDTH, LEFT, RIGHT, ROW, BOTTOM = 960, 64, 10, 15, 30  # px of the drawing
MOST_ROWS = 30
APART = 1.5  # times the usual time between images: a longer time is a gap
THINNEST = 1.5  # px of a bar


class Presence(NamedTuple):
    """Hold an id and the rising times (N,) at which it was seen, in s."""

    name: str
    seconds: np.ndarray


Row = tuple[str, list[tuple[float, float]]]  # an id, and its bars as (x, width) in px


@dataclass(frozen=True)
class Timeline:
    """Hold a drawing of who was seen when; ticks are (x px, seconds), total counts the ids that are not shown, too."""

    title: str
    rows: list[Row]
    ticks: list[tuple[float, str]]
    total: int
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT
    row_height: int = ROW

    @property
    def left_out(self) -> int:
        """Return the number of ids that are not shown."""
        return self.total - len(self.rows)

    @property
    def bottom(self) -> int:
        """Return the y of the time axis, in px."""
        return ROW * max(len(self.rows), 1)

    @property
    def height(self) -> int:
        """Return the height of the drawing, in px."""
        return self.bottom + BOTTOM


def presences(ids: Sequence[Sequence[int]], seconds: np.ndarray) -> list[Presence]:
    """Return when each id was seen, in the order in which the ids appeared.

    Args:
        ids: the ids in each of N images.
        seconds: (N,) times of the images, in s.

    Returns:
        One entry for each id.
    """
    seen: dict[int, list[float]] = {}
    for in_image, at in zip(ids, seconds):
        for track_id in in_image:
            seen.setdefault(track_id, []).append(float(at))
    return [Presence(f"id {track_id}", np.sort(times)) for track_id, times in seen.items()]


def timeline(title: str, people: Sequence[Presence], period_s: float, length_s: float) -> Timeline:
    """Return the drawing; of more than MOST_ROWS ids, those that were seen in most images are shown.

    Args:
        title: heading of the ids, such as the name of a model.
        people: the ids, in the order of the rows.
        period_s: usual time between images, in s.
        length_s: length of the recording, in s.

    Returns:
        The drawing, for the macro `timeline` of parts.html.j2.
    """
    longest = sorted(range(len(people)), key=lambda i: -len(people[i].seconds))[:MOST_ROWS]
    rows = [(people[i].name, bars(people[i].seconds, period_s, length_s)) for i in sorted(longest)]
    return Timeline(title, rows, time_ticks(length_s), len(people))


def bars(seconds: np.ndarray, period_s: float, length_s: float) -> list[tuple[float, float]]:
    """Return (x, width) in px of each stretch without a gap.

    Args:
        seconds: rising times in s.
        period_s: usual time between two images in s.
        length_s: length of the recording in s.
    """
    ends = [(x_of(begin, length_s), x_of(end + period_s, length_s)) for begin, end in stretches(seconds, period_s)]
    return [(left, max(right - left, THINNEST)) for left, right in ends]


def stretches(seconds: np.ndarray, period_s: float) -> list[tuple[float, float]]:
    """Return the first and the last time of each stretch without a gap.

    Args:
        seconds: rising times in s.
        period_s: usual time between two images in s.
    """
    breaks = np.flatnonzero(np.diff(seconds) > APART * period_s)
    first, last = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(seconds) - 1]])
    return list(zip(seconds[first].tolist(), seconds[last].tolist()))


def x_of(at_s: float, length_s: float) -> float:
    """Return the x of a time, in px.

    Args:
        at_s: the time in s.
        length_s: length of the recording in s.
    """
    return LEFT + min(at_s / length_s, 1.0) * (WIDTH - LEFT - RIGHT)


def time_ticks(length_s: float) -> list[tuple[float, str]]:
    """Return (x px, seconds) of round times."""
    times = np.arange(0, length_s * (1 + 1e-9), round_up(length_s / 10)).tolist()
    return [(x_of(at, length_s), f"{at:.4g}") for at in times]


def round_up(value: float) -> float:
    """Return the next of ..., 1, 2, 5, 10, 20, ...; 1 where the value is not positive."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(step for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))
