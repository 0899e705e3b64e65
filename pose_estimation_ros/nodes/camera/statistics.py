"""Summarise the last seconds of one camera in bounded memory: rates, ages, stage times, skipped and dropped images."""

import collections
import math
from statistics import median
from typing import Any, Deque, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.timing import finite_percentiles

WINDOW_S = 10.0
RECORDS = 4096  # records of each kind; a camera faster than 400 Hz shortens the window
PUBLISHERS = 16  # publishers that are remembered; a camera that was started again is a new one
FASTEST_HZ = 1000.0  # sequence numbers that grow faster do not come from one publisher
NAN = float("nan")
MOST = 0.5  # share of results


class People(NamedTuple):
    """Hold what one result tells of people.

    visible: number of people in the image. tentative, confirmed, lost: number of people by state, 0 without tracking.
    interval_s: usual time between the stamps of images, 0 where it is unknown. step_share: how far people come from one
    image to the next, as a share of their size, 0 where it is unknown.
    """

    visible: float
    tentative: float = 0
    confirmed: float = 0
    lost: float = 0
    interval_s: float = 0.0
    step_share: float = 0.0


UNKNOWN_PEOPLE = People(*[NAN] * len(People._fields))


class Summary(NamedTuple):
    """Hold the figures of the window, and totals since the start. Unknown figures are NaN.

    window_s: length of the window. rate_in_hz: rate at which the camera publishes. rate_received_hz: rate at which
    images reach the node. rate_out_hz: rate of results. skipped: images published between two received ones, replaced
    by a newer one while the node worked or lost on the way. age_p50_ms, age_p99_ms: time from capture to just before
    publishing, negative if the camera's clock is ahead. ahead: number of negative ages. stages_ms: (median, mean) of
    each stage; the mean is meaningful for the detector, which does not run for each image. bad_frames: number of
    unusable images by kind. dropped: number of images that were left out by choice, by kind. people, people_tentative,
    people_confirmed, people_lost, interval_s: as People of the newest result. step_share: median of the results'.
    unconfirmed_s: time over which most results had people, but none a confirmed one. last_image_age_s: time since the
    last image came.
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
    people_tentative: float
    people_confirmed: float
    people_lost: float
    interval_s: float
    step_share: float
    unconfirmed_s: float
    received_total: int
    published_total: int
    bad_total: Dict[str, int]
    dropped_total: Dict[str, int]
    last_image_age_s: float


class CameraStatistics:
    """Collect events of one camera. now_s: seconds of one steady clock, such as time.monotonic()."""

    def __init__(self, now_s: float, window_s: float = WINDOW_S) -> None:
        """Start at a time, with a window of that length in seconds.

        Args:
            now_s: Time at the start in s.
            window_s: Length of the window in s.
        """
        self._start_s, self._window_s = now_s, window_s
        self._sequences = Sequences(window_s)
        self._records: Dict[str, Deque[Tuple[float, Any]]] = collections.defaultdict(_new_records)
        self._totals: Dict[Tuple[str, str], int] = collections.defaultdict(int)
        self._last_image_s: Optional[float] = None

    def received(self, now_s: float, sequence: Optional[int] = None, publisher: bytes = b"") -> None:
        """Note that an image came.

        Args:
            now_s: Present time.
            sequence: Number that its publisher gave it, None if unknown.
            publisher: Id of the publisher, b"" if unknown.
        """
        self._add("received", now_s, self._sequences.step(now_s, sequence, publisher))
        self._last_image_s = now_s

    def published(self, now_s: float, age_ms: float, stages_ms: Mapping[str, float], people: People) -> None:
        """Note that a result was published.

        Args:
            now_s: Present time.
            age_ms: Time from capture to publishing, NaN if the image has no stamp.
            stages_ms: Duration of each stage of the work.
            people: What the result tells of people.
        """
        self._add("published", now_s, (age_ms, dict(stages_ms), people))

    def bad_frame(self, now_s: float, kind: str) -> None:
        """Note an image that cannot be used, with the kind of its FrameError.

        Args:
            now_s: Time of the event in s.
            kind: Kind of the FrameError.
        """
        self._add("bad", now_s, kind, kind)

    def dropped(self, now_s: float, kind: str) -> None:
        """Note a good image that was left out by choice, with the kind of choice, such as "too_old".

        Args:
            now_s: Time of the event in s.
            kind: Kind of choice.
        """
        self._add("dropped", now_s, kind, kind)

    @property
    def bad_total(self) -> Dict[str, int]:
        """Return the number of unusable images since the start, by kind."""
        return self._totals_by_kind("bad")

    def summary(self, now_s: float) -> Summary:
        """Return the figures at that time."""
        self._forget_before(now_s - self._window_s)
        steps, results = self._values("received"), self._values("published")
        p50_ms, p99_ms, ahead = _ages([age_ms for age_ms, _, _ in results])
        newest: People = results[-1][2] if results else UNKNOWN_PEOPLE
        steps_known = bool(steps) and None not in steps
        return Summary(
            window_s=self._window_s,
            rate_in_hz=self._rate("received", now_s, sum(steps)) if steps_known else NAN,
            rate_received_hz=self._rate("received", now_s, len(steps)),
            rate_out_hz=self._rate("published", now_s, len(results)),
            skipped=sum(steps) - len(steps) if steps_known else NAN,
            age_p50_ms=p50_ms,
            age_p99_ms=p99_ms,
            ahead=ahead,
            stages_ms=_stages([stages_ms for _, stages_ms, _ in results]),
            bad_frames=dict(collections.Counter(self._values("bad"))),
            dropped=dict(collections.Counter(self._values("dropped"))),
            people=newest.visible,
            people_tentative=newest.tentative,
            people_confirmed=newest.confirmed,
            people_lost=newest.lost,
            interval_s=newest.interval_s or NAN,
            step_share=_step_share([people for _, _, people in results]),
            unconfirmed_s=_unconfirmed_s([(at_s, result[2]) for at_s, result in self._records["published"]]),
            received_total=self._totals["received", ""],
            published_total=self._totals["published", ""],
            bad_total=self.bad_total,
            dropped_total=self._totals_by_kind("dropped"),
            last_image_age_s=NAN if self._last_image_s is None else now_s - self._last_image_s,
        )

    def _forget_before(self, begin_s: float) -> None:
        for records in self._records.values():
            while records and records[0][0] < begin_s:
                records.popleft()

    def _add(self, event: str, now_s: float, value: Any, kind: str = "") -> None:
        self._records[event].append((now_s, value))
        self._totals[event, kind] += 1

    def _values(self, event: str) -> List[Any]:
        return [value for _, value in self._records[event]]

    def _totals_by_kind(self, event: str) -> Dict[str, int]:
        return {kind: count for (name, kind), count in self._totals.items() if name == event}

    def _rate(self, event: str, now_s: float, count: int) -> float:
        """Return events per second of the window, or of the part of it that has passed or that the records cover."""
        records = self._records[event]
        full = len(records) == records.maxlen
        begin_s = max(self._start_s, now_s - self._window_s, records[0][0] if full else -math.inf)
        return count / (now_s - begin_s) if now_s > begin_s else NAN


class Sequences:
    """Count how many images a camera published from one received image to the next, by their sequence numbers.

    Each publisher of a topic has its own numbers. Where the publishers' ids are unknown, numbers that go back or leap
    are taken for those of several publishers, and the count is unknown for the length of a window. ``newest`` maps
    the id of each publisher to its newest number and when that came.
    """

    def __init__(self, window_s: float) -> None:
        """Start without any publisher."""
        self._window_s, self._mixed_until_s = window_s, -math.inf
        self.newest: Dict[bytes, Tuple[int, float]] = collections.OrderedDict()

    def step(self, now_s: float, sequence: Optional[int], publisher: bytes = b"") -> Optional[int]:
        """Note the number of a received image.

        Args:
            now_s: Present time.
            sequence: Number of the image, None if unknown.
            publisher: Id of the publisher, b"" if unknown.

        Returns:
            1 if none was skipped, 3 if two were; None if that is unknown.
        """
        if sequence is None:
            return None
        last, last_s = self.newest.pop(publisher, (sequence - 1, now_s))
        self.newest[publisher] = sequence, now_s
        if len(self.newest) > PUBLISHERS:
            self.newest.pop(next(iter(self.newest)))  # the one that has been silent longest
        step = sequence - last
        if not 1 <= step <= 10 + FASTEST_HZ * (now_s - last_s):
            if publisher:
                return 1  # the publisher started to count anew
            self._mixed_until_s = now_s + self._window_s
        return step if now_s >= self._mixed_until_s else None


def _new_records() -> Deque[Tuple[float, Any]]:
    return collections.deque(maxlen=RECORDS)


def _ages(ages_ms: List[float]) -> Tuple[float, float, int]:
    """Return median, 99th percentile and number of negative ones of the known ages."""
    p50_ms, p99_ms = finite_percentiles(ages_ms, (50, 99))
    return p50_ms, p99_ms, sum(-math.inf < age_ms < 0 for age_ms in ages_ms)


def _step_share(results: List[People]) -> float:
    """Return the median of the known steps, NaN where there are none."""
    known = [people.step_share for people in results if people.step_share > 0]
    return median(known) if known else NAN


def _unconfirmed_s(results: List[Tuple[float, People]]) -> float:
    """Return the time from the first to the last result with tentative people; 0 where few have some, or one more."""
    seen_s = [at_s for at_s, people in results if people.tentative]
    if any(people.confirmed for _, people in results) or len(seen_s) <= MOST * len(results):
        return 0.0
    return seen_s[-1] - seen_s[0]


def _stages(stages_ms: List[Mapping[str, float]]) -> Dict[str, Tuple[float, float]]:
    """Return (median, mean) of each stage in ms, in the order of the newest result."""
    names = list(stages_ms[-1]) if stages_ms else []
    if not names:
        return {}
    times_ms = [[stages.get(name, NAN) for name in names] for stages in stages_ms]  # a stage left out has no time
    p50_ms, mean_ms = np.nanmedian(times_ms, 0), np.nanmean(times_ms, 0)
    return {name: (float(p50_ms[index]), float(mean_ms[index])) for index, name in enumerate(names)}
