"""Estimate the poses of all people in a frame by a network that finds boxes and keypoints in one run."""

from typing import Optional

import numpy as np

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.geometry import apply, invert
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.imaging.fit import fit_to_model
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.decoders.people import PeopleInGraph
from pose_estimation_ros.inference.estimators.estimator import Estimator, without_edge
from pose_estimation_ros.inference.stopwatch import Stopwatch


class OneStage(Estimator):
    """Estimate everybody's pose at once, as YOLO-pose and RTMO do: a callable ``frame -> Poses``."""

    def __init__(
        self, backend: Backend, spec: ModelSpec, flip_test: bool = False, watch: Optional[Stopwatch] = None
    ) -> None:
        """Check that the network can serve.

        Args:
            backend: a network that gives what decoders.people.PeopleInGraph reads.
            spec: the spec of the model.
            flip_test: must be False: the people of two runs cannot be paired.
            watch: gets the time of each stage.

        Raises:
            ConfigError: flip_test is True.
        """
        if flip_test:
            text = "%s finds whole people: expected flip_test False, got True, as people of two runs cannot be paired"
            raise ConfigError(text % spec.name)
        super().__init__(backend, spec)
        self._decode, self._watch = PeopleInGraph(spec), watch or Stopwatch()

    def __call__(self, frame: np.ndarray, boxes: Optional[np.ndarray] = None) -> Poses:
        """Find everybody in the frame.

        Args:
            frame: (H, W, 3) uint8 BGR.
            boxes: not used.

        Returns:
            The people, untracked, best first, with the network's own boxes and person scores.

        Raises:
            FrameError: the frame is no such image.
        """
        batch, matrix = fit_to_model(frame, self.spec)
        self._watch.lap("preprocess", "warp")
        outputs = self.backend(batch)
        self._watch.lap("inference", "network")
        boxes, person_score, xy, score = self._decode(outputs)
        to_frame = invert(matrix)
        boxes = apply(to_frame, boxes.reshape(-1, 2, 2)).clip(0, frame.shape[1::-1]).reshape(-1, 4)
        xy = np.where(score[..., None] > 0, apply(to_frame, xy), 0)
        score = without_edge(xy, score, frame.shape[1::-1], self.spec.stride / matrix[0, 0])
        self._watch.lap("postprocess", "decode")
        return self._calibrated(make_poses(xy, score, boxes, person_score, skeleton=self.skeleton))
