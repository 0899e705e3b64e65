"""An engine while it works, and its ONNX model on the CPU from its first fault on: a robot goes on seeing people."""

import contextlib
import os
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.inference.backend import (
    CPU_ENGINES,
    Backend,
    model_path,
    open_backend,
    open_model,
    precision_of,
)
from pose_estimation_ros.inference.non_finite import NonFinite, total


class FallbackBackend(Backend):
    """Ask ``backend``; after its first fault the model at onnx_path answers, that batch and all later ones.

    A fault is a CudaError, or a batch for which the engine computed no finite value.

    Args: onnx_path: None where there is no such model or it serves already; then an error goes on. threads,
    cpu_engine: what it is opened with, see open_backend. fault: why it serves already.
    The outputs may have other names afterwards: "heatmaps" in place of "keypoints".
    """

    def __init__(self, backend, onnx_path, threads=0, cpu_engine=CPU_ENGINES[0], fault=""):
        # type: (Backend, Optional[str], int, str, str) -> None
        self._backend, self._onnx_path, self.fault = backend, onnx_path, fault
        self._threads, self._cpu_engine = threads, cpu_engine
        self._earlier = NonFinite()

    @property
    def name(self):  # type: ignore[override]
        # type: () -> str
        return "%s (after: %s)" % (self._backend.name, self.fault) if self.fault else self._backend.name

    @property
    def precision(self):  # type: ignore[override]
        # type: () -> str
        return self._backend.precision

    @property
    def input_shape(self):  # type: ignore[override]
        # type: () -> Tuple
        return self._backend.input_shape

    @property
    def output_shapes(self):  # type: ignore[override]
        # type: () -> Dict[str, Tuple]
        return self._backend.output_shapes

    @property
    def copies_ms(self):  # type: ignore[override]
        # type: () -> Dict[str, float]
        return self._backend.copies_ms

    @property
    def non_finite(self):  # type: ignore[override]
        # type: () -> NonFinite
        return total([self._earlier, self._backend.non_finite])

    @property
    def blind(self):  # type: ignore[override]
        # type: () -> bool
        return self._backend.blind

    def time_copies(self):
        # type: () -> None
        self._backend.time_copies()

    def __call__(self, batch):
        # type: (np.ndarray) -> Dict[str, np.ndarray]
        if self._onnx_path is None:
            return self._backend(batch)
        try:
            outputs = self._backend(batch)
            if not self._backend.blind:
                return outputs
            self.fault = "%s computed no finite value" % self._backend.name
        except CudaError as error:
            self.fault = str(error)
        self._take_over(self._onnx_path)
        return self._backend(batch)

    def _take_over(self, onnx_path):
        # type: (str) -> None
        """Close the engine and open the ONNX model in its place."""
        self._earlier, self._onnx_path = self._backend.non_finite, None
        self._backend.close()
        self._backend = open_backend(onnx_path, self._threads, self._cpu_engine)
        with contextlib.suppress(ModelError):  # the spec came with the engine; without its own file it serves as well
            self._backend.precision = precision_of(onnx_path, load_model_spec(onnx_path))

    def close(self):
        # type: () -> None
        self._backend.close()


def open_model_or_onnx(name_or_path, task, threads=0, cpu_engine=CPU_ENGINES[0]):
    # type: (str, Union[str, Tuple[str, ...]], int, str) -> Tuple[FallbackBackend, ModelSpec]
    """``open_model`` for an engine; where that fails, its ONNX model in its place, and fault says why.

    Raises ModelError: the engine's, where there is no such model either.
    """
    onnx_path = find_onnx(name_or_path)
    try:
        backend, spec = open_model(name_or_path, task, threads)
        return FallbackBackend(backend, onnx_path, threads, cpu_engine), spec
    except ModelError as error:
        if onnx_path is None:
            raise
        backend, spec = open_model(onnx_path, task, threads, cpu_engine=cpu_engine)
        return FallbackBackend(backend, None, threads, cpu_engine, str(error)), spec


def find_onnx(engine):
    # type: (str) -> Optional[str]
    """The ONNX model of an engine: what its sidecar names, else of its name beside it or among the known models."""
    from pose_estimation_ros.inference.engine_cache import read_sidecar

    beside = os.path.splitext(engine)[0] + ".onnx"
    try:
        named = read_sidecar(model_path(engine))["onnx_path"]
    except ModelError:
        named = ""
    for path in (named, beside):
        if path and os.path.isfile(path):
            return path
    try:
        return model_path(os.path.basename(beside))
    except ModelError:
        return None
