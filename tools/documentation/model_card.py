"""Write the cards models/NAME.md: one template for all, after "Model Cards for Model Reporting" (arXiv:1810.03993).

All of a card is made from the spec, the ONNX file, the recipes and the measured speed, but for the parts between
`<!-- by hand: PART -->` and `<!-- end -->`, which stay as they are in the file. A new model gets a card with empty
parts, to be filled in. Models in 8 bits have no parts by hand: their cards refer to that of the float32 model.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from card_training import rights, training
from page_parts import table
from shipped_models import (
    MODELS,
    ROOT,
    Figures,
    all_speeds,
    alone,
    cost,
    end_to_end,
    megabytes,
    runs,
    source,
    specs,
    speed,
    where_timed,
)

from pose_estimation_ros.core.model_spec import END_TO_END, ModelSpec
from pose_estimation_ros.evaluation.metrics.groups import attributes

HAND = {  # the parts by hand, and what belongs into them
    "about": "The first paragraph is one sentence, which the tables of models repeat. The next: what the network is.",
    "accuracy": "What the figures can tell, such as which choices were made on the same images.",
    "wrong": "What goes wrong, as a list, in words that hold for other weights of this network.",
}
SECTIONS = (
    "How to use it",
    "Accuracy",
    "Accuracy by size, visibility and crowding",
    "Speed",
    "Training",
    "What goes wrong",
    "Data and rights",
    "Calibration of the scores",
    "Files made from it",
)
TASKS = {
    "top_down": "top-down: the keypoints of one person in a crop; a person detector gives the boxes",
    "bottom_up": "bottom-up: the keypoints of all people in a picture, without a detector",
    "one_stage": "one-stage: boxes and keypoints of all people in a picture",
    "person_detector": "person detector: boxes of people in a picture",
}
WORK = {  # what is timed
    "top_down": "crop, network and decoding",
    "bottom_up": "resizing, network and grouping of keypoints",
    "one_stage": "resizing, network and decoding",
    "person_detector": "resizing, network and choice of boxes",
}
WORST_PEOPLE = (
    "The sixteen people of the choosing half that are found worst, of those with at least 8 labelled keypoints and"
    " 64x64 px. Beside each: what is found of the annotated joints."
)
WORST_IMAGES = (
    "The sixteen images of the choosing half in which most people are missed. Grey: annotated, thick for those who must"
    " be found. Green: found. Red: false."
)
POSE_FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR")
BOX_FIGURES = {"AP": "box_AP", "AP50": "box_AP50"}
TITLES = {attribute.name: attribute.title for attribute in attributes(17)}
FEWEST = 10  # people of a group that is named as the hardest
DATA = "data/coco_val97"
IMAGES = "[97 images](../docs/how-to/get-data.md#the-97-images) of COCO val2017"


def cards() -> dict[Path, str]:
    """Return path -> text of each card, as it should be."""
    return {MODELS / f"{spec.name}.md": card(spec) for spec in specs()}


def card(spec: ModelSpec) -> str:
    """Write a card, with the parts by hand of the card that there is."""
    hand = parts_by_hand(MODELS / f"{spec.name}.md")
    texts = texts_in_8_bits(spec) if source(spec) else texts_of(spec, hand)
    about = in_8_bits(spec) if source(spec) else marked("about", hand)
    head = f"# {spec.name}\n\n{about}\n\n{facts(spec)}"
    sections = [f"## {title}\n\n{texts[title]}" for title in SECTIONS]
    return "\n\n".join([head, *sections]) + "\n"


def parts_by_hand(path: Path) -> dict[str, str]:
    """Return part -> text of the parts of a card that are written by hand, "" for those that it does not have."""
    page = path.read_text() if path.exists() else ""
    found = re.findall(r"<!-- by hand: (\w+) -->\n(.*?)\n?<!-- end -->", page, re.DOTALL)
    return {**dict.fromkeys(HAND, ""), **dict(found)}


def marked(part: str, hand: dict[str, str]) -> str:
    """Return a part by hand between its marks.

    Args:
        part: a key of HAND.
        hand: the parts of the card.
    """
    return f"<!-- by hand: {part} -->\n{hand[part]}\n<!-- end -->"


def summary(spec: ModelSpec) -> str:
    """Return the sentence that says what a model is."""
    if source(spec):
        return f"`{source(spec)}` in 8-bit integers, for CPUs with dot products of 8-bit numbers."
    about = parts_by_hand(MODELS / f"{spec.name}.md")["about"]
    return " ".join(about.split("\n\n")[0].split())


def in_8_bits(spec: ModelSpec) -> str:
    """Write the summary of a model in 8 bits."""
    name = source(spec)
    return (
        f"{summary(spec).replace(f'`{name}`', f'[{name}]({name}.md)')}\n\nThese CPUs are x86 from Ice Lake, Alder"
        " Lake and Zen 4 on, and ARM such as Cortex-A76. Device `auto` takes this file there in place of"
        f" `{name}` ([rule](../docs/explanation/precision.md#8-bits-where-they-are-faster)). On older x86 CPUs the sums"
        " saturate and accuracy falls, so that `auto` takes the float32 file."
    )


def facts(spec: ModelSpec) -> str:
    """Write the table of facts."""
    counted = cost(spec)
    rows = [
        ("task", TASKS[spec.task]),
        ("input", "RGB, {1}x{0} px (height x width)".format(*spec.input_size_wh) + of_box(spec)),
        ("output", output(spec)),
        ("decoder", decoder(spec)),
        ("parameters", f"{counted['parameters']:,}"),
        ("multiply-adds", f"{counted['macs']:.2f} Gi (2^30) for one input"),
        ("file", f"`{spec.name}.onnx`, {megabytes(spec)}, {precision(spec)}"),
        ("sha256", f"`{spec.sha256[:12]}`... (whole in `{spec.name}.json`)"),
        ("licence of the code", "Apache-2.0"),
        ("licence of the weights", "research and evaluation only: [LICENSE](LICENSE)"),
    ]
    return table(("fact", "value"), rows)


def of_box(spec: ModelSpec) -> str:
    """Tell which part of a picture the input shows."""
    return f", of a person's box x {spec.padding:g}" if spec.task == "top_down" else ", a whole picture"


def output(spec: ModelSpec) -> str:
    """Tell what a model gives."""
    if spec.skeleton is None:
        return "boxes and their scores"
    people = "one person" if spec.task == "top_down" else "each person"
    return f"the {spec.skeleton.num_keypoints} keypoints of `{spec.skeleton.name}` for {people}, with scores"


def decoder(spec: ModelSpec) -> str:
    """Tell how the outputs are read."""
    options = "".join(f", {name} {value}" for name, value in spec.decoder_options.items())
    stride = f", stride {spec.stride}" if spec.stride > 1 else ""
    return f"[`{spec.decoder}`](README.md#the-spec){options}{stride}"


def precision(spec: ModelSpec) -> str:
    """Return the precision of a model's file."""
    return "8-bit integers" if source(spec) else "float32"


def texts_of(spec: ModelSpec, hand: dict[str, str]) -> dict[str, str]:
    """Return section -> text of a model that was trained itself.

    Args:
        spec: its spec.
        hand: the parts of its card that are written by hand.
    """
    return {
        "How to use it": use(spec),
        "Accuracy": f"{accuracy(spec)}\n\n{marked('accuracy', hand)}",
        "Accuracy by size, visibility and crowding": groups(spec),
        "Speed": times(spec),
        "Training": training(spec),
        "What goes wrong": f"{marked('wrong', hand)}\n\n{failures(spec)}",
        "Data and rights": rights_of(spec),
        "Calibration of the scores": scores(spec),
        "Files made from it": derived(spec),
    }


def texts_in_8_bits(spec: ModelSpec) -> dict[str, str]:
    """Return section -> text of a model in 8 bits, which mostly refers to the card of the float32 model."""
    name = source(spec)
    made = spec.training["export"]
    same = f"As [{name}]({name}.md#{{}})."
    return {
        "How to use it": use(spec),
        "Accuracy": accuracy(spec),
        "Accuracy by size, visibility and crowding": f"`{spec.name}.json` has the figures. Those of the float32"
        f" model are on [its card]({name}.md#{anchor('Accuracy by size, visibility and crowding')}).",
        "Speed": times(spec),
        "Training": f"None of its own. It is made from `{name}`:\n\n"
        "<!-- not run: needs data/coco_train -->\n"
        f"```\n{export_command(spec)}\n```\n\nThe ranges"
        f" of the values come from {made['count']} samples of the training data."
        " [What stays in float32](../docs/explanation/precision.md#what-stays-float32-by-rule).",
        "What goes wrong": same.format(anchor("What goes wrong")),
        "Data and rights": f"{same.format(anchor('Data and rights'))} **The weights are for research and evaluation"
        " only.**",
        "Calibration of the scores": scores(spec),
        "Files made from it": "None.",
    }


def anchor(title: str) -> str:
    """Return the anchor of a section."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def use(spec: ModelSpec) -> str:
    """Write commands, Python and a launch line that use a model."""
    flag, argument, call = f"--model {spec.name}", f"model:={spec.name}", f'"{spec.name}"'
    if spec.task == "person_detector":
        flag, argument, call = (text.replace("model", "detector") for text in (flag, argument, f"detector={call}"))
    return (
        f"```\npose predict clip.mp4 --out out {flag}\n```\n\n"
        "```python\nimport cv2\nfrom pose_estimation_ros import PoseEstimator\n\n"
        f'print(PoseEstimator({call})(cv2.imread("people.jpg")))\n```\n\n'
        f"On a camera, without and with ROS:\n\n<!-- not run: needs a camera -->\n```\npose live {flag}\n"
        "ros2 launch pose_estimation_ros cpu.launch.py input_image_topic:=/camera/image_raw "
        f"{argument}\n```\n\n"
        "It is meant for research and for the evaluation of this package. It tells where people are, not who they"
        " are. It is"
        " no safety device: a [stop for people](../docs/explanation/scores.md#choose-a-threshold) must not depend on"
        " it alone."
    )


def accuracy(spec: ModelSpec) -> str:
    """Write the section on accuracy: main figures, how they were measured, all figures."""
    if spec.task == "person_detector":
        return "\n\n".join((detector_in_short(spec), detector_protocol(spec), boxes_accuracy(spec)))
    texts = [pose_in_short(spec), pose_protocol(spec), pose_accuracy(spec)]
    if source(spec):
        exact = "../docs/explanation/precision.md#what-stays-float32-by-rule"
        texts.append(f"The figures hold for CPUs that add products of 8-bit numbers [without saturation]({exact}).")
    return "\n\n".join(texts)


def pose_in_short(spec: ModelSpec) -> str:
    """Write the main figures of a pose model in a few sentences."""
    whole, network, texts = end_to_end(spec), alone(spec), []
    if whole:
        texts.append(
            f"**End to end**, as on a robot: AP {whole['AP']:.1f}. It finds {whole['people_found']:.0f} % of the"
            " people, and"
            f" {whole['false_per_image']:.1f} false ones per image."
        )
    if network:
        where = "in ground-truth boxes" if network["boxes"] == "ground truth" else "on whole images, without thresholds"
        flip = "with flip test" if network["flip"] else "without flip test"
        texts.append(f"**The network alone**, {where}, {flip}: AP {network['AP']:.1f}, AP50 {network['AP50']:.1f}.")
    return " ".join(texts)


def pose_protocol(spec: ModelSpec) -> str:
    """Tell how the figures of a pose model were measured."""
    commands = [
        f"pose evaluate --model {spec.name} --data {DATA} {flags}" for flags in ("--end-to-end", "--flip --groups")
    ]
    boxes = "`--boxes FILE`, " if any("/" in run.get("boxes", "") for run in runs(spec).values()) else ""
    return (
        f"AP is COCO's, of OKS 0.5 to 0.95, on {IMAGES}{counted(spec)}. No image of COCO val2017 is in the training"
        " data.\n\n"
        + "```\n" + "\n".join(commands) + "\n```\n\n"
        + f"The same command gives the other rows: without `--flip`, and with {boxes}`--half choose` and"
        " `--half report`"
        " ([halves](../docs/how-to/evaluate.md#halves)). `--save NAME` writes a row into the spec. On so few images"
        " a difference of a few points may be chance:"
        " [`--report`](../docs/how-to/evaluate.md#the-report) gives the intervals."
    )  # fmt: skip


def counted(spec: ModelSpec) -> str:
    """Tell the number of people of an evaluation, "" where it was made without groups."""
    by_size = next((run["by_group"]["size"] for run in runs(spec).values() if "by_group" in run), {})
    return f", {sum(group['people'] for group in by_size.values())} people" if by_size else ""


def detector_in_short(spec: ModelSpec) -> str:
    """Write the main figures of a detector in a few sentences."""
    run = alone(spec)
    return (
        f"It finds {100 * run['recall_at_1_fp']:.0f} % of the people at 1 false positive per image, and"
        f" {100 * run['recall_at_0.2_fp']:.0f} % at 0.2. At its threshold of {spec.accuracy['score_threshold']} it"
        f" finds {100 * run['recall_at_threshold']:.0f} %, at {run['false_per_image_at_threshold']:.1f} false positives"
        " per image."
    )


def detector_protocol(spec: ModelSpec) -> str:
    """Tell how the figures of a detector were measured."""
    held_out = (
        " `boxes_holdout54` is of 54 photographs of the kind that it was trained on. They were held out."
        if "boxes_holdout54" in runs(spec)
        else ""
    )
    return (
        "Recall is that of people with at least 5 keypoints and 64 px of height, at IoU 0.5, on"
        f" {IMAGES}{counted(spec)}. A"
        " false positive overlaps no annotated person by an IoU of 0.3. AP is COCO's, of everybody's boxes. No image of"
        f" COCO val2017 is in the training data.{held_out}\n\n"
        f"```\npose evaluate --model {spec.name} --data {DATA} --groups\n```\n\n"
        "The other rows: with `--half choose` and `--half report` ([halves](../docs/how-to/evaluate.md#halves)). `make"
        " bench-boxes` measures which threshold is best from end to end."
    )


def pose_accuracy(spec: ModelSpec) -> str:
    """Write all figures of a pose network."""
    head = ("`accuracy` in the spec", "boxes of", "flip test", "half", "images", *POSE_FIGURES)
    return table(head, [(f"`{name}`", *pose_cells(run)) for name, run in runs(spec).items()])


def pose_cells(run: Figures) -> tuple[Any, ...]:
    """Return the cells of one evaluation of a pose network."""
    boxes = run["detector"] if run["protocol"] == END_TO_END else run["boxes"]
    boxes = boxes if "/" not in boxes else f"`{Path(boxes).name}`"
    figures = (f"{run[figure]:.2f}" for figure in POSE_FIGURES)
    return (boxes, "yes" if run["flip"] else "no", run.get("half", "both"), run["images"], *figures)


def boxes_accuracy(spec: ModelSpec) -> str:
    """Write all figures of a person detector."""
    at = f"at {spec.accuracy['score_threshold']}, its threshold"
    recalls = ("recall at 0.2 false positives per image", "at 1", at)
    head = ("`accuracy` in the spec", "half", "images", *recalls, *BOX_FIGURES)
    return table(head, [(f"`{name}`", *boxes_cells(run)) for name, run in runs(spec).items()])


def boxes_cells(run: Figures) -> tuple[Any, ...]:
    """Return the cells of one evaluation of a person detector."""
    recalls = (f"{run[key]:.3f}" for key in ("recall_at_0.2_fp", "recall_at_1_fp"))
    at = "-"
    if "recall_at_threshold" in run:
        at = f"{run['recall_at_threshold']:.3f}, {run['false_per_image_at_threshold']:.2f} false positives per image"
    return (run.get("half", "both"), run["images"], *recalls, at, *(f"{run[key]:.1f}" for key in BOX_FIGURES.values()))


def groups(spec: ModelSpec) -> str:
    """Write the accuracy by groups of people, from the first evaluation that was made with --groups."""
    name, run = next(((name, run) for name, run in runs(spec).items() if "by_group" in run), ("", {}))
    if not run:
        return "Not measured: `pose evaluate --groups --save NAME` does."
    metric = "recall" if spec.task == "person_detector" else "AR"
    rows = [
        ("" if place else TITLES[attribute], group, figures["people"], f"{figures[metric]:.1f}")
        for attribute, by_group in run["by_group"].items()
        for place, (group, figures) in enumerate(by_group.items())
    ]
    texts = [f"{'Recall in %' if metric == 'recall' else 'AR'} of `{name}` by groups of people. {hardest(run, metric)}"]
    texts.append(table(("people by", "group", "people", metric), rows))
    if "kinds_of_errors" in run:
        kinds = run["kinds_of_errors"]
        meaning = "[Kinds of errors](../docs/how-to/evaluate.md#the-report) of the keypoints of people who were found:"
        texts += [meaning, table(("% of the keypoints", *kinds), [("", *kinds.values())])]
    texts.append(
        "The annotations do not tell the age, sex or skin colour of people. So nothing is known of the accuracy for"
        " such groups."
    )
    return "\n\n".join(texts)


def hardest(run: Figures, metric: str) -> str:
    """Name the groups of enough people with the lowest figures, one of each attribute.

    Args:
        run: an evaluation with groups.
        metric: the figure of its groups.
    """
    worst = []
    for attribute, by_group in run["by_group"].items():
        large = {group: figures for group, figures in by_group.items() if figures["people"] >= FEWEST}
        if large:
            group = min(large, key=lambda name: large[name][metric])  # noqa: B023
            title = TITLES[attribute]
            unit = next((f" {unit}" for unit in ("px", "%") if unit in title and group != "none"), "")
            worst.append(f"{re.split('[:,]', title)[0].lower()} {group}{unit} ({large[group][metric]:.0f})")
    return f"The hardest groups: {', '.join(worst)}." if worst else ""


def times(spec: ModelSpec) -> str:
    """Write the section on speed."""
    row = speed(spec)
    benchmark = f"pose benchmark --{'detector' if spec.task == 'person_detector' else 'model'} {spec.name} --threads 1"
    yours = f"`{benchmark}` times each part of a frame on your machine. [All models](README.md#speed)."
    if not row:
        return f"Not measured for this file. {yours}"
    ratio = ""
    reference = next((speed(other) for other in specs() if other.name == source(spec)), {})
    if reference:
        ratio = f" That is {row['p50_ms'] / reference['p50_ms']:.2f} of the time of `{source(spec)}` in the same run."
    return f"{row['p50_ms']:.1f} ms for {row['per']}: {WORK[spec.task]}. Median, {where_timed()}.{ratio} {yours}"


def failures(spec: ModelSpec) -> str:
    """Show the picture of the worst results, and tell how it was made."""
    picture = f"docs/cards/{spec.name}_failures.jpg"
    if not (ROOT / picture).exists():
        return "There is no picture of failures yet."
    is_detector = spec.task == "person_detector"
    kind, score = ("boxes", f" --score {spec.accuracy['score_threshold']}") if is_detector else ("poses", "")
    flip = " --flip" if alone(spec).get("flip") else ""
    results = f"out/evaluation/{spec.name}_results.json"
    return (
        f"![{'boxes' if is_detector else 'skeletons'}, annotated and found](../{picture})\n\n"
        f"{WORST_IMAGES if is_detector else WORST_PEOPLE} The photographs are left out, because they are not ours to"
        " publish. The annotations are COCO's, CC BY 4.0.\n\n"
        "<!-- not run: draws the pictures of this card -->\n"
        f"```\npose evaluate --model {spec.name} --data {DATA}{flip}\n"
        f"PYTHONPATH=. python tools/documentation/card_pictures.py {kind} {picture} {results} --data {DATA}{score}\n```"
    )


def rights_of(spec: ModelSpec) -> str:
    """Write the section on data and rights."""
    return (
        f"{rights(spec)}\n\n**The weights are for research and evaluation only**, until somebody trains the network"
        " on data that they hold the rights to. The code is under Apache-2.0. More: [rights](README.md#rights),"
        " [LICENSE](LICENSE).\n\n"
        f"Accuracy was measured on {IMAGES}, whose annotations are under CC BY 4.0. The photographs of all sets show"
        " people who were not asked. This repository contains none of the photographs, and the model recognises nobody."
    )


def scores(spec: ModelSpec) -> str:
    """Tell what the scores of a model are."""
    if spec.task == "person_detector":
        return (
            "The score of a box is the network's own, which is no probability. Boxes from"
            f" {spec.accuracy['score_threshold']} on count (`accuracy.score_threshold` in the spec)."
        )
    maps = spec.calibration
    if not maps:
        return "Raw: `pose calibrate` makes [probabilities](../docs/explanation/scores.md) of them."
    made, parts = maps["facts"], ", ".join(sorted(maps.get("parts", {}))) or "none"
    name = made.get("inherited_from")
    where = f" They were fitted for [{name}]({name}.md) and taken over." if name else ""
    return (
        f"[Probabilities](../docs/explanation/scores.md). The maps were fitted on {made['people']:,} poses and"
        f" {made['keypoints']:,} keypoints of people who are in no training data, and on {made['backgrounds']:,}"
        f" poses where nobody is.{where} Keypoints get {span(maps['keypoint'])}, people {span(maps['person'])}."
        " Parts of the body with a"
        f" map of their own: {parts}.\n\n"
        "<!-- not run: needs people whom humans have labelled -->\n"
        f"```\npose calibrate models/{spec.name}.onnx --data runs/labels/calibration"
        " --background runs/labels/calibration/background\n```\n\n`make calibrate` does it for all models. [How good"
        " the scores are](../docs/measurements/scores.md)."
    )


def span(curve: Figures) -> str:
    """Tell the lowest and the highest probability of a map."""
    return f"{min(curve['probability']):.2f} to {max(curve['probability']):.2f}"


def derived(spec: ModelSpec) -> str:
    """List the 8-bit files that were made from a model, and how to make others."""
    made = [other for other in specs() if source(other) == spec.name]
    rows = [
        (f"[`{other.name}`]({other.name}.md)", megabytes(other), f"`{export_command(other)}`", is_current(other, spec))
        for other in made
    ]
    head = ("file", "size", "command", "made of these weights")
    parts = [table(head, rows)] if rows else ["None in this folder."]
    parts.append(
        f"`pose export models/{spec.name}.onnx --precision fp16` makes one for TensorRT"
        " ([precision](../docs/explanation/precision.md)). `pose build-engine` compiles an engine on the machine"
        " that runs it ([TensorRT](../docs/how-to/tensorrt.md))."
    )
    return "\n\n".join(parts)


def is_current(made: ModelSpec, spec: ModelSpec) -> str:
    """Tell whether an 8-bit file was made of the weights that a model has.

    Args:
        made: spec of the 8-bit file.
        spec: spec of the model.
    """
    return "yes" if made.training["export"]["of_sha256"] == spec.sha256 else "no: export it again"


def export_command(spec: ModelSpec) -> str:
    """Return the command that makes an 8-bit file again."""
    made = spec.training["export"]
    data = made["calibration"].removeprefix("../shared/")
    return f"pose export models/{made['of']}.onnx --precision {made['precision']} --calibration {data}"


def speed_table() -> str:
    """Write the times of all models, and how they were measured."""
    facts = all_speeds()
    rows = [speed_row(spec) for spec in specs()]
    if "date" not in facts:
        return "Not measured: `make model-speed` does."
    load = str(facts["machine"]["load"]).split(" ")[0]
    return (
        f"Median of {facts['rounds']} runs by the clock of the processor, {where_timed()} (load {load}). All models"
        f" took turns in one run of `{facts['command']}`, which writes `docs/measurements/model-speed.json`.\n\n"
        + table(("model", "ms", "90 % of the runs below", "for", "engine"), rows)
    )


def speed_row(spec: ModelSpec) -> tuple[str, ...]:
    """Write the row of a model in the table of times."""
    row = speed(spec)
    if not row:
        return f"`{spec.name}`", "-", "-", "not measured for this file", "-"
    return f"`{spec.name}`", f"{row['p50_ms']:.1f}", f"{row['p90_ms']:.1f}", row["per"], row["engine"]
