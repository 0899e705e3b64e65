"""Define what all pose estimators have in common: one network that turns a frame into people."""

import numpy as np

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.base import Backend


class Estimator:
    """Turn a frame into people by one network, without memory of earlier frames.

    Subclasses implement ``__call__``. Scores are raw: the pipeline applies the thresholds. Use it as a context manager
    or call ``close()``.

    Attributes:
        backend: the open network.
        spec: the spec of the model.
        skeleton: the names, links and OKS sigmas of the K keypoints.
    """

    def __init__(self, backend: Backend, spec: ModelSpec) -> None:
        self.backend, self.spec = backend, spec
        self.skeleton = get_skeleton(spec.skeleton)

    def __call__(self, frame: np.ndarray, boxes: np.ndarray) -> Poses:
        """Find people.

        Args:
            frame: (H, W, 3) uint8 BGR.
            boxes: (N, 4) xyxy px of the frame, one per person; a bottom-up estimator finds people by itself.

        Returns:
            The people, untracked, with raw scores.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Free the network."""
        self.backend.close()

    def __enter__(self) -> "Estimator":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
