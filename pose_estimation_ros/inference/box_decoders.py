"""Decode the outputs of detector networks to person boxes in pixels of the input, by one function per family."""

import re
from typing import Dict, Iterable, List, Optional, Tuple

import numpy as np

PERSON = 0  # index of the class in COCO-trained detectors
YOLOX_STRIDES = (8, 16, 32)
NANODET_OUTPUT = re.compile(r"(cls|dis)_pred_stride_(\d+)$")


def decode_plain(outputs: Dict[str, np.ndarray], size_wh: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Read the outputs of this package's detector, which decodes in its graph.

    Args:
        outputs: "boxes_xyxy" (1, M, 4) in input px, "scores" (1, M).
        size_wh: width and height of the input, not used.

    Returns:
        Boxes (M, 4) xyxy and scores (M,).
    """
    return outputs["boxes_xyxy"][0], outputs["scores"][0]


def decode_yolox(outputs: Dict[str, np.ndarray], size_wh: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Decode YOLOX as its own export writes it ("YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430).

    Rows are centre offset x, y and log width, height in units of the cell's stride, objectness, class scores; the cells
    of strides 8, 16, 32 one after the other, row by row.

    Args:
        outputs: one output (1, M, 5 + classes).
        size_wh: width and height of the input, px.

    Returns:
        Boxes (M, 4) xyxy in input px and scores (M,).
    """
    rows = next(iter(outputs.values()))[0]
    cell, stride = _cells(size_wh, YOLOX_STRIDES)
    centre = (rows[:, :2] + cell) * stride
    half = np.exp(rows[:, 2:4]) * stride / 2
    return np.concatenate([centre - half, centre + half], 1), rows[:, 4] * rows[:, 5 + PERSON]


def decode_nanodet(outputs: Dict[str, np.ndarray], size_wh: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Decode NanoDet-m.

    The distances from the cell's centre to the four sides are means of discrete distributions over 0, 1, ... strides
    ("Generalized Focal Loss", arXiv:2006.04388).

    Args:
        outputs: per stride "cls_pred_stride_S" (1, M, classes), after the sigmoid, and "dis_pred_stride_S"
            (1, M, 4 bins).
        size_wh: width and height of the input, px.

    Returns:
        Boxes (M, 4) xyxy in input px and scores (M,).
    """
    strides = nanodet_strides(list(outputs))
    scores = np.concatenate([outputs["cls_pred_stride_%d" % s][0, :, PERSON] for s in strides])
    distances = np.concatenate([outputs["dis_pred_stride_%d" % s][0] for s in strides])
    distances = np.exp(distances.reshape(len(scores), 4, -1))
    distances /= distances.sum(-1, keepdims=True)
    cell, stride = _cells(size_wh, strides)
    centre = (cell + 0.5) * stride
    sides = distances @ np.arange(distances.shape[-1]) * stride
    return np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], 1), scores


def nanodet_strides(names: List[str]) -> List[int]:
    """Return the strides in the names of NanoDet's outputs, smallest first; none where the names are not NanoDet's."""
    matches = [match for match in map(NANODET_OUTPUT.match, names) if match]
    kinds = {(match.group(1), int(match.group(2))) for match in matches}
    strides = sorted({stride for _kind, stride in kinds})
    return strides if len(names) == len(kinds) == 2 * len(strides) else []


def is_yolox(output_shapes: Dict[str, Tuple[Optional[int], ...]], size_wh: Tuple[int, int]) -> bool:
    """Tell whether there is one output with a row per cell of YOLOX's grids and at least one class.

    Args:
        output_shapes: by name, None where a dimension is free.
        size_wh: width and height of the input, px.
    """
    shapes = list(output_shapes.values())
    if len(shapes) != 1 or len(shapes[0]) != 3 or None in shapes[0][1:]:
        return False
    _batch, cells, columns = shapes[0]
    return columns is not None and columns > 5 and cells == len(_cells(size_wh, YOLOX_STRIDES)[0])


def _cells(size_wh: Tuple[int, int], strides: Iterable[int]) -> Tuple[np.ndarray, np.ndarray]:
    """Return column and row (M, 2) of every cell of every stride, and its stride (M, 1)."""
    cells, cell_strides = [], []
    for stride in strides:
        width, height = (-(-size // stride) for size in size_wh)
        y, x = np.divmod(np.arange(width * height), width)
        cells.append(np.stack([x, y], 1))
        cell_strides.append(np.full((width * height, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(cell_strides).astype(np.float32)
