"""Replace the module tensorrt in tests: the API of 8.2 and of newer versions that trt/api.py uses, on ONNX Runtime.

An engine file holds an ONNX model and its largest batch. test_tensorrt_conformance.py checks that the real modules have
the public names of these classes.
"""

import ctypes
import json
import types

import numpy as np

MAGIC = b"fake engine "


def engine_bytes(onnx_path, max_batch=8):
    """Return an engine for an ONNX file; max_batch is None for an engine with the file's fixed batch size."""
    with open(onnx_path, "rb") as file:
        return MAGIC + json.dumps({"max_batch": max_batch}).encode() + b"\n" + file.read()


class Severity:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class ILogger:
    Severity = Severity

    def __init__(self):
        pass


class TensorIOMode:
    NONE, INPUT, OUTPUT = range(3)


class ExecutionContextAllocationStrategy:
    STATIC, ON_PROFILE_CHANGE, USER_MANAGED = range(3)


class Network:
    """Hold what both APIs know about an engine, {name: (is input, shape)} of its tensors, and run it."""

    def __init__(self, module, content, logger):
        import onnxruntime

        head, onnx = content[len(MAGIC) :].split(b"\n", 1)
        self.module, self.cudart, self.logger = module, module._cudart, logger
        self.max_batch = json.loads(head.decode())["max_batch"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        infos = [(info, True) for info in self.session.get_inputs()] + [(i, False) for i in self.session.get_outputs()]
        self.tensors = {info.name: (is_input, self.shape_of(info)) for info, is_input in infos}
        self.types = {info.name: module.float32 if "float16" not in info.type else "HALF" for info, _ in infos}
        self.contexts = 0

    def shape_of(self, info):
        sizes = [size if isinstance(size, int) else -1 for size in info.shape]
        return tuple(sizes if self.max_batch else [abs(sizes[0])] + sizes[1:])

    def profile(self, name):
        largest = (self.max_batch,) + self.tensors[name][1][1:]
        return [(1,) + largest[1:], largest, largest]

    def refuse(self, message):
        self.logger.log(Severity.ERROR, message)
        return False

    def take_profile(self):
        """Return the profile of a new context; -1 if another context has the profile and cannot share it."""
        self.contexts += 1
        return 0 if self.contexts == 1 or self.module._shares_profiles else -1

    def enqueue(self, stream, context):
        """Put one run on the stream, with the current shapes and addresses."""
        missing = [name for name in self.tensors if name not in context._addresses or name not in context._shapes]
        if missing or context.active_optimization_profile:
            return self.refuse("not ready to run: %s" % (missing or "no profile"))
        if self.module._executes_badly:
            return self.refuse("the device is on fire")
        if self.cudart.is_capturing(stream) and not (context._is_warm and self.module._can_be_captured):
            self.cudart.spoil_capture(stream)
        context._is_warm, state = True, context._state()
        self.cudart.enqueue(stream, lambda: self.run(context, state))
        return True

    def run(self, context, state):
        assert context._state() == state, "the context was changed after its graph was captured"
        shapes, addresses = state
        feeds = {name: self.memory(addresses[name], shapes[name]) for name in self.tensors if self.tensors[name][0]}
        if all(value is not None for value in feeds.values()):
            outputs = [name for name, (is_input, _) in self.tensors.items() if not is_input]
            for name, value in zip(outputs, self.session.run(outputs, feeds)):
                target = self.memory(addresses[name], shapes[name])
                if target is not None:
                    target[:] = value

    def memory(self, address, shape):
        count = int(np.prod(shape))
        if self.cudart.check(address, 4 * count):
            return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)
        return None


class Context:
    """Hold the shapes and addresses of a context of either API."""

    def __init__(self, network):
        self._network, self._addresses, self._is_warm = network, {}, False
        self._shapes = {name: shape for name, (_, shape) in network.tensors.items() if -1 not in shape}
        self.active_optimization_profile = network.take_profile()

    def _state(self):
        return dict(self._shapes), dict(self._addresses)

    def _set_shape(self, name, shape):
        is_input, largest = self._network.tensors[name]
        if not is_input or largest[1:] != tuple(shape)[1:] or not 1 <= shape[0] <= (self._network.max_batch or 1):
            return self._network.refuse("shape %s of %s is outside the profile" % (shape, name))
        self._shapes = {tensor: (shape[0],) + sizes[1:] for tensor, (_, sizes) in self._network.tensors.items()}
        return True


class NamedContext(Context):
    """Simulate IExecutionContext of TensorRT 8.5 and newer."""

    def __init__(self, network, strategy):
        super().__init__(network)
        self._has_memory = strategy != ExecutionContextAllocationStrategy.USER_MANAGED

    def set_device_memory(self, memory, size):
        self._has_memory = size >= self._network.module._scratch and self._network.cudart.check(memory, size)

    def set_input_shape(self, name, shape):
        return self._set_shape(name, shape)

    def set_tensor_address(self, name, memory):
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle):
        if not self._has_memory:
            return self._network.refuse("no device memory was given")
        return self._network.enqueue(stream_handle, self)


class BindingContext(Context):
    """Simulate IExecutionContext of TensorRT 8.2."""

    def set_binding_shape(self, binding, shape):
        return self._set_shape(list(self._network.tensors)[binding], shape)

    def execute_async_v2(self, bindings, stream_handle):
        self._addresses = dict(zip(self._network.tensors, bindings))
        return self._network.enqueue(stream_handle, self)


class NamedEngine:
    """Simulate ICudaEngine of TensorRT 8.5 and newer."""

    def __init__(self, network):
        self._network = network
        self.num_io_tensors = len(network.tensors)
        if hasattr(network.module, "ExecutionContextAllocationStrategy"):
            self.device_memory_size_v2 = network.module._scratch

    def get_tensor_name(self, index):
        return list(self._network.tensors)[index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if self._network.tensors[name][0] else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name):
        return self._network.tensors[name][1]

    def get_tensor_dtype(self, name):
        return self._network.types[name]

    def get_tensor_profile_shape(self, name, profile_index):
        return self._network.profile(name)

    def create_execution_context(self, strategy=ExecutionContextAllocationStrategy.STATIC):
        return NamedContext(self._network, strategy)


class BindingEngine:
    """Simulate ICudaEngine of TensorRT 8.2."""

    def __init__(self, network):
        self._network = network
        self.num_bindings, self.num_optimization_profiles = len(network.tensors), 1

    def get_binding_name(self, index):
        return list(self._network.tensors)[index]

    def binding_is_input(self, index):
        return self._network.tensors[self.get_binding_name(index)][0]

    def get_binding_shape(self, index):
        return self._network.tensors[self.get_binding_name(index)][1]

    def get_binding_dtype(self, index):
        return self._network.types[self.get_binding_name(index)]

    def get_profile_shape(self, profile_index, binding):
        return self._network.profile(self.get_binding_name(binding))

    def create_execution_context(self):
        return BindingContext(self._network)


def make_runtime(module):
    """Return the class Runtime of a fake module."""

    class Runtime:
        def __init__(self, logger):
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine):
            if not serialized_engine.startswith(MAGIC):
                self._logger.log(Severity.WARNING, "this is no error")
                self._logger.log(Severity.ERROR, "Version tag does not match")
                return None
            network = Network(module, serialized_engine, self._logger)
            return NamedEngine(network) if hasattr(module, "TensorIOMode") else BindingEngine(network)

    return Runtime


def make_module(cudart, version="10.3.0", can_be_captured=True, scratch=1 << 16):
    """Return a fake module tensorrt.

    Version "8.2.1" has bindings; "8.6.1" has names and one context per profile; "10.3.0" has names and any number of
    contexts.
    """
    module = types.ModuleType("tensorrt")
    module.__version__, module.ILogger, module.float32 = version, ILogger, "FLOAT"
    module._cudart, module._can_be_captured, module._scratch = cudart, can_be_captured, scratch
    module._executes_badly, module._shares_profiles = False, version.startswith("1")
    if not version.startswith("8.2"):
        module.TensorIOMode = TensorIOMode
    if version.startswith("1"):
        module.ExecutionContextAllocationStrategy = ExecutionContextAllocationStrategy
    module.Runtime = make_runtime(module)
    return module
