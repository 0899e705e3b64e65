"""The names that the runtime and the builder use, and the fakes' signatures, against TensorRT's real Python bindings.

The bindings come without TensorRT's libraries; null ones stand in, compiled here, whose functions return 0. Each
version has a process of its own. 8.2 has no wheel: its names are checked on 8.6.1, which still has them all.
"""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys

import fake_tensorrt
import pytest

FOLDER = os.path.join(sys.prefix, "tensorrt")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILDER_FILES = ("compiler.py", "precision.py", "progress.py")
VERSIONS = {
    "8.6.1": "tensorrt-bindings==8.6.1",
    "10.3.0": "tensorrt-cu12-bindings==10.3.0",
    "10.13.3.9": "tensorrt-cu12-bindings==10.13.3.9",
    "11.4.0.106": "tensorrt-cu13-bindings==11.4.0.106",
}
# What variables of these names in our files are.
KINDS = {
    "trt": "", "engine": "ICudaEngine", "context": "IExecutionContext", "config": "IBuilderConfig",
    "builder": "Builder", "network": "INetworkDefinition", "parser": "OnnxParser", "profile": "IOptimizationProfile",
    "runtime": "Runtime", "inspector": "EngineInspector",
}  # fmt: skip
SINCE_10 = {  # used where hasattr finds them
    "ExecutionContextAllocationStrategy", "ExecutionContextAllocationStrategy.USER_MANAGED",
    "ICudaEngine.device_memory_size_v2", "IExecutionContext.set_device_memory",
}  # fmt: skip
STILL_THERE = {"ICudaEngine.num_optimization_profiles", "ICudaEngine.create_execution_context", "float32"}
# Of what the builder uses, what a version lacks; it asks with hasattr.
BUILDER_LACKS = {
    "8.6.1": {"IBuilderConfig.progress_monitor", "IProgressMonitor", "IProgressMonitor.__init__"},
    "10.3.0": {"IBuilderConfig.max_workspace_size"},
    "10.13.3.9": {"IBuilderConfig.max_workspace_size"},
    "11.4.0.106": {"IBuilderConfig.max_workspace_size"},
}
HISTORY = {  # name: first and last of VERSIONS that have it
    "BuilderFlag.FP16": ("8.6.1", "10.13.3.9"),
    "BuilderFlag.INT8": ("8.6.1", "10.13.3.9"),
    "IInt8EntropyCalibrator2": ("8.6.1", "10.13.3.9"),
    "Builder.platform_has_fast_fp16": ("8.6.1", "10.13.3.9"),
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": ("8.6.1", "10.13.3.9"),
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": ("10.3.0", "11.4.0.106"),
    "IBuilderConfig.set_memory_pool_limit": ("8.6.1", "11.4.0.106"),
    "IBuilderConfig.max_workspace_size": ("8.6.1", "8.6.1"),
    "ICudaEngine.num_bindings": ("8.6.1", "8.6.1"),
    "IExecutionContext.execute_async_v2": ("8.6.1", "8.6.1"),
    "IExecutionContext.execute_async_v3": ("8.6.1", "11.4.0.106"),
    "ICudaEngine.nonsense": (),
}
FUNCTIONS = (
    "createInferBuilder_INTERNAL createInferRefitter_INTERNAL createInferRuntime_INTERNAL createNvOnnxParser_INTERNAL "
    "createNvOnnxParserRefitter_INTERNAL getBuilderPluginRegistry getPluginRegistry getNvOnnxParserVersion "
    "initLibNvInferPlugins getInferLibVersion _ZN11nvuffparser15createUffParserEv "
    "_ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi _ZN14nvcaffeparser117createCaffeParserEv "
    "_ZN14nvcaffeparser123shutdownProtobufLibraryEv"
).split()


def dotted(node):
    """("trt", ["ILogger", "Severity"]) of `trt.ILogger.Severity` or `self._trt.ILogger.Severity`, else None."""
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names = names if node.id == "self" else [node.id] + names
        if len(names) > 1 and names[0].lstrip("_") in KINDS:
            return ".".join(filter(None, [KINDS[names[0].lstrip("_")]] + names[1:]))
    return None


def used(file, part=None):
    """Names of TensorRT's API in one of our files, or in one class of it."""
    with open(os.path.join(ROOT, "pose_estimation_ros", "inference", "trt", file)) as opened:
        tree = ast.parse(opened.read())
    if part:
        tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == part)
    return sorted(set(filter(None, map(dotted, ast.walk(tree)))))


SCRIPT = """
import json, sys
import tensorrt_bindings
sys.modules["tensorrt"] = tensorrt_bindings
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.trt import api

docs = {}
for name in json.load(sys.stdin):
    thing = tensorrt_bindings
    try:
        for part in name.split("."):
            thing = getattr(thing, part)
    except AttributeError:
        continue
    docs[name] = thing.__doc__ or ""
trt = api.load_tensorrt()
log = api.make_log(trt)
log.log(trt.ILogger.Severity.WARNING, "no error")
log.log(trt.ILogger.Severity.ERROR, "an error")
try:
    api.open_engine(trt, log, open(sys.argv[1], "rb").read(), sys.argv[1])
except ModelError as error:
    print(json.dumps({"version": trt.__version__, "docs": docs, "errors": log.errors, "refusal": str(error)}))
"""
FAKES = {
    "ICudaEngine": (fake_tensorrt.NamedEngine, fake_tensorrt.BindingEngine),
    "IExecutionContext": (fake_tensorrt.NamedContext, fake_tensorrt.BindingContext),
}


def methods(kind, fake):
    return {
        "%s.%s" % (kind, name): list(inspect.signature(function).parameters)[1:]
        for name, function in vars(fake).items()
        if not name.startswith("_")
    }


BUILDER_NAMES = {name for file in BUILDER_FILES for name in used(file)}
NAMED, BINDINGS = (set(used("api.py", adapter)) for adapter in ("NamedTensors", "Bindings"))
API = set(used("api.py")) - BINDINGS - NAMED


@pytest.fixture(scope="module")
def null_libraries(tmp_path_factory):
    """A folder with null libraries of the major version given."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler for the null libraries")
    folder = tmp_path_factory.mktemp("null")
    source = folder / "null.c"
    source.write_text("".join("void *%s(void) { return 0; }\n" % name for name in FUNCTIONS))
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(folder / "null.so"), str(source)], check=True)

    def of(major):
        own = folder / major
        if not own.is_dir():
            own.mkdir()
            for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser", "nvparsers"):
                shutil.copy(str(folder / "null.so"), str(own / ("lib%s.so.%s" % (name, major))))
        return str(own)

    return of


@pytest.fixture(scope="module", params=sorted(VERSIONS, key=lambda version: int(version.split(".")[0])))
def real(request, null_libraries, tmp_path_factory):
    """What one version's bindings answered to SCRIPT."""
    folder = os.path.join(FOLDER, VERSIONS[request.param])
    if not os.path.isdir(os.path.join(folder, "tensorrt_bindings")):
        pytest.skip("no %s: not fetched (tools/environment/tensorrt_bindings.py), or no wheel for this Python" % folder)
    engine = tmp_path_factory.mktemp("engine") / "x.engine"
    engine.write_bytes(b"engine")
    paths = {"PYTHONPATH": os.pathsep.join([folder, ROOT]), "PYTHONDONTWRITEBYTECODE": "1"}
    paths["LD_LIBRARY_PATH"] = null_libraries(request.param.split(".")[0])
    asked = json.dumps(sorted(BUILDER_NAMES | NAMED | BINDINGS | API | set(HISTORY)))
    run = [sys.executable, "-c", SCRIPT, str(engine)]
    done = subprocess.run(run, input=asked.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, **paths))  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout.decode())
    assert answer["version"] == request.param
    return answer


def is_old(real):
    return real["version"].startswith("8")


def test_names_that_every_version_has(real):
    assert len(API) > 5 and API - set(real["docs"]) == set()


def test_tensors_by_name(real):
    assert len(NAMED) > 10 and NAMED - set(real["docs"]) == (SINCE_10 if is_old(real) else set())


def test_bindings_are_there_or_gone_as_a_whole(real):
    by_number = BINDINGS - STILL_THERE
    assert len(by_number) > 7 and by_number & set(real["docs"]) == (by_number if is_old(real) else set())


def test_names_of_the_builder(real):
    assert len(BUILDER_NAMES) > 20 and BUILDER_NAMES - set(real["docs"]) == BUILDER_LACKS[real["version"]]


@pytest.mark.parametrize("name", sorted(HISTORY))
def test_history(real, name):
    order = list(VERSIONS)
    span = [order.index(version) for version in HISTORY[name]]
    expected = bool(span) and span[0] <= order.index(real["version"]) <= span[1]
    assert (name in real["docs"]) == expected


@pytest.mark.parametrize("generation", [0, 1], ids=["by name", "by number"])
def test_the_fakes_have_the_real_signatures(real, generation):
    """And nothing that the real ones lack, so that what runs on a fake exists."""
    for kind, fakes in FAKES.items():
        for name, parameters in methods(kind, fakes[generation]).items():
            assert name in BINDINGS | NAMED, "%s: the fake has what no adapter uses" % name
            pattern = r"\(self: [^,)]*" + "".join(r".*\b%s: " % parameter for parameter in parameters)
            if name in real["docs"] and not (is_old(real) and name == "ICudaEngine.create_execution_context"):
                assert re.search(pattern, real["docs"][name]), "%s%s: %s" % (name, parameters, real["docs"][name])


def test_our_logger_and_a_runtime_that_cannot_start(real):
    assert real["errors"] == ["an error"]
    assert "TensorRT %s cannot start: an error" % real["version"] in real["refusal"]
