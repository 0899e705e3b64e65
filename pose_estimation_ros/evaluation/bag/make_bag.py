"""A video, or a folder of images with or without COCO annotations, to a rosbag2 that robots' tools can play.

Topics: /camera/image_raw (bgr8), or /camera/image_raw/compressed; /camera/camera_info, uncalibrated. Compressed, a JPEG
or PNG file is copied unchanged where its message decodes to the picture that `pose predict` sees; any other image file,
for example one with an EXIF orientation, becomes a new PNG, and a frame of a video a JPEG. With --annotations also
/truth/keypoints (PersonArray) and truth.json in the bag's folder: the annotations with "stamp_ns" and "topic" in the
images, which `pose evaluate-bag` looks for. Images are found by their "file_name", those of a video by their "id", the
number of the frame from 0. Stamps begin at 1 s; frames of a video keep the times of its file, unless --rate is given.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_estimation_ros.core.arguments import number, whole
from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError, DataError, FrameError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.evaluation.bag.files.message_types import header, messages
from pose_estimation_ros.evaluation.bag.files.writer import STORAGES, BagWriter
from pose_estimation_ros.evaluation.bag.metrics.image_truth import Annotations
from pose_estimation_ros.evaluation.bag.metrics.truth import FILE
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.imaging.compressed import decode_compressed
from pose_estimation_ros.imaging.video import Source, SourceFrame, open_source
from pose_estimation_ros.inference.predict import tell_unreadable
from pose_estimation_ros.inference.progress import progress
from pose_estimation_ros.messages.poses import poses_to_msg

RAW, COMPRESSED = "/camera/image_raw", "/camera/image_raw/compressed"
INFO, TRUTH = "/camera/camera_info", "/truth/keypoints"
FRAME_ID = "camera"
BEGIN_NS = 10**9  # a stamp of 0 would be none
FILE_FORMATS = {b"\xff\xd8": "jpeg", b"\x89PNG": "png"}  # first bytes -> name in CompressedImage.format
JPEG_QUALITY = 95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="video, folder of images, or image")
    parser.add_argument("--out", required=True, metavar="BAG", help="folder of the bag, which must not be there yet")
    parser.add_argument("--storage", choices=STORAGES, default="sqlite3", help="(default: %(default)s)")
    parser.add_argument("--compressed", action="store_true", help="CompressedImage instead of Image")
    parser.add_argument(
        "--rate", type=number(1e-3, 1e6), metavar="HZ", help="images per second (default: the video's; folder: 30)"
    )
    parser.add_argument("--annotations", metavar="FILE", help="COCO's person keypoints of the images")
    parser.add_argument("--max-frames", type=whole(1), metavar="N", help="only the first N images")


def main(args: argparse.Namespace) -> int:
    out = Path(args.out)
    if out.exists():
        raise DataError(f"expected --out to be a new folder, {out} is there already")
    with open_source(args.input) as source:
        if source.kind == "camera":
            raise ConfigError("expected a video or images, got a camera: record it with `ros2 bag record`")
        truth = Annotations(args.annotations, source) if args.annotations else None
        count = make_bag(source, out, args, truth)
    print(f"{count} images in {out}" + (f"; {len(truth.images)} with annotations" if truth else ""))
    return tell_unreadable(source)


def make_bag(source: Source, out: Path, args: argparse.Namespace, truth: Annotations | None) -> int:
    """Write the bag into a temporary folder beside the target, which takes its name at the end.

    Args:
        source: the images.
        out: folder of the bag.
        args: the command line.
        truth: annotations of the images.

    Returns:
        The number of images.

    Raises:
        DataError: an image or its annotation cannot be used, or the bag cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{out.name}.unfinished-", dir=out.parent) as unfinished:
            count = write_bag(Path(unfinished, out.name), source, args, truth)
            os.rename(Path(unfinished, out.name), out)
    except OSError as error:
        raise DataError(f"cannot write the bag {out}: {error.strerror or error}") from error
    return count


def write_bag(path: Path, source: Source, args: argparse.Namespace, truth: Annotations | None) -> int:
    """Write all messages and the truth file; see make_bag."""
    count = 0
    topic = COMPRESSED if args.compressed else RAW
    with BagWriter(path, args.storage) as writer:
        for frame, stamp_ns in stamped(source, args.rate, args.max_frames):
            stamp = header(stamp_ns, FRAME_ID)
            image = compressed(frame, stamp, source.kind != "video") if args.compressed else raw(frame, stamp)
            writer.write(topic, image, stamp_ns)
            writer.write(INFO, camera_info(frame, stamp), stamp_ns)
            if truth and (poses := truth.poses(frame, stamp_ns, topic)):
                writer.write(TRUTH, people(poses, frame, stamp), stamp_ns)
            count += 1
    if truth:
        write_json(path / FILE, truth.content())
    return count


def stamped(source: Source, rate_hz: float | None, most: int | None) -> Iterator[tuple[SourceFrame, int]]:
    """Give every image its stamp in ns.

    Args:
        source: the images.
        rate_hz: images per second; None: the source's own times.
        most: number of images to stop after; None: all.
    """
    for frame in progress(source, min(filter(None, (source.length, most)), default=None)):
        if most and frame.index >= most:
            return
        time_s = frame.index / rate_hz if rate_hz else frame.time_s
        yield frame, BEGIN_NS + round(1e9 * time_s)


def raw(frame: SourceFrame, stamp: Any) -> Any:
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
    found = unchanged_file(frame) if is_file else None
    form, data = found or encoded(frame.image, "png" if is_file else "jpeg")
    text = format_of(form)
    try:
        if not found:
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
    """Encode an image (H, W, 3) as "png" or "jpeg"."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if form == "jpeg" else []
    return form, cv2.imencode(f".{form}", image, options)[1].ravel()


def format_of(form: str) -> str:
    return f"bgr8; {form} compressed bgr8"


def camera_info(frame: SourceFrame, stamp: Any) -> Any:
    """Size alone: K, D, R and P stay zero, which CameraInfo.msg defines as uncalibrated."""
    height, width = frame.image.shape[:2]
    return messages().CameraInfo(header=stamp, height=height, width=width, distortion_model="plumb_bob")


def people(poses: Poses, frame: SourceFrame, stamp: Any) -> Any:
    height, width = frame.image.shape[:2]
    return poses_to_msg(messages(), poses, stamp, (width, height), coco.SKELETON)
