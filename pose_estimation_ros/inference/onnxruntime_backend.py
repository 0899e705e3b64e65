"""ONNX Runtime, on any machine."""

from typing import Any, Dict, Tuple

import numpy as np

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.backend import Backend, run_in_parts

ONLY_ERRORS = 3


class OnnxRuntimeBackend(Backend):
    """Runs one ``.onnx`` file with a single input (N, 3, h, w).

    Args: threads: for one operator, 0 = as many as cores; providers: ONNX Runtime's names, tried in order.
    Where the file fixes the batch size, larger batches are run in parts and smaller ones filled up.
    Raises ModelError: onnxruntime is not installed, the file is corrupt, or it has not exactly one input.
    """

    name = "onnxruntime"

    def __init__(self, model_path, threads=0, providers=("CPUExecutionProvider",)):
        # type: (str, int, Tuple[str, ...]) -> None
        self._session = _open_session(model_path, threads, list(providers))
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ModelError("%s: expected one input, got %s" % (model_path, [i.name for i in inputs]))
        self._input_name = inputs[0].name
        self.input_shape = _fixed_sizes(inputs[0].shape)
        self.output_shapes = {output.name: _fixed_sizes(output.shape) for output in self._session.get_outputs()}

    def run(self, batch):
        # type: (np.ndarray) -> Dict[str, np.ndarray]
        return run_in_parts(self._run, batch, self.input_shape[0])

    def _run(self, batch):
        # type: (np.ndarray) -> Dict[str, np.ndarray]
        names = list(self.output_shapes)
        return dict(zip(names, self._session.run(names, {self._input_name: batch})))

    def close(self):
        # type: () -> None
        self._session = None


def _open_session(model_path, threads, providers):
    # type: (str, int, list) -> Any
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError as error:
        raise ModelError(
            "%s needs onnxruntime (python3 -m pip install onnxruntime, on Humble, Jazzy and Kilted together with "
            '"numpy<2"; see Installation in README.md): %s' % (model_path, error)
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ONLY_ERRORS
    # Spinning threads burn a core between frames that the camera driver and the rest of the robot need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    faults = (
        state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoModel,
        state.NotImplemented, state.RuntimeException,
    )  # fmt: skip
    try:
        return onnxruntime.InferenceSession(model_path, options, providers=providers)
    except faults as error:
        raise ModelError("%s: expected an ONNX model that ONNX Runtime %s loads, got: %s" % (
            model_path, onnxruntime.__version__, str(error).splitlines()[0]
        ))  # fmt: skip


def _fixed_sizes(shape):
    # type: (list) -> Tuple
    """ONNX Runtime writes a free dimension as a name or None."""
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape)
