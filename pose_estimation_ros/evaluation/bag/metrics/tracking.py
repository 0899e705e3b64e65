"""Measure whether people are followed under one id: HOTA, MOTA and IDF1 against true tracks, on any similarity.

  HOTA  Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", arXiv:2009.07736
  MOTA  Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", DOI 10.1155/2008/246309
  IDF1  Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", arXiv:1609.01775

The measures are written here because the libraries need other versions than this project: TrackEval 1.3.0 needs a newer
numpy, and opencv-python, which replaces opencv-python-headless; motmetrics 1.4.0 needs pandas and SciPy, 230 MB. The
tests compare the measures with TrackEval's figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.hungarian import assign

MATCH = 0.5  # similarity from which MOTA and IDF1 match a true and a predicted person
LEVELS = np.arange(1, 20) / 20  # similarities over which HOTA is the mean
SLACK = 1e-9
MOSTLY_FOUND, MOSTLY_MISSED = 0.8, 0.2  # shares of a true track's images


class Scene(NamedTuple):
    """Hold the people of one image.

    Attributes:
        true_id: (T,) whole numbers, each at most once.
        predicted_id: (D,) whole numbers, each at most once.
        similarity: (T, D), 0..1.
    """

    true_id: np.ndarray
    predicted_id: np.ndarray
    similarity: np.ndarray


class Pairs(NamedTuple):
    """Hold the matched pairs of all images.

    Attributes:
        true: (N,) places of the true tracks.
        predicted: (N,) places of the predicted tracks.
        similarity: (N,), 0..1.
        true_count: (G,) number of images of each true track.
        predicted_count: (H,) number of images of each predicted track.
    """

    true: np.ndarray
    predicted: np.ndarray
    similarity: np.ndarray
    true_count: np.ndarray
    predicted_count: np.ndarray


def tracking_accuracy(scenes: Sequence[Scene]) -> dict[str, Any]:
    """Compute all measures of images in order of time: HOTA, MOTA, IDF1 and their parts in 0..100, the rest counts."""
    scenes = renumbered(scenes)
    true_count, predicted_count = (counts(scene[side] for scene in scenes) for side in (0, 1))
    tracks = {"images": len(scenes), "true_tracks": len(true_count), "found_tracks": len(predicted_count)}
    return {**tracks, **hota(scenes, true_count, predicted_count), **clear(scenes, true_count), **identity(scenes)}


def renumbered(scenes: Sequence[Scene]) -> list[Scene]:
    """Give the true tracks, and the predicted tracks, the ids 0, 1, 2, ..."""
    places = [
        {name: place for place, name in enumerate(sorted({i for s in scenes for i in s[side].tolist()}))}
        for side in (0, 1)
    ]
    true, predicted = places
    return [Scene(placed(true, s.true_id), placed(predicted, s.predicted_id), s.similarity) for s in scenes]


def placed(places: dict[int, int], ids: np.ndarray) -> np.ndarray:
    """Replace ids by their places.

    Args:
        places: place of each id.
        ids: the ids.
    """
    return np.array([places[i] for i in ids.tolist()], int)


def counts(ids: Iterable[np.ndarray]) -> np.ndarray:
    """Count the images of each track."""
    return np.bincount(np.concatenate([np.zeros(0, int), *ids]))


def hota(scenes: Sequence[Scene], true_count: np.ndarray, predicted_count: np.ndarray) -> dict[str, float]:
    """Compute HOTA and its parts DetA, AssA and LocA, each the mean over LEVELS.

    Args:
        scenes: with ids from 0.
        true_count: (G,) number of images of each true track.
        predicted_count: (H,) number of images of each predicted track.
    """
    pairs = aligned(scenes, true_count, predicted_count)
    at_levels = np.array([at_level(pairs, level) for level in LEVELS])
    return {name: 100 * float(value) for name, value in zip(("HOTA", "DetA", "AssA", "LocA"), at_levels.mean(0))}


def aligned(scenes: Sequence[Scene], true_count: np.ndarray, predicted_count: np.ndarray) -> Pairs:
    """Assign people in each image by similarity times how well the two tracks fit as a whole (HOTA, section 3.4).

    The arguments are those of hota.

    Args:
        scenes: the images, with ids from 0.
        true_count: (T,) images of each true track.
        predicted_count: (D,) images of each predicted track.
    """
    together = np.zeros((len(true_count), len(predicted_count)))
    for true, predicted, similarity in scenes:
        either = similarity.sum(1)[:, None] + similarity.sum(0) - similarity
        together[true[:, None], predicted] += similarity / np.maximum(either, SLACK)
    fit = together / np.maximum(true_count[:, None] + predicted_count - together, SLACK)
    columns: list[list[np.ndarray]] = [[np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)]]
    for true, predicted, similarity in scenes:
        rows, places = assigned(fit[true[:, None], predicted] * similarity)
        for column, values in zip(columns, (true[rows], predicted[places], similarity[rows, places])):
            column.append(values)
    true_place, predicted_place, similar = map(np.concatenate, columns)
    return Pairs(true_place, predicted_place, similar, true_count, predicted_count)


def assigned(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the assignment with the largest sum of scores (T, D)."""
    columns = assign(-score)
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows]


def at_level(pairs: Pairs, level: float) -> tuple[float, float, float, float]:
    """Compute HOTA, DetA, AssA and LocA, 0..1, of the pairs of a similarity and more.

    Args:
        pairs: matched pairs of all images.
        level: the lowest similarity.
    """
    near = pairs.similarity >= level - SLACK
    hits = int(near.sum())
    detection = hits / max(int(pairs.true_count.sum() + pairs.predicted_count.sum()) - hits, 1)
    code = pairs.true[near] * len(pairs.predicted_count) + pairs.predicted[near]
    code, together = np.unique(code, return_counts=True)
    true, predicted = np.divmod(code, max(len(pairs.predicted_count), 1))
    agreement = together / (pairs.true_count[true] + pairs.predicted_count[predicted] - together)
    association = float((together * agreement).sum()) / max(hits, 1)
    location = float(pairs.similarity[near].mean()) if hits else 1.0
    return float(np.sqrt(detection * association)), detection, association, location


def clear(scenes: Sequence[Scene], true_count: np.ndarray) -> dict[str, Any]:
    """Compute MOTA, MOTP and their counts.

    A fragmentation is counted each time that a true track is found again after an image in which it was not found; an
    id switch each time that it is found under another id than before.

    Args:
        scenes: with ids from 0.
        true_count: (G,) number of images of each true track.
    """
    total: Counter[str] = Counter(misses=0, false_positives=0, id_switches=0)
    before: dict[int, int] = {}  # true track -> predicted track in the last image
    last: dict[int, int] = {}  # true track -> predicted track in the last image with a match
    pieces, hits = np.zeros_like(true_count), np.zeros_like(true_count)
    similarities = [np.zeros(0)]
    for true, predicted, similarity in scenes:
        rows, columns = kept_together(np.array([before.get(t, -1) for t in true.tolist()]), predicted, similarity)
        similarities.append(similarity[rows, columns])
        seen = dict(zip(true[rows].tolist(), predicted[columns].tolist()))
        total["misses"] += len(true) - len(rows)
        total["false_positives"] += len(predicted) - len(rows)
        total["id_switches"] += sum(last.get(t, f) != f for t, f in seen.items())
        pieces[[t for t in seen if t not in before]] += 1
        hits[list(seen)] += 1
        before = seen
        last.update(seen)
    similar, share = np.concatenate(similarities), hits / np.maximum(true_count, 1)
    return {
        "MOTA": 100 * (1 - sum(total.values()) / max(int(true_count.sum()), 1)),
        "MOTP": 100 * float(similar.mean()) if len(similar) else 0.0,
        **total,
        "fragmentations": int(np.maximum(pieces - 1, 0).sum()),
        "mostly_found_tracks": int((share > MOSTLY_FOUND).sum()),
        "mostly_missed_tracks": int((share < MOSTLY_MISSED).sum()),
    }


def kept_together(before: np.ndarray, predicted: np.ndarray, similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Match people who are similar enough: as many pairs of the image before as possible, then the most similar.

    Args:
        before: (T,) predicted track of each true person in the image before, -1 for none.
        predicted: (D,) tracks of the predicted people.
        similarity: (T, D).

    Returns:
        Rows and columns of the pairs.
    """
    near = similarity >= MATCH - SLACK
    score = np.where(near, 1000 * (before[:, None] == predicted) + similarity, 0)
    rows, columns = assigned(score)
    return rows[near[rows, columns]], columns[near[rows, columns]]


def identity(scenes: Sequence[Scene]) -> dict[str, float]:
    """Compute IDF1, IDP and IDR: each true track gets the one predicted track that it shares most images with."""
    true, predicted = (sum(len(scene[side]) for scene in scenes) for side in (0, 1))
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
    rates = {"IDF1": 2 * hits / max(true + predicted, 1), "IDP": hits / max(predicted, 1), "IDR": hits / max(true, 1)}
    return {name: 100 * rate for name, rate in rates.items()}
