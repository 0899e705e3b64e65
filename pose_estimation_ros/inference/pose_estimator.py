"""Estimate poses in images and videos: the class that programs without ROS use."""

import functools
import math
import numbers
import os
import time
import warnings
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from pose_estimation_ros.core.errors import ConfigError, FrameError, ModelError, described, shown
from pose_estimation_ros.core.fields import PATH, check_field
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.imaging.crops import check_frame
from pose_estimation_ros.imaging.video import open_source, warn_of_unreadable
from pose_estimation_ros.inference.detector import Detector
from pose_estimation_ros.inference.estimators.estimator import Estimator, as_boxes
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.fastest import choose, choose_network
from pose_estimation_ros.inference.options import DEFAULTS, make_options, with_new_names

TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}  # by number of channels
NAME = PATH._replace(expected="a name or a path")  # of a model
IMAGE = "an image (H, W, 3) uint8 BGR, as cv2.imread reads it"

Path = Union[str, "os.PathLike[str]"]
Boxes = Union[np.ndarray, Sequence[Any]]  # (N, 4) left, top, right, bottom in px: an array or lists
AnyDetector = Callable[[np.ndarray], Tuple[Any, Any]]  # image -> boxes (N, 4), scores (N,), arrays or lists


class PoseEstimator:
    """Find people and their joints in images: a callable ``image -> Poses``.

    By default every image is processed by itself. With ``tracking=True`` the images are those of one camera or video,
    in their order: people keep their ids, their joints are smoothed, and the detector runs about three times a second
    only.

    It is a context manager, and belongs to the thread that made it.

    Attributes:
        pipeline: the Pipeline inside, which knows the time and the backend of the last call.
    """

    def __init__(
        self,
        model: Path = DEFAULTS.model,
        detector: Union[Path, AnyDetector] = DEFAULTS.detector,
        tracking: bool = False,
        device: str = DEFAULTS.device,
        **options: Any,
    ) -> None:
        """Open the networks.

        Args:
            model: name of a model, path of an .onnx file with its .json beside it, or an engine, "NAME.engine". On
                device "auto" a name stands for the model's 8-bit file where the CPU is faster with it, which
                pipeline.spec.name tells; "NAME.onnx" and paths do not.
            detector: name or path of a person detector, "full_frame" for one person who fills the view, or a callable
                ``image (H, W, 3) uint8 BGR -> (boxes (N, 4) xyxy px, scores (N,))``, arrays or lists. Its scores only
                order the boxes: leave out the weak ones yourself. Not used by a model that finds people by itself.
            tracking: take the images for one stream, see the class.
            device: what runs the networks, one of inference.backends.base.DEVICES. "auto": an engine runs on TensorRT,
                an .onnx model on a GPU where the installed ONNX Runtime was built for one, else on the CPU.
            **options: any other field of pose_estimation_ros.inference.options.PipelineOptions, whose help lists them,
                such as score_threshold=0.3 or threads=2.

        Raises:
            ConfigError: an option is unknown or out of range, or needs tracking.
            ModelError: a model is missing, or cannot be used.
        """
        options.update(model=check_field("model", model, NAME), tracking=tracking, device=device)
        options.update(detector=_name_of(detector))
        options = with_new_names(options, functools.partial(warnings.warn, stacklevel=3))
        if not tracking:
            _check_independent(options)
        self._closed = False
        chosen = choose(make_options(options))
        self.pipeline = chosen.build(_checked(detector) if callable(detector) else None)

    def __call__(self, image: np.ndarray, stamp_s: Optional[float] = None, boxes: Optional[Boxes] = None) -> Poses:
        """Find the people in an image.

        Args:
            image: (H, W, 3) uint8 BGR. Grey (H, W) and BGRA (H, W, 4) images are converted.
            stamp_s: time of the image in seconds, on any clock; only tracking needs it. None: the time of this call,
                as is right for a camera. For a file give the time within it, or use video().
            boxes: (N, 4) left, top, right, bottom in px, best first, of people that you have found already, in place of
                the detector's. Not used by a model that finds people by itself.

        Returns:
            The people, in pixels of the image.

        Raises:
            FrameError: it is no image, or not of uint8.
            ConfigError: stamp_s is no time; boxes, or what a detector of yours returned, are no boxes.
            ModelError: this PoseEstimator is closed, or a network fails.
        """
        self._check_open()
        frame = as_bgr(image)
        time_s = time.monotonic() if stamp_s is None else _seconds(stamp_s)
        known_boxes = None if boxes is None else _ordered_boxes(boxes, "boxes")
        if not self.pipeline.options.tracking:
            self.pipeline.reset()
        return self.pipeline(frame, time_s, known_boxes)

    def video(self, source: Union[Path, int]) -> Iterator[Tuple[np.ndarray, Poses]]:
        """Estimate the poses in a video, camera, folder of images or URL, frame by frame.

        It begins as after reset(). The images of a folder that cannot be read are left out, and named by warnings after
        the last one.

        Args:
            source: path, URL, or index of a camera. An int is always a camera; as a text, "0" may be a file, too.

        Returns:
            An iterator of pairs: the frame, (H, W, 3) uint8 BGR, and the people in it.

        Raises:
            ConfigError: the source is none of these.
            DataError: the source cannot be read.
            ModelError: this PoseEstimator is closed, or a network fails.
        """
        self._check_open()
        return self._frames(_source(source))

    def _frames(self, source: Union[str, int]) -> Iterator[Tuple[np.ndarray, Poses]]:
        with open_source(source) as frames:
            self.reset()
            for frame in frames:
                yield frame.image, self(frame.image, frame.time_s)
            warn_of_unreadable(frames, functools.partial(warnings.warn, stacklevel=3))

    @property
    def skeleton(self) -> Skeleton:
        """Return the names, links and OKS sigmas of the joints."""
        return self.pipeline.skeleton

    @property
    def names(self) -> Tuple[str, ...]:
        """Return the names of the K joints, in the order of the arrays of Poses."""
        return self.pipeline.skeleton.keypoints

    def reset(self) -> None:
        """Forget the people and times seen so far, as before the first image of a new stream; ids go on counting."""
        self.pipeline.reset()

    def close(self) -> None:
        """Free the networks; closing twice is no error."""
        self._closed = True
        self.pipeline.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ModelError("this PoseEstimator is closed: make a new one")

    def __enter__(self) -> "PoseEstimator":
        self._check_open()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def load_model(model: Path = DEFAULTS.model, flip_test: bool = False, threads: int = 0) -> Estimator:
    """Open a pose network without detector, thresholds and tracking, for programs that do these by themselves.

    Args:
        model: see PoseEstimator.
        flip_test: also run mirrored images: more accurate, twice the time.
        threads: CPU threads, 0 = as many as cores.

    Returns:
        A callable ``image, boxes (N, 4) xyxy px -> Poses`` without thresholds; one that finds people by itself needs no
        boxes. Use it as a context manager or close it.

    Raises:
        ConfigError: model is no name or path, or it cannot be run with flip_test.
        ModelError: the model is missing, or cannot be used.
    """
    used = choose_network(check_field("model", model, NAME), threads=threads)
    return open_estimator(
        make_options({"model": used.name, "flip_test": flip_test, "threads": used.threads}), None, used.file
    )


def as_bgr(image: Any) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 BGR; grey (H, W) or (H, W, 1) and BGRA ones are converted.

    Raises:
        FrameError: it is no image, or not of uint8.
    """
    if not isinstance(image, np.ndarray):
        what = "None: cv2.imread returns that for a file it cannot read" if image is None else described(image)
        raise FrameError("shape", "expected %s, got %s" % (IMAGE, what))
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise FrameError("shape", "expected %s, got an array %s %s" % (IMAGE, image.shape, image.dtype))
    frame: np.ndarray = image[..., None] if image.ndim == 2 else image
    if frame.size and frame.shape[2] in TO_BGR:
        frame = cv2.cvtColor(frame, TO_BGR[frame.shape[2]])
    check_frame(frame)
    return frame


def _name_of(detector: Union[Path, AnyDetector]) -> str:
    if callable(detector):
        return str(getattr(detector, "__name__", type(detector).__name__))
    if detector is None:
        raise ConfigError('expected detector to be a name, a path or a callable, got None; "full_frame" uses none')
    return str(check_field("detector", detector, NAME))


def _check_independent(options: Dict[str, Any]) -> None:
    """Refuse options that only tracking has a use for."""
    if options.setdefault("detect_every_s", 0.0) != 0:
        raise ConfigError("expected detect_every_s=0 without tracking, got %s" % shown(options["detect_every_s"]))
    if options.get("smoothing"):
        raise ConfigError("expected tracking=True beside smoothing=True, got tracking=False")


def _seconds(stamp_s: Any) -> float:
    """Return a stamp as a float. Raises ConfigError unless it is a finite number."""
    try:
        if isinstance(stamp_s, numbers.Real) and not isinstance(stamp_s, bool) and math.isfinite(stamp_s):
            return float(stamp_s)
    except OverflowError:
        pass
    raise ConfigError("expected stamp_s to be a time in seconds, got %s" % shown(stamp_s))


def _source(source: Any) -> Union[str, int]:
    """Return what open_source takes: a path or URL as text, or the index of a camera."""
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        return int(source)
    if isinstance(source, (str, os.PathLike)):
        return str(check_field("source", source, NAME))
    raise ConfigError("expected source to be a path, a URL or the index of a camera, got %s" % shown(source))


def _ordered_boxes(boxes: Any, name: str) -> np.ndarray:
    """Return boxes as an array (N, 4) float32 of left, top, right, bottom.

    Raises:
        ConfigError: they have another shape, are not finite, or their sides are in another order.
    """
    array = as_boxes(boxes, name)
    wrong = ~np.isfinite(array).all(1) | (array[:, 2:] < array[:, :2]).any(1)
    if wrong.any():
        text = "expected %s to be left, top, right, bottom, got %s: is that x, y, width, height?"
        raise ConfigError(text % (name, array[wrong][0].tolist()))
    return array


def _checked(detector: AnyDetector) -> Detector:
    """Let a detector of the user return lists and boxes in any order; refuse what are no boxes and scores."""

    def detect(image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        boxes, scores = _boxes_and_scores(detector(image))
        boxes = _ordered_boxes(boxes, "the detector's boxes")
        best_first = np.argsort(-scores, kind="mergesort")
        return boxes[best_first], scores[best_first]

    return detect


def _boxes_and_scores(result: Any) -> Tuple[np.ndarray, np.ndarray]:
    """Return the result of a detector as arrays (N, 4) and (N,)."""
    what = shown(result)
    try:
        boxes, scores = (np.asarray(part, np.float32) for part in result)
    except (TypeError, ValueError, OverflowError):
        pass
    else:
        if scores.ndim == 1 and (boxes.shape == (len(scores), 4) or boxes.size == len(scores) == 0):
            return boxes, scores
        what = "arrays %s and %s" % (boxes.shape, scores.shape)
    raise ConfigError("expected the detector to return boxes (N, 4) and scores (N,), got %s" % what)
