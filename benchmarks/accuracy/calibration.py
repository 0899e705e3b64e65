#!/usr/bin/env python3
"""Measure what the scores of a pose model are worth from end to end, and count people where there are none.

Usage, in the repository's root: ``PYTHONPATH=. python benchmarks/accuracy/calibration.py [MODEL ...]`` (`make
bench-scores`). The pipeline runs with its own detector over ../shared/data/coco_val, on which no map was fitted, and
over the photographs of ../shared/data/boxes that show nobody. Two tables:

  how well scores are calibrated: expected calibration error and log loss of keypoints and people, raw and calibrated
  who is drawn: the share of the annotated people who are found with an OKS of 0.5 ("recall"), people who are none on
  coco_val, and people per photograph that shows nobody, by the person threshold; the last row of each model has the
  recall of the raw scores at their usual threshold
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.calibration import make_calibration
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.datasets.coco_index import load_ground_truth
from pose_estimation_ros.evaluation.metrics.matches import match, people_of
from pose_estimation_ros.evaluation.metrics.reliability import Scored, scored_keypoints, scored_people
from pose_estimation_ros.evaluation.run_models import annotated_image
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import DEFAULTS, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.training.data.images import ImageStore

DATA = Path("../shared/data")
RAW_THRESHOLD = 0.25  # usual person threshold of raw scores
SWEPT = (0.1, 0.2, 0.3, 0.4, 0.5)


class Found(NamedTuple):
    """Hold what a pipeline without thresholds finds: by image id of coco_val, and in each image that shows nobody."""

    annotated: dict[int, Poses]
    nobody: list[Poses]


def find_people(model: ModelFile, truth: COCO) -> Found:
    """Run the pipeline of a model, without thresholds and with raw scores, over all images."""
    options = PipelineOptions(tracking=False, detect_every_s=0.0, score_threshold=0.0, person_threshold=0.0, threads=1)
    assert model.spec is not None
    raw = model._replace(spec=model.spec._replace(calibration={}))
    with build_pipeline(options, model=raw) as pipeline:
        annotated = {i: still(pipeline, annotated_image(truth, DATA / "coco_val", i)) for i in truth.getImgIds()}
        return Found(annotated, [still(pipeline, image) for image in nobodys_images()])


def still(pipeline: Pipeline, image: np.ndarray) -> Poses:
    """Find the people of a single picture."""
    pipeline.reset()
    return pipeline(image, 0.0)


def nobodys_images() -> list[np.ndarray]:
    """Read the photographs that show nobody."""
    images = []
    for half in ("train", "holdout"):
        content = json.loads((DATA / "boxes" / f"person_boxes_{half}.json").read_text())
        store = ImageStore(DATA / "boxes" / f"images_{half}.tar")
        shown = {annotation["image_id"] for annotation in content["annotations"]}
        images += [store.read(image["file_name"]) for image in content["images"] if image["id"] not in shown]
    return images


def with_scores(found: Found, fields: dict[str, object], names: tuple[str, ...]) -> Found:
    """Return the same people with calibrated scores.

    Args:
        found: people with raw scores.
        fields: the field ``calibration`` of the model's spec.
        names: names of its keypoints.
    """
    maps = make_calibration(fields, names)

    def calibrated(poses: Poses) -> Poses:
        score = maps.keypoint_probability(poses.score)
        return poses.replace(score=score, person_score=maps.person(poses.person_score))

    annotated = {image_id: calibrated(poses) for image_id, poses in found.annotated.items()}
    return Found(annotated, [calibrated(poses) for poses in found.nobody])


def judge(found: Found, truth: COCO) -> tuple[Scored, Scored]:
    """Return the keypoints and people of coco_val, scored and judged."""
    results = [result for image_id, poses in found.annotated.items() for result in poses.to_coco(image_id)]
    people = people_of(truth)
    evaluation, matches = match(truth, people, results, truth.dataset["person_skeleton"])
    return scored_keypoints(evaluation.cocoDt, people, matches), scored_people(evaluation)


def drawn(found: Found, people: Scored, threshold: float, truth: COCO) -> tuple[float, int, float]:
    """Return recall, the number of false people on coco_val, and people per image of nobody, from a threshold on."""
    shown = people.score >= threshold
    recall = (people.right & shown).sum() / len(people_of(truth).area)
    per_image = sum(int((poses.person_score >= threshold).sum()) for poses in found.nobody) / len(found.nobody)
    return float(recall), int((shown & ~people.right).sum()), per_image


def report(model: str, truth: COCO) -> None:
    """Measure a model, and print its rows."""
    file = find_model(model)
    spec, raw = file.spec, find_people(file, truth)
    assert spec is not None
    cases = {"raw": raw}
    if spec.calibration:
        cases["calibrated"] = with_scores(raw, spec.calibration, spec.require_skeleton().keypoints)
    judged = {name: judge(found, truth) for name, found in cases.items()}
    print(f"\n{spec.name}\n{'':12}{'':10}{'count':>7}{'ECE':>8}{'log loss':>10}")
    for name, kinds in judged.items():
        for kind, scored in zip(("keypoint", "person"), kinds, strict=True):
            figures = scored.reliability()
            print(f"{name:12}{kind:10}{figures['count']:7}{figures['ECE']:8}{figures['log_loss']:10}")
    print(f"{'':12}{'threshold':>10}{'recall':>9}{'false':>7}{'per image of nobody':>21}")
    rows = [("raw", RAW_THRESHOLD)]
    if spec.calibration:
        recall = drawn(raw, judged["raw"][1], RAW_THRESHOLD, truth)[0]
        people = judged["calibrated"][1]
        right = np.sort(people.score[people.right])[::-1]
        same = float(right[round(recall * len(people_of(truth).area)) - 1])
        rows += [("calibrated", threshold) for threshold in (*sorted({*SWEPT, DEFAULTS.person_threshold}), same)]
    for name, threshold in rows:
        recall, false, per_image = drawn(cases[name], judged[name][1], threshold, truth)
        print(f"{name:12}{threshold:10.3f}{recall:9.3f}{false:7}{per_image:21.3f}")


def main() -> None:
    """Print the tables of the models."""
    truth = load_ground_truth(DATA / "coco_val")
    for model in sys.argv[1:] or ["models/lite0_fpn_coco.onnx", "models/elpn_v1_coco.onnx"]:
        report(model, truth)


if __name__ == "__main__":
    try:
        main()
    except PoseError as error:
        sys.exit(f"error: {error}")
