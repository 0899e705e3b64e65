"""Open the pose network of the options."""

from typing import Callable, Dict, Optional

from pose_estimation_ros.core.model_spec import POSE_TASKS
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.estimators.bottom_up import BottomUp
from pose_estimation_ros.inference.estimators.estimator import Estimator
from pose_estimation_ros.inference.estimators.one_stage import OneStage
from pose_estimation_ros.inference.estimators.top_down import TopDown
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.stopwatch import Stopwatch

# By task.
ESTIMATORS: Dict[str, Callable[..., Estimator]] = {"top_down": TopDown, "bottom_up": BottomUp, "one_stage": OneStage}


def open_estimator(
    options: PipelineOptions = PipelineOptions(),  # noqa: B008
    watch: Optional[Stopwatch] = None,
    model: Optional[ModelFile] = None,
) -> Estimator:
    """Open the pose network of the options, without a detector, thresholds or tracking.

    Args:
        options: model, flip_test, threads, fallback and device count.
        watch: gets the time of each stage.
        model: the file where it has been found already, in place of the one that the options name.

    Returns:
        The estimator, to be closed.

    Raises:
        ConfigError: the model cannot be run with flip_test, or does not run on the device.
        ModelError: the model cannot be used.
    """
    backend, spec = open_model(model or options.model, POSE_TASKS, options.threads, options.fallback, options.device)
    return ESTIMATORS[spec.task](backend, spec, options.flip_test, watch)
