"""How steady poses are, told from the poses alone: needs nobody's annotations, only the tracker's ids.

These compare models or parameters on one recording; they do not say whether a pose is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.oks import box_area
from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton

AT_REST = 0.02  # of the person's size: who moves less in two frames is at rest
CLEARLY = 0.5  # an exchange of left and right must halve the way that the keypoints went
APART = 0.1  # of the size: left and right closer than this cannot be told


class Track(NamedTuple):
    """One person over F frames. place (F,): among the frames worked on; xy (F, K, 2) px; found (F, K) bool; size (F,)
    px, the square root of the box's area.
    """

    place: np.ndarray
    xy: np.ndarray
    found: np.ndarray
    size: np.ndarray

    def windows(self, length: int) -> np.ndarray:
        """(W, length) rows of so many frames that follow each other without a gap."""
        starts = np.arange(max(0, len(self.place) - length + 1))
        whole = self.place[starts + length - 1] - self.place[starts] == length - 1
        return starts[whole, None] + np.arange(length)


def reference_free(frames: Sequence[Poses], skeleton: Skeleton) -> dict[str, Any]:
    """All measures of the poses of consecutive frames; None where nothing could be measured."""
    tracks = tracks_of(frames)
    return {
        "tracks": len(tracks),
        "jitter_at_rest": jitter_at_rest(tracks),
        "bone_length_change": bone_length_change(tracks, skeleton),
        "left_right_swaps": left_right_swaps(tracks, skeleton),
        "detection_gaps": detection_gaps(tracks),
    }


def tracks_of(frames: Sequence[Poses]) -> list[Track]:
    """Everybody who has an id, in order of the ids."""
    seen: dict[int, list] = {}
    for place, poses in enumerate(frames):
        sizes = np.sqrt(box_area(poses.box_xyxy))
        for track_id, xy, score, size in zip(poses.track_id.tolist(), poses.xy, poses.score, sizes):
            if track_id != UNTRACKED:
                seen.setdefault(track_id, []).append((place, xy, score > 0, size))
    return [Track(*map(np.array, zip(*seen[track_id]))) for track_id in sorted(seen)]


def jitter_at_rest(tracks: Sequence[Track]) -> dict[str, Any]:
    """Standard deviation of a keypoint's noise per coordinate, in px and in parts of the size, of people at rest.

    From the second difference x0 - 2 x1 + x2, in which steady motion cancels out and noise of variance v has 6 v.
    """
    in_px, of_size = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for track in tracks:
        windows = track.windows(3)
        first, middle, last = (track.xy[windows[:, i]] for i in range(3))
        found = track.found[windows].all(1)
        size = np.maximum(track.size[windows[:, 1]], 1e-9)[:, None, None]
        moved = np.where(found[..., None], last - first, 0).sum(1) / np.maximum(found.sum(1), 1)[:, None]
        still = found & (np.linalg.norm(moved, axis=1) < AT_REST * size[:, 0, 0])[:, None]
        bend = first - 2 * middle + last
        in_px.append(bend[still])
        of_size.append((bend / size)[still])
    return {"samples": sum(map(len, in_px)), "px": deviation(in_px), "of_size": deviation(of_size)}


def deviation(bends: list[np.ndarray]) -> float | None:
    together = np.concatenate(bends).astype(float)
    return float(np.sqrt((together**2).mean() / 6)) if together.size else None


def bone_length_change(tracks: Sequence[Track], skeleton: Skeleton) -> dict[str, Any]:
    """|ln(length / length before)| of bones whose ends were found in two frames in a row: 0.1 is about 10 %."""
    changes = [np.zeros(0)]
    for track in tracks:
        own = np.abs(bone_changes(track, skeleton))
        changes.append(own[np.isfinite(own)])
    together = np.concatenate(changes)
    quantiles = [float(q) for q in np.quantile(together, (0.5, 0.9))] if together.size else [None, None]
    return {"samples": together.size, "p50": quantiles[0], "p90": quantiles[1]}


def bone_changes(track: Track, skeleton: Skeleton) -> np.ndarray:
    """(W, L) ln(length / length before) of the skeleton's links in the track's windows of two; NaN where unknown."""
    a, b = np.array(skeleton.links).T
    length = np.linalg.norm(track.xy[:, a].astype(float) - track.xy[:, b], axis=2)
    length = np.where(track.found[:, a] & track.found[:, b] & (length > 0), length, np.nan)
    before, after = track.windows(2).T
    return np.log(length[after] / length[before])


def left_right_swaps(tracks: Sequence[Track], skeleton: Skeleton) -> dict[str, int]:
    """How often a left and a right keypoint are where the other was a frame before; samples: pairs that could be."""
    pairs = [exchanged(track, skeleton) for track in tracks]
    return {"samples": sum(int(could.sum()) for could, _ in pairs), "swaps": sum(int(own.sum()) for _, own in pairs)}


def exchanged(track: Track, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """(W, pairs) bool, of the track's windows of two: whether left and right could be told, and have changed places."""
    left, right = np.array(skeleton.flip_pairs).reshape(-1, 2).T
    before, after = track.windows(2).T
    l0, l1, r0, r1 = (track.xy[rows][:, k] for k in (left, right) for rows in (before, after))
    as_named, crossed = distance(l0, l1) + distance(r0, r1), distance(l0, r1) + distance(r0, l1)
    seen = (track.found[:, left] & track.found[:, right])[np.stack([before, after])].all(0)
    apart = APART * track.size[before][:, None]
    could = seen & (distance(l0, r0) > apart) & (distance(l1, r1) > apart)
    return could, could & (crossed < CLEARLY * as_named)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


def detection_gaps(tracks: Sequence[Track]) -> dict[str, Any]:
    """Frames without a person between two frames with it under the same id."""
    steps = np.concatenate([np.diff(track.place) for track in tracks] or [np.zeros(0, int)])
    missing = (steps - 1)[steps > 1]
    spanned = int(sum(track.place[-1] - track.place[0] + 1 for track in tracks))
    return {
        "frames_spanned": spanned,
        "frames_missing": int(missing.sum()),
        "gaps": len(missing),
        "longest": int(missing.max(initial=0)),
    }
