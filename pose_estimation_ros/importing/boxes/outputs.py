"""Turn the outputs of foreign detectors into "boxes_xyxy" (1, M, 4) in input px and "scores" (1, M) of people.

The nodes stand behind the foreign graph. Of thousands of candidates only the best leave the network.
"""

from typing import Callable, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import onnx

from pose_estimation_ros.importing.network.nodes import Nodes, Value, numbers

FLOAT = onnx.TensorProto.FLOAT
MOST_BOXES = 300  # candidates that leave the network, the best ones
YOLOX_STRIDES = (8, 16, 32)


class Boxes(NamedTuple):
    """Describe what a foreign detector gives.

    Attributes:
        kind: one of KINDS.
        outputs: names of the outputs that are read, in the order that the kind wants.
        classes: number of classes.
        candidates: number of boxes that come out, None where it changes from picture to picture.
        reason: why it is this kind.
        strides: input px per cell of each grid, where the boxes are relative to cells.
        centre: place of a cell's centre in the cell, in cells, for NanoDet: 0.5 or 0.
        bins: number of distances 0, 1, ... cells in NanoDet's distributions.
        person: index of the class that is wanted.
    """

    kind: str
    outputs: Tuple[str, ...]
    classes: int
    candidates: Optional[int]
    reason: str
    strides: Tuple[int, ...] = YOLOX_STRIDES
    centre: float = 0.5
    bins: int = 8
    person: int = 0


def grid_cells(size_wh: Tuple[int, int], strides: Iterable[int]) -> Tuple[np.ndarray, np.ndarray]:
    """List the cells of grids over an input, one grid after the other, row by row.

    Args:
        size_wh: width and height of the input, px.
        strides: input px per cell of each grid.

    Returns:
        Column and row (M, 2) float32 of each cell, and its stride (M, 1) float32.
    """
    cells, cell_strides = [], []
    for stride in strides:
        width, height = (-(-size // stride) for size in size_wh)
        y, x = np.divmod(np.arange(width * height), width)
        cells.append(np.stack([x, y], 1))
        cell_strides.append(np.full((width * height, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(cell_strides).astype(np.float32)


def _yolox(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Decode rows of offset x, y and log w, h in cells, objectness, and scores of classes (arXiv:2107.08430)."""
    table = outputs[0]
    column = 5 + boxes.person
    scores = nodes.add("Mul", nodes.take(table, 2, 4, 5), nodes.take(table, 2, column, column + 1))
    rows, cells, strides = _best(nodes, scores, boxes, table, *grid_cells(size_wh, boxes.strides))
    centres = nodes.add("Mul", nodes.add("Add", nodes.take(rows, 2, 0, 2), cells), strides)
    sizes = nodes.add("Mul", nodes.add("Exp", nodes.take(rows, 2, 2, 4)), strides)
    _name_corners(nodes, centres, sizes)


def _nanodet(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Decode scores of classes and distances to the four sides, which are means of distributions over whole cells.

    The outputs are a table with columns for both, or tables of scores and then tables of distances, one per stride
    ("Generalized Focal Loss", arXiv:2006.04388).
    """
    if len(outputs) == 1:
        table, first_bin = outputs[0], boxes.classes
    else:
        half, first_bin = len(outputs) // 2, 0
        table = nodes.joined(1, *outputs[half:])
    of_classes = table if len(outputs) == 1 else nodes.joined(1, *outputs[:half])
    scores = nodes.take(of_classes, 2, boxes.person, boxes.person + 1)
    rows, cells, strides = _best(nodes, scores, boxes, table, *grid_cells(size_wh, boxes.strides))
    bins = nodes.reshaped(nodes.take(rows, 2, first_bin, first_bin + 4 * boxes.bins), 1, -1, 4, boxes.bins)
    means = nodes.add("MatMul", nodes.add("Softmax", bins, axis=3), np.arange(boxes.bins, dtype=np.float32)[:, None])
    sides = nodes.add("Mul", nodes.reshaped(means, 1, -1, 4), strides)
    centres = nodes.add("Mul", nodes.add("Add", cells, numbers(boxes.centre)), strides)
    corners = (
        nodes.add("Sub", centres, nodes.take(sides, 2, 0, 2)),
        nodes.add("Add", centres, nodes.take(sides, 2, 2, 4)),
    )
    nodes.named(nodes.joined(2, *corners), "boxes_xyxy")


def _columns(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Turn (1, 4 + C, M), box cx, cy, w, h in px and scores of C classes."""
    table = nodes.add("Transpose", outputs[0], perm=[0, 2, 1])
    scores = nodes.take(table, 2, 4 + boxes.person, 5 + boxes.person)
    (rows,) = _best(nodes, scores, boxes, table)
    _name_corners(nodes, nodes.take(rows, 2, 0, 2), nodes.take(rows, 2, 2, 4))


def _detr(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Turn (1, M, 4 + C), box cx, cy, w, h in parts of the input and scores of C classes."""
    scores = nodes.take(outputs[0], 2, 4 + boxes.person, 5 + boxes.person)
    (rows,) = _best(nodes, scores, boxes, outputs[0])
    in_px = nodes.add("Mul", nodes.take(rows, 2, 0, 4), numbers(*(size_wh + size_wh)))
    _name_corners(nodes, nodes.take(in_px, 2, 0, 2), nodes.take(in_px, 2, 2, 4))


def _rows(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Split (1, M, 6), box, score, class, as networks that need no suppression give them."""
    nodes.named(nodes.take(outputs[0], 2, 0, 4), "boxes_xyxy")
    _name_scores_of(nodes, nodes.at(outputs[0], 2, 4), nodes.at(outputs[0], 2, 5), boxes)


def _dets(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Split (1, M, 5), box and score, beside (1, M) classes."""
    nodes.named(nodes.take(outputs[0], 2, 0, 4), "boxes_xyxy")
    _name_scores_of(nodes, nodes.at(outputs[0], 2, 4), outputs[1], boxes)


def _separate(nodes: Nodes, outputs: Sequence[str], boxes: Boxes, size_wh: Tuple[int, int]) -> None:
    """Take boxes (1, M, 4) in px, and scores (1, M)."""
    (rows,) = _best(nodes, nodes.unsqueezed(outputs[1], 2), boxes, outputs[0])
    nodes.named(rows, "boxes_xyxy")


def _best(nodes: Nodes, scores: str, boxes: Boxes, table: str, *of_cells: np.ndarray) -> Tuple[Value, ...]:
    """Name the best scores (1, M, 1), and return the rows of tables (1, M, ...) and (M, ...) that belong to them."""
    flat = nodes.reshaped(scores, 1, -1)
    if boxes.candidates is None or boxes.candidates <= MOST_BOXES:
        nodes.named(flat, "scores")
        return (table,) + tuple(values[None] for values in of_cells)
    best, index = nodes.best(flat, 1, MOST_BOXES)
    nodes.named(best, "scores")
    places = nodes.reshaped(index, -1)
    return tuple(nodes.add("Gather", values, places, axis=1) for values in (table,) + tuple(v[None] for v in of_cells))


def _name_corners(nodes: Nodes, centres: Value, sizes: Value) -> None:
    halves = nodes.add("Mul", sizes, numbers(0.5))
    corners = nodes.add("Sub", centres, halves), nodes.add("Add", centres, halves)
    nodes.named(nodes.joined(2, *corners), "boxes_xyxy")


def _name_scores_of(nodes: Nodes, scores: str, labels: str, boxes: Boxes) -> None:
    """Name the scores (1, M), 0 where the class is not the wanted one."""
    distance = nodes.add("Abs", nodes.add("Sub", labels, numbers(boxes.person)))
    is_wanted = nodes.cast(nodes.add("Less", distance, numbers(0.5)), FLOAT)
    nodes.named(nodes.add("Mul", scores, is_wanted), "scores")


Build = Callable[[Nodes, Sequence[str], Boxes, Tuple[int, int]], None]
KINDS: Dict[str, Build] = {
    "yolox": _yolox,
    "nanodet": _nanodet,
    "columns": _columns,
    "detr": _detr,
    "rows": _rows,
    "dets": _dets,
    "separate": _separate,
}
