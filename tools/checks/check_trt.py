"""Compile every model family with NVIDIA's parser and builder, without a GPU: `make check-trt [MODELS="elpn_v1 ..."]`.

The package tensorrt-rtx (proprietary, 95 MB) parses and builds on any x86-64 machine. It is installed once into
.venv/tensorrt-rtx and is never part of this package. The check runs the code of `pose build-engine` for float32, fp16,
int8, and fp16 with the keypoints found in the graph. It also checks that bad models are refused with node and reason.
tensorrt-rtx does not target Jetsons, and no engine is run: the check only shows that a recent parser of TensorRT can
read our files. The shipped models have their weights, all others random ones. Of other programs' models that
`pose import` takes there is a small one of each kind.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.trt.compiler import compile_engine
from pose_estimation_ros.inference.trt.precision import built_precision, describe
from pose_estimation_ros.training.export.decode_head import add_decode_head
from pose_estimation_ros.training.export.export import to_onnx
from pose_estimation_ros.training.export.fp16 import to_fp16
from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import load_float32
from pose_estimation_ros.training.model_table import rows_of
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS
from tools.checks.imported_models import IMPORTED, import_small

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sys.prefix) / "tensorrt-rtx"
SHIPPED = ["elpn_v1_coco", "lite0_fpn_coco", "higher_lite0_fpn_coco", "person_detector"]
FAMILIES = [
    "elpn_v1", "elpn_v2", "goatpose_bl", "el_hrnet_w32", "hrnet_w32", "nam_hrnet_w32", "litepose_xs", "wlitepose_xs",
    "lite0_fpn", "higher_lite0_fpn", "simple_baseline_resnet50", "simple_baseline_mobilenet_v2",
    "simple_baseline_shufflenet_v2", "lite_hrnet_18", "higher_hrnet_w16", "efficient_hrnet_h_4",
]  # fmt: skip
ROW = "{:<24} {:<10} {:<8} {:>6}  {}"
MAX_BATCH = 8


def main(names):
    """Check the named models and the bad ones; return the exit status."""
    trt = load_tensorrt_rtx()
    print(f"tensorrt-rtx {trt.__version__}")
    print(ROW.format("model", "precision", "result", "s", "what was built, or the error"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = [check(trt, Path(folder), name, *variant) for name in names for variant in variants(Path(folder), name)]
        rows += [check_bad(trt, Path(folder), *bad) for bad in bad_models()]
    print(f"{rows.count(True)} of {len(rows)} as expected")
    return 0 if all(rows) else 1


def load_tensorrt_rtx():
    """Import tensorrt-rtx; install it first where it is missing."""
    if not (SITE / "tensorrt_rtx").is_dir():
        print("installing tensorrt-rtx (95 MB) into %s" % SITE, flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--target", str(SITE)]
        subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), "tensorrt-rtx"], check=True)
    sys.path.append(str(SITE))
    import tensorrt_rtx

    return tensorrt_rtx


def variants(folder, name):
    """Yield the files that are made from one model.

    Args:
        folder: Folder for exported models.
        name: Name of a shipped model or of a model family.

    Yields:
        Precision, label, function that returns the ONNX model, and (width, height) of its input.
    """
    path, size_wh = float32_file(folder, name)
    model = load_float32(path)
    noise = np.random.default_rng(0).uniform(0, 255, (2, 3, size_wh[1], size_wh[0])).astype(np.float32)
    yield "fp32", "fp32", lambda: onnx.load(path), size_wh
    yield "fp16", "fp16", lambda: to_fp16(model), size_wh
    yield "int8", "int8", lambda: to_int8(model, "int8-tensorrt", [noise]), size_wh
    if [output.name for output in model.graph.output] == ["heatmaps"]:
        yield "fp16", "fp16+peaks", lambda: add_decode_head(to_fp16(model)), size_wh


def float32_file(folder, name):
    """Return the path of a model in float32 and (width, height) of its input; export or import it unless shipped."""
    if name in IMPORTED:
        return import_small(folder, name)
    if name in SHIPPED:
        path = ROOT / "models" / (name + ".onnx")
        dims = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
        return path, (dims[3].dim_value, dims[2].dim_value)
    row = rows_of([name])[0]
    model = (POSE_MODELS | BOTTOM_UP_MODELS)[name](row.num_joints)
    path = folder / (name + ".onnx")
    with torch.no_grad():
        path.write_bytes(to_onnx(model.eval(), list(row.input_size_wh)))
    return path, row.input_size_wh


def check(trt, folder, name, precision, label, make, size_wh):
    """Build one engine and print its row.

    Args:
        trt: The module tensorrt_rtx.
        folder: Folder for the ONNX file.
        name: Name of the model, for the row.
        precision: Precision asked for: fp32, fp16 or int8.
        label: Name of the variant, for the row.
        make: Function that returns the ONNX model.
        size_wh: Width and height of the model's input, px.

    Returns:
        Whether the engine has the precision asked for.
    """
    path = folder / "candidate.onnx"
    try:
        onnx.save(make(), path)
        started_s = time.monotonic()
        compiled = compile_engine(trt, str(path), size_wh, precision, MAX_BATCH, say=lambda line: None)
        seconds = f"{time.monotonic() - started_s:.1f}"
        good = built_precision(compiled.network) == precision
        text = f"{len(compiled.engine) / 2**20:.1f} MiB, {describe(compiled.network)}"
    except Exception as error:  # any error goes into the table, so that the remaining models are tried, too
        good, seconds, text = False, "", f"{type(error).__name__}: {error}".replace(str(path), label)
    print(ROW.format(name, label, "ok" if good else "FAILED", seconds, text), flush=True)
    return good


def check_bad(trt, folder, name, model, expected):
    """Check that a bad model is refused with the expected words, print its row, and return whether it was."""
    path = folder / "bad.onnx"
    path.write_bytes(model)
    try:
        compile_engine(trt, str(path), (8, 8), "fp32", 1, say=lambda line: None)
        text = "was built"
    except ModelError as error:
        text = str(error).replace(str(path) + ": ", "")
    good = all(word in text for word in expected)
    print(ROW.format(name, "fp32", "refused" if good else "FAILED", "", text), flush=True)
    return good


def bad_models():
    """Yield name, content of the ONNX file, and words that the error message must have, for each bad model."""
    zeros = numpy_helper.from_array(np.zeros((4, 5, 1, 1), np.float32), "weight")
    relu = helper.make_node("Relu", ["images"], ["a"], "relu_0")
    yield "unknown operator", small([relu, helper.make_node("Det", ["a"], ["b"], "det_1")]), ["node 1 'det_1' (Det)"]
    conv = helper.make_node("Conv", ["images", "weight"], ["b"], "conv_0")
    yield "wrong shapes", small([conv], [zeros]), ["node 0 'conv_0' (Conv)", "dimension"]
    whole = (ROOT / "models" / "person_detector.onnx").read_bytes()
    yield "half a file", whole[: len(whole) // 2], ["Failed to parse the ONNX model"]


def small(nodes, weights=()):
    """Return the bytes of an ONNX model with the nodes and weights, from `images` to `b`, both (n, 3, 8, 8)."""
    infos = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3, 8, 8]) for name in ("images", "b")]
    graph = helper.make_graph(nodes, "bad", infos[:1], infos[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7).SerializeToString()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or SHIPPED + FAMILIES + list(IMPORTED)))
