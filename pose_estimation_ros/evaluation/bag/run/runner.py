"""Run one model on one topic of a bag, and record the results."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.core.errors import DataError, FrameError, PoseError
from pose_estimation_ros.core.poses import Poses, empty_poses
from pose_estimation_ros.evaluation.bag.files.reader import Bag, Recorded
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.run.clock import Clock, Taken, every_frame, newest_frames
from pose_estimation_ros.evaluation.bag.run.frames import Loaded, load_frames
from pose_estimation_ros.evaluation.bag.run.output import RunFolder
from pose_estimation_ros.evaluation.bag.run.prefetch import prefetch
from pose_estimation_ros.evaluation.run_models import poses_in_boxes
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.non_finite import NonFinite
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.progress import progress

Estimate = Callable[[np.ndarray, Recorded], Poses]  # image (H, W, 3) uint8 BGR


class Answer(NamedTuple):
    """Hold a frame, without its message, and its result.

    Attributes:
        frame: the frame.
        poses: the people in it.
        estimate_ms: time that the networks took.
        age_ms: time from the frame's stamp to the answer; None without realtime.
    """

    frame: Recorded
    poses: Poses
    estimate_ms: float
    age_ms: float | None


@dataclass
class Record:
    """Hold the results of a run.

    Attributes:
        answers: one for each frame; a single list, so that Ctrl-C leaves no half of an answer.
        counts: numbers of frames, by what is odd about them.
        unusable: number of frames that could not be used, by the kind of FrameError.
        sizes: number of frames by size, such as "640x480".
        seconds: time by stage, over all frames.
        stamps_ns: stamps of all frames that were read.
        partial: why not all of the bag was worked on, "" where all was.
        interrupted: whether Ctrl-C ended the run.
        backend: name of what ran the pose network at the end, with its device.
        precision: of its arithmetic.
        fault: why a network ran on something else than was asked for, "" where it did not.
        non_finite: count of what the networks computed that is not finite.
    """

    answers: list[Answer] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    stamps_ns: set[int] = field(default_factory=set)
    partial: str = ""
    interrupted: bool = False
    backend: str = ""
    precision: str = ""
    fault: str = ""
    non_finite: NonFinite = NonFinite()

    @property
    def frames(self) -> list[Recorded]:
        """List the frames of the answers."""
        return [answer.frame for answer in self.answers]

    @property
    def poses(self) -> list[Poses]:
        """List the poses of the answers."""
        return [answer.poses for answer in self.answers]

    @property
    def age_ms(self) -> list[float]:
        """List the ages of the answers; empty without realtime."""
        return [answer.age_ms for answer in self.answers if answer.age_ms is not None]


def by_pipeline(pipeline: Pipeline) -> Estimate:
    """Make a function that estimates poses as the node does.

    The stamp is converted to seconds exactly as in the node: another order of operations would round differently.
    """
    return lambda image, frame: pipeline(image, frame.stamp_ns // 10**9 + 1e-9 * (frame.stamp_ns % 10**9))


def in_annotated_boxes(estimator: TopDown, ground_truth: GroundTruth) -> Estimate:
    """Make a function that estimates poses as `pose evaluate` does: in the annotated boxes, each image by itself.

    Args:
        estimator: the model.
        ground_truth: annotations with the boxes.
    """
    boxes = ground_truth.boxes()

    def estimate(image: np.ndarray, frame: Recorded) -> Poses:
        image_id = ground_truth.image_id.get(frame.stamp_ns)
        if image_id is None or image_id not in boxes or not len(boxes[image_id][0]):
            return empty_poses(estimator.skeleton.num_keypoints)
        return poses_in_boxes(estimator, image, *boxes[image_id])

    return estimate


def checking_size(estimate: Estimate, ground_truth: GroundTruth) -> Estimate:
    """Make a function that raises DataError for an image of another size than annotated, else estimates as before.

    Args:
        estimate: function that estimates the poses of an image.
        ground_truth: annotations with the sizes.
    """

    def checked(image: np.ndarray, frame: Recorded) -> Poses:
        ground_truth.refuse_other_size(image, frame.stamp_ns)
        return estimate(image, frame)

    return checked


def run(bag: Bag, topic: str, estimate: Estimate, folder: RunFolder | None, clock: Clock) -> Record:
    """Work through a topic; Ctrl-C, damage in the bag and errors end it early, and the record says so.

    Args:
        bag: an open bag.
        topic: topic of images.
        estimate: a function of image and frame that returns the people.
        folder: for what is written of each frame, None where nothing is.
        clock: how time passes.

    Raises:
        DataError: not one frame could be used.
    """
    record = Record(counts=Counter(in_bag=bag.count(topic)))
    work = Work(record, estimate, folder, clock)
    began = time.perf_counter()
    frames = load_frames(bag.read(topic), not clock.realtime, record.seconds)  # realtime: what is taken is decoded
    try:
        with closing(prefetch(frames, record.seconds)) as ready:
            for taken in work.chosen(counted(ready, record)):
                work.answer(taken)
    except KeyboardInterrupt:
        record.interrupted, record.partial = True, f"stopped by Ctrl-C after {len(record.answers)} frames"
    except PoseError as error:
        if not record.answers:
            raise
        record.partial = str(error)
    record.seconds["all"] = time.perf_counter() - began
    record.partial = record.partial or bag.problem
    if not record.answers and not record.interrupted:
        reason = work.first_error or bag.problem or "there is none"
        count = record.counts["read"]
        raise DataError(f"{bag.path}: none of {count} images of {topic} could be used: {reason}")
    return record


def counted(frames: Iterable[Loaded], record: Record) -> Iterator[Loaded]:
    """Pass frames on and count what is odd about their stamps.

    Args:
        frames: the frames.
        record: record of the run, in which they are counted.
    """
    seen = record.stamps_ns
    newest_ns = 0
    for ready in frames:
        frame = ready.frame
        record.counts["read"] += 1
        record.counts["without_stamp"] += not frame.has_stamp
        record.counts["stamp_repeated"] += frame.stamp_ns in seen
        record.counts["stamp_out_of_order"] += frame.stamp_ns < newest_ns
        seen.add(frame.stamp_ns)
        newest_ns = max(newest_ns, frame.stamp_ns)
        yield ready


class Work:
    """Answer frames and keep the record.

    Args:
        record: record of the run.
        estimate: function that estimates the poses of an image.
        folder: folder that gets the people of each frame, None for none.
        clock: clock of the run.
    """

    def __init__(self, record: Record, estimate: Estimate, folder: RunFolder | None, clock: Clock) -> None:
        self._record, self._estimate, self._folder, self._clock = record, estimate, folder, clock
        self._latency_ns = 0
        self.first_error = ""

    def chosen(self, frames: Iterable[Loaded]) -> Iterator[Taken]:
        """Choose the frames to work on by the clock, and show progress."""
        shown = progress(frames, self._record.counts["in_bag"])
        return newest_frames(shown, lambda: self._latency_ns) if self._clock.realtime else every_frame(shown)

    def answer(self, taken: Taken) -> None:
        """Estimate the poses in a frame and record them; a frame that cannot be used is counted."""
        frame, seconds = taken.frame.frame, self._record.seconds
        began = time.perf_counter()
        try:
            image = taken.frame.image()
            decoded = time.perf_counter()
            poses = self._estimate(image, frame)
        except FrameError as error:
            self._latency_ns = 0
            self._record.unusable[error.kind] += 1
            self.first_error = self.first_error or f"the first: {error}"
            return
        ended = time.perf_counter()
        latency_ms = self._clock.latency_ms
        self._latency_ns = round(1e9 * (ended - began) if latency_ms is None else 1e6 * latency_ms)
        age_ns = None if taken.start_ns is None else taken.start_ns + self._latency_ns - frame.stamp_ns
        self._keep(frame, image, poses, 1e3 * (ended - decoded), age_ns)
        if self._clock.realtime:
            seconds["decode"] += decoded - began
        seconds["estimate"] += ended - decoded
        seconds["write"] += time.perf_counter() - ended

    def _keep(self, frame: Recorded, image: np.ndarray, poses: Poses, estimate_ms: float, age_ns: int | None) -> None:
        if self._folder:
            self._folder.write(frame, image, poses, age_ns)
        self._record.sizes[f"{image.shape[1]}x{image.shape[0]}"] += 1
        age_ms = None if age_ns is None else 1e-6 * age_ns
        self._record.answers.append(Answer(frame._replace(message=None), poses, estimate_ms, age_ms))
