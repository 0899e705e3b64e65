"""Plan the build of an engine: its options, the file for a precision, and the key that identifies it in the cache."""

import os
import re
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.atomic_files import JsonObject, file_sha256
from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.fields import PATH, TRUE_OR_FALSE, check_fields, number, one_of, optional, whole
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.eight_bits import FOR_CPUS

ENDINGS = {"fp16": "_fp16", "int8": "_int8_tensorrt"}  # endings of the files that `pose export --precision` makes
# Limits on the 99th percentile of the keypoint errors, px of the input. There the second peak of a heatmap wins: an
# early ELPN-V1 had 0 px in fp16 and 19 px in int8, with AP 9.9 instead of 10.4.
MAX_ERROR_PX = {"fp32": 4.0, "fp16": 8.0, "int8": 32.0}
NO_INT8 = ("5.0", "5.2", "5.3", "6.0", "6.2")  # Maxwell, Nano, P100, TX2: no integer dot product


class BuildOptions(NamedTuple):
    """Hold the options of `pose build-engine`.

    Attributes:
        precision: "fp32", "fp16" or "int8"; None takes that in the file's name (x_fp16.onnx), else fp16.
        max_batch: largest batch.
        workspace_mb: largest scratch memory on the GPU; None lets TensorRT choose.
        timing_cache: a file; None uses one beside the engine.
        out: path of the engine; None puts it in the cache.
        force: build even if the engine exists.
        max_error_px: limit on the 99th percentile of the keypoint errors; None means MAX_ERROR_PX.
        images: a video or folder on which the engine is compared; None means the clip of the demo.
        unchecked: do not compare.
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


RULES = {
    "precision": optional(one_of(MAX_ERROR_PX)),
    "max_batch": whole(1, 1024),
    "workspace_mb": optional(whole(1, 10**6)),
    "timing_cache": optional(PATH),
    "out": optional(PATH),
    "force": TRUE_OR_FALSE,
    "max_error_px": optional(number(0)),
    "images": optional(PATH),
    "unchecked": TRUE_OR_FALSE,
}


def check_options(options: BuildOptions, here: Mapping[str, str]) -> BuildOptions:
    """Check the options for a machine, and return them with texts in place of paths.

    Args:
        options: to check.
        here: ``Gpu.machine``.

    Raises:
        ConfigError: an option has the wrong type or is out of range, or the GPU has no fast int8 arithmetic.
    """
    options = options._replace(**check_fields(options._asdict(), RULES))
    if options.precision == "int8" and here["compute_capability"] in NO_INT8:
        raise ConfigError(
            "expected fp16 or fp32 for %(device)s: with compute capability %(compute_capability)s it has no int8 "
            "arithmetic that is faster than fp16" % here
        )
    return options


def plain_model(path: str, precision: Optional[str]) -> Tuple[str, str]:
    """Find the float32 model and the precision that a file and an option mean.

    Args:
        path: path of the float32 model, or of another file of it such as x_fp16.onnx.
        precision: the option, None if it is not set.

    Returns:
        Path of the float32 model, and the precision.

    Raises:
        ModelError: the float32 file is missing, which is needed to compare the engine and to run without TensorRT; or
            the file is int8 for CPUs.
        ConfigError: the name of the file and the option contradict each other.
    """
    stem = os.path.splitext(path)[0]
    if stem.endswith(FOR_CPUS):
        raise ModelError("%s was made for ONNX Runtime on CPUs: TensorRT needs %s" % (path, ENDINGS["int8"]))
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
    """Find the file to compile for a precision.

    Args:
        onnx: path of the float32 model.
        precision: "fp32", "fp16" or "int8".
        strongly_typed: whether TensorRT takes the types from the file.

    Raises:
        ModelError: the file is not exported yet, or it was made from another version of the model.
    """
    if precision == "fp32" or (precision == "fp16" and not strongly_typed):
        return onnx  # with its flag, TensorRT 8 chooses the layers for which fp16 is faster
    source = os.path.splitext(onnx)[0] + ENDINGS[precision] + ".onnx"
    if not os.path.isfile(source):
        raise ModelError(
            "%s does not exist: TensorRT takes this precision from the file, and `pose export %s --precision "
            "%s` makes it" % (source, onnx, ENDINGS[precision][1:].replace("_", "-"))
        )
    onnx_sha256 = file_sha256(onnx)
    if load_model_spec(source).training.get("export", {}).get("of_sha256", onnx_sha256) != onnx_sha256:
        raise ModelError("%s was made from another version of %s: export it again" % (source, onnx))
    return source


def make_key(
    onnx: str, source: str, spec: ModelSpec, reference: Backend, options: BuildOptions, here: Mapping[str, str]
) -> JsonObject:
    """Collect everything that the engine depends on.

    Args:
        onnx: path of the float32 model.
        source: path of the file to compile.
        spec: spec of the model.
        reference: the float32 model, open on ONNX Runtime.
        options: options of the build.
        here: ``Gpu.machine``.

    Returns:
        A value for each field of trt.cache.KEY.
    """
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
    """Return {precision: limit on the 99th percentile of the keypoint errors in px}."""
    chosen = options.max_error_px
    return {precision: limit if chosen is None else chosen for precision, limit in MAX_ERROR_PX.items()}


def timing_cache_name(here: Mapping[str, object]) -> str:
    """Return the name of the timing cache for a machine, such as ``Gpu.machine`` or a sidecar."""
    words = "timings-%(tensorrt)s-%(device)s-%(compute_capability)s" % here
    return re.sub(r"[^A-Za-z0-9.]+", "-", words) + ".cache"
