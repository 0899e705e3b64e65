"""Tell from a foreign graph what kind of pose network it is.

The rules are tried in order; the first that fits wins. A network of which no rule is sure is refused.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError, ModelError, shown
from pose_estimation_ros.core.model_spec import LARGEST_STRIDE
from pose_estimation_ros.core.skeleton import MAX_KEYPOINTS
from pose_estimation_ros.importing.model_import import ModelImport
from pose_estimation_ros.importing.pose.families import FAMILIES, families_of
from pose_estimation_ros.importing.pose.metadata import Ultralytics, class_index, person_classes
from pose_estimation_ros.importing.pose.outputs import Contract
from pose_estimation_ros.inference.backends.base import shape_text

Shape = Tuple[int, ...]
NAS = ("num_predictions", "post_nms_boxes", "post_nms_scores", "post_nms_joints")  # endings of names
MOST_BINS = 16  # of SimCC per px
BLAZEPOSE = (195, 117)  # numbers of its landmarks and of its landmarks in space


class Seen(NamedTuple):
    """Hold what is seen of a foreign network.

    Attributes:
        path: its file, for messages.
        channels_last: whether its input is (N, h, w, 3).
        size_wh: size of its input, px.
        outputs: shape of each output for one picture, in the order of the file.
        free: names of the outputs whose number of people changes from picture to picture.
        ultralytics: what Ultralytics wrote into the file.
        has_pipeline: whether MMDeploy's pipeline.json lies beside it.
        order: options of the import.
    """

    path: str
    channels_last: bool
    size_wh: Tuple[int, int]
    outputs: Dict[str, Shape]
    free: Tuple[str, ...]
    ultralytics: Optional[Ultralytics]
    has_pipeline: bool
    order: ModelImport

    def ranks(self, rank: int) -> List[str]:
        """List the outputs with a number of axes."""
        return [name for name, shape in self.outputs.items() if len(shape) == rank]


def detect(seen: Seen) -> Contract:
    """Tell what a network gives.

    Args:
        seen: what is seen of it.

    Raises:
        ModelError: it is of a kind that cannot be used, or of none that is known.
        ConfigError: an option is needed, or does not go with what is seen.
    """
    contract = next(filter(None, (rule(seen) for rule in RULES)), None)
    if contract is None:
        outputs = ", ".join("%s %s" % (name, shape_text(shape)) for name, shape in seen.outputs.items())
        text = "%s: expected the outputs of a known pose model, got %s; --detector is for boxes alone"
        raise ModelError(text % (seen.path, outputs))
    _check(seen, contract)
    return contract


def _check(seen: Seen, contract: Contract) -> None:
    """Check the number of keypoints and the family that the user named."""
    order = seen.order
    if contract.keypoints > MAX_KEYPOINTS:
        text = "%s: expected at most %d keypoints, which the ROS messages can describe, got %d"
        raise ModelError(text % (seen.path, MAX_KEYPOINTS, contract.keypoints))
    if contract.keypoints < 1:
        raise ModelError("%s: expected keypoints in the outputs, got none" % seen.path)
    if order.keypoints is not None and order.keypoints != contract.keypoints:
        text = "%s: expected --keypoints %d, as its outputs have, got %d"
        raise ConfigError(text % (seen.path, contract.keypoints, order.keypoints))
    if order.like is not None and contract.kind not in FAMILIES[order.like].kinds:
        known = ", ".join(families_of(contract.kind))
        text = "%s: expected --like out of %s, as its outputs are (%s), got %r"
        raise ConfigError(text % (seen.path, known, contract.reason, order.like))


def _ultralytics(seen: Seen) -> Optional[Contract]:
    """Conclude from what Ultralytics wrote into the file."""
    told = seen.ultralytics
    if told is None:
        return None
    (name, shape) = next(iter(seen.outputs.items()))
    columns = told.dims * told.keypoints + (6 if told.gives_rows else 4 + len(told.classes))
    axis = 2 if told.gives_rows else 1
    if len(seen.outputs) != 1 or len(shape) != 3 or shape[axis] != columns:
        wanted = "(1, people, %d)" if told.gives_rows else "(1, %d, candidates)"
        text = "%s: expected one output " + wanted + " by its texts, got %s"
        raise ModelError(text % (seen.path, columns, " and ".join(map(shape_text, seen.outputs.values()))))
    person = _person_class(seen, told.classes)
    kind, what = ("rows", "rows of people") if told.gives_rows else ("raw_yolo", "raw candidates")
    reason = "%s of Ultralytics, class %r, by the texts in the file" % (what, told.classes[person])
    people = None if name in seen.free and told.gives_rows else shape[3 - axis]
    return Contract(
        kind, (name,), told.keypoints, "yolo-pose", reason, told.dims, len(told.classes), person, people
    )  # fmt: skip


def _person_class(seen: Seen, classes: Tuple[str, ...]) -> int:
    """Return the index of the class that is wanted: the only one, "person", or the user's choice."""
    wanted = seen.order.person_class
    if wanted is not None:
        index = class_index(wanted, classes, len(classes))
        if index is None:
            text = "%s: expected --person-class out of %s, got %s"
            raise ConfigError(text % (seen.path, shown(classes), shown(wanted)))
        return index
    people = person_classes(classes)
    if len(classes) == 1:
        return 0
    if len(people) != 1:
        text = "%s: expected --person-class with one of its classes, as none or several are 'person': %s"
        raise ConfigError(text % (seen.path, shown(classes)))
    return people[0]


def _simcc(seen: Seen) -> Optional[Contract]:
    """Find two outputs (N, K, bins) whose lengths are the same multiple of width and height."""
    width, height = seen.size_wh
    threes = sorted(seen.ranks(3), key=lambda name: name[-1:].lower() == "y")  # x first where the names tell
    if "simcc_z" in seen.outputs or (len(threes) == 3 and "simcc_x" in seen.outputs):
        raise ModelError("%s: expected outputs for x and y, got a third one: 3D keypoints are another task" % seen.path)
    if len(threes) != 2 or len(seen.outputs) != 2:
        return None
    named = set(threes) == {"simcc_x", "simcc_y"}
    for x, y in (("simcc_x", "simcc_y"),) if named else (threes, threes[::-1]):
        (_n, count, across), (_m, other, down) = seen.outputs[x], seen.outputs[y]
        if count == other and across * height == down * width and width <= across <= MOST_BINS * width:
            ratio = across / width
            reason = "two outputs of %g bins per px, x in %s, y in %s" % (ratio, shown(x), shown(y))
            return Contract("simcc", (x, y), count, "rtmpose", reason, ratio=ratio)
    if named:
        text = "%s: expected 1 to %d bins per px, in proportion to %d x %d px, got %s"
        shapes = " and ".join(shape_text(seen.outputs[name]) for name in threes)
        raise ModelError(text % (seen.path, MOST_BINS, width, height, shapes))
    return None


def _decoded(seen: Seen) -> Optional[Contract]:
    """Find xy (N, K, 2) and scores (N, K), as MMDeploy's export_postprocess gives them."""
    threes, twos = seen.ranks(3), seen.ranks(2)
    if len(threes) != 1 or len(twos) != 1 or seen.outputs[threes[0]][1:] != (seen.outputs[twos[0]][1], 2):
        return None
    if not seen.has_pipeline and seen.order.like is None:
        text = "%s: expected --like rtmpose if the outputs are keypoints in px of the input and scores, got none"
        raise ConfigError(text % seen.path)
    count = seen.outputs[twos[0]][1]
    return Contract("decoded", (threes[0], twos[0]), count, "rtmpose", "keypoints in px of the input, and scores")


def _dets(seen: Seen) -> Optional[Contract]:
    """Find boxes with scores (N, M, 5) and keypoints (N, M, K, 2 or 3)."""
    boxes = [name for name in seen.ranks(3) if seen.outputs[name][2] == 5]
    points = [name for name in seen.ranks(4) if seen.outputs[name][3] in (2, 3)]
    if len(boxes) != 1 or len(points) != 1 or seen.channels_last or len(seen.outputs) != 2:
        return None
    _n, people, count, dims = seen.outputs[points[0]]
    if seen.outputs[boxes[0]][:2] != (_n, people):
        return None
    is_free = bool({boxes[0], points[0]}.intersection(seen.free))
    reason = "boxes with scores, and their keypoints"
    candidates = None if is_free else people
    return Contract("dets", (boxes[0], points[0]), count, "rtmo", reason, dims, candidates=candidates)


def _movenet(seen: Seen) -> Optional[Contract]:
    """Find (1, 1, K, 3) or (1, M, 3 K + 5) behind an input whose channels are last."""
    if not seen.channels_last or len(seen.outputs) != 1:
        return None
    (name, shape) = next(iter(seen.outputs.items()))
    if len(shape) == 4 and shape[:2] == (1, 1) and shape[3] == 3:
        return Contract("movenet", (name,), shape[2], "movenet", "one person's y, x, score; channels are last")
    if len(shape) == 3 and shape[0] == 1 and shape[2] > 5 and (shape[2] - 5) % 3 == 0:
        reason = "%d people's y, x, score, and boxes; channels are last" % shape[1]
        return Contract("movenet_multi", (name,), (shape[2] - 5) // 3, "movenet", reason, candidates=shape[1])
    return None


def _yolo_nas(seen: Seen) -> Optional[Contract]:
    """Find the outputs of YOLO-NAS-pose by the endings of their names."""
    for name, shape in seen.outputs.items():
        if name.endswith("flat_predictions") and len(shape) == 2 and shape[1] > 6 and (shape[1] - 6) % 3 == 0:
            reason = "flat predictions: image, box, score, keypoints"
            return Contract("flat", (name,), (shape[1] - 6) // 3, "yolo-nas-pose", reason)
    named = [next((name for name in seen.outputs if name.endswith(ending)), "") for ending in NAS]
    if not all(named):
        return None
    joints = seen.outputs[named[3]]
    if len(joints) != 4 or joints[3] != 3:
        raise ModelError("%s: expected joints (1, M, K, 3), got %s" % (seen.path, shape_text(joints)))
    reason = "number of people, boxes, scores and joints"
    return Contract("batch", tuple(named), joints[2], "yolo-nas-pose", reason, candidates=joints[1])


def _associative_embedding(seen: Seen) -> Optional[Contract]:
    """Find (1, 2 K, h / 4, w / 4) and (1, K, h / 2, w / 2)."""
    width, height = seen.size_wh
    fours = seen.ranks(4)
    small = [name for name in fours if seen.outputs[name][2:] == (height // 4, width // 4)]
    large = [name for name in fours if seen.outputs[name][2:] == (height // 2, width // 2)]
    if len(fours) != 2 or len(small) != 1 or len(large) != 1:
        return None
    count = seen.outputs[large[0]][1]
    if seen.outputs[small[0]][1] != 2 * count:
        text = "%s: expected heatmaps and tags of %d keypoints in %s, got %d channels"
        raise ModelError(text % (seen.path, count, small[0], seen.outputs[small[0]][1]))
    reason = "heatmaps and tags at 1/4, heatmaps at 1/2"
    return Contract("associative_embedding", (small[0], large[0]), count, "", reason, ratio=4)


def _part_fields(seen: Seen) -> Optional[Contract]:
    """Refuse the part affinity fields of OpenPose and trt_pose: two kinds of maps of one size."""
    fours = seen.ranks(4)
    if len(fours) > 1 and len({seen.outputs[name][2:] for name in fours}) == 1:
        shapes = " and ".join(shape_text(seen.outputs[name]) for name in fours)
        text = (
            "%s: expected heatmaps alone or with tags, got %s: part affinity fields (OpenPose, trt_pose) are not read"
        )
        raise ModelError(text % (seen.path, shapes))
    return None


def _blazepose(seen: Seen) -> Optional[Contract]:
    """Refuse BlazePose's landmarks."""
    if seen.channels_last and any(shape[-1:] in [(n,) for n in BLAZEPOSE] for shape in seen.outputs.values()):
        text = "%s: expected a model that takes a picture or a box, got BlazePose, which needs its own rotated crops"
        raise ModelError(text % seen.path)
    return None


def _heatmaps(seen: Seen) -> Optional[Contract]:
    """Find heatmaps (N, K, h / s, w / s); a second output of their peaks is left out for pp-tinypose."""
    width, height = seen.size_wh
    fours = seen.ranks(4)
    alone = len(seen.outputs) == 1 or seen.order.like == "pp-tinypose"
    if len(fours) != 1 or not alone or seen.channels_last:
        return None
    _n, count, down, across = seen.outputs[fours[0]]
    if not down or not across or height % down or width % across or height // down != width // across:
        return None
    stride = height // down
    if stride > LARGEST_STRIDE:
        return None
    return Contract("heatmaps", (fours[0],), count, "", "one output at 1/%d of the input" % stride, ratio=stride)


def _yolo_by_option(seen: Seen) -> Optional[Contract]:
    """Read (1, 4 + C + D K, M) or (1, M, 6 + D K) without texts in the file, if the user says that it is one."""
    threes = seen.ranks(3)
    if len(threes) != 1 or len(seen.outputs) != 1 or seen.channels_last:
        return None
    count = seen.order.keypoints
    if seen.order.like != "yolo-pose" or count is None:
        text = "%s: expected --like yolo-pose --keypoints K if it is one of Ultralytics, as %s alone does not tell"
        raise ConfigError(text % (seen.path, shape_text(seen.outputs[threes[0]])))
    _n, rows, columns = seen.outputs[threes[0]]
    for dims in (3, 2):
        if rows == 5 + dims * count:
            return Contract(
                "raw_yolo", (threes[0],), count, "yolo-pose", "raw candidates", dims, candidates=columns
            )  # fmt: skip
        if columns == 6 + dims * count:
            people = None if threes[0] in seen.free else rows
            return Contract("rows", (threes[0],), count, "yolo-pose", "rows of people", dims, candidates=people)
    text = "%s: expected 5 + 3 K or 5 + 2 K channels, or rows of 6 + 3 K or 6 + 2 K, of K = %d keypoints, got %s"
    raise ConfigError(text % (seen.path, count, shape_text(seen.outputs[threes[0]])))


Rule = Callable[[Seen], Optional[Contract]]
RULES: Tuple[Rule, ...] = (
    _ultralytics, _simcc, _dets, _movenet, _yolo_nas, _blazepose, _associative_embedding, _part_fields, _heatmaps,
    _decoded, _yolo_by_option,
)  # fmt: skip
