"""Describe a model on disk that was found, read and checked once."""

from typing import Dict, NamedTuple, Optional

from pose_estimation_ros.core.atomic_files import JsonObject
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.trt.gpu import Gpu


class ModelFile(NamedTuple):
    """Hold a model on disk that find_model() has read and checked, and that open_backend() can open.

    Attributes:
        path: path of the file.
        kind: "onnx" or "engine".
        spec: None for an ONNX file without a .json file beside it.
        sidecar: for an engine, the fields trt.cache.SIDECAR.
        onnx_path: the ONNX model that can replace an engine, None if there is none; for an ONNX file its path.
        content: for an engine, the checked bytes, which TensorRT loads.
        sources: for an engine, "onnx_sha256" and "source_sha256" of the ONNX files that exist on this disk.
        gpu: the machine for which the engine was chosen, None for an engine that was named by its path.
    """

    path: str
    kind: str
    spec: Optional[ModelSpec]
    sidecar: JsonObject
    onnx_path: Optional[str]
    content: bytes = b""
    sources: Dict[str, str] = {}
    gpu: Optional[Gpu] = None
