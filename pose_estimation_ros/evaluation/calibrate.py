"""Measure what the scores of a pose model are worth, and keep it in the model's spec as maps to probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.calibration import Curve, part_of
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.fields import PATH, check_fields, optional
from pose_estimation_ros.core.model_spec import ENGINE, POSE_TASKS, WHOLE_FRAME, ModelSpec
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.evaluation.benchmarks import CocoBenchmark, open_benchmark
from pose_estimation_ros.evaluation.curve_fit import fit_curve
from pose_estimation_ros.evaluation.metrics.matches import match, people_of
from pose_estimation_ros.evaluation.metrics.reliability import (
    Scored,
    log_loss,
    mean,
    rounded,
    scored_keypoints,
    scored_people,
)
from pose_estimation_ros.evaluation.protocols import PLAIN
from pose_estimation_ros.evaluation.run_models import NO_BOXES, make_estimator
from pose_estimation_ros.evaluation.spec_figures import change_spec
from pose_estimation_ros.evaluation.splits import HALVES, half_of
from pose_estimation_ros.imaging.video import open_source, warn_of_unreadable
from pose_estimation_ros.inference.backends.base import DEVICES
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.detector import Detector, open_network_detector
from pose_estimation_ros.inference.estimators.estimator import Estimator
from pose_estimation_ros.inference.options import option_rule
from pose_estimation_ros.inference.progress import progress

FEWEST = 30  # people of each half: with fewer the share that is right is known to a tenth at best
FEWEST_OF_PART = 100  # keypoints of a part that has a map of its own
BACKGROUND_SCORE = 0.05  # of the detector on backgrounds: its likeliest mistakes, as surer ones are few
MOST_BACKGROUNDS = 4  # boxes of an image
BACKGROUND_SHARE = 0.15  # of all boxes: what a detector gives that shows nobody


@dataclass(frozen=True)
class ScoreCalibration:
    """Describe the calibration of a model's scores; its fields are checked when it is made.

    Attributes:
        model: name or file of an ONNX pose model with a spec.
        data: annotation file with images/ beside it, or its folder; of people whom the model has not been trained on.
        background: folder of images without people; None for none, then only wrong poses of people count as wrong.
        detector: name or file of the detector that finds boxes in them, for top-down models.
        threads: number of threads of the CPU, 0 = as many as cores.
        device: what runs the networks, see open_backend.

    Raises:
        ConfigError: a field has the wrong type or is out of range.
    """

    model: str | Path
    data: str | Path
    background: str | Path | None = None
    detector: str | Path = "person_detector"
    threads: int = 0
    device: str = DEVICES[0]

    def __post_init__(self) -> None:
        """Check and convert all fields."""
        rules = {"model": PATH, "data": PATH, "background": optional(PATH), "detector": PATH}
        rules.update({name: option_rule(name) for name in ("threads", "device")})
        vars(self).update(check_fields(vars(self), rules))


class Calibrated(NamedTuple):
    """Hold the outcome of calibrate().

    Attributes:
        path: the spec that holds the maps now.
        figures: {"keypoint" or "person": {"raw" or "calibrated": figures of metrics.reliability}}, of people who were
            held out: the map of each half of the images is measured on the other half.
        facts: what the maps were fitted on.
    """

    path: str
    figures: dict[str, dict[str, Any]]
    facts: dict[str, Any]


def calibrate(order: ScoreCalibration) -> Calibrated:
    """Fit the maps of a model on annotated people, and write them into its spec.

    Args:
        order: model and data.

    Raises:
        ConfigError: the model is an engine, or the annotations are MPII's.
        DataError: data or backgrounds cannot be read, have other keypoints, or too few people.
        ModelError: the model cannot be opened, or has no spec.
    """
    model = find_model(str(order.model), device=order.device)
    if model.path.endswith(ENGINE):
        raise ConfigError(f"expected an ONNX model, whose engines get its calibration, got {model.path}")
    backend, spec = open_model(model, POSE_TASKS, order.threads, device=order.device)
    check_background(order, spec)
    with backend:
        estimator = make_estimator(backend, spec._replace(calibration={}), PLAIN)
        keypoints, people = score_annotated(estimator, model, order)
        background = score_backgrounds(estimator, order)
    maps, keypoint_figures = fit_keypoints(keypoints, estimator.skeleton)
    person, person_figures = fit_people(people, background)
    facts: dict[str, Any] = {"data": str(order.data), "people": len(people.score), "keypoints": len(keypoints.score)}
    facts.update(backgrounds=len(background.score))
    fields = {**maps, "person": person, "facts": facts}
    path = change_spec(model, lambda kept: kept._replace(calibration=fields))
    return Calibrated(path, {"keypoint": keypoint_figures, "person": person_figures}, facts)


def check_background(order: ScoreCalibration, spec: ModelSpec) -> None:
    """Check the folder of backgrounds and their detector at once, and not after the run on people.

    Args:
        order: names the folder and the detector.
        spec: that of the model.

    Raises:
        DataError: it is no folder, or has no images.
        ModelError: there is no such detector.
    """
    if order.background is None:
        return
    if not Path(order.background).is_dir():
        raise DataError(f"expected background to be a folder of images, got {order.background}")
    open_source(str(order.background)).close()
    if spec.task not in WHOLE_FRAME:
        find_model(str(order.detector), device=order.device)


def score_annotated(estimator: Estimator, model: ModelFile, order: ScoreCalibration) -> tuple[Scored, Scored]:
    """Run a model on the annotated people.

    Args:
        estimator: the model, with raw scores.
        model: its file, for messages.
        order: names the data.

    Returns:
        The labelled keypoints of people who were found, and all people, with their raw scores.
    """
    benchmark = open_benchmark(order.data, skeletons=[estimator.skeleton])
    if not isinstance(benchmark, CocoBenchmark):
        raise ConfigError(f"expected COCO's or CrowdPose's annotations for a calibration, got {order.data}")
    benchmark.check_model(estimator.spec, model.path, None)
    if benchmark.skeleton.keypoints != estimator.skeleton.keypoints:
        names = ", ".join(benchmark.skeleton.keypoints)
        raise DataError(f"{order.data}: expected the keypoints of {model.path}, got {names}")
    people = people_of(benchmark.truth)
    require_enough(people.image_id, f"{order.data}: expected {FEWEST} people or more in each half of the images")
    _, results = benchmark.run(estimator, None)
    evaluation, matches = match(benchmark.truth, people, results, benchmark.skeleton)
    scored = scored_keypoints(evaluation.cocoDt, people, matches), scored_people(evaluation)
    for kind, each in zip(("labelled keypoints", "people"), scored):
        expected = f"{order.data}: expected {model.path} to find {FEWEST} {kind} or more in each half of the images"
        require_enough(each.image_id[each.score > 0], expected)
    return scored


def require_enough(image_ids: np.ndarray, expected: str) -> None:
    """Check that there are FEWEST people or keypoints in each half of the images.

    Args:
        image_ids: (N,) the image of each.
        expected: beginning of the message.

    Raises:
        DataError: a half has fewer.
    """
    counts = [sum(half_of(image_id) == half for image_id in image_ids.tolist()) for half in HALVES]
    if min(counts) < FEWEST:
        raise DataError(f"{expected}, got {' and '.join(map(str, counts))}")


def score_backgrounds(estimator: Estimator, order: ScoreCalibration) -> Scored:
    """Run a model on images without people, a top-down model in the boxes that a detector finds there.

    Args:
        estimator: the model, with raw scores.
        order: names the folder and the detector.

    Returns:
        The people of these images, none of whom is right; nobody without a folder.
    """
    if order.background is None:
        return _wrong_people([])
    if estimator.spec.task in WHOLE_FRAME:
        return _wrong_people(_background_scores(estimator, str(order.background), None))
    detector = open_network_detector(
        str(order.detector), order.threads, score_threshold=BACKGROUND_SCORE, device=order.device
    )
    with detector.backend:
        return _wrong_people(_background_scores(estimator, str(order.background), detector))


def _background_scores(estimator: Estimator, folder: str, detector: Detector | None) -> Iterator[np.ndarray]:
    with open_source(folder) as source:
        for frame in progress(source, source.length, "backgrounds"):
            boxes = detector(frame.image)[0][:MOST_BACKGROUNDS] if detector else NO_BOXES
            yield estimator(frame.image, boxes).person_score
        warn_of_unreadable(source, warn)


def _wrong_people(scores: Iterator[np.ndarray] | Sequence[np.ndarray]) -> Scored:
    images = [np.zeros(0), *scores]
    score, image_id = np.concatenate(images), np.repeat(np.arange(len(images)), [len(scores) for scores in images])
    found = score > 0
    return Scored(score[found], np.zeros(found.sum(), bool), image_id[found], np.zeros(found.sum(), int))


def weights(people: int, backgrounds: int) -> np.ndarray:
    """Return the weights (people + backgrounds,) by which backgrounds are BACKGROUND_SHARE of all.

    Args:
        people: number of people that the model found among the annotated ones.
        backgrounds: number of those that it found on backgrounds.
    """
    each = BACKGROUND_SHARE / (1 - BACKGROUND_SHARE) * people / max(backgrounds, 1)
    return np.concatenate([np.ones(people), np.full(backgrounds, each)])


def fit_maps(scored: Scored, part: np.ndarray, weight: np.ndarray, by_part: bool) -> dict[str, Curve]:
    """Fit a map to all entries, named "", and one to each part that has FEWEST_OF_PART.

    Args:
        scored: N keypoints or people with raw scores; those of score 0 were not found, and do not count.
        part: (N,) part of each.
        weight: (N,) weights.
        by_part: whether parts get maps of their own.
    """
    found = scored.score > 0
    maps = {"": fit_curve(scored.score[found], scored.right[found], weight[found])}
    for name in np.unique(part) if by_part else ():
        own = found & (part == name)
        if own.sum() >= FEWEST_OF_PART:
            maps[str(name)] = fit_curve(scored.score[own], scored.right[own], weight[own])
    return maps


def held_out(scored: Scored, part: np.ndarray, weight: np.ndarray, by_part: bool) -> np.ndarray:
    """Return probabilities (N,) by maps that were fitted to the other half of the images; see fit_maps."""
    first = np.array([half_of(image_id) == HALVES[0] for image_id in scored.image_id.tolist()], bool)
    probability = np.zeros(len(first), np.float32)
    for half in (first, ~first):
        maps = fit_maps(scored.select(~half), part[~half], weight[~half], by_part)
        for name, curve in maps.items():
            of_map = half & (part == name) if name else half
            probability[of_map] = curve(scored.score[of_map])
    return probability


def fit_keypoints(keypoints: Scored, skeleton: Skeleton) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit the maps of keypoints: one for all, and one for each part where that is better on held-out images.

    Args:
        keypoints: keypoints with raw scores.
        skeleton: their skeleton.

    Returns:
        "keypoint" and perhaps "parts" of the field ``calibration``, and the figures of held-out images.
    """
    part = np.array([part_of(name) for name in skeleton.keypoints])[keypoints.keypoint]
    weight = np.ones(len(part))
    tried = [held_out(keypoints, part, weight, by_part) for by_part in (False, True)]
    losses = [log_loss(probability, keypoints.right) or 0.0 for probability in tried]
    by_part = losses[True] < losses[False]
    curves = fit_maps(keypoints, part, weight, by_part)
    maps: dict[str, Any] = {"keypoint": curves.pop("")._asdict()}
    if curves:
        maps["parts"] = {name: curve._asdict() for name, curve in curves.items()}
    return maps, figures_of(keypoints, tried[by_part])


def fit_people(people: Scored, background: Scored) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit the map of people.

    Args:
        people: those found where people are annotated, with raw scores.
        background: those found where nobody is.

    Returns:
        "person" of the field ``calibration``; and the figures of held-out images, with the mean score of backgrounds.
    """
    everybody = Scored(*(np.concatenate(pair) for pair in zip(people, background)))
    weight, part = weights(len(people.score), len(background.score)), np.full(len(everybody.score), "")
    probability = held_out(everybody, part, weight, False)
    figures = figures_of(people, probability[: len(people.score)])
    if len(background.score):
        figures["raw"]["background"] = rounded(mean(background.score))
        figures["calibrated"]["background"] = rounded(mean(probability[len(people.score) :]))
    return fit_maps(everybody, part, weight, False)[""]._asdict(), figures


def figures_of(scored: Scored, probability: np.ndarray) -> dict[str, Any]:
    """Return the figures of metrics.reliability of raw scores and of the probabilities (N,) in their place."""
    return {"raw": scored.reliability(), "calibrated": scored._replace(score=probability).reliability()}
