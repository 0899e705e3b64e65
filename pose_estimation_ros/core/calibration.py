"""Turn the scores of a network into probabilities, by maps that were measured on people whom it had not seen.

A network's scores rise with its certainty, but they are no probabilities: a peak of 0.5 may be right nine times in ten
for a hip, and six times in ten for an eye, whose tolerance is smaller. The field ``calibration`` of a model's spec has
the maps, `pose calibrate` writes them:

    {"keypoint": {"score": [...], "probability": [...]},  raw score -> probability that the joint is near: OKS >= 0.5
     "parts": {"eye": {...}, ...},                        the same for single parts, which stand in for "keypoint"
     "person": {...},                                     raw score -> probability that the pose is right: OKS >= 0.5
     "facts": {...}}                                      what they were fitted on; for people alone

A part is the name of a keypoint without its side. Between its knots a map is linear, at its ends it goes on to (0, 0)
and (1, 1), unless it has a knot at the score 0 or 1.
"""

from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.core.atomic_files import JsonObject, is_number
from pose_estimation_ros.core.errors import shown
from pose_estimation_ros.core.skeleton import LEFT_AND_RIGHT, words_of

MOST_KNOTS = 64
SIDES = sum(LEFT_AND_RIGHT, ())  # words of keypoints' names
CALIBRATED, RAW = "calibrated", "raw"  # what scores are, in logs and diagnostics


class Curve(NamedTuple):
    """Map raw scores to probabilities, linear between knots.

    Attributes:
        score: (M,) rising scores in 0..1.
        probability: (M,) probabilities in 0..1, which never fall.
    """

    score: Sequence[float]
    probability: Sequence[float]

    def __call__(self, score: np.ndarray) -> np.ndarray:
        """Return the probabilities of raw scores, float32 of the same shape; score 0, not found, stays 0."""
        return _looked_up(score, score, *map(np.array, self.whole()))

    def whole(self) -> "Curve":
        """Return the same map with knots at the scores 0 and 1."""
        below, above = (0.0,) * (self.score[0] > 0), (1.0,) * (self.score[-1] < 1)
        return Curve(*(below + tuple(knots) + above for knots in self))


class Calibration:
    """Hold the maps of a model."""

    def __init__(self, keypoints: Sequence[Curve], person: Curve) -> None:
        """Lay the maps of the keypoints end to end, so that one look-up serves all.

        Args:
            keypoints: (K,) the map of each keypoint.
            person: that of people.
        """
        self._person = [np.array(knots) for knots in person.whole()]
        self._begin = 2.0 * np.arange(len(keypoints))  # of each map, which is 1 long
        whole = [curve.whole() for curve in keypoints]
        self._score = np.concatenate([begin + curve.score for begin, curve in zip(self._begin, whole)])
        self._probability = np.concatenate([curve.probability for curve in whole])

    def keypoint_probability(self, score: np.ndarray) -> np.ndarray:
        """Return the probabilities (N, K) float32 that joints of raw scores (N, K) are near."""
        return _looked_up(score, np.minimum(score, 1) + self._begin, self._score, self._probability)

    def person(self, score: np.ndarray) -> np.ndarray:
        """Return the probabilities (N,) float32 that poses of raw person scores (N,) are right."""
        return _looked_up(score, score, *self._person)


def _looked_up(score: np.ndarray, place: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return y (float32) at places along x, linear between the knots; 0 where the score is 0 or NaN."""
    return np.where(score > 0, np.interp(place, x, y), 0).astype(np.float32)


def make_calibration(fields: JsonObject, names: Sequence[str]) -> Calibration:
    """Make the maps of a checked field ``calibration``.

    Args:
        fields: the field, as check_calibration takes it; not {}.
        names: names of the K keypoints.
    """
    parts = {part: Curve(**knots) for part, knots in fields.get("parts", {}).items()}
    usual = Curve(**fields["keypoint"])
    return Calibration([parts.get(part_of(name), usual) for name in names], Curve(**fields["person"]))


def part_of(name: str) -> str:
    """Return the part of a keypoint, its name without the side: "left_eye" and "R_Eye" -> "eye"."""
    return "_".join(word for word in words_of(name) if word not in SIDES) or name


def check_calibration(fields: JsonObject, names: Sequence[str]) -> None:
    """Check the field ``calibration`` of a spec; {} is none.

    Args:
        fields: content of the field.
        names: names of the K keypoints, none for a detector, which has no calibration.

    Raises:
        ValueError: a key is missing or unknown, a part has no keypoint, or a map does not rise.
    """
    if not fields:
        return
    if not names:
        raise ValueError("expected calibration in the spec of a pose model alone, got it in that of a detector")
    missing, unknown = {"keypoint", "person"} - set(fields), set(fields) - {"keypoint", "person", "parts", "facts"}
    if missing or unknown:
        text = "expected calibration with keypoint and person, got keys missing: %s; keys unknown: %s"
        raise ValueError(text % (sorted(missing), shown(sorted(unknown))))
    for name in ("parts", "facts"):
        if not isinstance(fields.get(name, {}), dict):
            raise ValueError("expected calibration.%s as an object, got %s" % (name, shown(fields[name])))
    strange = set(fields.get("parts", {})) - set(map(part_of, names))
    if strange:
        parts = ", ".join(sorted(set(map(part_of, names))))
        raise ValueError("expected calibration.parts out of %s, got %s" % (shown(parts), shown(min(strange))))
    curves: Dict[str, Any] = {"parts.%s" % part: knots for part, knots in fields.get("parts", {}).items()}
    curves.update(keypoint=fields["keypoint"], person=fields["person"])
    for name, knots in curves.items():
        _check_curve("calibration." + name, knots)


def _check_curve(name: str, knots: Any) -> None:
    if not isinstance(knots, dict) or set(knots) != {"score", "probability"}:
        raise ValueError("expected %s as an object with score and probability, got %s" % (name, shown(knots)))
    for axis, values in knots.items():
        if not isinstance(values, list) or not 1 <= len(values) <= MOST_KNOTS or not all(map(_is_share, values)):
            text = "expected %s.%s as 1 to %d numbers from 0 to 1, got %s"
            raise ValueError(text % (name, axis, MOST_KNOTS, shown(values)))
    score, probability = knots["score"], knots["probability"]
    if len(score) != len(probability):
        text = "expected %s with as many scores as probabilities, got %d and %d"
        raise ValueError(text % (name, len(score), len(probability)))
    if _smallest_step(score) <= 0 or _smallest_step(probability) < 0:
        raise ValueError(
            "expected %s with rising scores and probabilities that never fall, got %s" % (name, shown(knots))
        )


def _is_share(value: Any) -> bool:
    return is_number(value, 0, 1)


def _smallest_step(values: List[float]) -> float:
    return min((after - before for before, after in zip(values, values[1:])), default=1.0)
