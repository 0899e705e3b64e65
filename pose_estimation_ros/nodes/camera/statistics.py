"""One camera's last seconds in figures: rates, age, stages, what was skipped and dropped. In bounded memory."""

import collections
import math
from typing import Any, Deque, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

WINDOW_S = 10.0
RECORDS = 4096  # of a kind; a camera faster than 400 Hz shortens the window
PUBLISHERS = 16  # more come only with time, as cameras are started again
FASTEST_HZ = 1000.0  # numbers that run faster are not of one publisher
NAN = float("nan")


class Summary(NamedTuple):
    """Of the window, unless it says total. What is not known is NaN.

    rate_in_hz: images that the camera published. rate_received_hz: those that came to the node. rate_out_hz: results.
    skipped: images published between two received ones: replaced by a newer one while the node worked, or lost on the
    way. age_p50_ms, age_p99_ms: from capture to just before publishing; negative where the camera's clock is ahead.
    ahead: how many ages were negative. stages_ms: {stage: (median, mean)}, in which the detector, which does not run
    for each image, has a telling mean. bad_frames: {kind: images that could not be used}. dropped: {kind: images that
    were left out by choice}. people: in the newest result. bad_total, dropped_total, received_total, published_total:
    since the start. last_image_age_s: since the last image came.
    """

    window_s: float
    rate_in_hz: float
    rate_received_hz: float
    rate_out_hz: float
    skipped: float
    age_p50_ms: float
    age_p99_ms: float
    ahead: int
    stages_ms: Dict[str, Tuple[float, float]]
    bad_frames: Dict[str, int]
    dropped: Dict[str, int]
    people: float
    received_total: int
    published_total: int
    bad_total: Dict[str, int]
    dropped_total: Dict[str, int]
    last_image_age_s: float


class CameraStatistics:
    """now_s, everywhere: seconds of one clock that never jumps, such as time.monotonic()."""

    def __init__(self, now_s: float, window_s: float = WINDOW_S) -> None:
        self._start_s, self._window_s = now_s, window_s
        self._sequences = Sequences(window_s)
        self._records: Dict[str, Deque[Tuple[float, Any]]] = collections.defaultdict(_new_records)
        self._totals: collections.Counter = collections.Counter()
        self._last_image_s: Optional[float] = None

    def received(self, now_s: float, sequence: Optional[int] = None, publisher: bytes = b"") -> None:
        """An image came. sequence: its number from its publisher, None where not told; publisher: its id, if told."""
        self._add("received", now_s, self._sequences.step(now_s, sequence, publisher))
        self._last_image_s = now_s

    def published(self, now_s: float, age_ms: float, stages_ms: Mapping[str, float], people: int) -> None:
        """A result went out. age_ms: from capture to now, NaN where the image has no stamp; stages_ms: {stage: ms}."""
        self._add("published", now_s, (age_ms, dict(stages_ms), people))

    def bad_frame(self, now_s: float, kind: str) -> None:
        """An image that cannot be used. kind: of the FrameError."""
        self._add("bad", now_s, kind, kind)

    def dropped(self, now_s: float, kind: str) -> None:
        """A good image that was left out by choice. kind: such as "too_old"."""
        self._add("dropped", now_s, kind, kind)

    @property
    def bad_total(self) -> Dict[str, int]:
        """{kind: images that could not be used}, since the start."""
        return self._by_kind("bad")

    def summary(self, now_s: float) -> Summary:
        for records in self._records.values():
            while records and records[0][0] < now_s - self._window_s:
                records.popleft()
        steps, results = self._values("received"), self._values("published")
        p50_ms, p99_ms, ahead = _ages([age_ms for age_ms, _, _ in results])
        known = bool(steps) and None not in steps
        return Summary(
            window_s=self._window_s,
            rate_in_hz=self._rate("received", now_s, sum(steps)) if known else NAN,
            rate_received_hz=self._rate("received", now_s, len(steps)),
            rate_out_hz=self._rate("published", now_s, len(results)),
            skipped=sum(steps) - len(steps) if known else NAN,
            age_p50_ms=p50_ms,
            age_p99_ms=p99_ms,
            ahead=ahead,
            stages_ms=_stages([stages_ms for _, stages_ms, _ in results]),
            bad_frames=dict(collections.Counter(self._values("bad"))),
            dropped=dict(collections.Counter(self._values("dropped"))),
            people=results[-1][2] if results else NAN,
            received_total=self._totals["received", ""],
            published_total=self._totals["published", ""],
            bad_total=self.bad_total,
            dropped_total=self._by_kind("dropped"),
            last_image_age_s=NAN if self._last_image_s is None else now_s - self._last_image_s,
        )

    def _add(self, what: str, now_s: float, value: Any, kind: str = "") -> None:
        self._records[what].append((now_s, value))
        self._totals[what, kind] += 1

    def _values(self, what: str) -> List[Any]:
        return [value for _, value in self._records[what]]

    def _by_kind(self, what: str) -> Dict[str, int]:
        return {kind: count for (of, kind), count in self._totals.items() if of == what}

    def _rate(self, what: str, now_s: float, count: int) -> float:
        """Per second of the window, of what there is of it yet, or of what the records reach back to."""
        records = self._records[what]
        full = len(records) == records.maxlen
        begin_s = max(self._start_s, now_s - self._window_s, records[0][0] if full else -math.inf)
        return count / (now_s - begin_s) if now_s > begin_s else NAN


class Sequences:
    """How many images a camera published from one that came to the next, by its publisher's numbers.

    With several publishers on a topic each has its own numbers. Where their ids are not told, numbers that go back or
    leap are taken for those of several, and for a window's length nothing is said.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s, self._mixed_until_s = window_s, -math.inf
        self._last: Dict[bytes, Tuple[int, float]] = collections.OrderedDict()

    def step(self, now_s: float, sequence: Optional[int], publisher: bytes = b"") -> Optional[int]:
        """1 where none was skipped, 3 where two were; None where that is not known."""
        if sequence is None:
            return None
        last, last_s = self._last.pop(publisher, (sequence - 1, now_s))
        self._last[publisher] = sequence, now_s
        if len(self._last) > PUBLISHERS:
            self._last.pop(next(iter(self._last)))  # the one that has been silent longest
        step = sequence - last
        if not 1 <= step <= 10 + FASTEST_HZ * (now_s - last_s):
            if publisher:
                return 1  # it counts anew
            self._mixed_until_s = now_s + self._window_s
        return step if now_s >= self._mixed_until_s else None


def _new_records() -> Deque[Tuple[float, Any]]:
    return collections.deque(maxlen=RECORDS)


def _ages(ages_ms: List[float]) -> Tuple[float, float, int]:
    """Median, 99th percentile and number of negative ones, of those that are known."""
    known = [age_ms for age_ms in ages_ms if math.isfinite(age_ms)]
    if not known:
        return NAN, NAN, 0
    p50_ms, p99_ms = np.percentile(known, [50, 99])
    return float(p50_ms), float(p99_ms), sum(age_ms < 0 for age_ms in known)


def _stages(stages_ms: List[Mapping[str, float]]) -> Dict[str, Tuple[float, float]]:
    """{stage: (median, mean)} ms, in the order of the newest result."""
    names = list(stages_ms[-1]) if stages_ms else []
    if not names:
        return {}
    times_ms = [[stages.get(name, NAN) for name in names] for stages in stages_ms]  # what was not done has no time
    p50_ms, mean_ms = np.nanmedian(times_ms, 0), np.nanmean(times_ms, 0)
    return {name: (float(p50_ms[index]), float(mean_ms[index])) for index, name in enumerate(names)}
