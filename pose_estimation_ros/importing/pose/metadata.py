"""Read what exporting programs write about a pose model: Ultralytics into the file, MMDeploy beside it."""

import ast
import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from pose_estimation_ros.core.atomic_files import is_number, is_whole_number, read_json
from pose_estimation_ros.core.errors import ModelError, shown
from pose_estimation_ros.core.model_spec import LARGEST_SIDE
from pose_estimation_ros.core.skeleton import MAX_KEYPOINTS
from pose_estimation_ros.importing.model_import import Channels
from pose_estimation_ros.importing.pose.families import UDP, Family

LONGEST_TEXT = 100000  # letters of a text that is parsed
PIPELINE = "pipeline.json"
MOST_CLASSES = 10000


class Ultralytics(NamedTuple):
    """Hold what Ultralytics wrote about a pose model.

    Attributes:
        keypoints: number of keypoints.
        dims: 3 where keypoints have a visibility, else 2.
        classes: names of the classes.
        gives_rows: whether the network gives rows of people that need no suppression.
        size_wh: size of the input, px, None where it is not told.
        keypoint_names: names of the keypoints by class, empty where they are not told.
        licence: text on the licence.
    """

    keypoints: int
    dims: int
    classes: Tuple[str, ...]
    gives_rows: bool
    size_wh: Optional[Tuple[int, int]]
    keypoint_names: Dict[int, Tuple[str, ...]]
    licence: str


def read_ultralytics(path: str, metadata: Mapping[str, str]) -> Optional[Ultralytics]:
    """Read what Ultralytics wrote into a file.

    Args:
        path: the file, for messages.
        metadata: texts in the file.

    Returns:
        What it says, None where the file has no such texts.

    Raises:
        ModelError: it is no pose model, or a text is damaged.
    """
    if "task" not in metadata or not {"names", "stride", "kpt_shape"}.intersection(metadata):
        return None
    task = metadata["task"]
    if task != "pose":
        hint = ": give --detector" if task == "detect" else ""
        raise ModelError("%s: expected a pose model, got one of Ultralytics for %s%s" % (path, shown(task), hint))
    values = {name: literal(text) for name, text in metadata.items()}
    keypoints, dims = _shape(path, values.get("kpt_shape"))
    rows = suppresses(values)
    names = class_names(path, values.get("names"))
    keypoint_names = _keypoint_names(values.get("kpt_names"), keypoints)
    size_wh = input_size(values.get("imgsz"))
    return Ultralytics(keypoints, dims, names, rows, size_wh, keypoint_names, metadata.get("license", ""))


def suppresses(values: Mapping[str, Any]) -> bool:
    """Tell whether the network suppresses duplicates itself, by the values that Ultralytics wrote."""
    args = values.get("args")
    return values.get("end2end") is True or (isinstance(args, dict) and args.get("nms") is True)


def literal(text: str) -> Any:
    """Return the value that a text writes as Python does, else the text."""
    if len(text) > LONGEST_TEXT:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _shape(path: str, shape: Any) -> Tuple[int, int]:
    """Return kpt_shape, the number of keypoints and of numbers per keypoint."""
    is_pair = isinstance(shape, (list, tuple)) and len(shape) == 2
    if not is_pair or not is_whole_number(shape[0], 1, MAX_KEYPOINTS) or not is_whole_number(shape[1], 2, 3):
        raise ModelError("%s: expected kpt_shape [keypoints, 2 or 3] in its texts, got %s" % (path, shown(shape)))
    return shape[0], shape[1]


def class_names(path: str, names: object) -> Tuple[str, ...]:
    """Return the names of the classes 0, 1, ... from {0: name, ...} or a list."""
    table = dict(enumerate(names)) if isinstance(names, (list, tuple)) else names
    if not isinstance(table, dict) or not 1 <= len(table) <= MOST_CLASSES or set(table) != set(range(len(table))):
        raise ModelError("%s: expected names {0: 'person', ...} in its texts, got %s" % (path, shown(names)))
    return tuple(str(table[index]) for index in range(len(table)))


def class_index(wanted: str, names: Sequence[str], count: int) -> Optional[int]:
    """Return the index of a class that a user names, None where there is no such class.

    Args:
        wanted: its name, or its number in decimal digits.
        names: names of the classes, empty where they are not known.
        count: number of classes.
    """
    if wanted in names:
        return list(names).index(wanted)
    index = int(wanted) if re.fullmatch("[0-9]{1,9}", wanted) else count
    return index if index < count else None


def person_classes(names: Sequence[str]) -> List[int]:
    """List the indices of the classes called "person", in any case."""
    return [i for i, name in enumerate(names) if name.strip().lower() == "person"]


def _keypoint_names(names: object, count: int) -> Dict[int, Tuple[str, ...]]:
    """Return the keypoints' names by class; those that do not fit the number of keypoints are left out."""
    table = names if isinstance(names, dict) else {0: names}
    lists = {index: value for index, value in table.items() if isinstance(value, (list, tuple)) and len(value) == count}
    return {index: tuple(map(str, value)) for index, value in lists.items() if isinstance(index, int)}


def input_size(imgsz: object) -> Optional[Tuple[int, int]]:
    """Return (width, height) of imgsz, which is [height, width]."""
    if not isinstance(imgsz, (list, tuple)) or len(imgsz) != 2:
        return None
    is_size = all(is_whole_number(side, 8, LARGEST_SIDE) for side in imgsz)
    return (imgsz[1], imgsz[0]) if is_size else None


def read_pipeline(model_path: str) -> Optional[Family]:
    """Read the conventions in MMDeploy's pipeline.json beside a file.

    Args:
        model_path: the ONNX file.

    Returns:
        The conventions, None where there is no such file, or it is for another kind of model.

    Raises:
        ModelError: the file is damaged.
    """
    path = os.path.join(os.path.dirname(model_path), PIPELINE)
    last, transforms = pipeline_of(path, "mmpose")
    steps = {str(step.get("type")): step for step in transforms}
    component = str(last.get("component")) if last else ""
    if last is None or "Normalize" not in steps or not re.search("SimCC|Heatmap", component):
        return None
    mean, std, color = normalisation(path, steps["Normalize"])
    padding = steps.get("TopDownGetBboxCenterScale", {}).get("padding", 1.25)
    if not is_number(padding, 0.1, 10):
        raise ModelError("%s: expected padding as a number, got %s" % (path, shown(padding)))
    family = Family(("simcc", "decoded"), color, mean, std, padding=padding, score_threshold=0.3)
    if "SimCC" in component:
        return family
    return _of_heatmaps(path, family, last.get("params"), steps.get("TopDownAffine", {}))


def _of_heatmaps(path: str, family: Family, told: Any, affine: Mapping[str, Any]) -> Family:
    """Give conventions the decoder of heatmaps that a pipeline names."""
    params: Dict[str, Any] = told if isinstance(told, dict) else {}
    is_udp = bool(params.get("use_udp") or affine.get("use_udp") or params.get("type") == "UDPHeatmap")
    is_dark = is_udp or params.get("post_process") == "unbiased" or bool(params.get("unbiased"))
    kernel = params.get("modulate_kernel", params.get("blur_kernel_size", 11))
    if is_dark and not (is_whole_number(kernel, 3, 99) and kernel % 2):
        raise ModelError(
            "%s: expected the kernel of the blur as an odd number in 3..99, got %s" % (path, shown(kernel))
        )
    options = {"kernel": kernel} if is_dark and kernel != 11 else {}
    return family._replace(
        kinds=("heatmaps",),
        decoder="dark" if is_dark else "quarter_offset",
        decoder_options=dict(UDP, **options) if is_udp else options,
        fit={"crop": "udp" if is_udp else "half_size"},
        score_threshold=0.2,
    )


def normalisation(path: str, step: Mapping[str, Any]) -> Tuple[Channels, Channels, str]:
    """Return mean, std and the order of the channels of a step Normalize. Raises ModelError where they are damaged."""
    mean, std = step.get("mean"), step.get("std")
    for values, least in ((mean, -1e6), (std, 1e-6)):
        if not isinstance(values, list) or len(values) != 3 or not all(is_number(v, least, 1e6) for v in values):
            raise ModelError("%s: expected mean and std of three numbers, got %s" % (path, shown(values)))
    assert isinstance(mean, list) and isinstance(std, list)
    to_rgb = step.get("to_rgb", True)
    if not isinstance(to_rgb, bool):
        raise ModelError("%s: expected to_rgb as true or false, got %s" % (path, shown(to_rgb)))
    color = "rgb" if to_rgb else "bgr"
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), color


def pipeline_of(path: str, module: str) -> Tuple[Optional[Dict[str, Any]], List[Dict[str, Any]]]:
    """Read MMDeploy's pipeline.

    Args:
        path: pipeline.json, which may be missing.
        module: the program whose task is wanted, "mmpose" or "mmdet".

    Returns:
        The task of that program, None where there is none, and the transforms of all tasks in their order.

    Raises:
        ModelError: the file is damaged.
    """
    if not os.path.isfile(path):
        return None, []
    content = read_json(path, ModelError)
    pipeline = content.get("pipeline") if isinstance(content, dict) else None
    entries = pipeline.get("tasks") if isinstance(pipeline, dict) else None
    if not isinstance(entries, list):
        raise ModelError("%s: expected MMDeploy's {pipeline: {tasks: [...]}}, got %s" % (path, shown(content)))
    tasks = objects(entries)
    transforms = [step for task in tasks for step in objects(task.get("transforms"))]
    return next((task for task in tasks if task.get("module") == module), None), transforms


def objects(values: Any) -> List[Dict[str, Any]]:
    """Return the objects of a list; anything else has none."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
