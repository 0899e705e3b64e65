"""Show the sidecar of an engine, whether it fits machine and model, and its tensors and layers."""

import json
from typing import Any, Dict, Iterator, Mapping

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import ENGINE
from pose_estimation_ros.inference.backends.find import engine_file, find_model
from pose_estimation_ros.inference.trt.api import make_log, open_engine
from pose_estimation_ros.inference.trt.cache import refuse_foreign
from pose_estimation_ros.inference.trt.gpu import ask_gpu
from pose_estimation_ros.inference.trt.precision import describe, engine_precisions


def inspect_engine(path: str) -> Iterator[str]:
    """Yield the text of an engine's sidecar, then what TensorRT finds in the engine or why it cannot open it here.

    Args:
        path: Path of the engine, or of another file that is looked at like one.

    Raises:
        ModelError: The file or its sidecar is missing or damaged, or the engine does not fit this machine or model.
    """
    model = (find_model if path.endswith(ENGINE) else engine_file)(path)
    yield fields_text(dict(model.sidecar, model_spec=model.sidecar["model_spec"]["name"]))
    try:
        gpu = model.gpu or ask_gpu()
    except ModelError as error:
        yield "not opened here: %s" % error
        return
    refuse_foreign(model.sidecar, dict(gpu.machine, **model.sources))
    yield contents_text(gpu.trt, model.content, model.path)


def fields_text(fields: Mapping[str, Any]) -> str:
    """Return a line for each field, in the order of their names."""
    rows = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in sorted(fields.items())]
    return "\n".join("%-20s %s" % row for row in rows)


def contents_text(trt: Any, content: bytes, path: str) -> str:
    """Return the tensors and the layers' precisions that TensorRT finds in an engine, a line each.

    Args:
        trt: Module tensorrt.
        content: The engine's bytes.
        path: Path of its file, for messages.

    Raises:
        ModelError: TensorRT cannot open the engine.
    """
    engine = open_engine(trt, make_log(trt), content, path)
    lines = []
    for tensor in engine.tensors:
        kind = "input" if tensor.is_input else "output"
        lines.append("%-20s %s %s" % (kind, tensor.name, tuple("N" if size is None else size for size in tensor.shape)))
    counts: Dict[str, int] = engine_precisions(trt, content)
    return "\n".join(lines + ["%-20s %s" % ("layers inside", describe(counts))])
