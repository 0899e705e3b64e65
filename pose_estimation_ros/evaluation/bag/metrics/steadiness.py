"""Measure how steady poses are, without annotations; the tracker's ids are needed.

The measures compare models or parameters on one recording; they do not say whether a pose is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.oks import box_area
from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton

AT_REST = 0.02  # share of the person's size: whoever moves less in two frames is at rest
CLEARLY = 0.5  # an exchange of left and right must halve the distance that the keypoints moved
APART = 0.1  # share of the size: left and right keypoints closer than this cannot be told apart


class Track(NamedTuple):
    """Hold one person over F frames.

    Attributes:
        place: (F,) places of the frames among those worked on.
        xy: (F, K, 2) keypoints, px.
        is_found: (F, K) bool, whether a keypoint was found.
        size: (F,) square root of the box's area, px.
    """

    place: np.ndarray
    xy: np.ndarray
    is_found: np.ndarray
    size: np.ndarray

    def windows(self, length: int) -> np.ndarray:
        """Return indices (W, length) of frames that follow each other without a gap, each row a window."""
        starts = np.arange(max(0, len(self.place) - length + 1))
        whole = self.place[starts + length - 1] - self.place[starts] == length - 1
        return starts[whole, None] + np.arange(length)


def reference_free(frames: Sequence[Poses], skeleton: Skeleton) -> dict[str, Any]:
    """Compute all measures of the poses of consecutive frames; None where nothing could be measured.

    Args:
        frames: the people in each frame.
        skeleton: skeleton of the poses.
    """
    tracks = tracks_of(frames)
    return {
        "tracks": len(tracks),
        "jitter_at_rest": jitter_at_rest(tracks),
        "bone_length_change": bone_length_change(tracks, skeleton),
        "left_right_swaps": left_right_swaps(tracks, skeleton),
        "detection_gaps": detection_gaps(tracks),
    }


def tracks_of(frames: Sequence[Poses]) -> list[Track]:
    """Collect the tracks of everybody who has an id, in order of the ids."""
    seen: dict[int, list[tuple[Any, ...]]] = {}
    for place, poses in enumerate(frames):
        sizes = np.sqrt(box_area(poses.box_xyxy))
        for track_id, xy, score, size in zip(poses.track_id.tolist(), poses.xy, poses.score, sizes):
            if track_id != UNTRACKED:
                seen.setdefault(track_id, []).append((place, xy, score > 0, size))
    return [Track(*map(np.array, zip(*seen[track_id]))) for track_id in sorted(seen)]


def jitter_at_rest(tracks: Sequence[Track]) -> dict[str, Any]:
    """Estimate the standard deviation of a keypoint's noise per coordinate, of people at rest.

    It is computed from the second difference x0 - 2 x1 + x2, in which steady motion cancels out and noise of variance v
    has the variance 6 v.

    Returns:
        The number of "samples", the deviation in "px", and as a share of the person's size, "of_size".
    """
    in_px, of_size = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for track in tracks:
        windows = track.windows(3)
        first, middle, last = (track.xy[windows[:, i]] for i in range(3))
        is_found = track.is_found[windows].all(1)
        size = np.maximum(track.size[windows[:, 1]], 1e-9)[:, None, None]
        moved = np.where(is_found[..., None], last - first, 0).sum(1) / np.maximum(is_found.sum(1), 1)[:, None]
        still = is_found & (np.linalg.norm(moved, axis=1) < AT_REST * size[:, 0, 0])[:, None]
        bend = first - 2 * middle + last
        in_px.append(bend[still])
        of_size.append((bend / size)[still])
    return {"samples": sum(map(len, in_px)), "px": deviation(in_px), "of_size": deviation(of_size)}


def deviation(bends: list[np.ndarray]) -> float | None:
    """Compute the standard deviation of the noise from second differences; None where there are none."""
    together = np.concatenate(bends).astype(float)
    return float(np.sqrt((together**2).mean() / 6)) if together.size else None


def bone_length_change(tracks: Sequence[Track], skeleton: Skeleton) -> dict[str, Any]:
    """Compute quantiles of |ln(length / length before)| of bones whose ends were found in two frames in a row.

    A value of 0.1 is about 10 %.

    Args:
        tracks: tracks of all people.
        skeleton: skeleton whose links are the bones.
    """
    changes = [np.zeros(0)]
    for track in tracks:
        change = np.abs(bone_changes(track, skeleton))
        changes.append(change[np.isfinite(change)])
    together = np.concatenate(changes)
    quantiles = [float(q) for q in np.quantile(together, (0.5, 0.9))] if together.size else [None, None]
    return {"samples": together.size, "p50": quantiles[0], "p90": quantiles[1]}


def bone_changes(track: Track, skeleton: Skeleton) -> np.ndarray:
    """Compute ln(length / length before) of bones in the windows of two frames of a track.

    Args:
        track: track of a person.
        skeleton: skeleton whose L links are the bones.

    Returns:
        (W, L); NaN where a length is unknown.
    """
    a, b = np.array(skeleton.links, int).reshape(-1, 2).T
    length = np.linalg.norm(track.xy[:, a].astype(float) - track.xy[:, b], axis=2)
    length = np.where(track.is_found[:, a] & track.is_found[:, b] & (length > 0), length, np.nan)
    before, after = track.windows(2).T
    change: np.ndarray = np.log(length[after] / length[before])
    return change


def left_right_swaps(tracks: Sequence[Track], skeleton: Skeleton) -> dict[str, int]:
    """Count how often a left and a right keypoint are where the other one was a frame before.

    Args:
        tracks: tracks of all people.
        skeleton: skeleton whose flip_pairs are the left and right keypoints.

    Returns:
        The number of "swaps", and of "samples", the pairs that could be told apart.
    """
    pairs = [exchanged(track, skeleton) for track in tracks]
    samples, swaps = (sum(int(flags[side].sum()) for flags in pairs) for side in (0, 1))
    return {"samples": samples, "swaps": swaps}


def exchanged(track: Track, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Find exchanges of left and right keypoints in the windows of two frames of a track.

    Args:
        track: track of a person.
        skeleton: skeleton whose flip_pairs are the left and right keypoints.

    Returns:
        (W, pairs) bool: whether left and right could be told apart; (W, pairs) bool: whether they changed places.
    """
    left, right = np.array(skeleton.flip_pairs, int).reshape(-1, 2).T
    before, after = track.windows(2).T
    l0, l1, r0, r1 = (track.xy[rows][:, k] for k in (left, right) for rows in (before, after))
    as_named, crossed = distance(l0, l1) + distance(r0, r1), distance(l0, r1) + distance(r0, l1)
    seen = (track.is_found[:, left] & track.is_found[:, right])[np.stack([before, after])].all(0)
    apart = APART * track.size[before][:, None]
    distinct = seen & (distance(l0, r0) > apart) & (distance(l1, r1) > apart)
    return distinct, distinct & (crossed < CLEARLY * as_named)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distances (...) between points (..., 2).

    Args:
        a: points (..., 2).
        b: as many points.
    """
    return np.asarray(np.linalg.norm(a - b, axis=-1))


def detection_gaps(tracks: Sequence[Track]) -> dict[str, Any]:
    """Count the frames without a person between two frames with the person under the same id."""
    steps = np.concatenate([np.diff(track.place) for track in tracks] or [np.zeros(0, int)])
    missing = (steps - 1)[steps > 1]
    spanned = int(sum(track.place[-1] - track.place[0] + 1 for track in tracks))
    return {
        "frames_spanned": spanned,
        "frames_missing": int(missing.sum()),
        "gaps": len(missing),
        "longest": int(missing.max(initial=0)),
    }
