"""Messages of several topics that belong together, by their stamps: an image with its depth image, its boxes."""

from typing import Any, Dict, List, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError

Waiting = List[Tuple[int, Any]]  # stamp_ns, message; in the order in which they came


class Joiner:
    """Holds messages back until one of every stream is there for the same instant.

    partners: streams beside the leading one with the difference of stamps in s that is borne, 0 for equal stamps; more
    than half of a stream's period may join neighbours. keep: messages that wait per stream; as many images must have
    room as come while the slowest partner works on one.

    A message that completes a set goes to the image nearest to it, of equals to the newest. All that came before the
    set's messages is dropped then, and a message is used once. Old and new are told by the order of coming, not by
    stamp, so that a clock that jumps back stops nothing. ``dropped`` counts by stream what was never part of a set.
    """

    def __init__(self, partners: Dict[str, float] = None, keep: int = 10, leading: str = "image") -> None:
        partners = partners or {}
        bad = sorted(name for name, slop_s in partners.items() if not 0 <= slop_s < float("inf"))
        if bad or leading in partners or keep < 1:
            problem = "expected differences of stamps in s >= 0 of streams beside %s and keep >= 1, got %s and %s"
            raise ConfigError(problem % (leading, partners, keep))
        self._slop_ns = {name: int(round(1e9 * slop_s)) for name, slop_s in partners.items()}
        self._keep, self._leading = keep, leading
        self._waiting: Dict[str, Waiting] = {name: [] for name in [leading] + sorted(partners)}
        self._last: Dict[str, int] = {}  # stamps of the last set
        self.dropped = {name: 0 for name in self._waiting}

    def add(self, name: str, stamp_ns: int, message: Any) -> Optional[Dict[str, Any]]:
        """The complete set, stream -> message, where this message completes one; else None."""
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
        """How many messages of each stream wait: for a watchdog."""
        return {name: len(waiting) for name, waiting in self._waiting.items()}

    def why_waiting(self) -> str:
        """A line for the watchdog: which streams the newest image lacks, how far off they are; "" if none waits."""
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
        return "the newest %s is %+.3f s from the newest %s, %.3f s are borne" % (name, off_s, self._leading, slop_s)

    def _is_late(self, name: str, stamp_ns: int) -> bool:
        """Whether the last image should have had this partner: given to the next, all that follow would be one late."""
        if name == self._leading or not self._last:
            return False
        image_ns = self._last[self._leading]
        return abs(stamp_ns - image_ns) < abs(self._last[name] - image_ns)

    def _take_set(self) -> Optional[Dict[str, Any]]:
        sets = [self._set_of(at) for at in reversed(range(len(self._waiting[self._leading])))]
        complete = [found for found in sets if None not in found.values()]
        if not complete:
            return None
        best = min(complete, key=self._off_ns)
        self._last = self._stamps(best)
        return {name: self._take(name, index) for name, index in best.items()}

    def _set_of(self, at: int) -> Dict[str, Optional[int]]:
        """Indices among those who wait: of that image and of its partners, None for who is not there."""
        image_ns = self._waiting[self._leading][at][0]
        return dict({name: self._nearest(name, image_ns) for name in self._slop_ns}, **{self._leading: at})

    def _nearest(self, name: str, image_ns: int) -> Optional[int]:
        """Index of the partner nearest to the stamp, of equals the newest; None where none is near enough."""
        waiting = self._waiting[name]
        off_ns = [abs(stamp_ns - image_ns) for stamp_ns, _message in waiting]
        if not off_ns or min(off_ns) > self._slop_ns[name]:
            return None
        return len(off_ns) - 1 - off_ns[::-1].index(min(off_ns))

    def _stamps(self, found: Dict[str, int]) -> Dict[str, int]:
        return {name: self._waiting[name][index][0] for name, index in found.items()}

    def _off_ns(self, found: Dict[str, int]) -> int:
        """How far the partners are from their image, together."""
        stamps = self._stamps(found)
        return sum(abs(stamp_ns - stamps[self._leading]) for stamp_ns in stamps.values())

    def _take(self, name: str, index: int) -> Any:
        """That message; it and those that came before it wait no more."""
        message = self._waiting[name][index][1]
        del self._waiting[name][: index + 1]
        self.dropped[name] += index
        return message
