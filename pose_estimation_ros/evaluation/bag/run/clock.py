"""Which frames of a recording are worked on: every one, or those that a node with a given latency would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pose_estimation_ros.evaluation.bag.run.prefetch import Loaded


class Clock(NamedTuple):
    """realtime: as a robot would have seen it. latency_ms: of every frame; None: as measured here."""

    realtime: bool = False
    latency_ms: float | None = None


class Taken(NamedTuple):
    """A frame and when its work begins, on the clock of the stamps; None: time plays no part."""

    frame: Loaded
    start_ns: int | None


def every_frame(frames: Iterable[Loaded]) -> Iterator[Taken]:
    for frame in frames:
        yield Taken(frame, None)


def newest_frames(frames: Iterable[Loaded], latency_ns: Callable[[], int]) -> Iterator[Taken]:
    """The node's policy, one thread and a subscription of depth 1: while it works only the newest frame is kept for it.

    Frames arrive at their stamps, none before one recorded earlier. latency_ns: asked after each frame for how long the
    work on it took. A frame that arrives in the very moment when the node becomes free replaces the one that waited.
    """
    free_ns, arrived_ns = 0, 0
    waiting: Loaded | None = None
    for frame in frames:
        before_ns, arrived_ns = arrived_ns, max(arrived_ns, frame.stamp_ns)
        if waiting and (free_ns <= before_ns or free_ns < arrived_ns):
            start_ns = max(free_ns, before_ns)
            yield Taken(waiting, start_ns)
            free_ns = start_ns + latency_ns()
        waiting = frame
    if waiting:
        start_ns = max(free_ns, arrived_ns)
        yield Taken(waiting, start_ns)


def distribution(values: list[float]) -> dict[str, Any]:
    """Count, mean, and quantiles by nearest rank: p50 is the smallest value that at least half are not above."""
    ordered = sorted(values)
    ranks = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    quantiles = {name: ordered[max(0, -int(-rank * len(ordered) // 1) - 1)] for name, rank in ranks.items() if ordered}
    spread = {"min": ordered[0], "max": ordered[-1], "mean": sum(ordered) / len(ordered)} if ordered else {}
    return {"count": len(ordered), **spread, **quantiles}
