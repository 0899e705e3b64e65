"""Give people the same id from frame to frame, at any rate of frames.

Each person is expected where a constant velocity takes them, with a doubt that grows with the time out of sight. The
expected places are matched with the people of the new frame by the assignment with the greatest sum of similarities,
confirmed people first. The similarity is a mean of OKS and box overlap (IoU), times a factor for how alike they look:
OKS separates people who stand close together, the overlap still works when keypoints are inaccurate, and the look tells
who comes back. All settings are in seconds and in sizes of the person. docs/explanation/tracking.md describes what
users see of it, docs/measurements/tracking.md how good it is.
"""

import math
from statistics import median
from typing import NamedTuple, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.oks import Sigmas, box_area, oks
from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, Poses, empty_poses, joined, shifted
from pose_estimation_ros.core.stamp_clock import STUCK_BELOW_S, StampClock

KNOWN_BY_PLACE_S = 1.0  # who was out of sight for longer can be anybody, unless he or she looks the same
PATIENCE = 1.5  # times between frames for which everybody is remembered: to the next frame, at any rate
MISSING_BELOW = 0.3  # likeness to all people of an image of somebody whom it does not show
LOOK_S = 1.0  # time over which the appearance is averaged
# Sum of the square roots of the products of two histograms: below, another person; above, the same, who was away.
OTHER_LOOK, SAME_LOOK = 0.35, 0.6


MOTION = np.dtype(
    [
        ("velocity", float, (2,)),  # px/s of the whole person
        ("doubt", float),  # variance of the velocity in sizes^2 / s^2, along one axis
        ("age_s", float),  # time since the last sighting
        ("life_s", float),  # time from the first sighting to the last one
        ("seen", int),  # number of sightings
        ("step", float),  # distance between the last two sightings in sizes, NaN for who was seen once
    ]
)


class _Tracks(NamedTuple):
    """Hold T people as they were last seen.

    Attributes:
        poses: people of the last sighting.
        motion: (T,) of MOTION.
        look: (T, F) square roots of the appearance, see Tracker.update; a row of NaN where it is not known.
    """

    poses: Poses
    motion: np.ndarray
    look: np.ndarray

    def select(self, index: np.ndarray) -> "_Tracks":
        return _Tracks(self.poses.select(index), self.motion[index], self.look[index])


class Tracker:
    """Track people by their ids, which count from 1.

    A tracker never uses an id twice, not even after a reset. max_age_s and confirm_after_s may be changed at any time.
    """

    def __init__(
        self,
        sigmas: Sigmas,
        max_age_s: float = 3.0,
        confirm_after_s: float = 0.06,
        tentative_age_s: float = 0.25,
        min_similarity: float = 0.1,
        oks_share: float = 0.7,
        noise: float = 0.02,
        speed: float = 0.6,
        agility: float = 0.8,
    ) -> None:
        """Make a tracker without people.

        Lengths are in sizes of the person, which is the longer side of the box.

        Args:
            sigmas: (K,) of the skeleton.
            max_age_s: how long a confirmed person may be out of sight and still keep the id. After KNOWN_BY_PLACE_S
                the person must also look alike.
            confirm_after_s: time from the first sighting to the one that confirms a person, the second at the earliest.
            tentative_age_s: max_age_s of people who are not confirmed.
            min_similarity: smallest similarity of a match, 0..1.
            oks_share: weight of OKS in the similarity, 0..1; the rest is the overlap of boxes.
            noise: error of where a person is seen, sizes.
            speed: usual speed of people, sizes/s along one axis.
            agility: change of the velocity in a second, sizes/s along one axis.
        """
        self._sigmas = np.array(sigmas, float)
        self.max_age_s, self.confirm_after_s, self._tentative_age_s = max_age_s, confirm_after_s, tentative_age_s
        self._min_similarity, self._oks_share = min_similarity, oks_share
        self._noise, self._speed, self._agility = noise, speed, agility
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Remove all people and forget the time; ids go on counting."""
        self._clock = StampClock()
        self._forget()

    def _forget(self) -> None:
        look = np.zeros((0, 1), np.float32)
        self._tracks = _Tracks(empty_poses(len(self._sigmas)), np.zeros(0, MOTION), look)

    def update(self, poses: Poses, stamp_s: float, appearance: Optional[np.ndarray] = None) -> Poses:
        """Match the people of an image with those of earlier images.

        Args:
            poses: N people, whose arrays the tracker keeps.
            stamp_s: time of the image in seconds.
            appearance: (N, F) float32, a histogram with the sum 1 of how each person looks; NaN where nothing is known.

        Returns:
            The same people in the same order, with track_id and state, in arrays that the tracker does not keep.

        Raises:
            ValueError: appearance has another shape.
        """
        step_s = self._clock.advance(stamp_s)
        if step_s is None:
            self._forget()
        else:
            self._grow_old(step_s)
        looks = self._looks(poses.count, appearance)
        expected = self._expected()
        match = self._match(expected, poses, looks)
        self._tracks = self._continued(expected, poses, looks, match)
        return self._tracks.poses.select(np.arange(poses.count))

    @property
    def lost(self) -> Poses:
        """Return the confirmed people who went out of sight a short time ago: expected box, keypoints with score 0."""
        unseen = self._findable() & (self._tracks.motion["age_s"] > 0)
        if not unseen.any():
            return self._tracks.poses.select(slice(0))
        lost = self._expected().select(unseen)
        return lost.replace(score=np.zeros_like(lost.score), state=np.full_like(lost.state, LOST))

    def missing(self, poses: Poses, ahead_s: float) -> Poses:
        """Find out whom an image should show and does not.

        Args:
            poses: N people found in the next image.
            ahead_s: time of that image after the last update.

        Returns:
            The confirmed people seen a short time ago whom none of the N people fits, where they are expected.
        """
        expected = self._expected(ahead_s).select(self._findable(ahead_s))
        pairs = best_pairs(self._likeness(expected, poses), MISSING_BELOW)
        return expected.select(np.isin(np.arange(expected.count), pairs, invert=True))

    def _findable(self, ahead_s: float = 0.0) -> np.ndarray:
        """Tell which confirmed people (T,) bool were seen a short time before a time after the last update."""
        recent = self._tracks.motion["age_s"] + ahead_s <= self._by_place_s
        findable: np.ndarray = recent & (self._tracks.poses.state == CONFIRMED)
        return findable

    @property
    def velocity(self) -> np.ndarray:
        """Return the velocities (N, 2) px/s of the people of the last update, in their order."""
        velocity: np.ndarray = self._tracks.motion["velocity"][self._tracks.motion["age_s"] == 0]
        return velocity

    @property
    def step_share(self) -> float:
        """Return how far people come between two sightings, as a share of their size: the median over people.

        It is 0 where nobody was seen twice. Above about 1 the frames are too far apart to tell who is who.
        """
        steps = [step for step in self._tracks.motion["step"].tolist() if math.isfinite(step)]
        return median(steps) if steps else 0.0

    @property
    def _by_place_s(self) -> float:
        """Return how long a person can be found again by place and motion alone: always to the next frame."""
        return max(min(self.max_age_s, KNOWN_BY_PLACE_S), PATIENCE * self._clock.interval_s)

    def _grow_old(self, step_s: float) -> None:
        age_s = self._tracks.motion["age_s"]
        age_s += step_s
        limit_s = np.where(self._tracks.poses.state == CONFIRMED, self.max_age_s, self._tentative_age_s)
        kept = age_s <= np.maximum(limit_s, PATIENCE * self._clock.interval_s)
        if not kept.all():
            self._tracks = self._tracks.select(kept)

    def _expected(self, ahead_s: float = 0.0) -> Poses:
        """Return all tracked people where they are expected at a time after the last update."""
        motion = self._tracks.motion
        return shifted(self._tracks.poses, motion["velocity"] * (motion["age_s"] + ahead_s)[:, None])

    def _looks(self, count: int, appearance: Optional[np.ndarray]) -> np.ndarray:
        """Return the square roots of histograms, whose products tell how alike they are."""
        if appearance is None:
            return np.full((count, self._tracks.look.shape[1]), np.nan, np.float32)
        if np.ndim(appearance) != 2 or len(appearance) != count:
            raise ValueError("expected appearance of shape (%d, F), got %s" % (count, np.shape(appearance)))
        if appearance.shape[1] != self._tracks.look.shape[1]:  # the first histograms of all
            unknown = np.full((len(self._tracks.look), appearance.shape[1]), np.nan, np.float32)
            self._tracks = self._tracks._replace(look=unknown)
        with np.errstate(invalid="ignore"):
            looks: np.ndarray = np.sqrt(appearance)  # NaN for what is negative
        looks[~np.isfinite(looks).all(1)] = np.nan
        return looks

    def _doubt_px(self) -> np.ndarray:
        """Return the standard deviation (T,) px along one axis of where the tracked people are expected."""
        doubt, age_s = self._tracks.motion["doubt"], self._tracks.motion["age_s"]
        variance = 2 * self._noise**2 + age_s**2 * (doubt + self._agility**2 / 3 * age_s)
        doubt_px: np.ndarray = np.sqrt(variance) * sizes(self._tracks.poses.box_xyxy)
        return doubt_px

    def _similarity(self, expected: Poses, poses: Poses, look: np.ndarray) -> np.ndarray:
        """Return how well each track fits each person, (T, N) in 0..1, and 0 where it cannot be the same."""
        likeness = self._likeness(expected, poses, self._doubt_px())
        track, person = np.nonzero(likeness >= self._min_similarity)  # the look can only make others less alike
        looks = np.einsum("pf,pf->p", self._tracks.look[track], look[person])
        alike = ((looks - OTHER_LOOK) / (SAME_LOOK - OTHER_LOOK)).clip(0, 1)
        alike[np.isnan(looks)] = 1
        near = self._tracks.motion["age_s"][track] <= self._by_place_s
        similarity = np.zeros_like(likeness)
        similarity[track, person] = likeness[track, person] * alike * (near | (looks >= SAME_LOOK))
        return similarity

    def _likeness(self, expected: Poses, poses: Poses, doubt_px: Union[float, np.ndarray] = 0.0) -> np.ndarray:
        """Return how well T expected people fit N people by their joints and boxes, (T, N) in 0..1; see oks."""
        alike = oks(expected.xy, expected.score, box_area(expected.box_xyxy), poses.xy, self._sigmas, doubt_px)
        overlap = iou(expected.box_xyxy, poses.box_xyxy)
        likeness: np.ndarray = self._oks_share * alike + (1 - self._oks_share) * overlap
        return likeness

    def _match(self, expected: Poses, poses: Poses, look: np.ndarray) -> np.ndarray:
        """Return the index of each person's track (N,) int, -1 for somebody new."""
        match = np.full(poses.count, -1)
        if not poses.count or not expected.count:
            return match
        similarity = self._similarity(expected, poses, look)
        for state in (CONFIRMED, TENTATIVE):
            tracks, free = np.flatnonzero(expected.state == state), np.flatnonzero(match < 0)
            if len(tracks) and len(free):
                row_of = best_pairs(similarity[tracks[:, None], free], self._min_similarity)
                match[free[row_of >= 0]] = tracks[row_of[row_of >= 0]]
        return match

    def _continued(self, expected: Poses, poses: Poses, look: np.ndarray, match: np.ndarray) -> _Tracks:
        """Return the people of the new image, in their order, then the tracks that were not matched."""
        old, new = np.flatnonzero(match >= 0), np.flatnonzero(match < 0)
        track_id, motion = np.empty(poses.count, np.int32), np.zeros(poses.count, MOTION)
        track_id[new] = self._next_id + np.arange(len(new))
        self._next_id += len(new)
        motion["doubt"], motion["seen"], motion["step"] = self._speed**2, 1, np.nan  # of who is seen for the first time
        if len(old):
            before = self._tracks._replace(poses=expected).select(match[old])
            track_id[old] = before.poses.track_id
            motion[old], look[old] = self._seen_again(before, poses.select(old), look[old])
        confirmed = (motion["seen"] >= 2) & (motion["life_s"] >= self.confirm_after_s - STUCK_BELOW_S)
        state = np.where(confirmed, np.uint8(CONFIRMED), np.uint8(TENTATIVE))
        poses = poses.replace(track_id=track_id, state=state)
        if len(old) == expected.count:
            return _Tracks(poses, motion, look)
        missing = np.ones(expected.count, bool)
        missing[match[old]] = False
        rest = self._tracks.select(missing)
        return _Tracks(
            joined(poses, rest.poses), np.concatenate([motion, rest.motion]), np.concatenate([look, rest.look])
        )

    def _seen_again(self, before: _Tracks, now: Poses, look: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return motion (n,) and look (n, F) of people, who were expected at a place and are seen at another.

        The velocity follows a Kalman filter: a sighting tells more about it the longer the time since the last one.
        """
        motion, surprise = before.motion, moved(before.poses, now)
        age_s = motion["age_s"].copy()
        change = surprise + motion["velocity"] * age_s[:, None]
        doubt = motion["doubt"] + self._agility**2 * age_s
        gain = doubt / (doubt + 2 * (self._noise / age_s) ** 2)
        motion["velocity"] += (gain / age_s)[:, None] * surprise
        motion["doubt"] = (1 - gain) * doubt
        motion["life_s"] += age_s
        motion["seen"] += 1
        motion["age_s"] = 0
        step = np.hypot(change[:, 0], change[:, 1]) / sizes(before.poses.box_xyxy)
        motion["step"] = step * np.minimum(1, self._clock.interval_s / age_s)
        share = (1 - np.exp(-age_s / LOOK_S)).astype(np.float32)[:, None]
        mean = (1 - share) * before.look + share * look
        unknown_before, unknown_now = np.isnan(before.look[:, :1]), np.isnan(look[:, :1])
        return motion, np.where(unknown_before, look, np.where(unknown_now, before.look, mean))


def sizes(box_xyxy: np.ndarray) -> np.ndarray:
    """Return the longer side of each box (N, 4) px, at least a pixel: (N,) px."""
    longest: np.ndarray = np.maximum((box_xyxy[:, 2:] - box_xyxy[:, :2]).max(1), 1.0)
    return longest


def moved(before: Poses, now: Poses) -> np.ndarray:
    """Return how far people are from where they were, (N, 2) px.

    It is the median over the keypoints found both times, or that of the boxes' centres where there is none.
    """
    both: np.ndarray = (before.score > 0) & (now.score > 0)
    change = now.box_xyxy - before.box_xyxy
    centre = (change[:, :2] + change[:, 2:]) / 2
    nothing_known = ~both.any(1, keepdims=True)
    return np.where(nothing_known, centre, middle(now.xy - before.xy, both))


def middle(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Compute the medians of the known values; np.nanmedian would take ten times as long.

    Args:
        values: (n, K, 2).
        known: (n, K) bool.

    Returns:
        (n, 2), 0 where no value is known.
    """
    ordered = np.sort(np.where(known[..., None], values, np.inf), 1)
    rows, count = np.arange(len(values)), known.sum(1)
    both = ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]
    medians: np.ndarray = np.where(count[:, None] > 0, both / 2, 0)
    return medians


def best_pairs(similarity: np.ndarray, least: float) -> np.ndarray:
    """Pair rows with columns for the greatest sum of similarities.

    Args:
        similarity: (T, N).
        least: smallest similarity of a pair.

    Returns:
        Row of each column (N,) int, -1 for a column without a partner.
    """
    allowed = similarity >= least
    row_of = assign(-np.where(allowed, similarity, 0).T)
    columns = np.flatnonzero(row_of >= 0)
    bad = columns[~allowed[row_of[columns], columns]]
    row_of[bad] = -1
    return row_of
