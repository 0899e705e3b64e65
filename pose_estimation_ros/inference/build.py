"""Open the networks of the options and put a pipeline together."""

from typing import NamedTuple, Optional, Union

from pose_estimation_ros.core.model_spec import WHOLE_FRAME
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.detector import FULL_FRAME, Detector, NetworkDetector, open_detector
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.options import PipelineOptions, check_options
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.stopwatch import Stopwatch
from pose_estimation_ros.inference.stream.detection import DetectorThread


class DetectorFile(NamedTuple):
    """Hold the file of a detector, None for that of the options, and its number of threads."""

    file: Optional[ModelFile]
    threads: int


def build_pipeline(
    options: PipelineOptions = PipelineOptions(),  # noqa: B008
    detector: Optional[Detector] = None,
    model: Optional[ModelFile] = None,
    detector_file: Optional[DetectorFile] = None,
) -> Pipeline:
    """Open the networks and put the pipeline together.

    Args:
        options: the model and all else.
        detector: a callable in place of the detector that the options name; not used by a model that finds
            people by itself.
        model: the pose model where it has been found already, in place of the one that the options name.
        detector_file: the detector's file and threads where they have been chosen already. None: the file that the
            options name, on as many threads as the pose network has, or on one in the background.

    Returns:
        The pipeline, to be closed.

    Raises:
        ConfigError: an option is out of range.
        ModelError: a model cannot be used.
    """
    check_options(options)
    watch = Stopwatch()
    estimator = open_estimator(options, watch, model)
    if estimator.spec.task in WHOLE_FRAME:
        return Pipeline(estimator, None, options, [estimator.backend], watch)
    opened = open_detection(options, watch, detector, detector_file)
    used = opened.detector if isinstance(opened, DetectorThread) else opened
    backends = [estimator.backend] + ([used.backend] if isinstance(used, NetworkDetector) else [])
    return Pipeline(estimator, opened, options, backends, watch)


def open_detection(
    options: PipelineOptions,
    watch: Stopwatch,
    detector: Optional[Detector] = None,
    file: Optional[DetectorFile] = None,
) -> Union[Detector, DetectorThread]:
    """Open the detector of the options, or take the one that is given, in a thread of its own if they say so.

    Args:
        options: detector, background_detector, threads, fallback and device count.
        watch: gets the times of a detector without a thread.
        detector: a callable in place of the detector that the options name.
        file: see build_pipeline's detector_file.
    """
    beside = options.background_detector and options.detector != FULL_FRAME
    threads = file.threads if file else options.threads or int(beside)  # one core is enough, where no image waits
    name = file.file if file and file.file else options.detector
    shared = (None, Stopwatch() if beside else watch, options.fallback, options.device)

    def opened() -> Detector:
        return detector or open_detector(name, threads, *shared)

    return DetectorThread(opened) if beside else opened()
