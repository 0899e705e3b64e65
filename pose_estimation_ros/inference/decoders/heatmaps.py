"""Decode heatmaps: a quarter of a pixel towards the higher neighbour, or DARK's step of Newton's method."""

from typing import Collection, Dict, Optional, Sequence

import numpy as np

from pose_estimation_ros.core.heatmap import decode, decode_dark, merge_flip, mirror_shift
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.backends.base import Outputs, Shape
from pose_estimation_ros.inference.decoders.decoder import Decoder, Keypoints, without_rim
from pose_estimation_ros.inference.decoders.keypoints import KeypointsInGraph


class Heatmaps(Decoder):
    """Find the peaks of "heatmaps" (N, K, h / stride, w / stride); subclasses say how.

    The flip test takes the mean of both runs' maps. The mirrored ones are moved to where the pixels of the map lie, see
    core.heatmap.mirror_shift, or by the option flip_shift where the spec has one.
    """

    def output_shapes(self, names: Collection[str] = ()) -> Dict[str, Shape]:
        """Return the shape of the heatmaps; a side that the stride does not divide may be rounded either way."""
        sides = (
            None if side % self.spec.stride else side // self.spec.stride for side in self.spec.input_size_wh[::-1]
        )
        return {"heatmaps": (None, self.skeleton.num_keypoints) + tuple(sides)}

    def __call__(self, outputs: Outputs, mirrored: Optional[Outputs] = None) -> Keypoints:
        """Find the peaks of the heatmaps, see Decoder."""
        heatmaps = outputs["heatmaps"]
        map_wh = heatmaps.shape[:1:-1]
        pitch = self.pitch(map_wh)
        if mirrored is not None:
            shift = self.spec.decoder_option("flip_shift")
            shift = mirror_shift(self.spec.input_size_wh[0], map_wh[0], pitch[0]) if shift is None else shift
            heatmaps = merge_flip(heatmaps, mirrored["heatmaps"], self.skeleton.flip_index, shift)
        xy, score = self.peaks(heatmaps)
        return xy * pitch.astype(np.float32), without_rim(xy, score, map_wh)

    def pitch(self, map_wh: Sequence[int]) -> np.ndarray:
        """Return the distances (2,) of two pixels of a map along x and y, px of the input."""
        return np.array([self.spec.stride, self.spec.stride], float)

    def peaks(self, heatmaps: np.ndarray) -> Keypoints:
        """Find the peaks of heatmaps (N, K, h, w): xy (N, K, 2) map px, and score (N, K)."""
        raise NotImplementedError


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
        """Read the keypoints, or find the peaks of the heatmaps, see Decoder."""
        return self._in_graph(outputs) if "keypoints" in outputs else super().__call__(outputs, mirrored)

    def peaks(self, heatmaps: np.ndarray) -> Keypoints:
        """Find the peaks, see Heatmaps."""
        return decode(heatmaps)


class Dark(Heatmaps):
    """Find the peaks of heatmaps by DARK, see core.heatmap.decode_dark.

    With the option align_corners the corner pixels of map and input are the same points, as UDP has it: pixel j of a
    map of W px lies at pixel j (w - 1) / (W - 1) of an input of w px. Without it, it lies at stride * j.
    """

    def pitch(self, map_wh: Sequence[int]) -> np.ndarray:
        """Return the distances of two pixels of a map, see Heatmaps."""
        if not self.spec.decoder_option("align_corners"):
            return super().pitch(map_wh)
        pitch: np.ndarray = np.maximum(np.array(self.spec.input_size_wh) - 1, 1) / np.maximum(np.array(map_wh) - 1, 1)
        return pitch

    def peaks(self, heatmaps: np.ndarray) -> Keypoints:
        """Find the peaks, see Heatmaps."""
        return decode_dark(heatmaps, self.spec.decoder_option("kernel"))
