"""Replace the GPU of ONNX Runtime in tests: its calls are checked and counted, and the CPU computes the results.

What it does was looked up in ONNX Runtime 1.10 to 1.23: a provider that does not load is left out without an error; a
binding raises RuntimeError whatever the fault, and keeps its outputs, whose shapes must not change.
"""

import collections
import os

import numpy as np

GPU_PROVIDERS = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


class FakeGpu:
    """Hold what the fake does and has done.

    Attributes:
        offered: Providers for which ONNX Runtime was built.
        unloadable: Providers of these that do not load.
        error_at_opening: Exception that opening a session on the GPU raises, or None.
        fault: Exception that a run raises, or None.
        largest_batch: Images for which there is memory.
        can_update: Whether memory can be filled again, as from version 1.11 on.
        asked: [providers with their options] of each session on the GPU.
        counts: Numbers of copies "in" and "out", of "buffers" and of "bound outputs".
        runs: Batch sizes that ran.
    """

    def __init__(self, real):
        self.real_session = real.InferenceSession
        self.offered, self.unloadable = list(GPU_PROVIDERS), []
        self.error_at_opening = self.fault = None
        self.largest_batch, self.can_update = 1000, True
        self.asked, self.runs, self.counts = [], [], collections.Counter()

    def open_session(self, path, options, providers, **kwargs):
        """Stand for the class InferenceSession."""
        names = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        if names == ["CPUExecutionProvider"]:
            return self.real_session(path, options, providers=providers, **kwargs)
        assert set(names) <= set(self.offered) and kwargs == {"enable_fallback": 0}
        self.asked.append(list(providers))
        if self.error_at_opening:
            raise self.error_at_opening
        loaded = [name for name in names if name not in self.unloadable]
        return FakeSession(self, self.real_session(path, options, providers=["CPUExecutionProvider"]), loaded)


class FakeSession:
    """Stand for a session with a GPU."""

    def __init__(self, gpu, real, providers):
        self.gpu, self.real, self.providers = gpu, real, providers
        self.get_inputs, self.get_outputs = real.get_inputs, real.get_outputs
        self.falls_back = True

    def get_providers(self):
        return self.providers

    def disable_fallback(self):
        self.falls_back = False

    def io_binding(self):
        return FakeBinding(self.gpu)

    def run_with_iobinding(self, binding):
        assert not self.falls_back
        if self.gpu.fault:
            raise self.gpu.fault
        ((name, value),) = binding.inputs.items()
        self.gpu.runs.append(len(value.memory))
        try:
            results = self.real.run(list(binding.outputs), {name: value.memory})
        except Exception as error:
            raise RuntimeError("Error in execution: %s" % error) from error
        for name, result in zip(list(binding.outputs), results):
            kept = binding.outputs[name]
            if kept is not None and kept.shape != result.shape:
                raise RuntimeError("Error in execution: OrtValue shape verification failed")
            binding.outputs[name] = result.copy()


class FakeBinding:
    """Stand for an IOBinding: the outputs are those of the last run, in the order in which they were bound."""

    def __init__(self, gpu):
        self.gpu, self.inputs, self.outputs = gpu, {}, {}

    def bind_ortvalue_input(self, name, value):
        self.inputs[name] = value

    def bind_output(self, name, device):
        assert device == "cpu" and name not in self.outputs
        self.gpu.counts["bound outputs"] += 1
        self.outputs[name] = None

    def copy_outputs_to_cpu(self):
        self.gpu.counts["out"] += 1
        return [value.copy() for value in self.outputs.values()]


def make_value_class(gpu):
    """Return a class that stands for OrtValue."""

    class FakeValue:
        """Hold an array in the memory of the fake GPU."""

        def __init__(self, array):
            if len(array) > gpu.largest_batch:
                raise RuntimeError("Error in execution: Failed to allocate memory for requested buffer of size 9")
            gpu.counts.update({"buffers": 1, "in": 1})
            self.memory = array.copy()

        @classmethod
        def ortvalue_from_numpy(cls, array, device, device_id):
            assert (device, device_id) == ("cuda", 0) and array.flags.c_contiguous and array.dtype == np.float32
            return cls(array)

    def update_inplace(self, array):
        if array.size != self.memory.size:
            raise RuntimeError("The input size of numpy arrays does not match the size of the OrtValue.")
        gpu.counts["in"] += 1
        self.memory[...] = array

    if gpu.can_update:
        FakeValue.update_inplace = update_inplace
    return FakeValue


def install(monkeypatch, folder, version="1.23.2", can_update=True):
    """Put a GPU into the module onnxruntime, and libraries that load into a folder.

    Args:
        monkeypatch: pytest's, which takes it out again.
        folder: Path of a folder.
        version: Version of ONNX Runtime.
        can_update: See FakeGpu.
    """
    import onnxruntime

    gpu = FakeGpu(onnxruntime)
    gpu.can_update = can_update
    os.makedirs(str(folder / "capi"))
    shared = os.path.join(os.path.dirname(onnxruntime.__file__), "capi", "libonnxruntime_providers_shared.so")
    for name in ("shared", "cuda", "tensorrt"):
        os.symlink(shared, str(folder / "capi" / ("libonnxruntime_providers_%s.so" % name)))
    values = {
        "InferenceSession": gpu.open_session, "OrtValue": make_value_class(gpu), "__version__": version,
        "get_available_providers": lambda: list(gpu.offered), "__file__": str(folder / "__init__.py"),
        "cuda_version": "12.8", "preload_dlls": lambda: print("Failed to load libcudnn.so.9"),
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setattr(onnxruntime, name, value, raising=False)
    return gpu
