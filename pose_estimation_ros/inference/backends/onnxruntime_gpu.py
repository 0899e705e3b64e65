"""Run ONNX models on ONNX Runtime with a GPU of NVIDIA: its CUDA or its TensorRT provider."""

from typing import Any, Dict, NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.inference.backends.base import Outputs, run_in_parts
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend, load_onnxruntime, plain_errors
from pose_estimation_ros.inference.backends.providers import (
    NAMES,
    missing_library,
    preload_libraries,
    provider_list,
    refuse_missing,
    refuse_unloaded,
    without_messages,
)
from pose_estimation_ros.inference.trt.batch_sizes import bucket_sizes

SIZES = bucket_sizes(8)  # batch sizes that run; each new one costs a choice of algorithms and memory


class Bound(NamedTuple):
    """Hold what ONNX Runtime needs for one shape of batches.

    Attributes:
        images: an OrtValue, the batch in the memory of the GPU.
        binding: an IOBinding, which reads the images and writes the outputs to the CPU's memory.
    """

    images: Any
    binding: Any


def is_offered(device: str) -> bool:
    """Tell whether an ONNX Runtime is installed that was built for a device, "cuda" or "tensorrt-ep"."""
    try:
        return NAMES[device] in load_onnxruntime(device).get_available_providers()
    except ModelError:
        return False


class OnnxRuntimeGpuBackend(OnnxRuntimeBackend):
    """Run one ``.onnx`` file with a single float32 input (N, 3, h, w) on a GPU.

    A batch runs at the next larger of the sizes 1, 2, 4 and 8, filled up with zeros, a larger batch in parts. For each
    size the memory on the GPU is taken once, and a batch is copied once in each direction. A call raises CudaError
    after a fault of the GPU.
    """

    on_gpu = True

    def __init__(self, model_path: str, threads: int = 0, device: str = "cuda") -> None:
        """Open a file and run it once at its smallest and its largest size, because some libraries load only then.

        Args:
            model_path: path of the ``.onnx`` file.
            threads: for one operator that runs on the CPU, 0 = as many as cores.
            device: "cuda" or "tensorrt-ep", which builds an engine where its cache has none. That takes minutes.

        Raises:
            ConfigError: threads is out of range.
            ModelError: see OnnxRuntimeBackend.
            CudaError: onnxruntime was not built for the device, cannot load CUDA or cuDNN, or the GPU has a fault.
        """
        self.name, self._device = "onnxruntime (%s)" % device, device
        self._bound: Dict[Tuple[int, ...], Bound] = {}
        self._ort = load_onnxruntime(model_path)
        refuse_missing(self._ort, device)
        preload_libraries(self._ort)
        providers = provider_list(self._ort, device, model_path)
        try:
            with without_messages(self._ort):
                super().__init__(model_path, threads, providers)
            refuse_unloaded(self._ort, device, self._open().get_providers())
            self._warm_up()
        except ModelError as error:
            self.close()
            if isinstance(error, CudaError) and missing_library(self._ort, device):
                refuse_unloaded(self._ort, device)
            raise

    def _warm_up(self) -> None:
        """Run on zeros; models of a free height or width wait for their first batch."""
        if None not in self.input_shape[1:]:
            for size in {self.input_shape[0] or SIZES[0], self.input_shape[0] or SIZES[-1]}:
                self._run(np.zeros((size,) + self.input_shape[1:], np.float32))

    def run(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32."""
        wanted = self.input_shape[1:]
        if batch.ndim != len(wanted) + 1 or any(a not in (None, b) for a, b in zip(wanted, batch.shape[1:])):
            sizes = ", ".join("any" if size is None else str(size) for size in wanted)
            raise ModelError("%s: expected a batch (N, %s), got %s" % (self._path, sizes, batch.shape))
        size = self.input_shape[0] or next((size for size in SIZES if size >= len(batch)), SIZES[-1])
        return run_in_parts(self._run, batch, size)

    def _run(self, batch: np.ndarray) -> Outputs:
        session = self._open()
        with plain_errors(self._path, "runs on %s" % self._device, on_gpu=True):
            bound = self._bound.pop(batch.shape, None)
            if bound is None:
                bound = self._bind(batch)
            else:
                bound.images.update_inplace(batch)
            session.run_with_iobinding(bound.binding)
            values = bound.binding.copy_outputs_to_cpu()
        if hasattr(bound.images, "update_inplace"):  # from 1.11 on; before, ONNX Runtime takes memory from its pool
            self._bound[batch.shape] = bound
        return dict(zip(self.output_shapes, values))

    def _bind(self, batch: np.ndarray) -> Bound:
        """Copy the first batch of a shape to the GPU, and bind its memory to the input."""
        images, binding = self._ort.OrtValue.ortvalue_from_numpy(batch, "cuda", 0), self._open().io_binding()
        binding.bind_ortvalue_input(self._input_name, images)
        for name in self.output_shapes:
            binding.bind_output(name, "cpu")
        return Bound(images, binding)

    def close(self) -> None:
        """Free the network and its memory; closing twice is no error."""
        self._bound.clear()
        super().close()
