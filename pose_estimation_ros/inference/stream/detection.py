"""Ask a detector for people, in the image at hand or in a thread of its own beside the poses.

Both kinds are callables ``frame, time_s, due, wait -> Found or None``, one per stream of images.
"""

import collections
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Union

import numpy as np

from pose_estimation_ros.inference.detector import Detector

# How much less of a contested core the thread gets than the poses do: about a quarter of it, so that its work is spread
# over several images where the poses leave no core free.
NICE = 5
LATEST_S = 0.5  # after which an image waits for the answer: on a busy machine newcomers would be seen ever later


class Found(NamedTuple):
    """Hold what a detector found.

    Attributes:
        box_xyxy: (N, 4) float32 px, best first.
        time_s: time of the image in which they are, in seconds.
    """

    box_xyxy: np.ndarray
    time_s: float


class Inline:
    """Run the detector when it is due, before the poses; every image gets the boxes of its own people."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def __call__(self, frame: np.ndarray, time_s: float, due: bool, wait: bool) -> Optional[Found]:
        """Return the people in a frame (H, W, 3) uint8 BGR if the detector is due; wait has no effect."""
        return Found(self._detector(frame)[0], time_s) if due else None

    def forget(self) -> None:
        """Do nothing, because nothing is kept from image to image."""


class Beside:
    """Ask a DetectorThread when the detector is due, and hand on its answer to a later image.

    A fault of the detector is raised in the image that gets the answer.
    """

    def __init__(self, thread: "DetectorThread") -> None:
        self._thread = thread
        self._asked_s: Optional[float] = None

    def __call__(self, frame: np.ndarray, time_s: float, due: bool, wait: bool) -> Optional[Found]:
        """Ask about a frame, and return the answer to the last question if there is one.

        Args:
            frame: (H, W, 3) uint8 BGR; the question keeps a copy.
            time_s: its time in seconds.
            due: whether to ask; only one question is open at a time.
            wait: wait for the answer, because without it there is nothing to do.
        """
        if due and self._asked_s is None:
            self._thread.ask(self, frame)
            self._asked_s = time_s
        if self._asked_s is None:
            return None
        answer = self._thread.answer(self, wait or time_s - self._asked_s >= LATEST_S)
        if answer is None:
            return None
        asked_s, self._asked_s = self._asked_s, None
        if isinstance(answer, BaseException):
            raise answer
        return Found(answer, asked_s)

    def forget(self) -> None:
        """Withdraw the question, and the answer to it."""
        self._asked_s = None
        self._thread.forget(self)


Answer = Union[np.ndarray, BaseException]  # box_xyxy (N, 4) float32 px, or why there are none


class DetectorThread:
    """Run a detector in a thread of low priority for one or several streams, which take turns.

    The thread opens the detector, uses it and closes it, as libraries of GPUs want it.

    Attributes:
        detector: the open detector, to look at, not to call.
        took_ms: duration of its last run, 0 before the first.
    """

    def __init__(self, open_detector: Callable[[], Detector]) -> None:
        """Start the thread and wait until the detector is open.

        Args:
            open_detector: opens it; what it raises is raised here.
        """
        self._changed = threading.Condition()
        self._questions: "collections.OrderedDict[Any, np.ndarray]" = collections.OrderedDict()
        self._answers: Dict[Any, Answer] = {}
        self._asking: Any = None
        self._closed, self.took_ms = False, 0.0
        self._opened: Union[Detector, BaseException, None] = None
        self._thread = threading.Thread(target=self._run, args=(open_detector,), name="detector", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._opened is not None)
        if isinstance(self._opened, BaseException):
            self._thread.join()
            raise self._opened
        self.detector = self._opened

    def ask(self, who: Any, frame: np.ndarray) -> None:
        """Put a frame (H, W, 3) uint8 BGR in the queue; who is any object that stands for the stream."""
        with self._changed:
            self._questions[who] = frame.copy()
            self._changed.notify_all()

    def answer(self, who: Any, wait: bool) -> Optional[Answer]:
        """Take the answer to the last question of a stream, None while there is none.

        Args:
            who: the stream.
            wait: wait for it.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: who in self._answers or self._closed)
            return self._answers.pop(who, None)

    def forget(self, who: Any) -> None:
        """Withdraw the question of a stream and drop the answer to it."""
        with self._changed:
            self._questions.pop(who, None)
            self._answers.pop(who, None)
            if self._asking is who:
                self._asking = None

    def close(self) -> None:
        """End the thread, which closes the detector; closing twice is no error."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self, open_detector: Callable[[], Detector]) -> None:
        yield_to_the_poses()
        opened: Union[Detector, BaseException]
        try:
            opened = open_detector()
        except BaseException as error:  # raised by the thread that waits for it
            opened = error
        with self._changed:
            self._opened = opened
            self._changed.notify_all()
        if isinstance(opened, BaseException):
            return
        try:
            while self._serve(opened):
                pass
        finally:
            getattr(opened, "close", lambda: None)()

    def _serve(self, detector: Detector) -> bool:
        """Answer the oldest question; return False when the thread is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._questions)
            if self._closed:
                return False
            self._asking, frame = self._questions.popitem(last=False)
        start_s = time.perf_counter()
        try:
            answer: Answer = detector(frame)[0]
        except Exception as error:
            answer = error
        self.took_ms = 1e3 * (time.perf_counter() - start_s)
        with self._changed:
            if self._asking is not None:
                self._answers[self._asking] = answer
            self._asking = None
            self._changed.notify_all()
        return True


def yield_to_the_poses() -> None:
    """Lower the priority of the calling thread, on Linux, where a thread has a priority of its own."""
    if sys.platform.startswith("linux"):
        os.setpriority(os.PRIO_PROCESS, 0, min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19))


def detection_of(detector: Union[Detector, DetectorThread]) -> Union[Inline, Beside]:
    """Return how a stream of images asks a detector."""
    return Beside(detector) if isinstance(detector, DetectorThread) else Inline(detector)
