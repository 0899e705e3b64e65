"""Check that each family can learn: train it on 64 real persons at reduced size until evaluation gives OKS AP 90.

Run: make overfit [FAMILIES="elpn_v1 litepose_xs"]. It trains, exports and evaluates as a user would, into runs/overfit,
and prints a table. A family that was interrupted continues; one that is done is not repeated.

Training has a second stage, if the first was not enough. Top-down networks then train on all persons as one batch. In
small batches an unusual person changes the batch norm's statistics, and deep networks rely on that: in training mode
they find everybody, but with the running statistics they miss those few. Bottom-up networks then train without the
cross-entropy, with which peaks form in a tenth of the steps, but the background never reaches 0.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.training.checkpoint import load_checkpoint
from pose_estimation_ros.training.export.export import export
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source
from pose_estimation_ros.training.train import train

FAMILIES = (
    "elpn_v1", "hrnet_w32", "nam_hrnet_w32", "goatpose_bl", "el_hrnet_w32", "litepose_xs", "wlitepose_xs",
)  # fmt: skip
PERSONS, TARGET_AP = 64, 90.0
STILL = Augmentation(
    flip=0, rotation_deg=0, scale=0, shift=0, half_body=0, color=0, zoom=[1.0, 1.0], translate_px=0,
)  # fmt: skip


def write_subset(source: Path, folder: Path) -> None:
    """Write a COCO folder with the largest persons of the completely annotated images.

    Everybody else becomes a crowd, which neither counts nor is learned.

    Args:
        source: COCO folder with "annotations_complete".
        folder: to be written.
    """
    content = json.loads((source / "person_keypoints.json").read_text())
    images = {image["id"]: image for image in content["images"] if image["annotations_complete"]}
    people = [a for a in content["annotations"] if a["image_id"] in images]

    def size(item: dict[str, Any]) -> float:
        image = images[item["image_id"]]
        usable = item["num_keypoints"] >= 5 and not item["iscrowd"]
        return float(usable * item["bbox"][3] / max(image["width"], image["height"]))

    chosen = {item["id"] for item in sorted(people, key=size)[-PERSONS:]}
    shown = {item["image_id"] for item in people if item["id"] in chosen}
    kept = [{**a, "iscrowd": int(a["id"] not in chosen)} for a in people if a["image_id"] in shown]
    write_json(
        folder / "person_keypoints.json",
        {**content, "images": [images[n] for n in sorted(shown)], "annotations": kept},
    )
    for number in shown:
        name = images[number]["file_name"]
        write_whole(folder / "images" / name, (source / "images" / name).read_bytes())


def stages(family: str, data: Path, out: Path) -> list[tuple[Recipe, int]]:
    """List the recipes that are trained one after the other, and for how many epochs at most.

    Args:
        family: name of the model.
        data: COCO folder.
        out: folder of the runs.
    """
    first = Recipe(
        name=family, model=family, data_root=str(data), out_dir=str(out), augmentation=STILL, workers=0,
        train=[Source("person_keypoints.json", "images")], holdout=[Source("person_keypoints.json", "images")],
        lr=2e-3, warmup_steps=20, clip_norm=5.0, pictures=5, channels_last=True,
    )  # fmt: skip
    return bottom_up_stages(first) if "litepose" in family else top_down_stages(first)


def top_down_stages(first: Recipe) -> list[tuple[Recipe, int]]:
    """List the stages of a top-down network; an epoch is 640 crops."""
    size: dict[str, Any] = {"input_size_wh": [96, 128], "sigma": 1.0, "epoch_samples": 10 * PERSONS}
    first = dataclasses.replace(
        first, losses={"cross_entropy": 1.0, "mse": 10.0}, precision="bf16-mixed", batch_size=16, **size
    )
    return [(first, 8), (after(first, batch_size=PERSONS, lr=5e-4), 60)]


def bottom_up_stages(first: Recipe) -> list[tuple[Recipe, int]]:
    """List the stages of a bottom-up network; an epoch is 320 images."""
    squared = "weighted_mse" if first.model.startswith("w") else "mse"
    tags = {"pull": 20.0, "push": 20.0}
    losses = {"cross_entropy": 1.0, squared: 1000.0, **tags}
    size: dict[str, Any] = {"input_size_wh": [192, 192], "sigma": 1.0, "padding": 1.0, "epoch_samples": 320}
    first = dataclasses.replace(first, task="bottom_up", losses=losses, batch_size=8, **size)
    return [(first, 35), (after(first, losses={"mse": 1000.0, **tags}, lr=1e-3, milestones=[8, 16], lr_decay=0.5), 40)]


def after(recipe: Recipe, **changes: Any) -> Recipe:
    """Make the recipe of a stage that starts from the weights of another recipe's run."""
    checkpoint = str(recipe.run_dir / "last.ckpt")
    return dataclasses.replace(recipe, name=f"{recipe.name}_settled", init_from=checkpoint, warmup_steps=1, **changes)


def epochs_done(recipe: Recipe) -> int:
    """Return how many epochs of a recipe's run are finished."""
    last = recipe.run_dir / "last.ckpt"
    return int(load_checkpoint(last)["epoch"]) if last.exists() else 0


def seconds(recipe: Recipe) -> float:
    """Return the seconds of training, from the run's log."""
    with (recipe.run_dir / "log.csv").open() as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))


def train_to_target(recipe: Recipe, data: Path, max_epochs: int) -> dict[str, float]:
    """Train epoch by epoch until the exported model reaches the target, and return steps, seconds and AP.

    Args:
        recipe: of the stage.
        data: COCO folder.
        max_epochs: after which it ends in any case.
    """
    ap = 0.0
    for epoch in range(epochs_done(recipe) + 1, max_epochs + 1):
        if train(dataclasses.replace(recipe, epochs=epoch)) is None:
            raise SystemExit(130)
        path, _ = export(recipe.run_dir / "last.ckpt", recipe.run_dir)
        ap = accuracy_of_pose_model(find_model(str(path)), open_benchmark(data))[0]["AP"]
        print(f"{recipe.name}: epoch {epoch}, AP {ap}", flush=True)
        if ap >= TARGET_AP:
            break
    steps = epochs_done(recipe) * recipe.epoch_samples // recipe.batch_size
    return {"steps": steps, "seconds": seconds(recipe), "AP": ap}


def overfit(family: str, data: Path, out: Path) -> dict[str, Any]:
    """Train a family and return its row of the table, which is also kept as JSON.

    Args:
        family: name of the model.
        data: COCO folder.
        out: folder of the runs.
    """
    result_file = out / family / "result.json"
    if result_file.exists():
        return read_result(result_file)
    total = {"steps": 0, "seconds": 0.0}
    for recipe, epochs in stages(family, data, out):
        row = train_to_target(recipe, data, epochs)
        total = {name: row[name] + value for name, value in total.items()}
        if row["AP"] >= TARGET_AP:
            break
    write_json(result_file, {"family": family, "input": recipe.input_size_wh, "AP": row["AP"], **total})
    return read_result(result_file)


def read_result(path: Path) -> dict[str, Any]:
    """Read a family's row of the table."""
    row: dict[str, Any] = json.loads(path.read_text())
    return row


def main() -> None:
    """Train the families and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=FAMILIES)
    parser.add_argument("--source", default="../shared/data/coco_train", help="COCO folder with annotations_complete")
    parser.add_argument("--out", default="runs/overfit")
    args = parser.parse_args()
    data, out = Path(args.out, "data"), Path(args.out)
    write_subset(Path(args.source), data)
    rows = [overfit(family, data, out) for family in args.families or FAMILIES]
    print(f"\n{'family':16} {'input':>10} {'steps':>6} {'seconds':>8} {'OKS AP':>7}")
    for row in rows:
        size = "x".join(map(str, row["input"]))
        print(f"{row['family']:16} {size:>10} {row['steps']:6} {row['seconds']:8.0f} {row['AP']:7.1f}")


if __name__ == "__main__":
    main()
