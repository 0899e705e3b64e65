"""Several bags at a time: the same files and the same summary as one after the other, also when processes are ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from result_files import files

from pose_estimation_ros.evaluation.bag.run import processes as workers
from pose_estimation_ros.evaluation.bag.run.jobs import Outcome
from pose_estimation_ros.evaluation.bag.run.processes import outcome_of


def test_the_same_as_one_after_the_other(evaluate, save_bag, stamps, tmp_path, capsys):
    bags = [save_bag(name, stamps(count)) for name, count in (("a", 9), ("b", 2), ("c", 4))]
    given = [bags[0], tmp_path / "none", *bags[1:]]
    alone, together = evaluate(*given, out="alone"), evaluate(*given, "--workers", "3", out="together")
    assert alone == together and alone[0] == 1 and [run["bag"] for run in alone[1]] == ["a", "b", "c"]
    assert files(tmp_path / "alone") == files(tmp_path / "together")
    errors = capsys.readouterr().err
    assert errors.count("pose: error: expected a bag") == 2, "once by each: a bag that is missing is not tried again"
    assert "to be tried once more" not in errors


def test_what_is_done_is_not_done_again(evaluate, save_bag, stamps, tmp_path, capsys):
    first, second = save_bag("a", stamps(3)), save_bag("b", stamps(3))
    before = evaluate(first, second)
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("timings.json")}

    def made_again(*options):
        assert evaluate(first, second, *options) == before
        return sorted(p.parent.parent.name for p, at in written.items() if p.stat().st_mtime_ns != at)

    assert made_again() == [] and capsys.readouterr().err.count("up to date, skipped") == 2
    assert made_again("--workers", "2") == [] and capsys.readouterr().err.count("up to date, skipped") == 2
    with open(next(second.glob("*.db3")), "ab") as file:
        file.write(bytes(1))  # behind the database: read alike, but not the same content
    assert made_again() == ["b"]
    assert made_again("--again") == ["a", "b"]


@pytest.mark.parametrize(
    "options", [["-p", "detect_every_s:=0.2"], ["--realtime", "--latency-ms", "9"], ["--color-by", "side"]]
)
def test_other_options_are_another_run(evaluate, save_bag, stamps, tmp_path, options):
    path = save_bag("a", stamps(3))
    evaluate(path, "--no-video")
    first = json.loads((tmp_path / "out" / "a" / "color_model" / "inputs.json").read_text())
    evaluate(path, "--no-video", *options)
    second = json.loads((tmp_path / "out" / "a" / "color_model" / "inputs.json").read_text())
    assert first != second and first["bag_sha256"] == second["bag_sha256"] and first["code"] == second["code"]


def test_a_process_that_dies_is_a_failed_bag_tried_once_more(evaluate, save_bag, stamps, tmp_path, monkeypatch, capsys):
    """The first process for bag "a" is killed before it does anything."""
    start, killed = workers.start, []

    def started(evaluation, log):
        child = start(evaluation, log)
        if evaluation.bags[0].endswith("a") and not killed:
            killed.append(child)
            child.kill()
        return child

    monkeypatch.setattr(workers, "start", started)
    status, runs = evaluate(save_bag("a", stamps(2)), save_bag("b", stamps(2)), "--workers", "2")
    assert status == 0 and [run["bag"] for run in runs] == ["a", "b"] and len(killed) == 1
    assert "its process ended with status -9: no message" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer, status, log, error",
    [
        ('{"runs": [], "error": "", "interrupted": false}', 0, "", ""),
        ("", 1, "Traceback\nMemoryError\n", "bag: its process ended with status 1: MemoryError"),
        ('{"runs": [', -15, "", "bag: its process ended with status -15: no message"),
    ],
)
def test_answers(answer, status, log, error):
    assert outcome_of("bag", answer, status, log) == (Outcome([], error, False, retry=bool(error)), "")


def test_what_a_process_printed_is_news():
    assert outcome_of("bag", '{"runs": []}', 0, "one\ntwo\n") == (Outcome([]), "one\ntwo")


# What runs in the background of a script ignores SIGINT, and so do its children.
PROGRAM = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pose_estimation_ros.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def begin(save_bag, stamps, color_model, tmp_path):
    """A function that begins `pose evaluate-bag` on three long bags, two at a time, in a process group of its own."""
    begun = []

    def call():
        save_bag("a", stamps(1000))
        bags = [str(tmp_path / name) for name in "abc"]
        for path in bags[1:]:
            shutil.copytree(bags[0], path)
        options = [
            "--model",
            color_model,
            "-p",
            "detector:=full_frame",
            "--workers",
            "2",
            "--out",
            str(tmp_path / "out"),
        ]
        command = [sys.executable, "-c", PROGRAM, "evaluate-bag", *bags, *options]
        begun.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True))
        wait_until(lambda: list((tmp_path / "out").glob("[ab]/color_model.unfinished-*/*/*.mp4")))
        return begun[0]

    yield call
    for child in begun:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def partial(folder):
    """Names of the bags of which part was written; others were not begun, or done before."""
    runs = {p.parent.parent.name: json.loads(p.read_text()) for p in folder.rglob("results.json")}
    names = [name for name, results in runs.items() if results["partial"]]
    assert all(runs[name]["partial_reason"].startswith("stopped by Ctrl-C after") for name in names)
    assert not any((folder / name / "color_model" / "inputs.json").exists() for name in names), "to be run again"
    return names


def test_ctrl_c_keeps_what_was_done_and_ends(begin, tmp_path):
    """As a terminal does it: to the whole group."""
    child = begin()
    os.killpg(child.pid, signal.SIGINT)
    words = child.communicate(timeout=120)[1]
    assert child.returncode == 130, words
    assert partial(tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    interrupted = [run["results"]["bag"] for run in summary if run["interrupted"]]
    assert sorted(interrupted) == sorted(partial(tmp_path / "out")) and "c" not in interrupted
    assert (tmp_path / "out" / "report.html").exists()


def test_the_processes_end_with_the_one_that_began_them(begin, tmp_path):
    child = begin()
    child.kill()
    wait_until(lambda: partial(tmp_path / "out"))
