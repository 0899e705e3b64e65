"""Frame and stamp -> tracked, smoothed poses: the one object that node, command line and benchmarks call."""

from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.model_spec import POSE_TASKS
from pose_estimation_ros.core.oks import box_area, oks_nms
from pose_estimation_ros.core.poses import Poses, empty_poses
from pose_estimation_ros.core.smoothing import OneEuro
from pose_estimation_ros.core.stamps import StampClock
from pose_estimation_ros.core.tracking import Tracker
from pose_estimation_ros.inference.backend import CPU_ENGINES, Backend, open_model
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.detector import FULL_FRAME, full_frame, open_detector
from pose_estimation_ros.inference.estimator import TopDown
from pose_estimation_ros.inference.stopwatch import Stopwatch, Timing

DUPLICATE_OKS = 0.7
CARRY_MARGIN = 0.15  # of the keypoints' extent, each side: keypoints end before the head, hands and feet do
CARRY_KEYPOINTS = 6  # fewer do not outline a person


class PipelineOptions(NamedTuple):
    """What makes a Pipeline.

    model: name or path of a top-down or bottom-up model. detector: "full_frame", or name or path of a detector (a
    bottom-up model finds people by itself: this and detect_every are not looked at). detect_every: frames
    from one run of the detector to the next, between them the boxes follow the poses. score_threshold: keypoints below
    get score 0, "not found". person_threshold: people below are dropped. max_people: per frame, the best.
    tracking: give track ids. smoothing: One-Euro per track (needs tracking). flip_test: run the mirrored crops too,
    twice the time. threads: CPU threads, 0 = as many as cores. fallback: where an engine cannot be used, or fails
    later, its ONNX model serves on the CPU. cpu_engine: what runs ONNX models, "onnxruntime" or "openvino".
    """

    model: str = "elpn_v1_coco"
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


class Pipeline:
    """A callable ``frame (H, W, 3) uint8 BGR, stamp_s -> Poses``; owns all state between frames.

    estimator: ``frame -> Poses`` where detector is None (bottom-up), else ``frame, boxes -> Poses``. ``timing`` tells
    where the time of the last call went, ``skeleton`` the order of the keypoints.
    """

    def __init__(self, estimator, detector, options=PipelineOptions(), backends=(), watch=None):  # noqa: B008
        # type: (Any, Optional[Callable], PipelineOptions, Sequence[Backend], Stopwatch) -> None
        self._estimator, self._detector, self._options = estimator, detector, options
        self._watch = watch or Stopwatch()
        self._clock = StampClock()
        self.skeleton = estimator.skeleton
        self._backends = backends
        self._tracker = Tracker(self.skeleton.sigmas) if options.tracking else None
        self._smoother = OneEuro() if options.tracking and options.smoothing else None
        self.reset()

    def reset(self):
        # type: () -> None
        """Forgets people and boxes, as before the first frame; ids go on counting."""
        self._last = empty_poses(self.skeleton.num_keypoints)
        self._frames_to_detection = 0
        self._frame_shape = ()  # type: Tuple[int, ...]
        for part in (self._tracker, self._smoother):
            if part:
                part.reset()

    def __call__(self, frame, stamp_s):
        # type: (np.ndarray, float) -> Poses
        """People in the frame, best first on frames where the detector ran. Raises FrameError for what is no image."""
        self._watch.restart()
        check_frame(frame)
        if self._clock.advance(stamp_s) is None or frame.shape != self._frame_shape:
            self.reset()
        self._frame_shape = frame.shape
        poses = self._keep_good(self._estimate(frame))
        self._frames_to_detection -= 1
        if poses.count < self._last.count:
            self._frames_to_detection = 0  # somebody was lost: look again in the next frame
        self._last = poses
        if self._tracker:
            poses = self._tracker.update(poses, stamp_s)
        if self._smoother:
            poses = self._smoother.update(poses, stamp_s)
        self._watch.lap("postprocess", "track")
        return poses

    @property
    def timing(self):
        # type: () -> Timing
        """Milliseconds of the last call by stage; the detector's network counts as inference."""
        return self._watch.timing

    @property
    def parts_ms(self):
        # type: () -> Dict[str, float]
        """Milliseconds of the last call by part of the way: stopwatch.PARTS."""
        return self._watch.parts_ms

    @property
    def backend(self):
        # type: () -> Backend
        """What the pose network runs on now."""
        return self._backends[0]

    @property
    def backend_name(self):
        # type: () -> str
        """What the pose network runs on now."""
        return self._backends[0].name if self._backends else ""

    @property
    def fault(self):
        # type: () -> str
        """Why a network runs on something else than was asked for, "" while all is well."""
        return "; ".join(backend.fault for backend in self._backends if backend.fault)

    @property
    def detector_name(self):
        # type: () -> str
        """Of the options, or "none" where the model finds people by itself."""
        return self._options.detector if self._detector else "none"

    def _estimate(self, frame):
        # type: (np.ndarray) -> Poses
        if self._detector is None:
            poses = self._estimator(frame)  # best first
            return poses.select(np.arange(min(poses.count, self._options.max_people)))
        return self._estimator(frame, self._boxes(frame))

    def _boxes(self, frame):
        # type: (np.ndarray) -> np.ndarray
        if self._frames_to_detection > 0:
            return carried_boxes(self._last)
        self._frames_to_detection = self._options.detect_every
        return self._detector(frame)[0][: self._options.max_people]

    def _keep_good(self, poses):
        # type: (Poses) -> Poses
        """Without people of a low score and without those whom two boxes found twice; doubtful keypoints score 0."""
        poses = poses._replace(score=np.where(poses.score < self._options.score_threshold, 0, poses.score))
        poses = poses.select(poses.person_score >= self._options.person_threshold)
        area = box_area(poses.box_xyxy)
        kept = oks_nms(poses.xy, poses.score, area, poses.person_score, self.skeleton.sigmas, DUPLICATE_OKS)
        return poses.select(np.sort(kept))

    def close(self):
        # type: () -> None
        """Frees the networks."""
        for part in (self._estimator, self._detector):
            getattr(part, "close", lambda: None)()

    def __enter__(self):
        # type: () -> Pipeline
        return self

    def __exit__(self, *_exception):
        # type: (object) -> None
        self.close()


def check_frame(frame):
    # type: (np.ndarray) -> None
    """Raises FrameError unless it is an image (H, W, 3) uint8 with at least one pixel."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise FrameError("shape", "expected a frame (H, W, 3) uint8, got %s %s" % (frame.shape, frame.dtype))


def carried_boxes(poses):
    # type: (Poses) -> np.ndarray
    """Boxes (N, 4) xyxy px for the next frame: halfway from each person's last box to the box around the keypoints.

    Halfway, because boxes taken from keypoints alone run away with one bad keypoint and shrink when a limb is hidden.
    """
    tight = boxes_around(poses.xy, poses.score, 0.0)
    margin = CARRY_MARGIN * (tight[:, 2:] - tight[:, :2])
    wide = np.concatenate([tight[:, :2] - margin, tight[:, 2:] + margin], 1)
    outlined = ((poses.score > 0).sum(1) >= CARRY_KEYPOINTS)[:, None]
    return np.where(outlined, (poses.box_xyxy + wide) / 2, poses.box_xyxy)


def build_pipeline(options=PipelineOptions()):  # noqa: B008
    # type: (PipelineOptions) -> Pipeline
    """Opens the networks of the options. Raises ConfigError for an option out of range, ModelError for a bad model."""
    check_options(options)
    if options.detector == FULL_FRAME:  # costs nothing, and carried boxes would make the crop breathe
        options = options._replace(detect_every=1)
    watch = Stopwatch()
    shared = dict(threads=options.threads, fallback=options.fallback, cpu_engine=options.cpu_engine)  # type: Any
    backend, spec = open_model(options.model, POSE_TASKS, **shared)
    if spec.task == "bottom_up":
        return Pipeline(BottomUp(backend, spec, options.flip_test, watch), None, options, [backend], watch)
    detector = open_detector(options.detector, watch=watch, **shared)
    estimator = TopDown(backend, spec, detector, options.flip_test, options.score_threshold, watch)
    backends = [backend] + ([] if detector is full_frame else [detector.backend])
    return Pipeline(estimator, detector, options, backends, watch)


def check_options(options):
    # type: (PipelineOptions) -> None
    """Raises ConfigError naming the first option that is out of range."""
    least = {"detect_every": 1, "score_threshold": 0, "person_threshold": 0, "max_people": 1, "threads": 0}
    most = {"score_threshold": 1, "person_threshold": 1}
    for name, low in least.items():
        value, high = getattr(options, name), most.get(name, float("inf"))
        if not low <= value <= high:
            raise ConfigError("expected %s in %s..%s, got %s" % (name, low, high, value))
