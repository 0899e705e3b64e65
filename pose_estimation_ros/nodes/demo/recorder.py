"""Record the demo without using ROS: the video with skeletons, the COCO results, and a summary."""

import math
import os
from collections import OrderedDict
from typing import Any, Dict, Hashable, List, Optional, Set, Tuple

import numpy as np

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.poses import LOST, UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.timing import finite_percentiles
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.imaging.video import VideoWriter


class Recorder:
    """Combine images and poses by stamp, in whichever order they come, and write every image once.

    Images whose poses never came, because the node was busy, are written as they are. Stamps are any hashable values;
    images come in the order of their stamps, and so do poses. ``fault`` is the reason why the video ended early, ""
    while all is well; the other files are written all the same. ``paths`` has the path of each file by its name.
    ``images`` counts images, ``people`` people in all messages, ``written`` images in the video, and ``annotated``
    images with poses.
    """

    def __init__(self, out: str, fps: float) -> None:
        """Create the folder of the results.

        Args:
            out: Path of the folder.
            fps: Rate of the video in frames per second.
        """
        os.makedirs(out, exist_ok=True)
        self.paths = {name: os.path.join(out, name) for name in ("demo.mp4", "keypoints.json", "summary.json")}
        self._video = VideoWriter(self.paths["demo.mp4"], fps)
        self._images: "OrderedDict[Hashable, Tuple[int, np.ndarray]]" = OrderedDict()  # index and frame by stamp
        self._poses: "OrderedDict[Hashable, Tuple[Poses, Skeleton]]" = OrderedDict()
        self._results: List[Dict[str, Any]] = []
        self._latency_ms: List[float] = []
        self._arrival_s: List[float] = []
        self._ids: Set[int] = set()
        self.images = self.people = self.written = self.annotated = 0
        self.fault = ""

    def add_image(self, stamp: Hashable, frame: np.ndarray) -> None:
        """Add an image (H, W, 3) uint8 BGR with its stamp.

        Args:
            stamp: Stamp of the image.
            frame: The image.
        """
        self._images[stamp] = (self.images, frame)
        self.images += 1
        self._write_joined()

    def add_poses(self, stamp: Hashable, poses: Poses, skeleton: Skeleton, latency_ms: float, arrival_s: float) -> None:
        """Add the people of an image; those who are LOST are drawn, but do not count.

        Args:
            stamp: Stamp of the image.
            poses: The people.
            skeleton: Their skeleton.
            latency_ms: Time from capture to publishing.
            arrival_s: Time of arrival on a steady clock.
        """
        self._poses[stamp] = (poses, skeleton)
        self._latency_ms.append(latency_ms)
        self._arrival_s.append(arrival_s)
        seen = _seen(poses)
        self.people += seen.count
        self._ids |= set(seen.track_id.tolist()) - {UNTRACKED}
        self._write_joined()

    @property
    def arrays(self) -> int:
        """Return the number of messages with poses, empty ones included."""
        return len(self._latency_ms)

    @property
    def latency_ms(self) -> float:
        """Return the latency of the newest poses; NaN before the first."""
        return self._latency_ms[-1] if self._latency_ms else float("nan")

    def _write_joined(self) -> None:
        """Write the images up to the last one that has its poses."""
        while self._poses:
            stamp = next(iter(self._poses))
            if stamp not in self._images:
                return
            while next(iter(self._images)) != stamp:
                self._write(*self._images.popitem(last=False)[1])
            index, frame = self._images.pop(stamp)
            poses, skeleton = self._poses.pop(stamp)
            drawn = draw_poses(frame, poses, skeleton, legend=True)
            self._results += _seen(poses).to_coco(index)
            self.annotated += 1
            self._write(index, drawn)

    def _write(self, index: int, frame: np.ndarray) -> None:
        if self.fault:
            return
        try:
            self._video.write(frame)
            self.written += 1
        except DataError as error:
            self.fault = str(error)

    def summary(self) -> Dict[str, Any]:
        """Return the figures and the paths, as they are written to summary.json."""
        p50_ms, p99_ms = (rounded(value) for value in finite_percentiles(self._latency_ms, (50, 99)))
        return {
            "images": self.images,
            "arrays": self.arrays,
            "images_with_poses": self.annotated,
            "people": self.people,
            "track_ids": len(self._ids),
            "published_hz": rate_hz(self._arrival_s),
            "capture_to_publish_ms": {"p50": p50_ms, "p99": p99_ms},
            "files": self.paths,
        }

    def close(self) -> Dict[str, Any]:
        """Write the remaining images and all files; return the summary."""
        for index, frame in self._images.values():
            self._write(index, frame)
        self._images.clear()
        try:
            self._video.close()
        except DataError as error:
            self.fault = self.fault or str(error)
        summary = self.summary()
        write_json(self.paths["keypoints.json"], self._results)
        write_json(self.paths["summary.json"], summary)
        return summary


def _seen(poses: Poses) -> Poses:
    """Return the people who are in sight."""
    return poses.select(poses.state != LOST)


def rate_hz(times_s: List[float]) -> float:
    """Return the mean rate of events at these times; 0 for fewer than two."""
    span_s = times_s[-1] - times_s[0] if len(times_s) > 1 else 0.0
    return round((len(times_s) - 1) / span_s, 2) if span_s > 0 else 0.0


def rounded(value: float) -> Optional[float]:
    """Return a number with one decimal, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else round(value, 1)
