"""Write the files of one run into a folder that takes its name when all of it is written."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.bag.files.message_types import header, messages
from pose_estimation_ros.evaluation.bag.files.reader import Recorded
from pose_estimation_ros.evaluation.bag.files.writer import LATCHED, BagWriter
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.imaging.video import USUAL_FPS, VideoWriter
from pose_estimation_ros.messages.markers import MarkerMaker
from pose_estimation_ros.messages.poses import poses_to_msg, skeleton_to_msg

RESULTS = "results.json"
METRES_PER_PX, LIFETIME_S = 0.002, 0.5  # the node's defaults
ATTEMPTS = 10  # attempts to put results in their place while other runs do the same
RATE_FRAMES = 10  # number of first frames from which the video's rate is computed


class PoseBag:
    """Write a rosbag2 with /pose/keypoints, /pose/markers and /pose/skeleton_info.

    Its storage is sqlite3, which every distribution of ROS plays.

    Args:
        path: folder of the new bag.
        skeleton: skeleton of the keypoints.
    """

    def __init__(self, path: Path, skeleton: Skeleton) -> None:
        self._writer = BagWriter(path)
        self._skeleton, self._markers = skeleton, MarkerMaker(messages(), skeleton, METRES_PER_PX, LIFETIME_S)
        self._described = False

    def write(self, frame: Recorded, image_wh: tuple[int, int], poses: Poses, age_ns: int | None) -> None:
        """Write the people of a frame as the node would have published them.

        Args:
            frame: frame whose stamp the messages get.
            image_wh: width and height of the image, px.
            poses: the people.
            age_ns: time by which the messages are recorded later than the image; None: at the same time.
        """
        at_ns = frame.recorded_ns + (age_ns or 0)
        if not self._described:
            self._writer.write("/pose/skeleton_info", skeleton_to_msg(messages(), self._skeleton), at_ns, (LATCHED,))
            self._described = True
        stamped = header(frame.stamp_ns, frame.message.header.frame_id)
        people = poses_to_msg(messages(), poses, stamped, image_wh, self._skeleton.name)
        people.timing = timing(age_ns)
        self._writer.write("/pose/keypoints", people, at_ns)
        self._writer.write("/pose/markers", self._markers(poses, stamped, image_wh), at_ns)

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()

    def abort(self) -> None:
        """Close the bag unfinished, so that its folder can be removed."""
        self._writer.abort()


def timing(age_ns: int | None) -> Any:
    """Make a Timing message whose total is the simulated age; what was not simulated is NaN."""
    fields = dict.fromkeys(("capture_to_receive_ms", "preprocess_ms", "inference_ms", "postprocess_ms"), np.nan)
    return messages().Timing(**fields, total_ms=np.nan if age_ns is None else 1e-6 * age_ns)


class Movie:
    """Write an mp4 of frames with stamps.

    Its rate is known after RATE_FRAMES frames, which are held until then. All frames get the size of the first one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: list[tuple[int, np.ndarray]] = []
        self._writer: VideoWriter | None = None
        self._size_wh = (0, 0)

    def write(self, stamp_ns: int, image: np.ndarray) -> None:
        """Add a frame.

        Args:
            stamp_ns: its stamp.
            image: (H, W, 3) uint8 BGR.
        """
        if not self._held:
            self._size_wh = (image.shape[1], image.shape[0])
        if image.shape[1::-1] != self._size_wh:
            image = cv2.resize(image, self._size_wh)
        if self._writer:
            self._writer.write(image)
            return
        self._held.append((stamp_ns, image))
        if len(self._held) == RATE_FRAMES:
            self._begin()

    def _begin(self) -> None:
        self._writer = VideoWriter(str(self._path), rate([stamp_ns for stamp_ns, _image in self._held]))
        for _stamp_ns, image in self._held:
            self._writer.write(image)

    def close(self) -> None:
        """Finish the video; without frames no file is written."""
        if self._held and not self._writer:
            self._begin()
        if self._writer:
            self._writer.close()


def rate(stamps_ns: list[int]) -> float:
    """Compute the frames per second, 1..120, from the stamps; 30 where they do not advance."""
    span_ns = stamps_ns[-1] - stamps_ns[0]
    return float(np.clip(round(1e9 * (len(stamps_ns) - 1) / span_ns, 2), 1, 120)) if span_ns > 0 else USUAL_FPS


class RunFolder:
    """Write a run's files into a temporary folder, which takes the place of FOLDER when ``finish`` is called.

    The object is a context manager, which removes the temporary folder FOLDER.unfinished-* in any case.

    Args:
        folder: FOLDER.
        skeleton: skeleton of the poses.
        color_by: meaning of the colours of limbs in the video, "track" or "side".
        video: whether to write annotated.mp4.

    Raises:
        ConfigError: FOLDER exists and holds no results of an earlier run, which would be replaced.
    """

    def __init__(self, folder: Path, skeleton: Skeleton, color_by: str = "track", video: bool = True) -> None:
        refuse_foreign(folder)
        self.folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = tempfile.TemporaryDirectory(prefix=f"{folder.name}.unfinished-", dir=folder.parent)
        self._unfinished = Path(self._temporary.name, folder.name)
        self._skeleton, self._color_by = skeleton, color_by
        try:
            self._unfinished.mkdir()
            self._bag = PoseBag(self._unfinished / "pose_bag", skeleton)
        except BaseException:
            self._temporary.cleanup()
            raise
        self._movie = Movie(self._unfinished / "annotated.mp4") if video else None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: Any, _error: Any, _trace: Any) -> None:
        if kind:
            self._bag.abort()
        self._temporary.cleanup()

    def write(self, frame: Recorded, image: np.ndarray, poses: Poses, age_ns: int | None) -> None:
        """Write the people of a frame into the bag and the video.

        Args:
            frame: the message.
            image: (H, W, 3) uint8 BGR.
            poses: the people.
            age_ns: time from the image to the answer; None without realtime.
        """
        self._bag.write(frame, (image.shape[1], image.shape[0]), poses, age_ns)
        if self._movie:
            drawn = draw_poses(image, poses, self._skeleton, self._color_by)
            self._movie.write(frame.stamp_ns, drawn)

    def finish(self, files: dict[str, Any]) -> None:
        """Write the JSON files, and put the folder in its place.

        Args:
            files: name -> content.
        """
        self._bag.close()
        if self._movie:
            self._movie.close()
        for name, content in files.items():
            write_json(self._unfinished / name, content, indent=1 if name == RESULTS else None)
        replace_results(self._unfinished, self.folder)


def refuse_foreign(folder: Path) -> None:
    """Raise ConfigError where something other than a folder of results is at the path.

    Another run may replace the folder between two checks, so only a path that stays the same is refused.
    """
    while (seen := _identity(folder)) and not (folder / RESULTS).is_file():
        if _identity(folder) == seen:
            raise ConfigError(f"expected earlier results or nothing at {folder}, which would be replaced")


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return a value that differs for each file or folder at a path; None where there is nothing."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns


def replace_results(new: Path, target: Path) -> None:
    """Move a folder to a path and remove earlier results from there, also those of another run that ends meanwhile.

    Args:
        new: the folder to move.
        target: its new path.

    Raises:
        ConfigError: something other than results is at the path.
        DataError: the folder cannot be moved.
    """
    for _ in range(ATTEMPTS):
        refuse_foreign(target)
        with tempfile.TemporaryDirectory(prefix=f"{target.name}.old-", dir=target.parent) as old:
            with suppress(FileNotFoundError):
                os.rename(target, Path(old, target.name))
            try:
                os.rename(new, target)
                return
            except OSError as error:  # another run was faster
                problem = error
    raise DataError(f"cannot write {target}: {problem}")
