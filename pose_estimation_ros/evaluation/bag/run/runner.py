"""One topic of one bag through one model: frames in, a record of what came out."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from pose_estimation_ros.core.errors import DataError, FrameError, PoseError
from pose_estimation_ros.core.poses import Poses, empty_poses
from pose_estimation_ros.evaluation.bag.files.reader import Bag, Recorded
from pose_estimation_ros.evaluation.bag.metrics.truth import Truth
from pose_estimation_ros.evaluation.bag.run.clock import Clock, Taken, every_frame, newest_frames
from pose_estimation_ros.evaluation.bag.run.output import RunFolder
from pose_estimation_ros.evaluation.bag.run.prefetch import Loaded, ahead, loaded
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.top_down import TopDown

Estimate = Callable[[np.ndarray, Recorded], Poses]  # image (H, W, 3) uint8 BGR


class Answer(NamedTuple):
    """A frame, without its message, and what came of it. age_ms: from stamp to answer, in realtime alone."""

    frame: Recorded
    poses: Poses
    estimate_ms: float
    age_ms: float | None


@dataclass
class Record:
    """What a run saw. seconds: by stage, of all frames."""

    answers: list[Answer] = field(default_factory=list)  # one list, so that Ctrl-C leaves no half of an answer
    counts: Counter = field(default_factory=Counter)
    unusable: Counter = field(default_factory=Counter)  # kind of FrameError
    sizes: Counter = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    stamps_ns: set[int] = field(default_factory=set)  # of all frames that were read
    partial: str = ""  # why not all of the bag was worked on
    interrupted: bool = False

    @property
    def frames(self) -> list[Recorded]:
        return [answer.frame for answer in self.answers]

    @property
    def poses(self) -> list[Poses]:
        return [answer.poses for answer in self.answers]

    @property
    def age_ms(self) -> list[float]:
        return [answer.age_ms for answer in self.answers if answer.age_ms is not None]


def by_pipeline(pipeline: Pipeline) -> Estimate:
    """As the node does it. The seconds of a stamp are added up as in the node: other ways round otherwise."""
    return lambda image, frame: pipeline(image, frame.stamp_ns // 10**9 + 1e-9 * (frame.stamp_ns % 10**9))


def by_true_boxes(estimator: TopDown, truth: Truth) -> Estimate:
    """As `pose evaluate` does it: in the boxes of the annotations, image by image."""
    boxes = truth.boxes()

    def estimate(image: np.ndarray, frame: Recorded) -> Poses:
        box_xyxy, box_score = boxes.get(truth.image_id.get(frame.stamp_ns), (np.zeros((0, 4)), np.zeros(0)))
        if not len(box_xyxy):
            return empty_poses(estimator.skeleton.num_keypoints)
        return coco.poses_in_boxes(estimator, image, box_xyxy, box_score)

    return estimate


def of_annotated_size(estimate: Estimate, truth: Truth) -> Estimate:
    """Estimate as before, but raise DataError for an image that has not its annotated size."""

    def checked(image: np.ndarray, frame: Recorded) -> Poses:
        truth.refuse_other_size(image, frame.stamp_ns)
        return estimate(image, frame)

    return checked


def run(bag: Bag, topic: str, estimate: Estimate, folder: RunFolder | None, clock: Clock) -> Record:
    """Works through a topic.

    Ctrl-C, damage in the bag and errors on the way end it with what was done until then; the record says so. Raises
    DataError where not one frame could be used.
    """
    record = Record(counts=Counter(in_bag=bag.count(topic)))
    work = Work(record, estimate, folder, clock)
    began = time.perf_counter()
    frames = loaded(bag.read(topic), not clock.realtime, record.seconds)  # in realtime only what is taken is decoded
    try:
        with closing(ahead(frames, record.seconds)) as ready:
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
        why = work.first_error or bag.problem or "there is none"
        count = record.counts["read"]
        raise DataError(f"{bag.path}: none of {count} images of {topic} could be used: {why}")
    return record


def counted(frames: Iterable[Loaded], record: Record) -> Iterator[Loaded]:
    """The same frames; counts what is odd about their stamps."""
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
    """Answers frames and keeps the record."""

    def __init__(self, record: Record, estimate: Estimate, folder: RunFolder | None, clock: Clock) -> None:
        self._record, self._estimate, self._folder, self._clock = record, estimate, folder, clock
        self._latency_ns = 0
        self.first_error = ""

    def chosen(self, frames: Iterable[Loaded]) -> Iterator[Taken]:
        shown = tqdm(frames, "frames", self._record.counts["in_bag"], leave=False, unit="frame", disable=None)
        return newest_frames(shown, lambda: self._latency_ns) if self._clock.realtime else every_frame(shown)

    def answer(self, taken: Taken) -> None:
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
        done = time.perf_counter()
        given_ms = self._clock.latency_ms
        self._latency_ns = round(1e9 * (done - began) if given_ms is None else 1e6 * given_ms)
        age_ns = None if taken.start_ns is None else taken.start_ns + self._latency_ns - frame.stamp_ns
        self._keep(frame, image, poses, 1e3 * (done - decoded), age_ns)
        if self._clock.realtime:
            seconds["decode"] += decoded - began
        seconds["estimate"] += done - decoded
        seconds["write"] += time.perf_counter() - done

    def _keep(self, frame: Recorded, image: np.ndarray, poses: Poses, estimate_ms: float, age_ns: int | None) -> None:
        if self._folder:
            self._folder.write(frame, image, poses, age_ns)
        self._record.sizes[f"{image.shape[1]}x{image.shape[0]}"] += 1
        age_ms = None if age_ns is None else 1e-6 * age_ns
        self._record.answers.append(Answer(frame._replace(message=None), poses, estimate_ms, age_ms))
