"""An engine while it works, and its ONNX model on the CPU from its first fault on: a robot goes on seeing people."""

from typing import Callable, Dict, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.errors import CudaError
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.non_finite import NonFinite, total


class FallbackBackend(Backend):
    """Ask ``primary``; after its first fault what open_onnx opens answers, that batch and all later ones.

    A fault is a CudaError, or a batch for which the engine computed no finite value.

    Args: open_onnx: None where there is no ONNX model or it serves already; then an error goes on. fault: why it
    serves already.
    The outputs may have other names afterwards: "heatmaps" in place of "keypoints".
    """

    def __init__(self, primary: Backend, open_onnx: Optional[Callable[[], Backend]], fault: str = "") -> None:
        self._backend, self._open_onnx, self.fault = primary, open_onnx, fault
        self._earlier = NonFinite()

    @property
    def name(self) -> str:  # type: ignore[override]
        return "%s (after: %s)" % (self._backend.name, self.fault) if self.fault else self._backend.name

    @property
    def precision(self) -> str:  # type: ignore[override]
        return self._backend.precision

    @property
    def input_shape(self) -> Tuple:  # type: ignore[override]
        return self._backend.input_shape

    @property
    def output_shapes(self) -> Dict[str, Tuple]:  # type: ignore[override]
        return self._backend.output_shapes

    @property
    def copies_ms(self) -> Dict[str, float]:  # type: ignore[override]
        return self._backend.copies_ms

    @property
    def non_finite(self) -> NonFinite:  # type: ignore[override]
        return total([self._earlier, self._backend.non_finite])

    @property
    def blind(self) -> bool:  # type: ignore[override]
        return self._backend.blind

    def time_copies(self) -> None:
        self._backend.time_copies()

    def __call__(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        if self._open_onnx is None:
            return self._backend(batch)
        try:
            outputs = self._backend(batch)
            if not self._backend.blind:
                return outputs
            self.fault = "%s computed no finite value" % self._backend.name
        except CudaError as error:
            self.fault = str(error)
        self._take_over(self._open_onnx)
        return self._backend(batch)

    def _take_over(self, open_onnx: Callable[[], Backend]) -> None:
        """Close the engine and open the ONNX model in its place."""
        self._earlier, self._open_onnx = self._backend.non_finite, None
        self._backend.close()
        self._backend = open_onnx()

    def close(self) -> None:
        self._backend.close()
