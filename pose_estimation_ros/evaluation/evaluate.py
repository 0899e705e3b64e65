"""Accuracy of a model, or of a file of predictions, on annotated images.

--data is an annotation file with images/ beside it, or a folder with images/ and person_keypoints.json. What the file
holds decides how it is judged:
  COCO       AP, AP50, AP75, APM, APL, AR by pycocotools
  CrowdPose  AP, AP50, AP75, AR, and AP of the easy, medium and hard images (those with a crowdIndex are CrowdPose's)
  MPII       PCKh@0.5 and @0.1 by joint group and their mean: HRNet's JSON list or the stacked hourglass's .h5
A top-down model runs on ground-truth boxes or those of a detections file. A person detector gets its recall at 0.2 and
1 false positives per image. --predictions is a JSON list in COCO's results format; for MPII also an .h5 with "preds"
(N, 16, 2), pixels counted from 1; in the JSON image_id is then the person's place in the annotation file, from 0.
-1 stands for a figure for which there is nobody in the annotations. Figures are printed and written as JSON.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from tqdm import tqdm

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.files import write_json
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec, file_sha256, load_model_spec, spec_path
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation import coco, crowdpose, detection, mpii
from pose_estimation_ros.evaluation.coco_json import annotation_file, read_detections, read_json, refuse_missing_images
from pose_estimation_ros.evaluation.predictions import one_each, read_mpii, read_results
from pose_estimation_ros.inference.backend import model_path, open_model
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.detector import open_detector
from pose_estimation_ros.inference.estimator import TopDown
from pose_estimation_ros.inference.predict import coco_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    judged = parser.add_mutually_exclusive_group(required=True)
    judged.add_argument("--model", help="ONNX file or name of a model in models/; a YOLOX or NanoDet-m file, too")
    judged.add_argument("--predictions", metavar="FILE", help="keypoints found by any program, see above")
    parser.add_argument("--data", required=True, help="annotation file, or folder with person_keypoints.json")
    parser.add_argument("--flip", action="store_true", help="flip test: mean of the crop and its mirror image")
    parser.add_argument("--boxes", help="person boxes in COCO's detections format (default: ground-truth boxes)")
    parser.add_argument("--out", default="out/evaluation", help="folder for the JSON files (default: %(default)s)")
    parser.add_argument("--save", metavar="NAME", help="also keep the figures in the model's spec, as accuracy.NAME")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 = as many as cores")


def main(args: argparse.Namespace) -> int:
    return main_of_predictions(args) if args.predictions else main_of_model(args)


def main_of_model(args: argparse.Namespace) -> int:
    path = Path(model_path(args.model))
    run = evaluate_detector if is_detector(str(path)) else evaluate_pose
    figures, results = run(path, args)
    write_json(Path(args.out, f"{path.stem}_results.json"), results, indent=1)
    if args.save:
        save_accuracy(path, args.save, figures)
    return report(Path(args.out, f"{path.stem}.json"), "model", path, args.data, figures)


def main_of_predictions(args: argparse.Namespace) -> int:
    of_models = [f"--{name}" for name in ("flip", "boxes", "save") if getattr(args, name)]
    if of_models:
        raise ConfigError(f"expected {', '.join(of_models)} with --model alone, got --predictions {args.predictions}")
    path = Path(args.predictions)
    figures = accuracy_of_predictions(path, args.data)
    return report(Path(args.out, f"{path.stem}_accuracy.json"), "predictions", path, args.data, figures)


def report(target: Path, kind: str, path: Path, data: str, figures: dict[str, Any]) -> int:
    """Writes and prints the figures of a file."""
    write_json(target, {kind: path.name, "sha256": file_sha256(str(path)), "data": str(data), **figures}, indent=1)
    print("  ".join(f"{name} {value}" for name, value in figures.items() if type(value) in (int, float)))
    print(f"wrote {target}")
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


def ground_truth(data: str | Path) -> tuple[ModuleType, COCO | mpii.Persons]:
    """The module that judges by these annotations, told from the file's content, and what it read. Raises DataError."""
    path = annotation_file(data)
    content = None if path.suffix == ".h5" else read_json(path)
    of_persons = coco if isinstance(content, dict) else mpii
    judge = crowdpose if crowdpose.is_crowdpose(content) else of_persons
    return judge, judge.load_ground_truth(path, content)


def accuracy_of_predictions(path: str | Path, data: str | Path) -> dict[str, Any]:
    """Figures of a predictions file. Raises DataError, see evaluation.predictions."""
    judge, truth = ground_truth(data)
    if isinstance(truth, mpii.Persons):
        xy = read_mpii(path, len(truth.file_name))
        return {"persons": len(xy), **rounded(mpii.pckh_figures(xy, truth))}
    results = read_results(path, truth.imgs, get_skeleton(judge.SKELETON))
    asked = {a["image_id"] for a in truth.anns.values() if coco.is_counted(a)}
    without = len(asked - {result["image_id"] for result in results})
    images = {"images": len(truth.imgs), "predictions_in_file": len(results), "images_without_predictions": without}
    return {**images, **rounded(judge.keypoint_ap(truth, results))}


def accuracy_of_pose_model(
    path: str | Path, data: str | Path, boxes_file: str | None = None, flip: bool = False, threads: int = 0
) -> tuple[dict[str, Any], list]:
    """Figures of a model on annotated images, and the results they are of, which accuracy_of_predictions takes."""
    judge, truth = ground_truth(data)
    folder = annotation_file(data).parent
    backend, spec = open_model(str(path), POSE_TASKS, threads)
    with backend:
        check_fit(spec, judge, str(path), data, boxes_file)
        if isinstance(truth, mpii.Persons):
            protocol, results = run_on_mpii(TopDown(backend, spec, flip_test=flip), truth, folder)
            figures = mpii.pckh_figures(one_each(results, path, len(truth.file_name)), truth)
        else:
            estimator = (
                BottomUp(backend, spec, flip) if spec.task == "bottom_up" else TopDown(backend, spec, flip_test=flip)
            )
            protocol, results = run_on_images(estimator, truth, folder, boxes_file)
            figures = judge.keypoint_ap(truth, results)
    return {**protocol, "flip": flip, **rounded(figures)}, results


def check_fit(spec: ModelSpec, judge: ModuleType, model: str, data: str | Path, boxes_file: str | None) -> None:
    """Raises DataError where model, annotations and boxes do not belong together."""
    if spec.skeleton != judge.SKELETON:
        raise DataError(
            f"{data}: expected a model with the skeleton {judge.SKELETON}, got {model} with {spec.skeleton}"
        )
    if boxes_file and spec.task == "bottom_up":
        raise DataError(
            f"{model} is a bottom-up model, which finds people by itself: expected no boxes, got {boxes_file}"
        )
    if judge is mpii and (boxes_file or spec.task == "bottom_up"):
        raise DataError(f"MPII is judged on its own boxes: expected a top-down model and no --boxes, got {model}")


def run_on_images(
    estimator: TopDown | BottomUp, truth: COCO, folder: Path, boxes_file: str | None
) -> tuple[dict[str, Any], list]:
    """Protocol and COCO results of a model on the images of COCO's or CrowdPose's annotations."""
    refuse_missing_images(folder / "images", [image["file_name"] for image in truth.imgs.values()])
    if isinstance(estimator, BottomUp):
        predicted, source = coco.predict_bottom_up(estimator, truth, folder), "none (bottom-up)"
    else:
        boxes = read_detections(boxes_file, truth.imgs) if boxes_file else coco.ground_truth_boxes(truth)
        predicted, source = coco.predict(estimator, truth, folder, boxes), boxes_file or "ground truth"
    shown = tqdm(predicted, "images", total=len(truth.imgs), leave=False)
    results = [result for image_id, poses in shown for result in coco_results(poses, image_id)]
    return {"boxes": source, "images": len(truth.imgs)}, results


def run_on_mpii(estimator: TopDown, truth: mpii.Persons, folder: Path) -> tuple[dict[str, Any], list]:
    """Protocol and results of a model on MPII's boxes; image_id is the person's place in the annotations."""
    refuse_missing_images(folder / "images", truth.file_name)
    places: dict[str, list[int]] = {}
    for place, name in enumerate(truth.file_name):
        places.setdefault(name, []).append(place)
    results = []
    for name, own in tqdm(places.items(), "images", leave=False):
        poses = estimator(coco.read_image(folder / "images" / name), truth.box_xyxy[own])
        results += [
            result for i, place in enumerate(own) for result in coco_results(poses.select(np.array([i])), place)
        ]
    return {"boxes": "ground truth", "persons": len(results)}, results


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in figures.items()}


def evaluate_detector(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    file = annotation_file(args.data)
    truths = detection.load_truth(file)
    refuse_missing_images(file.parent / "images", [truth.file_name for truth in truths])
    detector = open_detector(str(path), args.threads, score_threshold=0.01)
    found = detection.detect_folder(detector, file.parent / "images", tqdm(truths, "images", leave=False))
    figures = detection.summary(detection.curve(detection.judge(found, truths)))
    results = [
        {"file_name": truth.file_name, "box_xyxy": box.round(2).tolist(), "score": round(float(score), 4)}
        for truth, (boxes, scores) in zip(truths, found)
        for box, score in zip(boxes, scores)
    ]
    return {"images": len(truths), **figures}, results
