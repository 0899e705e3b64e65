"""Compare the inputs and outputs of an open network with those in its spec."""

from typing import Dict

from pose_estimation_ros.core.errors import ModelError, shown
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.backends.base import Backend, Shape, shape_text
from pose_estimation_ros.inference.decoders.make import make_decoder
from pose_estimation_ros.inference.decoders.people import PeopleInGraph


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
    _check_shape(path, "input", (None, 3, height, width), backend.input_shape)
    for name, shape in _output_shapes(backend, spec).items():
        if name not in backend.output_shapes:
            raise ModelError("%s: expected an output %r, got %s" % (path, name, shown(sorted(backend.output_shapes))))
        _check_shape(path, "output %r" % name, shape, backend.output_shapes[name])


def _output_shapes(backend: Backend, spec: ModelSpec) -> Dict[str, Shape]:
    """Return the shapes that the outputs of a model must have, None where any size will do."""
    if spec.task == "top_down":
        return make_decoder(spec).output_shapes(backend.output_shapes)
    if spec.task == "one_stage":
        return PeopleInGraph(spec).output_shapes()
    if spec.task == "person_detector":
        return {"boxes_xyxy": (None, None, 4), "scores": (None, None)}
    width, height = (side // spec.stride for side in spec.input_size_wh)
    keypoints = spec.require_skeleton().num_keypoints
    shape, twice = (None, keypoints, height, width), (None, keypoints, 2 * height, 2 * width)
    return {"heatmaps": shape, "tags": shape, "heatmaps_2x": twice}


def _check_shape(path: str, what: str, expected: Shape, actual: Shape) -> None:
    fits = len(expected) == len(actual) and all(None in pair or pair[0] == pair[1] for pair in zip(expected, actual))
    if not fits:
        raise ModelError("%s: expected %s of shape %s, got %s" % (path, what, shape_text(expected), shape_text(actual)))
