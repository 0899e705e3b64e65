"""Turn frames and stamps into tracked, smoothed poses: the one object that node, command line and benchmarks call."""

import math
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.model_spec import POSE_TASKS, WHOLE_FRAME, ModelSpec
from pose_estimation_ros.core.oks import box_area, foreign_joints, oks, pose_nms
from pose_estimation_ros.core.poses import Poses, empty_poses, joined
from pose_estimation_ros.core.smoothing import Smoother
from pose_estimation_ros.core.stamp_clock import STUCK_BELOW_S, StampClock
from pose_estimation_ros.core.tracking import Tracker
from pose_estimation_ros.imaging.appearance import appearance
from pose_estimation_ros.imaging.crops import check_frame
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.detector import FULL_FRAME, Detector, NetworkDetector, open_detector
from pose_estimation_ros.inference.estimator import Estimator
from pose_estimation_ros.inference.non_finite import NonFinite, total
from pose_estimation_ros.inference.one_stage import OneStage
from pose_estimation_ros.inference.options import LIVE, PipelineOptions, check_options
from pose_estimation_ros.inference.stopwatch import Stopwatch, Timing
from pose_estimation_ros.inference.top_down import TopDown

SHARED_JOINTS = 0.5  # largest share of joints that two people can have in common; two boxes of one person give more
SEARCHED = 0.5  # person score and OKS with the expected pose, from which on somebody was found by searching
CARRY_MARGIN = 0.15  # share of the keypoints' extent on each side: head, hands and feet go beyond the keypoints
CARRY_KEYPOINTS = 6  # smallest number of keypoints that outlines a person, or all where the skeleton has fewer
FEWEST_CARRIED = 3  # fewer keypoints outline nothing
# By task.
ESTIMATORS: Dict[str, Callable[..., Estimator]] = {"top_down": TopDown, "bottom_up": BottomUp, "one_stage": OneStage}
NO_BOXES = np.zeros((0, 4), np.float32)


class Pipeline:
    """Estimate the poses of a stream of frames: a callable ``frame (H, W, 3) uint8 BGR, stamp_s -> Poses``.

    It owns all state between frames, applies the thresholds, and is a context manager.

    Attributes:
        options: the options in use.
        skeleton: the order of the keypoints.
    """

    def __init__(
        self,
        estimator: Estimator,
        detector: Optional[Detector],
        options: PipelineOptions = PipelineOptions(),  # noqa: B008
        backends: Sequence[Backend] = (),
        watch: Optional[Stopwatch] = None,
    ) -> None:
        """Put the parts together.

        Args:
            estimator: finds the poses in boxes, or in the whole frame where there is no detector.
            detector: finds the boxes, None for an estimator that finds people by itself.
            options: thresholds, tracking and smoothing.
            backends: the open networks, that of the poses first.
            watch: the stopwatch that estimator and detector use, too.
        """
        self._estimator, self._detector = estimator, detector
        self._watch = watch or Stopwatch()
        self.skeleton = estimator.skeleton
        self._backends = backends
        self._sigmas, self._flip_index = np.array(self.skeleton.tracking_sigmas), self.skeleton.flip_index
        self._tracker, self._smoother = Tracker(self._sigmas), Smoother()
        self._set_options(options)
        self.reset()

    def sibling(self) -> "Pipeline":
        """Return a pipeline for another camera: the same networks and options, its own people.

        Closing this one closes the networks of both.
        """
        return Pipeline(self._estimator, self._detector, self.options, self._backends, self._watch)

    def change(self, **changes: Any) -> None:
        """Change options of LIVE from the next frame on; people and their ids stay.

        Raises:
            ConfigError: an option is not in LIVE, or its value is out of range. No option has changed.
        """
        fixed = sorted(set(changes) - set(LIVE))
        if fixed:
            raise ConfigError("expected options out of %s, got %s" % (", ".join(LIVE), ", ".join(fixed)))
        options = self.options._replace(**changes)
        check_options(options)
        self._set_options(options)

    def _set_options(self, options: PipelineOptions) -> None:
        if options.detector == FULL_FRAME:  # costs nothing, and carried boxes would make the crop breathe
            options = options._replace(detect_every_s=0.0)
        self.options = options
        self._tracker.max_age_s, self._tracker.confirm_after_s = options.track_max_age_s, options.confirm_after_s
        self._smoother.strength = options.smoothing_strength

    def reset(self) -> None:
        """Forget people, boxes and the time, as before the first frame; ids go on counting."""
        self._clock = StampClock()
        self._forget()

    def _forget(self) -> None:
        """Forget people and boxes, but not the time, which the stamps of late frames are compared with."""
        self._last, self._velocity = empty_poses(self.skeleton.num_keypoints, self.skeleton), np.zeros((0, 2))
        self._since_detection_s = math.inf
        self._frame_shape: Tuple[int, ...] = ()
        self._tracker.reset()
        self._smoother.reset()

    def __call__(self, frame: np.ndarray, stamp_s: float, boxes: Optional[np.ndarray] = None) -> Poses:
        """Find, track and smooth the people in the next frame.

        Args:
            frame: (H, W, 3) uint8 BGR.
            stamp_s: time of the frame in seconds, on any clock.
            boxes: (N, 4) xyxy px, best first, in place of the detector's; not used by a model that finds people by
                itself.

        Returns:
            The people, in arrays that the pipeline does not keep. On frames where the detector ran, those whom it
            found come first, the best one before the others.

        Raises:
            FrameError: the frame is no image.
        """
        self._watch.restart()
        check_frame(frame)
        step_s = self._clock.advance(stamp_s)
        if step_s is None or frame.shape != self._frame_shape:
            self._forget()
        self._step_s = step_s or 0.0
        self._since_detection_s += self._step_s
        self._frame_shape = frame.shape
        poses = self._estimate(frame, boxes)
        if poses.count < self._last.count:
            self._since_detection_s = math.inf  # somebody was lost: run the detector again in the next frame
        self._last, self._velocity = poses, np.zeros((poses.count, 2))
        if not self.options.tracking:
            poses = poses.select(np.arange(poses.count))
        else:
            poses = self._tracker.update(poses, stamp_s, appearance(frame, poses))
            self._velocity = self._tracker.velocity
            if self.options.smoothing:
                poses = self._smoother.update(poses, stamp_s)
        self._watch.lap("postprocess", "track")
        return poses

    @property
    def lost(self) -> Poses:
        """Return confirmed people whom the last frame does not show: state LOST, expected box, scores 0."""
        return self._tracker.lost

    @property
    def interval_s(self) -> float:
        """Return the usual time between frames in seconds, 0 before the second."""
        return self._clock.interval_s

    @property
    def step_share(self) -> float:
        """Return how far people come from one frame to the next, as a share of their size; 0 where it is unknown."""
        return self._tracker.step_share

    @property
    def timing(self) -> Timing:
        """Return the milliseconds of the last call by stage; the detector's network counts as inference."""
        return self._watch.timing

    @property
    def parts_ms(self) -> Dict[str, float]:
        """Return the milliseconds spent in each part of the last call, by the names in stopwatch.PARTS."""
        return self._watch.parts_ms

    @property
    def backend(self) -> Backend:
        """Return the backend that runs the pose network."""
        return self._backends[0]

    @property
    def spec(self) -> ModelSpec:
        """Return the spec of the pose model."""
        return self._estimator.spec

    @property
    def backend_name(self) -> str:
        """Return the name of the backend that runs the pose network, "" where there is none."""
        return self._backends[0].name if self._backends else ""

    @property
    def fault(self) -> str:
        """Return the reason why a network runs on another backend than was asked for, "" while all is well."""
        return "; ".join(sorted({backend.fault for backend in self._backends if backend.fault}))

    @property
    def non_finite(self) -> NonFinite:
        """Return the count of values that are not finite, since the networks were opened; siblings count together."""
        return total(backend.non_finite for backend in self._backends)

    @property
    def blind(self) -> bool:
        """Tell whether a network computed nothing finite for its last batch."""
        return any(backend.blind for backend in self._backends)

    @property
    def detector_name(self) -> str:
        """Return the detector of the options, or "none" where the model finds people by itself."""
        return self.options.detector if self._detector else "none"

    def _estimate(self, frame: np.ndarray, boxes: Optional[np.ndarray]) -> Poses:
        most, detect = self.options.max_people, boxes is None and self._detection_is_due()
        poses = self._estimator(frame, (self._boxes(frame, detect) if boxes is None else boxes)[:most])[:most]
        poses = self._keep_good(poses)
        if detect and self._detector and self.options.detector != FULL_FRAME:
            poses = self._search_again(frame, poses)
        if detect:  # only here: if the detector or the estimator fails, the next frame asks the detector again
            self._since_detection_s = 0.0
        return poses

    def _detection_is_due(self) -> bool:
        """Tell whether the detector has to run now, because at the next frame it would be late."""
        next_s = self._since_detection_s + self._clock.interval_s
        return next_s > self.options.detect_every_s + STUCK_BELOW_S

    def _boxes(self, frame: np.ndarray, detect: bool) -> np.ndarray:
        if self._detector is None:
            return NO_BOXES
        return self._detector(frame)[0] if detect else self._expected_boxes()

    def _expected_boxes(self) -> np.ndarray:
        """Return the boxes (N, 4) xyxy px of the last frame's people where they are by now."""
        boxes = carried_boxes(self._last).reshape(-1, 2, 2) + (self._velocity * self._step_s)[:, None]
        return boxes.reshape(-1, 4).astype(np.float32)

    def _search_again(self, frame: np.ndarray, poses: Poses) -> Poses:
        """Add tracked people whom the detector did not find, where the pose network finds them in the expected place.

        A detector makes one box of two people who stand close together, and none of who is half hidden.
        """
        expected = self._tracker.missing(poses, self._step_s)
        middle = (expected.box_xyxy[:, :2] + expected.box_xyxy[:, 2:]) / 2
        inside = np.flatnonzero(((middle >= 0) & (middle < frame.shape[1::-1])).all(1))
        expected = expected.select(inside[: self.options.max_people - poses.count])
        if not expected.count:
            return poses
        found = self._keep_good(self._estimator(frame, carried_boxes(expected)))
        area = box_area(expected.box_xyxy)
        alike = oks(expected.xy, expected.score, area, found.xy, self._sigmas).max(0, initial=0)
        found = found[(alike >= SEARCHED) & (found.person_score >= SEARCHED)]
        return self._each_joint_once(joined(poses, found))

    def _keep_good(self, poses: Poses) -> Poses:
        """Give keypoints of a low score 0; drop people of a low score and those whom two boxes found twice."""
        poses = poses.replace(score=np.where(poses.score < self.options.score_threshold, 0, poses.score))
        good = poses.person_score >= self.options.person_threshold
        return self._each_joint_once(poses if good.all() else poses.select(good))

    def _each_joint_once(self, poses: Poses) -> Poses:
        """Drop whom two boxes found twice, and give score 0 to joints that are rather another person's.

        Otherwise the box that is carried to the next frame grows over the other person, and shares the whole skeleton
        soon.
        """
        area = box_area(poses.box_xyxy)
        kept = pose_nms(poses.xy, poses.score, area, poses.person_score, self._sigmas, SHARED_JOINTS)
        if len(kept) < poses.count:
            kept = np.sort(kept)
            poses, area = poses.select(kept), area[kept]
        foreign = foreign_joints(poses.xy, poses.score, area, self._sigmas, self._flip_index)
        return poses.replace(score=np.where(foreign, 0, poses.score))

    def close(self) -> None:
        """Free the networks."""
        for part in (self._estimator, self._detector):
            getattr(part, "close", lambda: None)()

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def carried_boxes(poses: Poses) -> np.ndarray:
    """Return boxes (N, 4) xyxy px for the next frame, halfway from each last box to the box around the keypoints.

    Halfway, because boxes taken from keypoints alone run away with one bad keypoint and shrink when a limb is hidden.
    """
    wide = boxes_around(poses.xy, poses.score, 0.0)
    margin = CARRY_MARGIN * (wide[:, 2:] - wide[:, :2])
    wide[:, :2] -= margin
    wide[:, 2:] += margin
    enough = max(min(CARRY_KEYPOINTS, poses.score.shape[1]), FEWEST_CARRIED)
    outlined = ((poses.score > 0).sum(1) >= enough)[:, None]
    return np.where(outlined, (poses.box_xyxy + wide) / 2, poses.box_xyxy)


def build_pipeline(
    options: PipelineOptions = PipelineOptions(),  # noqa: B008
    detector: Optional[Detector] = None,
    model: Optional[ModelFile] = None,
) -> Pipeline:
    """Open the networks and put the pipeline together.

    Args:
        options: the model and all else.
        detector: a callable in place of the detector that the options name; not used by a model that finds
            people by itself.
        model: the pose model where it has been found already, in place of the one that the options name.

    Returns:
        The pipeline, to be closed.

    Raises:
        ConfigError: an option is out of range.
        ModelError: a model cannot be used.
    """
    check_options(options)
    watch = Stopwatch()
    estimator = open_estimator(options, watch, model)
    if estimator.spec.task in WHOLE_FRAME:
        return Pipeline(estimator, None, options, [estimator.backend], watch)
    if detector is None:
        detector = open_detector(options.detector, options.threads, None, watch, options.fallback, options.device)
    backends = [estimator.backend] + ([detector.backend] if isinstance(detector, NetworkDetector) else [])
    return Pipeline(estimator, detector, options, backends, watch)


def open_estimator(
    options: PipelineOptions = PipelineOptions(),  # noqa: B008
    watch: Optional[Stopwatch] = None,
    model: Optional[ModelFile] = None,
) -> Estimator:
    """Open the pose network of the options, without a detector, thresholds or tracking.

    Args:
        options: model, flip_test, threads, fallback and device count.
        watch: gets the time of each stage.
        model: see build_pipeline.

    Returns:
        The estimator, to be closed.

    Raises:
        ConfigError: the model cannot be run with flip_test, or does not run on the device.
        ModelError: the model cannot be used.
    """
    backend, spec = open_model(model or options.model, POSE_TASKS, options.threads, options.fallback, options.device)
    return ESTIMATORS[spec.task](backend, spec, options.flip_test, watch)
