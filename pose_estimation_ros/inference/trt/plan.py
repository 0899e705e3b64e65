"""What is to be built: the options, the file for a precision, and the key that the engine is found by again."""

import os
import re
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.inference.backends.base import Backend

ENDINGS = {"fp16": "_fp16", "int8": "_int8_tensorrt"}  # of the files that `pose export --precision` makes of x.onnx
FOR_CPUS = "_int8_cpu"
# On the 99th percentile of keypoints' errors, px of the input. It is where a heatmap's second peak wins: the first
# ELPN-V1 had 0 px in fp16 and 19 px in int8, with AP 9.9 in place of 10.4.
MAX_ERROR_PX = {"fp32": 4.0, "fp16": 8.0, "int8": 32.0}
NO_INT8 = ("5.0", "5.2", "5.3", "6.0", "6.2")  # Maxwell, Nano, P100, TX2: no integer dot product


class BuildOptions(NamedTuple):
    """What `pose build-engine` can be told.

    precision: None for that of the file's name (x_fp16.onnx), else fp16. workspace_mb: TensorRT's choice if None.
    timing_cache: one beside the engine if None. out: the engine's path, in the cache if None. max_error_px: limit on
    the 99th percentile of the keypoints' error, MAX_ERROR_PX if None. images: a video or folder to compare on, the
    demo's clip if None. unchecked: do not compare.
    """

    precision: Optional[str] = None
    max_batch: int = 8
    workspace_mb: Optional[int] = None
    timing_cache: Optional[str] = None
    out: Optional[str] = None
    force: bool = False
    max_error_px: Optional[float] = None
    images: Optional[str] = None
    unchecked: bool = False


def check_options(options: BuildOptions, here: Mapping) -> None:
    for name, low in (("max_batch", 1), ("workspace_mb", 1), ("max_error_px", 0)):
        value = getattr(options, name)
        if value is not None and not value >= low:
            raise ConfigError("expected %s of %d or more, got %s" % (name, low, value))
    if options.precision == "int8" and here["compute_capability"] in NO_INT8:
        raise ConfigError(
            "expected fp16 or fp32 for %(device)s: with compute capability %(compute_capability)s it has no int8 "
            "arithmetic that is faster than fp16" % here
        )


def plain_model(path: str, precision: Optional[str]) -> Tuple[str, str]:
    """The float32 model and the precision meant, for that model's file or one of its others, such as x_fp16.onnx.

    Raises ModelError where the float32 file is missing (the engine is compared with it, and it serves without TensorRT)
    and for int8 made for CPUs; ConfigError where name and precision contradict each other.
    """
    stem = os.path.splitext(path)[0]
    if stem.endswith(FOR_CPUS):
        raise ModelError("%s was made for ONNX Runtime on CPUs: TensorRT wants %s" % (path, ENDINGS["int8"]))
    named = next((name for name, ending in ENDINGS.items() if stem.endswith(ending)), None)
    if named is None:
        return path, precision or "fp16"
    if precision not in (None, named):
        raise ConfigError("expected --precision %s for %s, got %s" % (named, path, precision))
    plain = stem[: -len(ENDINGS[named])] + ".onnx"
    if not os.path.isfile(plain):
        raise ModelError("%s does not exist: the engine of %s is compared with it" % (plain, path))
    return plain, named


def source_file(onnx: str, precision: str, strongly_typed: bool) -> str:
    """The file to compile for a precision. Raises ModelError: it has yet to be exported, or is of an older model."""
    if precision == "fp32" or (precision == "fp16" and not strongly_typed):
        return onnx  # TensorRT 8 picks, by its flag, the layers for which fp16 is faster
    source = os.path.splitext(onnx)[0] + ENDINGS[precision] + ".onnx"
    if not os.path.isfile(source):
        raise ModelError(
            "%s does not exist: TensorRT takes this precision from the file, and `pose export %s --precision "
            "%s` makes it" % (source, onnx, ENDINGS[precision][1:].replace("_", "-"))
        )
    made_of = load_model_spec(source).training.get("export", {}).get("of_sha256", file_sha256(onnx))
    if made_of != file_sha256(onnx):
        raise ModelError("%s was made of another %s than there is now: export it again" % (source, onnx))
    return source


def make_key(
    onnx: str, source: str, spec: ModelSpec, reference: Backend, options: BuildOptions, here: Mapping
) -> Dict[str, Any]:
    """All that the engine depends on, by the names of trt.cache.KEY."""
    most = (reference.input_shape[0] or options.max_batch, 3) + spec.input_size_wh[::-1]
    least = (reference.input_shape[0] or 1,) + most[1:]
    return dict(
        here,
        onnx_sha256=file_sha256(onnx),
        source_sha256=file_sha256(source),
        precision=options.precision,
        max_batch=most[0],
        shapes=[list(least), list(most), list(most)],
        device_decode="keypoints" in reference.output_shapes,
        workspace_mb=options.workspace_mb,
        max_error_px=None if options.unchecked else limits_px(options),
    )


def limits_px(options: BuildOptions) -> Dict[str, float]:
    """{precision: limit on the error}."""
    same = options.max_error_px
    return {precision: limit if same is None else same for precision, limit in MAX_ERROR_PX.items()}


def timing_cache_name(here: Mapping) -> str:
    words = "timings-%(tensorrt)s-%(device)s-%(compute_capability)s" % here
    return re.sub(r"[^A-Za-z0-9.]+", "-", words) + ".cache"
