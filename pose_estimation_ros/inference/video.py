"""Frames out of an image, a folder of images, a video or a camera; and mp4 files in."""

import contextlib
import os
import shutil
import time
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.files import whole_file
from pose_estimation_ros.inference.images import read_image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm")
USUAL_FPS = 30.0
ROOM_MB = 32  # left free on the disk: for the end of the video, without which no player opens it, and other results


class SourceFrame(NamedTuple):
    """image: (H, W, 3) uint8 BGR. index: from 0. time_s: from the start of the source. path: of the image or video."""

    image: np.ndarray
    index: int  # type: ignore[assignment]
    time_s: float
    path: str


class Source:
    """An iterator of SourceFrame, usable as a context manager.

    kind: "image", "folder", "video" or "camera". fps: of the source, 30 where it does not say. length: number of
    frames, None where unknown. A video cut off in the middle just ends there; one without frames is a DataError.
    """

    def __init__(self, kind, name, paths=(), capture=None):
        # type: (str, str, Sequence[str], Any) -> None
        self.kind, self.name, self.paths, self._capture = kind, name, list(paths), capture
        self.fps, self.length = USUAL_FPS, len(self.paths)  # type: Tuple[float, Optional[int]]
        if capture is not None:
            self.fps, self.length = _rate_and_length(capture, kind)

    def __iter__(self):
        # type: () -> Iterator[SourceFrame]
        return self._captured() if self._capture is not None else self._images()

    def _images(self):
        # type: () -> Iterator[SourceFrame]
        for index, path in enumerate(self.paths):
            yield SourceFrame(read_image(path), index, index / self.fps, path)

    def _captured(self):
        # type: () -> Iterator[SourceFrame]
        index, start_s = 0, time.monotonic()
        while True:
            arrived, image = self._capture.read()
            if not arrived:
                break
            # Frames of a camera that come while the last one is in work are lost: only the clock knows their time.
            time_s = time.monotonic() - start_s if self.kind == "camera" else index / self.fps
            yield SourceFrame(_three_channels(image), index, time_s, self.name)
            index += 1
        if index == 0:
            raise DataError("%s: expected a %s with frames, got none" % (self.name, self.kind))

    def close(self):
        # type: () -> None
        if self._capture is not None:
            self._capture.release()

    def __enter__(self):
        # type: () -> Source
        return self

    def __exit__(self, *_exception):
        # type: (object) -> None
        self.close()


def open_source(name):
    # type: (str) -> Source
    """Opens an image, a folder of images (in order of their names), a video, or a camera by its index ("0").

    Raises DataError: there is no such thing, or OpenCV cannot read it.
    """
    name = str(name)
    if os.path.isdir(name):
        return Source("folder", name, _images_in(name))
    if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES:
        read_image(name)  # fail before anything is opened for writing
        return Source("image", name, [name])
    camera = name.isdigit() and not os.path.exists(name)
    if not camera and not os.path.isfile(name):
        raise DataError("expected an image, a folder, a video or a camera index, there is no %s" % name)
    capture = cv2.VideoCapture(int(name) if camera else name)
    if not capture.isOpened():
        raise DataError("OpenCV %s cannot open the %s %s" % (cv2.__version__, "camera" if camera else "video", name))
    return Source("camera" if camera else "video", name, capture=capture)


def _images_in(folder):
    # type: (str) -> List[str]
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith(IMAGE_SUFFIXES))
    if not names:
        raise DataError("%s: expected images (%s), got none" % (folder, " ".join(IMAGE_SUFFIXES)))
    return [os.path.join(folder, name) for name in names]


def _rate_and_length(capture, kind):
    # type: (Any, str) -> Tuple[float, Optional[int]]
    fps = capture.get(cv2.CAP_PROP_FPS)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if kind == "video" else 0
    return (fps if 0 < fps < 1000 else USUAL_FPS), (count if count > 0 else None)


def _three_channels(image):
    # type: (np.ndarray) -> np.ndarray
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


class VideoWriter:
    """Writes frames (H, W, 3) uint8 BGR of one size to an mp4; the file appears under its name when closed, never half.

    Raises DataError where OpenCV cannot write it, a frame is of another size than the first, or the disk is full, for
    which OpenCV has no word: what was written before is a whole video once it is closed.
    """

    def __init__(self, path, fps):
        # type: (str, float) -> None
        self._path, self._fps = path, fps
        self._writer = self._file = None  # type: Any
        self._finish = contextlib.ExitStack()
        self._shape = ()  # type: Tuple[int, ...]

    def write(self, frame):
        # type: (np.ndarray) -> None
        self._check_room()
        if self._writer is None:
            self._shape = frame.shape
            self._open((frame.shape[1], frame.shape[0]))
        if frame.shape != self._shape:
            raise DataError("%s: expected frames of shape %s, got %s" % (self._path, self._shape, frame.shape))
        self._writer.write(frame)

    def _open(self, size_wh):
        # type: (Tuple[int, int]) -> None
        with contextlib.ExitStack() as opened:
            self._file = opened.enter_context(whole_file(self._path))
            fourcc = cv2.VideoWriter_fourcc(*"mp4v")  # type: ignore[attr-defined]
            writer = cv2.VideoWriter(self._file.name, fourcc, self._fps, size_wh)
            if not writer.isOpened():
                raise DataError("OpenCV %s cannot write a video to %s" % (cv2.__version__, self._path))
            self._writer, self._finish = writer, opened.pop_all()

    def _check_room(self):
        # type: () -> None
        folder = os.path.dirname(self._path) or "."
        free_mb = shutil.disk_usage(folder).free / 1e6 if os.path.isdir(folder) else ROOM_MB
        if free_mb < ROOM_MB:
            raise DataError("%s: disk full: expected %d MB free, there are %.1f" % (self._path, ROOM_MB, free_mb))

    def close(self):
        # type: () -> None
        """Finishes the file; without a single frame there is none. Raises DataError where it has become no video."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        with self._finish:
            if not cv2.VideoCapture(self._file.name).isOpened():
                raise DataError("%s could not be finished: is its disk full?" % self._path)
