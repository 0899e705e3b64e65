"""Build a TensorRT engine from an ONNX model for this machine's GPU, check it, and store it in the engine cache.

After the build the engine's keypoints are compared with ONNX Runtime's in float32. Where they are off by more than the
limit, the next higher precision is built instead.
"""

import contextlib
import os
import secrets
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.check_fit import check_fit
from pose_estimation_ros.inference.backends.find import engine_file, find_path
from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from pose_estimation_ros.inference.trt.backend import TensorRTBackend
from pose_estimation_ros.inference.trt.cache import (
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


def build_engine(model: str, options: BuildOptions, trt: Any, here: Mapping, say: Callable = print) -> str:
    """Path of the engine of a model for this machine, built if the cache has none. here: Gpu.machine.

    Raises ConfigError for options out of range and a precision that the GPU has not; ModelError: a file is missing,
    TensorRT refuses it, nothing can be written, or even fp32 is over the limit.
    """
    onnx, precision = plain_model(find_path(model) or model, options.precision)
    options = options._replace(precision=precision)
    check_options(options, here)
    source = source_file(onnx, precision, is_strongly_typed(trt))
    spec = load_model_spec(onnx)
    with OnnxRuntimeBackend(onnx) as reference:
        check_fit(reference, spec, onnx)
        key = make_key(onnx, source, spec, reference, options, here)
        out = os.path.abspath(options.out or engine_path(cache_folder(), spec.name, key))
        with building(os.path.dirname(out), say):
            if is_current(out, key) and not options.force:
                say("built before: " + summary(read_sidecar(out)))
                return out
            check = None if options.unchecked else make_check(reference, spec, options.images, key["max_batch"])
            reference.close()  # the builder needs the memory
            paths = {"onnx_path": os.path.abspath(onnx), "source_path": os.path.abspath(source)}
            sidecar = dict(key, model_spec=spec.to_json(), **paths)
            build_best(trt, out, sidecar, check, options, say)
    return out


def make_check(reference: Backend, spec: ModelSpec, images: Optional[str], batch: int) -> Callable:
    """A function from an engine's path to its error, with all that needs ONNX Runtime done before the build."""
    crops = stored_crops(images or stored_clip(), spec)
    wanted = run(reference, crops, batch)
    compare(wanted, wanted, spec)  # says now, and not after an hour, when there is nothing to compare

    def check(path: str) -> Dict[str, Any]:
        with TensorRTBackend(engine_file(path)) as engine:
            return dict(compare(wanted, run(engine, crops, batch), spec), crops=len(crops))

    return check


def build_best(
    trt: Any, out: str, sidecar: Dict[str, Any], check: Optional[Callable], options: BuildOptions, say: Callable
) -> None:
    """Builds in the precision asked for, and while its keypoints are too far off, in the next higher one.

    The engine gets its name only when it is good. Raises ModelError where even fp32 is too far off.
    """
    failed: List[Dict[str, Any]] = []
    for precision in PRECISIONS[PRECISIONS.index(options.precision) :]:
        try:
            source = source_file(sidecar["onnx_path"], precision, is_strongly_typed(trt))
        except ModelError as error:
            say("no %s: %s" % (precision, error))
            continue
        engine, found = build_one(trt, out, source, sidecar, precision, check, options, say)
        limit_px = limits_px(options)[precision]
        if check is None or found["parity"]["p99_px"] <= limit_px:
            store(out, engine, dict(found, failed_over=failed))
            say("built: " + summary(found))
            return
        failed.append(dict(found["parity"], precision=precision))
        say("%s IS NOT USED: %s, the limit is %g px" % (precision, summary(found), limit_px))
    raise ModelError("%s: no precision is within the limits %s px of ONNX Runtime: %s" % (
        sidecar["onnx_path"], sidecar["max_error_px"], failed))  # fmt: skip


def build_one(
    trt: Any,
    out: str,
    source: str,
    sidecar: Dict,
    precision: str,
    check: Optional[Callable],
    options: BuildOptions,
    say: Callable,
) -> Tuple[bytes, Dict[str, Any]]:
    """One engine and its sidecar."""
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
    known = dict(sidecar, precision_built=built, layers=counts, parity=None, failed_over=[])
    known["built"] = {"utc": now, "seconds": seconds, "source": os.path.abspath(source)}
    if check is not None:
        with candidate(out, compiled.engine, known) as path:
            known["parity"] = check(path)
    return compiled.engine, known


@contextlib.contextmanager
def candidate(out: str, engine: bytes, sidecar: Mapping) -> Iterator[str]:
    """An engine beside ``out`` as long as it takes to look at it; its name is no engine's, if this process dies."""
    path = "%s.%s.candidate" % (out, secrets.token_hex(8))
    try:
        store(path, engine, sidecar)
        yield path
    finally:
        for file in (path, sidecar_path(path)):
            with contextlib.suppress(OSError):
                os.remove(file)


def summary(sidecar: Mapping) -> str:
    """Such as "fp16, batches up to 8, 412 s; keypoints off by 0 px (median), 2 px (p99)"."""
    text = "%s, batches up to %d, %g s" % (
        sidecar["precision_built"], sidecar["max_batch"], sidecar["built"]["seconds"])  # fmt: skip
    parity = sidecar["parity"]
    if parity is None:
        return text + "; not compared with ONNX Runtime"
    return text + "; keypoints off by {median_px:g} px (median), {p99_px:g} px (p99) of {keypoints}".format(**parity)
