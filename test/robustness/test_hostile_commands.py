"""Check that errors of the commands are one line on stderr with exit code 1 or 2, without a traceback."""

import importlib
import os
import re

import cv2
import numpy as np
import pytest

from pose_estimation_ros import __main__ as command

DEEP = b"[" * 100000
FILES = {
    "empty": b"",
    "text": b"# Title\n\nSome text, \xfc in Latin-1.\n",
    "noise": bytes(bytearray(range(256))) * 4,
    "zip": b"PK\x03\x04" + bytes(100),
    "deep.json": DEEP,
    "deep.yaml": DEEP,
    "list.json": b"[1, 2]",
    "null.json": b"null",
    "nan.json": b'{"images": NaN, "annotations": Infinity}',
    "odd.json": b'{"images": [1, null], "annotations": ["x"], "categories": 3}',
    "latin.json": '{"images": "\u00fc"}'.encode("latin-1"),
    "latin.yaml": "name: x  # f\u00fcr".encode("latin-1"),
    "list.yaml": b"- 1\n- 2\n",
    "types.yaml": b"lr: [1]\nepochs: .nan\n",
    "huge.yaml": b"lr: 1e400\n",
    "empty.onnx": b"",
    "text.onnx": b"no model",
    "cut.mp4": b"\x00\x00\x00\x1cftypisom" + bytes(60),
    "empty.jpg": b"",
    "cut.png": b"\x89PNG\r\n\x1a\n" + bytes(8),
}
# Command lines, with FILE in place of the hostile file.
WITH_FILE = [
    "predict FILE --out out",
    "predict good.png --out out --model FILE",
    "predict good.png --out out --detector FILE",
    "benchmark FILE --batches 0",
    "benchmark --model FILE",
    "build-engine FILE",
    "inspect-engine FILE",
    "get FILE",
    "train FILE",
    "train FILE epochs=1",
    "import-weights FILE good.yaml",
    "import-weights good.png FILE",
    "ablation FILE --seeds 0",
    "export FILE",
    "export FILE.onnx --precision fp16",
    "check-operators FILE",
    "models FILE",
    "evaluate --predictions FILE --data FILE --out out",
    "evaluate --predictions list.json --data FILE --out out",
    "evaluate --model FILE --data . --out out",
    "compare FILE --data FILE --out out",
    "evaluate --model text.onnx --data FILE --submit out.json",
    "make-bag FILE --out out",
    "make-bag good.png --annotations FILE --out out",
    "evaluate-bag FILE --out out",
    "evaluate-bag FILE --config FILE --out out",
]
OF_SOURCES = ("predict FILE --out out", "benchmark FILE --batches 0", "make-bag FILE --out out")
NUMBERS = ["-1", "nan", "inf", "-inf", "1e400", "x", "", "9" * 400, "1.5.2", "\u00b2"]
WHOLE = {
    "predict good.png --out out": "--max-frames --max-people --threads".split(),
    "benchmark good.png": "--frames --batches --rounds --threads".split(),
    "data toy out": "--images --seed".split(),
    "ablation elpn_table6": ["--seeds"],
    "build-engine text.onnx": "--max-batch --workspace-mb".split(),
    "export text.onnx --precision int8-cpu": ["--count"],
    "evaluate --predictions list.json --data .": "--draws --threads".split(),
    "compare text.onnx --data .": "--threads --rounds".split(),
    "evaluate-bag good.png --out out": ["--workers"],
    "make-bag good.png --out out": ["--max-frames"],
}
REAL = {
    "predict good.png --out out": [
        "--score-threshold",
        "--person-threshold",
        "--track-max-age-s",
        "--detect-every-s",
        "--confirm-after-s",
    ],
    "predict good.png --out out ": ["--smoothing-strength"],
    "build-engine text.onnx": ["--max-error-px"],
    "evaluate-bag good.png --out out --realtime": ["--latency-ms"],
    "make-bag good.png --out out": ["--rate"],
}
OUTPUTS = [
    "predict good.png --out good.png",
    "predict good.png --out good.png/x",
    "predict good.png --out .",
    "predict good.png --out loop",
    "data toy good.png",
    "data toy good.png/x",
    "data toy loop",
    "make-bag good.png --out good.png",
    "make-bag good.png --out good.png/x",
    "make-bag good.png --out loop/x",
    "compare text.onnx --data . --out good.png",
]
ZERO = ["predict good.png --out out --max-frames 0", "make-bag good.png --out out --rate 0", "benchmark --frames 0",
        "benchmark --rounds 0", "benchmark --batches -1", "evaluate --predictions list.json --data . --draws 0",
        "compare text.onnx --data . --rounds 0", "evaluate-bag good.png --out out --workers 0",
        "export text --size-wh 0 0", "build-engine text.onnx --max-batch 0"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the hostile files, good.png and good.yaml."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    cv2.imwrite(str(folder / "good.png"), np.zeros((48, 64, 3), np.uint8))
    (folder / "good.yaml").write_text("{task: bottom_up, model: litepose_xs}")
    (folder / "nothing").mkdir()
    os.mkfifo(str(folder / "pipe.mp4"))
    (folder / "dead.png").symlink_to("gone")
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.fixture
def refused(folder, monkeypatch, capfd):
    """Return a function that runs a command in the folder and asserts that it is refused in one line."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("POSE_TRACEBACK", raising=False)

    def call(*argv):
        name = argv[0]
        try:
            importlib.import_module(command.COMMANDS[name][0])
        except (ImportError, SyntaxError) as error:
            pytest.skip("needs what is not installed: %s" % error)
        capfd.readouterr()
        try:
            status = command.main(list(argv))
        except SystemExit as end:
            status = end.code
        stderr = capfd.readouterr().err
        lines = [line for line in re.split("[\r\n]+", stderr) if line.strip()]
        assert status in (1, 2), "%s: %s: %s" % (argv, status, stderr)
        assert len(lines) == 1 and re.match("pose( [a-z-]+)*: error: ", lines[0]), "%s: %s" % (argv, stderr)
        assert len(lines[0]) < 1500

    return call


@pytest.mark.parametrize(
    "name", sorted(FILES) + ["missing", "nothing", "pipe.mp4", "dead.png", "loop", "n" * 300, "/dev/null"]
)
@pytest.mark.parametrize("line", WITH_FILE)
def test_a_hostile_file(refused, line, name):
    words = [word.replace("FILE", name) for word in line.split()]
    if name == "pipe.mp4" and line not in OF_SOURCES:
        pytest.skip("only image sources refuse a pipe; other commands read it as `cat` does")
    refused(*words)


@pytest.mark.parametrize("text", NUMBERS + ["1.5", "1e3"])
@pytest.mark.parametrize("line, option", [(line, option) for line, options in WHOLE.items() for option in options])
def test_a_whole_number_that_is_none(refused, line, option, text):
    refused(*(line.split() + ["%s=%s" % (option, text)]))


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("line, option", [(line, option) for line, options in REAL.items() for option in options])
def test_a_number_that_is_none(refused, line, option, text):
    refused(*(line.split() + ["%s=%s" % (option, text)]))


@pytest.mark.parametrize("line", OUTPUTS)
def test_an_output_that_cannot_be_written(refused, line):
    refused(*line.split())


@pytest.mark.parametrize("line", ZERO)
def test_a_number_that_must_not_be_zero(refused, line):
    refused(*line.split())
