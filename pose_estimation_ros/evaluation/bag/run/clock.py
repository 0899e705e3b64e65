"""Choose the frames of a recording to work on: every one, or those that a node with a given latency would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pose_estimation_ros.evaluation.bag.run.frames import Loaded


class Clock(NamedTuple):
    """Describe how time passes in a run.

    Attributes:
        realtime: whether frames are dropped that a running node would not process.
        latency_ms: time that the work on a frame takes in realtime; None: as measured on this machine.
    """

    realtime: bool = False
    latency_ms: float | None = None


class Taken(NamedTuple):
    """Hold a frame and when the work on it begins, on the clock of the stamps; None where time plays no part."""

    frame: Loaded
    start_ns: int | None


def every_frame(frames: Iterable[Loaded]) -> Iterator[Taken]:
    """Take all frames in their order."""
    for frame in frames:
        yield Taken(frame, None)


def newest_frames(frames: Iterable[Loaded], latency_ns: Callable[[], int]) -> Iterator[Taken]:
    """Take frames as the node does, with one thread and a subscription of depth 1.

    While the node works, only the newest frame is kept for it. Frames arrive at their stamps, but none before one that
    was recorded earlier. A frame that arrives in the very moment when the node becomes free replaces the one that
    waited.

    Args:
        frames: in the order of recording.
        latency_ns: is called after each frame and returns how long the work on it took.
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
    """Return count, mean and quantiles; p50 is the smallest value such that half of the values are not above it."""
    ordered = sorted(values)
    ranks = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    quantiles = {name: ordered[max(0, -int(-rank * len(ordered) // 1) - 1)] for name, rank in ranks.items() if ordered}
    spread = {"min": ordered[0], "max": ordered[-1], "mean": sum(ordered) / len(ordered)} if ordered else {}
    return {"count": len(ordered), **spread, **quantiles}
