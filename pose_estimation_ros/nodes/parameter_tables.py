"""The parameters of the nodes with their meaning, ranges and choices; docs/ros-interface.md shows the same tables."""

from typing import Any, NamedTuple, Optional, Tuple

from pose_estimation_ros.inference.backend import CPU_ENGINES
from pose_estimation_ros.inference.pipeline import LIVE, RANGES, PipelineOptions


class Parameter(NamedTuple):
    """low, high: of numbers, both included. live: may be set while the node runs. choices: empty where all are good."""

    name: str
    default: Any
    description: str
    low: Optional[float] = None
    high: Optional[float] = None
    live: bool = False
    choices: Tuple = ()


_DEFAULTS = PipelineOptions(fallback=True)


def _of_pipeline(name, description, **more):
    # type: (str, str, Any) -> Parameter
    low, high = RANGES.get(name, (None, None))
    return Parameter(name, getattr(_DEFAULTS, name), description, low, high, name in LIVE, **more)


PIPELINE_PARAMETERS = [
    _of_pipeline("model", "Name or path of a model: x or x.onnx for the CPU, x.engine for TensorRT."),
    _of_pipeline(
        "detector",
        '"full_frame" (one person fills the view), name of a detector, or path of an own, YOLOX or NanoDet-m .onnx.',
    ),
    _of_pipeline("detect_every", "Frames from one run of the detector to the next; between, boxes follow the poses."),
    _of_pipeline("score_threshold", "Keypoints below get score 0, not found."),
    _of_pipeline("person_threshold", "People below this score are dropped."),
    _of_pipeline("max_people", "People per frame at most, the detector's best."),
    _of_pipeline("tracking", "Give people ids that stay from frame to frame."),
    _of_pipeline("smoothing", "One-Euro filter per tracked keypoint; needs tracking."),
    _of_pipeline("flip_test", "Run mirrored crops too: better, twice the time."),
    _of_pipeline("fallback", "Where an engine cannot be used, or fails, go on with its ONNX model on the CPU."),
    _of_pipeline("cpu_engine", "What runs .onnx models; openvino only if installed.", choices=CPU_ENGINES),
    _of_pipeline("threads", "CPU threads of the networks; 0: as many as cores."),
    _of_pipeline("track_max_age_s", "Seconds for which a confirmed person may be out of sight and keep the id."),
    _of_pipeline("confirm_after", "Sightings that make a person a confirmed one."),
    _of_pipeline("min_cutoff_hz", "One-Euro filter: cut-off at rest, lower is smoother."),
    _of_pipeline("beta", "One-Euro filter: how much quick movement opens it, higher is less lag."),
]

INPUT_PARAMETERS = [
    Parameter("image_topics", ["image"], "Image topics, one per camera. With several, results appear beside each."),
]

POSE_PARAMETERS = (
    [
        Parameter("auto_activate", True, "Configure and activate at the start; else a manager of life cycles does."),
        Parameter(
            "enabled", True, "false: images are ignored, nothing is published, the networks stay loaded.", live=True
        ),
    ]
    + INPUT_PARAMETERS
    + PIPELINE_PARAMETERS
    + [
        Parameter("overlay", True, "false: no pose/image even if somebody subscribes.", live=True),
        Parameter(
            "marker_metres_per_px",
            0.002,
            "Size of the markers: they lie in a plane 1 m before the camera, a pixel being this large.",
            1e-6,
            1.0,
        ),
        Parameter(
            "marker_lifetime_s", 0.5, "Seconds after which RViz drops a marker by itself; 0: never.", 0.0, 3600.0
        ),
    ]
)

VIDEO_PARAMETERS = [
    Parameter("source", "", "An image, a folder of images, a video file, or a camera index such as 0. Required."),
    Parameter("rate_hz", 0.0, "Images per second; 0: as the source says.", 0.0, 1000.0),
    Parameter("loop", True, "Begin again at the end; else the node ends there."),
    Parameter("frame_id", "camera", "frame_id of the images' headers."),
    Parameter("width", 0, "Pixels to resize to, together with height; 0: as the source.", 0, 16384),
    Parameter("height", 0, "Pixels to resize to, together with width; 0: as the source.", 0, 16384),
    Parameter("wait_for_subscribers", 0, "Start only when so many nodes subscribe to the images.", 0, 100),
]
