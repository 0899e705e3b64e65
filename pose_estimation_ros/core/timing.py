"""Compute benchmark statistics: latency percentiles after warm-up, and the speed ratio of two programs.

The two programs run alternately on the same machine, so that their ratio also holds on another one.
"""

import time
from typing import Callable, Dict, Iterable, List, NamedTuple, Sequence

import numpy as np

RESAMPLES = 1000
PERCENTILES = (50, 90, 99)


class Ratio(NamedTuple):
    """Hold the ratio of two median times, and the interval that holds 95 % of its bootstrap resamples."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return "%.3f (%.3f..%.3f)" % self


def take_turns(
    functions: Sequence[Callable[[], object]],
    rounds: int,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> np.ndarray:
    """Time several functions that run in turns.

    In each round all functions run once, in an order that is reversed each time: other load on the machine slows all of
    them alike, and none always runs on the caches that the same other one left.

    Args:
        functions: without arguments.
        rounds: rounds that count.
        warm_up: rounds before these, which do not count.
        clock: returns the time in seconds.

    Returns:
        (rounds, functions) ms.
    """
    times = np.zeros((warm_up + rounds, len(functions)))
    for number, row in enumerate(times):
        for index in range(len(functions))[:: -1 if number % 2 else 1]:
            start_s = clock()
            functions[index]()
            row[index] = 1e3 * (clock() - start_s)
    return times[warm_up:]


def finite_percentiles(values: Iterable[float], percents: Sequence[float]) -> List[float]:
    """Compute percentiles of the finite values.

    Args:
        values: numbers; NaN and infinite ones are left out.
        percents: 0..100.

    Returns:
        One number per percent, NaN where no value is finite.
    """
    numbers = np.array(list(values), np.float64)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return [float("nan")] * len(percents)
    return [float(value) for value in np.percentile(known, percents)]


def percentiles(times_ms: Sequence[float], percents: Sequence[int] = PERCENTILES) -> Dict[str, float]:
    """Compute named percentiles of times.

    Args:
        times_ms: at least one time, ms.
        percents: 0..100.

    Returns:
        {"p50_ms", "p90_ms", "p99_ms"} or the like, rounded to 0.001 ms.
    """
    values = finite_percentiles(times_ms, percents)
    return {"p%d_ms" % percent: round(value, 3) for percent, value in zip(percents, values)}


def ratio_of_medians(times_ms: np.ndarray, reference_ms: np.ndarray, seed: int = 0) -> Ratio:
    """Divide the median of some times by the median of a reference.

    Args:
        times_ms: (R,) ms.
        reference_ms: (R,) ms of the same R rounds; both are resampled together (paired bootstrap).
        seed: seed of the resampling.
    """
    times_ms, reference_ms = np.asarray(times_ms), np.asarray(reference_ms)
    rounds = np.random.RandomState(seed).randint(0, len(times_ms), (RESAMPLES, len(times_ms)))
    resampled = np.median(times_ms[rounds], 1) / np.median(reference_ms[rounds], 1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Ratio(float(np.median(times_ms) / np.median(reference_ms)), float(low), float(high))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> str:
    """Format a table as text, each column as wide as its widest entry.

    Args:
        head: titles of the columns.
        rows: words, then numbers; None shows as "-".
        words: number of columns that are aligned left; the others are aligned right.
    """
    texts: List[List[str]] = [list(head)] + [[_text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts)]
    aligned = [str.ljust] * words + [str.rjust] * (len(widths) - words)
    lines = [[align(t, width) for align, t, width in zip(aligned, row, widths)] for row in texts]
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return "%.2f" % value if isinstance(value, float) else str(value)
