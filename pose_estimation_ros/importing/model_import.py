"""Hold and check the options of an import, and word the lines that every import ends with."""

import os
import shlex
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.core.fields import (
    PATH,
    TEXT,
    TRUE_OR_FALSE,
    Rule,
    check_fields,
    list_of,
    number,
    one_of,
    optional,
    whole,
)
from pose_estimation_ros.core.model_spec import CROPS, ENGINE, LARGEST_SIDE, NAME, PADDING, RESIZES
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.core.skeleton import MAX_KEYPOINTS

COLORS = ("rgb", "bgr")
HEATMAP_DECODERS = ("quarter_offset", "dark")
Channels = Tuple[float, float, float]
Say = Callable[[str], None]  # receives a line for the user


class ModelImport(NamedTuple):
    """Describe a model to import. Options that are None are found in the file or follow from its family.

    Attributes:
        source: path of an ONNX file; mmdeploy's pipeline.json may lie beside it.
        out: folder for NAME.onnx and NAME.json, None for the user's folder of models.
        name: name of the model, by default that of the file.
        like: family of the model, see families.FAMILIES.
        detector: whether it finds people's boxes and no keypoints.
        skeleton: name of a skeleton, or a file that describes one.
        size_wh: (width, height) of the input, px, for a file that leaves it free.
        color: order of the network's channels, "rgb" or "bgr".
        value_range: largest value of a pixel before mean and std, 1 or 255.
        mean: number that is subtracted from each of the network's channels, in value_range.
        std: number that each channel is divided by then, in value_range.
        decoder: decoder of heatmaps, "quarter_offset" or "dark".
        keypoints: number of keypoints.
        person_class: name or index of the class that is wanted, of a network with several.
        crop: where the centre of a box comes to lie, one of core.model_spec.CROPS.
        outside: what is outside of a person's box, "image" or "black".
        padding: factor on a person's box.
        grey: value of what the frame does not cover, of a network for whole frames.
        centred: whether the frame lies in the middle.
        resize: how the frame is resized, one of core.model_spec.RESIZES.
        nms_iou: overlap from which of two people the less sure one is dropped.
        score_threshold: score from which a keypoint counts as found; it is noted in the spec.
        check: whether to try other conventions on the demo's clip, too.
        force: whether to replace a model of the same name.
        licence: licence of the weights, for the spec.
        origin: where the file comes from, for the spec.
    """

    source: str
    out: Optional[str] = None
    name: Optional[str] = None
    like: Optional[str] = None
    detector: bool = False
    skeleton: Optional[str] = None
    size_wh: Optional[Tuple[int, int]] = None
    color: Optional[str] = None
    value_range: Optional[int] = None
    mean: Optional[Channels] = None
    std: Optional[Channels] = None
    decoder: Optional[str] = None
    keypoints: Optional[int] = None
    person_class: Optional[str] = None
    crop: Optional[str] = None
    outside: Optional[str] = None
    padding: Optional[float] = None
    grey: Optional[int] = None
    centred: Optional[bool] = None
    resize: Optional[str] = None
    nms_iou: Optional[float] = None
    score_threshold: Optional[float] = None
    check: bool = True
    force: bool = False
    licence: Optional[str] = None
    origin: Optional[str] = None


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError
    return value


def _value_range(value: Any) -> int:
    if isinstance(value, bool) or value not in (1, 255):
        raise ValueError
    return int(value)


def _items(rule: Rule, count: int) -> Rule:
    """Make the rule of a list of a number of items."""

    def convert(value: Any) -> Tuple[Any, ...]:
        items: Tuple[Any, ...] = list_of(rule).convert(value)
        if len(items) != count:
            raise ValueError
        return items

    return Rule("%d values, each %s" % (count, rule.expected), convert, is_list=True)


RULES: Dict[str, Rule] = {
    "source": PATH,
    "out": optional(PATH),
    "name": optional(Rule('up to 100 letters, digits, "_", "-" and ".", not "." first', _name)),
    "like": optional(TEXT),
    "detector": TRUE_OR_FALSE,
    "skeleton": optional(PATH),
    "size_wh": optional(_items(whole(8, LARGEST_SIDE), 2)),
    "color": optional(one_of(COLORS)),
    "value_range": optional(Rule("1 or 255", _value_range)),
    "mean": optional(_items(number(-1e6, 1e6), 3)),
    "std": optional(_items(number(1e-6, 1e6), 3)),
    "decoder": optional(one_of(HEATMAP_DECODERS)),
    "keypoints": optional(whole(1, MAX_KEYPOINTS)),
    "person_class": optional(TEXT),
    "crop": optional(one_of(CROPS)),
    "outside": optional(one_of(("image", "black"))),
    "padding": optional(number(*PADDING)),
    "grey": optional(whole(0, 255)),
    "centred": optional(TRUE_OR_FALSE),
    "resize": optional(one_of(RESIZES)),
    "nms_iou": optional(number(0, 1)),
    "score_threshold": optional(number(0, 1)),
    "check": TRUE_OR_FALSE,
    "force": TRUE_OR_FALSE,
    "licence": optional(TEXT),
    "origin": optional(TEXT),
}
# Options that change what the import concludes; those that do not go with a model are refused.
CONVENTIONS = (
    "color", "value_range", "mean", "std", "decoder", "person_class", "crop", "outside", "padding", "grey", "centred",
    "resize", "nms_iou",
)  # fmt: skip


def checked(order: ModelImport) -> ModelImport:
    """Return the options in their final form. Raises ConfigError where one is wrong."""
    order = ModelImport(**check_fields(order._asdict(), RULES))
    if (order.mean or order.std) and order.value_range is None:
        text = "expected value_range 1 or 255 beside mean %s and std %s: the range of the pixels that they are for"
        raise ConfigError(text % (shown(order.mean), shown(order.std)))
    return order


def licence_line(licence: str, family: str) -> str:
    """Return the line that tells the licence of the weights.

    Args:
        licence: the licence, "" where it is not known.
        family: name of the family whose published weights have it, "" where the user or the file tells it.
    """
    if not licence:
        return "licence of the weights: not known; --licence TEXT notes it"
    why = " if they are those published for %s; --licence TEXT notes another" % family if family else ""
    return "licence of the weights: %s%s" % (licence, why)


def usage(path: str, role: str, elsewhere: bool) -> List[str]:
    """Return the lines that use a model.

    Args:
        path: path of its ONNX file.
        role: what it is, "model" or "detector".
        elsewhere: whether it lies in a folder where a name alone does not find it.
    """
    model = path if elsewhere else os.path.splitext(os.path.basename(path))[0]
    quoted, clip = shlex.quote(model), shlex.quote(demo_clip())
    return [
        "ros2 launch pose_estimation_ros cpu.launch.py %s:=%s" % (role, quoted),
        "pose predict %s --out out --%s %s" % (clip, role, quoted),
    ]


def check_name(name: str) -> str:
    """Return the name of a new model. Raises ConfigError where no model can be found by it."""
    if not NAME.fullmatch(name) or name.startswith("-") or name.endswith((".onnx", ENGINE)):
        text = "expected a name of letters, digits, _, - and ., without an ending .onnx or .engine, got %s"
        raise ConfigError(text % shown(name))
    return name


def given(order: ModelImport) -> Dict[str, Any]:
    """Return the options that were set and that the spec of the model keeps."""
    left_out = ("source", "out", "check", "force", "licence", "origin")
    fields = {name: value for name, value in order._asdict().items() if name not in left_out}
    return {name: value for name, value in fields.items() if value is not None and value is not False}
