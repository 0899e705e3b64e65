"""Keypoints of an image, a folder of images, a video or a camera: annotated pictures and keypoints.json. Needs no ROS.

INPUT is also a pattern such as img_%04d.png (its images, as of a folder), a device such as /dev/video0, or a URL such
as rtsp://camera/stream. Written into the folder given by --out:
  <name>.jpg or <name>.mp4   the input with skeletons drawn
  keypoints.json             a list in COCO results format: image_id, category_id 1, keypoints [x, y, score, ...] in
                             pixels, score; and track_id where people are tracked
image_id is the frame index of a video or camera. For images it is the number in the file's name where every file is
named by a different number (COCO: 000000000139.jpg is 139), else the place in the sorted list, from 0. Images of a
folder that cannot be read are named and left out; the exit code is 1 then. Hidden files are no images.
"""

import os
import re
import sys
from typing import Any, Callable, Dict, List, Optional

import cv2
import numpy as np

from pose_estimation_ros.core.arguments import number, whole
from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.imaging.draw import COLOR_BY, draw_poses
from pose_estimation_ros.imaging.video import Source, VideoWriter, open_source
from pose_estimation_ros.inference.backends.base import CPU_ENGINES
from pose_estimation_ros.inference.options import RANGES, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline, build_pipeline
from pose_estimation_ros.inference.progress import progress

DEFAULTS = PipelineOptions()
TOLD = 10  # unreadable images that are named, one a line


def add_arguments(parser: Any) -> None:
    parser.add_argument("input", metavar="INPUT", help="image, folder of images, video, or camera index such as 0")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results, made if need be")
    parser.add_argument(
        "--max-frames", type=whole(1), metavar="N", help="stop after N frames (a camera: else by Ctrl-C)"
    )
    parser.add_argument("--color-by", choices=COLOR_BY, default="side", help="colour of limbs (default: %(default)s)")
    add_pipeline_arguments(parser)


def add_pipeline_arguments(parser: Any) -> None:
    """The fields of PipelineOptions as command line options; read back by pipeline_options."""
    group = parser.add_argument_group("pipeline (default in brackets)")
    helps = {
        "model": "name of a model, or path of an .onnx file with its .json beside it",
        "detector": "full_frame, a detector's name, or path of an own, YOLOX or NanoDet-m .onnx file",
        "detect_every": "frames from one run of the detector to the next; images: always each",
        "score_threshold": "keypoints below count as not found and get score 0, 0..1",
        "person_threshold": "people below are dropped, 0..1",
        "max_people": "people per frame at most",
        "threads": "CPU threads, 0 = as many as cores",
        "track_max_age_s": "seconds for which somebody may be out of sight and keep their id",
        "confirm_after": "sightings that make a person a confirmed one",
        "min_cutoff_hz": "One-Euro filter: cut-off at rest, lower = smoother",
        "beta": "One-Euro filter: how much quick movements open it, higher = less lag",
    }
    for name, text in helps.items():
        default = getattr(DEFAULTS, name)
        option = "--" + name.replace("_", "-")
        group.add_argument(option, type=_kind(name), default=default, metavar="X", help=text + " (%(default)s)")
    group.add_argument("--no-tracking", dest="tracking", action="store_false", help="no ids, no smoothing")
    group.add_argument("--no-smoothing", dest="smoothing", action="store_false", help="no One-Euro filter")
    fallback_help = "where an .engine cannot be used, or fails, go on with its ONNX model on the CPU"
    group.add_argument("--fallback", action="store_true", help=fallback_help)
    engine_help = "what runs ONNX models (%(default)s)"
    group.add_argument("--cpu-engine", choices=CPU_ENGINES, default=DEFAULTS.cpu_engine, help=engine_help)
    group.add_argument("--flip-test", action="store_true", help="run mirrored crops too: better, twice the time")


def _kind(name: str) -> Callable[[str], Any]:
    """Return the type of an option's value, as argparse takes it."""
    kind = type(getattr(DEFAULTS, name))
    if name not in RANGES:
        return kind
    low, high = RANGES[name]
    return whole(int(low), int(high)) if kind is int else number(low, high)


def pipeline_options(args: Any) -> PipelineOptions:
    return PipelineOptions(**{name: getattr(args, name) for name in PipelineOptions._fields})


def main(args: Any) -> int:
    with open_source(args.input) as source:
        options = pipeline_options(args)
        if source.kind in ("image", "folder"):  # single pictures: nothing to carry over
            options = options._replace(detect_every=1, tracking=False)
        with build_pipeline(options) as pipeline:
            fault = tell_fault(pipeline, "")
            frames, people = predict(source, pipeline, args.out, args.max_frames, args.color_by)
            tell_fault(pipeline, fault)
            tell_non_finite(pipeline)
    print("%d frames, %d people; results in %s" % (frames, people, args.out))
    return tell_unreadable(source)


def tell_unreadable(source: Source) -> int:
    """Name the images of a folder that could not be read; return the exit code: 1 where there are any, else 0."""
    for text in source.unreadable[:TOLD]:
        print("pose: warning: left out: %s" % text, file=sys.stderr)
    if source.unreadable:
        counts = len(source.unreadable), len(source.paths)
        print("pose: warning: %d of %d images could not be read" % counts, file=sys.stderr)
    return 1 if source.unreadable else 0


def tell_fault(pipeline: Pipeline, told: str) -> str:
    """Says why a network runs on the CPU in place of its engine, unless that was told before; returns it."""
    if pipeline.fault != told:
        print("pose: warning: on the CPU, because: %s" % pipeline.fault, file=sys.stderr)
    return pipeline.fault


def tell_non_finite(pipeline: Pipeline) -> None:
    """Warn where the networks computed numbers that are not finite."""
    if pipeline.non_finite.values:
        print("pose: warning: %s" % pipeline.non_finite.text(), file=sys.stderr)


def predict(source: Source, pipeline: Pipeline, out: str, max_frames: int = None, color_by: str = "side") -> tuple:
    """Runs the pipeline over the source and writes the results; returns (frames, people) seen.

    Ctrl-C, or an error on the way, ends it with all written that was done.
    """
    make_folder(out, source.paths[0] if source.paths else source.name)
    video = source.kind in ("video", "camera")
    ids = range(sys.maxsize) if video else image_ids(source.paths)
    names = output_names(source.paths)
    writer = VideoWriter(os.path.join(out, _output_name(source) + ".mp4"), source.fps) if video else None
    results: List[Dict[str, Any]] = []
    frames = 0
    try:
        for frame in progress(source, _least(source.length, max_frames), "frames"):
            if not video:
                pipeline.reset()
            poses = pipeline(frame.image, frame.time_s)
            results += coco_results(poses, ids[frame.index])
            draw_poses(frame.image, poses, pipeline.skeleton, color_by)
            if writer:
                writer.write(frame.image)
            else:
                _write_image(frame.image, os.path.join(out, names[frame.index]))
            frames += 1
            if frames == max_frames:
                break
    except KeyboardInterrupt:
        print("\nstopped after %d frames" % frames, file=sys.stderr)
    finally:
        if writer:
            writer.close()
        write_json(os.path.join(out, "keypoints.json"), results)
    return frames, len(results)


def coco_results(poses: Poses, image_id: int) -> List[Dict[str, Any]]:
    """COCO keypoint results of one image; without "bbox", which would make pycocotools take them for boxes."""
    results = []
    for person in range(poses.count):
        rows = zip(poses.xy[person].tolist(), poses.score[person].tolist())
        keypoints = [round(value, 4) for (x, y), score in rows for value in (x, y, score)]
        result: Dict[str, Any] = {"image_id": image_id, "category_id": 1, "keypoints": keypoints}
        result["score"] = round(float(poses.person_score[person]), 5)
        if poses.track_id[person] != UNTRACKED:
            result["track_id"] = int(poses.track_id[person])
        results.append(result)
    return results


def image_ids(paths: List[str]) -> List[int]:
    """image_id of each file: the number it is named by where that tells all files apart, else its place."""
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    numbers = [int(stem) for stem in stems if stem.isdecimal()]
    return numbers if len(set(numbers)) == len(paths) else list(range(len(paths)))


def output_names(paths: List[str]) -> List[str]:
    """Names of the annotated images: a.png -> a.jpg, or all a.png.jpg where two files differ by their ending only."""
    names = [os.path.basename(path) for path in paths]
    stems = [os.path.splitext(name)[0] for name in names]
    return [name + ".jpg" for name in (stems if len(set(stems)) == len(stems) else names)]


def make_folder(path: str, source_name: str) -> None:
    """Makes the folder for the results, which must not be the one with the input: same names would overwrite it."""
    home = source_name if os.path.isdir(source_name) else os.path.dirname(source_name) or "."
    if os.path.lexists(source_name) and os.path.realpath(path) == os.path.realpath(home):
        raise ConfigError("expected --out to be another folder than that of the input, got %s" % path)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise DataError("expected a folder to write to, got %s: %s" % (path, error.strerror or error))


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
        done, data = cv2.imencode(".jpg", image)
    except cv2.error:
        done = False
    if not done:
        size = image.shape[1], image.shape[0]
        raise DataError("%s: expected an image that JPEG can hold, got one of %dx%d px" % ((path,) + size))
    write_whole(path, data.tobytes())
