"""Run a foreign network and its rewritten copy on ONNX Runtime, and compare them."""

from typing import Any, Dict, Optional, Sequence

import numpy as np
import onnx
import onnxruntime

from pose_estimation_ros.core.errors import ModelError, reason_of, shortened
from pose_estimation_ros.importing.network.foreign_file import DTYPES, Foreign, opset_of
from pose_estimation_ros.importing.network.nodes import PREFIX
from pose_estimation_ros.importing.network.rewrite import Entry
from pose_estimation_ros.inference.backends.base import shape_text

TOLERANCE = 1e-4  # largest difference, as part of the largest output
HALF_TOLERANCE = 5e-3  # the same of float16, which libraries round at different places
CPU_ALONE: Dict[str, Any] = {
    "providers": ["CPUExecutionProvider"],
    "enable_fallback": 0,
}  # it prints when it falls back
QUIET = 4  # fatal errors alone: ONNX Runtime's warnings are not for users


class Network:
    """Run a network on the CPU.

    Attributes:
        names: names of its outputs.
    """

    def __init__(self, content: bytes, what: str) -> None:
        """Open a network.

        Args:
            content: an ONNX file.
            what: its name, for messages.

        Raises:
            ModelError: ONNX Runtime refuses it.
        """
        options = onnxruntime.SessionOptions()
        options.log_severity_level = QUIET
        self._what = what
        try:
            self._session = onnxruntime.InferenceSession(content, options, **CPU_ALONE)
        except Exception as error:  # the classes of ONNX Runtime share no other base
            version, reason = onnxruntime.__version__, shortened(reason_of(error), 300)
            raise ModelError("%s: expected a model that ONNX Runtime %s opens, got: %s" % (what, version, reason))
        self._input = self._session.get_inputs()[0].name
        self.names = [output.name for output in self._session.get_outputs()]

    def __call__(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        """Compute the outputs of a batch in the layout and type of the input. Raises ModelError where it fails."""
        try:
            outputs = dict(zip(self.names, self._session.run(self.names, {self._input: batch})))
        except Exception as error:
            reason = shortened(reason_of(error), 300)
            text = "%s: expected a network that runs on a picture %s, got: %s"
            raise ModelError(text % (self._what, shape_text(batch.shape), reason))
        others = [
            name for name, value in outputs.items() if getattr(value, "dtype", np.dtype(object)).kind not in "fiub"
        ]
        if others:
            raise ModelError("%s: expected outputs of numbers, got another kind: %s" % (self._what, others[0]))
        return outputs


def open_original(foreign: Foreign) -> Network:
    """Open the foreign network as it is. Raises ModelError where ONNX Runtime refuses it."""
    try:
        return Network(foreign.content, foreign.path)
    except ModelError as error:
        raise ModelError("%s (opset %d: an export with an older one may help)" % (error, opset_of(foreign.model)))


def original_input(images: np.ndarray, entry: Entry) -> np.ndarray:
    """Prepare pictures for the foreign network as its own program does.

    Args:
        images: (N, 3, h, w) float32, RGB 0..255.
        entry: what the network wants.

    Returns:
        The batch in the network's layout and type.
    """
    x = images[:, ::-1] if entry.color == "bgr" else images
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (entry.mean, entry.std))
    x = (x - mean) / std
    if entry.channels_last:
        x = x.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(x.astype(DTYPES[entry.tensor.dtype]))


def noise(entry: Entry, count: Optional[int] = None) -> np.ndarray:
    """Make random pictures (N, 3, h, w) float32 of whole numbers 0..255, as many as the network takes at once."""
    shape = (entry.batch or count or 1, 3) + entry.size_wh[::-1]
    return np.random.RandomState(0).randint(0, 256, shape).astype(np.float32)


def tolerance_of(foreign: Foreign) -> float:
    """Return by how much a copy may differ from the original."""
    dtypes = [foreign.input.dtype] + [tensor.dtype for tensor in foreign.outputs]
    return HALF_TOLERANCE if onnx.TensorProto.FLOAT16 in dtypes else TOLERANCE


def largest_difference(
    original: Network, rewritten: Network, entry: Entry, images: np.ndarray, outputs: Sequence[str]
) -> float:
    """Compare the foreign outputs of the original with those inside of the rewritten network.

    Args:
        original: the foreign network.
        rewritten: the rewritten one, with the foreign outputs, see rewrite.with_foreign_outputs.
        entry: what the foreign network wants.
        images: (N, 3, h, w) float32, RGB 0..255.
        outputs: names of the foreign outputs.

    Returns:
        The largest difference as part of the largest value of its output; infinite where shapes differ.
    """
    expected, actual = original(original_input(images, entry)), rewritten(images)
    return max(_difference(expected[name], actual[PREFIX + name]) for name in outputs)


def _difference(expected: np.ndarray, actual: np.ndarray) -> float:
    if expected.shape != actual.shape:
        return float("inf")
    a, b = expected.astype(np.float64), actual.astype(np.float64)
    a, b = a[~np.isnan(a) | ~np.isnan(b)], b[~np.isnan(a) | ~np.isnan(b)]
    if not a.size or np.array_equal(a, b):
        return 0.0
    largest = max(float(np.abs(a).max()), 1e-12)
    difference = float(np.abs(a - b).max()) / largest
    return difference if np.isfinite(difference) else float("inf")
