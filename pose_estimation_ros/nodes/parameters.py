"""Parameters of the nodes: one table each, with descriptions and ranges; what is not in the table is refused."""

import difflib
from typing import Any, Dict, NamedTuple, Sequence

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.pipeline import PipelineOptions

# low, high: of numbers, both included.
Parameter = NamedTuple(
    "Parameter", [("name", str), ("default", Any), ("description", str), ("low", float), ("high", float)]
)


def _parameter(name, default, description, low=None, high=None):
    # type: (str, Any, str, float, float) -> Parameter
    return Parameter(name, default, description, low, high)


_DEFAULTS = PipelineOptions()

PIPELINE_PARAMETERS = [
    _parameter("model", _DEFAULTS.model, "Name or path of a model: x or x.onnx for the CPU, x.engine for TensorRT."),
    _parameter(
        "detector",
        _DEFAULTS.detector,
        '"full_frame" (one person fills the view), name of a detector, or path of an own, YOLOX or NanoDet-m .onnx.',
    ),
    _parameter(
        "detect_every",
        _DEFAULTS.detect_every,
        "Frames from one run of the detector to the next; between them boxes follow the poses.",
        1,
        1000,
    ),
    _parameter("score_threshold", _DEFAULTS.score_threshold, "Keypoints below get score 0, not found.", 0.0, 1.0),
    _parameter("person_threshold", _DEFAULTS.person_threshold, "People below this score are dropped.", 0.0, 1.0),
    _parameter("max_people", _DEFAULTS.max_people, "People per frame at most, the detector's best.", 1, 1000),
    _parameter("tracking", _DEFAULTS.tracking, "Give people ids that stay from frame to frame."),
    _parameter("smoothing", _DEFAULTS.smoothing, "One-Euro filter per tracked keypoint; needs tracking."),
    _parameter("flip_test", _DEFAULTS.flip_test, "Run mirrored crops too: better, twice the time."),
    _parameter("fallback", True, "Where an engine cannot be used, or fails, go on with its ONNX model on the CPU."),
    _parameter("cpu_engine", _DEFAULTS.cpu_engine, "What runs .onnx models: onnxruntime, or openvino if installed."),
    _parameter("threads", _DEFAULTS.threads, "CPU threads of the networks; 0: as many as cores.", 0, 256),
]

POSE_PARAMETERS = PIPELINE_PARAMETERS + [
    _parameter(
        "marker_metres_per_px",
        0.002,
        "Size of the markers: they lie in a plane 1 m before the camera, a pixel being this large.",
        1e-6,
        1.0,
    ),
    _parameter("marker_lifetime_s", 0.5, "Seconds after which RViz drops a marker by itself; 0: never.", 0.0, 3600.0),
]

VIDEO_PARAMETERS = [
    _parameter("source", "", "An image, a folder of images, a video file, or a camera index such as 0. Required."),
    _parameter("rate_hz", 0.0, "Images per second; 0: as the source says.", 0.0, 1000.0),
    _parameter("loop", True, "Begin again at the end; else the node ends there."),
    _parameter("frame_id", "camera", "frame_id of the images' headers."),
    _parameter("width", 0, "Pixels to resize to, together with height; 0: as the source.", 0, 16384),
    _parameter("height", 0, "Pixels to resize to, together with width; 0: as the source.", 0, 16384),
    _parameter("wait_for_subscribers", 0, "Start only when so many nodes subscribe to the images.", 0, 100),
]

# Declared by rclpy itself.
BUILT_IN = ("use_sim_time", "start_type_description_service")


def declare(node, table):
    # type: (Node, Sequence[Parameter]) -> Dict[str, Any]
    """Declares the parameters, read-only, and returns name -> value.

    Raises ConfigError for an override (YAML, command line, launch) that is unknown, of a wrong type or out of range.
    """
    _refuse_unknown(node, [parameter.name for parameter in table])
    return {parameter.name: _declare(node, parameter) for parameter in table}


def _refuse_unknown(node, known):
    # type: (Node, Sequence[str]) -> None
    for name in node._parameter_overrides:  # rclpy has no public way to see what was given but never declared
        if name not in known and name not in BUILT_IN and not name.startswith("qos_overrides."):
            near = difflib.get_close_matches(name, known, 1)
            hint = "did you mean %r? " % near[0] if near else ""
            raise ConfigError("unknown parameter %r; %sknown: %s" % (name, hint, ", ".join(sorted(known))))


def _declare(node, parameter):
    # type: (Node, Parameter) -> Any
    try:
        return node.declare_parameter(parameter.name, parameter.default, _descriptor(parameter)).value
    except ParameterException as error:
        given = node._parameter_overrides[parameter.name].value
        expected = type(parameter.default).__name__
        if parameter.low is not None:
            expected += " in %s..%s" % (parameter.low, parameter.high)
        message = "parameter %s: expected %s, got %r (%s)"
        raise ConfigError(message % (parameter.name, expected, given, str(error).strip()))


def _descriptor(parameter):
    # type: (Parameter) -> ParameterDescriptor
    descriptor = ParameterDescriptor(description=parameter.description, read_only=True)
    if parameter.low is not None:
        if isinstance(parameter.default, float):
            bounds = FloatingPointRange(from_value=float(parameter.low), to_value=float(parameter.high))
            descriptor.floating_point_range = [bounds]
        else:
            descriptor.integer_range = [IntegerRange(from_value=parameter.low, to_value=parameter.high, step=1)]
    return descriptor
