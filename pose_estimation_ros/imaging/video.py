"""Read frames from an image, a folder of images, a video, a stream or a camera, and write mp4 files."""

import contextlib
import math
import os
import re
import shutil
import stat
import time
from typing import IO, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from pose_estimation_ros.core.atomic_files import whole_file
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.imaging.cameras import cameras_hint
from pose_estimation_ros.imaging.images import read_image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm")
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")  # first bytes of JPEG and PNG files
URL = re.compile("(rtsp|rtsps|rtmp|http|https|udp|tcp|rtp|srt)://.", re.IGNORECASE)
NUMBERED = re.compile("%(0[0-9]+)?d")  # the %04d of img_%04d.png
CAMERAS = 100  # number of camera indices; from 100 on OpenCV reads the hundreds as the number of a backend
USUAL_FPS = 30.0
SILENT = 0  # OpenCV's LOG_LEVEL_SILENT
MOST_NAMED = 10  # unreadable images that a warning names
ROOM_MB = 32  # kept free on the disk for the end of the video, which every player needs, and for other results
SOURCES = "an image, a folder of images, a video, a pattern such as img_%04d.png, a URL or a camera"


class SourceFrame(NamedTuple):
    """Hold one frame of a source.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        index: number of the frame, from 0.
        time_s: since the first frame.
        path: path of the image or video.
    """

    image: np.ndarray
    index: int  # type: ignore[assignment]
    time_s: float
    path: str


class Source:
    """Iterate over the frames of a source; usable as a context manager.

    A truncated video ends at the damage. A video without frames, or a folder without any readable image, raises
    DataError while iterating.

    Attributes:
        kind: "image", "folder", "video" or "camera".
        name: name of the source, for messages.
        paths: paths of the images of a folder.
        fps: frames per second of the source, 30 if it is unknown.
        length: number of frames, None if it is unknown.
        unreadable: one line for each image of a folder that could not be read so far. Such an image yields no
            SourceFrame, but the index of the next frame counts it.
    """

    def __init__(
        self, kind: str, name: str, paths: Sequence[str] = (), capture: Optional[cv2.VideoCapture] = None
    ) -> None:
        self.kind, self.name, self.paths, self._capture = kind, name, list(paths), capture
        self.fps: float = USUAL_FPS
        self.length: Optional[int] = len(self.paths)
        self.unreadable: List[str] = []
        if capture is not None:
            self.fps, self.length = _rate_and_length(capture, kind)

    def __iter__(self) -> Iterator[SourceFrame]:
        return self._images() if self._capture is None else self._captured(self._capture)

    def _images(self) -> Iterator[SourceFrame]:
        self.unreadable = []
        for index, path in enumerate(self.paths):
            try:
                image = read_image(path)
            except DataError as error:
                self.unreadable.append(str(error))
            else:
                yield SourceFrame(image, index, index / self.fps, path)
        if len(self.unreadable) == len(self.paths):
            where = "%s: no image can be read; the first: " % self.name if self.kind == "folder" else ""
            raise DataError(where + self.unreadable[0])

    def _captured(self, capture: cv2.VideoCapture) -> Iterator[SourceFrame]:
        index, start_s, times_s = 0, time.monotonic(), self._container_times_s(capture)
        while True:
            arrived, image = capture.read()
            if not arrived:
                break
            # A camera drops frames while the last one is processed, so only the clock knows the time of a frame.
            time_s = time.monotonic() - start_s if self.kind == "camera" else next(times_s)
            yield SourceFrame(_three_channels(image), index, time_s, self.name)
            index += 1
        if index == 0:
            raise DataError("%s: expected a %s with frames, got none" % (self.name, self.kind))

    def _container_times_s(self, capture: cv2.VideoCapture) -> Iterator[float]:
        """Yield the time of the latest frame since the first one, as the container stores it.

        If the container stores no time, or none after that of the last frame, a frame is 1 / fps after the last one.
        """
        # Older versions of OpenCV return the time of the next frame, but the differences are the same.
        first_s, last_s = _position_s(capture), 0.0
        while True:
            yield last_s
            time_s = _position_s(capture) - first_s
            last_s = time_s if last_s < time_s < math.inf else last_s + 1 / self.fps

    def close(self) -> None:
        """Release the video or camera; closing twice is no error."""
        if self._capture is not None:
            self._capture.release()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def open_source(name: Union[str, int]) -> Source:
    """Open a source of frames.

    The name is one of these:

    * the path of an image, a video, or a device such as /dev/video0;
    * the path of a folder, whose images are read in order of their names;
    * a path whose last part is a pattern such as img_%04d.png, whose images are read in order of their numbers;
    * a URL;
    * the index of a camera, such as "0".

    A file or folder of that name is preferred to a pattern or an index. A leading ~ is the home folder.

    Args:
        name: see above. An int is always the index of a camera.

    Returns:
        The source, which the caller must close.

    Raises:
        DataError: the source does not exist, is of another kind, or OpenCV cannot read it.
    """
    if isinstance(name, int):
        return _open_camera(str(int(name)))
    name = str(name)
    if not name or "\0" in name:
        raise DataError("expected %s, got the name %r" % (SOURCES, name))
    if URL.match(name):
        shown = re.sub("//[^/]*@", "//", name)  # without user and password
        return Source("video", shown, capture=_open_capture("stream", shown, name))
    path = name if os.path.lexists(name) else os.path.expanduser(name)
    mode = _mode(path)
    if mode is None:
        return _open_camera_or_pattern(path)
    if stat.S_ISDIR(mode):
        return Source("folder", path, _images_in(path))
    if stat.S_ISCHR(mode):  # only by V4L2: other backends would read /dev/zero for ever
        return Source("camera", path, capture=_open_capture("camera", path, opencv_path(path), cv2.CAP_V4L2))
    return _open_file(path, mode)


def _mode(path: str) -> Optional[int]:
    """Return the st_mode of a path, None if it does not exist."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DataError("expected %s, got %r: %s" % (SOURCES, path, getattr(error, "strerror", None) or error))


def _open_file(path: str, mode: int) -> Source:
    if not stat.S_ISREG(mode):
        kind = "named pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "block device"
        raise DataError("%s: expected %s, got a %s" % (path, SOURCES, kind))
    if _is_image(path):
        read_image(path)  # fail before any output file is opened
        return Source("image", path, [path])
    return Source("video", path, capture=_open_capture("video", path, opencv_path(path)))


def _is_image(path: str) -> bool:
    """Tell whether a file is an image and no video, by the ending of its name, or by its content if it has none."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(8)
    except OSError as error:
        raise DataError("%s: expected %s, got: %s" % (path, SOURCES, error.strerror))
    ending = os.path.splitext(path)[1].lower()
    return ending in IMAGE_SUFFIXES or (not ending and beginning.startswith(BEGINNINGS))


def _open_camera(index: str) -> Source:
    if len(index) > 9 or not 0 <= int(index) < CAMERAS:
        raise DataError("expected the index of a camera in 0..%d, got %.20s" % (CAMERAS - 1, index))
    return Source("camera", index, capture=_open_capture("camera", index, int(index)))


def _open_camera_or_pattern(name: str) -> Source:
    """Open a camera by its index or the images of a pattern."""
    if name.isdecimal():  # isdigit() accepts "1\u00b2", which int() does not
        return _open_camera(name)
    paths = _numbered(name)
    if not paths:
        hint = cameras_hint() if name.startswith("/dev/") else ""
        raise DataError("expected %s, but %s does not exist%s" % (SOURCES, name, hint))
    return Source("folder", name, paths)


def _numbered(pattern: str) -> List[str]:
    """Return the paths that match a pattern such as a/img_%04d.png, in order of their numbers."""
    folder, form = os.path.split(pattern)
    if form.count("%") != 1 or not NUMBERED.search(form) or not os.path.isdir(folder or "."):
        return []
    head, tail = form[: form.index("%")], NUMBERED.split(form)[-1]
    numbers = []
    for name in os.listdir(folder or "."):
        digits = name[len(head) : len(name) - len(tail)]
        if digits.isdecimal() and form % int(digits) == name:
            numbers.append(int(digits))
    return [os.path.join(folder, form % number) for number in sorted(numbers)]


def _images_in(folder: str) -> List[str]:
    """Return the paths of the images in a folder without hidden files, such as the ._a.jpg that macOS creates."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DataError("%s: expected a folder of images, got: %s" % (folder, error.strerror))
    paths = [os.path.join(folder, n) for n in names if n.lower().endswith(IMAGE_SUFFIXES) and not n.startswith(".")]
    paths = [path for path in paths if os.path.isfile(path) or not os.path.exists(path)]  # a dead link is a bad image
    if not paths:
        raise DataError("%s: expected images (%s), got none" % (folder, " ".join(IMAGE_SUFFIXES)))
    return paths


def opencv_path(path: str) -> str:
    """Return the path of a local file for OpenCV; every path passes through this function on its way to OpenCV.

    It is absolute, so that FFmpeg does not read a name as a protocol such as "concat:". OpenCV itself crashes on names
    that are not UTF-8.

    Raises:
        DataError: the path is not UTF-8.
    """
    try:
        return os.fsencode(os.path.abspath(path)).decode("utf-8")
    except UnicodeError:
        raise DataError("expected the name of a video in UTF-8, got %s" % ascii(path))


def _position_s(capture: cv2.VideoCapture) -> float:
    return 1e-3 * float(capture.get(cv2.CAP_PROP_POS_MSEC))


def _open_capture(kind: str, name: str, source: Union[str, int], backend: int = cv2.CAP_ANY) -> cv2.VideoCapture:
    """Return an opened capture of a source for OpenCV; kind and name are for the message."""
    _silence()
    try:
        capture = cv2.VideoCapture(source, backend)
        if capture.isOpened():
            return capture
    except cv2.error:
        pass
    hint = cameras_hint() if kind == "camera" else ""
    raise DataError("OpenCV %s cannot open the %s %s%s" % (cv2.__version__, kind, name, hint))


def _silence() -> None:
    """Keep OpenCV and FFmpeg from printing, unless the user has set their levels; errors are raised instead."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    logging = getattr(getattr(cv2, "utils", None), "logging", cv2)  # before OpenCV 4.6 it was in cv2 itself
    if hasattr(logging, "setLogLevel") and os.environ.get("OPENCV_LOG_LEVEL", "SILENT") == "SILENT":
        logging.setLogLevel(SILENT)


def _rate_and_length(capture: cv2.VideoCapture, kind: str) -> Tuple[float, Optional[int]]:
    fps = capture.get(cv2.CAP_PROP_FPS)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT) if kind == "video" else 0
    return (fps if 0 < fps < 1000 else USUAL_FPS), (int(count) if 0 < count < 1e12 else None)


def _three_channels(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def warn_of_unreadable(source: Source, warn: Callable[[str], object]) -> int:
    """Name the images of a folder that could not be read, the first ones of them each.

    Args:
        source: a source that has been read.
        warn: gets a text for each warning.

    Returns:
        The number of unreadable images.
    """
    for text in source.unreadable[:MOST_NAMED]:
        warn("left out: %s" % text)
    if source.unreadable:
        warn("%d of %d images could not be read" % (len(source.unreadable), len(source.paths)))
    return len(source.unreadable)


class VideoWriter:
    """Write frames of one size to an mp4 file, which appears under its name when it is closed and complete."""

    def __init__(self, path: str, fps: float) -> None:
        """Prepare a file, which is opened with the first frame.

        Args:
            path: path of the file.
            fps: frames per second.

        Raises:
            DataError: the path is not UTF-8.
        """
        self._path, self._fps = path, fps
        opencv_path(path)  # refuse a bad name before any work is done
        self._writer: Optional[cv2.VideoWriter] = None
        self._file: Optional[IO[bytes]] = None
        self._finish = contextlib.ExitStack()
        self._shape: Tuple[int, ...] = ()

    def write(self, frame: np.ndarray) -> None:
        """Write a frame (H, W, 3) uint8 BGR.

        Raises:
            DataError: OpenCV cannot write the file, the frame has another size than the first one, or the disk is full,
                which OpenCV does not report. The frames before are a complete video after close().
        """
        self._check_room()
        if self._writer is None:
            self._shape = frame.shape
            _silence()
            self._writer = self._open((frame.shape[1], frame.shape[0]))
        if frame.shape != self._shape:
            raise DataError("%s: expected frames of shape %s, got %s" % (self._path, self._shape, frame.shape))
        self._writer.write(frame)

    def _open(self, size_wh: Tuple[int, int]) -> cv2.VideoWriter:
        with contextlib.ExitStack() as opened:
            self._file = opened.enter_context(whole_file(self._path))
            fourcc = cv2.VideoWriter_fourcc(*"mp4v")  # type: ignore[attr-defined]
            writer = cv2.VideoWriter(opencv_path(self._file.name), fourcc, self._fps, size_wh)
            if not writer.isOpened():
                raise DataError("OpenCV %s cannot write a video to %s" % (cv2.__version__, self._path))
            self._finish = opened.pop_all()
        return writer

    def _check_room(self) -> None:
        folder = os.path.dirname(self._path) or "."
        free_mb = shutil.disk_usage(folder).free / 1e6 if os.path.isdir(folder) else ROOM_MB
        if free_mb < ROOM_MB:
            raise DataError("%s: disk full: expected %d MB free, got %.1f" % (self._path, ROOM_MB, free_mb))

    def close(self) -> None:
        """Finish the file; without any frame there is no file. Raises DataError if the file is no readable video."""
        if self._writer is None or self._file is None:
            return
        self._writer.release()
        self._writer = None
        with self._finish:
            if not cv2.VideoCapture(opencv_path(self._file.name)).isOpened():
                raise DataError("%s could not be finished: is its disk full?" % self._path)
