"""Run ONNX models on ONNX Runtime."""

import contextlib
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from pose_estimation_ros.core.errors import CudaError, ModelError, shown
from pose_estimation_ros.inference.backends.base import Backend, Outputs, Shape, check_threads, run_in_parts

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Provider = Tuple[str, Dict[str, str]]  # name and options of an execution provider
ON_CPU: Tuple[Provider, ...] = (("CPUExecutionProvider", {}),)
ONLY_ERRORS = 3
FLOAT32 = "tensor(float)"  # ONNX Runtime's name of the type
FAULTS = (
    "Fail", "InvalidArgument", "NoSuchFile", "NoModel", "EngineError", "RuntimeException", "InvalidProtobuf",
    "ModelLoaded", "NotImplemented", "InvalidGraph", "EPFail",
)  # fmt: skip
FAULTS_OF_GPU = ("Fail", "EngineError", "RuntimeException", "EPFail")  # those of FAULTS that a GPU can cause


class OnnxRuntimeBackend(Backend):
    """Run one ``.onnx`` file with a single float32 input (N, 3, h, w), on the CPU.

    If the file fixes the batch size, larger batches run in parts and smaller ones are filled up. A call raises
    ModelError if ONNX Runtime cannot compute the network.
    """

    name = "onnxruntime"

    def __init__(self, model_path: str, threads: int = 0, providers: Sequence[Provider] = ON_CPU) -> None:
        """Open a file.

        Args:
            model_path: path of the ``.onnx`` file.
            threads: for one operator, 0 = as many as cores.
            providers: names and options of ONNX Runtime's execution providers, tried in order.

        Raises:
            ConfigError: threads is out of range.
            CudaError: a GPU was asked for and cannot be used.
            ModelError: onnxruntime is not installed, the file is corrupt, or it has not exactly one input of float32.
        """
        self._path = model_path
        self._session: Optional["InferenceSession"] = None
        session = _open_session(model_path, check_threads(threads), list(providers))
        with plain_errors(model_path, "reads"):
            inputs = [(i.name, i.type, _fixed_sizes(i.shape)) for i in session.get_inputs()]
            self.output_shapes = {output.name: _fixed_sizes(output.shape) for output in session.get_outputs()}
        if len(inputs) != 1:
            raise ModelError("%s: expected one input, got %s" % (model_path, shown([name for name, *_ in inputs])))
        self._input_name, kind, self.input_shape = inputs[0]
        if kind != FLOAT32:
            raise ModelError("%s: expected an input of float32, %s, got %s" % (model_path, FLOAT32, kind))
        self._session = session

    def run(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32."""
        return run_in_parts(self._run, batch, self.input_shape[0])

    def _run(self, batch: np.ndarray) -> Outputs:
        names, session = list(self.output_shapes), self._open()
        with plain_errors(self._path, "runs"):
            return dict(zip(names, session.run(names, {self._input_name: batch})))

    def _open(self) -> "InferenceSession":
        if self._session is None:
            raise ModelError("%s is closed: it cannot be used any more" % self._path)
        return self._session

    def close(self) -> None:
        """Free the network; closing twice is no error."""
        self._session = None


def load_onnxruntime(model_path: str) -> Any:
    """Import ONNX Runtime. Raises ModelError with the remedy where it is not installed; the path is for the message."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "%s needs onnxruntime (python3 -m pip install onnxruntime, on Humble, Jazzy and Kilted together with "
            '"numpy<2"; see docs/how-to/install.md): %s' % (model_path, error)
        )
    return onnxruntime


def _open_session(model_path: str, threads: int, providers: List[Provider]) -> "InferenceSession":
    onnxruntime = load_onnxruntime(model_path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ONLY_ERRORS
    # Spinning threads burn a core between frames that the camera driver and the rest of the robot need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    on_gpu = len(providers) > 1
    with plain_errors(model_path, "loads", on_gpu):
        # Its own fallback prints to stdout and hides the fault.
        session = onnxruntime.InferenceSession(model_path, options, providers=providers, enable_fallback=0)
    session.disable_fallback()  # before 1.16 there is no such argument
    return session


@contextlib.contextmanager
def plain_errors(model_path: str, verb: str, on_gpu: bool = False) -> Iterator[None]:
    """Convert the exceptions of ONNX Runtime to a ModelError of one line, those of a GPU to a CudaError.

    Args:
        model_path: path of the ``.onnx`` file, for the message.
        verb: what ONNX Runtime does with the model, for the message.
        on_gpu: whether a GPU takes part.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    known, of_gpu = (tuple(getattr(state, name) for name in names if hasattr(state, name))
                     for names in (FAULTS, FAULTS_OF_GPU))  # fmt: skip
    try:
        yield
    except known + (RuntimeError, ValueError, MemoryError) as error:  # ValueError: names that are not UTF-8
        kind = CudaError if on_gpu and isinstance(error, of_gpu + (RuntimeError, MemoryError)) else ModelError
        raise kind("%s: expected an ONNX model that ONNX Runtime %s %s, got: %s" % (
            model_path, onnxruntime.__version__, verb, (str(error) or type(error).__name__).splitlines()[0][:300]
        ))  # fmt: skip


def _fixed_sizes(shape: Optional[Sequence[Union[int, str, None]]]) -> Shape:
    """Return a shape with None for a free dimension, which ONNX Runtime writes as a name; () if it is no tensor's."""
    return tuple(size if isinstance(size, int) and size > 0 else None for size in shape or ())
