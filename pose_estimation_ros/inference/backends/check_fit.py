"""Compare the inputs and outputs of an open network with those in its spec."""

from typing import Dict

from pose_estimation_ros.core.errors import ModelError, shown
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec
from pose_estimation_ros.inference.backends.base import Backend, Shape


def check_fit(backend: Backend, spec: ModelSpec, path: str) -> None:
    """Check that a network fits its spec.

    Args:
        backend: the open network.
        spec: spec of the model.
        path: path of the model's file, for messages.

    Raises:
        ModelError: an input or output is missing or has another shape than the spec requires.
    """
    width, height = spec.input_size_wh
    outputs: Dict[str, Shape] = {"boxes_xyxy": (None, None, 4), "scores": (None, None)}
    if spec.task in POSE_TASKS:
        keypoints = spec.require_skeleton().num_keypoints
        outputs = {"heatmaps": (None, keypoints, height // spec.stride, width // spec.stride)}
    if spec.task == "top_down" and "keypoints" in backend.output_shapes:  # decoded in the graph
        outputs = {"keypoints": (None, keypoints, 3)}
    if spec.task == "bottom_up":
        outputs["tags"] = outputs["heatmaps"]
        outputs["heatmaps_2x"] = (None, keypoints, 2 * (height // spec.stride), 2 * (width // spec.stride))
    _check_shape(path, "input", (None, 3, height, width), backend.input_shape)
    for name, shape in outputs.items():
        if name not in backend.output_shapes:
            raise ModelError("%s: expected an output %r, got %s" % (path, name, shown(sorted(backend.output_shapes))))
        _check_shape(path, "output %r" % name, shape, backend.output_shapes[name])


def _check_shape(path: str, what: str, expected: Shape, actual: Shape) -> None:
    fits = len(expected) == len(actual) and all(None in pair or pair[0] == pair[1] for pair in zip(expected, actual))
    if not fits:
        raise ModelError("%s: expected %s of shape %s, got %s" % (path, what, _text(expected), _text(actual)))


def _text(shape: Shape) -> str:
    return "(%s)" % ", ".join("any" if size is None else str(size) for size in shape)
