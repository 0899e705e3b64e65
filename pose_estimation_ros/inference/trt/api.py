"""TensorRT's Python API of 8.2 (bindings, by number) and of 8.5 to 11 (tensors, by name) behind one small face.

Which of the two an engine gets is decided by what it has, never by a version. The module tensorrt is passed in.
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from pose_estimation_ros.core.errors import CudaError, ModelError

KEPT_ERRORS = 1000
IN_USE = -1  # active profile of a context for which none is left: before 8.6 two contexts cannot share one


class TensorInfo(NamedTuple):
    """shape: None where a dimension is free. is_float32: else the engine was built for other inputs and outputs."""

    name: str
    is_input: bool
    shape: Tuple
    is_float32: bool


def load_tensorrt() -> Any:
    """The module tensorrt. Raises ModelError: not installed, its libraries missing, or an empty stub."""
    try:
        import tensorrt
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            "expected TensorRT's Python module (JetPack: apt install python3-libnvinfer; elsewhere: pip install "
            "tensorrt), got: %s" % error
        )
    if not hasattr(tensorrt, "Runtime"):
        where = getattr(tensorrt, "__file__", None) or list(getattr(tensorrt, "__path__", ["?"]))
        raise ModelError("expected TensorRT's Python module, got an empty stub that has no Runtime: %s" % where)
    return tensorrt


def make_log(trt: Any) -> Any:
    """A logger for TensorRT that keeps its newest errors, in ``errors``, instead of printing them."""

    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # pybind11 insists on this form
            self.errors: List[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)
                del self.errors[:-KEPT_ERRORS]  # one per frame would fill the memory

    return Log()


def open_engine(trt: Any, log: Any, content: bytes, path: str) -> Any:
    """Deserialise an engine; a device must be there.

    Args:
        trt: the module tensorrt.
        log: of make_log().
        content: the engine's bytes, as trt.cache.read_engine has checked them.
        path: of its file, for messages.

    Raises:
        ModelError: has TensorRT's words.
    """
    try:
        runtime = trt.Runtime(log)
    except TypeError as error:  # pybind11's way to say that the library made none
        raise ModelError("TensorRT %s cannot start: %s %s" % (trt.__version__, "; ".join(log.errors), error))
    engine = runtime.deserialize_cuda_engine(content)
    if engine is None:
        words = "; ".join(log.errors) or "no reason given"
        raise ModelError("%s: expected an engine that TensorRT %s loads, got: %s" % (path, trt.__version__, words))
    log.errors.clear()  # TensorRT complains of much that does no harm
    adapter = NamedTensors if hasattr(engine, "num_io_tensors") else Bindings
    return adapter(trt, engine, runtime, log)


class NamedTensors:
    """An engine by TensorRT 8.5's API and newer.

    tensors: its inputs and outputs. runtime, log: held, because they must outlive the engine.
    """

    def __init__(self, trt: Any, engine: Any, runtime: Any, log: Any) -> None:
        self._trt, self._engine, self._runtime, self._log = trt, engine, runtime, log
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        self.tensors = [self._info(name) for name in names]

    def _info(self, name: str) -> TensorInfo:
        is_input = self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT
        shape = sizes(self._engine.get_tensor_shape(name))
        return TensorInfo(name, is_input, shape, self._engine.get_tensor_dtype(name) == self._trt.float32)

    def largest_shape(self, name: str) -> Tuple[int, ...]:
        """Of an input with free dimensions, by the optimization profile."""
        return tuple(self._engine.get_tensor_profile_shape(name, 0)[2])

    @property
    def scratch_size(self) -> int:
        """Bytes of device memory that contexts which never run at the same time can share; 0: each has its own."""
        if not hasattr(self._trt, "ExecutionContextAllocationStrategy"):  # before TensorRT 10
            return 0
        return self._engine.device_memory_size_v2

    def new_context(self, scratch: int = 0) -> Any:
        """One that can run, or None where the profile serves another context already. scratch: address, 0 for its own.

        Raises CudaError where there is not enough memory.
        """
        if not scratch:
            return usable(self._engine.create_execution_context())
        context = self._engine.create_execution_context(self._trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        if usable(context) is not None:
            context.set_device_memory(scratch, self.scratch_size)
        return context

    def prepare(self, context: Any, shapes: Dict[str, Tuple[int, ...]], addresses: Dict[str, int]) -> None:
        """Sets the inputs' shapes and all tensors' device addresses. Raises CudaError."""
        for name, shape in shapes.items():
            insist(context.set_input_shape(name, shape), "input %s of shape %s" % (name, shape), self._log)
        for name, address in addresses.items():
            insist(context.set_tensor_address(name, address), "the address of " + name, self._log)

    def enqueue(self, context: Any, stream: int) -> None:
        insist(context.execute_async_v3(stream), "execution", self._log)


class Bindings:
    """The same by TensorRT 8.2's API, where tensors have numbers."""

    scratch_size = 0

    def __init__(self, trt: Any, engine: Any, runtime: Any, log: Any) -> None:
        self._trt, self._engine, self._runtime, self._log = trt, engine, runtime, log
        # With several optimization profiles each has all tensors again; the first profile's come first.
        numbers = range(engine.num_bindings // engine.num_optimization_profiles)
        self._numbers = {engine.get_binding_name(i): i for i in numbers}
        self.tensors = [self._info(name) for name in self._numbers]
        self._addresses: List[int] = []

    def _info(self, name: str) -> TensorInfo:
        number, engine = self._numbers[name], self._engine
        is_float32 = engine.get_binding_dtype(number) == self._trt.float32
        return TensorInfo(name, engine.binding_is_input(number), sizes(engine.get_binding_shape(number)), is_float32)

    def largest_shape(self, name: str) -> Tuple[int, ...]:
        return tuple(self._engine.get_profile_shape(0, self._numbers[name])[2])

    def new_context(self, scratch: int = 0) -> Any:
        return usable(self._engine.create_execution_context())

    def prepare(self, context: Any, shapes: Dict[str, Tuple[int, ...]], addresses: Dict[str, int]) -> None:
        for name, shape in shapes.items():
            done = context.set_binding_shape(self._numbers[name], shape)
            insist(done, "input %s of shape %s" % (name, shape), self._log)
        self._addresses = [addresses[name] for name in self._numbers]
        self._addresses += [0] * (self._engine.num_bindings - len(self._addresses))

    def enqueue(self, context: Any, stream: int) -> None:
        insist(context.execute_async_v2(self._addresses, stream), "execution", self._log)


def input_and_outputs(path: str, tensors: Sequence[TensorInfo]) -> Tuple[TensorInfo, List[TensorInfo]]:
    """Raises ModelError unless there is one input, all is float32, and nothing but the batch size is free."""
    for tensor in tensors:
        if not tensor.is_float32 or None in tensor.shape[1:]:
            raise ModelError("%s: expected float32 tensors of fixed size but for the batch, got %s" % (path, tensor))
    inputs, outputs = ([t for t in tensors if t.is_input is wanted] for wanted in (True, False))
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or not outputs:
        raise ModelError("%s: expected one input (N, 3, h, w) and outputs, got %s" % (path, list(tensors)))
    return inputs[0], outputs


def sizes(shape: Sequence[int]) -> Tuple:
    """TensorRT writes a free dimension as -1."""
    return tuple(size if size >= 0 else None for size in shape)


def usable(context: Any) -> Any:
    if context is None:
        raise CudaError("TensorRT gave no execution context: not enough device memory?")
    return None if context.active_optimization_profile == IN_USE else context


def insist(done: bool, what: str, log: Any) -> None:
    if not done:
        raise CudaError("TensorRT refused %s: %s" % (what, log.errors[-1] if log.errors else "it gave no reason"))
