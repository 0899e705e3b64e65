"""Decode heatmaps: a quarter of a pixel towards the higher neighbour, or DARK's step of Newton's method."""

from typing import Collection, Dict, Optional

import numpy as np

from pose_estimation_ros.core.heatmap import decode, decode_dark, merge_flip
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.backends.base import Outputs, Shape
from pose_estimation_ros.inference.decoders.decoder import Decoder, Keypoints, without_rim
from pose_estimation_ros.inference.decoders.keypoints import KeypointsInGraph


class Heatmaps(Decoder):
    """Merge the "heatmaps" (N, K, h / stride, w / stride) of the flip test; subclasses find their peaks."""

    def output_shapes(self, names: Collection[str] = ()) -> Dict[str, Shape]:
        """Return the shape of the heatmaps; a side that the stride does not divide may be rounded either way."""
        sides = (
            None if side % self.spec.stride else side // self.spec.stride for side in self.spec.input_size_wh[::-1]
        )
        return {"heatmaps": (None, self.skeleton.num_keypoints) + tuple(sides)}

    def merged(self, outputs: Outputs, mirrored: Optional[Outputs]) -> np.ndarray:
        """Return the heatmaps, with the flip test the mean of both runs' heatmaps; the arguments are __call__'s."""
        if mirrored is None:
            return outputs["heatmaps"]
        shift = self.spec.decoder_option("flip_shift")
        return merge_flip(outputs["heatmaps"], mirrored["heatmaps"], self.skeleton.flip_index, shift)


class QuarterOffset(Heatmaps):
    """Find the peaks of heatmaps as HRNet's test protocol does, see core.heatmap.decode.

    A network may have decoded them in its graph and give "keypoints" (N, K, 3) in heatmap px in their place. Each call
    looks for them, because another backend may take over that gives heatmaps.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._in_graph = KeypointsInGraph(spec)

    def output_shapes(self, names: Collection[str] = ()) -> Dict[str, Shape]:
        """Return the shape of the keypoints where the network gives them, else that of the heatmaps."""
        return self._in_graph.output_shapes() if "keypoints" in names else super().output_shapes()

    def __call__(self, outputs: Outputs, mirrored: Optional[Outputs] = None) -> Keypoints:
        """Find the peaks of the heatmaps, see Decoder; the flip test takes the mean of both runs' maps."""
        if "keypoints" in outputs:
            return self._in_graph(outputs)
        heatmaps = self.merged(outputs, mirrored)
        xy, score = decode(heatmaps)
        return xy * self.spec.stride, without_rim(xy, score, heatmaps.shape[:1:-1])


class Dark(Heatmaps):
    """Find the peaks of heatmaps by DARK, see core.heatmap.decode_dark.

    With the option align_corners the corner pixels of map and input are the same points, as UDP has it: pixel j of a
    map of W px lies at pixel j (w - 1) / (W - 1) of an input of w px. Without it, it lies at stride * j.
    """

    def __call__(self, outputs: Outputs, mirrored: Optional[Outputs] = None) -> Keypoints:
        """Find the peaks of the heatmaps, see Decoder; the flip test takes the mean of both runs' maps."""
        heatmaps = self.merged(outputs, mirrored)
        xy, score = decode_dark(heatmaps, self.spec.decoder_option("kernel"))
        score = without_rim(xy, score, heatmaps.shape[:1:-1])
        if not self.spec.decoder_option("align_corners"):
            return xy * self.spec.stride, score
        map_wh = np.array(heatmaps.shape[:1:-1])
        return xy * ((np.array(self.spec.input_size_wh) - 1) / np.maximum(map_wh - 1, 1)).astype(np.float32), score
