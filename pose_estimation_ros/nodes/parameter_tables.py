"""The parameters of the nodes: meaning, ranges, choices; docs/ros-interface.md shows the same. Loads nothing of ROS."""

from typing import Any, NamedTuple, Optional, Tuple

from pose_estimation_ros.imaging.image_headers import MAX_PIXELS
from pose_estimation_ros.inference.backends.base import CPU_ENGINES
from pose_estimation_ros.inference.options import LIVE, RANGES, PipelineOptions

TRANSPORTS, QOS, ROTATIONS = ("raw", "compressed"), ("auto", "best_effort", "reliable"), (0, 90, 180, 270)

SENSOR_BITS = (0, 8, 9, 10, 11, 12, 13, 14, 15, 16)
MONO16_BITS = "Bits used of samples of 16 bits; 0: the fewest of 8, 10, 12, 14, 16 that hold the largest value."


class Parameter(NamedTuple):
    """low, high: of numbers, both included. live: may be set while the node runs. choices: empty where all are good.

    number_too: of a text, which may be given as a whole number. topic: the value is the name of a topic, or a list of
    them; a single name may be empty.
    """

    name: str
    default: Any
    description: str
    low: Optional[float] = None
    high: Optional[float] = None
    live: bool = False
    choices: Tuple = ()
    number_too: bool = False
    topic: bool = False


_DEFAULTS = PipelineOptions(fallback=True)


def _of_pipeline(name: str, description: str, **more: Any) -> Parameter:
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
    Parameter(
        "image_topics", ["image"], "Image topics, one per camera. With several, results appear beside each.", topic=True
    ),
    Parameter("image_transport", "raw", "compressed: JPEG or PNG on <image topic>/compressed.", choices=TRANSPORTS),
    Parameter(
        "qos", "auto", "Reliability asked of images; auto: best effort, reliable if that brings none.", choices=QOS
    ),
    Parameter("max_age_ms", 0.0, "Older images are dropped; 0: none are.", 0.0, 60000.0, live=True),
    Parameter("max_image_pixels", MAX_PIXELS, "Larger images and depth images are dropped.", 1, 3 * 10**8),
    Parameter("mono16_bits", 0, MONO16_BITS, choices=SENSOR_BITS),
    Parameter("roi_xywh", [0, 0, 0, 0], "Part of the image to look at: x, y, width, height px; 0: as far as it goes."),
    Parameter("rotation_deg", 0, "How far clockwise the image is to be turned to stand upright.", choices=ROTATIONS),
    Parameter(
        "camera_info_topic",
        "camera_info",
        "Calibration; relative: beside the image topic. Empty: none. A remapping of camera_info wins.",
        topic=True,
    ),
    Parameter("image_rectified", False, "The image is image_proc's: without distortion, with the matrix P."),
    Parameter(
        "depth_topic",
        "",
        "Depth image aligned with the image (REP-118), for joints in space. Empty: none. A remapping of depth wins.",
        topic=True,
    ),
    Parameter("depth_slop_s", 0.03, "Largest time difference between an image and its depth image, s.", 0.0, 1.0),
    Parameter("depth_window", 0.02, "Half side of the square where depth is looked for, in box heights.", 0.005, 0.1),
    Parameter("depth_nearest_m", 0.2, "Nearest distance that the depth camera measures, m.", 0.0, 10.0),
    Parameter("depth_farthest_m", 10.0, "Farthest distance that the depth camera measures, m.", 0.1, 100.0),
    Parameter(
        "detections_topic",
        "",
        "vision_msgs/Detection2DArray with people, in place of the detector. Empty: none. A remapping of detections"
        " wins.",
        topic=True,
    ),
    Parameter("detections_slop_s", 0.0, "Largest time difference between an image and its detections, s.", 0.0, 1.0),
    Parameter("detections_min_score", 0.3, "Detections of a lower score are not looked at.", 0.0, 1.0, live=True),
    Parameter("person_classes", ["person"], "Ids of those detections that are people."),
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
            "Size of a pixel in the plane of markers without depth, where no CameraInfo tells, m.",
            1e-6,
            1.0,
        ),
        Parameter("marker_distance_m", 1.0, "Distance of that plane from the camera, m.", 0.1, 100.0),
        Parameter(
            "marker_lifetime_s", 0.5, "Seconds after which RViz drops a marker by itself; 0: never.", 0.0, 3600.0
        ),
        Parameter("hri", False, "Also publish REP-155's humans/bodies/...; needs hri_msgs."),
        Parameter("foxglove", False, "Also publish pose/annotations for Foxglove; needs foxglove_msgs."),
    ]
)

VIDEO_PARAMETERS = [
    Parameter(
        "source",
        "",
        "An image, a folder of images, a video, a URL, or a camera such as 0 or /dev/video0. Required.",
        number_too=True,
    ),
    Parameter("rate_hz", 0.0, "Images per second; 0: as the source says, each image at its time.", 0.0, 1000.0),
    Parameter("loop", True, "Begin again at the end; else the node ends there."),
    Parameter("frame_id", "camera", "frame_id of the images' headers."),
    Parameter("width", 0, "Pixels to resize to, together with height; 0: as the source.", 0, 16384),
    Parameter("height", 0, "Pixels to resize to, together with width; 0: as the source.", 0, 16384),
    Parameter("wait_for_subscribers", 0, "Start only when so many nodes subscribe to the images.", 0, 100),
]
