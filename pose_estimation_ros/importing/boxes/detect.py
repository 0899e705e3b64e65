"""Import a person detector of another program: tell its kind from the graph, conclude its conventions, rewrite it.

Sources: the programs of YOLOX, NanoDet, Ultralytics, MMDetection and MMDeploy, RT-DETR and PaddleDetection.
"""

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import onnx

from pose_estimation_ros.core.errors import ConfigError, ModelError, did_you_mean, shortened, shown
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.importing.boxes.metadata import Told, read_pipeline, read_ultralytics
from pose_estimation_ros.importing.boxes.outputs import KINDS, YOLOX_STRIDES, Boxes, grid_cells
from pose_estimation_ros.importing.model_import import Channels, ModelImport, Say, licence_line
from pose_estimation_ros.importing.network.checked_copy import (
    checked_copy,
    find_size_wh,
    require_one_frame,
    shapes_of_one,
)
from pose_estimation_ros.importing.network.foreign_file import Foreign, normalises, takes_whole_numbers
from pose_estimation_ros.importing.network.parity import open_original
from pose_estimation_ros.importing.network.rewrite import Entry, Side
from pose_estimation_ros.importing.pose.families import (
    AGPL,
    APACHE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    NO_MEAN,
    NO_STD,
    PER_255,
    normalisation_text,
)
from pose_estimation_ros.importing.pose.metadata import class_index, person_classes
from pose_estimation_ros.inference.backends.base import shape_text

BGR_MEAN, BGR_STD = IMAGENET_MEAN[::-1], IMAGENET_STD[::-1]
PLUS_STRIDES = (8, 16, 32, 64)
COCO_CLASSES = 80  # of which the first is the person
NOT_FOR_BOXES = ("skeleton", "decoder", "keypoints", "crop", "outside", "padding")


class Family(NamedTuple):
    """Describe how a frame goes into the detectors of a family, and what is done with their boxes.

    Attributes:
        kinds: kinds of network that the family has, see outputs.KINDS.
        color: order of the channels.
        mean: subtracted from each channel, 0..255, in the order of the channels.
        std: divisor of each channel, 0..255.
        fit: options of the frame's fit.
        nms_iou: overlap from which of two boxes the less sure one is dropped, None where the network has done that.
        score_threshold: boxes of a lower score are dropped.
        licence: licence of the published weights.
    """

    kinds: Tuple[str, ...]
    color: str
    mean: Channels
    std: Channels
    fit: Dict[str, Any]
    nms_iou: Optional[float]
    score_threshold: float
    licence: str = APACHE


FAMILIES: Dict[str, Family] = {
    "yolox": Family(("yolox",), "bgr", NO_MEAN, NO_STD, {"grey": 114, "resize": "cut"}, 0.65, 0.4),
    "nanodet": Family(("nanodet",), "bgr", BGR_MEAN, BGR_STD, {}, 0.6, 0.4),
    "nanodet-plus": Family(("nanodet",), "bgr", BGR_MEAN, BGR_STD, {"resize": "stretch"}, 0.6, 0.4),
    "yolo": Family(
        ("columns", "rows"), "rgb", NO_MEAN, PER_255, {"grey": 114, "centred": True, "resize": "rounded"}, 0.7, 0.25,
        AGPL,
    ),
    "rt-detr": Family(("detr",), "rgb", NO_MEAN, PER_255, {"resize": "stretch"}, None, 0.5, AGPL),
    "rtmdet": Family(("dets",), "bgr", BGR_MEAN, BGR_STD, {"grey": 114, "resize": "rounded"}, None, 0.3),
    "mmdet-yolox": Family(("dets",), "bgr", NO_MEAN, NO_STD, {"grey": 114, "resize": "rounded"}, None, 0.3),
    "picodet": Family(("separate",), "rgb", IMAGENET_MEAN, IMAGENET_STD, {"resize": "stretch"}, 0.6, 0.4),
}  # fmt: skip
USUAL = {"yolox": "yolox", "nanodet": "nanodet", "columns": "yolo", "rows": "yolo", "detr": "rt-detr"}  # by kind


class Seen(NamedTuple):
    """Hold what is seen of a foreign detector.

    Attributes:
        foreign: the network.
        size_wh: size of its input, px.
        shapes: shape of each output for one picture, in the order of the file.
        told: what the exporting program wrote, None where it wrote nothing.
        like: name of its family, None where the user names none.
    """

    foreign: Foreign
    size_wh: Tuple[int, int]
    shapes: Dict[str, Tuple[int, ...]]
    told: Optional[Told]
    like: Optional[str]


def import_detector(order: ModelImport, foreign: Foreign, report: Say) -> Tuple[onnx.ModelProto, ModelSpec]:
    """Rewrite a detector, and make its spec.

    Args:
        order: options of the import.
        foreign: the detector.
        report: receives a line for each conclusion.

    Returns:
        The rewritten model, and a spec without name and sha256.

    Raises:
        ConfigError: an option is missing, or does not go with a detector.
        ModelError: the file is of no known kind.
    """
    _refuse_options(order)
    told = read_ultralytics(foreign) or read_pipeline(foreign)
    size_wh, why = find_size_wh(foreign, order.size_wh, told.size_wh if told else None)
    report("input %d x %d px (width x height): %s" % (size_wh + (why,)))
    require_one_frame(foreign)
    blank = Entry(foreign.input, foreign.input.shape[1] != 3, size_wh, 1, "rgb", NO_MEAN, NO_STD)
    original = open_original(foreign)
    boxes = detect(Seen(foreign, size_wh, shapes_of_one(original, blank), told, order.like))
    person, why_person = _person(order, foreign, boxes, told)
    boxes = boxes._replace(person=person)
    family, name, why = _family(order, foreign, boxes, told)
    report("%s: %s" % (boxes.kind, boxes.reason))
    report("class %d is the person: %s" % (person, why_person))
    values = normalisation_text(family.color, family.mean, family.std)
    report("%s, the frame %s: %s" % (values, _fit_text(family), why))
    report(licence_line(order.licence or family.licence, "" if order.licence else name))
    entry = blank._replace(color=family.color, mean=family.mean, std=family.std)

    def declare(shape: Tuple[int, ...]) -> List[Side]:
        sides: List[Side] = list(shape)
        sides[1] = "boxes" if boxes.candidates is None else sides[1]
        return sides

    model = checked_copy(
        foreign, original, entry, boxes.outputs,
        lambda nodes, names: KINDS[boxes.kind](nodes, names, boxes, size_wh), declare, report,
    )  # fmt: skip
    spec = ModelSpec(
        "", "person_detector", size_wh, "rgb", None, 1, "boxes", 1.0, "", {"score_threshold": family.score_threshold},
        {"like": name, "licence": order.licence or ""}, {"nms_iou": family.nms_iou}, family.fit,
    )  # fmt: skip
    return model, spec


def _refuse_options(order: ModelImport) -> None:
    wrong = [name for name in NOT_FOR_BOXES if getattr(order, name) is not None]
    if wrong:
        raise ConfigError("expected no --%s for a detector, got %s" % (wrong[0], shown(getattr(order, wrong[0]))))
    if order.like is not None and order.like not in FAMILIES:
        near = did_you_mean(order.like, FAMILIES) or ", known: %s" % ", ".join(FAMILIES)
        raise ConfigError("expected --like with the name of a family of detectors, got %r%s" % (order.like, near))


def detect(seen: Seen) -> Boxes:
    """Tell what a detector gives. The first rule that fits wins.

    Args:
        seen: what is seen of it.

    Raises:
        ModelError: no rule fits.
        ConfigError: --like is needed, or does not fit.
    """
    boxes = next(filter(None, (rule(seen) for rule in RULES)), None)
    if boxes is None:
        outputs = ", ".join("%s %s" % (name, shape_text(shape)) for name, shape in seen.shapes.items())
        hint = "" if seen.like else "; --like with its family may help, one of %s" % ", ".join(FAMILIES)
        raise ModelError("%s: expected the outputs of a known detector, got %s%s" % (seen.foreign.path, outputs, hint))
    if seen.like and boxes.kind not in FAMILIES[seen.like].kinds:
        text = "%s: expected --like with a family of kind %s, got %s"
        raise ConfigError(text % (seen.foreign.path, boxes.kind, seen.like))
    return boxes


def _strided(seen: Seen) -> Optional[Boxes]:
    """Recognise NanoDet by its outputs cls_pred_stride_8, dis_pred_stride_8, ..."""
    found = [re.fullmatch("cls_pred_stride_([1-9][0-9]{0,3})", name) for name in seen.shapes]
    strides = sorted(int(match.group(1)) for match in found if match)
    names = tuple("%s_pred_stride_%d" % (what, stride) for what in ("cls", "dis") for stride in strides)
    if not strides or set(names) != set(seen.shapes):
        return None
    scores, distances = seen.shapes[names[0]], seen.shapes[names[-1]]
    if len(scores) != 3 or len(distances) != 3:
        return None
    cells = [len(grid_cells(seen.size_wh, [stride])[0]) for stride in strides]
    shapes = [(1, count, last) for last in (scores[2], distances[2]) for count in cells]
    if [seen.shapes[name] for name in names] != shapes or distances[2] % 4:
        return None
    reason = "outputs cls_pred_stride_*, dis_pred_stride_*, as NanoDet has"
    return Boxes("nanodet", names, scores[2], sum(cells), reason, tuple(strides), 0.5, distances[2] // 4)


def _dets(seen: Seen) -> Optional[Boxes]:
    """Recognise MMDeploy's outputs dets (1, M, 5) and labels (1, M)."""
    shapes = seen.shapes
    if {"dets", "labels"} - set(shapes) or len(shapes["dets"]) != 3 or shapes["dets"][2] != 5:
        return None
    if shapes["labels"] != shapes["dets"][:2]:
        return None
    declared = {tensor.name: tensor.shape for tensor in seen.foreign.outputs}["dets"]
    classes = len(seen.told.classes) if seen.told and seen.told.classes else COCO_CLASSES
    candidates = declared[1] if len(declared) == 3 else None
    return Boxes("dets", ("dets", "labels"), classes, candidates, "outputs dets and labels, as MMDeploy exports")


def _separate(seen: Seen) -> Optional[Boxes]:
    """Recognise two outputs: boxes (1, M, 4), and scores of one class (1, M), (1, 1, M) or (1, M, 1)."""
    if len(seen.shapes) != 2:
        return None
    boxes, scores = sorted(seen.shapes, key=lambda name: seen.shapes[name][-1:] != (4,))
    count = seen.shapes[boxes][1] if len(seen.shapes[boxes]) == 3 and seen.shapes[boxes][2] == 4 else 0
    if not count or seen.shapes[scores] not in ((1, count), (1, 1, count), (1, count, 1)):
        return None
    return Boxes("separate", (boxes, scores), 1, count, "two outputs, %d boxes and their scores" % count)


def _table(seen: Seen) -> Optional[Boxes]:
    """Recognise the only output (1, A, B) of YOLOX, NanoDet, Ultralytics and RT-DETR."""
    if len(seen.shapes) != 1:
        return None
    ((name, shape),) = seen.shapes.items()
    if len(shape) != 3 or shape[0] != 1:
        return None
    is_ultralytics = seen.like in ("yolo", "rt-detr") or (seen.told is not None and seen.told.program == "Ultralytics")
    return (_ultralytics if is_ultralytics else _grids)(seen, name, shape)


def _ultralytics(seen: Seen, name: str, shape: Tuple[int, ...]) -> Optional[Boxes]:
    classes = len(seen.told.classes) if seen.told else 0
    if shape[2] == 6 and (seen.told is None or seen.told.gives_rows):
        return Boxes("rows", (name,), classes or COCO_CLASSES, shape[1], "rows of boxes that need no suppression")
    if shape[2] == 4 + classes or (not classes and seen.like == "rt-detr" and shape[2] > 4):
        return Boxes("detr", (name,), shape[2] - 4, shape[1], "rows of box and classes, as RT-DETR gives")
    if shape[1] == 4 + classes or (not classes and 4 < shape[1] < shape[2]):
        return Boxes("columns", (name,), shape[1] - 4, shape[2], "a column of box and classes per cell")
    return None


def _grids(seen: Seen, name: str, shape: Tuple[int, ...]) -> Optional[Boxes]:
    """Tell YOLOX and NanoDet by their numbers of rows and columns; other numbers of classes need --like."""
    _one, rows, columns = shape
    with_distances = columns in (1 + 32, COCO_CLASSES + 32) or seen.like in ("nanodet", "nanodet-plus")
    for strides, centre in ((YOLOX_STRIDES, 0.5), (PLUS_STRIDES, 0.0)):
        if rows != len(grid_cells(seen.size_wh, strides)[0]):
            continue
        reason = "a row per cell of the strides %s" % (strides,)
        if with_distances and seen.like != "yolox" and columns > 32:
            return Boxes("nanodet", (name,), columns - 32, rows, reason, strides, centre)
        if strides == YOLOX_STRIDES and columns > 5 and (columns - 5 in (1, COCO_CLASSES) or seen.like == "yolox"):
            return Boxes("yolox", (name,), columns - 5, rows, reason)
    return None


RULES: List[Callable[[Seen], Optional[Boxes]]] = [_strided, _dets, _separate, _table]


def _person(order: ModelImport, foreign: Foreign, boxes: Boxes, told: Optional[Told]) -> Tuple[int, str]:
    """Return the index of the person's class, and why."""
    names = told.classes if told else ()
    asked = order.person_class
    index = None if asked is None else class_index(asked, names, boxes.classes)
    if index is not None:
        return index, "by --person-class"
    if asked is not None:
        known = " or one of %s" % shown(names) if names else ""
        text = "%s: expected --person-class as a number below %d%s, got %s"
        raise ConfigError(text % (foreign.path, boxes.classes, known, shortened(asked, 80)))
    people = person_classes(names)
    if len(people) == 1:
        return people[0], "by the names in the file"
    if boxes.classes == 1:
        return 0, "there is no other"
    if not names and boxes.classes == COCO_CLASSES:
        return 0, "COCO has %d classes with the person first" % COCO_CLASSES
    text = "%s: expected --person-class, the name or number of the person's class: %s"
    raise ConfigError(text % (foreign.path, shown(names) if names else "it has %d classes" % boxes.classes))


def _family(order: ModelImport, foreign: Foreign, boxes: Boxes, told: Optional[Told]) -> Tuple[Family, str, str]:
    """Return the conventions, the name of their family, and why they hold."""
    name = order.like or ("" if told and told.family else _usual(boxes))
    if told and told.family and not order.like:
        family = Family((boxes.kind,), licence="", **told.family)
        why = "by %s" % told.program
    elif name:
        family, why = FAMILIES[name], "family %s" % name
    elif order.color and order.value_range:
        family, why = Family((boxes.kind,), order.color, NO_MEAN, NO_STD, {}, 0.6, 0.3, ""), "by the options"
    else:
        fitting = [name for name, family in FAMILIES.items() if boxes.kind in family.kinds]
        text = "%s: expected --like, or --color and --value-range: its outputs do not tell its input; possible: %s"
        raise ConfigError(text % (foreign.path, ", ".join(fitting)))
    if normalises(foreign):
        family, why = family._replace(mean=NO_MEAN, std=NO_STD), why + "; its first nodes normalise"
    if takes_whole_numbers(foreign.input):
        _refuse_normalisation(order)
        family, why = (
            family._replace(mean=NO_MEAN, std=NO_STD),
            why + "; it takes whole numbers, which cannot be normalised",
        )
    if boxes.kind == "rows":
        family = family._replace(nms_iou=None)
    return _with_options(family, order), name, why


def _refuse_normalisation(order: ModelImport) -> None:
    wrong = [name for name in ("value_range", "mean", "std") if getattr(order, name) is not None]
    if wrong:
        text = "expected no --%s for a network that takes whole numbers, got %s"
        raise ConfigError(text % (wrong[0].replace("_", "-"), shown(getattr(order, wrong[0]))))


def _usual(boxes: Boxes) -> str:
    is_plus = boxes.kind == "nanodet" and boxes.strides == PLUS_STRIDES
    return "nanodet-plus" if is_plus else USUAL.get(boxes.kind, "")


def _with_options(family: Family, order: ModelImport) -> Family:
    """Replace conventions by those that the user tells; a family's numbers go with their colours."""
    if order.color is not None and order.color != family.color:
        family = family._replace(mean=family.mean[::-1], std=family.std[::-1])
    if order.value_range is not None:
        factor = 255.0 / order.value_range
        mean, std = order.mean or NO_MEAN, order.std or NO_STD
        family = family._replace(mean=_times(mean, factor), std=_times(std, factor))
    given = {name: getattr(order, name) for name in ("color", "nms_iou", "score_threshold")}
    fit = {name: getattr(order, name) for name in ("grey", "centred", "resize")}
    changed: Dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    fit = dict(family.fit, **{name: value for name, value in fit.items() if value is not None})
    return family._replace(fit=fit, **changed)


def _times(values: Channels, factor: float) -> Channels:
    return (values[0] * factor, values[1] * factor, values[2] * factor)


def _fit_text(family: Family) -> str:
    return ", ".join("%s %s" % item for item in sorted(family.fit.items())) or "at the top left"
