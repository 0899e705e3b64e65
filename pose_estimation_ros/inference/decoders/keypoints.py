"""Read keypoints that a network has decoded in its graph."""

from typing import Collection, Dict, Optional

import numpy as np

from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.inference.backends.base import Outputs, Shape
from pose_estimation_ros.inference.decoders.decoder import Decoder, Keypoints, without_rim


class KeypointsInGraph(Decoder):
    """Read "keypoints" (N, K, 3): x, y in units of the spec's stride, and the score.

    Keypoints that are not finite, or lie at the rim of the input or outside of it, score 0.
    """

    def output_shapes(self, names: Collection[str] = ()) -> Dict[str, Shape]:
        """Return the shape of the keypoints."""
        return {"keypoints": (None, self.skeleton.num_keypoints, 3)}

    def __call__(self, outputs: Outputs, mirrored: Optional[Outputs] = None) -> Keypoints:
        """Read the keypoints, see Decoder; the flip test takes means weighted by the scores, and the higher score.

        With the mean score MoveNet's AP is lower: a keypoint that one of both runs misses is there nevertheless.
        """
        xy, score = self._read(outputs)
        if mirrored is None:
            return xy, score
        other_xy, other_score = (values[:, self.skeleton.flip_index] for values in self._read(mirrored))
        other_xy = other_xy * [-1, 1] + [self.spec.input_size_wh[0] - 1, 0]
        total = score + other_score
        share = np.where(total > 0, score / np.maximum(total, 1e-9), 1)[..., None]
        return (share * xy + (1 - share) * other_xy).astype(np.float32), np.maximum(score, other_score)

    def _read(self, outputs: Outputs) -> Keypoints:
        keypoints = outputs["keypoints"]
        keypoints = np.where(in_reach(keypoints)[..., None], keypoints, 0)
        map_wh = [-(-side // self.spec.stride) for side in self.spec.input_size_wh]
        score = without_rim(keypoints[..., :2], np.clip(keypoints[..., 2], 0, 1), map_wh)
        return keypoints[..., :2] * self.spec.stride, score
