"""Convert a video, or a folder of images with or without COCO annotations, to a rosbag2.

    made = make_bag(BagConversion("clip.mp4", "out/clip"))
    print(made.images)

Topics: /camera/image_raw (bgr8), or /camera/image_raw/compressed; /camera/camera_info, uncalibrated. Compressed, a JPEG
or PNG file is copied unchanged where its message decodes to the picture that `pose predict` sees; any other image file,
for example one with an EXIF orientation, becomes a new PNG, and a frame of a video a JPEG. With annotations there are
also /truth/keypoints (PersonArray) and truth.json in the bag's folder: the annotations with "stamp_ns" and "topic" in
the images. Images are found by their "file_name", those of a video by their "id", the number of the frame from 0.
Stamps begin at 1 s; frames of a video keep the times of its file, unless a rate is given.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError, DataError, FrameError
from pose_estimation_ros.core.fields import PATH, TRUE_OR_FALSE, Rule, check_fields, number, one_of, optional, whole
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.evaluation.bag.files.message_types import header, messages
from pose_estimation_ros.evaluation.bag.files.writer import LATCHED, STORAGES, BagWriter
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import FILE
from pose_estimation_ros.evaluation.bag.metrics.image_annotations import Annotations
from pose_estimation_ros.imaging.compressed import decode_compressed
from pose_estimation_ros.imaging.video import Source, SourceFrame, open_source, warn_of_unreadable
from pose_estimation_ros.inference.progress import progress
from pose_estimation_ros.messages.poses import poses_to_msg, skeleton_to_msg

RAW, COMPRESSED = "/camera/image_raw", "/camera/image_raw/compressed"
INFO, GROUND_TRUTH = "/camera/camera_info", "/truth/keypoints"
DESCRIPTION = "/truth/skeleton"  # of a skeleton that core.skeleton does not have
FRAME_ID = "camera"
BEGIN_NS = 10**9  # a stamp of 0 would mean that there is none
FILE_FORMATS = {b"\xff\xd8": "jpeg", b"\x89PNG": "png"}  # first bytes -> name in CompressedImage.format
JPEG_QUALITY = 95
RATES_HZ = (1e-3, 1e6)  # lowest and highest

RULES: dict[str, Rule] = {
    "source": PATH,
    "out": PATH,
    "storage": one_of(STORAGES),
    "compressed": TRUE_OR_FALSE,
    "rate_hz": optional(number(*RATES_HZ)),
    "annotations": optional(PATH),
    "max_frames": optional(whole(1)),
}


@dataclass(frozen=True)
class BagConversion:
    """Hold all settings of the conversion of a video or images to a bag; they are checked when the object is made.

    The defaults are those of `pose make-bag`.

    Attributes:
        source: path of a video, a folder of images, or an image.
        out: folder of the bag, which must not exist.
        storage: format of the bag's files: "sqlite3" or "mcap".
        compressed: write CompressedImage messages instead of Image.
        rate_hz: images per second; None: the times of the video, 30 for images.
        annotations: COCO file with person keypoints of the images.
        max_frames: number of images to stop after; None: all.

    Raises:
        ConfigError: a value has the wrong type or is out of range.
    """

    source: str | Path
    out: str | Path
    storage: str = "sqlite3"
    compressed: bool = False
    rate_hz: float | None = None
    annotations: str | Path | None = None
    max_frames: int | None = None

    def __post_init__(self) -> None:
        """Check and convert all settings."""
        vars(self).update(check_fields(vars(self), RULES))


class MadeBag(NamedTuple):
    """Describe a bag that was made.

    Attributes:
        path: folder of the bag.
        images: number of images in it.
        annotated: how many of them are annotated; None without annotations.
        unreadable: number of images that could not be read and were left out.
    """

    path: Path
    images: int
    annotated: int | None
    unreadable: int


def make_bag(conversion: BagConversion, warn: Callable[[str], object] = warnings.warn) -> MadeBag:
    """Convert a video or images to a bag; images of a folder that cannot be read are left out.

    The bag is written into a temporary folder beside the target, which takes its name at the end.

    Args:
        conversion: the settings.
        warn: is called with a line for images that cannot be read.

    Raises:
        ConfigError: the source is a camera.
        DataError: the folder of the bag exists already, the source, an image or its annotation cannot be used, or the
            bag cannot be written.
    """
    out = Path(conversion.out)
    if out.exists():
        raise DataError(f"expected --out to be a new folder, got {out}, which exists already")
    with open_source(str(conversion.source)) as source:
        if source.kind == "camera":
            raise ConfigError("expected a video or images, got a camera: record it with `ros2 bag record`")
        annotations = Annotations(conversion.annotations, source) if conversion.annotations else None
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f"{out.name}.unfinished-", dir=out.parent) as unfinished:
                count = write_bag(Path(unfinished, out.name), source, conversion, annotations)
                os.rename(Path(unfinished, out.name), out)
        except OSError as error:
            raise DataError(f"cannot write the bag {out}: {error.strerror or error}") from error
    annotated = len(annotations.images) if annotations else None
    return MadeBag(out, count, annotated, warn_of_unreadable(source, warn))


def write_bag(path: Path, source: Source, conversion: BagConversion, annotations: Annotations | None) -> int:
    """Write all messages and the file of the ground truth; see make_bag.

    Args:
        path: folder of the bag.
        source: the images.
        conversion: the settings.
        annotations: annotations of the images.

    Returns:
        The number of images.
    """
    count = 0
    described = annotations is None or annotations.skeleton == SKELETONS.get(annotations.skeleton.name)
    topic = COMPRESSED if conversion.compressed else RAW
    with BagWriter(path, conversion.storage) as writer:
        for frame, stamp_ns in stamped(source, conversion.rate_hz, conversion.max_frames):
            stamp = header(stamp_ns, FRAME_ID)
            image = compressed(frame, stamp, source.kind != "video") if conversion.compressed else raw(frame, stamp)
            writer.write(topic, image, stamp_ns)
            writer.write(INFO, camera_info(frame, stamp), stamp_ns)
            if annotations and not described:
                writer.write(DESCRIPTION, skeleton_to_msg(messages(), annotations.skeleton), stamp_ns, (LATCHED,))
                described = True
            if annotations and (poses := annotations.poses(frame, stamp_ns, topic)) is not None:
                writer.write(GROUND_TRUTH, people(poses, frame, stamp, annotations.skeleton.name), stamp_ns)
            count += 1
    if annotations:
        write_json(path / FILE, annotations.content())
    return count


def stamped(source: Source, rate_hz: float | None, max_frames: int | None) -> Iterator[tuple[SourceFrame, int]]:
    """Give every image its stamp in ns.

    Args:
        source: the images.
        rate_hz: images per second; None: the source's own times.
        max_frames: number of images to stop after; None: all.
    """
    for frame in progress(source, min(filter(None, (source.length, max_frames)), default=None)):
        if max_frames and frame.index >= max_frames:
            return
        time_s = frame.index / rate_hz if rate_hz else frame.time_s
        yield frame, BEGIN_NS + round(1e9 * time_s)


def raw(frame: SourceFrame, stamp: Any) -> Any:
    """Make an Image message of encoding bgr8.

    Args:
        frame: the image.
        stamp: the header.
    """
    height, width = frame.image.shape[:2]
    data = frame.image.reshape(-1)
    layout = {"encoding": "bgr8", "is_bigendian": 0, "step": 3 * width}
    return messages().Image(header=stamp, height=height, width=width, **layout, data=data)


def compressed(frame: SourceFrame, stamp: Any, is_file: bool) -> Any:
    """Make a CompressedImage: the image's file unchanged where that gives the same picture, else a new file.

    Args:
        frame: the image.
        stamp: the header.
        is_file: whether ``frame.path`` is the file of this image alone, not a video.

    Raises:
        DataError: the image cannot be decoded from a message, for example because it is too large.
    """
    unchanged = unchanged_file(frame) if is_file else None
    form, data = unchanged or encoded(frame.image, "png" if is_file else "jpeg")
    text = format_of(form)
    try:
        if not unchanged:
            decode_compressed(text, data)
    except FrameError as error:
        raise DataError(f"{frame.path}: {error}") from error
    return messages().CompressedImage(header=stamp, format=text, data=data)


def unchanged_file(frame: SourceFrame) -> tuple[str, np.ndarray] | None:
    """Find the format and bytes of an image's file; None where its message would not decode to exactly this image."""
    data = np.fromfile(frame.path, np.uint8)
    form = next((form for start, form in FILE_FORMATS.items() if data[: len(start)].tobytes() == start), None)
    if form is None:
        return None
    try:
        same = np.array_equal(decode_compressed(format_of(form), data), frame.image)
    except FrameError:
        return None
    return (form, data) if same else None


def encoded(image: np.ndarray, form: str) -> tuple[str, np.ndarray]:
    """Encode an image.

    Args:
        image: (H, W, 3) uint8 BGR.
        form: "png" or "jpeg".

    Returns:
        The form, and the bytes of the file.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if form == "jpeg" else []
    return form, cv2.imencode(f".{form}", image, options)[1].ravel()


def format_of(form: str) -> str:
    """Return the format field of a CompressedImage message, as image_transport writes it."""
    return f"bgr8; {form} compressed bgr8"


def camera_info(frame: SourceFrame, stamp: Any) -> Any:
    """Make a CameraInfo message with the size alone: K, D, R and P stay zero, which means that it is uncalibrated.

    Args:
        frame: the image.
        stamp: the header.
    """
    height, width = frame.image.shape[:2]
    return messages().CameraInfo(header=stamp, height=height, width=width, distortion_model="plumb_bob")


def people(poses: Poses, frame: SourceFrame, stamp: Any, skeleton_name: str) -> Any:
    """Make a PersonArray message.

    Args:
        poses: the annotated people.
        frame: the image.
        stamp: the header.
        skeleton_name: name of their skeleton.
    """
    height, width = frame.image.shape[:2]
    return poses_to_msg(messages(), poses, stamp, (width, height), skeleton_name)
