"""Are people followed under one id? HOTA, MOTA and IDF1 of tracks against true tracks, on any similarity.

  HOTA  Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021
  MOTA  Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008
  IDF1  Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016

Written here because the libraries do not fit beside the versions of this project: TrackEval 1.3.0 wants a newer numpy
and opencv-python, which takes the place of opencv-python-headless; motmetrics 1.4.0 (2022) brings pandas and SciPy,
230 MB. TrackEval's figures are what the tests hold these to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.hungarian import assign

MATCH = 0.5  # similarity from which MOTA and IDF1 take two for the same
LEVELS = np.arange(1, 20) / 20  # those over which HOTA is the mean
SLACK = 1e-9
MOSTLY_FOUND, MOSTLY_MISSED = 0.8, 0.2  # parts of a true track's images


class Scene(NamedTuple):
    """One image. true_id (T,) and found_id (D,): whole numbers, each at most once; similarity (T, D) in 0..1."""

    true_id: np.ndarray
    found_id: np.ndarray
    similarity: np.ndarray


class Pairs(NamedTuple):
    """Who was taken for whom: places of true and found tracks (N,), similarity (N,); and the number of images of each
    of the G true and H found tracks.
    """

    true: np.ndarray
    found: np.ndarray
    similarity: np.ndarray
    true_count: np.ndarray
    found_count: np.ndarray


def tracking_accuracy(scenes: Sequence[Scene]) -> dict[str, Any]:
    """All measures, of images in order of time: HOTA, MOTA, IDF1 and their parts in 0..100, the rest counts."""
    scenes = renumbered(scenes)
    true_count, found_count = (counts(scene[side] for scene in scenes) for side in (0, 1))
    tracks = {"images": len(scenes), "true_tracks": len(true_count), "found_tracks": len(found_count)}
    return {**tracks, **hota(scenes, true_count, found_count), **clear(scenes, true_count), **identity(scenes)}


def renumbered(scenes: Sequence[Scene]) -> list[Scene]:
    """The same with ids 0, 1, 2, ... of both sides."""
    places = [
        {name: place for place, name in enumerate(sorted({i for s in scenes for i in s[side].tolist()}))}
        for side in (0, 1)
    ]
    true, found = places
    return [Scene(placed(true, s.true_id), placed(found, s.found_id), s.similarity) for s in scenes]


def placed(places: dict[int, int], ids: np.ndarray) -> np.ndarray:
    return np.array([places[i] for i in ids.tolist()], int)


def counts(ids: Iterable[np.ndarray]) -> np.ndarray:
    """In how many images each track is."""
    return np.bincount(np.concatenate([np.zeros(0, int), *ids]))


def hota(scenes: Sequence[Scene], true_count: np.ndarray, found_count: np.ndarray) -> dict[str, float]:
    """HOTA, and its parts DetA and AssA and LocA, each the mean over LEVELS."""
    pairs = aligned(scenes, true_count, found_count)
    at_levels = np.array([at_level(pairs, level) for level in LEVELS])
    return {name: 100 * float(value) for name, value in zip(("HOTA", "DetA", "AssA", "LocA"), at_levels.mean(0))}


def aligned(scenes: Sequence[Scene], true_count: np.ndarray, found_count: np.ndarray) -> Pairs:
    """In each image the assignment by similarity times how well the two tracks fit as a whole (HOTA, section 3.4)."""
    together = np.zeros((len(true_count), len(found_count)))
    for true, found, similarity in scenes:
        either = similarity.sum(1)[:, None] + similarity.sum(0) - similarity
        together[true[:, None], found] += similarity / np.maximum(either, SLACK)
    fit = together / np.maximum(true_count[:, None] + found_count - together, SLACK)
    columns: list[list[np.ndarray]] = [[np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)]]
    for true, found, similarity in scenes:
        rows, own = assigned(fit[true[:, None], found] * similarity)
        for column, values in zip(columns, (true[rows], found[own], similarity[rows, own])):
            column.append(values)
    return Pairs(*map(np.concatenate, columns), true_count, found_count)  # type: ignore[call-arg]


def assigned(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the assignment with the largest sum of scores."""
    columns = assign(-score)
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows]


def at_level(pairs: Pairs, level: float) -> tuple[float, float, float, float]:
    """HOTA, DetA, AssA and LocA where pairs count from a similarity on, in 0..1."""
    near = pairs.similarity >= level - SLACK
    hits = int(near.sum())
    detection = hits / max(int(pairs.true_count.sum() + pairs.found_count.sum()) - hits, 1)
    code = pairs.true[near] * len(pairs.found_count) + pairs.found[near]
    code, together = np.unique(code, return_counts=True)
    true, found = np.divmod(code, max(len(pairs.found_count), 1))
    agreement = together / (pairs.true_count[true] + pairs.found_count[found] - together)
    association = float((together * agreement).sum()) / max(hits, 1)
    location = float(pairs.similarity[near].mean()) if hits else 1.0
    return float(np.sqrt(detection * association)), detection, association, location


def clear(scenes: Sequence[Scene], true_count: np.ndarray) -> dict[str, Any]:
    """MOTA, MOTP and their counts. Of a true track each time that it is found again after an image in which it was not
    is one fragmentation; each time that it is found under another id than the last one is an id switch.
    """
    total: Counter = Counter(misses=0, false_positives=0, id_switches=0)
    before: dict[int, int] = {}  # true track -> found track, of the last image
    last: dict[int, int] = {}  # likewise, of the last image in which it was found
    pieces, hits = np.zeros_like(true_count), np.zeros_like(true_count)
    similarities = [np.zeros(0)]
    for true, found, similarity in scenes:
        rows, columns = kept_together(np.array([before.get(t, -1) for t in true.tolist()]), found, similarity)
        similarities.append(similarity[rows, columns])
        seen = dict(zip(true[rows].tolist(), found[columns].tolist()))
        total["misses"] += len(true) - len(rows)
        total["false_positives"] += len(found) - len(rows)
        total["id_switches"] += sum(last.get(t, f) != f for t, f in seen.items())
        pieces[[t for t in seen if t not in before]] += 1
        hits[list(seen)] += 1
        before = seen
        last.update(seen)
    alike, share = np.concatenate(similarities), hits / np.maximum(true_count, 1)
    return {
        "MOTA": 100 * (1 - sum(total.values()) / max(int(true_count.sum()), 1)),
        "MOTP": 100 * float(alike.mean()) if len(alike) else 0.0,
        **total,
        "fragmentations": int(np.maximum(pieces - 1, 0).sum()),
        "mostly_found_tracks": int((share > MOSTLY_FOUND).sum()),
        "mostly_missed_tracks": int((share < MOSTLY_MISSED).sum()),
    }


def kept_together(before: np.ndarray, found: np.ndarray, similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of those who are alike enough: as many of the image before as can be, then the most alike."""
    near = similarity >= MATCH - SLACK
    score = np.where(near, 1000 * (before[:, None] == found) + similarity, 0)
    rows, columns = assigned(score)
    return rows[near[rows, columns]], columns[near[rows, columns]]


def identity(scenes: Sequence[Scene]) -> dict[str, float]:
    """IDF1, IDP and IDR: each true track is given the one found track that it shares most with."""
    true, found = (sum(len(scene[side]) for scene in scenes) for side in (0, 1))
    shared = Counter(
        pair
        for scene in scenes
        for pair in zip(*(ids[rows].tolist() for ids, rows in zip(scene[:2], np.nonzero(scene[2] >= MATCH - SLACK))))
    )
    size = [1 + max((pair[side] for pair in shared), default=-1) for side in (0, 1)]
    together = np.zeros(size)
    for (t, f), count in shared.items():
        together[t, f] = count
    hits = float(together[assigned(together)].sum())
    rates = {"IDF1": 2 * hits / max(true + found, 1), "IDP": hits / max(found, 1), "IDR": hits / max(true, 1)}
    return {name: 100 * rate for name, rate in rates.items()}
