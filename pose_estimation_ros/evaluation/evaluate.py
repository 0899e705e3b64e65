"""Accuracy of a model on a folder with images/ and person_keypoints.json.

A pose model gets COCO's AP, AP50, AP75, APM, APL, AR on ground-truth boxes or those of a detections file; a person
detector gets its recall at 0.2 and 1 false positives per image. Figures are printed and written as JSON.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.files import write_json
from pose_estimation_ros.core.model_spec import POSE_TASKS, file_sha256, load_model_spec, spec_path
from pose_estimation_ros.evaluation import coco, detection
from pose_estimation_ros.evaluation.coco_json import read_detections
from pose_estimation_ros.inference.backend import model_path, open_model
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.inference.estimator import TopDown
from pose_estimation_ros.inference.predict import coco_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, help="ONNX file or name of a model in models/; a YOLOX or NanoDet-m file, too"
    )
    parser.add_argument("--data", required=True, help="folder with images/ and person_keypoints.json")
    parser.add_argument("--flip", action="store_true", help="flip test: mean of the crop and its mirror image")
    parser.add_argument("--boxes", help="person boxes in COCO's detections format (default: ground-truth boxes)")
    parser.add_argument("--out", default="out/evaluation", help="folder for the JSON files (default: %(default)s)")
    parser.add_argument("--save", metavar="NAME", help="also keep the figures in the model's spec, as accuracy.NAME")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 = as many as cores")


def main(args: argparse.Namespace) -> int:
    path = Path(model_path(args.model))
    run = evaluate_detector if is_detector(str(path)) else evaluate_pose
    figures, results = run(path, args)
    report = {"model": path.name, "sha256": file_sha256(str(path)), "data": str(args.data), **figures}
    for name, content in ((f"{path.stem}.json", report), (f"{path.stem}_results.json", results)):
        write_json(Path(args.out, name), content, indent=1)
    if args.save:
        save_accuracy(path, args.save, figures)
    print("  ".join(f"{name} {value}" for name, value in report.items() if isinstance(value, float)))
    print(f"wrote {Path(args.out, path.stem)}.json and {path.stem}_results.json")
    return 0


def save_accuracy(path: Path, name: str, figures: dict[str, Any]) -> None:
    """Keeps the figures in the model's spec, under accuracy[name]."""
    spec = load_model_spec(str(path))
    accuracy = {**spec.accuracy, name: figures}
    write_json(spec_path(str(path)), spec._replace(accuracy=accuracy).to_json(), indent=1)


def is_detector(path: str) -> bool:
    """By the spec; a file without one can only be a detector of another family (inference.detector)."""
    return not os.path.isfile(spec_path(path)) or load_model_spec(path).task == "person_detector"


def evaluate_pose(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    return accuracy_of_pose_model(path, args.data, args.boxes, args.flip, args.threads)


def accuracy_of_pose_model(
    path: str | Path, data: str | Path, boxes_file: str | None = None, flip: bool = False, threads: int = 0
) -> tuple[dict[str, Any], list]:
    """COCO's figures of a model on a folder with images/ and person_keypoints.json, and the results they are of."""
    truth = coco.load_ground_truth(data)
    backend, spec = open_model(str(path), POSE_TASKS, threads)
    if spec.skeleton != "coco17":
        raise DataError(f"expected a model with the skeleton coco17 for COCO's AP, got {spec.skeleton}")
    if boxes_file and spec.task == "bottom_up":
        raise DataError(
            f"{path} is a bottom-up model, which finds people by itself: expected no boxes, got {boxes_file}"
        )
    with backend:
        if spec.task == "bottom_up":
            predicted, source = coco.predict_bottom_up(BottomUp(backend, spec, flip), truth, data), "none (bottom-up)"
        else:
            boxes = read_detections(boxes_file, truth.imgs) if boxes_file else coco.ground_truth_boxes(truth)
            predicted, source = coco.predict(TopDown(backend, spec, flip_test=flip), truth, data, boxes), boxes_file
        shown = tqdm(predicted, "images", total=len(truth.imgs), leave=False)
        results = [result for image_id, poses in shown for result in coco_results(poses, image_id)]
    protocol = {"boxes": source or "ground truth", "flip": flip, "images": len(truth.imgs)}
    return {**protocol, **coco.keypoint_ap(truth, results)}, results


def evaluate_detector(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    truths = detection.load_truth(Path(args.data, coco.ANNOTATIONS))
    detector = open_detector(str(path), args.threads, score_threshold=0.01)
    found = detection.detect_folder(detector, Path(args.data, "images"), tqdm(truths, "images", leave=False))
    figures = detection.summary(detection.curve(detection.judge(found, truths)))
    results = [
        {"file_name": truth.file_name, "box_xyxy": box.round(2).tolist(), "score": round(float(score), 4)}
        for truth, (boxes, scores) in zip(truths, found)
        for box, score in zip(boxes, scores)
    ]
    return {"images": len(truths), **figures}, results
