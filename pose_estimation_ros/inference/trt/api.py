"""Wrap TensorRT's Python API of 8.2 (bindings, by number) and of 8.5 to 11 (tensors, by name) in one interface.

The attributes of an engine decide which of the two is used, never a version number. The caller passes the module
tensorrt.
"""

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.inference.backends.base import Shape

# TensorRT has no annotations that are valid for all of its versions.
TensorRT = Any  # the module tensorrt
TrtObject = Any  # an object of the module, such as a context, or a log of make_log()

KEPT_ERRORS = 1000
IN_USE = -1  # active profile of a context if no profile is left: before 8.6 two contexts cannot share one


class TensorInfo(NamedTuple):
    """Describe an input or output of an engine.

    Attributes:
        name: name of the tensor.
        is_input: False for an output.
        shape: None for a free dimension.
        is_float32: False if the engine was built for other types of inputs and outputs.
    """

    name: str
    is_input: bool
    shape: Shape
    is_float32: bool

    @property
    def row_shape(self) -> Tuple[int, ...]:
        """Return the shape without the batch dimension."""
        return tuple(size for size in self.shape[1:] if size is not None)


def load_tensorrt() -> TensorRT:
    """Import the module tensorrt. Raises ModelError: it is not installed, lacks libraries, or is an empty stub."""
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


def make_log(trt: TensorRT) -> TrtObject:
    """Make a logger for TensorRT that keeps the newest errors in its attribute ``errors`` instead of printing them."""

    class Log(trt.ILogger):  # type: ignore[misc]
        """Keep the newest errors."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # pybind11 requires this form
            self.errors: List[str] = []

        def log(self, severity: TrtObject, message: str) -> None:
            """Keep a message if it is an error."""
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)
                del self.errors[:-KEPT_ERRORS]  # one error per frame would fill the memory

    return Log()


class Engine:
    """Define the interface of a deserialised engine; the subclasses wrap TensorRT's two APIs.

    Attributes:
        tensors: inputs and outputs of the engine.
    """

    def __init__(self, trt: TensorRT, engine: TrtObject, runtime: TrtObject, log: TrtObject) -> None:
        """Wrap an engine.

        Args:
            trt: the module tensorrt.
            engine: TensorRT's engine.
            runtime: the runtime that made it; kept because it must outlive the engine.
            log: from make_log(); kept for the same reason.
        """
        self._trt, self._engine, self._runtime, self._log = trt, engine, runtime, log
        self.tensors: List[TensorInfo] = []

    @property
    def scratch_size(self) -> int:
        """Return the bytes of device memory that contexts can share if they never run at the same time; 0 for none."""
        return 0

    def largest_shape(self, name: str) -> Tuple[int, ...]:
        """Return the largest shape of an input with free dimensions, by the optimization profile."""
        raise NotImplementedError

    def new_context(self, scratch: int = 0) -> TrtObject:
        """Make an execution context.

        Args:
            scratch: device address of shared memory, 0 for memory of its own.

        Returns:
            The context, or None if the optimization profile serves another context already.

        Raises:
            CudaError: the device has not enough memory.
        """
        raise NotImplementedError

    def prepare(self, context: TrtObject, shapes: Dict[str, Tuple[int, ...]], addresses: Dict[str, int]) -> None:
        """Set the shapes and addresses of the next run.

        Args:
            context: from new_context().
            shapes: {name: shape} of the inputs with free dimensions.
            addresses: {name: device address} of all tensors.

        Raises:
            CudaError: TensorRT refuses a value.
        """
        raise NotImplementedError

    def enqueue(self, context: TrtObject, stream: int) -> None:
        """Put a run on a CUDA stream.

        Args:
            context: from new_context(), after prepare().
            stream: handle of the stream.

        Raises:
            CudaError: TensorRT refuses the run.
        """
        raise NotImplementedError


def open_engine(trt: TensorRT, log: TrtObject, content: bytes, path: str) -> Engine:
    """Deserialise an engine, which requires a device.

    Args:
        trt: the module tensorrt.
        log: from make_log().
        content: the bytes of the engine, as trt.cache.read_engine has checked them.
        path: path of its file, for messages.

    Raises:
        ModelError: TensorRT cannot start or refuses the engine; the message quotes TensorRT.
    """
    try:
        runtime = trt.Runtime(log)
    except TypeError as error:  # pybind11 raises it when the library returned no runtime
        raise ModelError("TensorRT %s cannot start: %s %s" % (trt.__version__, "; ".join(log.errors), error))
    engine = runtime.deserialize_cuda_engine(content)
    if engine is None:
        reason = "; ".join(log.errors) or "no reason given"
        raise ModelError("%s: expected an engine that TensorRT %s loads, got: %s" % (path, trt.__version__, reason))
    log.errors.clear()  # TensorRT also reports errors that do no harm
    adapter = NamedTensors if hasattr(engine, "num_io_tensors") else Bindings
    return adapter(trt, engine, runtime, log)


class NamedTensors(Engine):
    """Wrap an engine by the API of TensorRT 8.5 and newer, where tensors have names."""

    def __init__(self, trt: TensorRT, engine: TrtObject, runtime: TrtObject, log: TrtObject) -> None:
        super().__init__(trt, engine, runtime, log)
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        self.tensors = [self._info(name) for name in names]

    def _info(self, name: str) -> TensorInfo:
        is_input = self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT
        shape = fixed_sizes(self._engine.get_tensor_shape(name))
        return TensorInfo(name, is_input, shape, self._engine.get_tensor_dtype(name) == self._trt.float32)

    def largest_shape(self, name: str) -> Tuple[int, ...]:
        """Return the largest shape of an input with free dimensions, by the optimization profile."""
        return tuple(self._engine.get_tensor_profile_shape(name, 0)[2])

    @property
    def scratch_size(self) -> int:
        """Return the bytes of device memory that contexts can share if they never run at the same time; 0 for none."""
        if not hasattr(self._trt, "ExecutionContextAllocationStrategy"):  # before TensorRT 10
            return 0
        return int(self._engine.device_memory_size_v2)

    def new_context(self, scratch: int = 0) -> TrtObject:
        """Make an execution context, see Engine."""
        if not scratch:
            return usable(self._engine.create_execution_context())
        context = self._engine.create_execution_context(self._trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        if usable(context) is not None:
            context.set_device_memory(scratch, self.scratch_size)
        return context

    def prepare(self, context: TrtObject, shapes: Dict[str, Tuple[int, ...]], addresses: Dict[str, int]) -> None:
        """Set the shapes of inputs and the addresses of all tensors, see Engine."""
        for name, shape in shapes.items():
            insist(context.set_input_shape(name, shape), "input %s of shape %s" % (name, shape), self._log)
        for name, address in addresses.items():
            insist(context.set_tensor_address(name, address), "the address of " + name, self._log)

    def enqueue(self, context: TrtObject, stream: int) -> None:
        """Put a run on a CUDA stream, see Engine."""
        insist(context.execute_async_v3(stream), "execution", self._log)


class Bindings(Engine):
    """Wrap an engine by the API of TensorRT 8.2, where tensors have numbers."""

    def __init__(self, trt: TensorRT, engine: TrtObject, runtime: TrtObject, log: TrtObject) -> None:
        super().__init__(trt, engine, runtime, log)
        # Each optimization profile has a copy of all tensors; those of the first profile come first.
        numbers = range(engine.num_bindings // engine.num_optimization_profiles)
        self._numbers = {engine.get_binding_name(i): i for i in numbers}
        self.tensors = [self._info(name) for name in self._numbers]
        self._addresses: List[int] = []

    def _info(self, name: str) -> TensorInfo:
        number, engine = self._numbers[name], self._engine
        is_float32 = engine.get_binding_dtype(number) == self._trt.float32
        shape = fixed_sizes(engine.get_binding_shape(number))
        return TensorInfo(name, engine.binding_is_input(number), shape, is_float32)

    def largest_shape(self, name: str) -> Tuple[int, ...]:
        """Return the largest shape of an input with free dimensions, by the optimization profile."""
        return tuple(self._engine.get_profile_shape(0, self._numbers[name])[2])

    def new_context(self, scratch: int = 0) -> TrtObject:
        """Make an execution context with memory of its own, see Engine."""
        return usable(self._engine.create_execution_context())

    def prepare(self, context: TrtObject, shapes: Dict[str, Tuple[int, ...]], addresses: Dict[str, int]) -> None:
        """Set the shapes of inputs and the addresses of all tensors, see Engine."""
        for name, shape in shapes.items():
            done = context.set_binding_shape(self._numbers[name], shape)
            insist(done, "input %s of shape %s" % (name, shape), self._log)
        self._addresses = [addresses[name] for name in self._numbers]
        self._addresses += [0] * (self._engine.num_bindings - len(self._addresses))

    def enqueue(self, context: TrtObject, stream: int) -> None:
        """Put a run on a CUDA stream, see Engine."""
        insist(context.execute_async_v2(self._addresses, stream), "execution", self._log)


def input_and_outputs(path: str, tensors: Sequence[TensorInfo]) -> Tuple[TensorInfo, List[TensorInfo]]:
    """Split the tensors of an engine into its input and its outputs.

    Args:
        path: path of the engine, for messages.
        tensors: tensors of the engine.

    Returns:
        The input (N, 3, h, w) and the outputs.

    Raises:
        ModelError: there is not exactly one input, a type is not float32, or a dimension other than N is free.
    """
    for tensor in tensors:
        if not tensor.is_float32 or None in tensor.shape[1:]:
            raise ModelError("%s: expected float32 tensors of fixed size except for the batch, got %s" % (path, tensor))
    inputs, outputs = ([t for t in tensors if t.is_input is wanted] for wanted in (True, False))
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or not outputs:
        raise ModelError("%s: expected one input (N, 3, h, w) and outputs, got %s" % (path, list(tensors)))
    return inputs[0], outputs


def fixed_sizes(shape: Sequence[int]) -> Shape:
    """Return a shape with None for a free dimension, which TensorRT writes as -1."""
    return tuple(size if size >= 0 else None for size in shape)


def usable(context: TrtObject) -> TrtObject:
    """Return a context, or None if it has no optimization profile. Raises CudaError if there is no context."""
    if context is None:
        raise CudaError("TensorRT gave no execution context: not enough device memory?")
    return None if context.active_optimization_profile == IN_USE else context


def insist(done: bool, what: str, log: TrtObject) -> None:
    """Raise CudaError with TensorRT's last error unless a call succeeded.

    Args:
        done: result of the call.
        what: the refused action, for the message.
        log: from make_log().
    """
    if not done:
        raise CudaError("TensorRT refused %s: %s" % (what, log.errors[-1] if log.errors else "it gave no reason"))
