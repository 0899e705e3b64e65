"""Match messages of several topics by their stamps, such as an image with its depth image and its boxes."""

from typing import Any, Dict, List, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError

Waiting = List[Tuple[int, Any]]  # (stamp in ns, message), in the order of arrival


class Joiner:
    """Hold messages back until every stream has one of the same instant.

    A message that completes a set goes to the image nearest to it; if two are equally near, to the newer one. All that
    arrived before the messages of the set is dropped then, and each message is used once. The order of arrival decides
    what is old, not the stamps, so that a clock that jumps back stops nothing.

    Attributes:
        dropped: {stream: number of messages that were never part of a set}.
    """

    def __init__(self, partners: Optional[Dict[str, float]] = None, keep: int = 10, leading: str = "image") -> None:
        """Prepare an empty queue for each stream.

        Args:
            partners: {stream: largest allowed difference of its stamp from the image's, s}, 0 for equal stamps. More
                than half the period of a stream may join neighbours.
            keep: messages that wait per stream; enough for the images that arrive while the slowest partner works.
            leading: name of the stream of images.

        Raises:
            ConfigError: a difference is negative or not finite, a partner is the leading stream, or keep < 1.
        """
        partners = partners or {}
        bad = sorted(name for name, slop_s in partners.items() if not 0 <= slop_s < float("inf"))
        if bad or leading in partners or keep < 1:
            problem = "expected stamp differences >= 0 s for streams beside %s and keep >= 1, got %s and %s"
            raise ConfigError(problem % (leading, partners, keep))
        self._slop_ns = {name: int(round(1e9 * slop_s)) for name, slop_s in partners.items()}
        self._keep, self._leading = keep, leading
        self._waiting: Dict[str, Waiting] = {name: [] for name in [leading] + sorted(partners)}
        self._last: Dict[str, int] = {}  # stamps of the last set, ns
        self.dropped = {name: 0 for name in self._waiting}

    def add(self, name: str, stamp_ns: int, message: Any) -> Optional[Dict[str, Any]]:
        """Add a message that has arrived.

        Args:
            name: name of its stream.
            stamp_ns: its stamp, ns.
            message: anything.

        Returns:
            The set {stream: message} that this message completes, or None.
        """
        if not self._slop_ns:  # nothing to wait for
            return {name: message}
        waiting = self._waiting[name]
        if self._is_late(name, stamp_ns):
            self.dropped[name] += 1
            return None
        waiting.append((stamp_ns, message))
        joined = self._take_set()
        if joined is None and len(waiting) > self._keep:
            del waiting[0]
            self.dropped[name] += 1
        return joined

    @property
    def pending(self) -> Dict[str, int]:
        """Count the waiting messages of each stream."""
        return {name: len(waiting) for name, waiting in self._waiting.items()}

    def why_waiting(self) -> str:
        """Write a line for the watchdog: which streams the newest image lacks and how far off they are; "" for none."""
        images = self._waiting[self._leading]
        if not images:
            return ""
        return "; ".join(filter(None, (self._problem(name, images[-1][0]) for name in sorted(self._slop_ns))))

    def _problem(self, name: str, image_ns: int) -> str:
        if self._nearest(name, image_ns) is not None:
            return ""
        if not self._waiting[name]:
            return "no %s with %d %s waiting" % (name, len(self._waiting[self._leading]), self._leading)
        off_s = 1e-9 * (self._waiting[name][-1][0] - image_ns)
        slop_s = 1e-9 * self._slop_ns[name]
        return "the newest %s is %+.3f s from the newest %s, %.3f s are allowed" % (name, off_s, self._leading, slop_s)

    def _is_late(self, name: str, stamp_ns: int) -> bool:
        """Tell whether a message belongs to the last image: with the next one, later sets would be one frame off."""
        if name == self._leading or not self._last:
            return False
        image_ns = self._last[self._leading]
        return abs(stamp_ns - image_ns) < abs(self._last[name] - image_ns)

    def _take_set(self) -> Optional[Dict[str, Any]]:
        """Take the complete set whose partners are nearest to their image from the queues; None if there is none."""
        candidates = [self._candidate(index) for index in reversed(range(len(self._waiting[self._leading])))]
        complete = [candidate for candidate in candidates if candidate is not None]
        if not complete:
            return None
        best = min(complete, key=self._distance_ns)
        self._last = self._stamps(best)
        return {name: self._take(name, index) for name, index in best.items()}

    def _candidate(self, image_index: int) -> Optional[Dict[str, int]]:
        """Return {stream: index in its queue} of a waiting image and its partners; None where one is missing."""
        image_ns = self._waiting[self._leading][image_index][0]
        indices = {self._leading: image_index}
        for name in self._slop_ns:
            index = self._nearest(name, image_ns)
            if index is None:
                return None
            indices[name] = index
        return indices

    def _nearest(self, name: str, image_ns: int) -> Optional[int]:
        """Return the index of the partner nearest to the stamp, the newer of two; None if none is near enough."""
        waiting = self._waiting[name]
        off_ns = [abs(stamp_ns - image_ns) for stamp_ns, _message in waiting]
        if not off_ns or min(off_ns) > self._slop_ns[name]:
            return None
        return len(off_ns) - 1 - off_ns[::-1].index(min(off_ns))

    def _stamps(self, indices: Dict[str, int]) -> Dict[str, int]:
        return {name: self._waiting[name][index][0] for name, index in indices.items()}

    def _distance_ns(self, indices: Dict[str, int]) -> int:
        """Add up the time differences between an image and its partners, in ns."""
        stamps = self._stamps(indices)
        return sum(abs(stamp_ns - stamps[self._leading]) for stamp_ns in stamps.values())

    def _take(self, name: str, index: int) -> Any:
        """Take a message out of its queue and drop those that arrived before it."""
        message = self._waiting[name][index][1]
        del self._waiting[name][: index + 1]
        self.dropped[name] += index
        return message
