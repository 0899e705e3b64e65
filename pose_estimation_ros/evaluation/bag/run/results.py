"""Make the content of a run's files from its record; docs/reference/reports-and-bags.md has their keys."""

from __future__ import annotations

from typing import Any

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.metrics.keypoints import details
from pose_estimation_ros.evaluation.bag.metrics.person_tracks import tracking
from pose_estimation_ros.evaluation.bag.metrics.steadiness import reference_free
from pose_estimation_ros.evaluation.bag.run.clock import Clock, distribution
from pose_estimation_ros.evaluation.bag.run.output import RESULTS
from pose_estimation_ros.evaluation.bag.run.runner import Record
from pose_estimation_ros.evaluation.skeletons import chosen
from pose_estimation_ros.inference.options import PipelineOptions

SCHEMA = "pose_estimation_ros bag results 1"
MODEL_OPTIONS = ("flip_test", "fallback", "device")  # options that count without a pipeline
STAMP_COUNTS = ("without_stamp", "stamp_repeated", "stamp_out_of_order")


def files_of(
    record: Record,
    skeleton: Skeleton,
    about: dict[str, Any],
    clock: Clock,
    ground_truth: GroundTruth | None,
    pseudo_ground_truth: GroundTruth | None,
) -> dict[str, Any]:
    """Make the content of a run's JSON files.

    Args:
        record: record of the run.
        skeleton: skeleton of the poses.
        about: facts about bag, topic and model before the run.
        clock: how time passed.
        ground_truth: ground truth of the topic.
        pseudo_ground_truth: a stronger model's poses.

    Returns:
        Name -> content.
    """
    results = {
        "schema": SCHEMA,
        **about,
        "backend": record.backend,
        "precision": record.precision,
        "fallback_in_use": record.fault,
        "non_finite": record.non_finite._asdict(),
        "clock": {"realtime": clock.realtime, "latency_ms": clock.latency_ms},
        "skeleton": skeleton.to_json(),
        "partial": bool(record.partial),
        "partial_reason": record.partial,
        **summary(record),
        "reference_free": reference_free(record.poses, skeleton),
    }
    files = {"keypoints.json": keypoints(record), "frames.json": frames(record), "timings.json": timings(record)}
    for name, truth in (("truth", ground_truth), ("pseudo_truth", pseudo_ground_truth)):
        if truth:
            files[f"{name}_results.json"], results[name] = judged(record, truth, skeleton)
            files[f"{name}_annotations.json"] = truth.content
    return {**files, RESULTS: results}


def about_model(options: PipelineOptions, sha256: str, boxes: str) -> dict[str, Any]:
    """Describe the model of a run and how it is used, as in results.json.

    Args:
        options: options of the pipeline, with the model.
        sha256: hash of the model's file, or of the file that is used in its place; "" where there is none.
        boxes: "detector" or "ground-truth"; with the latter only the options of the model alone count.
    """
    fields = {name: value for name, value in options._asdict().items() if name not in ("model", "threads")}
    used = fields if boxes == "detector" else {name: fields[name] for name in MODEL_OPTIONS}
    return {"model": options.model, "model_sha256": sha256, "boxes": boxes, "options": used}


def summary(record: Record) -> dict[str, Any]:
    """Count frames and people, and summarise the ages of the answers."""
    answered, unusable = len(record.answers), sum(record.unusable.values())
    counts = {
        "in_bag": record.counts["in_bag"],
        "read": record.counts["read"],
        "answered": answered,
        "unusable": dict(sorted(record.unusable.items())),
        "sizes": dict(sorted(record.sizes.items())),
        **{name: record.counts[name] for name in STAMP_COUNTS},
    }
    if record.age_ms:
        counts["dropped"] = record.counts["read"] - answered - unusable
    people = {
        "found": sum(poses.count for poses in record.poses),
        "frames_with_nobody": sum(poses.count == 0 for poses in record.poses),
    }
    ages = {"age_ms": distribution(record.age_ms)} if record.age_ms else {}
    return {"frames": counts, **ages, "people": people}


def judged(record: Record, truth: GroundTruth, skeleton: Skeleton) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Judge the poses of a run; where frames have the same stamp, the first one counts.

    Args:
        record: record of the run.
        truth: the ground truth, or pseudo ground truth.
        skeleton: skeleton of the poses, with all keypoints of the truth.

    Returns:
        COCO results with the image ids of the ground truth, and the figures.
    """
    results: list[dict[str, Any]] = []
    seen: set[int] = set()
    for frame, poses in zip(record.frames, record.poses):
        image_id = truth.image_id.get(frame.stamp_ns)
        if image_id is not None and image_id not in seen:
            seen.add(image_id)
            results += chosen(poses, skeleton, truth.skeleton).to_coco(image_id)
    overflow = record.non_finite.values > 0
    figures = {**truth.judge(results, seen, overflow), **details(truth.index(seen), results)}
    return results, {**figures, "tracking": tracking(truth, results, seen)}


def keypoints(record: Record) -> list[dict[str, Any]]:
    """Make COCO results as `pose predict` writes them; image_id is the frame's place in the topic."""
    return [r for frame, poses in zip(record.frames, record.poses) for r in poses.to_coco(frame.index)]


def frames(record: Record) -> list[dict[str, Any]]:
    """List the answered frames with stamps, number of people and, in realtime, age."""
    entries = [
        {"image_id": f.index, "stamp_ns": f.stamp_ns, "recorded_ns": f.recorded_ns, "people": poses.count}
        for f, poses in zip(record.frames, record.poses)
    ]
    return [{**e, "age_ms": age} for e, age in zip(entries, record.age_ms)] if record.age_ms else entries


def timings(record: Record) -> dict[str, Any]:
    """Return seconds and frames per second by stage, and the networks' ms of each frame; no two runs have the same."""
    answered = len(record.answers)
    stages = {"read": record.counts["read"], **dict.fromkeys(("decode", "estimate", "write", "all"), answered)}
    rates = {stage: n / record.seconds[stage] for stage, n in stages.items() if record.seconds[stage] > 0}
    estimate_ms = [round(answer.estimate_ms, 3) for answer in record.answers]
    return {"seconds": dict(record.seconds), "frames_per_s": rates, "estimate_ms": estimate_ms}
