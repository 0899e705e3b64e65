"""Decode two vectors per keypoint, one along each axis."""

from typing import Collection, Dict, Optional

import numpy as np

from pose_estimation_ros.core.heatmap import merge_flip, mirror_shift
from pose_estimation_ros.inference.backends.base import Outputs, Shape
from pose_estimation_ros.inference.decoders.decoder import Decoder, Keypoints, without_rim

AXES = ("simcc_x", "simcc_y")


class SimCC(Decoder):
    """Decode "simcc_x" (N, K, w * split_ratio) and "simcc_y" (N, K, h * split_ratio), as RTMPose has them.

    Bin j of a vector lies at pixel j / split_ratio; the score is the lower of the two peaks. Sources: "SimCC: a Simple
    Coordinate Classification Perspective for Human Pose Estimation", arXiv:2107.03332, and "RTMPose", arXiv:2303.07399.
    """

    def output_shapes(self, names: Collection[str] = ()) -> Dict[str, Shape]:
        """Return the shapes of the vectors of both axes."""
        ratio, keypoints = self.spec.decoder_option("split_ratio"), self.skeleton.num_keypoints
        return {name: (None, keypoints, round(side * ratio)) for name, side in zip(AXES, self.spec.input_size_wh)}

    def __call__(self, outputs: Outputs, mirrored: Optional[Outputs] = None) -> Keypoints:
        """Find the peaks of both vectors, see Decoder; the flip test takes the mean of both runs' vectors."""
        x, y = (outputs[name] for name in AXES)
        ratio = self.spec.decoder_option("split_ratio")
        if mirrored is not None:
            other_x, other_y = (mirrored[name] for name in AXES)
            shift = mirror_shift(self.spec.input_size_wh[0], x.shape[2], 1 / ratio)
            x = merge_flip(x[:, :, None], other_x[:, :, None], self.skeleton.flip_index, shift)[:, :, 0]
            y = (y + other_y[:, self.skeleton.flip_index]) / 2
        vectors = x, y
        peaks = np.stack([vector.max(2) for vector in vectors], 2)
        score = peaks.min(2)
        bins = np.stack([vector.argmax(2) for vector in vectors], 2)
        xy = bins / np.float32(ratio)
        found = np.isfinite(peaks).all(2) & (score > 0)
        score = without_rim(bins, np.where(found, score.clip(0, 1), 0), [vector.shape[2] for vector in vectors])
        return np.where(found[..., None], xy, 0).astype(np.float32), score
