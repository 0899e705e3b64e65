"""`pose build-engine` over the fakes of TensorRT and CUDA: real files, locks, processes and ONNX Runtime."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

pytest.importorskip("onnx", reason="makes tiny models with onnx")
import engine_models  # noqa: E402
from fake_tensorrt_builder import add_builder, fake_tensorrt  # noqa: E402
from foreign_networks import write_foreign  # noqa: E402

from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.core.atomic_files import file_sha256  # noqa: E402
from pose_estimation_ros.core.errors import ConfigError, ModelError  # noqa: E402
from pose_estimation_ros.importing.import_model import ModelImport, import_model  # noqa: E402
from pose_estimation_ros.inference.backends.find import engine_file, onnx_file  # noqa: E402
from pose_estimation_ros.inference.backends.open import open_backend  # noqa: E402
from pose_estimation_ros.inference.trt import builder as engine_builder
from pose_estimation_ros.inference.trt import parity as engine_parity  # noqa: E402
from pose_estimation_ros.inference.trt.backend import TensorRTBackend  # noqa: E402
from pose_estimation_ros.inference.trt.builder import BuildOptions, build_engine  # noqa: E402
from pose_estimation_ros.inference.trt.cache import cached_engines, read_sidecar  # noqa: E402
from pose_estimation_ros.inference.trt.gpu import ask_gpu  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
HERE = {"tensorrt": "8.2.1", "cuda": "10.2", "device": "NVIDIA Tegra X2", "compute_capability": "6.2"}
UNCHECKED = BuildOptions(unchecked=True)
CROPS = {}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def few_crops(monkeypatch):
    """Those of two frames, cut once for all tests: looking for people takes a second."""
    original = engine_parity.stored_crops

    def stored_crops(source_name, spec):
        with monkeypatch.context() as patch:
            patch.setattr(engine_parity, "FRAMES", 2)
            if spec.input_size_wh not in CROPS:
                CROPS[spec.input_size_wh] = original(source_name, spec)
        return CROPS[spec.input_size_wh]

    monkeypatch.setattr(engine_builder, "stored_crops", stored_crops)


@pytest.fixture
def model(tmp_path, save_spec):
    path = engine_models.fp32(tmp_path / "tiny.onnx")
    save_spec(path)
    return path


@pytest.fixture
def add_file(model, save_spec):
    """A function that writes the model's file of another precision; colors (2, 1, 0) look for the wrong colours."""

    def add(precision, make=None, **options):
        path = model.replace(".onnx", {"fp16": "_fp16.onnx", "int8": "_int8_tensorrt.onnx"}[precision])
        (make or getattr(engine_models, precision))(path, **options)
        save_spec(path, training={"export": {"of_sha256": file_sha256(model)}})
        return path

    return add


@pytest.fixture
def say():
    said = []

    def note(line):
        said.append(line)

    note.text = lambda: "\n".join(said)
    return note


def names(path):
    """Of all that is in the engine's folder but the lock and the timings."""
    found = sorted(os.listdir(os.path.dirname(path)))
    return [name for name in found if name != "building.lock" and not name.startswith("timings-")]


@pytest.mark.parametrize("version", ["8.2.1", "10.3.0"])
def test_the_command_builds_an_engine_that_runs_and_finds_it_again(gpu, model, capsys, version, add_file):
    add_file("fp16")
    trt = add_builder(gpu(version)[1])
    assert command.main(["build-engine", model, "--max-batch", "4"]) == 0
    path, said = capsys.readouterr()
    path, sidecar = path.strip(), read_sidecar(path.strip())
    assert os.path.basename(path).startswith("tiny-fp16-") and "fp16 in 1 layers" in said
    assert sidecar["precision_built"] == sidecar["precision"] == "fp16" and sidecar["layers"] == {"fp16": 1}
    assert sidecar["shapes"] == [[1, 3, 64, 48], [4, 3, 64, 48], [4, 3, 64, 48]] and sidecar["tensorrt"] == version
    assert sidecar["parity"]["p99_px"] == 0 and sidecar["parity"]["keypoints"] >= 50 and sidecar["failed_over"] == []
    assert sidecar["source_path"].endswith("tiny.onnx" if version == "8.2.1" else "tiny_fp16.onnx")
    images = np.random.RandomState(0).uniform(0, 255, (5, 3, 64, 48)).astype(np.float32)
    with TensorRTBackend(engine_file(path)) as engine, open_backend(onnx_file(model)) as onnx:
        assert np.abs(engine(images)["heatmaps"] - onnx(images)["heatmaps"]).max() < 2e-3
    assert command.main(["build-engine", model, "--max-batch", "4"]) == 0
    again, said = capsys.readouterr()
    assert again.strip() == path and "built before: fp16" in said and len(trt.builds) == 1
    assert command.main(["build-engine", model, "--max-batch", "4", "--force"]) == 0 and len(trt.builds) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda state: engine_models.fp32(state["model"], colors=(2, 1, 0)),
        lambda state: state.update(file={"colors": (2, 1, 0)}),
        lambda state: state["here"].update(tensorrt="10.3.1"),
        lambda state: state["here"].update(cuda="12.7"),
        lambda state: state["here"].update(device="Orin"),
        lambda state: state["here"].update(compute_capability="8.7"),
        lambda state: state.update(options=UNCHECKED._replace(precision="fp32")),
        lambda state: state.update(options=UNCHECKED._replace(max_batch=4)),
        lambda state: state.update(options=UNCHECKED._replace(workspace_mb=64)),
        lambda state: state.update(options=UNCHECKED._replace(unchecked=False)),
        lambda state: state.update(options=BuildOptions(max_error_px=4)),
    ],
    ids="onnx source tensorrt cuda device capability precision shapes workspace checked limit".split(),
)
def test_whatever_changes_is_built_anew_and_the_old_engine_stays(model, save_spec, say, change, monkeypatch, add_file):
    same = {"median_px": 0.0, "p99_px": 0.0, "keypoints": 99}
    monkeypatch.setattr(engine_builder, "make_check", lambda *_args: lambda _path: same)
    trt, state = fake_tensorrt("10.3.0"), {"model": model, "here": dict(HERE), "options": UNCHECKED, "file": {}}

    def build():
        save_spec(model)
        add_file("fp16", **state["file"])
        return build_engine(model, state["options"], trt, state["here"], say)

    first = build()
    assert build() == first and len(trt.builds) == 1
    change(state)
    second = build()
    assert second != first and len(trt.builds) == 2 and read_sidecar(first) and read_sidecar(second)


def test_an_engine_that_is_not_what_was_asked_for_is_named(gpu, model, say, add_file):
    add_file("fp16", engine_models.fp32)  # a conversion that did nothing
    trt = add_builder(gpu("10.3.0")[1])
    path = build_engine(model, UNCHECKED, trt, HERE, say)
    assert "ASKED FOR FP16, TENSORRT BUILT FP32" in say.text()
    assert read_sidecar(path)["precision"] == "fp16" and read_sidecar(path)["precision_built"] == "fp32"


def test_a_precision_that_moves_keypoints_gives_way_to_the_next(gpu, model, say, add_file):
    add_file("int8", colors=(2, 1, 0))
    add_file("fp16")
    trt = add_builder(gpu("10.3.0")[1])
    options = BuildOptions(precision="int8", max_error_px=8)
    path = build_engine(model, options, trt, ask_gpu().machine, say)
    sidecar = read_sidecar(path)
    assert [build["layers"] for build in trt.builds] == [["Int8"], ["Half"]]
    assert "int8 IS NOT USED" in say.text() and "the limit is 8 px" in say.text()
    assert (sidecar["precision"], sidecar["precision_built"]) == ("int8", "fp16") and sidecar["parity"]["p99_px"] == 0
    assert sidecar["failed_over"][0]["precision"] == "int8" and sidecar["failed_over"][0]["p99_px"] > 8
    assert build_engine(model, options, trt, ask_gpu().machine, say) == path and len(trt.builds) == 2
    assert names(path) == [os.path.basename(path), os.path.basename(path) + ".json"]


def test_without_any_good_precision_nothing_is_kept(gpu, model, say, monkeypatch, add_file):
    add_file("fp16")
    trt = add_builder(gpu("10.3.0")[1])
    found = {"median_px": 3.0, "p99_px": 40.0, "keypoints": 99}
    monkeypatch.setattr(engine_builder, "compare", lambda *_args: found)
    with pytest.raises(
        ModelError, match="no precision is within the limits .*'precision': 'fp16'.*'precision': 'fp32'"
    ):
        build_engine(model, BuildOptions(), trt, ask_gpu().machine, say)
    assert not any(".engine" in name for name in os.listdir(engine_builder.cache_folder()))


def test_a_missing_file_of_a_middle_precision_is_said_and_passed_over(gpu, model, say, add_file):
    add_file("int8", colors=(2, 1, 0))
    trt = add_builder(gpu("10.3.0")[1])
    options = BuildOptions(precision="int8", max_error_px=8)
    path = build_engine(model, options, trt, ask_gpu().machine, say)
    assert "no fp16: " in say.text() and read_sidecar(path)["precision_built"] == "fp32"


def test_an_untrained_model_is_told_before_the_build(gpu, model, save_spec, say):
    weight = np.zeros((17, 3, 1, 1), np.float32)
    conv = engine_models.helper.make_node("Conv", ["images", "weight"], ["heatmaps"], strides=[4, 4])
    engine_models.save(model, [conv], [("weight", weight)])
    save_spec(model)
    trt = add_builder(gpu("8.2.1")[1])
    with pytest.raises(ModelError, match="expected 50 keypoints .* got 0: .*--unchecked"):
        build_engine(model, BuildOptions(), trt, HERE, say)
    assert trt.builds == []


TEXTS = {"task": "pose", "stride": "32", "names": "{0: 'person'}", "kpt_shape": "[17, 3]"}


@pytest.mark.parametrize(
    "outputs, options",
    [
        ({"output0": (1, 56, 9)}, {}),
        ({"dets": (1, 9, 5), "keypoints": (1, 9, 17, 3)}, {"skeleton": "coco17"}),
        ({"output0": (1, 84, 40)}, {"detector": True}),
    ],
)
def test_imported_models_that_take_whole_frames(gpu, say, tmp_path, outputs, options):
    metadata = {} if "dets" in outputs else TEXTS
    if options.get("detector"):
        metadata = dict(TEXTS, task="detect", names=str({i: "person" if i == 0 else str(i) for i in range(80)}))
    write_foreign(tmp_path / "foreign.onnx", ("images", (1, 3, 64, 48)), outputs, metadata=metadata)
    order = ModelImport(str(tmp_path / "foreign.onnx"), str(tmp_path), "imported", check=False, **options)
    path = import_model(order, lambda line: None)
    trt = add_builder(gpu("8.2.1")[1])
    engine = build_engine(path, BuildOptions(precision="fp32"), trt, ask_gpu().machine, say)
    parity = read_sidecar(engine)["parity"]
    assert parity["p99_px"] == 0 and parity["keypoints"] >= 50


def test_a_number_of_people_that_changes_is_told_before_the_build(gpu, say, tmp_path):
    def choose(nodes, weights):
        """Let those of three people through whose channel is brighter than 99."""
        weights.update(dark=np.full((1, 3), 99, np.float32), three=np.array([3], np.int64))
        nodes.append(engine_models.helper.make_node("Greater", ["flat", "dark"], ["is_bright"]))
        nodes.append(engine_models.helper.make_node("Reshape", ["is_bright", "three"], ["chosen"]))
        for name in ("dets", "keypoints"):
            next(node for node in nodes if name in node.output).output[0] = name + "_all"
            nodes.append(engine_models.helper.make_node("Compress", [name + "_all", "chosen"], [name], axis=1))

    outputs = {"dets": ((1, 3, 5), (1, "m", 5)), "keypoints": ((1, 3, 17, 3), (1, "m", 17, 3))}
    write_foreign(tmp_path / "foreign.onnx", ("images", (1, 3, 64, 48)), outputs, change=choose)
    order = ModelImport(str(tmp_path / "foreign.onnx"), str(tmp_path), "imported", skeleton="coco17", check=False)
    path, trt = import_model(order, lambda line: None), add_builder(gpu("8.2.1")[1])
    message = "expected a fixed number of people, as an engine has, got one that changes: .* run it on ONNX Runtime"
    with pytest.raises(ModelError, match=message):
        build_engine(path, BuildOptions(), trt, HERE, say)
    assert trt.builds == []


def test_a_cache_that_cannot_be_written_is_told_before_the_build(model, say, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be, for root may write anywhere")
    trt = fake_tensorrt("8.2.1")
    with pytest.raises(
        ModelError, match="cannot write to %s.*set XDG_CACHE_HOME, or give --out" % (tmp_path / "cache")
    ):
        build_engine(model, UNCHECKED, trt, HERE, say)
    assert trt.builds == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_cache(model, say, tmp_path):
    (tmp_path / "cache").mkdir(mode=0o555)
    with pytest.raises(ModelError, match="set XDG_CACHE_HOME"):
        build_engine(model, UNCHECKED, fake_tensorrt("8.2.1"), HERE, say)


def test_a_half_written_engine_is_built_again(model, say):
    trt = fake_tensorrt("8.2.1")
    path = build_engine(model, UNCHECKED, trt, HERE, say)
    os.truncate(path, 100)
    assert build_engine(model, UNCHECKED, trt, HERE, say) == path and len(trt.builds) == 2 and read_sidecar(path)


def test_out_of_memory_leaves_the_cache_as_it_was(model, say, monkeypatch):
    trt = fake_tensorrt("8.2.1")
    path = build_engine(model, UNCHECKED, trt, HERE, say)
    monkeypatch.setenv("FAKE_TRT_ERROR", "Error Code 2: OutOfMemory (no further information)")
    with pytest.raises(ModelError, match="memory was full.*lower --max-batch"):
        build_engine(model, UNCHECKED._replace(max_batch=64), trt, HERE, say)
    assert names(path) == [os.path.basename(path), os.path.basename(path) + ".json"]


def test_out_gives_the_engine_a_place(model, say, tmp_path):
    out = str(tmp_path / "robot" / "tiny.engine")
    assert build_engine(model, UNCHECKED._replace(out=out), fake_tensorrt("8.2.1"), HERE, say) == out
    assert read_sidecar(out)["onnx_path"] == model and not os.path.exists(str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "module, message",
    [(None, "expected TensorRT's Python module .*apt install"), (os, "got an empty stub")],
)
def test_no_tensorrt_and_an_empty_stub(model, module, message, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    assert command.main(["build-engine", model]) == 1
    error = capsys.readouterr().err
    assert re.search(message, error) and len(error.splitlines()) == 1


def test_no_driver(gpu, model, capsys):
    add_builder(gpu("8.2.1", devices=0)[1])
    assert command.main(["build-engine", model]) == 1
    assert capsys.readouterr().err.startswith("pose: error: ")


def test_int8_on_a_tx2(gpu, model, capsys):
    add_builder(gpu("8.2.1", major=6, minor=2)[1])
    assert command.main(["build-engine", model, "--precision", "int8"]) == 1
    assert "expected fp16 or fp32 for" in capsys.readouterr().err


BUILD = """
    import json, sys
    sys.path[:0] = [%r, %r]
    from fake_tensorrt_builder import fake_tensorrt
    from pose_estimation_ros.inference.trt.builder import BuildOptions, build_engine
    trt, say = fake_tensorrt("8.2.1"), lambda line: print(line, flush=True)
    path = build_engine(sys.argv[1], BuildOptions(unchecked=True), trt, %r, say)
    print(json.dumps([path, len(trt.builds)]))
""" % (os.path.join(ROOT, "test", "fakes"), ROOT, HERE)


@pytest.fixture
def start(tmp_path):
    """A function that starts a process which builds the model and is not done before the file "go" is there."""
    processes = []

    def run(model):
        environment = dict(os.environ, FAKE_TRT_WAIT_FOR=str(tmp_path / "go"))
        line = [sys.executable, "-c", textwrap.dedent(BUILD), model]
        processes.append(subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, universal_newlines=True))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_two_processes_at_once_leave_one_good_engine(model, start, tmp_path):
    processes = [start(model), start(model)]
    said = sorted((process.stdout.readline(), i) for i, process in enumerate(processes))
    assert [line.split()[0] for line, _i in said] == ["another", "building"]
    (tmp_path / "go").touch()
    waiting, building = (processes[i].communicate(timeout=60)[0].splitlines() for _line, i in said)
    path, builds = json.loads(building[-1])
    assert builds == 1 and json.loads(waiting[-1]) == [path, 0] and waiting[-2].startswith("built before")
    assert read_sidecar(path) and names(path) == [os.path.basename(path), os.path.basename(path) + ".json"]


def test_a_killed_build_leaves_no_broken_cache(model, start, say):
    killed = start(model)
    assert killed.stdout.readline().startswith("building ")
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    trt = fake_tensorrt("8.2.1")
    path = build_engine(model, UNCHECKED, trt, HERE, say)  # the dead process' lock is free
    assert "another process" not in say.text() and len(trt.builds) == 1 and read_sidecar(path)
    assert names(path) == [os.path.basename(path), os.path.basename(path) + ".json"]


def test_a_node_never_gets_an_engine_that_is_still_to_be_compared(gpu, model, say, monkeypatch):
    trt = add_builder(gpu("8.2.1")[1])
    here, seen = ask_gpu().machine, []

    def look(*_args):
        seen.append((sorted(name for name in os.listdir(engine_builder.cache_folder()) if ".engine" in name)))
        assert list(cached_engines(here)) == []
        raise KeyboardInterrupt

    monkeypatch.setattr(engine_builder, "compare", lambda wanted, found, _spec: wanted is found or look())
    with pytest.raises(KeyboardInterrupt):
        build_engine(model, BuildOptions(), trt, here, say)
    assert len(seen) == 1 and len(seen[0]) == 2, "the candidate and its sidecar were there"
    assert not any(".engine" in name for name in os.listdir(engine_builder.cache_folder()))


@pytest.mark.parametrize(
    "left, builds",
    [
        (lambda path: half(path, path + ".unfinished"), 1),
        (lambda path: half(path + ".json", path + ".json.unfinished"), 1),
        (lambda path: half(path, path + ".candidate"), 1),
        (lambda path: os.remove(path + ".json"), 2),  # between the engine and its sidecar
        (lambda path: half(path + ".json", path), 2),  # another engine, its sidecar not yet there
    ],
)
def test_whenever_it_was_killed_the_next_one_gives_a_whole_engine(model, say, left, builds):
    trt = fake_tensorrt("8.2.1")
    path = build_engine(model, UNCHECKED, trt, HERE, say)
    left(path)
    assert build_engine(model, UNCHECKED, trt, HERE, say) == path and len(trt.builds) == builds and read_sidecar(path)


def half(source, target):
    shutil.copy(source, target)
    os.truncate(target, 50)


@pytest.mark.parametrize(
    "options, message",
    [
        (BuildOptions(max_batch=0), "expected max_batch to be a whole number in 1..1024, got 0"),
        (BuildOptions(workspace_mb=0), "expected workspace_mb to be a whole number in 1..1000000"),
        (BuildOptions(max_error_px=-1), "expected max_error_px to be a number of 0 or more"),
        (BuildOptions(max_batch="8"), "expected max_batch to be"),
        (BuildOptions(precision="fp8"), "expected precision to be one of fp32, fp16, int8, or None, got 'fp8'"),
        (BuildOptions(out=5), "expected out to be a name or path, or None, got 5"),
        (BuildOptions(force="yes"), "expected force to be true or false, got 'yes'"),
        (BuildOptions(images=5), "expected images to be"),
        (BuildOptions(max_error_px=float("nan")), "expected max_error_px"),
    ],
)
def test_options_out_of_range(model, options, message):
    with pytest.raises(ConfigError, match=message):
        build_engine(model, options, fake_tensorrt("8.2.1"), HERE, print)
