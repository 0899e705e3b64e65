"""Detect people: callables ``frame -> (box_xyxy (N, 4) float32 px, score (N,) float32)``, best first."""

from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import ModelError, shown
from pose_estimation_ros.core.geometry import apply, best_boxes, invert
from pose_estimation_ros.core.model_spec import FRAME_FIT, ModelSpec
from pose_estimation_ros.imaging.fit import fit_frame
from pose_estimation_ros.inference.backends.base import DEVICES, Backend
from pose_estimation_ros.inference.backends.find import find_model, names_engine
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_backend, open_model
from pose_estimation_ros.inference.box_decoders import (
    decode_nanodet,
    decode_plain,
    decode_yolox,
    is_yolox,
    nanodet_strides,
)
from pose_estimation_ros.inference.stopwatch import Stopwatch

FULL_FRAME = "full_frame"

# frame (H, W, 3) uint8 BGR -> box_xyxy (N, 4) float32 px of the frame, score (N,) float32 in 0..1, best first
Detector = Callable[[np.ndarray], Tuple[np.ndarray, np.ndarray]]
Decode = Callable[[Dict[str, np.ndarray], Tuple[int, int]], Tuple[np.ndarray, np.ndarray]]


class Family(NamedTuple):
    """Describe the input that a kind of detector network needs, and how its outputs are read.

    decode: outputs, size_wh -> boxes (M, 4) xyxy in input px, scores (M,). bgr: order of the channels, else RGB. fit:
    options of imaging.fit.fit_frame. mean, std: per channel, in the input's order. nms_iou: boxes that overlap a better
    one by more are dropped, None where the network has done that.
    """

    decode: Decode
    bgr: bool
    fit: Dict[str, Any]
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    score_threshold: float
    nms_iou: Optional[float]


PLAIN = Family(decode_plain, False, {}, (0, 0, 0), (1, 1, 1), 0.3, 0.5)
YOLOX = Family(decode_yolox, True, {"grey": 114}, (0, 0, 0), (1, 1, 1), 0.4, 0.65)
NANODET = Family(decode_nanodet, True, {}, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), 0.4, 0.6)


def full_frame(frame: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return one box around the whole image with score 1: for a single person who fills the view."""
    height, width = frame.shape[:2]
    return np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)


class NetworkDetector:
    """Find people by a network: letterbox the frame, decode the boxes, and keep the best of those that overlap."""

    def __init__(
        self,
        backend: Backend,
        family: Family,
        score_threshold: Optional[float] = None,
        watch: Optional[Stopwatch] = None,
        size_wh: Optional[Tuple[int, int]] = None,
    ) -> None:
        """Take an open network.

        Args:
            backend: the network.
            family: says how its input is made and its outputs are read.
            score_threshold: boxes of a lower score are dropped, 0..1; None for the family's.
            watch: gets the time of each stage.
            size_wh: width and height of the input in px, None for those of the network.
        """
        self.backend, self._family = backend, family
        self._size_wh = size_wh or _input_size_wh(backend)
        self.score_threshold = family.score_threshold if score_threshold is None else score_threshold
        self._watch = watch or Stopwatch()

    def __call__(self, frame: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find people in a frame (H, W, 3) uint8 BGR.

        Returns:
            box_xyxy (N, 4) float32 px inside the frame, and score (N,) float32, best first.
        """
        batch, matrix = self._network_input(frame)
        self._watch.lap("preprocess", "detect")
        outputs = self.backend(batch)
        self._watch.lap("inference", "detect")
        with np.errstate(all="ignore"):  # numbers out of range become boxes out of reach, which are dropped
            boxes, scores = self._family.decode(outputs, self._size_wh)
        best = best_boxes(boxes, scores, self.score_threshold, self._family.nms_iou)
        boxes, scores = boxes[best], scores[best].clip(0, 1)
        boxes = apply(invert(matrix), boxes.reshape(-1, 2, 2)).clip(0, frame.shape[1::-1]).reshape(-1, 4)
        self._watch.lap("postprocess", "detect")
        return boxes.astype(np.float32), scores.astype(np.float32)

    def _network_input(self, frame: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return the batch (1, 3, h, w) and the map (2, 3) frame px -> input px."""
        batch, matrix = fit_frame(frame, self._size_wh, **self._family.fit)
        if self._family.bgr:
            batch = batch[:, ::-1]
        mean, std = (np.array(values, np.float32)[:, None, None] for values in (self._family.mean, self._family.std))
        return (batch - mean) / std, matrix

    def close(self) -> None:
        """Free the network."""
        self.backend.close()


def open_detector(
    name_or_path: Union[str, ModelFile],
    threads: int = 0,
    score_threshold: Optional[float] = None,
    watch: Optional[Stopwatch] = None,
    fallback: bool = False,
    device: str = DEVICES[0],
) -> Detector:
    """Open a person detector, "full_frame" or that of open_network_detector, which describes the arguments."""
    if name_or_path == FULL_FRAME:
        return full_frame
    return open_network_detector(name_or_path, threads, score_threshold, watch, fallback, device)


def open_network_detector(
    name_or_path: Union[str, ModelFile],
    threads: int = 0,
    score_threshold: Optional[float] = None,
    watch: Optional[Stopwatch] = None,
    fallback: bool = False,
    device: str = DEVICES[0],
) -> NetworkDetector:
    """Open the network of a person detector.

    Args:
        name_or_path: a model of this package with its .json spec, such as "person_detector"; or the ONNX file of a
            YOLOX or NanoDet-m trained on COCO or on persons alone, without a spec; or what find_model returned.
        threads: CPU threads, 0 = as many as cores.
        score_threshold: boxes of a lower score are dropped, 0..1; None for the model's own.
        watch: gets the time of each stage.
        fallback: see open_model.
        device: see open_model.

    Returns:
        The detector, to be closed.

    Raises:
        ModelError: there is no such model, it cannot be opened, or it is no detector.
    """
    model = name_or_path
    if isinstance(model, str) and not names_engine(model, device):
        model = find_model(model, device=device)
    if isinstance(model, str) or model.spec:
        backend, spec = open_model(model, "person_detector", threads, fallback, device)
        return NetworkDetector(backend, _family_of(spec), score_threshold, watch, spec.input_size_wh)
    backend = open_backend(model, threads, device, fallback)
    return NetworkDetector(backend, _foreign_family(backend, model.path), score_threshold, watch)


def _family_of(spec: ModelSpec) -> Family:
    return PLAIN._replace(
        fit={name: spec.fit_option(name) for name in FRAME_FIT},
        score_threshold=spec.accuracy.get("score_threshold", PLAIN.score_threshold),
        nms_iou=spec.decoder_option("nms_iou"),
    )


def _foreign_family(backend: Backend, path: str) -> Family:
    shape = backend.input_shape
    if len(shape) == 4 and shape[1] == 3 and None not in shape[1:]:
        if nanodet_strides(list(backend.output_shapes)):
            return NANODET
        if is_yolox(backend.output_shapes, _input_size_wh(backend)):
            return YOLOX
    backend.close()
    raise ModelError(
        "%s has no .json spec beside it, and is no YOLOX or NanoDet-m either: expected input (1, 3, h, w) and one "
        "output (1, cells, 5 + classes) or outputs cls_pred_stride_*, dis_pred_stride_*; got input %s, outputs %s"
        % (path, shape, shown(backend.output_shapes))
    )


def _input_size_wh(backend: Backend) -> Tuple[int, int]:
    """Return the width and height of a network's input in px, 0 where they are free."""
    height, width = (size or 0 for size in backend.input_shape[2:])
    return width, height
