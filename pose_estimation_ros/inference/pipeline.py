"""Frame and stamp -> tracked, smoothed poses: the one object that node, command line and benchmarks call."""

from typing import Any, Callable, Dict, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec
from pose_estimation_ros.core.oks import box_area, oks_nms
from pose_estimation_ros.core.poses import Poses, empty_poses
from pose_estimation_ros.core.smoothing import OneEuro
from pose_estimation_ros.core.stamp_clock import StampClock
from pose_estimation_ros.core.tracking import Tracker
from pose_estimation_ros.imaging.crops import MAX_SIDE
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.detector import FULL_FRAME, full_frame, open_detector
from pose_estimation_ros.inference.non_finite import NonFinite, total
from pose_estimation_ros.inference.options import LIVE, PipelineOptions, check_options
from pose_estimation_ros.inference.stopwatch import Stopwatch, Timing
from pose_estimation_ros.inference.top_down import TopDown

DUPLICATE_OKS = 0.7
CARRY_MARGIN = 0.15  # of the keypoints' extent, each side: keypoints end before the head, hands and feet do
CARRY_KEYPOINTS = 6  # fewer do not outline a person


class Pipeline:
    """A callable ``frame (H, W, 3) uint8 BGR, stamp_s -> Poses``; owns all state between frames.

    estimator: ``frame -> Poses`` where detector is None (bottom-up), else ``frame, boxes -> Poses``. ``timing`` tells
    where the time of the last call went, ``skeleton`` the order of the keypoints.
    """

    def __init__(
        self,
        estimator: Any,
        detector: Optional[Callable],
        options: PipelineOptions = PipelineOptions(),  # noqa: B008
        backends: Sequence[Backend] = (),
        watch: Stopwatch = None,
    ) -> None:
        self._estimator, self._detector = estimator, detector
        self._watch = watch or Stopwatch()
        self._clock = StampClock()
        self.skeleton = estimator.skeleton
        self._backends = backends
        self._tracker, self._smoother = Tracker(self.skeleton.sigmas), OneEuro()
        self._set_options(options)
        self.reset()

    def sibling(self) -> "Pipeline":
        """One for another camera: the same networks and options, its own people. Closed with this one."""
        return Pipeline(self._estimator, self._detector, self.options, self._backends, self._watch)

    def change(self, **changes: Any) -> None:
        """Changes options of LIVE from the next frame on; people and ids stay. Raises ConfigError, changing none."""
        fixed = sorted(set(changes) - set(LIVE))
        if fixed:
            raise ConfigError("expected options out of %s, got %s" % (", ".join(LIVE), ", ".join(fixed)))
        options = self.options._replace(**changes)
        check_options(options)
        self._set_options(options)

    def _set_options(self, options: PipelineOptions) -> None:
        if options.detector == FULL_FRAME:  # costs nothing, and carried boxes would make the crop breathe
            options = options._replace(detect_every=1)
        self.options = options
        self._estimator.score_threshold = options.score_threshold
        self._tracker.max_age_s, self._tracker.confirm_after = options.track_max_age_s, options.confirm_after
        self._smoother.min_cutoff_hz, self._smoother.beta = options.min_cutoff_hz, options.beta

    def reset(self) -> None:
        """Forgets people and boxes, as before the first frame; ids go on counting."""
        self._last = empty_poses(self.skeleton.num_keypoints)
        self._frames_to_detection = 0
        self._frame_shape: Tuple[int, ...] = ()
        self._tracker.reset()
        self._smoother.reset()

    def __call__(self, frame: np.ndarray, stamp_s: float, boxes: np.ndarray = None) -> Poses:
        """People in the frame, best first on frames where the detector ran. Raises FrameError for what is no image.

        boxes (N, 4) xyxy px, best first: in place of the detector's; a bottom-up model does not look at them.
        """
        self._watch.restart()
        check_frame(frame)
        if self._clock.advance(stamp_s) is None or frame.shape != self._frame_shape:
            self.reset()
        self._frame_shape = frame.shape
        poses = self._keep_good(self._estimate(frame, boxes))
        self._frames_to_detection -= 1
        if poses.count < self._last.count:
            self._frames_to_detection = 0  # somebody was lost: look again in the next frame
        self._last = poses
        if self.options.tracking:
            poses = self._tracker.update(poses, stamp_s)
            if self.options.smoothing:
                poses = self._smoother.update(poses, stamp_s)
        self._watch.lap("postprocess", "track")
        return poses

    @property
    def lost(self) -> Poses:
        """Confirmed people whom the last frame does not show: state LOST, box where they should be, scores 0."""
        return self._tracker.lost

    @property
    def timing(self) -> Timing:
        """Milliseconds of the last call by stage; the detector's network counts as inference."""
        return self._watch.timing

    @property
    def parts_ms(self) -> Dict[str, float]:
        """Milliseconds of the last call by part of the way: stopwatch.PARTS."""
        return self._watch.parts_ms

    @property
    def backend(self) -> Backend:
        """What the pose network runs on now."""
        return self._backends[0]

    @property
    def spec(self) -> ModelSpec:
        """Of the pose model."""
        return self._estimator.spec

    @property
    def backend_name(self) -> str:
        """What the pose network runs on now."""
        return self._backends[0].name if self._backends else ""

    @property
    def fault(self) -> str:
        """Why a network runs on something else than was asked for, "" while all is well."""
        return "; ".join(backend.fault for backend in self._backends if backend.fault)

    @property
    def non_finite(self) -> NonFinite:
        """Count what the networks computed that is not finite, since they were opened; siblings count together."""
        return total(backend.non_finite for backend in self._backends)

    @property
    def blind(self) -> bool:
        """Tell whether a network computed nothing finite for its last batch."""
        return any(backend.blind for backend in self._backends)

    @property
    def detector_name(self) -> str:
        """Of the options, or "none" where the model finds people by itself."""
        return self.options.detector if self._detector else "none"

    def _estimate(self, frame: np.ndarray, boxes: Optional[np.ndarray]) -> Poses:
        if self._detector is None:
            poses = self._estimator(frame)  # best first
            return poses.select(np.arange(min(poses.count, self.options.max_people)))
        boxes = self._boxes(frame) if boxes is None else boxes[: self.options.max_people]
        return self._estimator(frame, boxes)

    def _boxes(self, frame: np.ndarray) -> np.ndarray:
        if self._frames_to_detection > 0:
            return carried_boxes(self._last)
        self._frames_to_detection = self.options.detect_every
        return self._detector(frame)[0][: self.options.max_people]

    def _keep_good(self, poses: Poses) -> Poses:
        """Without people of a low score and without those whom two boxes found twice; doubtful keypoints score 0."""
        poses = poses._replace(score=np.where(poses.score < self.options.score_threshold, 0, poses.score))
        poses = poses.select(poses.person_score >= self.options.person_threshold)
        area = box_area(poses.box_xyxy)
        kept = oks_nms(poses.xy, poses.score, area, poses.person_score, self.skeleton.sigmas, DUPLICATE_OKS)
        return poses.select(np.sort(kept))

    def close(self) -> None:
        """Frees the networks."""
        for part in (self._estimator, self._detector):
            getattr(part, "close", lambda: None)()

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def check_frame(frame: np.ndarray) -> None:
    """Raise FrameError unless it is an image (H, W, 3) uint8 with at least one pixel and no side over MAX_SIDE."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise FrameError("shape", "expected a frame (H, W, 3) uint8, got %s %s" % (frame.shape, frame.dtype))
    if max(frame.shape) > MAX_SIDE:
        raise FrameError("size", "expected a frame of at most %d px a side, got %s" % (MAX_SIDE, frame.shape))


def carried_boxes(poses: Poses) -> np.ndarray:
    """Boxes (N, 4) xyxy px for the next frame: halfway from each person's last box to the box around the keypoints.

    Halfway, because boxes taken from keypoints alone run away with one bad keypoint and shrink when a limb is hidden.
    """
    tight = boxes_around(poses.xy, poses.score, 0.0)
    margin = CARRY_MARGIN * (tight[:, 2:] - tight[:, :2])
    wide = np.concatenate([tight[:, :2] - margin, tight[:, 2:] + margin], 1)
    outlined = ((poses.score > 0).sum(1) >= CARRY_KEYPOINTS)[:, None]
    return np.where(outlined, (poses.box_xyxy + wide) / 2, poses.box_xyxy)


def build_pipeline(options: PipelineOptions = PipelineOptions()) -> Pipeline:  # noqa: B008
    """Opens the networks of the options. Raises ConfigError for an option out of range, ModelError for a bad model."""
    check_options(options)
    watch = Stopwatch()
    shared: Any = dict(threads=options.threads, fallback=options.fallback, cpu_engine=options.cpu_engine)
    backend, spec = open_model(options.model, POSE_TASKS, **shared)
    if spec.task == "bottom_up":
        return Pipeline(BottomUp(backend, spec, options.flip_test, watch), None, options, [backend], watch)
    detector = open_detector(options.detector, watch=watch, **shared)
    estimator = TopDown(backend, spec, detector, options.flip_test, options.score_threshold, watch)
    backends = [backend] + ([] if detector is full_frame else [detector.backend])
    return Pipeline(estimator, detector, options, backends, watch)
