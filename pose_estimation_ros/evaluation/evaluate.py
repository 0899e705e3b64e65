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
Of several models or files, in any mixture, there is a JSON for each and a table of all; the first is the one that the
report compares the others with.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Sequence

from pose_estimation_ros.core.arguments import whole
from pose_estimation_ros.core.atomic_files import file_sha256, write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import load_model_spec, spec_path
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.accuracy import (
    accuracy_of_detector,
    accuracy_of_pose_model,
    accuracy_of_predictions,
    ground_truth,
)
from pose_estimation_ros.evaluation.exported import exported
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS
from pose_estimation_ros.evaluation.metrics.groups import of_boxes, of_poses
from pose_estimation_ros.evaluation.protocols import PROTOCOLS, chosen
from pose_estimation_ros.evaluation.report.summary import Source
from pose_estimation_ros.evaluation.report.write import write_report
from pose_estimation_ros.evaluation.splits import HALVES
from pose_estimation_ros.inference.backends.base import CPU_ENGINES
from pose_estimation_ros.inference.backends.find import find_model, find_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    model_help = "ONNX file, engine, checkpoint or name of a model in models/; a YOLOX or NanoDet-m file, too"
    parser.add_argument("--model", nargs="+", default=[], help=model_help)
    predictions_help = "keypoints found by any program, see above"
    parser.add_argument("--predictions", nargs="+", default=[], metavar="FILE", help=predictions_help)
    parser.add_argument("--data", required=True, help="annotation file, or folder with person_keypoints.json")
    add_protocol_arguments(parser)
    half_help = "only the images of this half: choose by one, report the other, see docs/evaluation.md"
    parser.add_argument("--half", choices=HALVES, help=half_help)
    groups_help = "also by size, visibility and crowding of people, and the kinds of errors, into the JSON files"
    parser.add_argument("--groups", action="store_true", help=groups_help)
    parser.add_argument("--out", default="out/evaluation", help="folder for the JSON files (default: %(default)s)")
    parser.add_argument("--report", metavar="DIR", help="also write DIR/report.html: curves, kinds of errors, images")
    parser.add_argument(
        "--draws", type=whole(1, 10**6), default=DRAWS, help="of the report's bootstrap (default: %(default)s)"
    )
    parser.add_argument("--save", metavar="NAME", help="also keep the figures in the model's spec, as accuracy.NAME")
    parser.add_argument("--threads", type=whole(0, 256), default=0, help="CPU threads, 0 = as many as cores")
    add_engine_argument(parser)


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    engine_help = "what runs ONNX models (default: %(default)s)"
    parser.add_argument("--cpu-engine", choices=CPU_ENGINES, default=CPU_ENGINES[0], help=engine_help)


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    about = "; ".join(f"{protocol.name}: {protocol.about}" for protocol in PROTOCOLS.values())
    parser.add_argument("--protocol", choices=PROTOCOLS, help=f"how to test (default: plain). {about}")
    flip_help = "flip test: mean of the image and its mirror image (default: the protocol's)"
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, help=flip_help)
    parser.add_argument("--boxes", help="person boxes in COCO's detections format (default: ground-truth boxes)")


def main(args: argparse.Namespace) -> int:
    check(args)
    models = [network_file(args, model) for model in args.model]
    if args.report and any(is_detector(str(path)) for path in models):
        raise ConfigError(f"expected --report with pose models alone, got a detector among {', '.join(args.model)}")
    files = [Path(file) for file in args.predictions]
    names = distinct_names([*models, *files])
    sources = [evaluate_model(path, name, args) for path, name in zip(models, names)]
    sources += [evaluate_predictions(path, name, args) for path, name in zip(files, names[len(models) :])]
    if len(sources) > 1:
        print_table(sources)
    if args.report:
        print(f"wrote {write_report(args.report, args.data, *ground_truth(args.data, args.half), sources, args.draws)}")
    return 0


def check(args: argparse.Namespace) -> None:
    """Raises ConfigError where options do not go together."""
    if not args.model and not args.predictions:
        raise ConfigError("expected --model or --predictions, got neither")
    of_models = [f"--{name}" for name in ("protocol", "flip", "boxes", "save") if getattr(args, name) is not None]
    if of_models and not args.model:
        files = " ".join(args.predictions)
        raise ConfigError(f"expected {', '.join(of_models)} with --model alone, got --predictions {files}")


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """What each file is called in tables and in the names of what is written: its stem, after its folder's where
    another file has the same stem. Raises ConfigError where that is the same, too."""
    stems = [path.stem for path in paths]
    names = [s if stems.count(s) == 1 else f"{p.absolute().parent.name}_{s}" for p, s in zip(paths, stems)]
    for path, name in zip(paths, names):
        if names.count(name) > 1:
            raise ConfigError(f"expected files of different names, got {names.count(name)} like {path}")
    return names


def evaluate_model(path: Path, name: str, args: argparse.Namespace) -> Source:
    refuse_spec(path, Path(args.out, f"{name}.json"))
    run = evaluate_detector if is_detector(str(path)) else evaluate_pose
    figures, results = run(path, args)
    write_json(Path(args.out, f"{name}_results.json"), results, indent=1)
    grouped = by_group(args, figures, results)
    if args.save:
        save_accuracy(path, args.save, {**figures, **grouped})
    publish(Path(args.out, f"{name}.json"), "model", path, args.data, {**figures, **grouped})
    spec = find_model(str(path)).spec
    return Source(name, "model", path, figures, results, spec.training if spec else {})


def refuse_spec(path: Path, target: Path) -> None:
    """Raises ConfigError where figures would be written over the model's spec."""
    if target.resolve() == Path(spec_path(str(path))).resolve():
        raise ConfigError(f"expected --out other than the model's folder, where {target} is its spec")


def evaluate_predictions(path: Path, name: str, args: argparse.Namespace) -> Source:
    figures, results = accuracy_of_predictions(path, args.data, args.half)
    all_figures = {**figures, **by_group(args, figures, results)}
    publish(Path(args.out, f"{name}_accuracy.json"), "predictions", path, args.data, all_figures)
    return Source(name, "predictions", path, figures, results, {})


def by_group(args: argparse.Namespace, figures: dict[str, Any], results: Any) -> dict[str, Any]:
    """What --groups adds to the figures of results; of a detector at 1 false positive per image."""
    if not args.groups:
        return {}
    judge, truth = ground_truth(args.data, args.half)
    if judge is mpii:
        raise ConfigError(f"expected --groups with COCO's or CrowdPose's annotations, got {args.data}")
    score = figures.get("score_at_1_fp")
    return of_poses(judge, truth, results) if score is None else of_boxes(truth, results, score)


def publish(target: Path, kind: str, path: Path, data: str, figures: dict[str, Any]) -> None:
    """Writes and prints the figures of a file."""
    write_json(target, {kind: path.name, "sha256": file_sha256(str(path)), "data": str(data), **figures}, indent=1)
    print("  ".join(f"{name} {value}" for name, value in figures.items() if type(value) in (int, float)))
    print(f"wrote {target}")


def print_table(sources: Sequence[Source]) -> None:
    """The figures of all sources, a column each."""
    columns = list(dict.fromkeys(k for s in sources for k, v in s.figures.items() if type(v) in (int, float)))
    first = max(map(len, columns))
    print(" " * first, *(source.name for source in sources), sep="  ")
    for column in columns:
        cells = [f"{source.figures.get(column, '-')!s:>{len(source.name)}}" for source in sources]
        print(column.ljust(first), *cells, sep="  ")


def save_accuracy(path: Path, name: str, figures: dict[str, Any]) -> None:
    """Keeps the figures in the model's spec, under accuracy[name]."""
    if path.suffix == ".engine":
        raise ConfigError(f"expected an ONNX model whose spec keeps the figures, got {path}")
    spec = load_model_spec(str(path))
    accuracy = {**spec.accuracy, name: figures}
    write_json(spec_path(str(path)), spec._replace(accuracy=accuracy).to_json(), indent=1)


def is_detector(path: str) -> bool:
    """By the spec; a file without one can only be a detector of another family (inference.detector)."""
    spec = find_model(path).spec
    return spec is None or spec.task == "person_detector"


def network_file(args: argparse.Namespace, model: str) -> Path:
    """Of one of --model; a checkpoint is exported first."""
    if not model.endswith(".ckpt"):
        return Path(find_path(model) or find_model(model).path)
    if args.save:
        raise ConfigError(f"expected --save with a model that has a spec, got the checkpoint {model}")
    return exported(model, Path(args.out, "exported"), chosen(args.protocol, args.flip).short_side)


def evaluate_pose(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    return accuracy_of_pose_model(
        path, args.data, args.boxes, chosen(args.protocol, args.flip), args.threads, args.cpu_engine, args.half
    )


def evaluate_detector(path: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list]:
    of_poses = [f"--{name}" for name in ("protocol", "flip", "boxes") if getattr(args, name) is not None]
    if of_poses:
        raise ConfigError(f"expected {', '.join(of_poses)} with pose models alone, got the detector {path}")
    return accuracy_of_detector(path, args.data, args.threads, args.cpu_engine, args.half)
