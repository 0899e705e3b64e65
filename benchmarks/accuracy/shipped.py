"""Measure the shipped models again, as their specs say that their figures were measured, and keep the new ones there.

Of each model it repeats every evaluation on the 97 images of COCO val2017 that its spec has, with the settings noted
there, and measures pose models end to end, where that is new. `make zoo` then writes README and the cards anew.

Run: make accuracy, or PYTHONPATH=. python benchmarks/accuracy/shipped.py [MODEL ...] [--only NAME ...]
"""

import argparse
import sys
from pathlib import Path

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.model_spec import END_TO_END, POSE_TASKS, load_model_spec
from pose_estimation_ros.evaluation.benchmarks import Figures
from pose_estimation_ros.evaluation.evaluate import Evaluation, evaluate

DATA, NAME = "../shared/data/coco_val", "coco_val97"  # the images, and what the names of figures on them begin with
WHOLE = f"{NAME}_{END_TO_END}"


def noted(path: Path) -> dict[str, Figures]:
    """Return name -> figures of the evaluations to repeat, of which some may be new and have their settings alone."""
    spec = load_model_spec(path)
    runs = {name: run for name, run in spec.accuracy.items() if name.startswith(NAME)}
    whole = {**runs.get(WHOLE, {}), "protocol": END_TO_END, "flip": False}
    return {**runs, WHOLE: whole} if spec.task in POSE_TASKS else runs


def repeated(path: Path, name: str, run: Figures) -> Evaluation:
    """Return the evaluation that gave some figures.

    Args:
        path: file of the model.
        name: name of the figures in its spec.
        run: the figures, with the settings of their evaluation.
    """
    shared = {"half": run.get("half"), "groups": "by_group" in run, "save": name, "out": "out/accuracy"}
    whole = run.get("protocol") == END_TO_END
    protocol = None if whole else run.get("protocol")
    boxes = run.get("boxes", "")
    file = boxes if boxes.endswith(".json") else None
    return Evaluation(DATA, [path], protocol=protocol, flip=run.get("flip"), boxes=file, end_to_end=whole, **shared)


def main(argv: list[str]) -> None:
    """Repeat the evaluations, and print the main figure of each before and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL", help="ONNX files (default: models/*.onnx)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"names of the figures, such as {WHOLE}")
    args = parser.parse_args(argv)
    for path in args.models or sorted(Path("models").glob("*.onnx")):
        for name, run in noted(path).items():
            if not args.only or name in args.only:
                now = evaluate(repeated(path, name, run)).evaluated[0].figures
                metric = "AP" if "AP" in now else "recall_at_1_fp"
                print(f"{path.stem}  {name}: {metric} {run.get(metric, '-')} -> {now[metric]}", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PoseError as error:
        sys.exit(f"error: {error}")
