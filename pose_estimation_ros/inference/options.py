"""What makes a Pipeline: the options of the node, of `pose predict` and of `pose evaluate-bag`."""

from typing import NamedTuple

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.backends.base import CPU_ENGINES


class PipelineOptions(NamedTuple):
    """What makes a Pipeline.

    model: name or path of a top-down or bottom-up model. detector: "full_frame", or name or path of a detector (a
    bottom-up model finds people by itself: this and detect_every are not looked at). detect_every: frames
    from one run of the detector to the next, between them the boxes follow the poses. score_threshold: keypoints below
    get score 0, "not found". person_threshold: people below are dropped. max_people: per frame, the best.
    tracking: give track ids. smoothing: One-Euro per track (needs tracking). flip_test: run the mirrored crops too,
    twice the time. threads: CPU threads, 0 = as many as cores. fallback: where an engine cannot be used, or fails
    later, its ONNX model serves on the CPU. cpu_engine: what runs ONNX models, "onnxruntime" or "openvino".
    track_max_age_s, confirm_after: the Tracker's. min_cutoff_hz, beta: OneEuro's.
    """

    model: str = "lite0_fpn_coco"
    detector: str = "person_detector"
    detect_every: int = 5
    score_threshold: float = 0.2
    person_threshold: float = 0.25
    max_people: int = 20
    tracking: bool = True
    smoothing: bool = True
    flip_test: bool = False
    threads: int = 0
    fallback: bool = False
    cpu_engine: str = CPU_ENGINES[0]
    track_max_age_s: float = 1.0
    confirm_after: int = 3
    min_cutoff_hz: float = 0.7
    beta: float = 4.0


# Lowest and highest value, both included.
RANGES = {
    "detect_every": (1, 1000),
    "score_threshold": (0.0, 1.0),
    "person_threshold": (0.0, 1.0),
    "max_people": (1, 1000),
    "threads": (0, 256),
    "track_max_age_s": (0.0, 5.0),
    "confirm_after": (1, 30),
    "min_cutoff_hz": (0.05, 10.0),
    "beta": (0.0, 50.0),
}

# Options that may change while it runs.
LIVE = (
    "detect_every", "score_threshold", "person_threshold", "max_people", "smoothing", "track_max_age_s",
    "confirm_after", "min_cutoff_hz", "beta",
)  # fmt: skip


def check_options(options: PipelineOptions) -> None:
    """Raises ConfigError naming the first option that is out of range."""
    for name, (low, high) in RANGES.items():
        value = getattr(options, name)
        if not low <= value <= high:
            raise ConfigError("expected %s in %s..%s, got %s" % (name, low, high, value))
