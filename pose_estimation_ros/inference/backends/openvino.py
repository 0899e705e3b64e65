"""Run ONNX models on OpenVINO, an optional library for x86 CPUs.

It is faster than ONNX Runtime if the CPU has int8 units and the model is int8.
"""

from typing import TYPE_CHECKING, Dict, Optional

import numpy as np

from pose_estimation_ros.core.errors import ModelError, reason_of
from pose_estimation_ros.inference.backends.base import Backend, Outputs, Shape, check_threads, run_in_parts

if TYPE_CHECKING:
    from openvino import CompiledModel, ConstOutput, InferRequest

# Without "f32" OpenVINO computes float32 models in bf16 where the CPU can, which moves heatmaps by up to 0.01.
SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoBackend(Backend):
    """Run one ``.onnx`` file with a single input (N, 3, h, w) on the CPU.

    If the file fixes the batch size, larger batches run in parts and smaller ones are filled up. The first batch of
    each new size takes as long as opening the model.
    """

    name = "openvino"

    def __init__(self, model_path: str, threads: int = 0) -> None:
        """Open a file.

        Args:
            model_path: path of the ``.onnx`` file.
            threads: 0 lets OpenVINO choose.

        Raises:
            ConfigError: threads is out of range.
            ModelError: openvino is not installed, the file is corrupt, or it has not exactly one input.
        """
        self._path = model_path
        model = _compile(model_path, check_threads(threads))
        if len(model.inputs) != 1:
            raise ModelError("%s: expected one input, got %d" % (model_path, len(model.inputs)))
        self._request: Optional["InferRequest"] = model.create_infer_request()
        self.input_shape = _fixed_sizes(model.inputs[0])
        self.output_shapes = {output.get_any_name(): _fixed_sizes(output) for output in model.outputs}

    def run(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32."""
        return run_in_parts(self._run, batch, self.input_shape[0])

    def _run(self, batch: np.ndarray) -> Outputs:
        if self._request is None:
            raise ModelError("%s is closed: it cannot be used any more" % self._path)
        try:
            results = self._request.infer([batch])
        except RuntimeError as error:
            raise ModelError("%s: OpenVINO cannot run it: %s" % (self._path, reason_of(error)[:300]))
        return {name: np.array(results[name]) for name in self.output_shapes}  # the request reuses its memory

    def close(self) -> None:
        """Free the network; closing twice is no error."""
        self._request = None


def _compile(model_path: str, threads: int) -> "CompiledModel":
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            "%s: device openvino needs openvino (pip install openvino; CPython 3.10 or later): %s" % (model_path, error)
        )
    settings: Dict[str, object] = dict(SETTINGS)
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    core = openvino.Core()
    try:
        return core.compile_model(core.read_model(model_path), "CPU", settings)
    except RuntimeError as error:
        raise ModelError("%s: expected an ONNX model that OpenVINO %s loads, got: %s" % (
            model_path, openvino.__version__, reason_of(error)[:300]
        ))  # fmt: skip


def _fixed_sizes(port: "ConstOutput") -> Shape:
    """Return the shape of an input or output of OpenVINO with None for a free dimension."""
    return tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
