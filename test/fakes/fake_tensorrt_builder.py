"""Simulate the builder and parser of three generations of TensorRT, as far as trt/compiler.py uses them.

A fake engine is a line of JSON, with the facts of its build, and the ONNX file; fake_tensorrt.py runs it. A name that a
generation lacks is missing here, too. The environment variable FAKE_TRT_WAIT_FOR makes a build wait until that file
exists; FAKE_TRT_ERROR makes it fail with that line in the log.
"""

import enum
import json
import os
import time
import types

import onnx
from fake_tensorrt import MAGIC, ILogger, Severity

GENERATIONS = {  # names that a version has, of those that differ between versions
    "8.2.1": {"EXPLICIT_BATCH", "FP16", "INT8", "max_workspace_size"},
    "10.3.0": {
        "EXPLICIT_BATCH", "STRONGLY_TYPED", "FP16", "INT8", "set_memory_pool_limit", "IProgressMonitor", "node_name",
    },
    "11.4.0": {"STRONGLY_TYPED", "set_memory_pool_limit", "IProgressMonitor", "node_name"},
}  # fmt: skip
LAYERS = {
    "Conv": "CONVOLUTION", "ConvTranspose": "DECONVOLUTION", "MatMul": "MATRIX_MULTIPLY", "Relu": "ACTIVATION",
    "QuantizeLinear": "QUANTIZE", "DequantizeLinear": "DEQUANTIZE", "Cast": "CAST", "Identity": "IDENTITY",
    "Add": "ELEMENTWISE", "Mul": "ELEMENTWISE", "Sub": "ELEMENTWISE", "Div": "ELEMENTWISE",
    "GlobalAveragePool": "REDUCE", "Flatten": "SHUFFLE", "Reshape": "SHUFFLE", "Transpose": "SHUFFLE",
    "BatchNormalization": "SCALE", "Constant": "CONSTANT", "Resize": "RESIZE", "Sigmoid": "ACTIVATION",
    "Slice": "SLICE", "TopK": "TOPK", "Gather": "GATHER", "Concat": "CONCATENATION", "Unsqueeze": "SHUFFLE",
}  # fmt: skip
WORDS = {"int8": "Int8", "fp16": "Half", "fp32": "Float"}
DTYPES = {onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.FLOAT16: "HALF", onnx.TensorProto.INT8: "INT8"}


def fake_tensorrt(version):
    """Return a fake module of a version that can build engines and tell their precisions, but not run them."""
    trt = types.ModuleType("tensorrt")
    trt.__version__, trt.ILogger = version, ILogger
    return add_builder(trt)


def add_builder(trt):
    """Add the builder to a fake module, which may have a Runtime already, as that of fake_tensorrt.make_module()."""
    has, network_flags = GENERATIONS[trt.__version__], ["EXPLICIT_BATCH", "STRONGLY_TYPED"]
    trt.builds = []  # the facts of each build
    trt.NetworkDefinitionCreationFlag = _enum("NetworkDefinitionCreationFlag", network_flags, has)
    trt.BuilderFlag = _enum("BuilderFlag", ["FP16", "INT8", "TF32"], has | {"TF32"})
    trt.ProfilingVerbosity = _enum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "DETAILED"])
    trt.LayerInformationFormat = _enum("LayerInformationFormat", ["ONELINE", "JSON"])
    if "set_memory_pool_limit" in has:
        trt.MemoryPoolType = _enum("MemoryPoolType", ["WORKSPACE"])
    if "IProgressMonitor" in has:
        trt.IProgressMonitor = type("IProgressMonitor", (), {})
    trt.Builder = lambda log: Builder(trt, has, log)
    trt.OnnxParser = lambda network, log: OnnxParser(has, network, log)
    running = getattr(trt, "Runtime", None)
    trt.Runtime = lambda log: Runtime(running and running(log))
    return trt


def _enum(name, members, has=None):
    return enum.IntEnum(name, [(m, i) for i, m in enumerate(members) if has is None or m in has])


def split(engine):
    """Return the facts and the ONNX file of a fake engine."""
    assert engine.startswith(MAGIC)
    line, _newline, model = engine[len(MAGIC) :].partition(b"\n")
    return json.loads(line.decode()), model


class Builder:
    def __init__(self, trt, has, log):
        self._trt, self._has, self._log = trt, has, log

    def create_network(self, flags):
        flag = "EXPLICIT_BATCH" if "EXPLICIT_BATCH" in self._has else "STRONGLY_TYPED"
        assert flags & (1 << int(getattr(self._trt.NetworkDefinitionCreationFlag, flag))), "expected " + flag
        return Network()

    def create_builder_config(self):
        return Config(self._trt, self._has)

    def create_optimization_profile(self):
        return Profile()

    def build_serialized_network(self, network, config):
        self._work(config)
        if os.environ.get("FAKE_TRT_ERROR"):
            self._log.log(Severity.ERROR, os.environ["FAKE_TRT_ERROR"])
            return None
        free = -1 in network.get_input(0).shape
        assert free == bool(config.profiles), "a free dimension needs a profile"
        timings = config.timing_cache
        timings.content = timings.content or b"timings of %s" % self._trt.__version__.encode()
        facts = {
            "layers": [WORDS[_built(layer, network, config)] for layer in network.weighed()],
            "profile": config.profiles and config.profiles[0].shapes,
            "max_batch": config.profiles[0].shapes[network.get_input(0).name][2][0] if free else None,
            "workspace": config.workspace(),
        }
        self._trt.builds.append(facts)
        return MAGIC + json.dumps(facts).encode() + b"\n" + network.model.SerializeToString()

    def _work(self, config):
        monitor, awaited = getattr(config, "progress_monitor", None), os.environ.get("FAKE_TRT_WAIT_FOR")
        if monitor:
            monitor.phase_start("Building engine", None, 2)
            monitor.phase_start("Timing tactics", "Building engine", 1)
        while awaited and not os.path.exists(awaited):
            time.sleep(0.02)
        if monitor:
            assert monitor.step_complete("Timing tactics", 0)
            monitor.phase_finish("Timing tactics")
            monitor.step_complete("Building engine", 0)
            monitor.phase_finish("Building engine")


def _built(layer, network, config):
    """Return the precision of a layer: that of its types in a strongly typed network, else the lowest permitted one."""
    typed = network.precision(layer)
    if "STRONGLY_TYPED" in config.has:
        return typed
    permitted = {"FP16": "fp16", "INT8": None}
    return min([typed] + [permitted[f.name] for f in config.flags if permitted[f.name]], key="int8 fp16 fp32".index)


class Config:
    def __init__(self, trt, has):
        self.trt, self.has, self.flags, self.profiles, self.limits = trt, has, [], [], {}
        self.timing_cache = None
        if "max_workspace_size" in has:
            self.max_workspace_size = 0
        if "set_memory_pool_limit" in has:
            self.set_memory_pool_limit = lambda pool, size: self.limits.update({pool.name: size})
        if "IProgressMonitor" in has:
            self.progress_monitor = None

    def workspace(self):
        return getattr(self, "max_workspace_size", self.limits.get("WORKSPACE"))

    def set_flag(self, flag):
        self.flags.append(flag)

    def get_flag(self, flag):
        return flag in self.flags

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return 0

    def create_timing_cache(self, content):
        return TimingCache(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        fits = not cache.content or cache.content == b"timings of %s" % self.trt.__version__.encode()
        if fits:
            self.timing_cache = cache
        return fits

    def get_timing_cache(self):
        return self.timing_cache


class TimingCache:
    def __init__(self, content):
        self.content = bytes(content)

    def serialize(self):
        return self.content


class Profile:
    def __init__(self):
        self.shapes = {}

    def set_shape(self, name, *shapes):
        assert len(shapes) == 3 and all(low <= high for low, high in zip(shapes[0], shapes[2]))
        self.shapes[name] = shapes


class Network:
    model = None

    @property
    def num_inputs(self):
        return len(self.model.graph.input)

    def get_input(self, index):
        value = self.model.graph.input[index]
        sizes = [d.dim_value or -1 for d in value.type.tensor_type.shape.dim]
        return types.SimpleNamespace(name=value.name, shape=tuple(sizes))

    @property
    def num_layers(self):
        return len(self.model.graph.node)

    def get_layer(self, index):
        node = self.model.graph.node[index]
        outputs = [types.SimpleNamespace(name=name, dtype=self._dtype(node)) for name in node.output]
        inputs = [types.SimpleNamespace(name=name) for name in node.input]
        return types.SimpleNamespace(
            node=node, name=node.name, type=types.SimpleNamespace(name=LAYERS[node.op_type]), num_outputs=len(outputs),
            get_output=outputs.__getitem__, get_input=inputs.__getitem__,
        )  # fmt: skip

    def _dtype(self, node):
        kinds = [tensor.data_type for tensor in self.model.graph.initializer if tensor.name in node.input]
        return types.SimpleNamespace(name=DTYPES.get(kinds[0] if kinds else onnx.TensorProto.FLOAT, "INT32"))

    def weighed(self):
        layers = map(self.get_layer, range(self.num_layers))
        return [layer for layer in layers if layer.type.name in ("CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY")]

    def precision(self, layer):
        feeding = {name: node.op_type for node in self.model.graph.node for name in node.output}
        if feeding.get(layer.node.input[0]) == "DequantizeLinear":
            return "int8"
        return {"HALF": "fp16", "FLOAT": "fp32"}[layer.get_output(0).dtype.name]


class OnnxParser:
    def __init__(self, has, network, log):
        self._has, self._network, self._log, self._errors = has, network, log, []

    def parse_from_file(self, path):
        try:
            self._network.model = onnx.load(path)
        except Exception:
            self._fail(-1, None, "MODEL_DESERIALIZE_FAILED", "Failed to parse the ONNX model.")
            return False
        for number, node in enumerate(self._network.model.graph.node):
            if node.op_type not in LAYERS:
                text = 'ModelImporter.cpp:773: While parsing node number %d [%s -> "%s"]:'
                self._log.log(Severity.ERROR, text % (number, node.op_type, node.output[0]))
                self._fail(number, node, "UNSUPPORTED_NODE", "No importer registered for op: " + node.op_type)
        return not self._errors

    def _fail(self, number, node, code, reason):
        methods = {"node": number, "code": types.SimpleNamespace(name=code), "desc": reason}
        if "node_name" in self._has:
            methods.update(node_name=node.name if node else "", node_operator=node.op_type if node else "")
        error = {name: lambda value=value: value for name, value in methods.items()}
        self._errors.append(types.SimpleNamespace(**error))

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return self._errors[index]


class Runtime:
    """Add an inspector to the engines of another Runtime, or to empty engines."""

    def __init__(self, running):
        self._running = running

    def deserialize_cuda_engine(self, content):
        engine = self._running.deserialize_cuda_engine(content) if self._running else types.SimpleNamespace()
        layers = [{"Name": str(i), "Weights": {"Type": word}} for i, word in enumerate(split(content)[0]["layers"])]
        text = json.dumps({"Layers": layers + [{"Name": "reformat", "Outputs": []}]})
        inspector = types.SimpleNamespace(get_engine_information=lambda _format: text)
        engine.create_engine_inspector = lambda: inspector
        return engine
