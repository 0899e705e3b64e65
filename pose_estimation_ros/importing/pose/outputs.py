"""Turn the outputs of foreign pose networks into those of this package, by nodes behind the foreign graph.

The names and shapes are those of core.model_spec's decoders. Each function takes the foreign outputs in the order that
detect.py found, and names its results.
"""

from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import onnx

from pose_estimation_ros.importing.network.nodes import Nodes, numbers

MOST_PEOPLE = 300  # candidates that leave the network, the best ones
FLOAT = onnx.TensorProto.FLOAT


class Contract(NamedTuple):
    """Describe what a foreign network gives.

    Attributes:
        kind: one of KINDS.
        outputs: names of the outputs that are read, in the order that the kind wants.
        keypoints: number of keypoints K.
        family: the family whose conventions it follows unless the user names another, "" where there are several.
        reason: why it is this kind.
        dims: numbers per keypoint: 3 with a score or visibility, else 2.
        classes: number of classes.
        person: index of the class that is wanted.
        candidates: number of people that come out, None where it changes from picture to picture.
        ratio: heatmaps: input px per heatmap px; SimCC: bins per input px.
    """

    kind: str
    outputs: Tuple[str, ...]
    keypoints: int
    family: str
    reason: str
    dims: int = 3
    classes: int = 1
    person: int = 0
    candidates: Optional[int] = None
    ratio: float = 1


class Kind(NamedTuple):
    """Tell what becomes of a kind of network.

    Attributes:
        task: task of the spec.
        decoders: possible decoders of the spec, the usual one first.
        normalises: whether mean and std may stand before it.
        build: adds the nodes that make the outputs.
    """

    task: str
    decoders: Tuple[str, ...]
    normalises: bool
    build: Callable[[Nodes, Sequence[str], Contract, Tuple[int, int]], None]


def _heatmaps(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    nodes.named(outputs[0], "heatmaps")


def _simcc(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    nodes.named(outputs[0], "simcc_x")
    nodes.named(outputs[1], "simcc_y")


def _decoded(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Join xy (N, K, 2) in input px and score (N, K)."""
    nodes.named(nodes.joined(2, outputs[0], nodes.unsqueezed(outputs[1], 2)), "keypoints")


def _associative_embedding(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Split (1, 2 K, h / 4, w / 4) into heatmaps and tags."""
    count = contract.keypoints
    nodes.named(nodes.take(outputs[0], 1, 0, count), "heatmaps")
    nodes.named(nodes.take(outputs[0], 1, count, 2 * count), "tags")
    nodes.named(outputs[1], "heatmaps_2x")


def _movenet(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Turn (1, 1, K, 3), y, x in parts of the input from its corner, and score, into input px."""
    xy_first = nodes.reordered(outputs[0], 3, (1, 0, 2))
    scaled = nodes.add("Mul", nodes.reshaped(xy_first, 1, contract.keypoints, 3), numbers(*size_wh, 1))
    nodes.named(nodes.add("Add", scaled, numbers(-0.5, -0.5, 0)), "keypoints")


def _movenet_multi(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Turn (1, M, 3 K + 5), keypoints y, x, score, box y1, x1, y2, x2 in parts of the input, and score, into px."""
    end, size = 3 * contract.keypoints, numbers(*size_wh)
    points = nodes.reshaped(nodes.take(outputs[0], 2, 0, end), 1, -1, contract.keypoints, 3)
    xy_first = nodes.reordered(points, 3, (1, 0, 2))
    nodes.named(nodes.add("Mul", xy_first, numbers(*size_wh, 1)), "keypoints")
    corners = nodes.reordered(outputs[0], 2, (end + 1, end, end + 3, end + 2))
    nodes.named(nodes.add("Mul", corners, np.tile(size, 2)), "boxes_xyxy")
    nodes.named(nodes.at(outputs[0], 2, end + 4), "scores")


def _dets(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Split (1, M, 5) into boxes and scores; the keypoints (1, M, K, D) are in px already."""
    nodes.named(nodes.take(outputs[0], 2, 0, 4), "boxes_xyxy")
    scores = nodes.at(outputs[0], 2, 4)
    nodes.named(scores, "scores")
    nodes.named(_with_score(nodes, outputs[1], scores, contract), "keypoints")


def _raw_yolo(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Turn (1, 4 + C + D K, M), box cx, cy, w, h, scores of C classes, keypoints, into the best people."""
    table = outputs[0]
    scores = _of_class(nodes, nodes.take(table, 1, 4, 4 + contract.classes), contract)
    best, index = nodes.best(nodes.reshaped(scores, 1, -1), 1, _most(contract))
    best_columns = nodes.add("Gather", table, nodes.reshaped(index, -1), axis=2)
    rows = nodes.add("Transpose", best_columns, perm=[0, 2, 1])
    centres, sizes = nodes.take(rows, 2, 0, 2), nodes.take(rows, 2, 2, 4)
    halves = nodes.add("Mul", sizes, numbers(0.5))
    corners = nodes.add("Sub", centres, halves), nodes.add("Add", centres, halves)
    nodes.named(nodes.joined(2, *corners), "boxes_xyxy")
    nodes.named(best, "scores")
    nodes.named(_points_of_rows(nodes, rows, 4 + contract.classes, best, contract), "keypoints")


def _of_class(nodes: Nodes, table: str, contract: Contract) -> str:
    """Return the scores (1, 1, M) of the wanted class from (1, C, M), 0 where another class is likelier."""
    if contract.classes == 1:
        return table
    wanted = nodes.take(table, 1, contract.person, contract.person + 1)
    is_best = nodes.add("Not", nodes.add("Less", wanted, nodes.maximum(table, 1)))
    return nodes.add("Mul", wanted, nodes.cast(is_best, FLOAT))


def _rows(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Split (1, M, 6 + D K), box, score, class, keypoints, as networks that need no suppression give them."""
    rows = outputs[0]
    scores = nodes.at(rows, 2, 4)
    if contract.classes > 1:
        distance = nodes.add("Abs", nodes.add("Sub", nodes.at(rows, 2, 5), numbers(contract.person)))
        is_wanted = nodes.cast(nodes.add("Less", distance, numbers(0.5)), FLOAT)
        scores = nodes.add("Mul", scores, is_wanted)
    nodes.named(nodes.take(rows, 2, 0, 4), "boxes_xyxy")
    nodes.named(scores, "scores")
    nodes.named(_points_of_rows(nodes, rows, 6, scores, contract), "keypoints")


def _flat(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Split (M, 6 + 3 K), index of the image, box, score, keypoints."""
    rows = nodes.unsqueezed(outputs[0], 0)
    nodes.named(nodes.take(rows, 2, 1, 5), "boxes_xyxy")
    nodes.named(nodes.at(rows, 2, 5), "scores")
    points = nodes.take(rows, 2, 6, 6 + 3 * contract.keypoints)
    nodes.named(nodes.reshaped(points, 1, -1, contract.keypoints, 3), "keypoints")


def _batch(nodes: Nodes, outputs: Sequence[str], contract: Contract, size_wh: Tuple[int, int]) -> None:
    """Give the M - n rows behind the n people that were found the score 0; n is an output, too."""
    count, boxes, scores, keypoints = outputs
    places = np.arange(contract.candidates or 0, dtype=np.float32)[None]
    is_person = nodes.cast(nodes.add("Less", places, nodes.reshaped(nodes.cast(count, FLOAT), 1, 1)), FLOAT)
    nodes.named(boxes, "boxes_xyxy")
    nodes.named(nodes.add("Mul", scores, is_person), "scores")
    nodes.named(keypoints, "keypoints")


def _points_of_rows(nodes: Nodes, rows: str, begin: int, scores: str, contract: Contract) -> str:
    end = begin + contract.dims * contract.keypoints
    points = nodes.reshaped(nodes.take(rows, 2, begin, end), 1, -1, contract.keypoints, contract.dims)
    return _with_score(nodes, points, scores, contract)


def _with_score(nodes: Nodes, points: str, scores: str, contract: Contract) -> str:
    """Give keypoints (1, M, K, 2) that have no score of their own that of the person."""
    if contract.dims == 3:
        return points
    of_person = nodes.unsqueezed(nodes.unsqueezed(scores, 2), 3)
    return nodes.joined(3, points, nodes.add("Mul", of_person, np.ones((1, 1, contract.keypoints, 1), np.float32)))


def _most(contract: Contract) -> int:
    return min(MOST_PEOPLE, contract.candidates or MOST_PEOPLE)


KINDS: Dict[str, Kind] = {
    "heatmaps": Kind("top_down", ("quarter_offset", "dark"), True, _heatmaps),
    "simcc": Kind("top_down", ("simcc",), True, _simcc),
    "decoded": Kind("top_down", ("keypoints",), True, _decoded),
    "movenet": Kind("top_down", ("keypoints",), False, _movenet),
    "movenet_multi": Kind("one_stage", ("people",), False, _movenet_multi),
    "dets": Kind("one_stage", ("people",), True, _dets),
    "raw_yolo": Kind("one_stage", ("people",), True, _raw_yolo),
    "rows": Kind("one_stage", ("people",), True, _rows),
    "flat": Kind("one_stage", ("people",), False, _flat),
    "batch": Kind("one_stage", ("people",), False, _batch),
    "associative_embedding": Kind("bottom_up", ("associative_embedding",), True, _associative_embedding),
}
