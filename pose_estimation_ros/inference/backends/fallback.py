"""Run a network on a GPU, and after its first fault on the CPU, so that a robot continues to see people."""

from typing import Callable, Dict, Optional

import numpy as np

from pose_estimation_ros.core.errors import CudaError
from pose_estimation_ros.inference.backends.base import Backend, Outputs, Shape
from pose_estimation_ros.inference.non_finite import NonFinite, total


class FallbackBackend(Backend):
    """Run a primary backend, and after its first fault another one for that batch and all later ones.

    A fault is a CudaError, or a batch for which the primary backend computed no finite value. The outputs may have
    other names after a fault: "heatmaps" in place of "keypoints".
    """

    def __init__(self, primary: Backend, open_onnx: Optional[Callable[[], Backend]], fault: str = "") -> None:
        """Wrap an open backend.

        Args:
            primary: the open backend.
            open_onnx: opens the backend that takes over. None if there is none or if ``primary`` is that backend
                already; then errors of ``primary`` are raised.
            fault: why ``primary`` replaces another one from the start, "" if it does not.
        """
        self._backend, self._open_onnx, self.fault = primary, open_onnx, fault
        self._earlier = NonFinite()

    @property
    def name(self) -> str:  # type: ignore[override]
        """Return the name of the active backend, with the fault after one."""
        return "%s (after: %s)" % (self._backend.name, self.fault) if self.fault else self._backend.name

    @property
    def precision(self) -> str:  # type: ignore[override]
        """Return the precision of the active backend."""
        return self._backend.precision

    @property
    def input_shape(self) -> Shape:  # type: ignore[override]
        """Return the shape of the active backend's input."""
        return self._backend.input_shape

    @property
    def output_shapes(self) -> Dict[str, Shape]:  # type: ignore[override]
        """Return the shapes of the active backend's outputs."""
        return self._backend.output_shapes

    @property
    def copies_ms(self) -> Dict[str, float]:  # type: ignore[override]
        """Return the copy times of the active backend."""
        return self._backend.copies_ms

    @property
    def non_finite(self) -> NonFinite:  # type: ignore[override]
        """Count the values that were not finite, before and after a fault."""
        return total([self._earlier, self._backend.non_finite])

    @property
    def blind(self) -> bool:  # type: ignore[override]
        """Tell whether an output of the last batch had no finite value at all."""
        return self._backend.blind

    @property
    def on_gpu(self) -> bool:  # type: ignore[override]
        """Tell whether the active backend is on a GPU."""
        return self._backend.on_gpu

    def time_copies(self) -> None:
        """Begin to fill copies_ms of the active backend."""
        self._backend.time_copies()

    def __call__(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32, after a fault on the other backend."""
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
        """Close the active backend and open the ONNX model on the CPU in its place."""
        self._earlier, self._open_onnx = self._backend.non_finite, None
        self._backend.close()
        self._backend = open_onnx()

    def close(self) -> None:
        """Close the active backend."""
        self._backend.close()
