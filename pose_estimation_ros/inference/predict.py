"""Run a pipeline over images, a video or a camera; write annotated pictures and the keypoints in COCO's format.

Written into the folder for the results: <name>.jpg or <name>.mp4, the input with skeletons drawn; and keypoints.json.
"""

import os
import re
import sys
import warnings
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import cv2
import numpy as np

from pose_estimation_ros.core.atomic_files import FilePath, make_folder, write_json, write_whole
from pose_estimation_ros.core.calibration import RAW
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.fields import PATH, check_fields, one_of, optional, whole
from pose_estimation_ros.core.poses import joined
from pose_estimation_ros.imaging.draw import COLOR_BY, draw_poses
from pose_estimation_ros.imaging.video import Source, SourceFrame, VideoWriter, open_source, warn_of_unreadable
from pose_estimation_ros.inference.fastest import choose
from pose_estimation_ros.inference.options import DEFAULTS, PIPELINE_OPTIONS, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.progress import progress


class Prediction(NamedTuple):
    """Describe a run of a pipeline over a source of images.

    Attributes:
        input: Path of an image, a folder of images or a video; a pattern such as img_%04d.png; a camera's index or
            device; or a URL.
        out: Folder for the results, which must not be the input's.
        options: Options of the pipeline. Images are independent: they are not tracked.
        max_frames: Largest number of frames, None for all.
        color_by: Colour of the limbs, one of imaging.draw.COLOR_BY.
    """

    input: FilePath
    out: FilePath
    options: PipelineOptions = DEFAULTS
    max_frames: Optional[int] = None
    color_by: str = "side"


RULES = {
    "input": PATH,
    "out": PATH,
    "options": PIPELINE_OPTIONS,
    "max_frames": optional(whole(1)),
    "color_by": one_of(COLOR_BY),
}


class Predicted(NamedTuple):
    """Count the frames and people of a run.

    Attributes:
        frames: Number of frames.
        people: Number of people in all frames.
        unreadable: Number of images in a folder that could not be read.
        stopped: Whether Ctrl-C ended the run.
        scores: What the scores are: calibrated or raw, see core.calibration.
        chosen: Which files and threads ran, and why, where a file is not the one that was named; else "".
    """

    frames: int
    people: int
    unreadable: int = 0
    stopped: bool = False
    scores: str = RAW
    chosen: str = ""


def predict(prediction: Prediction, warn: Callable[[str], Any] = warnings.warn) -> Predicted:
    """Find the people in all frames of a source and write the results.

    After Ctrl-C, or an error during the work, all results until then are written.

    Args:
        prediction: Settings of the run.
        warn: Gets a text for each warning, such as that an engine failed or that an image cannot be read.

    Raises:
        ConfigError: A setting or an option has the wrong type or is out of range.
        ModelError: A network cannot be opened.
        DataError: The source cannot be read, or the results cannot be written.
    """
    prediction = prediction._replace(**check_fields(prediction._asdict(), RULES))
    with open_source(str(prediction.input)) as source:
        chosen = choose(prediction.options)
        options, reason = chosen.options, chosen.reason
        if (options.model, options.detector) == (prediction.options.model, prediction.options.detector):
            reason = ""
        if source.kind in ("image", "folder"):  # single pictures: nothing to carry over
            options = options._replace(detect_every_s=0.0, tracking=False)
        with chosen._replace(options=options).build() as pipeline:
            fault = warn_of_fault(pipeline, "", warn)
            predicted = _predict_frames(source, pipeline, prediction)
            warn_of_fault(pipeline, fault, warn)
            warn_of_non_finite(pipeline, warn)
            scores = pipeline.spec.scores
        return predicted._replace(unreadable=warn_of_unreadable(source, warn), scores=scores, chosen=reason)


def warn_of_fault(pipeline: Pipeline, known_fault: str, warn: Callable[[str], Any]) -> str:
    """Warn that a network runs on the CPU in place of its engine.

    Args:
        pipeline: The pipeline with the network.
        known_fault: Reason that has been reported before, and is not again.
        warn: Gets the text.

    Returns:
        The reason, "" where there is none.
    """
    if pipeline.fault != known_fault:
        warn("on the CPU, because: %s" % pipeline.fault)
    return pipeline.fault


def warn_of_non_finite(pipeline: Pipeline, warn: Callable[[str], Any]) -> None:
    """Warn where the networks computed numbers that are not finite.

    Args:
        pipeline: The pipeline after its work.
        warn: Function that takes the text of a warning.
    """
    if pipeline.non_finite.values:
        warn(pipeline.non_finite.text())


def _predict_frames(source: Source, pipeline: Pipeline, prediction: Prediction) -> Predicted:
    """Run the pipeline over the source and write the results."""
    make_folder(prediction.out, source.paths[0] if source.paths else source.name)
    ids = image_ids(source.paths) if source.paths else range(sys.maxsize)
    pictures = _Pictures(source, prediction.out)
    results: List[Dict[str, Any]] = []
    frames, stopped = 0, False
    try:
        for frame in progress(source, _least(source.length, prediction.max_frames), "frames"):
            if source.paths:
                pipeline.reset()
            poses = pipeline(frame.image, frame.time_s)
            results += poses.to_coco(ids[frame.index])
            people = joined(poses, pipeline.lost)
            drawn = draw_poses(frame.image, people, pipeline.skeleton, prediction.color_by, legend=True)
            pictures.write(frame._replace(image=drawn))
            frames += 1
            if frames == prediction.max_frames:
                break
    except KeyboardInterrupt:
        stopped = True
    finally:
        pictures.close()
        write_json(os.path.join(prediction.out, "keypoints.json"), results)
    return Predicted(frames, len(results), stopped=stopped)


class _Pictures:
    """Write annotated frames: one JPEG for each image, or a video of all frames of a video or camera."""

    def __init__(self, source: Source, folder: FilePath) -> None:
        self._folder, self._names = folder, output_names(source.paths)
        path = os.path.join(folder, _output_name(source) + ".mp4")
        self._video = None if source.paths else VideoWriter(path, source.fps)

    def write(self, frame: SourceFrame) -> None:
        if self._video:
            self._video.write(frame.image)
        else:
            _write_image(frame.image, os.path.join(self._folder, self._names[frame.index]))

    def close(self) -> None:
        if self._video:
            self._video.close()


def image_ids(paths: List[str]) -> List[int]:
    """Return the image_id of each file: the number in its name where that tells all files apart, else its place."""
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    numbers = [int(stem) for stem in stems if stem.isdecimal()]
    return numbers if len(set(numbers)) == len(paths) else list(range(len(paths)))


def output_names(paths: List[str]) -> List[str]:
    """Return names of annotated images: a.png -> a.jpg, or all a.png.jpg where two differ by their ending only."""
    names = [os.path.basename(path) for path in paths]
    stems = [os.path.splitext(name)[0] for name in names]
    return [name + ".jpg" for name in (stems if len(set(stems)) == len(stems) else names)]


def _least(*limits: Optional[int]) -> Optional[int]:
    return min((limit for limit in limits if limit), default=None)


def _output_name(source: Source) -> str:
    """Return the name of the video without its ending; that of a URL is the last part of its path."""
    name = re.sub("[?#].*", "", source.name).rstrip("/") if "://" in source.name else source.name
    stem = os.path.splitext(os.path.basename(name))[0] or "video"
    return "camera_" + stem if source.kind == "camera" else stem


def _write_image(image: np.ndarray, path: str) -> None:
    """Write a JPEG; not by OpenCV, which crashes at names that are not UTF-8."""
    try:
        is_encoded, data = cv2.imencode(".jpg", image)
    except cv2.error:
        is_encoded = False
    if not is_encoded:
        size = image.shape[1], image.shape[0]
        raise DataError("%s: expected an image that JPEG can hold, got one of %dx%d px" % ((path,) + size))
    write_whole(path, data.tobytes())
