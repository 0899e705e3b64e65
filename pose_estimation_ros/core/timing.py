"""Timings that travel: percentiles of warm runs, and the ratio of two programs that take turns on one machine."""

import time
from typing import Callable, Dict, Iterable, List, NamedTuple, Sequence

import numpy as np

RESAMPLES = 1000
PERCENTILES = (50, 90, 99)


class Ratio(NamedTuple):
    """Median time of one over the median time of another, and where 95 % of that ratio's bootstrap resamples lie."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return "%.3f (%.3f..%.3f)" % self


def take_turns(
    functions: Sequence[Callable], rounds: int, warm_up: int = 2, clock: Callable[[], float] = time.perf_counter
) -> np.ndarray:
    """Milliseconds (rounds, functions) of each function in each round, after some rounds that do not count.

    Within a round all run once, in an order that is turned round each time: what else runs on the machine slows all of
    them alike, and none always runs on the caches that the same other one left. clock: in seconds.
    """
    times = np.zeros((warm_up + rounds, len(functions)))
    for number, row in enumerate(times):
        for index in range(len(functions))[:: -1 if number % 2 else 1]:
            start_s = clock()
            functions[index]()
            row[index] = 1e3 * (clock() - start_s)
    return times[warm_up:]


def percentiles(times_ms: Sequence[float]) -> Dict[str, float]:
    """{"p50_ms", "p90_ms", "p99_ms"} of at least one time."""
    values = np.percentile(times_ms, PERCENTILES)
    return {"p%d_ms" % percent: round(float(value), 3) for percent, value in zip(PERCENTILES, values)}


def ratio_of_medians(times_ms: np.ndarray, of_ms: np.ndarray, seed: int = 0) -> Ratio:
    """times_ms, of_ms (R,): of the same R rounds, which are resampled together (paired bootstrap)."""
    times_ms, of_ms = np.asarray(times_ms), np.asarray(of_ms)
    rounds = np.random.RandomState(seed).randint(0, len(times_ms), (RESAMPLES, len(times_ms)))
    resampled = np.median(times_ms[rounds], 1) / np.median(of_ms[rounds], 1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Ratio(float(np.median(times_ms) / np.median(of_ms)), float(low), float(high))


def table(head: Sequence[str], rows: Iterable[Sequence], words: int = 1) -> str:
    """Lines of words and then numbers, each column as wide as its widest entry; None shows as "-".

    words: how many columns begin at the left; the others end at the right.
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
