"""Serve MediaPipe's pose landmarker, the model "full" that its package holds. It runs in MediaPipe's own environment.

It finds one person and follows that person from frame to frame. So its one work is "person": a frame of the demo's clip
to the landmarks of one person. Its detector runs only where it has lost the person. It has no option for the number of
threads, so the cores that it may use bound it.
Run by bench_peers.py: python -m benchmarks.peers.mediapipe_pose CLIP CORES
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from mediapipe.python.solutions.pose import Pose

from benchmarks.peers.protocol import Piece, serve


def open_works(clip: str) -> dict[str, Iterator[Piece]]:
    """Open the network with its default options and return its work.

    Args:
        clip: path of a video.
    """
    return {"person": frames(Pose(), clip)}


def frames(pose: Pose, clip: str) -> Iterator[Piece]:
    """Yield a piece for each frame of a video, again and again; each time it begins without a person."""
    while True:
        pose.reset()
        video = cv2.VideoCapture(clip)
        while (frame := video.read()[1]) is not None:
            yield partial(look, pose, frame)


def look(pose: Pose, frame: np.ndarray) -> int:
    """Return the number of people found in a frame (H, W, 3) uint8 BGR: 0 or 1."""
    return int(pose.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).pose_landmarks is not None)


if __name__ == "__main__":
    serve(partial(open_works, sys.argv[1]), int(sys.argv[2]))
