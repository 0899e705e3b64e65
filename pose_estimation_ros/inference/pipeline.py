"""Turn frames and stamps into tracked, smoothed poses: the one object that node, command line and benchmarks call."""

import math
import time
from typing import Any, Dict, Generator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.geometry import boxes_around, iou
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.oks import box_area, foreign_joints, oks, pose_nms
from pose_estimation_ros.core.poses import UNTRACKED, Poses, empty_poses, joined, shifted
from pose_estimation_ros.core.smoothing import Smoother
from pose_estimation_ros.core.stamp_clock import STUCK_BELOW_S, StampClock
from pose_estimation_ros.core.tracking import Tracker
from pose_estimation_ros.imaging.appearance import appearance
from pose_estimation_ros.imaging.crops import check_frame
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.detector import FULL_FRAME, Detector
from pose_estimation_ros.inference.estimators.estimator import Estimator, Look
from pose_estimation_ros.inference.non_finite import NonFinite, total
from pose_estimation_ros.inference.options import LIVE, PipelineOptions, check_options
from pose_estimation_ros.inference.stopwatch import Stopwatch, Timing
from pose_estimation_ros.inference.stream.detection import Beside, DetectorThread, Found, detection_of
from pose_estimation_ros.inference.stream.turns import SAME_BOX, SEARCHED, Turns, believed

SHARED_JOINTS = 0.5  # largest share of joints that two people can have in common; two boxes of one person give more
CARRY_MARGIN = 0.15  # share of the keypoints' extent on each side: head, hands and feet go beyond the keypoints
CARRY_KEYPOINTS = 6  # smallest number of keypoints that outlines a person, or all where the skeleton has fewer
FEWEST_CARRIED = 3  # fewer keypoints outline nothing
NO_BOXES = np.zeros((0, 4), np.float32)


class Seen(NamedTuple):
    """Hold the people of a look, and the time that the pose network took for them in ms."""

    poses: Poses
    took_ms: float


# Yields where the pose network is to look, is sent what it saw there, and returns the people of the frame.
Steps = Generator[Look, Seen, Poses]
Outcome = Union[Poses, Exception]


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
        detector: Union[Detector, DetectorThread, None],
        options: PipelineOptions = PipelineOptions(),  # noqa: B008
        backends: Sequence[Backend] = (),
        watch: Optional[Stopwatch] = None,
    ) -> None:
        """Put the parts together.

        Args:
            estimator: finds the poses in boxes, or in the whole frame where there is no detector.
            detector: finds the boxes, in this thread or in its own; None for an estimator that finds people by itself.
            options: thresholds, tracking and smoothing.
            backends: the open networks, that of the poses first.
            watch: the stopwatch that estimator and detector use, too.
        """
        self._estimator, self._detector = estimator, detector
        self._detection = None if detector is None else detection_of(detector)
        self._turns = Turns()
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
        self._shown, self._since_detection_s, self._time_s = self._last, math.inf, 0.0
        if self._detection:
            self._detection.forget()
        self._turns.forget()
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
        outcome = estimate_together([Request(self, frame, stamp_s, boxes)])[0]
        try:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        finally:
            del outcome  # an exception whose traceback leads to itself would keep the frame in memory

    def _steps(self, frame: np.ndarray, stamp_s: float, boxes: Optional[np.ndarray]) -> Steps:
        """Find, track and smooth the people in the next frame; see Steps.

        Args:
            frame: see __call__.
            stamp_s: see __call__.
            boxes: see __call__.
        """
        check_frame(frame)
        step_s = self._clock.advance(stamp_s)
        if step_s is None or frame.shape != self._frame_shape:
            self._forget()
        self._step_s = step_s or 0.0
        self._since_detection_s += self._step_s
        self._time_s += self._step_s
        self._frame_shape = frame.shape
        poses = yield from self._estimate(frame, boxes)
        if poses.count < self._last.count:
            self._since_detection_s = math.inf  # somebody was lost: run the detector again in the next frame
        if self.options.tracking:
            poses = self._track(frame, poses, stamp_s)
        else:
            self._last, self._velocity = poses, np.zeros((poses.count, 2))
            poses = poses.select(np.arange(poses.count))
        self._watch.lap("postprocess", "track")
        return poses

    def _track(self, frame: np.ndarray, poses: Poses, stamp_s: float) -> Poses:
        """Give people ids and smooth them; those who have an id already were not looked at, and move on as before."""
        is_seen = poses.track_id == UNTRACKED
        seen, others = (poses, None) if is_seen.all() else (poses[is_seen], poses[~is_seen])
        shown, before = self._tracker.update(seen, stamp_s, appearance(frame, seen)), (self._last, self._velocity)
        self._last, self._velocity = seen.replace(track_id=shown.track_id), self._tracker.velocity
        if self.options.smoothing:
            shown = self._smoother.update(shown, stamp_s)
        if others is not None:
            rows = np.array([before[0].track_id.tolist().index(who) for who in others.track_id.tolist()])
            velocity = before[1][rows]
            self._last, self._velocity = joined(others, self._last), np.concatenate([velocity, self._velocity])
            shown = joined(shifted(self._shown.select(rows), velocity * self._step_s), shown)
        self._shown = shown.select(np.arange(shown.count))
        return shown

    @property
    def lost(self) -> Poses:
        """Return confirmed people whom the last frame does not show: state LOST, expected box, scores 0."""
        lost = self._tracker.lost
        return lost[~np.isin(lost.track_id, self._last.track_id)] if self.options.budget_ms else lost

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
    def shares_runs(self) -> bool:
        """Tell whether the frames of several cameras can share a run of the pose network."""
        return self._estimator.shares_runs and self.backend.input_shape[:1] != (1,)

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

    @property
    def detector_ms(self) -> float:
        """Return the duration of the last run of a detector in its own thread in ms, 0 for one that images wait for."""
        return self._detector.took_ms if isinstance(self._detector, DetectorThread) else 0.0

    def _estimate(self, frame: np.ndarray, boxes: Optional[np.ndarray]) -> Steps:
        most, found = self.options.max_people, self._find(frame) if boxes is None else None
        if boxes is None and self._last.count and isinstance(self._detection, Beside):
            return (yield from self._estimate_in_turns(frame, found))
        if found is not None:
            boxes = found.box_xyxy
        elif boxes is None:
            boxes = NO_BOXES if self._detector is None else self._expected_boxes()
        seen = yield Look(frame, boxes[:most])
        poses = self._keep_good(seen.poses[:most])
        if found is not None and self.options.detector != FULL_FRAME:
            poses = yield from self._search_again(frame, poses)
        if found is not None:  # only here: if the detector or the estimator fails, the next frame asks again
            self._since_detection_s = self._time_s - found.time_s
        return poses

    def _estimate_in_turns(self, frame: np.ndarray, found: Optional[Found]) -> Steps:
        """Look at the people of the last frame, and at no more than one box besides; see inference.stream.turns."""
        people = shifted(self._last, self._velocity * self._step_s).replace(box_xyxy=self._expected_boxes())
        boxes, lost, budget_ms = None, NO_BOXES, self.options.budget_ms if self.options.tracking else 0.0
        if found is not None:
            boxes, lost = self._moved_since(found), self._inside(frame, self.lost).box_xyxy
            self._since_detection_s = self._time_s - found.time_s
        turn = self._turns.next(people, boxes, lost, self.options.max_people, budget_ms)
        seen = yield Look(frame, turn.box_xyxy)
        self._turns.took(seen.took_ms, len(turn.box_xyxy))
        return self._keep_good(believed(turn, seen.poses, self._sigmas))

    def _find(self, frame: np.ndarray) -> Optional[Found]:
        """Return what the detector found in this frame or an earlier one, None where there is nothing new."""
        if self._detection is None:
            return None
        nobody = not self._last.count
        found = self._detection(frame, self._time_s, self._detection_is_due(), wait=nobody)
        self._watch.lap("inference", "detect")
        return found

    def _detection_is_due(self) -> bool:
        """Tell whether the detector has to run now, because at the next frame it would be late."""
        next_s = self._since_detection_s + self._clock.interval_s
        return next_s > self.options.detect_every_s + STUCK_BELOW_S

    def _moved_since(self, found: Found) -> np.ndarray:
        """Return the boxes (N, 4) xyxy px that the detector found, moved with the people whose boxes they are."""
        ago_s = self._time_s - found.time_s
        if not (ago_s and self._last.count and len(found.box_xyxy)):
            return found.box_xyxy
        step = np.tile(self._velocity * ago_s, 2)
        overlap = iou(found.box_xyxy, self._expected_boxes() - step)
        known = overlap.max(1) >= SAME_BOX
        boxes: np.ndarray = found.box_xyxy + known[:, None] * step[overlap.argmax(1)]
        return boxes.astype(np.float32)

    def _expected_boxes(self) -> np.ndarray:
        """Return the boxes (N, 4) xyxy px of the last frame's people where they are by now."""
        boxes = carried_boxes(self._last).reshape(-1, 2, 2) + (self._velocity * self._step_s)[:, None]
        return boxes.reshape(-1, 4).astype(np.float32)

    def _search_again(self, frame: np.ndarray, poses: Poses) -> Steps:
        """Add tracked people whom the detector did not find, where the pose network finds them in the expected place.

        A detector makes one box of two people who stand close together, and none of who is half hidden.
        """
        expected = self._inside(frame, self._tracker.missing(poses, self._step_s))
        expected = expected[: self.options.max_people - poses.count]
        if not expected.count:
            return poses
        seen = yield Look(frame, carried_boxes(expected))
        found = self._keep_good(seen.poses)
        area = box_area(expected.box_xyxy)
        alike = oks(expected.xy, expected.score, area, found.xy, self._sigmas).max(0, initial=0)
        found = found[(alike >= SEARCHED) & (found.person_score >= SEARCHED)]
        return self._each_joint_once(joined(poses, found))

    @staticmethod
    def _inside(frame: np.ndarray, people: Poses) -> Poses:
        """Return the people the middle of whose box is in the frame."""
        middle = (people.box_xyxy[:, :2] + people.box_xyxy[:, 2:]) / 2
        is_inside: np.ndarray = ((middle >= 0) & (middle < frame.shape[1::-1])).all(1)
        return people[is_inside]

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


class Request(NamedTuple):
    """Hold the arguments of a call of a pipeline, see Pipeline.__call__."""

    pipeline: Pipeline
    frame: np.ndarray
    stamp_s: float
    boxes: Optional[np.ndarray] = None


def estimate_together(requests: Sequence[Request]) -> List[Outcome]:
    """Find the people in a frame of each of several cameras, with runs of the pose network in common.

    ``timing`` and ``parts_ms`` of each pipeline are then those of the whole call.

    Args:
        requests: at least one; their pipelines are siblings.

    Returns:
        For each request the people, or the exception that the call would have raised.

    Raises:
        ModelError: a network failed.
    """
    pipeline = requests[0].pipeline
    pipeline._watch.restart()
    steps = [r.pipeline._steps(r.frame, r.stamp_s, r.boxes) for r in requests]
    return side_by_side(steps, pipeline._estimator)


def side_by_side(steps: Sequence[Steps], estimator: Estimator) -> List[Outcome]:
    """Run Steps to their ends; the looks that they yield at the same time go to the estimator together.

    Args:
        steps: at least one generator.
        estimator: gets the looks.

    Returns:
        For each generator what it returned or raised. An exception of the estimator is that of all whose looks it got.

    Raises:
        ModelError: a network failed.
    """
    outcomes: Dict[int, Outcome] = {}
    answers: Dict[int, Any] = dict.fromkeys(range(len(steps)))
    while answers:
        looks: Dict[int, Look] = {}
        for number, seen in answers.items():
            try:
                looks[number] = steps[number].send(seen)
            except StopIteration as end:
                outcomes[number] = end.value
            except ModelError:
                raise
            except Exception as error:
                outcomes[number] = _from_here(error)
        try:
            answers = dict(zip(looks, _seen(estimator, list(looks.values())) if looks else []))
        except ModelError:
            raise
        except Exception as error:
            outcomes.update(dict.fromkeys(looks, _from_here(error)))
            answers = {}
    return [outcomes[number] for number in range(len(steps))]


def _seen(estimator: Estimator, looks: List[Look]) -> List[Seen]:
    """Ask the estimator about all looks in one call, whose time they share by their numbers of boxes."""
    start_s = time.perf_counter()
    found = [estimator(*look) for look in looks] if len(looks) < 2 else estimator.together(looks)
    took_ms, boxes = 1e3 * (time.perf_counter() - start_s), sum(len(look.boxes) for look in looks)
    return [Seen(poses, took_ms * len(look.boxes) / max(boxes, 1)) for look, poses in zip(looks, found)]


def _from_here(error: Exception) -> Exception:
    """Return an exception without the caller's entry in its traceback, whose variables will hold the exception."""
    traceback = error.__traceback__
    return error.with_traceback(traceback.tb_next if traceback else None)
