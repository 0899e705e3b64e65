"""Can each family learn? 64 real persons at reduced size until the project's own evaluation gives them OKS AP 90.

Run: make overfit [FAMILIES="elpn_v1 litepose_xs"]. Trains, exports and evaluates as a user would, into runs/overfit,
and prints a table. A family that was interrupted goes on; one that is done is not repeated.
"""

import argparse
import csv
import dataclasses
import json
from pathlib import Path

from pose_estimation_ros.core.files import write_json, write_whole
from pose_estimation_ros.evaluation.evaluate import accuracy_of_pose_model
from pose_estimation_ros.training.checkpoint import load_checkpoint
from pose_estimation_ros.training.config import Augmentation, Recipe, Source
from pose_estimation_ros.training.export import export
from pose_estimation_ros.training.train import train

FAMILIES = (
    "elpn_v1", "hrnet_w32", "nam_hrnet_w32", "goatpose_bl", "el_hrnet_w32", "litepose_xs", "wlitepose_xs",
)  # fmt: skip
PERSONS, TARGET_AP = 64, 90.0
STILL = Augmentation(
    flip=0, rotation_deg=0, scale=0, shift=0, half_body=0, color=0, zoom=[1.0, 1.0], translate_px=0,
)  # fmt: skip


def write_subset(source: Path, folder: Path) -> None:
    """A COCO folder with the largest persons of the completely annotated images; everybody else becomes a crowd, which
    neither counts nor is learned.
    """
    content = json.loads((source / "person_keypoints.json").read_text())
    images = {image["id"]: image for image in content["images"] if image["annotations_complete"]}
    people = [a for a in content["annotations"] if a["image_id"] in images]

    def size(item):
        image = images[item["image_id"]]
        usable = item["num_keypoints"] >= 5 and not item["iscrowd"]
        return usable * item["bbox"][3] / max(image["width"], image["height"])

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


def recipe_of(family: str, data: Path, out: Path) -> Recipe:
    """Reduced size, nothing random but the order; one epoch is 640 crops or 320 images."""
    common = Recipe(
        name=family, model=family, data_root=str(data), out_dir=str(out), augmentation=STILL, workers=0,
        train=[Source("person_keypoints.json", "images")], holdout=[Source("person_keypoints.json", "images")],
        milestones=[8], lr=2e-3, warmup_steps=20, epoch_samples=640, batch_size=16, clip_norm=5.0, pictures=5,
        channels_last=True,
    )  # fmt: skip
    if "litepose" not in family:
        losses = {"cross_entropy": 1.0, "mse": 10.0}
        return dataclasses.replace(common, input_size_wh=[96, 128], sigma=1.0, losses=losses, precision="bf16-mixed")
    losses = {"weighted_mse" if family.startswith("w") else "mse": 100.0, "pull": 1.0, "push": 1.0}
    return dataclasses.replace(
        common,
        task="bottom_up",
        input_size_wh=[192, 192],
        padding=1.0,
        losses=losses,
        batch_size=8,
        epoch_samples=320,
        milestones=[20],
    )


def epochs_done(recipe: Recipe) -> int:
    last = recipe.run_dir / "last.ckpt"
    return load_checkpoint(last)["epoch"] if last.exists() else 0


def seconds(recipe: Recipe) -> int:
    """Of training, as the run's log has them."""
    with (recipe.run_dir / "log.csv").open() as file:
        return round(sum(float(row["seconds"]) for row in csv.DictReader(file)))


def overfit(family: str, data: Path, out: Path, max_epochs: int) -> dict:
    """Trains epoch by epoch until the exported model reaches the target. Returns the table's row, also kept as JSON."""
    recipe, done = recipe_of(family, data, out), out / family / "result.json"
    if done.exists():
        return json.loads(done.read_text())
    for epoch in range(epochs_done(recipe) + 1, max_epochs + 1):
        if train(dataclasses.replace(recipe, epochs=epoch)) is None:
            raise SystemExit(130)
        model, _ = export(recipe.run_dir / "last.ckpt", recipe.run_dir)
        ap = accuracy_of_pose_model(model, data)[0]["AP"]
        steps = epoch * recipe.epoch_samples // recipe.batch_size
        row = {"family": family, "input": recipe.input_size_wh, "steps": steps, "seconds": seconds(recipe), "AP": ap}
        print(row, flush=True)
        if ap >= TARGET_AP:
            break
    write_json(done, row)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=FAMILIES)
    parser.add_argument("--source", default="../shared/data/coco_train", help="COCO folder with annotations_complete")
    parser.add_argument("--out", default="runs/overfit")
    parser.add_argument("--max-epochs", type=int, default=60)
    args = parser.parse_args()
    data, out = Path(args.out, "data"), Path(args.out)
    write_subset(Path(args.source), data)
    rows = [overfit(family, data, out, args.max_epochs) for family in args.families or FAMILIES]
    print(f"\n{'family':16} {'input':>10} {'steps':>6} {'seconds':>8} {'OKS AP':>7}")
    for row in rows:
        size = "x".join(map(str, row["input"]))
        print(f"{row['family']:16} {size:>10} {row['steps']:6} {row['seconds']:8} {row['AP']:7.1f}")


if __name__ == "__main__":
    main()
