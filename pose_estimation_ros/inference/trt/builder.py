"""Compile an ONNX model to a TensorRT engine for the GPU of this machine, check it, and keep it in the engine cache.

After the build the engine's keypoints are compared with those of ONNX Runtime in float32. If the error is over the
limit, the next higher precision is built instead, and a message reports that.
"""

import contextlib
import os
import secrets
import time
from typing import Callable, Iterator, List, Mapping, Optional, Tuple

from pose_estimation_ros.core.atomic_files import JsonObject
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.check_fit import check_fit
from pose_estimation_ros.inference.backends.find import engine_file, find_path
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from pose_estimation_ros.inference.trt.api import TensorRT
from pose_estimation_ros.inference.trt.backend import TensorRTBackend
from pose_estimation_ros.inference.trt.cache import (
    Fields,
    Say,
    building,
    cache_folder,
    engine_path,
    is_current,
    read_sidecar,
    sidecar_path,
    store,
)
from pose_estimation_ros.inference.trt.compiler import compile_engine, is_strongly_typed
from pose_estimation_ros.inference.trt.parity import compare, run, stored_clip, stored_crops
from pose_estimation_ros.inference.trt.plan import (
    BuildOptions,
    check_options,
    limits_px,
    make_key,
    plain_model,
    source_file,
    timing_cache_name,
)
from pose_estimation_ros.inference.trt.precision import PRECISIONS, built_precision, describe, engine_precisions

Check = Callable[[str], JsonObject]  # path of an engine -> its error, see parity.compare


def build_engine(model: str, options: BuildOptions, trt: TensorRT, here: Mapping[str, str], say: Say = print) -> str:
    """Build the engine of a model for this machine, unless the cache has it.

    Args:
        model: name, or path of an ``.onnx`` file.
        options: options of the build.
        trt: the module tensorrt.
        here: ``Gpu.machine``.
        say: prints lines of progress.

    Returns:
        The path of the engine.

    Raises:
        ConfigError: an option is out of range, or the GPU does not support the precision.
        ModelError: a file is missing or cannot be written, TensorRT refuses the model, or even fp32 is over the limit.
    """
    onnx, precision = plain_model(find_path(model) or model, options.precision)
    options = check_options(options._replace(precision=precision), here)
    source = source_file(onnx, precision, is_strongly_typed(trt))
    spec = load_model_spec(onnx)
    with OnnxRuntimeBackend(onnx) as reference:
        check_fit(reference, spec, onnx)
        refuse_free_candidates(reference, onnx)
        key = make_key(onnx, source, spec, reference, options, here)
        out = os.path.abspath(options.out or engine_path(cache_folder(), spec.name, key))
        with building(os.path.dirname(out), say):
            if is_current(out, key) and not options.force:
                say("built before: " + summary(read_sidecar(out)))
                return out
            check = None if options.unchecked else make_check(reference, spec, options.images, key["max_batch"])
            reference.close()  # the builder needs its memory
            paths = {"onnx_path": os.path.abspath(onnx), "source_path": os.path.abspath(source)}
            sidecar = dict(key, model_spec=spec.to_json(), **paths)
            build_best(trt, out, sidecar, check, options, say)
    return out


def refuse_free_candidates(network: Backend, path: str) -> None:
    """Raise ModelError if the number of people that a network gives is free: the outputs of an engine have one size.

    Args:
        network: the open network.
        path: path of its file, for the message.
    """
    if network.output_shapes.get("boxes_xyxy", (1, 1))[1] is None:
        text = "%s: expected a fixed number of people, as an engine has, got one that changes: export the model without"
        raise ModelError((text + " suppression in its graph, or run it on ONNX Runtime") % path)


def make_check(reference: Backend, spec: ModelSpec, images: Optional[str], batch: int) -> Check:
    """Make the function that measures the error of an engine; ONNX Runtime does its part before the build.

    Args:
        reference: the float32 model, open on ONNX Runtime.
        spec: spec of the model.
        images: a video or folder, None for the clip of the demo.
        batch: images per run.

    Raises:
        ConfigError: the clip is not installed.
        DataError: the images show nobody.
        ModelError: the reference finds too few keypoints to compare.
    """
    crops = stored_crops(images or stored_clip(), spec)
    expected = run(reference, crops, batch)
    compare(expected, expected, spec)  # raises before a long build if there is nothing to compare

    def check(path: str) -> JsonObject:
        with TensorRTBackend(engine_file(path)) as engine:
            return dict(compare(expected, run(engine, crops, batch), spec), crops=len(crops))

    return check


def build_best(
    trt: TensorRT, out: str, sidecar: JsonObject, check: Optional[Check], options: BuildOptions, say: Say
) -> None:
    """Build an engine in the requested precision, and in the next higher one while its error is over the limit.

    The engine gets its name only if it is good.

    Args:
        trt: the module tensorrt.
        out: path of the engine.
        sidecar: fields that are known before the build.
        check: measures the error of an engine, None for no check.
        options: options of the build, with a precision.
        say: prints lines of progress.

    Raises:
        ModelError: TensorRT refuses the model, or even fp32 is over the limit.
    """
    failed: List[JsonObject] = []
    for precision in PRECISIONS[PRECISIONS.index(sidecar["precision"]) :]:
        try:
            source = source_file(sidecar["onnx_path"], precision, is_strongly_typed(trt))
        except ModelError as error:
            say("no %s: %s" % (precision, error))
            continue
        engine, complete = build_one(trt, out, source, sidecar, precision, check, options, say)
        limit_px = limits_px(options)[precision]
        if check is None or complete["parity"]["p99_px"] <= limit_px:
            store(out, engine, dict(complete, failed_over=failed))
            say("built: " + summary(complete))
            return
        failed.append(dict(complete["parity"], precision=precision))
        say("%s IS NOT USED: %s, the limit is %g px" % (precision, summary(complete), limit_px))
    raise ModelError("%s: no precision is within the limits %s px of ONNX Runtime: %s" % (
        sidecar["onnx_path"], sidecar["max_error_px"], failed))  # fmt: skip


def build_one(
    trt: TensorRT,
    out: str,
    source: str,
    sidecar: JsonObject,
    precision: str,
    check: Optional[Check],
    options: BuildOptions,
    say: Say,
) -> Tuple[bytes, JsonObject]:
    """Build one engine in one precision.

    Args:
        trt: the module tensorrt.
        out: path of the engine.
        source: path of the file to compile.
        sidecar: fields that are known before the build.
        precision: "fp32", "fp16" or "int8".
        check: measures the error of an engine, None for no check.
        options: options of the build.
        say: prints lines of progress.

    Returns:
        The bytes of the engine, and all fields of its sidecar except engine_sha256.
    """
    started_s = time.monotonic()
    say("building %s in %s for %s, TensorRT %s" % (source, precision, sidecar["device"], sidecar["tensorrt"]))
    timings = options.timing_cache or os.path.join(os.path.dirname(out), timing_cache_name(sidecar))
    size_wh, batch = sidecar["model_spec"]["input_size_wh"], sidecar["max_batch"]
    compiled = compile_engine(trt, source, size_wh, precision, batch, options.workspace_mb, timings, say)
    counts = engine_precisions(trt, compiled.engine) or compiled.network
    built = built_precision(counts)
    say("layers: " + describe(counts))
    if built != precision:
        say("ASKED FOR %s, TENSORRT BUILT %s" % (precision.upper(), built.upper()))
    now, seconds = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), round(time.monotonic() - started_s, 1)
    complete = dict(sidecar, precision_built=built, layers=counts, parity=None, failed_over=[])
    complete["built"] = {"utc": now, "seconds": seconds, "source": os.path.abspath(source)}
    if check is not None:
        with candidate(out, compiled.engine, complete) as path:
            complete["parity"] = check(path)
    return compiled.engine, complete


@contextlib.contextmanager
def candidate(out: str, engine: bytes, sidecar: Fields) -> Iterator[str]:
    """Write an engine to a temporary file beside ``out`` while the body of the with statement checks it.

    The name of the file is not that of an engine, in case this process dies.

    Args:
        out: path that the engine will get.
        engine: its bytes.
        sidecar: its fields without engine_sha256.

    Yields:
        Path of the temporary file.
    """
    path = "%s.%s.candidate" % (out, secrets.token_hex(8))
    try:
        store(path, engine, sidecar)
        yield path
    finally:
        for file in (path, sidecar_path(path)):
            with contextlib.suppress(OSError):
                os.remove(file)


def summary(sidecar: Fields) -> str:
    """Format a line such as "fp16, batches up to 8, 412 s; keypoints off by 0 px (median), 2 px (p99) of 700"."""
    text = "%s, batches up to %d, %g s" % (
        sidecar["precision_built"], sidecar["max_batch"], sidecar["built"]["seconds"])  # fmt: skip
    parity = sidecar["parity"]
    if parity is None:
        return text + "; not compared with ONNX Runtime"
    return text + "; keypoints off by {median_px:g} px (median), {p99_px:g} px (p99) of {keypoints}".format(**parity)
