"""Hold the newest state of all cameras between the thread of ROS, which writes, and that of the server, which reads.

Everything is kept once, however many viewers there are, and only the newest of it, so memory does not grow. A lock
guards all of it, and no call holds the lock for longer than it takes to copy or to write a few kilobytes of JSON.
"""

import json
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from pose_estimation_ros.nodes.web.readings import (
    MOST_STATUSES,
    Reading,
    is_ours,
    merged,
    statuses_of,
)
from pose_estimation_ros.nodes.web.words import NO_NODE, STALE_S, TOO_MANY, Facts, verdict

WINDOW_S = 3.0  # over which rate and age are taken, or over the last FEWEST results, if that is longer
FEWEST = 3
SLOW = 2.0  # results of a slow camera may be so many times as old as the shorter of its last two intervals
SAMPLE_S = 0.5  # time between two points of a chart
CHART_S = 60.0
STATUS_S = 5.0  # a status that was not renewed for so long is no news any more
MOST_CAMERAS = 16
LARGEST_PICTURE = 8 * 2**20  # bytes
REFRESH_S = 0.5  # the state is made again after so long even if nothing came, because ages grow


class Picture(NamedTuple):
    """Hold an encoded picture; no other picture of the hub has its number."""

    number: int
    data: bytes


class CameraState:
    """Hold the newest of one camera. All times are seconds of the hub's clock."""

    def __init__(self, node: str, now_s: float) -> None:
        """Start without results.

        Args:
            node: full name of the node that publishes the results.
            now_s: present time.
        """
        self.node = node
        self.present = True
        self.result: Optional[Reading] = None
        self._space: Optional[Reading] = None
        self._space_s = now_s
        self.picture: Optional[Picture] = None
        self.picture_s: Optional[float] = None
        self.watched_since_s: Optional[float] = None
        self.history: Deque[List[Optional[float]]] = deque(maxlen=int(CHART_S / SAMPLE_S))
        self._arrivals: Deque[Tuple[float, Optional[float]]] = deque(maxlen=512)  # time and age in ms

    def add_result(self, reading: Reading, now_s: float) -> None:
        """Take the newest result.

        Args:
            reading: of readings.result_reading().
            now_s: present time.
        """
        self.result = reading
        self._arrivals.append((now_s, reading["age_ms"]))
        while len(self._arrivals) > FEWEST and self._arrivals[0][0] < now_s - WINDOW_S:
            self._arrivals.popleft()
        if not self.history or now_s - float(self.history[-1][0] or 0.0) >= SAMPLE_S:
            rate_hz, age_ms = self.figures(now_s)
            self.history.append([now_s, rate_hz, age_ms])

    def add_space(self, reading: Reading, now_s: float) -> None:
        """Take the newest places in space, of readings.space_reading()."""
        self._space, self._space_s = reading, now_s

    def space(self) -> Optional[Reading]:
        """Return the newest places in space, None where they are too old for the newest result."""
        result_s = self._arrivals[-1][0] if self._arrivals else self._space_s
        return self._space if result_s - self._space_s <= self.stale_after_s() else None

    def result_age_s(self, now_s: float) -> Optional[float]:
        """Return the seconds since the newest result came, None before the first."""
        return now_s - self._arrivals[-1][0] if self._arrivals else None

    def stale_after_s(self) -> float:
        """Return the age in seconds from which on a result is stale."""
        times_s = [time_s for time_s, _ in list(self._arrivals)[-FEWEST:]]
        intervals_s = [after - before for before, after in zip(times_s, times_s[1:])]
        return max(STALE_S, SLOW * min(intervals_s)) if intervals_s else STALE_S

    def is_stale(self, now_s: float) -> bool:
        """Return whether the newest result is too old, or there is none."""
        age_s = self.result_age_s(now_s)
        return age_s is None or age_s > self.stale_after_s()

    def figures(self, now_s: float) -> Tuple[Optional[float], Optional[float]]:
        """Return the rate in Hz and the median age in ms of the newest results; None where unknown or stale."""
        if self.is_stale(now_s):
            return None, None
        span_s = self._arrivals[-1][0] - self._arrivals[0][0]
        rate_hz = round((len(self._arrivals) - 1) / span_s, 2) if span_s > 0 else None
        ages_ms = sorted(age_ms for _, age_ms in self._arrivals if age_ms is not None)
        return rate_hz, ages_ms[len(ages_ms) // 2] if ages_ms else None


class Hub:
    """Hold the newest state of all cameras, and who looks at which.

    ``on_news`` is called after every change, by the thread that changed something and without the lock.
    """

    def __init__(self, domain: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """Start without cameras.

        Args:
            domain: the ROS_DOMAIN_ID, for the text that tells that there is no node.
            clock: returns the present time in seconds of a steady clock.
        """
        self.on_news: Callable[[], None] = lambda: None
        self._domain, self._clock = domain, clock
        self._lock = threading.Lock()
        self._cameras: Dict[str, CameraState] = {}
        self._statuses: Dict[str, Tuple[float, Reading]] = {}
        self._watching: Dict[Any, Set[str]] = {}
        self._version = self._pictures = self._published = 0
        self._made: Tuple[int, float, str] = (-1, 0.0, "")  # version, time and text of the state that was made last

    # What the thread of ROS calls.

    def set_cameras(self, nodes: Mapping[str, str], known: Sequence[str] = ()) -> None:
        """Set which cameras there are. MOST_CAMERAS are shown; those that have ended leave their places to others.

        Args:
            nodes: full name of the publishing node by the namespace of the camera, which ends with "/".
            known: namespaces of cameras that are shown although nobody publishes them at present, the newest last.
        """
        now_s = self._clock()
        with self._lock:
            before = {name: (state.node, state.present) for name, state in self._cameras.items()}
            ended = [name for name in reversed(known) if name in self._cameras and name not in nodes]
            shown = (sorted(nodes) + ended)[:MOST_CAMERAS]
            for name in set(self._cameras) - set(shown):
                del self._cameras[name]
            for name in shown:
                state = self._cameras.setdefault(name, CameraState(nodes.get(name, ""), now_s))
                state.node, state.present = nodes.get(name, state.node), name in nodes
            self._published = len(nodes)
            changed = before != {name: (state.node, state.present) for name, state in self._cameras.items()}
        if changed:
            self._news()

    def put_result(self, camera: str, reading: Reading) -> None:
        """Take the newest result of a camera, of readings.result_reading(); unknown cameras are ignored."""
        now_s = self._clock()
        with self._lock:
            if camera in self._cameras:
                self._cameras[camera].add_result(reading, now_s)
        self._news()

    def put_space(self, camera: str, reading: Reading) -> None:
        """Take the newest places in space of a camera, of readings.space_reading(); unknown cameras are ignored."""
        now_s = self._clock()
        with self._lock:
            if camera in self._cameras:
                self._cameras[camera].add_space(reading, now_s)
        self._news()

    def put_picture(self, camera: str, data: bytes) -> None:
        """Take the newest picture of a camera, a JPEG or PNG file; one that is too large is ignored."""
        now_s = self._clock()
        if not 0 < len(data) <= LARGEST_PICTURE:
            return
        with self._lock:
            if camera in self._cameras:
                self._pictures += 1
                state = self._cameras[camera]
                state.picture, state.picture_s = Picture(self._pictures, data), now_s
        self._news()

    def put_statuses(self, statuses: Sequence[Reading]) -> None:
        """Take new statuses, of readings.status_reading(). Those of other nodes are kept only while they warn."""
        now_s = self._clock()
        with self._lock:
            for status in statuses:
                if is_ours(status) or status["level"] != "ok":
                    self._statuses[status["name"]] = (now_s, status)
                else:
                    self._statuses.pop(status["name"], None)
            fresh = [item for item in self._statuses.items() if now_s - item[1][0] <= STATUS_S]
            fresh.sort(key=lambda item: (not is_ours(item[1][1]), -item[1][0]))
            self._statuses = dict(fresh[:MOST_STATUSES])
        self._news()

    def watched(self) -> Set[str]:
        """Return the cameras at which somebody looks."""
        with self._lock:
            return set().union(*self._watching.values())

    def viewers(self) -> int:
        """Return how many viewers there are."""
        with self._lock:
            return len(self._watching)

    # What the thread of the server calls.

    def watch(self, viewer: Any, cameras: Sequence[str]) -> None:
        """Note at which cameras a viewer looks.

        Args:
            viewer: any value that is the viewer's own.
            cameras: namespaces of the cameras; unknown ones do no harm.
        """
        now_s = self._clock()
        with self._lock:
            self._watching[viewer] = set(cameras)
            self._note_watched(now_s)

    def leave(self, viewer: Any) -> None:
        """Forget a viewer."""
        now_s = self._clock()
        with self._lock:
            self._watching.pop(viewer, None)
            self._note_watched(now_s)

    def picture(self, camera: str) -> Optional[Picture]:
        """Return the newest picture of a camera, None where there is none."""
        with self._lock:
            state = self._cameras.get(camera)
            return state.picture if state else None

    def history(self) -> Dict[str, List[List[Optional[float]]]]:
        """Return the points of the charts by camera: seconds before now, rate in Hz, age in ms."""
        now_s = self._clock()
        with self._lock:
            cameras = {name: list(state.history) for name, state in self._cameras.items()}
        return {
            name: [[round(now_s - float(point[0] or 0.0), 2), point[1], point[2]] for point in points]
            for name, points in cameras.items()
        }

    def state(self) -> Tuple[int, str]:
        """Return the state of all cameras as JSON, and its number, which grows with each change."""
        now_s = self._clock()
        with self._lock:
            version, made_s, text = self._made
            if version != self._version or now_s - made_s >= REFRESH_S:
                self._version += version == self._version
                text = json.dumps(self._content(now_s), allow_nan=False, separators=(",", ":"))
                self._made = (self._version, now_s, text)
            return self._version, text

    def _note_watched(self, now_s: float) -> None:
        watched: Set[str] = set().union(*self._watching.values())
        for name, state in self._cameras.items():
            if name not in watched:
                state.watched_since_s = None
            elif state.watched_since_s is None:
                state.watched_since_s = now_s

    def _news(self) -> None:
        with self._lock:
            self._version += 1
        self.on_news()

    def _content(self, now_s: float) -> Dict[str, Any]:
        statuses = [status for time_s, status in self._statuses.values() if now_s - time_s <= STATUS_S]
        others = [dict(status, values={}) for status in statuses if not is_ours(status)]  # values are not shown
        return {
            "notice": self._notice(),
            "cameras": [self._camera(name, statuses, now_s) for name in sorted(self._cameras)],
            "others": sorted(others, key=lambda status: str(status["name"])),
        }

    def _notice(self) -> str:
        if not self._cameras:
            return NO_NODE % self._domain
        return TOO_MANY % (MOST_CAMERAS, self._published) if self._published > MOST_CAMERAS else ""

    def _camera(self, name: str, statuses: Sequence[Reading], now_s: float) -> Dict[str, Any]:
        state = self._cameras[name]
        rate_hz, age_ms = state.figures(now_s)
        own = statuses_of(statuses, state.node, name)
        picture_age_s = None if state.picture_s is None else now_s - state.picture_s
        watched_s = 0.0 if state.watched_since_s is None else now_s - state.watched_since_s
        result_age_s = state.result_age_s(now_s)
        stale = state.is_stale(now_s)
        level, problem = verdict(Facts(state.present, stale, result_age_s, picture_age_s, watched_s, own))
        result, space = state.result or {}, state.space()
        return {
            "name": name,
            "node": state.node,
            "present": state.present,
            "level": level,
            "problem": problem,
            "rate_hz": rate_hz,
            "age_ms": age_ms,
            "result_age_s": None if result_age_s is None else round(result_age_s, 2),
            "picture_age_s": None if picture_age_s is None else round(picture_age_s, 2),
            "stale": stale,
            "count": result.get("count", 0),
            "in_view": result.get("in_view", 0),
            "image_wh": result.get("image_wh"),
            "skeleton": result.get("skeleton", ""),
            "space_frame": space["frame_id"] if space else "",
            "people": merged(result, space) if result else [],
            "statuses": own,
        }
