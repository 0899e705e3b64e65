"""Judge poses by annotations of any skeleton: choose keypoints by their names, and tell which sigmas OKS has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton
from pose_estimation_ros.datasets.coco_categories import canonical
from pose_estimation_ros.inference.estimators.estimator import Estimator
from pose_estimation_ros.inference.estimators.top_down import person_scores

MOST_SHOWN = 8  # names of keypoints in a message


class ByName(Estimator):
    """Give the people of an estimator the keypoints of another skeleton, chosen by name."""

    def __init__(self, estimator: Estimator, skeleton: Skeleton) -> None:
        """Find the keypoints.

        Args:
            estimator: finds people.
            skeleton: the skeleton that they get; the estimator's has all its keypoints.
        """
        super().__init__(estimator.backend, estimator.spec)
        self._estimator, self._source, self.skeleton = estimator, estimator.skeleton, skeleton

    def __call__(self, frame: np.ndarray, boxes: np.ndarray) -> Poses:
        """Find people; see Estimator. Raw scores of a top-down model's people are those of the chosen keypoints."""
        poses = chosen(self._estimator(frame, boxes), self._source, self.skeleton)
        if self.spec.task != "top_down" or self.spec.calibration:
            return poses
        return poses.replace(person_score=person_scores(poses.score))


def chosen(poses: Poses, source: Skeleton, target: Skeleton) -> Poses:
    """Choose the keypoints of another skeleton by their names.

    Args:
        poses: people with the keypoints of source.
        source: a skeleton that has all keypoints of target.
        target: the skeleton that is wanted.
    """
    if source.keypoints == target.keypoints:
        return poses
    places = places_of(source, target)
    fields = {name: getattr(poses, name)[:, places] for name in ("xy", "score", "velocity")}
    return Poses(**{**poses.fields(), **fields, "skeleton": target})


def places_of(source: Skeleton, target: Skeleton) -> list[int]:
    """Return the place in source of each keypoint of target. Raises KeyError where source does not have one.

    Args:
        source: skeleton of some keypoints.
        target: skeleton of the keypoints that are wanted.
    """
    named = {canonical(name): place for place, name in enumerate(source.keypoints)}
    exact = {name: place for place, name in enumerate(source.keypoints)}
    return [exact[name] if name in exact else named[canonical(name)] for name in target.keypoints]


def missing_keypoints(source: Skeleton, target: Skeleton) -> list[str]:
    """Return the names of the keypoints of target that source does not have.

    Args:
        source: skeleton of a model.
        target: skeleton of annotations.
    """
    known = set(map(canonical, source.keypoints))
    return [name for name in target.keypoints if canonical(name) not in known]


def refuse_missing_keypoints(source: Skeleton, target: Skeleton, model: str, data: object) -> None:
    """Raise DataError where a model does not have all keypoints by which it is to be judged.

    Args:
        source: skeleton of the model.
        target: skeleton of the annotations.
        model: name or file of the model, for the message.
        data: the annotations, for the message.
    """
    missing = missing_keypoints(source, target)
    if missing:
        names = ", ".join(missing[:MOST_SHOWN]) + (", ..." if len(missing) > MOST_SHOWN else "")
        raise DataError(
            f"{data}: expected a model with the skeleton {target.name}, got {model} with {source.name},"
            f" which lacks {len(missing)} of its keypoints: {names}"
        )


def judged_skeleton(annotated: Skeleton, models: Iterable[Skeleton], sigma: float | None = None) -> Skeleton:
    """Complete the skeleton of annotations: links, flip pairs and unknown sigmas are those of a model, if one fits.

    Args:
        annotated: skeleton of the annotations; one of core.skeleton stays as it is.
        models: skeletons of models; the first with the same names counts, in whatever order it has them.
        sigma: OKS sigma of all keypoints, None for those of the skeleton.
    """
    if annotated != SKELETONS.get(annotated.name):
        same = [s for s in (*models, *SKELETONS.values()) if has_same_keypoints(s, annotated)]
        annotated = reordered(same[0], annotated) if same else annotated
    return annotated if sigma is None else annotated._replace(sigmas=(sigma,) * annotated.num_keypoints)


def has_same_keypoints(first: Skeleton, second: Skeleton) -> bool:
    """Tell whether two skeletons have keypoints of the same names, in whatever order.

    Args:
        first: a skeleton.
        second: another skeleton.
    """
    return first.num_keypoints == second.num_keypoints and not missing_keypoints(first, second)


def reordered(skeleton: Skeleton, annotated: Skeleton) -> Skeleton:
    """Return a skeleton with its keypoints in the order of annotations, and with their sigmas where they have some.

    Args:
        skeleton: the skeleton.
        annotated: skeleton of the annotations, with the same names.
    """
    places = places_of(skeleton, annotated)
    new_place = {place: new for new, place in enumerate(places)}
    links, flip_pairs = (
        tuple((new_place[a], new_place[b]) for a, b in pairs) for pairs in (skeleton.links, skeleton.flip_pairs)
    )
    keypoints = tuple(skeleton.keypoints[place] for place in places)
    sigmas = skeleton.sigmas and tuple(skeleton.sigmas[place] for place in places)
    return Skeleton(skeleton.name, keypoints, links, flip_pairs, annotated.sigmas or sigmas)


def known_sigmas(skeleton: Skeleton) -> np.ndarray:
    """Return the sigmas (K,) by which OKS is scaled. Raises ConfigError where they are not known."""
    if skeleton.sigmas is None:
        raise ConfigError(
            f'expected --sigma, such as 0.08, or "sigmas" in the skeleton of the model or in the category of the'
            f" annotations, got none for {skeleton.name}"
        )
    return np.array(skeleton.sigmas)


def sigma_facts(skeleton: Skeleton) -> dict[str, Any]:
    """Return the sigmas that are not the standard ones, for the figures; {} where they are.

    Returns:
        "skeleton", its name; and "sigma", one number for all keypoints, or "sigmas", K numbers.
    """
    known = SKELETONS.get(skeleton.name)
    if known and skeleton.sigmas == known.sigmas or skeleton.sigmas is None:
        return {}
    return {"skeleton": skeleton.name, **sigmas_in_short(skeleton.sigmas)}


def sigmas_in_short(sigmas: Sequence[float]) -> dict[str, Any]:
    """Return {"sigma": number} where all sigmas are the same, else {"sigmas": [K numbers]}."""
    return {"sigma": sigmas[0]} if len(set(sigmas)) == 1 else {"sigmas": list(sigmas)}
