"""A video, or a folder of images with or without COCO annotations, to a rosbag2 that robots' tools can play.

Topics: /camera/image_raw (bgr8), or /camera/image_raw/compressed (files of images as they are, frames of videos as
JPEG); /camera/camera_info, uncalibrated. With --annotations also /truth/keypoints (PersonArray) and truth.json in the
bag's folder: the annotations with "stamp_ns" and "topic" in the images, which `pose evaluate-bag` looks for. Images are
found by their "file_name", those of a video by their "id", the number of the frame from 0. Stamps begin at 1 s.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.files import write_json
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.poses import UNTRACKED, Poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation import coco
from pose_estimation_ros.evaluation.bag.messages import header, messages
from pose_estimation_ros.evaluation.bag.truth import FILE, TRACK
from pose_estimation_ros.evaluation.bag.writing import STORAGES, BagWriter
from pose_estimation_ros.evaluation.coco_json import read_json
from pose_estimation_ros.inference.messages import poses_to_msg
from pose_estimation_ros.inference.predict import progress
from pose_estimation_ros.inference.video import Source, SourceFrame, open_source

RAW, COMPRESSED = "/camera/image_raw", "/camera/image_raw/compressed"
INFO, TRUTH = "/camera/camera_info", "/truth/keypoints"
FRAME_ID = "camera"
BEGIN_NS = 10**9  # a stamp of 0 would be none
AS_IT_IS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}
JPEG_QUALITY = 95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="video, folder of images, or image")
    parser.add_argument("--out", required=True, metavar="BAG", help="folder of the bag, which must not be there yet")
    parser.add_argument("--storage", choices=STORAGES, default="sqlite3", help="(default: %(default)s)")
    parser.add_argument("--compressed", action="store_true", help="CompressedImage instead of Image")
    parser.add_argument("--rate", type=float, metavar="HZ", help="images per second (default: the video's; folder: 30)")
    parser.add_argument("--annotations", metavar="FILE", help="COCO's person keypoints of the images")
    parser.add_argument("--max-frames", type=int, metavar="N", help="only the first N images")


def main(args: argparse.Namespace) -> int:
    if (args.rate is not None and not args.rate > 0) or (args.max_frames is not None and args.max_frames < 1):
        raise ConfigError(f"expected --rate above 0 and --max-frames from 1, got {args.rate} and {args.max_frames}")
    out = Path(args.out)
    if out.exists():
        raise DataError(f"expected --out to be a new folder, {out} is there already")
    with open_source(args.input) as source:
        if source.kind == "camera":
            raise ConfigError("expected a video or images, got a camera: record it with `ros2 bag record`")
        truth = Annotations(args.annotations, source) if args.annotations else None
        count = make_bag(source, out, args, truth)
    print(f"{count} images in {out}" + (f"; {len(truth.images)} with annotations" if truth else ""))
    return 0


def make_bag(source: Source, out: Path, args: argparse.Namespace, truth: Annotations | None) -> int:
    """Writes beside the target, which takes its name at the end; returns the number of images."""
    unfinished = out.with_name(out.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    count = 0
    topic = COMPRESSED if args.compressed else RAW
    writer = BagWriter(unfinished / out.name, args.storage)
    for frame, stamp_ns in stamped(source, args.rate or source.fps, args.max_frames):
        stamp = header(stamp_ns, FRAME_ID)
        writer.write(topic, compressed(frame, stamp) if args.compressed else raw(frame, stamp), stamp_ns)
        writer.write(INFO, camera_info(frame, stamp), stamp_ns)
        if truth and (poses := truth.poses(frame, stamp_ns, topic)):
            writer.write(TRUTH, people(poses, frame, stamp), stamp_ns)
        count += 1
    writer.close()
    if truth:
        write_json(unfinished / out.name / FILE, truth.content())
    os.rename(unfinished / out.name, out)
    unfinished.rmdir()
    return count


def stamped(source: Source, rate_hz: float, most: int | None) -> Iterator[tuple[SourceFrame, int]]:
    for frame in progress(source, min(filter(None, (source.length, most)), default=None)):
        if frame.index == most:
            return
        yield frame, BEGIN_NS + round(frame.index * 1e9 / rate_hz)


def raw(frame: SourceFrame, stamp: Any) -> Any:
    height, width = frame.image.shape[:2]
    data = frame.image.reshape(-1)
    layout = {"encoding": "bgr8", "is_bigendian": 0, "step": 3 * width}
    return messages().Image(header=stamp, height=height, width=width, **layout, data=data)


def compressed(frame: SourceFrame, stamp: Any) -> Any:
    """A JPEG or PNG file as it is, any other image as a new JPEG."""
    form = AS_IT_IS.get(Path(frame.path).suffix.lower())
    if form:
        data = np.fromfile(frame.path, np.uint8)
    else:
        form, data = "jpeg", cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].ravel()
    return messages().CompressedImage(header=stamp, format=f"bgr8; {form} compressed bgr8", data=data)


def camera_info(frame: SourceFrame, stamp: Any) -> Any:
    """Size alone: K, D, R and P stay zero, which CameraInfo.msg defines as uncalibrated."""
    height, width = frame.image.shape[:2]
    return messages().CameraInfo(header=stamp, height=height, width=width, distortion_model="plumb_bob")


def people(poses: Poses, frame: SourceFrame, stamp: Any) -> Any:
    height, width = frame.image.shape[:2]
    return poses_to_msg(messages(), poses, stamp, (width, height), coco.SKELETON)


class Annotations:
    """COCO's annotations of a source's images, which get their stamps as the images are written.

    Raises DataError: as coco.load_ground_truth, or where no image of the source is in them.
    """

    def __init__(self, path: str, source: Source) -> None:
        self._content = read_json(path)
        truth = coco.load_ground_truth(path, self._content)
        by_file = source.kind != "video"
        self._by_key = {Path(i["file_name"]).name if by_file else i["id"]: i for i in truth.dataset["images"]}
        self._by_file, self._persons = by_file, truth.imgToAnns
        self.images: list[dict] = []
        if by_file and not any(Path(own).name in self._by_key for own in source.paths):
            raise DataError(f"{path}: expected annotations of images in {source.name}, got none of their file names")

    def poses(self, frame: SourceFrame, stamp_ns: int, topic: str) -> Poses | None:
        """The people in an image, labelled keypoints with score 1; None where the image is not annotated."""
        image = self._by_key.get(Path(frame.path).name if self._by_file else frame.index)
        if image is None:
            return None
        self.images.append({**image, "stamp_ns": stamp_ns, "topic": topic})
        persons = [a for a in self._persons[image["id"]] if coco.is_counted(a)]
        joints = get_skeleton(coco.SKELETON).num_keypoints
        keypoints = np.array([a["keypoints"] for a in persons], float).reshape(-1, joints, 3)
        boxes = xywh_to_xyxy(np.array([a["bbox"] for a in persons]))
        tracks = np.array([a.get(TRACK, UNTRACKED) for a in persons], int)
        return make_poses(keypoints[..., :2], keypoints[..., 2] > 0, boxes, np.ones(len(persons)), tracks)

    def content(self) -> dict[str, Any]:
        """The annotations of those images, with their stamps."""
        own = {image["id"] for image in self.images}
        annotations = [a for a in self._content["annotations"] if a["image_id"] in own]
        return {**self._content, "images": self.images, "annotations": annotations}
