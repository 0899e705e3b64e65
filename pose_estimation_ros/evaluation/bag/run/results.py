"""From the record of a run to the content of its files; their schema is in docs/bags.md."""

from __future__ import annotations

from typing import Any

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.bag.metrics.keypoints import details
from pose_estimation_ros.evaluation.bag.metrics.steadiness import reference_free
from pose_estimation_ros.evaluation.bag.metrics.true_tracks import tracking
from pose_estimation_ros.evaluation.bag.metrics.truth import Truth
from pose_estimation_ros.evaluation.bag.run.clock import Clock, distribution
from pose_estimation_ros.evaluation.bag.run.fingerprint import model_sha256
from pose_estimation_ros.evaluation.bag.run.output import RESULTS
from pose_estimation_ros.evaluation.bag.run.runner import Record
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.predict import coco_results

SCHEMA = "pose_estimation_ros bag results 1"
OF_THE_MODEL = ("flip_test", "fallback", "cpu_engine")  # options that count without a pipeline
STAMP_COUNTS = ("without_stamp", "stamp_repeated", "stamp_out_of_order")


def files_of(
    record: Record,
    skeleton: Skeleton,
    told: dict[str, Any],
    clock: Clock,
    truth: Truth | None,
    pseudo_truth: Truth | None,
) -> dict[str, Any]:
    """Name -> content of the JSON files. told: what is known of bag, topic and model before the run."""
    results = {
        "schema": SCHEMA,
        **told,
        "clock": {"realtime": clock.realtime, "latency_ms": clock.latency_ms},
        "skeleton": skeleton.name,
        "partial": bool(record.partial),
        "partial_reason": record.partial,
        **summary(record),
        "reference_free": reference_free(record.poses, skeleton),
    }
    files = {"keypoints.json": keypoints(record), "frames.json": frames(record), "timings.json": timings(record)}
    for name, own in (("truth", truth), ("pseudo_truth", pseudo_truth)):
        if own:
            files[f"{name}_results.json"], results[name] = judged(record, own)
            files[f"{name}_annotations.json"] = own.content
    return {**files, RESULTS: results}


def about_model(options: PipelineOptions, boxes: str) -> dict[str, Any]:
    """The model with the hash of its file, or of the one that serves in its place, and what the pipeline was told."""
    of_pipeline = {name: value for name, value in options._asdict().items() if name not in ("model", "threads")}
    own = of_pipeline if boxes == "detector" else {name: of_pipeline[name] for name in OF_THE_MODEL}
    return {
        "model": options.model,
        "model_sha256": next(iter(model_sha256(options.model)), ""),
        "boxes": boxes,
        "options": own,
    }


def summary(record: Record) -> dict[str, Any]:
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


def judged(record: Record, truth: Truth) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """COCO results with the truth's image ids, and figures. Of frames with one stamp the first counts."""
    results: list[dict[str, Any]] = []
    seen: set[int] = set()
    for frame, poses in zip(record.frames, record.poses):
        image_id = truth.image_id.get(frame.stamp_ns)
        if image_id is not None and image_id not in seen:
            seen.add(image_id)
            results += coco_results(poses, image_id)
    figures = {**truth.judge(results, seen), **details(truth.index(seen), results)}
    return results, {**figures, "tracking": tracking(truth, results, seen)}


def keypoints(record: Record) -> list[dict[str, Any]]:
    """As `pose predict` writes them; image_id is the frame's place in the topic."""
    return [r for frame, poses in zip(record.frames, record.poses) for r in coco_results(poses, frame.index)]


def frames(record: Record) -> list[dict[str, Any]]:
    entries = [
        {"image_id": f.index, "stamp_ns": f.stamp_ns, "recorded_ns": f.recorded_ns, "people": poses.count}
        for f, poses in zip(record.frames, record.poses)
    ]
    return [{**e, "age_ms": age} for e, age in zip(entries, record.age_ms)] if record.age_ms else entries


def timings(record: Record) -> dict[str, Any]:
    """Seconds and frames per second by stage, and the network's ms of each frame: never twice the same."""
    worked = len(record.answers)
    stages = {"read": record.counts["read"], **dict.fromkeys(("decode", "estimate", "write", "all"), worked)}
    rates = {stage: n / record.seconds[stage] for stage, n in stages.items() if record.seconds[stage] > 0}
    estimate_ms = [round(answer.estimate_ms, 3) for answer in record.answers]
    return {"seconds": dict(record.seconds), "frames_per_s": rates, "estimate_ms": estimate_ms}
