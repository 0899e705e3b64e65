"""Prints what is known of an engine: its sidecar, whether it fits machine and model, and what TensorRT finds in it.

What it was built from and for, in which precision, and how far its keypoints are from ONNX Runtime's stands in the
sidecar and is told anywhere; its tensors and how many layers run in which precision, where TensorRT can open it.
"""

import json
from typing import Any, Dict, Mapping

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import ENGINE
from pose_estimation_ros.inference.backends.find import engine_file, find_model
from pose_estimation_ros.inference.trt.api import make_log, open_engine
from pose_estimation_ros.inference.trt.cache import refuse_foreign
from pose_estimation_ros.inference.trt.gpu import ask_gpu
from pose_estimation_ros.inference.trt.precision import describe, engine_precisions


def add_arguments(parser: Any) -> None:
    parser.add_argument("engine", metavar="ENGINE", help="path of an .engine file")


def main(args: Any) -> int:
    model = (find_model if args.engine.endswith(ENGINE) else engine_file)(args.engine)
    print(to_text(dict(model.sidecar, model_spec=model.sidecar["model_spec"]["name"])))
    try:
        gpu = model.gpu or ask_gpu()
    except ModelError as error:
        print("not opened here: %s" % error)
        return 0
    refuse_foreign(model.sidecar, dict(gpu.machine, **model.sources))
    print(contents(gpu.trt, model.content, model.path))
    return 0


def to_text(fields: Mapping[str, Any]) -> str:
    """A line for each field, in the order of their names."""
    rows = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in sorted(fields.items())]
    return "\n".join("%-20s %s" % row for row in rows)


def contents(trt: Any, content: bytes, path: str) -> str:
    """List the tensors and the layers' precisions, as TensorRT tells them.

    Args:
        trt: the module tensorrt.
        content: the engine's bytes.
        path: of its file, for messages.

    Raises:
        ModelError: TensorRT cannot open it.
    """
    engine = open_engine(trt, make_log(trt), content, path)
    lines = []
    for tensor in engine.tensors:
        kind = "input" if tensor.is_input else "output"
        lines.append("%-20s %s %s" % (kind, tensor.name, tuple("N" if size is None else size for size in tensor.shape)))
    counts: Dict[str, int] = engine_precisions(trt, content)
    return "\n".join(lines + ["%-20s %s" % ("layers inside", describe(counts))])
