"""Compile an ONNX file to a TensorRT engine with the builder and parser of any TensorRT version from 8.2 to 11.

The features of a version are detected with hasattr. The caller passes the module tensorrt as ``trt``, so that this file
does not import it.
"""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.trt.api import TensorRT, TrtObject, make_log
from pose_estimation_ros.inference.trt.cache import Say, writing
from pose_estimation_ros.inference.trt.precision import network_precisions
from pose_estimation_ros.inference.trt.progress import watch_build

FLAGS: Dict[str, Tuple[str, ...]] = {  # with int8, layers that are not int8 may be fp16
    "fp32": (),
    "fp16": ("FP16",),
    "int8": ("INT8", "FP16"),
}
BUILD_LOG_LINES = 6  # number of TensorRT's last errors in the message
NO_MEMORY = re.compile(r"out ?of ?memory|could not be allocated|insufficient memory|std::bad_alloc", re.IGNORECASE)
NO_WORKSPACE = re.compile(r"insufficient workspace|workspace size", re.IGNORECASE)
PARSED_NODE = re.compile(r"node number (\d+) \[(\w+)")


class Compiled(NamedTuple):
    """Hold a compiled engine.

    Attributes:
        engine: its bytes.
        shapes: shapes of the input, [smallest, best, largest].
        network: {precision: number of layers} of the parsed network.
    """

    engine: bytes
    shapes: List[List[int]]
    network: Dict[str, int]


def is_strongly_typed(trt: TensorRT) -> bool:
    """Tell whether types come only from the ONNX file (TensorRT 10 and later) and not from flags of the builder."""
    return hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")


def compile_engine(
    trt: TensorRT,
    path: str,
    size_wh: Sequence[int],
    precision: str,
    max_batch: int,
    workspace_mb: Optional[int] = None,
    timing_cache: Optional[str] = None,
    say: Say = print,
) -> Compiled:
    """Compile an ONNX file for batches of 1 to max_batch, tuned for max_batch, because crowds take longest.

    Args:
        trt: the module tensorrt.
        path: path of the ONNX file.
        size_wh: (width, height) px of the input, used if the file leaves it free.
        precision: "fp32", "fp16" or "int8"; ignored if TensorRT is strongly typed, because the file decides then.
        max_batch: largest batch.
        workspace_mb: largest scratch memory on the GPU; None lets TensorRT choose.
        timing_cache: a file that is read and written.
        say: prints lines of progress.

    Raises:
        ModelError: the file cannot be parsed (the message has node, operator and reason of each error) or built.
    """
    log = make_log(trt)
    try:
        builder = trt.Builder(log)
        network = builder.create_network(_network_flags(trt))
        _parse(trt, network, log, path)
        config = builder.create_builder_config()
        shapes = _add_profile(builder, network, config, (max_batch, 3, size_wh[1], size_wh[0]))
        _configure(trt, config, precision, workspace_mb)
        cache_before = _use_timing_cache(config, timing_cache, say)
        with watch_build(trt, config, say):
            engine = builder.build_serialized_network(network, config)
    except (RuntimeError, TypeError, MemoryError) as error:  # pybind11 raises these for null pointers, C++ exceptions
        raise ModelError(_failure(path, log.errors + [str(error)]))
    if engine is None:
        raise ModelError(_failure(path, log.errors))
    _save_timing_cache(config, timing_cache, cache_before)
    return Compiled(bytes(engine), shapes, network_precisions(network, _flags_set(trt, config)))


def _network_flags(trt: TensorRT) -> int:
    known = trt.NetworkDefinitionCreationFlag
    names = [name for name in ("EXPLICIT_BATCH", "STRONGLY_TYPED") if hasattr(known, name)]
    return sum(1 << int(getattr(known, name)) for name in names)


def _parse(trt: TensorRT, network: TrtObject, log: TrtObject, path: str) -> None:
    parser = trt.OnnxParser(network, log)
    if parser.parse_from_file(path) and not parser.num_errors:
        return
    errors = [_parser_error(parser.get_error(index), log.errors) for index in range(parser.num_errors)]
    raise ModelError(
        "%s: TensorRT %s cannot parse it: %s"
        % (path, trt.__version__, "; ".join(errors or log.errors or ["no reason"]))
    )


def _parser_error(error: TrtObject, logged: List[str]) -> str:
    """Format node, operator and reason of an error; TensorRT 8 reports the operator only in its log."""
    reason = "%s: %s" % (getattr(error.code(), "name", error.code()), error.desc().strip())
    if error.node() < 0:
        return reason
    operators = {match.group(1): match.group(2) for match in map(PARSED_NODE.search, logged) if match}
    operator = error.node_operator() if hasattr(error, "node_operator") else operators.get(str(error.node()), "?")
    name = error.node_name() if hasattr(error, "node_name") else ""
    return "node %d %s(%s): %s" % (error.node(), name and repr(name) + " ", operator, reason)


def _add_profile(builder: TrtObject, network: TrtObject, config: TrtObject, most: Tuple[int, ...]) -> List[List[int]]:
    """Set the shapes of the engine: batches from 1 to those of ``most``, except dimensions that the file fixes."""
    if network.num_inputs != 1 or len(network.get_input(0).shape) != len(most):
        shapes = [tuple(network.get_input(index).shape) for index in range(network.num_inputs)]
        raise ModelError("expected one input (N, 3, h, w), got %s" % (shapes,))
    tensor = network.get_input(0)
    fixed = [int(size) for size in tensor.shape]
    largest = [limit if size == -1 else size for size, limit in zip(fixed, most)]
    least = [1 if fixed[0] == -1 else fixed[0]] + largest[1:]
    if -1 in fixed:
        profile = builder.create_optimization_profile()
        profile.set_shape(tensor.name, tuple(least), tuple(largest), tuple(largest))
        config.add_optimization_profile(profile)
    return [least, largest, largest]


def _configure(trt: TensorRT, config: TrtObject, precision: str, workspace_mb: Optional[int]) -> None:
    if not is_strongly_typed(trt):
        for name in FLAGS[precision]:
            if not hasattr(trt.BuilderFlag, name):
                raise ModelError("TensorRT %s has neither the flag %s nor strong types" % (trt.__version__, name))
            config.set_flag(getattr(trt.BuilderFlag, name))
    if hasattr(trt.ProfilingVerbosity, "DETAILED"):  # needed to read the precisions of the engine's layers
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if workspace_mb and hasattr(config, "set_memory_pool_limit"):
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace_mb << 20)
    elif workspace_mb or hasattr(config, "max_workspace_size"):  # half of the layers fail with 0, the default of 8.2
        config.max_workspace_size = (workspace_mb or 512) << 20


def _flags_set(trt: TensorRT, config: TrtObject) -> List[str]:
    names = [name for name in ("FP16", "INT8") if hasattr(trt.BuilderFlag, name)]
    return [name for name in names if config.get_flag(getattr(trt.BuilderFlag, name))]


def _use_timing_cache(config: TrtObject, path: Optional[str], say: Say) -> bytes:
    """Give a timing cache to the builder: that of the file, or an empty one. Return the content of the file."""
    content = b""
    if path and os.path.isfile(path):
        with open(path, "rb") as file:
            content = file.read()
    cache = config.create_timing_cache(content) or config.create_timing_cache(b"")
    if not config.set_timing_cache(cache, False):
        say("the timing cache %s is not used: it was made by another GPU or TensorRT" % path)
        config.set_timing_cache(config.create_timing_cache(b""), False)
    return content


def _save_timing_cache(config: TrtObject, path: Optional[str], before: bytes) -> None:
    cache = config.get_timing_cache()
    content = bytes(cache.serialize()) if path and cache else before
    if path and content != before:
        with writing(path):
            write_whole(path, content)


def _failure(path: str, errors: List[str]) -> str:
    text = "; ".join(" ".join(line.split()) for line in errors[-BUILD_LOG_LINES:]) or "TensorRT gave no reason"
    remedy = ""
    if NO_MEMORY.search(text):
        remedy = ". The GPU's memory was full: end other programs, or lower --max-batch or --workspace-mb"
    elif NO_WORKSPACE.search(text):
        remedy = ". Raise --workspace-mb"
    return "%s: the engine could not be built: %s%s" % (path, text, remedy)
