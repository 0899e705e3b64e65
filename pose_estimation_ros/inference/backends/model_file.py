"""Describe a model on disk, after it was found, read and checked once."""

from typing import Any, Dict, NamedTuple, Optional

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.inference.trt.gpu import Gpu


class ModelFile(NamedTuple):
    """A model on disk, which find_model() has read and checked, and which open_backend() opens.

    path: of the file. kind: "onnx" or "engine". spec: None for an ONNX file without a .json beside it.
    sidecar: of an engine, the fields of trt.cache.SIDECAR. onnx_path: the ONNX model that can serve in the engine's
    place, None if there is none; of an ONNX file its own path.
    content: of an engine, the bytes that were checked; TensorRT loads these. sources: of an engine, "onnx_sha256" and
    "source_sha256" of its ONNX files as they are on disk, without files that are not here. gpu: the machine that the
    engine was chosen for, None where it was given by its path.
    """

    path: str
    kind: str
    spec: Optional[ModelSpec]
    sidecar: Dict[str, Any]
    onnx_path: Optional[str]
    content: bytes = b""
    sources: Dict[str, str] = {}
    gpu: Optional[Gpu] = None
