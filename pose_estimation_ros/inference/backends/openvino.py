"""OpenVINO, on x86 CPUs: faster than ONNX Runtime where the CPU has int8 units and the model is int8. Optional."""

from typing import Any, Dict, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ModelError, reason_of
from pose_estimation_ros.inference.backends.base import Backend, run_in_parts

# Without "f32" OpenVINO computes float32 models in bf16 where the CPU can, which moves heatmaps by up to 0.01.
SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoBackend(Backend):
    """Runs one ``.onnx`` file with a single input (N, 3, h, w) on the CPU.

    Args: threads: 0 = as OpenVINO finds best. Where the file fixes the batch size, larger batches are run in parts and
    smaller ones filled up. The first batch of each new size takes as long as opening the model.
    Raises ModelError: openvino is not installed, the file is corrupt, or it has not exactly one input.
    """

    name = "openvino"

    def __init__(self, model_path: str, threads: int = 0) -> None:
        self._path = model_path
        model = _compile(model_path, threads)
        if len(model.inputs) != 1:
            raise ModelError("%s: expected one input, got %d" % (model_path, len(model.inputs)))
        self._request = model.create_infer_request()
        self.input_shape = _fixed_sizes(model.inputs[0])
        self.output_shapes = {output.get_any_name(): _fixed_sizes(output) for output in model.outputs}

    def run(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        return run_in_parts(self._run, batch, self.input_shape[0])

    def _run(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        try:
            found = self._request.infer([batch])
        except RuntimeError as error:
            raise ModelError("%s: OpenVINO cannot run it: %s" % (self._path, reason_of(error)[:300]))
        return {name: np.array(found[name]) for name in self.output_shapes}  # the request's memory is used again

    def close(self) -> None:
        self._request = None


def _compile(model_path: str, threads: int) -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            "%s: cpu_engine openvino needs openvino (pip install openvino; CPython 3.10 or later): %s"
            % (model_path, error)
        )
    settings: Dict[str, Any] = dict(SETTINGS, INFERENCE_NUM_THREADS=threads) if threads else SETTINGS
    core = openvino.Core()
    try:
        return core.compile_model(core.read_model(model_path), "CPU", settings)
    except RuntimeError as error:
        raise ModelError("%s: expected an ONNX model that OpenVINO %s loads, got: %s" % (
            model_path, openvino.__version__, reason_of(error)[:300]
        ))  # fmt: skip


def _fixed_sizes(port: Any) -> Tuple:
    return tuple(None if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
