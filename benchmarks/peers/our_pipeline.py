"""Serve this package's pipeline and its pose network alone, with any model that the package runs.

Works: "frame", a frame of the demo's clip through detector, pose network, tracking and smoothing, as `pose predict`
does it; "person", a frame and a box to the keypoints of one person. A model that finds people by itself has no
"person". Decoding the video and drawing are not timed.
Run by bench_peers.py: python -m benchmarks.peers.our_pipeline MODEL DETECTOR THREADS
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np

from benchmarks.peers.protocol import Piece, serve
from pose_estimation_ros.core.model_spec import WHOLE_FRAME
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.imaging.video import SourceFrame, open_source
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.estimators.estimator import Estimator
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline

FRAME = 60  # of the demo's clip
BOX_XYXY = (300.0, 100.0, 420.0, 400.0)  # px; what it shows does not change the time


def open_works(model: str, detector: str, threads: int) -> dict[str, Iterator[Piece]]:
    """Open the networks and return the works.

    Args:
        model: name or path of the pose model.
        detector: name of the detector, which a model that finds people by itself does not use.
        threads: threads of each network.
    """
    cv2.setNumThreads(threads)
    options = PipelineOptions(model=model, detector=detector, threads=threads, device="cpu")
    estimator = open_estimator(options)
    works = {"frame": frames(build_pipeline(options)), "person": one_person(estimator)}
    if estimator.spec.task in WHOLE_FRAME:
        del works["person"]
    return works


def frames(pipeline: Pipeline) -> Iterator[Piece]:
    """Yield a piece for each frame of the demo's clip, again and again; each time it begins without people."""
    while True:
        pipeline.reset()
        with open_source(demo_clip()) as source:
            for frame in source:
                yield partial(look, pipeline, frame)


def look(pipeline: Pipeline, frame: SourceFrame) -> int:
    """Return the number of people whom the pipeline finds in a frame."""
    return pipeline(frame.image, frame.time_s).count


def one_person(estimator: Estimator) -> Iterator[Piece]:
    """Yield the same piece again and again: the keypoints in one box."""
    with open_source(demo_clip()) as source:
        image = next(frame.image for frame in source if frame.index == FRAME)
    boxes = np.array([BOX_XYXY], np.float32)
    while True:
        yield lambda: estimator(image, boxes).count


if __name__ == "__main__":
    serve(partial(open_works, sys.argv[1], sys.argv[2], int(sys.argv[3])), int(sys.argv[3]))
